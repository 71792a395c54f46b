"""`aw runbook policy`: how far each runbook may go at a company."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli import terminal
from bot.cli.opened import operator, with_core
from bot.cli.runbook import catalogue
from bot.cli.words import Json
from bot.runbook_rules import changed
from engine.company import settled

if TYPE_CHECKING:
    from bot.core import Core
    from runbooks.policy import Policy
    from runbooks.runbook import Runbook
    from storage.transaction import Transaction


def policy(
    company: Annotated[str, typer.Argument(metavar="COMPANY", show_default=False)],
    runbook: Annotated[str | None, typer.Argument(metavar="[RUNBOOK]", show_default=False)] = None,
    mode: Annotated[
        str | None, typer.Argument(metavar="[observe|propose|act|company]", show_default=False)
    ] = None,
    approvals: Annotated[
        int | None, typer.Option(min=1, max=5, help="How many people have to agree to it.")
    ] = None,
    as_json: Json = False,
) -> None:
    """How far runbooks may go at a company: `aw runbook policy acme disk-clean-up propose`."""
    known = catalogue()
    chosen = [known.get(runbook)] if runbook else list(known.all())

    async def act(core: Core) -> list[dict[str, Any]]:
        from engine.operations import configure
        from engine.setting import SETTINGS, Origin
        from runbooks.policy import policy_of

        where = configure.Where(Origin.COMPANY, company.strip().lower())
        setting = SETTINGS["runbooks"]

        async def change(tx: Transaction) -> list[dict[str, Any]]:
            place = await configure.place(tx, where, operator())
            if runbook and (mode is not None or approvals is not None):
                usual = place.now(SETTINGS["autonomy"]).kept
                rules = changed(place.now(setting).kept, known.get(runbook).id, mode, approvals, usual)
                kept = rules or None
                now = core.clock.now()
                _, place = await configure.put(tx, where, setting, kept, actor=operator(), now=now)
            assert place.company is not None
            found = settled(replace(place.company, layers=place.layers))
            return [_policy(one, policy_of(found, one)) for one in chosen]

        return await core.write(change)

    rows = with_core(act)
    if as_json:
        return terminal.say_json(rows)
    headings = ("RUNBOOK", "RISK", "MODE", "SET FOR", "APPROVALS")
    names = ("runbook", "risk", "mode", "set_for", "approvals")
    terminal.say_table(headings, [[str(one[name]) for name in names] for one in rows], nothing="")


def _policy(runbook: Runbook, found: Policy) -> dict[str, Any]:
    return {
        "runbook": runbook.id,
        "risk": runbook.risk.value,
        "mode": found.mode.value,
        "set_for": "this runbook" if found.own else "the company",
        "approvals": found.approvals,
    }

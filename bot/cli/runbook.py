"""`aw runbook`: the library, and whether its files are sound."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli import terminal
from bot.cli.opened import operator, settings, with_core
from bot.cli.words import Json, family
from engine.company import configured
from engine.errors import Refused

if TYPE_CHECKING:
    from bot.core import Core
    from runbooks.catalogue import Catalogue
    from runbooks.policy import Policy
    from runbooks.runbook import Runbook
    from storage.transaction import Transaction

app = family("Runbooks: the recipes that fix things.")


@app.command("list")
def list_all(as_json: Json = False) -> None:
    """List the runbooks."""
    found = _catalogue().all()
    if as_json:
        return terminal.say_json([_summary(one) for one in found])
    headings = ("RUNBOOK", "TITLE", "RISK", "SYSTEMS", "PARAMETERS")
    names = ("id", "title", "risk", "platforms", "parameters")
    rows = [[_summary(one)[name] for name in names] for one in found]
    terminal.say_table(headings, rows, nothing="There is no runbook.")


@app.command("show")
def show(
    runbook: Annotated[str, typer.Argument(metavar="RUNBOOK", help="Its id, such as disk-clean-up.")],
    as_json: Json = False,
) -> None:
    """Show one runbook: risk, parameters and scripts."""
    found = _catalogue().get(runbook)
    if as_json:
        return terminal.say_json(found.model_dump(mode="json"))
    terminal.say(f"{found.id}  {found.title} ({found.risk.value} risk: {found.risk_reason})")
    terminal.say(found.description)
    terminal.say(f"Undo: {found.undo}")
    for one in found.parameters:
        default = f" (default {one.default})" if one.default is not None else ""
        terminal.say(f"  {one.name}: {one.description}{default}")
    for platform, scripts in found.platforms.items():
        terminal.say(f"\n— {platform.value}, script:\n{scripts.script}")
        terminal.say(f"— {platform.value}, verify:\n{scripts.verify}")


@app.command("lint")
def lint(
    folder: Annotated[
        Path | None, typer.Argument(help="A folder of runbooks; AW_RUNBOOK_DIR when left out.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check every runbook file and name every fault; exit 1 on any."""
    from runbooks.catalogue import read

    found, faults = read(folder or settings().aw_runbook_dir)
    if as_json:
        rows = [{"file": one.file, "field": one.field, "why": one.why} for one in faults]
        terminal.say_json({"sound": len(found), "faults": rows})
    else:
        for fault in faults:
            terminal.say(f"✗ {fault}")
        terminal.say(f"{len(found)} sound, {len(faults)} faults.")
    if faults:
        raise SystemExit(terminal.REFUSED)


@app.command("policy")
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
    known = _catalogue()
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
                rules = dict(place.now(setting).kept)
                _change(rules, known.get(runbook).id, mode, approvals, place.now(SETTINGS["autonomy"]).kept)
                kept = dict(sorted(rules.items())) or None
                now = core.clock.now()
                _, place = await configure.put(tx, where, setting, kept, actor=operator(), now=now)
            assert place.company is not None
            found = configured(place.company, **place.layers.company)
            return [_policy(one, policy_of(found, one)) for one in chosen]

        return await core.write(change)

    rows = with_core(act)
    if as_json:
        return terminal.say_json(rows)
    headings = ("RUNBOOK", "RISK", "MODE", "SET FOR", "APPROVALS")
    names = ("runbook", "risk", "mode", "set_for", "approvals")
    terminal.say_table(headings, [[str(one[name]) for name in names] for one in rows], nothing="")


def _change(
    rules: dict[str, str], runbook_id: str, mode: str | None, approvals: int | None, usual: str
) -> None:
    """Set one rule; `company` takes it away."""
    if mode == "company":
        rules.pop(runbook_id, None)
        return
    if mode is not None and mode not in ("observe", "propose", "act"):
        raise Refused(
            f"“{mode[:30]}” is no mode.", hint="There are observe, propose, act, and company.", code="invalid"
        )
    known, _, count = rules.get(runbook_id, usual).partition("/")
    agree = str(approvals) if approvals is not None else count
    rules[runbook_id] = (mode or known) + (f"/{agree}" if agree else "")


def _policy(runbook: Runbook, found: Policy) -> dict[str, Any]:
    return {
        "runbook": runbook.id,
        "risk": runbook.risk.value,
        "mode": found.mode.value,
        "set_for": "this runbook" if found.own else "the company",
        "approvals": found.approvals,
    }


def _catalogue() -> Catalogue:
    from runbooks.catalogue import load

    return load(settings().aw_runbook_dir)


def _summary(runbook: Runbook) -> dict[str, Any]:
    return {
        "id": runbook.id,
        "title": runbook.title,
        "risk": runbook.risk.value,
        "version": runbook.version,
        "platforms": [platform.value for platform in runbook.platforms],
        "categories": list(runbook.matches.categories),
        "parameters": [one.name for one in runbook.parameters],
    }

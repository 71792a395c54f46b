"""`aw test` and `aw send-test-alert`: one marked alert through the whole of it, each hop named as it is done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli import terminal
from bot.cli.opened import operator, with_core
from bot.cli.words import Json, Slug

if TYPE_CHECKING:
    from bot.core import Core
    from bot.trial import Hop


def send_test_alert(
    slug: Slug,
    asset: Annotated[str, typer.Option(help="The asset it names.")] = "test-asset",
    severity: Annotated[str, typer.Option(help="Its severity, in any tool's word.")] = "info",
    wait: Annotated[
        float, typer.Option(min=0, max=600, help="Seconds to wait for its card in chat; 0 does not.")
    ] = 15,
    recover: Annotated[
        bool, typer.Option("--recover/--leave-open", help="Send its recovery afterwards.")
    ] = True,
    as_json: Json = False,
) -> None:
    """Send a marked alert for a company through the real door and follow it until its card is posted."""

    async def act(core: Core) -> dict[str, Any]:
        from bot.trial import Outcome, Trial
        from engine.operations import directory

        company = await core.read(lambda tx: directory.company_called(tx, slug))
        trial = Trial(
            core=core,
            company=company,
            actor=operator(),
            asset=asset,
            severity=severity,
            wait=wait,
            recover=recover,
            without_server=True,
        )
        hops: list[Hop] = []
        async for hop in trial.hops():
            hops.append(hop)
            if not as_json:
                terminal.say(_line(hop))
        names = ("alert_id", "incident_id", "is_new", "reason")
        return {name: trial.result.get(name) for name in names} | {
            "via": trial.via,
            "card": trial.card,
            "recovered": recover and bool(trial.result),
            "hops": [{"ok": h.outcome is not Outcome.BAD, "text": h.text, "ms": h.ms} for h in hops],
        }

    answer = with_core(act)
    if as_json:
        terminal.say_json(answer)
    card = answer["card"]
    if not answer["incident_id"] or (card is not None and not card["ref"] and wait > 0):
        raise SystemExit(terminal.REFUSED)


def _line(hop: Hop) -> str:
    spent = f"  ({hop.ms} ms)" if hop.ms is not None else ""
    where = f"  {hop.url}" if hop.url else ""
    return f"{hop.outcome} {hop.text}{spent}{where}"

"""`aw send-test-alert`: one marked alert through the whole of it, each hop named."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli import terminal
from bot.cli.opened import with_core
from bot.cli.words import Json, Slug

if TYPE_CHECKING:
    from bot.core import Core
    from storage.transaction import Transaction

_MARK = "Test alert"
_LOOK_EVERY = 0.25


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
    """Send a marked alert for a company and follow it until its card is posted."""

    async def act(core: Core) -> dict[str, Any]:
        result = await _tell(core, slug, asset, severity, resolved=False)
        number = int(str(result["incident_id"]).removeprefix("INC-"))
        card = await _card(core, number, wait)
        if recover:
            await _tell(core, slug, asset, severity, resolved=True)
        return {name: result[name] for name in ("alert_id", "incident_id", "is_new", "reason")} | {
            "card": card,
            "recovered": recover,
        }

    answer = with_core(act)
    card = answer["card"]
    if as_json:
        terminal.say_json(answer)
    else:
        terminal.say(f"✓ taken in as alert {answer['alert_id']}")
        terminal.say(f"✓ {answer['incident_id']}: {answer['reason']}")
        if card is None:
            terminal.say("– no chat channel is bound to this company, so there is no card")
        elif card["ref"]:
            terminal.say(f"✓ card posted to {card['platform']} {card['channel']} after {card['seconds']} s")
        elif wait > 0:
            terminal.say(f"✗ no card in {card['channel']} after {wait:g} s: does `aw serve` run?")
        if recover:
            terminal.say("✓ its recovery is sent")
    if card is not None and not card["ref"] and wait > 0:
        raise SystemExit(terminal.REFUSED)


async def _tell(core: Core, slug: str, asset: str, severity: str, *, resolved: bool) -> dict[str, Any]:
    from engine.alert import Alert, AlertStatus
    from engine.operations import directory
    from engine.operations.ingest import Delivery, ingest

    alert = Alert(
        asset_name=asset,
        signature=_MARK,
        tool="alert-whisperer",
        status=AlertStatus.RESOLVED if resolved else AlertStatus.FIRING,
        severity_word=severity,
        message=f"This is a test, sent by `aw send-test-alert {slug}`. Nothing is wrong.",
        labels={"test": "true"},
    )

    async def write(tx: Transaction) -> dict[str, Any]:
        company = await directory.company_called(tx, slug)
        (answer,) = await ingest(tx, [Delivery(company_id=company.id, alerts=(alert,))], core.clock.now())
        results: Any = answer.body["results"]
        return dict(results[0])

    return await core.write(write)


async def _card(core: Core, number: int, wait: float) -> dict[str, Any] | None:
    """The incident's first card once it is posted, or as it is when the time is over; None: none is wanted."""
    import asyncio

    began = time.monotonic()
    while True:
        async with core.database.reading() as tx:
            wanted = await tx.cards.of_incidents([number], "incident")
            stored = await tx.cards.get(wanted[0].id) if wanted else None
        if stored is None:
            return None
        spent = time.monotonic() - began
        if stored.ref is not None or spent >= wait:
            return {
                "platform": stored.platform,
                "channel": stored.channel,
                "ref": stored.ref,
                "seconds": round(spent, 1),
            }
        await asyncio.sleep(_LOOK_EVERY)

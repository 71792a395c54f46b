"""`aw msp`: the MSP itself, how it is called, where its own people talk, and on which clock."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli import terminal
from bot.cli.opened import operator, with_core
from bot.cli.words import Json, family
from engine.errors import Refused
from engine.hours import named_zone

if TYPE_CHECKING:
    from bot.core import Core
    from storage.transaction import Transaction

app = family("The MSP itself: its name and its own channel.")


@app.command("show")
def show(as_json: Json = False) -> None:
    """How the MSP is called, and where what is for it alone is posted."""

    async def act(core: Core) -> dict[str, Any]:
        return await core.read(_whole)

    _say(with_core(act), as_json)


@app.command("set")
def change(
    name: Annotated[str | None, typer.Option(metavar="NAME", help="As people know it.")] = None,
    slack_channel: Annotated[
        str | None, typer.Option(metavar="CHANNEL-ID", help="Its own people's channel; empty takes it away.")
    ] = None,
    teams_conversation: Annotated[
        str | None, typer.Option(metavar="ID", help="The same in Teams; empty takes it away.")
    ] = None,
    timezone: Annotated[
        str | None,
        typer.Option(metavar="ZONE", help="Its own clock, and that of companies that have no other."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Change it. Outbreaks across companies are told in this channel and nowhere else."""
    given = {"name": name, "slack_channel": slack_channel, "teams_conversation": teams_conversation}
    changes: dict[str, Any] = {key: value.strip() for key, value in given.items() if value is not None}
    if not changes and timezone is None:
        raise Refused(
            "Nothing to change.",
            hint="Give `--name`, `--slack-channel`, `--teams-conversation` or `--timezone`.",
        )
    zone = named_zone(timezone.strip()) if timezone is not None else None
    for key in ("slack_channel", "teams_conversation"):
        if key in changes:
            changes[key] = changes[key] or None

    async def act(core: Core) -> dict[str, Any]:
        from engine.operations import configure, outbreaks
        from engine.setting import SETTINGS, Origin

        async def write(tx: Transaction) -> dict[str, Any]:
            now = core.clock.now()
            if changes:
                after = replace(await tx.outbreaks.msp(), **changes)
                await outbreaks.set_msp(tx, after, actor=operator(), now=now)
            if zone is not None:
                where = configure.Where(Origin.MSP)
                await configure.put(tx, where, SETTINGS["timezone"], zone, actor=operator(), now=now)
            return await _whole(tx)

        return await core.write(write)

    _say(with_core(act), as_json)


async def _whole(tx: Transaction) -> dict[str, Any]:
    from engine.operations import configure

    return asdict(await tx.outbreaks.msp()) | {"timezone": await configure.msp_timezone(tx)}


def _say(answer: dict[str, Any], as_json: bool) -> None:
    if as_json:
        return terminal.say_json(answer)
    terminal.say_facts([(key.replace("_", " "), value) for key, value in answer.items()])

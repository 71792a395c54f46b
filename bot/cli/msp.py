"""`aw msp`: the MSP itself, how it is called and where its own people talk."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli import terminal
from bot.cli.opened import operator, with_core
from bot.cli.words import Json, family
from engine.errors import Refused

if TYPE_CHECKING:
    from bot.core import Core
    from engine.outbreak import MspRecord
    from storage.transaction import Transaction

app = family("The MSP itself: its name and its own channel.")


@app.command("show")
def show(as_json: Json = False) -> None:
    """How the MSP is called, and where what is for it alone is posted."""

    async def act(core: Core) -> dict[str, Any]:
        return asdict(await core.read(lambda tx: tx.outbreaks.msp()))

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
    as_json: Json = False,
) -> None:
    """Change it. Outbreaks across companies are told in this channel and nowhere else."""
    given = {"name": name, "slack_channel": slack_channel, "teams_conversation": teams_conversation}
    changes: dict[str, Any] = {key: value.strip() for key, value in given.items() if value is not None}
    if not changes:
        raise Refused(
            "Nothing to change.", hint="Give `--name`, `--slack-channel` or `--teams-conversation`."
        )
    for key in ("slack_channel", "teams_conversation"):
        if key in changes:
            changes[key] = changes[key] or None

    async def act(core: Core) -> dict[str, Any]:
        from engine.operations import outbreaks

        async def write(tx: Transaction) -> MspRecord:
            after = replace(await tx.outbreaks.msp(), **changes)
            return await outbreaks.set_msp(tx, after, actor=operator(), now=core.clock.now())

        return asdict(await core.write(write))

    _say(with_core(act), as_json)


def _say(answer: dict[str, Any], as_json: bool) -> None:
    if as_json:
        return terminal.say_json(answer)
    terminal.say_facts([(key.replace("_", " "), value) for key, value in answer.items()])

"""`aw guide`: how a tool is connected, with the address of this server."""

from __future__ import annotations

from typing import Annotated

import typer

from bot.cli import terminal


def guide(
    name: Annotated[
        str, typer.Argument(metavar="[TOOL]", help="A tool, or workflow or security; without one, the list.")
    ] = "",
) -> None:
    """Show how a tool is connected: what to click, what to paste, how to see that it works."""
    from bot import guides
    from bot.settings import read

    if name:
        terminal.say(guides.filled(guides.called(name), address=read().public_url).rstrip())
        return
    for one in guides.every():
        terminal.say(f"{one.name:20} {one.title}")

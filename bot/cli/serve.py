"""`aw serve`, `demo`, `migrate`, `openapi`: the program as a whole."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot.cli import terminal
from bot.cli.words import Json

Port = Annotated[int | None, typer.Option(min=0, max=65535, help="The port to listen on, for AW_PORT.")]


def serve(
    host: Annotated[str | None, typer.Option(help="The address to listen on, for AW_HOST.")] = None,
    port: Port = None,
    exit_with_parent: Annotated[
        bool, typer.Option("--exit-with-parent", help="Stop when the program that started this one is gone.")
    ] = False,
) -> None:
    """Run the server: webhooks, chat, REST, and the worker behind them."""
    if exit_with_parent:
        from bot.demo.tether import exit_with_parent as tie

        tie()
    import asyncio

    from bot import logs, settings
    from bot.app import serve as run

    changes = {"AW_HOST": host, "AW_PORT": None if port is None else str(port)}
    given = {name: value for name, value in changes.items() if value is not None}
    chosen = settings.read(settings.child_environment(given))
    logs.configure(chosen.aw_log_level, chosen.aw_log_format)
    asyncio.run(run(chosen))


def demo(
    folder: Annotated[
        Path | None, typer.Option(help="Where to keep its files; a new folder when left out.")
    ] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="The bot's port, for AW_PORT.")] = None,
    sandbox_port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="The sandbox's port, for AW_SANDBOX_PORT.")
    ] = None,
    speed: Annotated[
        int,
        typer.Option(min=1, max=120, help="How many times as fast time runs: 60 makes a minute of an hour."),
    ] = 1,
) -> None:
    """Show the whole of it on this machine alone: three companies, a pretend Slack and AWS, and an evening."""
    from bot.demo.run import run

    run(folder=folder, port=port, sandbox_port=sandbox_port, speed=speed)


def migrate(as_json: Json = False) -> None:
    """Bring the database's schema to this version."""
    import asyncio

    from bot.cli.opened import migrated

    version = asyncio.run(migrated())
    if as_json:
        return terminal.say_json({"version": version})
    terminal.say(f"The database is of version {version}.")


def openapi() -> None:
    """Print the REST interface as an OpenAPI 3.1 document."""
    from bot.openapi import document
    from bot.settings import read

    terminal.say_json(document(read().public_url))

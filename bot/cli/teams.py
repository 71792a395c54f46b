"""`aw teams`: what Microsoft Teams needs of us."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot.cli import terminal
from bot.cli.words import Json, family
from engine.errors import Refused

app = family("Microsoft Teams: the app that people install.")


@app.callback()
def teams() -> None:
    """Microsoft Teams: the app that people install."""


@app.command("package")
def package(
    out: Annotated[Path, typer.Option(metavar="FILE", help="Write the zip there.", show_default=False)],
    app_id: Annotated[
        str | None, typer.Option(metavar="ID", help="The bot's app id, for MICROSOFT_APP_ID.")
    ] = None,
    public_url: Annotated[
        str | None, typer.Option(metavar="URL", help="Where Teams reaches this server, for AW_PUBLIC_URL.")
    ] = None,
    name: Annotated[str, typer.Option(help="What the app is called in Teams.")] = "Alert Whisperer",
    developer: Annotated[str, typer.Option(help="Who answers for it: your MSP.")] = "Alert Whisperer",
    website: Annotated[
        str, typer.Option(metavar="URL", help="Your page about it, its privacy and its terms.")
    ] = "",
    read_threads: Annotated[
        bool,
        typer.Option("--read-threads", help="Ask team owners to let it read replies without a mention."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Make the app package that an administrator uploads to Teams; see docs/teams.md."""
    from importlib.metadata import version

    from bot import settings
    from bot.teams.package import Wanted, manifest
    from bot.teams.package import package as made

    chosen = settings.read()
    wanted = Wanted(
        app_id=(chosen.microsoft_app_id if app_id is None else app_id).strip(),
        public_url=(chosen.aw_public_url if public_url is None else public_url).strip(),
        version=version("alert-whisperer"),
        name=name,
        developer=developer,
        website=website.strip(),
        reads_along=read_threads,
    )
    body, said = made(wanted), manifest(wanted)
    try:
        out.write_bytes(body)
    except OSError as error:
        raise Refused(f"{out} cannot be written: {error.strerror}.") from None
    if as_json:
        return terminal.say_json(
            {
                "file": str(out),
                "bytes": len(body),
                "app_id": said["id"],
                "version": said["version"],
                "valid_domains": said["validDomains"],
                "scopes": said["bots"][0]["scopes"],
                "commands": [one["title"] for one in said["bots"][0]["commandLists"][0]["commands"]],
            }
        )
    return terminal.say(f"{out} is ready: upload it in the Teams admin center, or in Teams under Apps.")

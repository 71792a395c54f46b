"""`aw company heartbeat`: what has to call regularly, and is an incident when it does not."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli import terminal
from bot.cli.opened import operator, with_core
from bot.cli.words import Json, Slug, family
from engine.errors import Refused
from engine.heartbeat import span_of

if TYPE_CHECKING:
    from bot.core import Core
    from storage.transaction import Transaction

app = family("Heartbeats: jobs that have to call regularly.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="Its name, such as nightly-backup.")]


@app.command("add")
def add(
    slug: Slug,
    name: Name,
    every: Annotated[str, typer.Option(metavar="TIME", help="How often it calls: 15m, 24h, 7d.")] = "",
    grace: Annotated[
        str, typer.Option(metavar="TIME", help="How much later is still in time; a quarter, at most 1h.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Expect a heartbeat from now on; of a known one, change how often."""
    from engine.operations.heartbeats import Beat

    call = Beat(name=name.lower(), every=_span(every), grace=_span(grace))

    async def act(core: Core) -> dict[str, Any]:
        async def write(tx: Transaction) -> dict[str, Any]:
            from bot.doors.heartbeats import document
            from engine.operations import directory, heartbeats

            company = await directory.company_called(tx, slug)
            made = await heartbeats.set_up(tx, company.id, call, actor=operator(), now=core.clock.now())
            return document(made) | {"url": f"{core.settings.public_url}/api/webhooks/heartbeat/{made.name}"}

        return await core.write(write)

    answer = with_core(act)
    if as_json:
        return terminal.say_json(answer)
    terminal.say(f"✓ {answer['name']} is expected; late from {answer['due_at']} on. At the end of the job:")
    terminal.say(f"  curl -fsS -m 10 --retry 5 -H 'X-API-Key: aw_…' {answer['url']}")


@app.command("list")
def list_all(slug: Slug, as_json: Json = False) -> None:
    """List a company's heartbeats and how they are."""

    async def act(core: Core) -> list[dict[str, Any]]:
        async def look(tx: Transaction) -> list[dict[str, Any]]:
            from bot.doors.heartbeats import document
            from engine.operations import directory

            company = await directory.company_called(tx, slug)
            return [document(one) for one in await tx.heartbeats.of_company(company.id)]

        return await core.read(look)

    found = with_core(act)
    if as_json:
        return terminal.say_json(found)
    headings = ("NAME", "STATE", "EVERY (S)", "GRACE (S)", "LAST", "LATE FROM")
    names = ("name", "state", "every_seconds", "grace_seconds", "last_at", "due_at")
    rows = [[one[name] for name in names] for one in found]
    terminal.say_table(headings, rows, nothing="No heartbeat is expected.")


@app.command("remove")
def remove(slug: Slug, name: Name, as_json: Json = False) -> None:
    """Expect it no more; an incident that its absence opened is closed."""

    async def act(core: Core) -> None:
        async def write(tx: Transaction) -> None:
            from engine.operations import directory, heartbeats

            company = await directory.company_called(tx, slug)
            await heartbeats.remove(tx, company.id, name.lower(), actor=operator(), now=core.clock.now())

        await core.write(write)

    with_core(act)
    if as_json:
        return terminal.say_json({"name": name.lower(), "removed": True})
    terminal.say(f"✓ {name.lower()} is not expected any more")


def _span(text: str) -> timedelta | None:
    if not text:
        return None
    span = span_of(text)
    if span is None:
        raise Refused(f"“{text}” is not a time.", hint="Write 90s, 15m, 24h or 1d12h.")
    return span

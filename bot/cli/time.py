"""`aw time`: the time that people put into incidents, for the bill."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from bot.cli import terminal
from bot.cli.opened import operator, with_core
from bot.cli.user import user_called
from bot.cli.words import Json, family, number_of
from engine.errors import Refused

if TYPE_CHECKING:
    from bot.core import Core
    from storage.transaction import Transaction

app = family("The time that people put into incidents.")
_MONTH = re.compile(r"(20\d\d)-(0[1-9]|1[0-2])")


@app.callback()
def times() -> None:
    """The time that people put into incidents."""


@app.command("export")
def export(
    month: Annotated[
        str, typer.Option(metavar="YYYY-MM", help="By each company's calendar.", show_default=False)
    ],
    company: Annotated[str | None, typer.Option(metavar="SLUG", help="Only this company.")] = None,
    csv: Annotated[bool, typer.Option("--csv", help="As CSV, for the bill.")] = False,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the CSV there.")] = None,
    final: Annotated[
        bool, typer.Option("--final", help="It goes on the bill: what is booked cannot be changed any more.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show what was worked on and resolved in a month: drafted without idle time, and what of it is booked."""
    if _MONTH.fullmatch(month.strip()) is None:
        raise Refused(f"“{month[:20]}” is no month.", hint="Write `2026-11`.")

    async def act(core: Core) -> list[dict[str, Any]]:
        from bot.timesheet import lines
        from engine.operations import booking, directory

        async def look(tx: Transaction) -> list[dict[str, Any]]:
            chosen = [await directory.company_called(tx, company)] if company else await tx.companies.all()
            found: list[dict[str, Any]] = []
            for one in chosen:
                since, until = span_of(month.strip(), one.timezone)
                if final:
                    await booking.export(
                        tx, one, since=since, until=until, actor=operator(), now=core.clock.now()
                    )
                found += await lines(tx, one, since, until)
            return found

        return await core.write(look) if final else await core.read(look)

    found = with_core(act)
    if as_json:
        return terminal.say_json(found)
    if csv or out is not None:
        return _write(found, out)
    headings = ("COMPANY", "INCIDENT", "WHAT", "WHO", "ENDED", "MINUTES", "IDLE", "BOOKED", "COST")
    rows = [
        [
            *(one[name] for name in ("company", "incident", "title", "technician")),
            one["ended_at"][:16].replace("T", " "),
            one["minutes"],
            one["idle_minutes"],
            one["booked_minutes"],
            f"{one['cost']} {one['currency']}" if one["cost"] else None,
        ]
        for one in found
    ]
    return terminal.say_table(headings, rows, nothing="Nothing was worked on and resolved in that month.")


@app.command("drafts")
def drafts(
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="Whose.", show_default=False)],
    as_json: Json = False,
) -> None:
    """List what somebody has not booked yet."""

    async def act(core: Core) -> list[dict[str, Any]]:
        from bot.timesheet import document
        from engine.operations import booking

        async def look(tx: Transaction) -> list[dict[str, Any]]:
            user = await user_called(tx, email)
            return [document(one) for one in await booking.drafts(tx, user.id, now=core.clock.now())]

        return await core.read(look)

    found = with_core(act)
    if as_json:
        return terminal.say_json(found)
    names = ("incident", "company", "title", "minutes", "idle_minutes")
    rows = [[one[name] for name in names] for one in found]
    return terminal.say_table(
        ("INCIDENT", "COMPANY", "WHAT", "MINUTES", "IDLE"), rows, nothing="All is booked."
    )


@app.command("book")
def book(
    incident: Annotated[str, typer.Argument(metavar="INCIDENT", help="Such as INC-42.", show_default=False)],
    minutes: Annotated[int | None, typer.Option(min=0, help="In place of what is drafted or booked.")] = None,
    reason: Annotated[str, typer.Option(help="Why it is not what was drafted.")] = "",
    as_json: Json = False,
) -> None:
    """Book the time of a resolved incident for whoever had it, or change what is booked."""
    number = number_of(incident)

    async def act(core: Core) -> dict[str, Any]:
        from bot.timesheet import document
        from engine.operations import booking

        async def write(tx: Transaction) -> dict[str, Any]:
            now = core.clock.now()
            await booking.book(tx, number, minutes=minutes, note=reason, actor=operator(), now=now)
            return document((await booking.find_slot(tx, number, actor=operator()))[1])

        return await core.write(write)

    found = with_core(act)
    if as_json:
        return terminal.say_json(found)
    return terminal.say(
        f"{found['booked_minutes']} min on {found['incident']} are booked for {found['technician']}."
    )


def _write(found: list[dict[str, Any]], out: Path | None) -> None:
    from bot.timesheet import as_csv

    if out is None:
        return terminal.say(as_csv(found).rstrip("\n"))
    try:
        out.write_text(as_csv(found), "utf-8")
    except OSError as error:
        raise Refused(f"{out} cannot be written: {error.strerror}.") from None
    return terminal.say(f"{len(found)} entries are in {out}.")


def span_of(month: str, timezone: str) -> tuple[datetime, datetime]:
    """The month's first moment on that zone's clock, and the next month's."""
    year, number = (int(part) for part in month.split("-"))
    zone = ZoneInfo(timezone)
    first = datetime(year, number, 1, tzinfo=zone)
    after = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=zone)
    return first.astimezone(UTC), after.astimezone(UTC)

"""`aw time`: the time that people put into incidents, for the bill."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from bot.cli import terminal
from bot.cli.opened import with_core
from bot.cli.words import Json, family
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
    as_json: Json = False,
) -> None:
    """Show what was worked on and resolved in a month: drafted from claims and resolutions, without idle time."""
    if _MONTH.fullmatch(month.strip()) is None:
        raise Refused(f"“{month[:20]}” is no month.", hint="Write `2026-11`.")

    async def act(core: Core) -> list[dict[str, Any]]:
        from bot.timesheet import lines
        from engine.operations import directory

        async def look(tx: Transaction) -> list[dict[str, Any]]:
            chosen = [await directory.company_called(tx, company)] if company else await tx.companies.all()
            found: list[dict[str, Any]] = []
            for one in chosen:
                found += await lines(tx, one, *span_of(month.strip(), one.timezone))
            return found

        return await core.read(look)

    found = with_core(act)
    if as_json:
        return terminal.say_json(found)
    if csv or out is not None:
        return _write(found, out)
    headings = ("COMPANY", "INCIDENT", "WHAT", "WHO", "ENDED", "MINUTES", "IDLE", "COST")
    rows = [
        [
            *(one[name] for name in ("company", "incident", "title", "technician")),
            one["ended_at"][:16].replace("T", " "),
            one["minutes"],
            one["idle_minutes"],
            f"{one['cost']} {one['currency']}" if one["cost"] else None,
        ]
        for one in found
    ]
    return terminal.say_table(headings, rows, nothing="Nothing was worked on and resolved in that month.")


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

"""The timesheet from real rows: whose, how long, what it costs, and only of one's own company and month."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta

from bot.cli.time import span_of
from bot.timesheet import as_csv, lines
from engine.company import configured
from engine.operations import directory, respond
from storage.transaction import Transaction
from tests import given
from tests.clock import TestClock


async def test_what_was_worked_on_is_on_the_sheet(world: given.World, clock: TestClock) -> None:
    core, kim = world.core, given.actor(world.kim)
    begun = clock.now()
    await world.tell(given.alert("web-01", "=cmd|' /C calc'!A0"))
    await world.tell(given.alert("db-01", "nobody took it"))
    await world.tell(given.alert("globex-1", "Their trouble"), company=world.globex)
    clock.advance(minutes=5)
    await core.write(lambda tx: respond.claim(tx, 1, actor=kim, now=clock.now()))
    clock.advance(minutes=12)
    await core.write(lambda tx: respond.note(tx, 1, "looking", actor=kim, now=clock.now()))
    clock.advance(hours=9)
    await core.write(lambda tx: respond.resolve(tx, 1, text="done", actor=kim, now=clock.now()))
    clock.advance(minutes=1)

    async def rated(tx: Transaction) -> None:
        company = await directory.company_called(tx, "acme")
        await tx.companies.configure(configured(company, hourly_rate="120.00 EUR"))

    await core.write(rated)
    acme = (await core.read(lambda tx: tx.companies.context(world.acme.id))).company
    (one,) = await core.read(lambda tx: lines(tx, acme, begun, clock.now()))
    assert (one["incident"], one["technician"]) == ("INC-1", "Kim")
    assert (one["minutes"], one["idle_minutes"], one["cost"]) == (12 + 30, 510, "84.00")
    (row,) = csv.DictReader(io.StringIO(as_csv([one])))
    assert row["title"].startswith("'=") and row["minutes"] == "42" and row["currency"] == "EUR"
    assert await core.read(lambda tx: lines(tx, world.globex, begun, clock.now())) == []
    assert await core.read(lambda tx: lines(tx, acme, begun - timedelta(days=1), begun)) == []


def test_a_month_is_the_companys_own() -> None:
    first, after = span_of("2026-12", "Europe/Vienna")
    assert first == datetime(2026, 11, 30, 23, tzinfo=UTC) and after == datetime(2026, 12, 31, 23, tzinfo=UTC)
    assert span_of("2026-03", "Europe/Vienna")[1] == datetime(2026, 3, 31, 22, tzinfo=UTC)

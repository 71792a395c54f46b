"""Reports from real rows: recounted by plain SQL, and as files, by command, by REST."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from statistics import mean

import pytest
import sqlalchemy as sa

from bot.reports import files, picture, words
from bot.reports.card import report_card
from bot.reports.gather import gather, gather_all, span_of
from bot.slack.render import message
from engine.company import configured
from engine.errors import Refused
from engine.operations import booking, respond, silence
from engine.operations.silence import Wish
from engine.report import Report
from engine.schedule import between
from engine.suppression import QuietKind, Scope
from storage.dialect import Moment
from storage.transaction import Transaction
from tests import given
from tests.bot.rest import serving
from tests.clock import TestClock

MINUTE = timedelta(minutes=1)


async def lived(world: given.World, clock: TestClock) -> None:
    """Two days: healed by itself, taken late, resolved, merged, held, a test, something of another company."""
    core, kim = world.core, given.actor(world.kim)
    await world.tell(given.alert("web-01", "Disk / 93% full"), given.alert("web-01", "Disk / 94% full"))
    clock.advance(minutes=5)
    await world.tell(given.recovery("web-01", "Disk / 94% full"))
    await world.tell(given.alert("db-01", "Slow queries", severity_word="high"))
    clock.advance(minutes=40)
    await core.write(lambda tx: respond.claim(tx, 2, actor=kim, now=clock.now()))
    clock.advance(minutes=20)
    await core.write(lambda tx: respond.resolve(tx, 2, text="index added", actor=kim, now=clock.now()))
    clock.advance(hours=20)
    await world.tell(given.alert("nas-07", "Fan failed", severity_word="low", tool="zabbix"))
    await world.tell(given.alert("Globex secret", "Their trouble"), company=world.globex)
    await world.tell(given.alert("alert-whisperer", "Test alert", tool="alert-whisperer"))
    wish = Wish(
        kind=QuietKind.SILENCE,
        company_id=world.acme.id,
        scope=Scope(asset="printer"),
        schedule=between(clock.now(), clock.now() + timedelta(hours=1)),
        reason="paper",
    )
    admin = given.actor(world.root)
    await core.write(
        lambda tx: silence.add(tx, wish, longest=timedelta(days=1), actor=admin, now=clock.now())
    )
    clock.advance(minutes=1)
    for _ in range(3):
        await world.tell(given.alert("printer", "Out of paper", severity_word="low"))
    clock.advance(hours=4)


async def test_figures_agree_with_the_rows(world: given.World, clock: TestClock) -> None:
    await lived(world, clock)
    found = await gather(world.core, world.acme, timedelta(days=30))
    query = "SELECT count, resolved_by FROM incidents WHERE company_id = :c"

    async def rows(tx: Transaction) -> list[tuple[int, str]]:
        statement = sa.text(query + " AND merged_into IS NULL AND title <> 'Test alert'")
        return [(row[0], row[1]) for row in await tx.connection.execute(statement, {"c": world.acme.id})]

    plain = await world.core.read(rows)
    assert found.incidents == len(plain) == 3
    assert found.alerts == sum(row[0] for row in plain) == 4
    assert found.self_healed == sum(row[1] == "monitoring" for row in plain) == 1
    assert found.resolve.mean == timedelta(minutes=mean([5, 60]))
    assert found.acknowledge.mean == timedelta(minutes=40)
    assert (found.response.met, found.response.missed) == (2, 0)
    assert found.held == {"silence": 3}
    (kim,) = found.people
    assert (kim.name, kim.claimed, kim.resolved, kim.hands_on) == ("Kim", 1, 1, 20 * MINUTE)
    assert found.noise_reduction == 25.0
    assert len(found.days) == 31 and sum(day.alerts for day in found.days) == 4
    before = await gather(world.core, world.acme, timedelta(hours=4))
    assert before.incidents == 0, "only what was opened in the span"


async def test_what_noise_cost_agrees_with_the_raw_rows(world: given.World, clock: TestClock) -> None:
    core, kim = world.core, given.actor(world.kim)
    await lived(world, clock)
    unrated = await gather(core, world.acme, timedelta(days=30))
    assert words.noise(unrated.noise) == words.NONE, "an index was added: that was a fix"

    async def rated(tx: Transaction) -> None:
        company = (await tx.companies.context(world.acme.id)).company
        await tx.companies.configure(configured(company, hourly_rate="90.00 EUR"))

    for place, (text, minutes) in enumerate([("", 14), ("false alarm", 25), ("new disk", 9)]):
        await world.tell(given.alert(f"box-{place}", f"Trouble {'xyz'[place]}"))
        number = max(
            one.id for one in await core.read(lambda tx: tx.incidents.listed(company_ids=[world.acme.id]))
        )
        await core.write(lambda tx, n=number: respond.claim(tx, n, actor=kim, now=clock.now()))  # type: ignore[misc]
        clock.advance(minutes=minutes)
        await core.write(
            lambda tx, n=number, said=text: respond.resolve(tx, n, text=said, actor=kim, now=clock.now())  # type: ignore[misc]
        )
        if not place:
            await core.write(
                lambda tx, n=number: booking.book(  # type: ignore[misc]
                    tx, n, minutes=20, note="a call before", actor=kim, now=clock.now()
                )
            )
    clock.advance(minutes=1)
    first = await gather(core, world.acme, timedelta(days=30))
    assert words.noise(first.noise) == "45 min, no rate set"
    await core.write(rated)
    found = await gather(core, world.acme, timedelta(days=30))

    async def recount(tx: Transaction) -> tuple[int, int]:
        """(booked, drafted) minutes: nobody paused for longer than `time_gap` here."""
        statement = sa.text(
            "SELECT i.claimed_at, i.resolved_at, i.resolution, e.minutes FROM incidents i "
            "LEFT JOIN time_entries e ON e.incident_id = i.id WHERE i.company_id = :c AND i.claimed_at IS NOT NULL "
            "AND i.resolution IN ('', 'false alarm')"
        ).columns(sa.column("claimed_at", Moment), sa.column("resolved_at", Moment))
        booked = drafted = 0
        for row in await tx.connection.execute(statement, {"c": world.acme.id}):
            if row.minutes is not None:
                booked += row.minutes
            else:
                drafted += round((row.resolved_at - row.claimed_at).total_seconds() / 60)
        return booked, drafted

    booked, drafted = await core.read(recount)
    assert (booked, drafted) == (20, 25)
    assert (found.noise.incidents, found.noise.minutes, found.noise.unrated) == (2, booked + drafted, booked)
    assert found.noise.cost == {"EUR": Decimal(90) * drafted / 60}, "what was booked had no rate yet"
    assert words.noise(found.noise) == "37.50 EUR (45 min, 20 min of it without a rate)"
    assert sum(one.noise.minutes for one in found.checks) == found.noise.minutes
    assert (found.booked_minutes, found.drafted_minutes) == (20, 20 + 25 + 9)
    card = json.dumps(message(report_card(found)), ensure_ascii=False)
    assert "37.50 EUR" in card and "20 min booked, 54 min drafted and not booked" in card


async def test_the_picture_and_the_files(world: given.World, clock: TestClock, tmp_path: Path) -> None:
    await lived(world, clock)
    await world.tell(given.alert("=cmd|' /C calc'!A0", "$HOME <b>on</b> fire $x^2$"))
    clock.advance(minutes=1)
    found = await gather(world.core, world.acme, timedelta(days=7))
    made = {one.name.rpartition(".")[2]: one for one in files.files(found, "acme")}
    assert made["png"].body.startswith(b"\x89PNG") and made["pdf"].body.startswith(b"%PDF")
    width, height = (int.from_bytes(made["png"].body[at : at + 4], "big") for at in (16, 20))
    assert (width, height) == (1080, 950) and len(made["png"].body) < 200_000
    assert "Response in time" in made["png"].alt and "Noisiest" in made["png"].alt
    document = json.loads(made["json"].body)
    assert document["alerts"] == found.alerts and document["mttr"]["count"] == found.resolve.count
    rows = list(csv.reader(io.StringIO(made["csv"].body.decode())))
    assert rows[0] == ["part", "name", "value"] and ["alerts", "", str(found.alerts)] in rows
    assert not [cell for row in rows for cell in row if cell.startswith("=")], "no cell is a formula"
    assert "people" not in {
        row[0] for row in csv.reader(io.StringIO(files.as_csv(found, people=False).decode()))
    }


async def test_nobody_of_another_company_is_named(world: given.World, clock: TestClock) -> None:
    await lived(world, clock)
    found = await gather(world.core, world.acme, timedelta(days=30))
    said = json.dumps(message(report_card(found, scope="1:30"))) + files.as_json(found).decode()
    assert "Globex" not in said and "Their trouble" not in said


async def test_an_empty_report_says_so(world: given.World) -> None:
    found = await gather(world.core, world.globex, timedelta(days=1))
    assert "no incident" in message(report_card(found))["text"]
    assert picture.png(found).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("said", "days"),
    [("", 30), ("7d", 7), ("4w", 28), ("3m", 90), ("90", 90), ("1 day", 1), ("400 days", 400)],
)
def test_spans_in_peoples_words(said: str, days: int) -> None:
    assert span_of(said) == timedelta(days=days)


@pytest.mark.parametrize("said", ["0d", "401d", "yesterday", "-3d", "9999999d"])
def test_no_span_says_so(said: str) -> None:
    with pytest.raises(Refused, match="no span of days"):
        span_of(said)


async def test_rest_gives_it_to_those_who_may_see_it(world: given.World, clock: TestClock) -> None:
    await lived(world, clock)
    async with serving(world.core) as api:
        whole = await api.call(world.root, "GET", "/api/reports/acme?days=30d")
        assert (
            whole["incidents"] == 3
            and whole["held"] == {"silence": 3}
            and whole["people"][0]["name"] == "Kim"
        )
        assert whole["response_sla"] == {"met": 2, "missed": 0, "percent": 100.0}
        theirs = await api.call(world.ada, "GET", "/api/reports/acme")
        assert theirs["incidents"] == 3 and theirs["people"] == []
        assert (await api.call(world.vera, "GET", "/api/reports/acme"))["alerts"] == 4
        await api.call(world.eve, "GET", "/api/reports/acme", status=404)
        await api.call(None, "GET", "/api/reports/acme", status=401)
        await api.call(world.root, "GET", "/api/reports/acme?days=never", status=422)


def test_a_report_is_frozen() -> None:
    assert Report.__dataclass_params__.frozen  # type: ignore[attr-defined]


async def test_all_companies_together_is_the_sum_and_says_whose_each_check_is(
    world: given.World, clock: TestClock
) -> None:
    await lived(world, clock)
    whole = await gather_all(world.core, timedelta(days=30), until=clock.now())
    parts = [await gather(world.core, one, timedelta(days=30)) for one in (world.acme, world.globex)]
    assert whole.incidents == sum(one.incidents for one in parts) == 4
    assert whole.alerts == sum(one.alerts for one in parts) == 5
    assert whole.response.met == sum(one.response.met for one in parts)
    assert whole.held == {"silence": 3}
    assert {one.asset_name.partition(":")[0] for one in whole.checks} == {world.acme.name, world.globex.name}


async def test_what_comes_back_in_step_is_named_whenever_it_began(
    world: given.World, clock: TestClock
) -> None:
    for _ in range(8):
        await world.tell(given.alert("nas-07", "Backup slow", severity_word="low"))
        clock.advance(minutes=12)
        await world.tell(given.recovery("nas-07", "Backup slow"))
        clock.advance(hours=23, minutes=48)
    await world.tell(given.alert("db-01", "Slow queries"))
    found = await gather(world.core, world.acme, timedelta(days=2))
    (series,) = found.series
    assert (series.asset_name, series.title) == ("nas-07", "Backup slow")
    assert series.rhythm.startswith("every ") and "of the last 8" in series.rhythm
    card = message(report_card(found))["blocks"]
    assert f"nas-07: {series.rhythm}" in json.dumps(card, ensure_ascii=False)
    (kept,) = files.document(found)["periodic"]
    assert kept["rhythm"] == series.rhythm and kept["incident"] == f"INC-{series.incident_id}"
    clock.advance(days=9)
    assert (await gather(world.core, world.acme, timedelta(days=2))).series == ()
    every = await gather_all(world.core, timedelta(days=12), until=clock.now())
    assert [one.asset_name for one in every.series] == ["Acme: nas-07"]

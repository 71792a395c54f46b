"""Reports from real rows: recounted by plain SQL, and as files, by command, by REST."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from pathlib import Path
from statistics import mean

import pytest
import sqlalchemy as sa

from bot.reports import files, picture
from bot.reports.card import report_card
from bot.reports.gather import gather, gather_all, span_of
from bot.slack.render import message
from engine.errors import Refused
from engine.operations import respond, silence
from engine.operations.silence import Wish
from engine.report import Report
from engine.schedule import between
from engine.suppression import QuietKind, Scope
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


async def test_the_picture_and_the_files(world: given.World, clock: TestClock, tmp_path: Path) -> None:
    await lived(world, clock)
    await world.tell(given.alert("=cmd|' /C calc'!A0", "$HOME <b>on</b> fire $x^2$"))
    clock.advance(minutes=1)
    found = await gather(world.core, world.acme, timedelta(days=7))
    made = {one.name.rpartition(".")[2]: one for one in files.files(found, "acme")}
    assert made["png"].body.startswith(b"\x89PNG") and made["pdf"].body.startswith(b"%PDF")
    width, height = (int.from_bytes(made["png"].body[at : at + 4], "big") for at in (16, 20))
    assert (width, height) == (1100, 704) and len(made["png"].body) < 200_000
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

"""Silences and windows from the first held alert to the receipt, on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from bot.core import Core
from engine import suppression
from engine.alert import AlertStatus, Severity
from engine.incident import IncidentStatus
from engine.jobs import TurnQuiet
from engine.operations import clocks, silence
from engine.schedule import Schedule, between, checked_rule
from engine.suppression import QuietKind, Scope
from storage.database import Database
from storage.tables import jobs as jobs_table
from storage.transaction import Transaction
from tests import given
from tests.clock import START
from tests.given import World, number, recovery, results
from tests.given import alert as says
from tests.quiet import HOUR, add, clock_at, due, fresh, incidents, kept, receipts, story, turned


async def test_a_held_alert_is_kept_counted_and_answered_with_what_holds_it(world):
    rule = await add(world)
    first, second = results(await world.tell(says(), says()))
    assert first["suppressed_by"] == "silence 1" and first["incident_id"] is None and not first["is_new"]
    assert first["reason"] == "held by silence 1 until 11:00 UTC (new disk, by Root)"
    assert second["alert_id"] == first["alert_id"]
    (third,) = results(await world.tell(says()))
    assert third["alert_id"] == first["alert_id"]
    (other,) = results(await world.tell(says("db-01")))
    assert other["incident_id"] == "INC-1" and other["suppressed_by"] is None
    assert [one.id for one in await incidents(world)] == [1]
    assert await kept(world) == [("web-01", "firing", 3, None), ("db-01", "firing", 1, 1)]
    assert (await fresh(world, rule)).held == 3


async def test_another_companys_alerts_are_not_held(world):
    await add(world, scope=Scope())
    (said,) = results(await world.tell(says("web-01"), company=world.globex))
    assert said["suppressed_by"] is None and said["is_new"]


async def test_a_silence_lets_critical_alerts_through_unless_it_says_so(world):
    await add(world, scope=Scope(ceiling=Severity.HIGH))
    held, comes = results(await world.tell(says(severity_word="high"), says(signature="Fire")))
    assert held["suppressed_by"] and comes["is_new"]


async def test_what_recovers_in_the_quiet_is_not_opened_and_still_ends_what_was_open(world):
    (before,) = results(await world.tell(says()))
    rule = await add(world, scope=Scope())
    await world.tell(says("db-01"), says("nas", dedup_key="k-1"))
    ended, own, keyed = results(
        await world.tell(recovery(), recovery("db-01"), recovery("nas", "other words", dedup_key="k-1"))
    )
    assert ended["incident_id"] == before["incident_id"] and ended["suppressed_by"] is None
    assert own["suppressed_by"] == keyed["suppressed_by"] == "silence 1" and own["incident_id"] is None
    assert (await incidents(world))[0].status is IncidentStatus.RESOLVED
    world.core.clock.advance(hours=2)
    await turned(world, rule)
    assert len(await incidents(world)) == 1
    ((text, _),) = await receipts(world)
    assert "Held 2 alerts" in text and "Nothing of it still fires." in text


async def test_at_its_end_what_still_fires_is_opened_with_its_count_and_a_receipt_says_so(
    world,
):
    rule = await add(world, QuietKind.MAINTENANCE, scope=Scope(asset="web-*"))
    assert await due(world, f"quiet:{rule.id}") == START + 2 * HOUR
    for _ in range(3):
        await world.tell(says(), says("web-02", "CPU high", severity_word="low"))
    await world.tell(recovery("web-02", "CPU high"))
    assert await incidents(world) == []
    world.core.clock.advance(hours=2)
    await turned(world, rule)
    (opened,) = await incidents(world)
    assert opened.opened_reason.startswith("held by maintenance 1 until 11:00 UTC, still firing; ")
    assert (opened.count, opened.firing, opened.severity) == (3, 1, Severity.CRITICAL)
    assert (await kept(world))[0] == ("web-01", "firing", 3, opened.id)
    (stored,) = await world.core.read(lambda tx: tx.alerts.of_incident(opened.id))
    assert stored.first_at == START and stored.held_by == rule.id
    ((text, body),) = await receipts(world)
    assert text == (
        "🔕 maintenance 1 is over: web-*, 2 h until 11:00 UTC (new disk, by Root). "
        "Held 6 alerts, the worst critical. Still firing and heard now: INC-1."
    )
    assert [line.split() for line in body.splitlines()] == [
        ["3", "×", "critical", "web-01:", "Disk", "/", "93%", "full"],
        ["3", "×", "low", "web-02:", "CPU", "high"],
    ]
    over = await fresh(world, rule)
    assert over.finished_at is not None and over.held == 6
    (again,) = results(await world.tell(says()))
    assert again["incident_id"] == "INC-1" and again["deduplicated"]
    await world.tell(recovery())
    assert (await incidents(world))[0].status is IncidentStatus.RESOLVED
    kinds = [
        one.entry.kind.value
        for one in await world.core.read(lambda tx: tx.audit.of_subject(world.acme.id, rule.label))
    ]
    assert sorted(kinds) == ["maintenance.added", "maintenance.closed", "maintenance.expired"]


async def test_what_is_open_already_gets_what_was_held_and_a_line_about_it(world):
    await world.tell(says())
    rule = await add(world)
    await world.tell(says(), says(), says(tool="zabbix"))
    before = (await incidents(world))[0]
    assert (before.count, before.firing) == (1, 1), "the open incident is left in peace"
    world.core.clock.advance(hours=2)
    await turned(world, rule)
    (after,) = await incidents(world)
    assert (after.count, after.firing, after.tools) == (4, 2, ("prometheus", "zabbix"))
    assert "🔔 held by silence 1 until 11:00 UTC, still firing." in await story(world, after)
    rows = await kept(world)
    assert sorted((status, incident) for _, status, _, incident in rows if incident) == [("firing", 1)] * 2
    assert [(status, incident) for _, status, _, incident in rows if not incident] == [("resolved", None)]


async def test_ended_early_it_is_heard_at_once(world):
    rule = await add(world)
    await world.tell(says())
    world.core.clock.advance(minutes=5)
    actor = given.actor(world.kim)
    ended = await world.core.write(
        lambda tx: silence.end(tx, rule.id, kind=rule.kind, actor=actor, now=world.core.clock.now())
    )
    assert ended.ended_by == "Kim" and await due(world, f"quiet:{rule.id}") == world.core.clock.now()
    (new,) = results(await world.tell(says(signature="Fire")))
    assert new["is_new"]
    await turned(world, rule)
    ((text, _),) = await receipts(world)
    assert "ended by Kim: web-01, 5 min until 09:05 UTC" in text and "INC-2" in text
    again = await world.core.write(
        lambda tx: silence.end(tx, rule.id, kind=rule.kind, actor=actor, now=world.core.clock.now())
    )
    assert again.ended_at == ended.ended_at


async def test_what_another_one_covers_goes_on_being_held(world):
    short = await add(world)
    longer = await add(
        world, QuietKind.MAINTENANCE, scope=Scope(), schedule=between(START + HOUR, START + 5 * HOUR)
    )
    await world.tell(says())
    world.core.clock.advance(hours=2)
    await turned(world, short)
    assert await incidents(world) == []
    (said,) = results(await world.tell(says()))
    assert said["suppressed_by"].startswith("maintenance 2") and len(await kept(world)) == 1
    world.core.clock.advance(hours=3)
    await turned(world, longer)
    (opened,) = await incidents(world)
    assert opened.count == 2 and "maintenance 2" in opened.opened_reason
    assert [text for text, _ in await receipts(world)][1].count("Held 2 alerts") == 1


async def test_a_weekly_window_has_a_receipt_for_each_of_its_nights(world):
    first = datetime.fromisoformat("2026-03-07 22:00")
    nights = Schedule(
        first=first,
        length=4 * HOUR,
        timezone="Europe/Vienna",
        rule=checked_rule("FREQ=WEEKLY", first),
        until=START + timedelta(days=20),
        on_the_wall=True,
    )
    rule = await add(world, QuietKind.MAINTENANCE, schedule=nights)
    begin = START.replace(day=7, hour=21)
    assert await due(world, f"quiet:{rule.id}") == begin
    for week in range(3):
        start = begin + timedelta(days=7 * week)
        clock_at(world, start - timedelta(minutes=1))
        await world.tell(says(signature=f"Week {'abc'[week]}"))
        clock_at(world, start)
        await turned(world, rule)
        assert (await fresh(world, rule)).begun_at == start
        (said,) = results(await world.tell(says(signature=f"Night {'abc'[week]}")))
        assert said["suppressed_by"] == "maintenance 1: new disk"
        clock_at(world, start + 4 * HOUR)
        await turned(world, rule)
    found = [text for text, _ in await receipts(world)]
    assert len(found) == 3 and all("Held 1 alert," in text for text in found)
    assert (await fresh(world, rule)).finished_at is not None
    assert [one.title for one in reversed(await incidents(world))] == [
        f"{when} {week}" for week in "abc" for when in ("Week", "Night")
    ]


async def test_a_night_that_nobody_was_awake_for_is_closed_afterwards(world):
    """The timer was lost or the program was down: what was held is heard when it is back."""
    rule = await add(world, schedule=between(START + HOUR, START + 2 * HOUR))
    clock_at(world, START + HOUR)
    await world.tell(says())
    clock_at(world, START + 9 * HOUR)
    await turned(world, rule)
    assert len(await incidents(world)) == 1 and len(await receipts(world)) == 1
    assert (await fresh(world, rule)).finished_at is not None


async def test_planned_work_stops_the_clocks_and_they_run_on_after_it(world):
    (said,) = results(await world.tell(says()))
    target = number(said["incident_id"])
    world.core.clock.advance(minutes=10)
    rule = await add(world, QuietKind.MAINTENANCE)
    before = {one.kind: one for one in await world.core.read(lambda tx: tx.clocks.of(target))}
    assert all(one.paused_at == START + timedelta(minutes=10) for one in before.values())
    world.core.clock.advance(hours=1)
    await world.core.write(lambda tx: clocks.check(tx, target, now=world.core.clock.now()))
    lines = await story(world, (await incidents(world))[0])
    assert not any("SLA" in line or "left to" in line for line in lines)
    assert any(
        "maintenance 1 until 11:10 UTC (new disk, by Root): no reminders, the clocks stand still" in one
        for one in lines
    )
    world.core.clock.advance(hours=1)
    await turned(world, rule)
    after = {one.kind: one for one in await world.core.read(lambda tx: tx.clocks.of(target))}
    for kind, clock in after.items():
        assert clock.running and clock.due_at == before[kind].due_at + 2 * HOUR
    assert (await due(world, f"sla:{target}") or START) <= world.core.clock.now()


async def test_a_silence_keeps_reminders_back_and_the_breach_comes_when_it_is_over(world):
    (said,) = results(await world.tell(says()))
    target = number(said["incident_id"])
    rule = await add(world)
    world.core.clock.advance(hours=1)
    await world.core.write(lambda tx: clocks.check(tx, target, now=world.core.clock.now()))
    assert not any("breached" in line for line in await story(world, (await incidents(world))[0]))
    world.core.clock.advance(hours=1)
    await turned(world, rule)
    await world.core.write(lambda tx: clocks.check(tx, target, now=world.core.clock.now()))
    assert any("breached" in line for line in await story(world, (await incidents(world))[0]))


async def test_a_storm_of_held_alerts_is_heard_in_bites(world, monkeypatch):
    monkeypatch.setattr("engine.operations.turn.MOST_AT_ONCE", 10)
    rule = await add(world, scope=Scope())
    await world.tell(*(says(f"m-{n}") for n in range(25)))
    world.core.clock.advance(hours=2)
    for _ in range(3):
        await turned(world, rule)
    assert len(await incidents(world)) == 25
    ((text, _),) = await receipts(world)
    assert "Held 25 alerts" in text and "INC-1, INC-2" in text and "and 15 more" in text


@pytest.fixture
async def replicas(world: World, database_url: str) -> AsyncIterator[list[Core]]:
    core = world.core
    second = Database(database_url, core.database.vault)
    yield [core, replace(core, database=second, nudge=asyncio.Event())]
    await second.close()


async def test_two_replicas_whose_timers_ring_at_once_make_one_receipt(world, replicas: list[Core]):
    rule = await add(world)
    await world.tell(says(), says("web-01", "CPU high"))
    world.core.clock.advance(hours=2)
    await asyncio.gather(*(turned(world, rule, replicas[place % 2]) for place in range(6)))
    assert len(await receipts(world)) == 1
    assert [one.count for one in await incidents(world)] == [1, 1]


async def test_another_replica_holds_from_the_moment_it_is_confirmed(world, replicas: list[Core]):
    from engine.operations.ingest import ingest

    async def tell() -> object:
        one = given.delivery(world.acme, says())
        (answer,) = await replicas[1].write(lambda tx: ingest(tx, [one], START))
        return results(answer)[0]["suppressed_by"]

    assert await tell() is None, "and its context is cached now"
    rule = await add(world)
    assert await tell() == rule.label


async def test_a_company_without_any_asks_the_database_nothing_more(world, monkeypatch):
    def fails(*_: object) -> None:
        raise AssertionError("nothing is held here")

    monkeypatch.setattr("storage.quiet.QuietRules.held_like", fails)
    monkeypatch.setattr(suppression, "of_alert", fails)
    await world.tell(says(), recovery())


async def test_between_its_stretches_a_window_costs_nothing_either(world, monkeypatch):
    first = datetime.fromisoformat("2026-03-04 10:00")
    daily = Schedule(first=first, length=HOUR, rule="FREQ=DAILY", until=START + timedelta(days=9))
    rule = await add(world, QuietKind.MAINTENANCE, schedule=daily)
    for hour in (10, 11):
        clock_at(world, START.replace(hour=hour))
        await turned(world, rule)
        await world.tell(says(), recovery())
    asked: list[object] = []
    monkeypatch.setattr("storage.quiet.QuietRules.held_like", lambda *given, **_: asked.append(given))
    clock_at(world, START.replace(hour=12))
    await world.tell(says(signature="Later"), recovery(signature="Later"))
    assert not asked


async def test_a_lost_timer_is_found_by_the_sweep(world):
    rule = await add(world)

    async def lose(tx: Transaction) -> None:
        await tx.connection.execute(sa.delete(jobs_table))

    await world.core.write(lose)
    early = await world.core.read(lambda tx: tx.quiet.awaited(START + HOUR))
    late = await world.core.read(lambda tx: tx.quiet.awaited(START + 2 * HOUR))
    assert early == [] and late == [(world.acme.id, rule.id)]
    assert TurnQuiet(company_id=world.acme.id, rule_id=rule.id).key == f"quiet:{rule.id}"


async def test_held_alerts_keep_their_row_across_deliveries_and_flap_in_one(world):
    await add(world)
    for _ in range(4):
        await world.tell(says())
        await world.tell(recovery())
    (row,) = await kept(world)
    assert row == ("web-01", AlertStatus.RESOLVED.value, 4, None)

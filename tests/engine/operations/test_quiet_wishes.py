"""What people may want quiet, what they see beforehand, and snooze; on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from engine.alert import Severity
from engine.errors import NotFound, Refused
from engine.operations import clocks, respond, silence, snooze
from engine.schedule import Schedule, Stretch, between
from engine.suppression import QuietKind, Scope
from tests import given
from tests.clock import START
from tests.given import alert as says
from tests.given import number, results
from tests.quiet import HOUR, a_wish, add, clock_at, due, incidents, story


async def test_a_snoozed_incident_is_left_in_peace_and_wakes_with_a_line(world):
    (said,) = results(await world.tell(says()))
    target, kim = number(said["incident_id"]), given.actor(world.kim)
    until = START + HOUR
    await world.core.write(lambda tx: snooze.snooze(tx, target, until=until, actor=kim, now=START))
    assert await due(world, f"wake:{target}") == until
    clock_at(world, START + timedelta(minutes=40))
    await world.core.write(lambda tx: clocks.check(tx, target, now=world.core.clock.now()))
    await world.core.write(lambda tx: snooze.wake(tx, target, now=world.core.clock.now()))
    (incident,) = await incidents(world)
    assert incident.snoozed_until == until and not any("SLA" in one for one in await story(world, incident))
    clock_at(world, until)
    for _ in range(2):  # a timer may ring twice
        await world.core.write(lambda tx: snooze.wake(tx, target, now=world.core.clock.now()))
    (incident,) = await incidents(world)
    lines = await story(world, incident)
    assert incident.snoozed_until is None
    assert lines.count("⏰ The snooze by Kim is over and it is still open.") == 1
    await world.core.write(lambda tx: clocks.check(tx, target, now=world.core.clock.now()))
    assert any("breached" in one for one in await story(world, incident))


async def test_something_worse_wakes_what_is_snoozed_and_its_end_ends_the_snooze(world):
    (said,) = results(await world.tell(says(severity_word="low")))
    target, kim = number(said["incident_id"]), given.actor(world.kim)

    async def sleep(now: datetime) -> None:
        await world.core.write(lambda tx: snooze.snooze(tx, target, until=now + HOUR, actor=kim, now=now))

    await sleep(START)
    await world.tell(says(severity_word="low"))
    assert (await incidents(world))[0].snoozed_until is not None
    await world.tell(says(severity_word="critical"))
    assert (await incidents(world))[0].snoozed_until is None
    await sleep(START)
    await world.core.write(lambda tx: respond.resolve(tx, target, text="", actor=kim, now=START))
    assert (await incidents(world))[0].snoozed_until is None
    with pytest.raises(Refused):
        await sleep(START)


@pytest.mark.parametrize("hours", [0, 24 * 8])
async def test_a_snooze_has_its_limits(world, hours):
    (said,) = results(await world.tell(says()))
    until, actor = START + hours * HOUR, given.actor(world.kim)
    with pytest.raises(Refused, match="A snooze lasts"):
        await world.core.write(
            lambda tx: snooze.snooze(tx, number(said["incident_id"]), until=until, actor=actor, now=START)
        )


async def test_a_preview_shows_what_it_would_have_hidden_and_holds_nothing_until_it_is_confirmed(
    world,
):
    await world.tell(
        says(severity_word="high"), says(severity_word="high"), says(signature="Fire"), says("db-01")
    )
    kim, wish = given.actor(world.kim), a_wish(world, scope=Scope(asset="web-01", ceiling=Severity.HIGH))
    _, seen = await world.core.read(lambda tx: silence.look(tx, wish, actor=kim, now=START))
    rule = await world.core.write(lambda tx: silence.draft(tx, wish, actor=kim, now=START))
    assert (seen.alerts, seen.critical, seen.passed, seen.named) == (2, 0, 1, ("Fire on web-01",))
    (said,) = results(await world.tell(says("web-01", "New")))
    assert said["suppressed_by"] is None
    now = world.core.clock.advance(minutes=10)
    for _ in range(2):  # a second press is a silent success
        real = await world.core.write(
            lambda tx: silence.confirm(tx, rule.id, criticals=True, actor=kim, now=now)
        )
    assert (
        real.schedule.stretches == (Stretch(now, now + 2 * HOUR),) and real.scope.ceiling is Severity.CRITICAL
    )
    (said,) = results(await world.tell(says("web-01", "Newer")))
    assert said["suppressed_by"] == rule.label
    proofs = await world.core.read(lambda tx: tx.audit.of_subject(world.acme.id, rule.label))
    assert [one.entry.kind.value for one in proofs] == ["silence.added"]


async def test_a_preview_is_good_for_an_hour_and_a_named_end_stays(world):
    kim = given.actor(world.kim)
    fixed = replace(between(START, START + 3 * HOUR), on_the_wall=True)
    first = await world.core.write(
        lambda tx: silence.draft(tx, a_wish(world, schedule=fixed), actor=kim, now=START)
    )
    later = await world.core.write(lambda tx: silence.draft(tx, a_wish(world), actor=kim, now=START))
    half = START + timedelta(minutes=30)
    real = await world.core.write(lambda tx: silence.confirm(tx, first.id, actor=kim, now=half))
    assert real.schedule.stretches == (Stretch(half, START + 3 * HOUR),)
    with pytest.raises(Refused, match="more than an hour old"):
        await world.core.write(lambda tx: silence.confirm(tx, later.id, actor=kim, now=START + 2 * HOUR))


async def test_a_technician_cannot_confirm_what_is_too_long_for_one(world):
    wish = a_wish(world, schedule=between(START, START + 30 * HOUR))
    draft = await world.core.write(
        lambda tx: silence.draft(tx, wish, actor=given.actor(world.ada), now=START)
    )
    with pytest.raises(Refused, match="24 h at most"):
        await world.core.write(
            lambda tx: silence.confirm(tx, draft.id, actor=given.actor(world.kim), now=START)
        )
    await world.core.write(lambda tx: silence.confirm(tx, draft.id, actor=given.actor(world.root), now=START))


SERIES: dict[str, Any] = {"length": 4 * HOUR, "rule": "FREQ=DAILY", "first": START.replace(tzinfo=None)}


@pytest.mark.parametrize(
    ("kind", "who", "changes", "why"),
    [
        (QuietKind.SILENCE, "kim", {"reason": "  "}, "needs a reason"),
        (QuietKind.SILENCE, "kim", {"reason": "x" * 301}, "too long"),
        (
            QuietKind.SILENCE,
            "kim",
            {"schedule": between(START, START + 25 * HOUR)},
            "technician's silence lasts 24 h",
        ),
        (
            QuietKind.SILENCE,
            "ada",
            {"schedule": between(START, START + 31 * 24 * HOUR)},
            "lasts 30 days at most",
        ),
        (QuietKind.SILENCE, "ada", {"schedule": between(START - 2 * HOUR, START - HOUR)}, "over already"),
        (QuietKind.SILENCE, "ada", {"schedule": between(START, START)}, "over already"),
        (QuietKind.MAINTENANCE, "kim", {}, "Only company admins and MSP admins can plan maintenance"),
        (QuietKind.SILENCE, "vera", {}, "can silence alerts"),
        (QuietKind.SILENCE, "eve", {}, "no such company"),
        (QuietKind.MAINTENANCE, "ada", {"schedule": Schedule(**SERIES)}, "needs an end"),
        (
            QuietKind.MAINTENANCE,
            "ada",
            {"schedule": Schedule(**SERIES, until=START + timedelta(days=900))},
            "needs an end",
        ),
        (
            QuietKind.MAINTENANCE,
            "ada",
            {"schedule": Schedule(**SERIES | {"length": 24 * HOUR}, until=START + timedelta(days=9))},
            "run into one another",
        ),
    ],
)
async def test_what_cannot_be_is_refused(world, kind, who, changes, why):
    actor, wish = given.actor(getattr(world, who)), a_wish(world, kind, **changes)
    with pytest.raises(Refused, match=why) as refused:
        await world.core.read(lambda tx: silence.look(tx, wish, actor=actor, now=START))
    if refused.value.code == "denied":
        assert refused.value.who


async def test_foreign_ones_look_like_missing_ones(world):
    rule = await add(world)
    for who, number_ in ((world.eve, rule.id), (world.kim, 999)):
        actor = given.actor(who)
        with pytest.raises(NotFound, match=f"There is no silence {number_}"):
            await world.core.write(
                lambda tx, actor=actor, number_=number_: silence.end(
                    tx, number_, kind=QuietKind.SILENCE, actor=actor, now=START
                )
            )
    with pytest.raises(NotFound, match="There is no maintenance"):
        await world.core.write(
            lambda tx: silence.end(
                tx, rule.id, kind=QuietKind.MAINTENANCE, actor=given.actor(world.root), now=START
            )
        )
    assert await world.core.read(lambda tx: silence.listed(tx, [world.globex.id])) == []
    assert [one.id for one in await world.core.read(lambda tx: silence.listed(tx, [world.acme.id]))] == [
        rule.id
    ]


async def test_previews_that_nobody_confirmed_are_forgotten(world):
    kim = given.actor(world.kim)
    draft = await world.core.write(lambda tx: silence.draft(tx, a_wish(world), actor=kim, now=START))
    rule = await add(world)
    await world.core.write(lambda tx: tx.quiet.forget_drafts(before=START + HOUR))
    assert await world.core.read(lambda tx: tx.quiet.get(draft.id)) is None
    assert await world.core.read(lambda tx: tx.quiet.get(rule.id)) is not None
    assert await world.core.read(lambda tx: tx.quiet.totals()) == {"silence": (1, 0)}


async def test_a_long_look_back_is_read_page_by_page(world, monkeypatch):
    monkeypatch.setattr("storage.quiet.PAGE", 3)
    await world.tell(*(says(f"m-{number}") for number in range(10)))
    await world.tell(says("elsewhere"), company=world.globex)
    for most, count in ((100, 10), (7, 7), (3, 3)):
        found = await world.core.read(
            lambda tx, most=most: tx.quiet.history(world.acme.id, since=START - HOUR, most=most)
        )
        assert [one.asset_name for one in found] == [f"m-{number}" for number in range(9, 9 - count, -1)]
    assert await world.core.read(lambda tx: tx.quiet.history(world.acme.id, since=START + HOUR, most=9)) == []

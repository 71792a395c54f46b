"""SLA clocks: recomputed from facts, compared with a counter that goes second by second."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import sla
from engine.alert import Severity
from engine.sla import ClockKind, ClockState, SlaClock, SlaPolicy, Threshold
from tests.clock import START
from tests.engine.test_hours import CASES, ZONES, Covered, counted_by_minutes, generated

POLICY = SlaPolicy()
MINUTE = timedelta(minutes=1)


def _clock(severity: Severity = Severity.CRITICAL, kind: ClockKind = ClockKind.RESPONSE) -> SlaClock:
    clock = sla.start_clock(
        policy=POLICY, severity=severity, kind=kind, incident_id=7, company_id=1, now=START
    )
    assert clock is not None
    return clock


@pytest.mark.parametrize(
    ("severity", "respond", "resolve"),
    [
        (Severity.CRITICAL, 0.5, 4),
        (Severity.HIGH, 2, 8),
        (Severity.MEDIUM, 8, 24),
        (Severity.LOW, 24, 48),
    ],
)
def test_the_promises_by_severity(severity: Severity, respond: float, resolve: float) -> None:
    assert _clock(severity).due_at == START + timedelta(hours=respond)
    assert _clock(severity, ClockKind.RESOLUTION).due_at == START + timedelta(hours=resolve)


def test_what_is_only_information_has_no_clock() -> None:
    assert (
        sla.start_clock(
            policy=POLICY,
            severity=Severity.INFO,
            kind=ClockKind.RESPONSE,
            incident_id=7,
            company_id=1,
            now=START,
        )
        is None
    )


def test_a_warning_comes_half_an_hour_before_but_never_before_half_of_a_short_promise() -> None:
    assert _clock(Severity.HIGH).warn_before == 30 * MINUTE
    assert _clock(Severity.CRITICAL).warn_before == 15 * MINUTE


def test_each_threshold_is_crossed_once_in_its_order() -> None:
    clock = _clock()
    assert sla.crossed(clock, START + 14 * MINUTE) == ()
    assert sla.crossed(clock, START + 15 * MINUTE) == (Threshold.WARNING,)
    assert sla.crossed(clock, START + 30 * MINUTE) == (Threshold.BREACH,)
    warned = replace(clock, warned_at=START + 15 * MINUTE)
    assert sla.crossed(warned, START + 16 * MINUTE) == ()
    breached = replace(warned, breached_at=START + 30 * MINUTE)
    assert sla.crossed(breached, START + 99 * MINUTE) == ()
    assert [one.next_check_at() for one in (clock, warned, breached)] == [
        START + 15 * MINUTE,
        START + 30 * MINUTE,
        None,
    ]


def test_the_states_it_shows() -> None:
    clock = _clock()
    assert clock.state(START) is ClockState.RUNNING
    assert clock.state(START + 15 * MINUTE) is ClockState.WARNED
    assert clock.state(START + 30 * MINUTE) is ClockState.BREACHED
    assert sla.pause(clock, START).state(START + 99 * MINUTE) is ClockState.PAUSED
    assert sla.meet(clock, START + 30 * MINUTE).state(START + 99 * MINUTE) is ClockState.MET
    assert sla.meet(clock, START + 31 * MINUTE).state(START) is ClockState.MISSED


def test_a_met_or_paused_clock_crosses_nothing() -> None:
    late = START + 99 * MINUTE
    for still in (sla.meet(_clock(), START), sla.pause(_clock(), START)):
        assert sla.crossed(still, late) == () and still.next_check_at() is None


def test_another_severity_is_another_target_from_the_same_start() -> None:
    raised = sla.rebase(_clock(Severity.LOW), POLICY, Severity.CRITICAL)
    assert raised == _clock(Severity.CRITICAL)
    assert sla.rebase(_clock(Severity.LOW), POLICY, Severity.INFO) == _clock(Severity.LOW)


STEPS = st.lists(
    st.tuples(st.sampled_from(["pause", "resume", "meet", "reopen", "wait"]), st.integers(0, 4000)),
    max_size=20,
)


@given(STEPS, st.sampled_from([Severity.CRITICAL, Severity.HIGH]))
@settings(max_examples=200)
def test_no_sequence_differs_from_counting_seconds(steps: list[tuple[str, int]], severity: Severity) -> None:
    clock = _clock(severity)
    now = START
    counted = 0
    for what, wait in steps:
        clock = _turn(clock, what, now)
        for _ in range(wait):
            counted += clock.running
        now += timedelta(seconds=wait)
        left = clock.target.total_seconds() - counted
        if clock.met_at is None:
            assert clock.left(now).total_seconds() == left
        if clock.running:
            if left > 0:
                assert (clock.due_at - now).total_seconds() == left
            assert (clock.state(now) is ClockState.BREACHED) == (counted >= clock.target.total_seconds())


def _turn(clock: SlaClock, what: str, now: datetime) -> SlaClock:
    if what == "pause":
        return sla.pause(clock, now)
    if what == "resume":
        return sla.pausing_ended(clock, now)
    if what == "meet":
        return sla.meet(clock, now)
    return sla.reopen(clock, now) if what == "reopen" else clock


@given(STEPS)
def test_turning_twice_is_turning_once(steps: list[tuple[str, int]]) -> None:
    clock, now = _clock(), START
    for what, wait in steps:
        clock = _turn(clock, what, now)
        assert _turn(clock, what, now) == clock
        now += timedelta(seconds=wait)


def test_promises_agree_with_a_minute_counter() -> None:
    """Any zone, week, holiday; pauses, resolving and reopening, other severities: the same due minute as counting.
    `make bench-sla` for the long run."""
    chance, covered = random.Random(7), Covered()
    for number in range(CASES):
        hours, begin, minutes = generated(chance, ZONES)
        covered.case(hours, begin, minutes)
        always = frozenset([Severity.CRITICAL]) if chance.random() < 0.3 else frozenset()
        policy = SlaPolicy(hours=hours.text if chance.random() < 0.9 else "", around_the_clock=always)
        clock = sla.start_clock(
            policy=policy, severity=Severity.HIGH, kind=chance.choice(list(ClockKind)), incident_id=1, company_id=1,
            now=begin,
        )  # fmt: skip
        assert clock is not None
        open_ = list(counted_by_minutes(hours, begin, minutes))
        running, seen = [], 0  # was each minute so far one in which nothing paused it?
        while seen < minutes:
            what = chance.choice(["pause", "resume", "meet", "reopen", "severity", "wait"])
            now = begin + seen * MINUTE
            covered.counts[f"turn: {what}"] += 1
            if what == "severity":
                clock = sla.rebase(
                    clock, policy, chance.choice([Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM])
                )
            else:
                clock = _turn(clock, what, now)
            step = min(minutes - seen, chance.randrange(0, 600))
            running += [clock.running] * step
            seen += step
            now = begin + seen * MINUTE
            if clock.met_at is not None:
                continue
            counts = [
                one and (bool(opens) or not clock.hours) for one, opens in zip(running, open_, strict=False)
            ]
            told = (number, hours.text, begin, clock)
            assert clock.left(now) == clock.target - sum(counts) * MINUTE, told
            wanted = int(clock.target / MINUTE)
            places = [place for place, one in enumerate(counts) if one]
            if len(places) >= wanted:
                assert clock.due_at == begin + (places[wanted - 1] + 1) * MINUTE, told
            elif clock.running:
                assert clock.due_at > now or clock.left(now) == timedelta(0), told
    print(f"promises: {covered}")

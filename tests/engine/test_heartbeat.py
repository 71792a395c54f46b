"""Heartbeats: when one is late, and what each call changes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.heartbeat import (
    Heartbeat,
    HeartbeatState,
    Signal,
    heard,
    lateness,
    missed,
    span_of,
    span_words,
    usual_grace,
    valid_name,
)
from tests.clock import START

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)


def nightly(**changes: object) -> Heartbeat:
    values: dict[str, object] = {
        "company_id": 1,
        "name": "nightly-backup",
        "every": DAY,
        "grace": HOUR,
        "since": START,
    }
    return Heartbeat(**{**values, **changes})  # type: ignore[arg-type]


def test_it_is_late_when_its_time_and_its_grace_are_over() -> None:
    called = heard(nightly(), Signal.OK, START + DAY)
    assert called.state is HeartbeatState.UP and called.due_at == START + 2 * DAY + HOUR
    assert not missed(called, called.due_at - timedelta(microseconds=1))
    assert missed(called, called.due_at)
    assert missed(nightly(), START + DAY + HOUR), "one that never called is late too"


def test_what_has_begun_has_its_grace_to_end() -> None:
    called = heard(nightly(), Signal.OK, START)
    early = heard(called, Signal.START, START + 20 * HOUR)
    assert early.due_at == START + 21 * HOUR
    late = heard(called, Signal.START, START + DAY + 50 * MINUTE)
    assert late.due_at == START + DAY + HOUR, "a late start does not make it later"
    assert heard(early, Signal.OK, START + 20 * HOUR + MINUTE).due_at == START + 45 * HOUR + MINUTE


def test_what_is_late_or_failed_is_not_missed_again() -> None:
    failed = heard(nightly(), Signal.FAIL, START)
    assert failed.state is HeartbeatState.FAILED and not missed(failed, START + 9 * DAY)
    assert heard(failed, Signal.OK, START + HOUR).state is HeartbeatState.UP


def test_a_call_that_comes_behind_a_newer_one_takes_nothing_back() -> None:
    newer = heard(nightly(), Signal.OK, START + 2 * HOUR)
    assert heard(newer, Signal.OK, START + HOUR).last_at == START + 2 * HOUR


CALLS = st.lists(st.tuples(st.sampled_from(Signal), st.integers(0, 10**6)), max_size=20)


@given(calls=CALLS)
def test_whatever_is_called_it_is_due_after_its_last_good_call(calls: list[tuple[Signal, int]]) -> None:
    one = nightly()
    at = START
    for signal, seconds in calls:
        at += timedelta(seconds=seconds)
        one = heard(one, signal, at)
        if signal is Signal.OK:
            assert one.due_at == at + DAY + HOUR and one.state is HeartbeatState.UP
        assert one.due_at <= (one.last_at or one.since) + DAY + HOUR


def test_it_says_why_it_is_late() -> None:
    now = START + 26 * HOUR
    called = heard(nightly(), Signal.OK, START)
    said = "Heartbeat nightly-backup of Acme is late: "
    assert lateness(called, "Acme", now) == said + "expected every 24 h, last heard 26 h ago."
    assert lateness(nightly(), "Acme", now) == (
        said + "expected every 24 h, never heard since it was set up 26 h ago."
    )
    begun = heard(called, Signal.START, now - 90 * MINUTE)
    assert lateness(begun, "Acme", now) == said + "it began 1 h ago and has not ended."


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("90s", 90),
        ("90", 90),
        ("15m", 900),
        ("24h", 86400),
        ("1d12h", 129600),
        (" 1H ", 3600),
        ("0s", None),
        ("", None),
        ("m", None),
        ("-5m", None),
        ("1w", None),
        ("367d", None),
        ("99999999999s", None),
        ("1.5h", None),
    ],
)
def test_times_as_people_write_them(text: str, span: int | None) -> None:
    assert span_of(text) == (None if span is None else timedelta(seconds=span))


@given(st.text(max_size=20))
def test_any_other_text_is_no_time_and_no_accident(text: str) -> None:
    span = span_of(text)
    assert span is None or timedelta(seconds=1) <= span <= timedelta(days=366)


def test_a_grace_nobody_chose_is_a_quarter_within_bounds() -> None:
    assert usual_grace(timedelta(minutes=1)) == MINUTE
    assert usual_grace(timedelta(minutes=20)) == 5 * MINUTE
    assert usual_grace(7 * DAY) == HOUR


def test_names_and_words() -> None:
    assert valid_name("nightly-backup_2") and valid_name("7")
    for name in ("", "-x", "a b", "a/b", "A", "ä", "a" * 65):
        assert not valid_name(name)
    words = [span_words(timedelta(seconds=s)) for s in (-5, 60, 120, 3600 * 26, 86400 * 3)]
    assert words == ["0 s", "60 s", "2 min", "26 h", "3 days"]

"""The odds of being late: counted from the like of it, nearest first, and never guessed from too little."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine.alert import Severity
from engine.incident import Incident, IncidentStatus
from engine.odds import ENOUGH, Ended, board, odds
from engine.sla import ClockKind, SlaClock
from tests.clock import START

MINUTE = timedelta(minutes=1)


def an_incident(number: int = 1, **changes: Any) -> Incident:
    values: dict[str, Any] = {
        "id": number,
        "company_id": 1,
        "correlation_key": "web-01|disk",
        "title": "Disk full",
        "asset": "web-01",
        "asset_name": "web-01",
        "signature": "disk",
        "category": "disk",
        "severity": Severity.CRITICAL,
        "status": IncidentStatus.ASSIGNED,
        "opened_at": START,
        "last_alert_at": START,
        "opened_reason": "",
    }
    return Incident(**values | changes)


def a_clock(number: int = 1, target: int = 60, **changes: Any) -> SlaClock:
    values: dict[str, Any] = {
        "incident_id": number,
        "company_id": 1,
        "kind": ClockKind.RESOLUTION,
        "started_at": START,
        "target": target * MINUTE,
        "warn_before": 10 * MINUTE,
    }
    return SlaClock(**values | changes)


def took(*minutes: int, **changes) -> list[Ended]:
    values: dict[str, Any] = {
        "kind": ClockKind.RESOLUTION,
        "key": "web-01|disk",
        "signature": "disk",
        "category": "disk",
        "severity": "critical",
    } | changes
    return [Ended(**values, took=one * MINUTE) for one in minutes]


def test_of_those_open_as_long_how_many_took_longer_than_is_left():
    past = took(5, 10, 15, *[30] * 3, *[90] * 8)
    found = odds(an_incident(), a_clock(), past, START + 20 * MINUTE)
    assert found is not None
    assert (found.late, found.of, found.like, found.left) == (8, 11, "the same problem", 40 * MINUTE)


def test_the_nearest_of_its_like_of_which_enough_is_known():
    elsewhere = took(*[90] * ENOUGH, key="db-01|disk")
    found = odds(an_incident(), a_clock(), [*took(5, 90), *elsewhere], START + MINUTE)
    assert found is not None and (found.like, found.of) == ("the same kind", ENOUGH + 2)
    rough = took(*[9] * ENOUGH, key="x", signature="other")
    found = odds(an_incident(), a_clock(), rough, START)
    assert found is not None and (found.like, found.late) == ("its category and severity", 0)
    by_severity = took(*[99] * ENOUGH, key="x", signature="other", category="cpu")
    found = odds(an_incident(), a_clock(), by_severity, START)
    assert found is not None and (found.like, found.share) == ("its severity", 1)


def test_too_little_says_nothing_and_neither_does_another_promise():
    assert odds(an_incident(), a_clock(), took(*[90] * (ENOUGH - 1)), START) is None
    assert odds(an_incident(), a_clock(), took(*[90] * 50, kind=ClockKind.RESPONSE), START) is None
    assert (
        odds(
            an_incident(),
            a_clock(),
            took(*[90] * 50, severity="low", category="x", key="y", signature="z"),
            START,
        )
        is None
    )
    assert odds(an_incident(), a_clock(), took(*[15] * 50), START + 20 * MINUTE) is None, (
        "all had ended by then"
    )
    assert odds(an_incident(), a_clock(), took(*[90] * 50), START + 60 * MINUTE) is None, "nothing is left"


def test_time_that_does_not_count_is_none():
    paused = a_clock(pauses=((START, START + 60 * MINUTE),))
    found = odds(an_incident(), paused, took(*[30] * 4, *[90] * 4), START + 80 * MINUTE)
    assert found is not None and (found.left, found.late, found.of) == (40 * MINUTE, 4, 8)


def test_by_the_odds_then_by_the_time_left_and_what_is_unknown_in_the_middle():
    sure, unlikely = an_incident(1), an_incident(2, correlation_key="b", signature="b")
    soon, later = (an_incident(number, company_id=2) for number in (3, 4))
    past = {1: [*took(*[90] * 20), *took(*[9] * 19, 90, key="b", signature="b")]}
    waiting = [
        (unlikely, a_clock(2)),
        (later, a_clock(4, target=50, company_id=2)),
        (soon, a_clock(3, target=40, company_id=2)),
        (sure, a_clock(1)),
    ]
    assert [one.incident.id for one in board(waiting, past, START)] == [1, 3, 4, 2]


def test_an_incident_stands_there_once_with_the_promise_most_in_danger():
    past = {1: [*took(*[200] * 9), *took(*[1] * 9, kind=ClockKind.RESPONSE)]}
    waiting = [(an_incident(), a_clock(target=30, kind=ClockKind.RESPONSE)), (an_incident(), a_clock())]
    (only,) = board(waiting, past, START)
    assert only.clock.kind is ClockKind.RESOLUTION and only.share == 1


def _unlike(one: Ended, names: list[str]) -> Ended:
    changes: dict[str, Any] = dict.fromkeys(names, "other")
    return replace(one, **changes)


@given(
    minutes=st.lists(st.integers(0, 200), max_size=60),
    gone=st.integers(0, 119),
    others=st.lists(st.sampled_from(["key", "signature", "category", "severity"]), max_size=60),
)
def test_the_figures_are_those_of_a_recount(minutes, gone, others):
    past = [
        _unlike(one, names)
        for one, names in zip(took(*minutes), [[], *([it] for it in others), *([[]] * 60)], strict=False)
    ]
    found = odds(an_incident(), a_clock(target=120), past, START + gone * MINUTE)
    same = [one for one in past if one.key == "web-01|disk"]
    alive = [one for one in same if one.took > gone * MINUTE]
    if len(alive) >= ENOUGH:
        assert found is not None and found.like == "the same problem"
        assert found.of == len(alive)
        assert found.late == len([one for one in alive if one.took > 120 * MINUTE])
    if found is not None:
        assert found.of >= ENOUGH and 0 <= found.late <= found.of

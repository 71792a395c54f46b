"""Which lines of a story are told together."""

from __future__ import annotations

from typing import Any

from bot.threads import FOLD_FROM, folded
from engine.audit import TimelineEntry, TimelineKind
from tests.clock import START


def line(number: int, kind: TimelineKind = TimelineKind.ALERT, **changes) -> TimelineEntry:
    values: dict[str, Any] = {
        "id": f"e{number}",
        "company_id": 1,
        "incident_id": 1,
        "at": START,
        "kind": kind,
        "text": f"line {number}",
        "actor": "Alert Whisperer",
        "body": "",
        "told": True,
    }
    return TimelineEntry(**values | changes)


def sizes(entries: list[TimelineEntry]) -> list[int]:
    return [len(some) for some in folded(entries)]


def test_few_lines_of_monitoring_are_told_one_by_one():
    assert sizes([line(number) for number in range(FOLD_FROM - 1)]) == [1] * (FOLD_FROM - 1)


def test_many_are_told_as_one_in_their_place():
    assert sizes([line(number) for number in range(14)]) == [14]
    mixed = [*(line(one) for one in range(5)), line(5, TimelineKind.NOTE, actor="Kim"), line(6), line(7)]
    assert sizes(mixed) == [5, 1, 1, 1]
    assert [entry.id for some in folded(mixed) for entry in some] == [entry.id for entry in mixed]


def test_what_a_person_did_a_run_printed_or_a_clock_says_is_never_folded_away():
    for kept in (
        [line(one, TimelineKind.NOTE, actor="Kim") for one in range(6)],
        [line(one, TimelineKind.RUN, body="output") for one in range(6)],
        [line(one, TimelineKind.SLA) for one in range(6)],
    ):
        assert sizes(kept) == [1] * 6

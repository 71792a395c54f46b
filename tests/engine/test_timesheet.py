"""Drafted time: from claim to resolution, without the silences, and never more than there was."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from engine.timesheet import Rate, Stretch, drafted, worked
from tests.clock import START

GAP = timedelta(minutes=30)


def stretch(minutes: int, *acts: int) -> Stretch:
    return Stretch(
        incident_id=7,
        company_id=1,
        user_id=2,
        title="Disk full",
        asset_name="web-01",
        severity="critical",
        person="Kim",
        begun_at=START,
        ended_at=START + timedelta(minutes=minutes),
        acts=[START + timedelta(minutes=one) for one in acts],
    )


def test_a_night_without_an_act_is_not_billed():
    (busy,) = drafted([stretch(42, 10, 25)], gap=GAP, rate=Rate(Decimal(90), "EUR"))
    assert (busy.minutes, busy.idle, busy.cost) == (42, 0, Decimal("63.00"))
    (night,) = drafted([stretch(600, 10, 595)], gap=GAP, rate=None)
    assert (night.minutes, night.idle, night.cost) == (10 + 30 + 5, 555, None)
    (short,) = drafted([stretch(0)], gap=GAP, rate=Rate(Decimal("95.50"), "USD"))
    assert (short.minutes, short.cost) == (1, Decimal("1.59"))


@given(st.integers(0, 3000), st.lists(st.integers(-100, 3100), max_size=30), st.integers(5, 1440))
def test_it_agrees_with_counting_every_minute(length: int, acts: list[int], gap: int):
    found = worked(stretch(length, *acts), timedelta(minutes=gap))
    marks = [0, *(one for one in acts if 0 < one < length)]
    counted = sum(any(mark <= minute < mark + gap for mark in marks) for minute in range(length))
    assert found == timedelta(minutes=counted)

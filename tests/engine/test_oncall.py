"""Who is on call at a moment: one plan, every zone, whatever the clocks do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import given
from hypothesis import strategies as st

from engine.oncall import Layer, Override, Rotation, Shift, gaps, shifts
from tests.clock import START

KIM, BOB, ANN = 1, 2, 3
HOUR = timedelta(hours=1)
ZONES = sorted(available_timezones() - {"localtime"})


def weekly(**changes) -> Rotation:
    layer = Layer(people=(KIM, BOB), days=7, start=date(2026, 3, 2))
    return Rotation(id=1, name="nights", timezone="Europe/Vienna", layers=(layer,), **changes)


def test_a_week_each_handed_over_on_the_plan_s_own_clock():
    plan = weekly()
    monday = datetime(2026, 3, 30, 7, tzinfo=UTC)  # nine o'clock in Vienna: summer time since yesterday
    assert [plan.at(monday - timedelta(seconds=1)), plan.at(monday)] == [BOB, KIM]
    assert plan.at(datetime(2026, 3, 2, 7, 59, tzinfo=UTC)) is None, "before it begins"
    assert plan.at(datetime(2026, 3, 2, 8, tzinfo=UTC)) == KIM


def test_the_first_layer_that_counts_decides_and_an_override_goes_before():
    nights = Layer(people=(ANN,), days=1, start=date(2026, 1, 1), hours="mon-fri 17:00-24:00")
    plan = replace(weekly(), layers=(nights, *weekly().layers))
    evening = datetime(2026, 3, 4, 18, tzinfo=UTC)
    assert plan.at(evening) == ANN and plan.at(evening - 8 * HOUR) == KIM
    covered = replace(plan, overrides=(Override(BOB, evening, evening + 2 * HOUR),))
    assert covered.at(evening) == BOB and covered.at(evening + 2 * HOUR) == ANN


def test_gaps_are_found_beforehand_and_only_where_somebody_should_be():
    only = Layer(people=(KIM,), days=7, start=date(2026, 3, 2), hours="mon-fri 17:00-22:00")
    plan = replace(weekly(), layers=(only,), hours="mon-fri 17:00-23:00")
    found = gaps(plan, START, START + timedelta(days=1))
    assert found == [Shift(datetime(2026, 3, 4, 21, tzinfo=UTC), datetime(2026, 3, 4, 22, tzinfo=UTC), None)]
    assert not gaps(weekly(), START, START + timedelta(days=30))
    assert gaps(replace(weekly(), layers=()), START, START + HOUR) == [Shift(START, START + HOUR, None)]


@given(
    zone=st.sampled_from(ZONES),
    hour=st.integers(0, 3 * 365 * 24),
    days=st.sampled_from([1, 2, 7, 14]),
    at=st.times(),
    people=st.integers(1, 4),
    hours=st.sampled_from(["", "22:00-06:00", "mon-fri 08:00-17:00"]),
    stands=st.lists(st.tuples(st.integers(-20, 60), st.integers(1, 30)), max_size=3),
)
def test_shifts_say_what_every_moment_says_in_every_zone(zone, hour, days, at, people, hours, stands):
    begin = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(hours=hour)
    layer = Layer(tuple(range(people)), days, date(2024, 12, 1), at.replace(second=0, microsecond=0), hours)
    over = tuple(Override(99, begin + HOUR * since, begin + HOUR * (since + long)) for since, long in stands)
    plan = Rotation(id=1, name="n", timezone=zone, layers=(layer,), overrides=over)
    end = begin + timedelta(days=3)
    found = shifts(plan, begin, end)
    assert found[0].begin == begin and found[-1].end == end, "always: somebody or a gap"
    for one, other in pairwise(found):
        assert one.end == other.begin and one.user_id != other.user_id
    for minutes in range(0, 3 * 1440, 37):
        moment = begin + timedelta(minutes=minutes)
        (holds,) = [one for one in found if one.begin <= moment < one.end]
        assert plan.at(moment) == holds.user_id
    if not hours and not over and people > 1:
        for one in found[1:]:
            shown = one.begin.astimezone(ZoneInfo(zone))
            assert shown.utcoffset() is not None
            before = (one.begin - timedelta(minutes=1)).astimezone(ZoneInfo(zone))
            assert shown.time() == layer.at or before.utcoffset() != shown.utcoffset(), "at its hour"
    assert time(9) == Layer((), 1, date(2026, 1, 1)).at

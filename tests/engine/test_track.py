"""What a key did: flapping with its bounds, and rounds with jitter, drift, left-out ones and summer time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.alert import Severity
from engine.patterns import FLAP_CHANGES, FLAP_QUIET, FLAP_SPAN
from engine.track import MOST_CHANGES, MOST_ROUNDS, Track

VIENNA = "Europe/Vienna"
NIGHT = datetime(2026, 1, 7, 1, 0, tzinfo=UTC)
"""02:00 in Vienna."""


def began(track: Track, at: datetime, severity: Severity = Severity.LOW, *, critical: bool = False) -> Track:
    return track.began(at, severity, window=900.0, timezone=VIENNA, critical=critical)


def lived(starts: list[datetime], *, minutes: float = 10, severity: Severity = Severity.LOW) -> Track:
    track = Track()
    for at in starts:
        track = began(track, at, severity).ended(at + timedelta(minutes=minutes))
    return track


def nights(count: int, *, first: datetime = NIGHT, skipped: tuple[int, ...] = ()) -> list[datetime]:
    """So many, on the clock of the wall in Vienna."""
    wall = first.astimezone(ZoneInfo(VIENNA))
    found = (wall + timedelta(days=one) for one in range(count + len(skipped)) if one not in skipped)
    return [one.astimezone(UTC) for one in found]


def test_every_night_in_words() -> None:
    assert lived(nights(2)).rhythm == ""
    assert lived(nights(5)).rhythm == "every night about 02:00 CET, each of the last 5 nights"
    assert lived(nights(6, skipped=(3,))).rhythm == "every night about 02:00 CET, 6 of the last 7 nights"
    weeks = [NIGHT + timedelta(weeks=one) for one in (0, 1, 3, 4)]
    assert lived(weeks).rhythm == "every Wednesday about 02:00 CET, 4 of the last 5 weeks"
    hourly = [NIGHT + timedelta(hours=2 * one) for one in range(5)]
    assert lived(hourly).rhythm == "every 2.0 h (±1 min), 5 times"
    noon = [NIGHT + timedelta(hours=11, days=one) for one in range(4)]
    assert lived(noon).rhythm == "every day about 13:00 CET, each of the last 4 days"


@pytest.mark.parametrize(
    "first", [datetime(2026, 3, 25, 3, 0, tzinfo=UTC), datetime(2026, 10, 21, 2, 0, tzinfo=UTC)]
)
def test_the_wall_clock_counts_when_summer_time_begins_or_ends(first: datetime) -> None:
    track = lived(nights(8, first=first))
    zone = "CEST" if first.month == 3 else "CET"
    assert track.rhythm == f"every night about 04:00 {zone}, each of the last 8 nights"
    assert all(not one.odd for one in track.rounds) and track.until is not None


def test_a_round_as_always_is_expected_and_anything_else_is_said() -> None:
    known = lived(nights(5))
    at = nights(6)[-1]
    calm = began(known, at)
    assert calm.unlike == "" and calm.until == at.timestamp() + 600 + 60
    worse = began(known, at, Severity.MEDIUM)
    assert (worse.unlike, worse.until) == ("unlike the last 5 nights: medium instead of low", None)
    noon = began(known, at + timedelta(hours=10))
    assert (
        noon.unlike == "unlike the last 5 nights: at 12:00 instead of about 02:00 CET" and noon.until is None
    )
    assert began(known, at, critical=True).until is None
    for severity in (Severity.HIGH, Severity.CRITICAL):
        assert began(lived(nights(5), severity=severity), at, severity).until is None
    left_open = began(lived(nights(4)), nights(5)[-1])
    assert began(left_open, at).until is None  # last night did not end by itself


def test_an_odd_one_out_does_not_end_the_series_but_a_new_hour_begins_one() -> None:
    known = lived(nights(5))
    odd = began(known, nights(6)[-1] + timedelta(hours=10)).ended(nights(6)[-1] + timedelta(hours=11))
    assert odd.rounds[-1].odd
    assert began(odd, nights(7)[-1]).until is not None
    moved = known
    for at in nights(16)[6:]:
        at += timedelta(hours=10)
        moved = began(moved, at).ended(at + timedelta(minutes=5))
    assert moved.rhythm.startswith("every day about 12:00") and not moved.unlike


@settings(max_examples=60, deadline=None)
@given(
    jitter=st.lists(st.floats(-600, 600), min_size=9, max_size=9),
    drift=st.floats(-180, 180),
    skipped=st.sets(st.integers(3, 7), max_size=2),
)
def test_a_series_is_found_with_jitter_drift_and_rounds_left_out(
    jitter: list[float], drift: float, skipped: set[int]
) -> None:
    track = Track()
    for number in range(9):
        if number in skipped:
            continue
        at = NIGHT + timedelta(days=number, seconds=jitter[number] + drift * number)
        track = began(track, at).ended(at + timedelta(minutes=10))
        if number == 8:
            assert "night" in track.rhythm and track.until is not None and not track.unlike


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(1, 2_000_000), min_size=1, max_size=60), st.sampled_from(Severity))
def test_whatever_happens_it_stays_small_and_comes_back_the_same(
    pauses: list[float], severity: Severity
) -> None:
    track, at = Track(), NIGHT
    for number, pause in enumerate(pauses):
        at += timedelta(seconds=pause)
        track = track.ended(at) if number % 2 else began(track, at, severity)
        assert Track.unpack(track.pack()) == track
        assert len(track.changes) <= MOST_CHANGES and len(track.rounds) <= MOST_ROUNDS
        assert len(track.pack()) < 2_000
        if severity in (Severity.CRITICAL, Severity.HIGH):
            assert track.until is None


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(1, 1_500), min_size=1, max_size=40))
def test_it_flaps_from_the_fifth_change_in_an_hour_until_it_is_quiet(pauses: list[float]) -> None:
    track, at, times = Track(), NIGHT, [0.0]
    times.clear()
    for number, pause in enumerate(pauses):
        at += timedelta(seconds=pause)
        track = track.ended(at) if number % 2 else began(track, at)
        times.append(at.timestamp())
        recent = [one for one in times if times[-1] - one <= FLAP_SPAN]
        if len(recent) >= FLAP_CHANGES:
            assert track.flapping is not None and track.flaps is not None
            assert track.quiet_at == times[-1] + FLAP_QUIET
        elif len(times) > 1 and times[-1] - times[-2] > FLAP_QUIET:
            assert track.flapping is None

"""The clock of a demo: faster than the world, and nobody's lease is shorter for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.clock import DatabaseClock, Pace
from bot.settings import WrongSetting, read

SINCE = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


def test_an_hour_is_a_minute_and_what_is_written_is_what_is_read() -> None:
    pace = Pace(60, SINCE)
    assert pace.shown(SINCE + timedelta(minutes=1)) == SINCE + timedelta(hours=1)
    assert Pace.read(pace.text) == pace
    assert Pace.read("").shown(SINCE) == SINCE


def test_a_lease_lasts_as_long_as_ever() -> None:
    span = timedelta(seconds=10)
    assert DatabaseClock().lasting(span) == span
    assert DatabaseClock(Pace(60, SINCE)).lasting(span) == timedelta(minutes=10)


@pytest.mark.parametrize("text", ["60", "0@1764000000", "121@1764000000", "60@soon", "-1@1764000000"])
def test_what_is_no_pace_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="times as fast"):
        Pace.read(text)


def test_a_fast_clock_never_runs_outside_of_the_sandbox() -> None:
    given = {"AW_DEMO_CLOCK": Pace(60, SINCE).text}
    with pytest.raises(WrongSetting, match="AW_DEMO_CLOCK"):
        read(given)
    assert read(given | {"SLACK_API_URL": "http://127.0.0.1:8090/slack/api/"}).pace.speed == 60

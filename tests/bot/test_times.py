"""Times as people type them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.words.times import clock_time, span, until, window
from engine.errors import Refused
from engine.schedule import wall

NOW = datetime(2026, 3, 4, 9, 0, tzinfo=UTC)  # a Wednesday, 10:00 in Vienna
VIENNA = "Europe/Vienna"


@pytest.mark.parametrize(
    ("typed", "minutes", "words"),
    [
        ("30m", 30, 1),
        ("2h", 120, 1),
        ("1d", 1440, 1),
        ("1h30m", 90, 1),
        ("90min", 90, 1),
        ("1w2d", 9 * 1440, 1),
        ("2 h", 120, 2),
        ("2 hours of work", 120, 2),
        ("45 minutes", 45, 2),
        ("3 days", 4320, 2),
        ("2H", 120, 1),
    ],
)
def test_a_length(typed, minutes, words):
    assert span(typed.split()) == (timedelta(minutes=minutes), words)


@pytest.mark.parametrize("typed", ["", "h", "2", "2x", "m2", "web-01", "2 3", "12345678h", "2 webs"])
def test_what_is_no_length(typed):
    assert span(typed.split()) is None


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("8am", "08:00"),
        ("12am", "00:00"),
        ("12pm", "12:00"),
        ("8:30pm", "20:30"),
        ("18:00", "18:00"),
        ("noon", "12:00"),
        ("midnight", "00:00"),
        ("8", None),
        ("25:00", None),
        ("10:75", None),
        ("13pm", None),
        ("0am", None),
    ],
)
def test_a_time_of_day(typed, shown):
    found = clock_time(typed)
    assert (found.strftime("%H:%M") if found else None) == shown


@pytest.mark.parametrize(
    ("typed", "local", "words", "moment"),
    [
        ("2h replacing it", "2026-03-04 12:00", 1, False),
        ("for 2 h", "2026-03-04 12:00", 3, False),
        ("tomorrow 8am because", "2026-03-05 08:00", 2, True),
        ("until tomorrow", "2026-03-05 08:00", 2, True),
        ("18:00", "2026-03-04 18:00", 1, True),
        ("9:30", "2026-03-05 09:30", 1, True),
        ("fri 6pm", "2026-03-06 18:00", 2, True),
        ("wed 11:00", "2026-03-04 11:00", 2, True),
        ("wednesday 9:00", "2026-03-11 09:00", 2, True),
        ("until 2026-03-29 12:00", "2026-03-29 12:00", 3, True),
    ],
)
def test_until_when(typed, local, words, moment):
    found = until(typed.split(), NOW, VIENNA)
    assert found and wall(found.at, VIENNA).strftime("%Y-%m-%d %H:%M") == local
    assert (found.words, found.moment) == (words, moment)


@pytest.mark.parametrize("typed", ["", "web-01", "until", "until doomsday", "2026-13-01 10:00", "because"])
def test_what_is_no_end(typed):
    assert until(typed.split(), NOW, VIENNA) is None


@pytest.mark.parametrize(
    ("typed", "words", "rule", "first", "hours"),
    [
        ("sat 22:00-02:00 weekly kernel", 3, "FREQ=WEEKLY;BYDAY=SA", "2026-03-07 22:00", 4),
        ("sat 22:00-02:00 kernel", 2, "", "2026-03-07 22:00", 4),
        ("every sat 10pm-2am weekly", 4, "FREQ=WEEKLY;BYDAY=SA", "2026-03-07 22:00", 4),
        ("sat,sun 01:00-03:00 x", 2, "FREQ=WEEKLY;BYDAY=SA,SU", "2026-03-07 01:00", 2),
        ("mon-fri 20:00-21:00", 2, "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "2026-03-04 20:00", 1),
        ("fri-mon 20:00-21:00", 2, "FREQ=WEEKLY;BYDAY=MO,FR,SA,SU", "2026-03-06 20:00", 1),
        ("weekdays 20:00 1h", 3, "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "2026-03-04 20:00", 1),
        ("daily 02:00-04:00 backups", 2, "FREQ=DAILY", "2026-03-05 02:00", 2),
        ("daily 22:00-11:00 long", 2, "FREQ=DAILY", "2026-03-03 22:00", 13),  # going on right now
        ("22:00-23:00 daily", 2, "FREQ=DAILY", "2026-03-04 22:00", 1),
        ("second tue 22:00-02:00 monthly", 4, "FREQ=MONTHLY;BYDAY=2TU", "2026-03-10 22:00", 4),
        ("last sun 03:00 for 2h patches", 5, "FREQ=MONTHLY;BYDAY=-1SU", "2026-03-29 03:00", 2),
        ("sat 22:00-02:00 every 2 weeks", 5, "FREQ=WEEKLY;INTERVAL=2;BYDAY=SA", "2026-03-07 22:00", 4),
        ("sat 22:00-02:00 fortnightly", 3, "FREQ=WEEKLY;INTERVAL=2;BYDAY=SA", "2026-03-07 22:00", 4),
        ("2026-12-01 22:00 4h cut-over", 3, "", "2026-12-01 22:00", 4),
        ("2026-12-01 22:00 4h monthly", 4, "FREQ=MONTHLY;BYMONTHDAY=1", "2026-12-01 22:00", 4),
        ("tomorrow 22:00 - 23:00 x", 4, "", "2026-03-05 22:00", 1),
        ("wed 08:00-09:00", 2, "", "2026-03-11 08:00", 1),
        ("wed 08:00-11:00", 2, "", "2026-03-04 08:00", 3),
        ("08:00-09:00", 1, "", "2026-03-05 08:00", 1),
        (
            "sat 22:00-02:00 rrule=FREQ=MONTHLY;BYDAY=SA;BYSETPOS=-1",
            3,
            "FREQ=MONTHLY;BYDAY=SA;BYSETPOS=-1",
            "2026-03-28 22:00",
            4,
        ),
    ],
)
def test_a_window(typed, words, rule, first, hours):
    found = window(typed.split(), NOW, VIENNA)
    assert found is not None
    made, taken = found
    assert (taken, made.rule) == (words, rule)
    begins = next(one for one in made.stretches if one.ends_at > NOW).starts_at
    assert wall(begins, VIENNA).strftime("%Y-%m-%d %H:%M") == first
    assert made.length == timedelta(hours=hours) and made.timezone == VIENNA


def test_a_series_ends_when_it_is_told_to_or_after_a_year():
    told = window(["sat", "22:00-02:00", "weekly", "until", "2026-04-01", "kernel"], NOW, VIENNA)
    assert told and told[1] == 5 and len(told[0].stretches) == 4
    plain = window(["sat", "22:00-02:00", "weekly"], NOW, VIENNA)
    assert plain and plain[0].until == NOW + timedelta(days=365) and len(plain[0].stretches) == 52


def test_now_for_a_time():
    found = window(["now", "4h", "cut-over"], NOW, VIENNA)
    assert found and found[1] == 2 and found[0].stretches[0].ends_at == NOW + timedelta(hours=4)
    found = window(["now", "for", "4h"], NOW, VIENNA)
    assert found and found[1] == 3


@pytest.mark.parametrize("typed", ["", "web-01 sat", "kernel updates", "- 22:00"])
def test_what_is_no_window(typed):
    assert window(typed.split(), NOW, VIENNA) is None


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("sat", "From when to when"),
        ("sat 22:00", "for how long"),
        ("now", "For how long"),
        ("sat 22:00-02:00 rrule=FREQ=HOURLY", "cannot be used"),
    ],
)
def test_half_a_window_is_asked_about(typed, why):
    with pytest.raises(Refused, match=why):
        window(typed.split(), NOW, VIENNA)


TYPED = """sat mon-fri 22:00-02:00 22:00 - 4h 2 h every weeks weekly daily monthly last first until 2026-04-01 now for
once tomorrow rrule=FREQ=DAILY a 99h 0m – at weekdays 24:00 9999-12-31 2199-12-31 0001-01-01 9999w"""
WORDS = st.sampled_from(TYPED.split())


@example(["2", "4h"])
@given(st.lists(WORDS, max_size=7) | st.text(max_size=60).map(str.split))
def test_no_words_break_it(words):
    end = until(words, NOW, VIENNA)
    assert end is None or 0 < end.words <= len(words)
    span(words)
    try:
        found = window(words, NOW, VIENNA)
    except Refused:
        return
    assert found is None or (0 < found[1] <= len(words) and found[0].length >= timedelta(0))

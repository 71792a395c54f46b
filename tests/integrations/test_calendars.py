"""Calendars of others: whatever planned them, the shifts are read on their own clock, or it is said why not."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.oncall import Shift
from integrations.calendars import MOST, Person, WrongCalendar, nobody, read, whose, written

NOW = datetime(2026, 3, 4, 9, tzinfo=UTC)
KIM, BOB = Person(1, "Kim", "kim@msp.example"), Person(2, "Bob Stone", "bob@msp.example")


def ical(*events: str) -> bytes:
    body = "\r\n".join(f"BEGIN:VEVENT\r\nUID:{n}\r\n{one}\r\nEND:VEVENT" for n, one in enumerate(events))
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y//EN\r\n{body}\r\nEND:VCALENDAR\r\n".encode()


def at(day: int, hour: int, month: int = 3) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


def test_times_with_a_zone_without_one_and_whole_days():
    found = read(
        ical(
            "SUMMARY:Kim\r\nDTSTART;TZID=America/New_York:20260310T090000\r\nDTEND;TZID=America/New_York:20260310T170000",
            "SUMMARY:Bob\r\nDTSTART:20260305T090000\r\nDURATION:PT8H",
            "SUMMARY:Ann\r\nDTSTART;VALUE=DATE:20260306\r\nDTEND;VALUE=DATE:20260308",
            "SUMMARY:Old\r\nDTSTART:20250306T090000Z\r\nDTEND:20250306T170000Z",
            "SUMMARY:Off\r\nSTATUS:CANCELLED\r\nDTSTART:20260306T090000Z\r\nDTEND:20260306T170000Z",
        ),
        timezone="Europe/Vienna",
        now=NOW,
    )
    assert [(one.title, one.begin, one.end) for one in found] == [
        ("Bob", at(5, 8), at(5, 16)),
        ("Ann", at(5, 23), at(7, 23)),
        ("Kim", at(10, 13), at(10, 21)),
    ]


def test_nine_o_clock_stays_nine_o_clock_through_the_change_of_the_clocks():
    found = read(
        ical(
            "SUMMARY:Kim\r\nDTSTART;TZID=Europe/Vienna:20260302T090000\r\nDTEND;TZID=Europe/Vienna:20260302T170000\r\n"
            "RRULE:FREQ=WEEKLY;BYDAY=MO;UNTIL=20260413T220000Z\r\nEXDATE;TZID=Europe/Vienna:20260316T090000"
        ),
        timezone="UTC",
        now=NOW,
    )
    assert [one.begin for one in found] == [at(9, 8), at(23, 8), at(30, 7), at(6, 7, 4), at(13, 7, 4)]


def test_one_that_was_moved_stands_where_it_was_moved_to():
    rule = "SUMMARY:Kim\r\nDTSTART:20260305T090000Z\r\nDTEND:20260305T170000Z\r\nRRULE:FREQ=DAILY;COUNT=3"
    moved = "SUMMARY:Bob Stone\r\nRECURRENCE-ID:20260306T090000Z\r\nDTSTART:20260306T120000Z\r\nDTEND:20260306T180000Z"
    text = ical(rule, moved).replace(b"UID:1", b"UID:0")
    found = read(text, timezone="UTC", now=NOW)
    assert [(one.title, one.begin) for one in found] == [
        ("Kim", at(5, 9)),
        ("Bob Stone", at(6, 12)),
        ("Kim", at(7, 9)),
    ]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "no iCalendar file"),
        (b"<html>sign in</html>", "no iCalendar file"),
        (b"x" * (1024 * 1024 + 1), "over 1 MiB"),
        (ical("SUMMARY:x"), "no beginning"),
        (ical("DTSTART:20260305T090000Z\r\nDURATION:PT1H\r\nRRULE:FREQ=SECONDLY"), "not read"),
        (ical("DTSTART:20260305T090000Z\r\nDURATION:PT1H\r\nRRULE:FREQ=DAILY;BYDAY=XX"), "cannot be read"),
        (ical(*["DTSTART:20260305T090000Z\r\nDURATION:PT1H"] * (MOST + 1)), f"more than {MOST}"),
        (ical(*["DTSTART:20260301T090000Z\r\nDURATION:PT1H\r\nRRULE:FREQ=DAILY"] * 3), f"more than {MOST}"),
    ],
)
def test_what_cannot_be_read_says_why(body, why):
    with pytest.raises(WrongCalendar, match=why):
        read(body, timezone="UTC", now=NOW)


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: ical(text.replace("\n", " "))))
def test_nothing_breaks_it(body):
    with suppress(WrongCalendar):
        assert len(read(body, timezone="UTC", now=NOW)) <= MOST


@pytest.mark.parametrize(
    ("event", "person"),
    [
        ("SUMMARY:On call\r\nATTENDEE;CN=Kim:mailto:KIM@msp.example", KIM),
        ("SUMMARY:bob@msp.example on call", BOB),
        ("SUMMARY:nights: Kim", KIM),
        ("SUMMARY:Bob Stone (night)", BOB),
        ("SUMMARY:Kimberly", None),
        ("SUMMARY:Kim and Bob Stone", None),
        ("SUMMARY:x\r\nATTENDEE:mailto:kim@msp.example\r\nATTENDEE:mailto:bob@msp.example", None),
        ("SUMMARY:somebody", None),
    ],
)
def test_whose_an_entry_is(event, person):
    (entry,) = read(ical(f"{event}\r\nDTSTART:20260305T090000Z\r\nDURATION:PT8H"), timezone="UTC", now=NOW)
    assert whose(entry, [KIM, BOB]) == person


def test_what_is_written_is_read_back():
    plan = [Shift(at(5, 9), at(5, 17), 1), Shift(at(5, 17), at(6, 9), None), Shift(at(6, 9), at(6, 17), 2)]
    body = written("nights", [("nights", one) for one in plan], {1: KIM, 2: BOB}, NOW)
    found = read(body, timezone="Asia/Tokyo", now=NOW)
    assert [(one.begin, one.end) for one in found] == [(one.begin, one.end) for one in plan]
    assert [whose(one, [KIM, BOB]) for one in found if not nobody(one)] == [KIM, BOB]
    assert [nobody(one) for one in found] == [False, True, False]
    assert timedelta(hours=8) == found[0].end - found[0].begin

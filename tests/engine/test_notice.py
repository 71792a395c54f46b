"""When people are told: criticals at once, the rest together and not at night, never a flood."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import given
from hypothesis import strategies as st

from engine.company import Reach
from engine.notice import (
    GATHER,
    MOST,
    RESERVED,
    SPAN,
    NoticeKind,
    Transport,
    due,
    free_at,
    quiet_until,
    ways,
)
from tests import given as a
from tests.clock import START

KIM = a.a_user("Kim", id=1)
ZONES = sorted(available_timezones() - {"localtime"})


def test_chat_does_not_repeat_what_the_card_says_and_other_ways_are_a_wish():
    assert ways(KIM, NoticeKind.ESCALATED, urgent=False) == (Transport.CHAT, Transport.EMAIL)
    assert ways(KIM, NoticeKind.ASSIGNED, urgent=True) == (Transport.EMAIL,)
    assert ways(KIM, NoticeKind.ASSIGNED, urgent=True, set_up=[Transport.CHAT, Transport.SMS]) == ()
    far = {"chat": Reach.OFF, "email": Reach.ALL, "sms": Reach.ALL}
    picky = a.a_user("Bob", reach=far, phone="+43660123")
    assert ways(picky, NoticeKind.ASSIGNED, urgent=False) == (Transport.EMAIL,)
    assert ways(picky, NoticeKind.PAGED, urgent=True) == (Transport.EMAIL, Transport.SMS)


def test_quiet_hours_hold_what_is_not_urgent_until_they_end():
    night = a.a_user("Kim", timezone="Europe/Vienna", quiet_hours="22:00-07:00")
    late = datetime(2026, 3, 4, 22, 30, tzinfo=UTC)
    assert due(night, urgent=True, now=late) == late
    assert due(night, urgent=False, now=late) == datetime(2026, 3, 5, 6, 0, tzinfo=UTC)
    assert due(night, urgent=False, now=START) == START + GATHER
    assert due(None, urgent=False, now=START) == START + GATHER
    assert quiet_until(a.a_user("Kim", quiet_hours="nonsense"), late) is None


@given(
    st.sampled_from(ZONES),
    st.integers(0, 3 * 365 * 24 * 60),
    st.integers(0, 23),
    st.integers(1, 23),
)
def test_what_waits_for_the_morning_is_never_told_within_quiet_hours(zone, minute, begin, length):
    now = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
    end = (begin + length) % 24
    user = a.a_user("Kim", timezone=zone, quiet_hours=f"{begin:02d}:00-{end:02d}:00")
    at = due(user, urgent=False, now=now)
    assert now <= at <= now + GATHER + timedelta(hours=26)
    hour = at.astimezone(ZoneInfo(zone)).hour
    inside = begin <= hour < end if begin < end else hour >= begin or hour < end
    assert not inside, (at, hour)


@given(st.lists(st.integers(0, 4000), max_size=60, unique=True), st.booleans())
def test_a_place_never_gets_more_than_it_may(seconds, urgent):
    """Whatever wants to go out, told when it may be, is at most so much within any span."""
    sent: list[datetime] = []
    for second in sorted(seconds):
        now = max([START + timedelta(seconds=second), *sent[-1:]])
        sent.append(free_at(sent, urgent=urgent, now=now))
    most = MOST + (RESERVED if urgent else 0)
    for first, last in zip(sent, sent[most:], strict=False):
        assert last - first >= SPAN
    assert sent == sorted(sent)

"""Whom to call next, and when: by the chain, once for each breach, and not while somebody is at it."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.escalation import (
    DEFAULT,
    MOST_HOPS,
    REPEAT_EVERY,
    Hop,
    Standing,
    Told,
    WrongChain,
    next_hop,
    one_up,
    read_chain,
)
from engine.sla import ClockKind
from tests.clock import START

CHAIN = read_chain(DEFAULT)
RESPONSE, RESOLUTION = ClockKind.RESPONSE, ClockKind.RESOLUTION


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


BOTH = {RESPONSE: at(30), RESOLUTION: at(240)}
LATE = {RESOLUTION: at(240)}


def hop(told: list[tuple[int, float]], *, due=BOTH, heard=None, repeat=2, silence=0) -> Hop | None:
    standing = Standing(
        due=due,
        heard_at=at(heard) if heard is not None else None,
        repeat=repeat,
        silence=timedelta(minutes=silence),
    )
    return next_hop(CHAIN, standing, [Told(step, at(when)) for step, when in told])


@pytest.mark.parametrize(
    ("wanted", "told", "how"),
    [
        (Hop(0, at(30)), [], {}),
        (Hop(1, at(240)), [], {"due": LATE}),  # answered in time: only the solution can be late
        (None, [], {"due": {}}),
        (Hop(0, at(60), again=True), [(0, 30)], {}),
        (Hop(1, at(240)), [(0, 30), (0, 60), (0, 90)], {}),
        (Hop(1, at(240)), [(0, 30)], {"due": LATE, "heard": 35}),  # taken in hand: nobody is called
        (Hop(2, at(270)), [(1, 240)], {"due": LATE}),
        (None, [(1, 240)], {"due": LATE, "heard": 245}),
        (Hop(1, at(305), again=True), [(1, 240)], {"due": LATE, "heard": 245, "silence": 60}),
        (Hop(2, at(300), again=True), [(1, 240), (2, 270)], {"due": LATE}),
        (None, [(1, 240), (2, 270), (2, 300), (2, 330)], {"due": LATE}),
        (None, [(1, 240), (2, 270)], {"due": LATE, "repeat": 0}),
        (Hop(1, at(240)), [(1, 100)], {"due": LATE, "heard": 110}),  # wanted by a person before it was late
        (Hop(2, at(130)), [(1, 100)], {"due": LATE}),
    ],
)
def test_the_default_chain(wanted, told, how):
    assert hop(told, **how) == wanted


def test_one_level_up_stops_at_the_top():
    assert one_up(CHAIN, []) == 0
    assert one_up(CHAIN, [Told(1, START)]) == 2
    assert one_up(CHAIN, [Told(2, START), Told(0, START)]) is None
    assert one_up(read_chain("off"), []) is None


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (DEFAULT, DEFAULT),
        ("off", "off"),
        ("Response +1h on-call, email:Ops@Msp.Example", "response +60m on_call, email:Ops@Msp.Example"),
        ("resolution msp_admin; 1d channel", "resolution msp_admin; 1440m channel"),
        (
            "response sms:+43123456789, voice:+43123456789; 5m webhook:https://x.example/A?b=c",
            "response sms:+43123456789, voice:+43123456789; 5m webhook:https://x.example/A?b=c",
        ),
    ],
)
def test_chains_are_kept_in_one_spelling(text, kept):
    assert read_chain(text).text == kept and read_chain(kept).text == kept


@pytest.mark.parametrize(
    "text",
    [
        "",
        "technician",
        "5m technician",
        "response",
        "response nobody",
        "response technician; company_admin",
        "response technician; 0m company_admin",
        "response email:nowhere",
        "response webhook:http://plain.example/",
        "response technician:kim",
        "; ".join(["response technician"] * 11),
    ],
)
def test_what_is_no_chain_is_refused(text):
    with pytest.raises(WrongChain):
        read_chain(text)


MOMENT = st.integers(1, 1200)


@given(
    chain=st.sampled_from(
        [
            DEFAULT,
            "response technician; 10m on_call; 10m msp_admin; resolution +20m company_admin",
            "response on_call",
        ]
    ),
    taken=st.none() | MOMENT,
    words=st.lists(MOMENT, max_size=4),
    solved=st.none() | MOMENT,
    repeat=st.integers(0, 3),
    silence=st.sampled_from([0, 45, 240]),
)
def test_through_any_day_each_breach_calls_once_and_nobody_while_somebody_is_at_it(
    chain, taken, words, solved, repeat, silence
):
    """Minute by minute: what a person does, and the calls that are made when they are due."""
    steps = read_chain(chain)
    told: list[Told] = []
    heard_then: list[datetime | None] = []
    for minute in range(1300):
        if solved is not None and minute >= solved:
            break
        heard = None
        if taken is not None and minute >= taken:
            heard = max(at(one) for one in [taken, *words] if taken <= one <= minute)
        due = {RESOLUTION: at(240)} | ({RESPONSE: at(30)} if taken is None or taken > minute else {})
        standing = Standing(due=due, heard_at=heard, repeat=repeat, silence=timedelta(minutes=silence))
        found = next_hop(steps, standing, told)
        while found is not None and found.at <= at(minute):
            told.append(Told(found.step, at(minute)))
            heard_then.append(heard)
            found = next_hop(steps, standing, told)
            assert found is None or found.at > at(minute), "one call at a time"
    end = min(solved or 1300, 1300)
    late = [place for place, step in enumerate(steps.steps) if step.begins is RESOLUTION]
    if late and end > 260:
        assert any(one.step >= late[0] for one in told), "what is late is told to somebody"
    if (taken is None or taken > 30) and end > 31:
        assert told and told[0] == Told(0, at(30)), "once it is due, not a minute later"
    assert len(told) <= MOST_HOPS
    begun_by_breach = {at(30), *(at(240) + steps.steps[place].after for place in late)}
    for one, heard in zip(told, heard_then, strict=True):
        earlier = [it for it in told if it.at < one.at]
        if one.at in begun_by_breach or heard is None or not earlier or heard <= earlier[-1].at:
            continue
        assert silence and one.at - heard >= timedelta(minutes=silence), "somebody was at it"
    for first, second in pairwise(told):
        if first.step == second.step and second.at not in begun_by_breach:
            assert second.at - first.at >= min(REPEAT_EVERY, timedelta(minutes=silence or 30))

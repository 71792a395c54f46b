"""Handing off: the colleague has to accept; nobody answers, and it stays; the same in Slack and Teams."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from engine.ask import ANSWER_WITHIN
from engine.errors import NotFound
from engine.operations import answer
from tests import given
from tests.harness import Harness, eventually, shown


async def owner(h: Harness, number: int) -> int | None:
    incident = await h.read(lambda tx: tx.incidents.get(number))
    found: int | None = incident.assignee_id
    return found


async def two_of_kims(h: Harness) -> None:
    await h.fire("acme")
    card = await h.card("acme", saying="for @Kim")
    await h.press("kim", card, "claim")
    await h.card("acme", saying="in the hands of Kim")
    await h.fire("acme", "Certificate of shop.acme.example expires", asset_name="acme-shop-01")
    await h.card("acme", count=2)
    await h.command("kim", "acme", "/aw claim INC-2")


async def test_it_is_the_giver_s_until_it_is_accepted_once(h: Harness):
    await two_of_kims(h)
    said = shown(await h.command("kim", "acme", "/aw handoff @bob all off to the airport"))
    assert "INC-1, INC-2 offered to Bob. Until that is accepted they stay with you" in said
    message = await h.told("bob", "Kim hands 2 incidents off to you")
    assert "off to the airport" in shown(message) and "INC-2" in shown(message)
    assert await owner(h, 1) == h.users["kim"].id
    twice = shown(await h.command("kim", "acme", "/aw handoff @bob INC-2"))
    assert "INC-2 is offered already" in twice
    (ask,) = await h.read(lambda tx: tx.asks.open_of(h.users["bob"].id))
    bob, now = given.actor(h.users["bob"]), h.core.clock.now()
    stranger = given.actor(h.users["lee"])
    with pytest.raises(NotFound):
        await h.write(lambda tx: answer.accept(tx, ask.id, actor=stranger, now=now))
    await asyncio.gather(
        h.press("bob", message, "ask_accept"),
        *(h.write(lambda tx: answer.accept(tx, ask.id, actor=bob, now=now)) for _ in range(3)),
    )
    await h.told("kim", "Bob took over INC-1, INC-2.")
    await h.card("acme", saying="in the hands of Bob")
    assert [await owner(h, one) for one in (1, 2)] == [h.users["bob"].id] * 2
    story = await h.read(lambda tx: tx.timeline.of_incident(1))
    assert [one.text for one in story].count("Kim handed it off to Bob.") == 1, "single use"
    done = await h.told("bob", "Bob took over INC-1, INC-2.")
    assert not done.buttons, "its buttons are gone"
    assert len([one for one in h.direct("bob") if "hands 2 incidents" in shown(one)]) == 1


async def test_not_accepted_in_five_minutes_it_returns_and_both_hear_so(h: Harness):
    await two_of_kims(h)
    await h.command("kim", "acme", "/aw handoff @bob INC-1")
    message = await h.told("bob", "Kim hands 1 incident off to you")
    await h.quiet()
    h.clock.shift += ANSWER_WITHIN + timedelta(seconds=1)
    await h.press("bob", message, "ask_accept")
    await h.told("kim", "Bob did not take over INC-1 (not accepted within 5 minutes): it stays with you.")
    await h.told("bob", "INC-1 stays with Kim.")
    assert await owner(h, 1) == h.users["kim"].id
    await h.command("kim", "acme", "/aw handoff @bob INC-1")
    await eventually(
        lambda: len([one for one in h.direct("bob") if "hands 1 incident off" in shown(one)]) == 2,
        what="a second offer",
    )
    assert "stays where it was" in shown(await h.command("bob", "acme", "/aw handoff decline"))
    await h.told("kim", "Bob declined: INC-1 stays with you.")
    await h.command("kim", "acme", "/aw handoff @bob INC-2")
    assert "taken back" in shown(await h.command("kim", "acme", "/aw handoff back"))
    assert "Nobody asked you anything" in shown(await h.command("bob", "acme", "/aw handoff accept"))
    assert await owner(h, 2) == h.users["kim"].id


async def test_what_cannot_be_handed_off_says_why(h: Harness):
    await two_of_kims(h)
    for who, words, why in (
        ("kim", "handoff", "Hand off to whom?"),
        ("kim", "handoff @kim", "That is you."),
        ("kim", "handoff @dana INC-1", "does not work on incidents"),
        ("bob", "handoff @kim INC-1", "is in somebody else's hands"),
        ("bob", "handoff @kim", "Nothing is in your name."),
        ("dana", "handoff @kim INC-1", "Only those who work on incidents"),
        ("kim", "handoff @bob INC-99", "There is no INC-99"),
    ):
        assert why in shown(await h.command(who, "acme", f"/aw {words}")), words
    await h.command("bob", "acme", "/aw leave 2d")
    assert "Bob is on leave." in shown(await h.command("kim", "acme", "/aw handoff @bob"))

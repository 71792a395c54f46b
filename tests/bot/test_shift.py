"""Hand-offs, pages and swaps in process: once, by whom it may be, and what a digest says."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.actions.people import Handoff, Page
from bot.commands import parse
from bot.shift.digest import digest
from engine.access import SYSTEM
from engine.ask import ANSWER_WITHIN, MOST_OPEN, AskState, labels
from engine.errors import Refused
from engine.notice import NoticeKind, Transport
from engine.oncall import Layer, Rotation, handed_over
from engine.operations import answer, handoff, oncall, page, respond, wait
from tests import given, quiet
from tests.bot.rest import serving
from tests.bot.test_board import fire


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("handoff @7", Handoff(7)),
        ("handoff @7 all", Handoff(7)),
        ("handoff @7 INC-3, 4 the rest", Handoff(7, (3, 4), "the rest")),
        ("handoff INC-3 @7", Handoff(7, (3,))),
        ("handoff accept", Handoff(words="accept")),
        ("handoff back", Handoff(words="back")),
        ("page @7 come quickly", Page(7, text="come quickly")),
        ("page @7 INC-3 come", Page(7, about=3, text="come")),
        ("page @7 3 servers are down", Page(7, text="3 servers are down")),
        ("page oncall acme INC-3 help", Page(on_call=True, about=3, text="acme help")),
        ("page on-call", Page(on_call=True)),
    ],
)
def test_words(typed, meant):
    assert parse(typed) == [meant]


def test_in_a_thread_it_is_about_that_incident():
    assert parse("handoff @7", here=12) == [Handoff(7, (12,))]
    assert parse("handoff @7 all", here=12) == [Handoff(7)]
    assert parse("page @7 help", here=12) == [Page(7, about=12, text="help")]
    assert labels((1, 2, 3), most=2) == "INC-1, INC-2 and 1 more"


async def offered(world: given.World, *numbers: int):
    now = world.core.clock.now()
    return await world.core.write(
        lambda tx: handoff.offer(tx, world.bob.id, numbers, actor=given.actor(world.kim), now=now)
    )


async def claimed(world: given.World, user=None) -> int:
    number = await fire(world)
    actor, now = given.actor(user or world.kim), world.core.clock.now()
    await world.core.write(lambda tx: respond.claim(tx, number, actor=actor, now=now))
    return number


async def accept(world: given.World, ask_id: str, user):
    actor, now = given.actor(user), world.core.clock.now()
    return await world.core.write(lambda tx: answer.accept(tx, ask_id, actor=actor, now=now))


async def test_accepting_and_expiring_at_once_end_it_once(world, clock):
    incident = await claimed(world)
    for number in range(4):
        if number:
            now = clock.now()
            await world.core.write(
                lambda tx, now=now, it=incident: respond.assign(
                    tx, it, to=world.kim.id, actor=given.actor(world.root), now=now
                )
            )
        ask = await offered(world, incident)
        clock.advance(seconds=ANSWER_WITHIN.total_seconds() - (1 if number % 2 else 0))
        now = clock.now()
        await asyncio.gather(
            accept(world, ask.id, world.bob),
            world.core.write(lambda tx, it=ask.id, now=now: answer.end(tx, it, now=now)),
            return_exceptions=True,
        )
        stored = await world.core.read(lambda tx, it=ask.id: tx.asks.get(it))
        found = await world.core.read(lambda tx, it=incident: tx.incidents.get(it))
        assert stored.state is (AskState.ACCEPTED if number % 2 else AskState.EXPIRED)
        assert found.assignee_id == (world.bob.id if number % 2 else world.kim.id)
        with pytest.raises(Refused) as refused:
            await accept(world, ask.id, world.kim)
        assert refused.value.code == "not_found", "the giver accepts nothing"


async def test_a_foreign_company_a_resolved_one_and_what_moved_on(world, clock):
    mine = await claimed(world)
    with pytest.raises(Refused, match="I do not know that person"):
        await world.core.write(
            lambda tx: handoff.offer(tx, world.eve.id, [mine], actor=given.actor(world.kim), now=clock.now())
        )
    other = await fire(world, "Service nginx down")
    await world.core.write(lambda tx: respond.claim(tx, other, actor=given.actor(world.kim), now=clock.now()))
    ask = await offered(world)
    assert set(ask.incidents) == {mine, other}, "all that is in Kim's name"
    await world.core.write(
        lambda tx: respond.resolve(tx, other, actor=given.actor(world.kim), now=clock.now())
    )
    await accept(world, ask.id, world.bob)
    stored = await world.core.read(lambda tx: tx.asks.get(ask.id))
    assert stored.outcome == f"Bob took over INC-{mine}. INC-{other} had moved on."
    assert await accept(world, ask.id, world.bob) == stored, "pressed twice: a silent success"


async def test_who_was_asked_too_often_is_not_asked_more(world, clock):
    actor = given.actor(world.kim)
    for number in range(MOST_OPEN):
        text = f"word {number}"
        await world.core.write(
            lambda tx, text=text: page.page(
                tx, world.bob.id, text, incident_id=None, actor=actor, now=clock.now()
            )
        )
    with pytest.raises(Refused, match="wait for an answer already"):
        await world.core.write(
            lambda tx: page.page(
                tx, world.bob.id, "once more", incident_id=None, actor=actor, now=clock.now()
            )
        )


async def test_a_page_goes_by_every_urgent_way_and_a_claim_is_an_answer(world, clock):
    number = await fire(world)
    phoned = replace(world.bob, phone="+4366412345", quiet_hours="00:00-24:00")
    await world.core.write(lambda tx: tx.users.change(phoned))
    ways = frozenset({Transport.CHAT, Transport.SMS, Transport.EMAIL})

    async def send(tx):
        tx.ways = ways
        return await page.page(
            tx, world.bob.id, "help", incident_id=number, actor=given.actor(world.kim), now=clock.now()
        )

    ask = await world.core.write(send)
    told = await world.core.read(lambda tx: tx.notices.of_incident(number))
    paged = [one for one in told if one.kind is NoticeKind.PAGED]
    assert {one.transport for one in paged} == {Transport.SMS, Transport.EMAIL}, "chat is the message itself"
    assert all(one.urgent and one.due_at == clock.now() for one in paged), "quiet hours or not"
    clock.advance(minutes=1)
    await world.core.write(
        lambda tx: respond.claim(tx, number, actor=given.actor(world.bob), now=clock.now())
    )
    clock.advance(seconds=ANSWER_WITHIN.total_seconds())
    await world.core.write(lambda tx: answer.end(tx, ask.id, now=clock.now()))
    stored = await world.core.read(lambda tx: tx.asks.get(ask.id))
    assert stored.state is AskState.ACCEPTED and stored.told == 1


async def test_the_digest_names_what_is_quiet_and_keeps_to_ones_own_companies(world, clock):
    number = await claimed(world)
    await world.tell(given.alert(), company=world.globex)
    await quiet.add(world)
    await world.core.write(
        lambda tx: wait.hold(tx, number, reason="a password", actor=given.actor(world.kim), now=clock.now())
    )
    start = clock.now() - timedelta(days=1)
    layer = Layer((world.kim.id, world.bob.id), 1, start.date(), clock.now().time())
    await world.core.write(
        lambda tx: oncall.put(
            tx, Rotation(id=0, name="nights", layers=(layer,)), actor=SYSTEM, now=clock.now()
        )
    )
    clock.advance(seconds=1)
    (plan,) = await world.core.read(lambda tx: tx.rotations.all())
    over = handed_over(plan, clock.now(), within=timedelta(hours=1))
    assert over is not None and (over.shift.user_id, over.before) == (world.bob.id, world.kim.id)
    text = await world.core.read(lambda tx: digest(tx, plan, over, world.bob, clock.now()))
    assert "Open: 1 (1 critical)." in text and "Quiet: silence 1 until" in text
    assert f"Waiting for the client: INC-{number} for 1 s (a password)" in text
    assert "Globex" not in text and "Open: 2" not in text, "Bob does not work for them"


async def test_by_rest(world, clock):
    number = await claimed(world)
    async with serving(world.core) as rest:
        body = {"to": world.bob.email, "incidents": [f"INC-{number}"], "text": "off"}
        (made,) = (await rest.post(world.kim, "/api/handoffs", body, status=201))["asks"]
        assert made["asked"]["name"] == "Bob" and made["state"] == "open"
        (seen,) = (await rest.get(world.bob, "/api/asks"))["asks"]
        assert seen["id"] == made["id"]
        await rest.post(world.ada, f"/api/asks/{made['id']}/accept", status=404)
        await rest.post(world.vera, "/api/handoffs", body, status=403)
        await rest.post(world.kim, "/api/handoffs", {"to": world.eve.email}, status=404)
        done = await rest.post(world.bob, f"/api/asks/{made['id']}/accept")
        assert done["state"] == "accepted"
        assert (await rest.get(world.bob, f"/api/incidents/{number}"))["assignee"]["name"] == "Bob"
        await rest.post(world.kim, "/api/pages", {"text": "help"}, status=422)
        refused = await rest.post(world.kim, "/api/pages", {"company": "acme"}, status=422)
        assert "Nobody is on call for Acme now." in refused["detail"]
        (paged,) = (await rest.post(world.kim, "/api/pages", {"to": world.bob.id}, status=201))["asks"]
        await rest.post(world.bob, f"/api/asks/{paged['id']}/decline", status=422)

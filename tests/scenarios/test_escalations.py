"""What is late calls people, level by level, once, until somebody takes it."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import aiohttp
import pytest

from engine.access import Actor, Via
from engine.audit import TimelineKind
from engine.errors import Conflict, Refused
from engine.operations import configure, escalate
from engine.setting import SETTINGS, Origin
from tests.harness import CLI, Harness, eventually, shown
from tests.scenarios.test_outbreaks import _bearer

HALF_HOUR = timedelta(minutes=30)


async def calls(h: Harness, number: int = 1) -> list[tuple[int, list[str]]]:
    """(level, who was called), in the order of time."""
    names = {user.id: name for name, user in h.users.items()}
    made = await h.read(lambda tx: tx.escalations.of(number))
    return [(one.step + 1, [names[user_id] for user_id in one.called]) for one in made]


async def test_nobody_takes_it_and_the_chain_goes_up(h: Harness):
    await h.fire("acme")
    card = await h.card("acme", saying="↗ a technician at")
    assert "for @Kim" in shown(card)
    h.clock.shift += HALF_HOUR
    line = await h.thread("acme", saying="SLA breached: the time to respond to it (0.5 h) is over.")
    assert "@" not in shown(line), "the line about the call mentions, once"
    called = await h.thread("acme", saying="↗ Level 1: Bob. Nobody had it in hand in time.")
    assert "@Bob" in shown(called) and "@Kim" not in shown(called)
    await h.card("acme", saying="for @Bob")
    given = await h.read(lambda tx: tx.incidents.get(1))
    assert given is not None and given.assigned_reason.endswith("Kim was asked before")
    message = await h.told("bob", "escalated to you (level 1)")
    h.clock.shift += HALF_HOUR
    await h.thread("acme", saying="Nothing was heard since it was called last")
    await h.press("bob", message, "claim")
    await h.card("acme", saying="in the hands of Bob")
    h.clock.shift += timedelta(hours=2, minutes=55)
    await h.quiet()
    assert await calls(h) == [(1, ["bob"]), (1, ["kim"])], "somebody is at it"
    h.clock.shift += timedelta(minutes=6)
    await h.thread("acme", saying="↗ Level 2: Maria. It is not solved in time.")
    await h.told("maria", "escalated to you (level 2)")
    late = await h.thread("acme", saying="the time to resolve it (4 h) is over")
    await h.press("bob", late, "late")
    await h.submit("bob", text="Waited for a disk")
    await h.thread("acme", saying="Bob on why it is late: Waited for a disk")
    h.clock.shift += timedelta(minutes=31)
    await h.quiet()
    assert len(await calls(h)) == 3, "Bob has said something since"
    story = await h.read(lambda tx: tx.timeline.of_incident(1))
    assert [one.text for one in story if one.kind is TimelineKind.LATE] == [
        "Bob on why it is late: Waited for a disk"
    ]
    h.clock.shift += timedelta(hours=4)
    await h.quiet()
    assert (await calls(h))[3:] == [(2, ["maria"])], "nothing was heard of Bob for four hours"
    h.clock.shift += HALF_HOUR
    await h.thread("acme", saying="↗ Level 3: Lee. Nobody answered at level 2.")
    await h.told("lee", "escalated to you (level 3)")


async def test_a_person_wants_the_next_level_now(h: Harness):
    await h.fire("acme", severity="high")
    card = await h.card("acme")
    await h.press("kim", card, "escalate")
    await h.submit("kim", text="I need the firewall password")
    await h.thread("acme", saying="↗ Kim escalated it to level 1: Bob. I need the firewall password")
    async with aiohttp.ClientSession(h.url) as web:
        head = await _bearer(h, h.users["kim"])
        body = {"reason": "still locked out"}
        async with web.post("/api/incidents/INC-1/escalate", json=body, headers=head) as answer:
            assert answer.status == 200, await answer.text()
    await h.thread("acme", saying="level 2: Maria. still locked out")
    await h.command("lee", "acme", "/aw escalate INC-1")
    await h.thread("acme", saying="Lee escalated it to level 3: Lee.")
    top = await h.command("kim", "acme", "/aw escalate INC-1 please")
    assert "It has reached the last level already." in shown(top) and "@Lee" in shown(top)
    viewer = await h.command("dana", "acme", "/aw escalate INC-1")
    assert "Only" in shown(viewer)
    assert await calls(h) == [(1, ["bob"]), (2, ["maria"]), (3, ["lee"])]
    kim = Actor(user=h.users["kim"], via=Via.SLACK)
    with pytest.raises(Refused, match="is not late"):
        await h.write(lambda tx: escalate.explain(tx, 1, "why", actor=kim, now=h.core.clock.now()))


async def test_replicas_at_once_call_once(h: Harness):
    await h.fire("acme")
    await h.fire("globex")
    h.clock.shift += HALF_HOUR

    async def once(number: int) -> None:
        await h.write(lambda tx: escalate.follow(tx, number, now=h.core.clock.now()))

    await h.thread("acme", saying="SLA breached")
    await asyncio.gather(*(once(number) for number in (1, 2) for _ in range(8)))
    await h.quiet()
    for number in (1, 2):
        assert len(await calls(h, number)) == 1
    made = (await h.read(lambda tx: tx.escalations.of(1)))[0]
    with pytest.raises(Conflict):
        await h.write(lambda tx: tx.escalations.add(made))


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_quiet_and_waiting_stop_it_and_its_end_goes_on(h: Harness):
    await h.fire("acme")
    await h.fire("globex")
    await h.command("kim", "acme", "/aw snooze INC-1 45m")
    card = await h.card("acme", saying="💤 snoozed")
    assert "↗" not in shown(card)
    await h.command("kim", "globex", "/aw hold INC-2 a password")
    h.clock.shift += HALF_HOUR
    await h.quiet()
    assert not await calls(h, 1) and not await calls(h, 2)
    h.clock.shift += HALF_HOUR / 2
    await h.thread("acme", saying="↗ Level 1")
    await h.command("kim", "globex", "/aw resume INC-2")
    await h.quiet()
    assert not await calls(h, 2), "what was waited does not count"
    h.clock.shift += HALF_HOUR
    await h.thread("globex", saying="↗ Level 1")


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_a_company_has_a_chain_of_its_own(h: Harness):
    async def chain(text: str) -> None:
        where, setting = configure.Where(Origin.COMPANY, "globex"), SETTINGS["escalation"]
        now = h.core.clock.now()
        await h.write(lambda tx: configure.put(tx, where, setting, setting.read(text), actor=CLI, now=now))

    await chain("response company_admin; 10m email:ops@globex.example, msp_admin")
    await h.fire("globex")
    await h.card("globex", saying="↗ the company admins at")
    h.clock.shift += HALF_HOUR
    await h.thread("globex", saying="↗ Level 2: Lee")  # there is no company admin at Globex
    made = await h.read(lambda tx: tx.notices.of_incident(1))
    await eventually(lambda: h.direct("lee"), what="a message to Lee")
    assert {one.destination for one in made} >= {"ops@globex.example"}
    await chain("off")
    await h.fire("globex", "CPU 99%")
    h.clock.shift += HALF_HOUR
    await h.thread("globex", saying="SLA breached")
    await h.quiet()
    assert not await calls(h, 2)

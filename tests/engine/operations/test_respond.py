"""What people do to an incident: once each, by whom it may be, with proof, story and an immediate edit of the card."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from engine.access import Actor, Via
from engine.company import User
from engine.errors import NotFound, Refused
from engine.incident import Incident, IncidentStatus
from engine.operations import respond
from engine.sla import ClockKind
from storage.transaction import Transaction
from tests import given
from tests.clock import START, TestClock
from tests.engine.operations.test_ingest import clocks, incident, proofs, story
from tests.given import World, number, recovery, results
from tests.given import alert as says

pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
Verb = Callable[..., Awaitable[Incident]]


async def do(world: World, verb: Verb, target: int, user: User, **more: Any) -> Incident:
    now = world.core.clock.now()
    return await world.core.write(lambda tx: verb(tx, target, actor=given.actor(user), now=now, **more))


@pytest.fixture
async def disk(world: World) -> int:
    """An open incident of Acme, offered to Kim."""
    return number(results(await world.tell(says()))[0]["incident_id"])


async def test_a_claim_stops_the_response_clock_only(world: World, disk: int, clock: TestClock) -> None:
    clock.advance(minutes=4)
    found = await do(world, respond.claim, disk, world.bob)
    assert (found.status, found.assignee_id, found.claimed_at) == (
        IncidentStatus.IN_PROGRESS,
        world.bob.id,
        clock.now(),
    )
    kept = await clocks(world, found)
    assert kept[ClockKind.RESPONSE].met_at == clock.now() and kept[ClockKind.RESOLUTION].met_at is None
    assert await proofs(world, found) == ["incident.opened", "incident.claimed"]


async def test_pressing_twice_is_a_silent_success(world: World, disk: int) -> None:
    for verb in (respond.claim, respond.resolve):
        first = await do(world, verb, disk, world.kim)
        assert await do(world, verb, disk, world.kim) == first
    assert await proofs(world, first) == ["incident.opened", "incident.claimed", "incident.resolved"]


async def test_the_second_to_claim_hears_who_has_it_since_when(
    world: World, disk: int, clock: TestClock
) -> None:
    await do(world, respond.claim, disk, world.kim)
    clock.advance(seconds=4)
    with pytest.raises(Refused) as refused:
        await do(world, respond.claim, disk, world.bob)
    assert refused.value.reason == "Kim claimed this 4 s ago; the card is up to date."
    assert refused.value.code == "stale" and refused.value.who == (world.kim.id,)


async def test_given_back_it_goes_to_the_next_and_the_next_claim_is_dated_anew(
    world: World, disk: int, clock: TestClock
) -> None:
    await do(world, respond.claim, disk, world.kim)
    clock.advance(hours=2)
    found = await do(world, respond.unclaim, disk, world.kim, reason="at lunch")
    assert (found.status, found.assignee_id, found.touched) == (IncidentStatus.ASSIGNED, world.bob.id, False)
    assert found.last_action == "Kim gave it back (at lunch)"
    await do(world, respond.claim, disk, world.bob)
    with pytest.raises(Refused, match="Bob claimed this 0 s ago"):
        await do(world, respond.claim, disk, world.kim)


async def test_given_back_it_recovers_by_itself_again(world: World, disk: int) -> None:
    await do(world, respond.claim, disk, world.kim)
    await do(world, respond.unclaim, disk, world.kim)
    await world.tell(recovery())
    assert not (await incident(world, f"INC-{disk}")).open


async def test_nobody_left_to_take_it_is_said(world: World, disk: int) -> None:
    async def off_duty(tx: Transaction) -> None:
        await tx.users.change(replace(world.bob, available=False))

    await world.core.write(off_duty)
    found = await do(world, respond.unclaim, disk, world.kim)
    assert (found.status, found.assignee_id) == (IncidentStatus.NEW, None)
    lines = await world.core.read(lambda tx: tx.timeline.of_incident(disk))
    assert lines[-1].text == "Kim gave it back. nobody is free: Kim said not me; Bob unavailable."


async def test_handing_over(world: World, disk: int) -> None:
    found = await do(world, respond.assign, disk, world.ada, to=world.bob.id)
    assert found.assignee_id == world.bob.id and found.last_action == "Assigned to Bob by Ada"
    assert await do(world, respond.assign, disk, world.ada, to=world.bob.id) == found


@pytest.mark.parametrize("who", ["eve", "vera"])
async def test_only_those_who_can_work_here_are_handed_it(world: World, disk: int, who: str) -> None:
    with pytest.raises(Refused, match=r"does not work for|cannot work on"):
        await do(world, respond.assign, disk, world.ada, to=getattr(world, who).id)
    with pytest.raises(Refused):
        await do(world, respond.assign, disk, world.ada, to=10**6)


@pytest.mark.parametrize(("text", "why"), [("  ", "words"), ("x" * 3001, "3,001 characters")])
async def test_a_note_has_words_but_not_too_many(world: World, disk: int, text: str, why: str) -> None:
    with pytest.raises(Refused, match=why) as refused:
        await do(world, respond.note, disk, world.kim, text=text)
    assert refused.value.code == "invalid"


async def test_a_note_is_part_of_the_story_and_of_the_proof(world: World, disk: int) -> None:
    found = await do(world, respond.note, disk, world.kim, text="  cleared /tmp ")
    assert (await story(world, found))[-1] == "note" and (await proofs(world, found))[-1] == "incident.noted"
    lines = await world.core.read(lambda tx: tx.timeline.of_incident(disk, told_only=True))
    assert [(line.text, line.actor) for line in lines] == [("cleared /tmp", "Kim")]


async def test_resolving_stops_both_clocks_and_names_an_owner(
    world: World, disk: int, clock: TestClock
) -> None:
    await do(world, respond.unclaim, disk, world.kim)
    clock.advance(hours=1)
    found = await do(world, respond.resolve, disk, world.root, text="grew the disk")
    assert (found.status, found.resolved_by, found.resolution) == (
        IncidentStatus.RESOLVED,
        "Root",
        "grew the disk",
    )
    assert {one.met_at for one in (await clocks(world, found)).values()} == {clock.now()}


async def test_reopening_goes_on_where_it_stopped(world: World, disk: int, clock: TestClock) -> None:
    await do(world, respond.claim, disk, world.kim)
    clock.advance(hours=1)
    await do(world, respond.resolve, disk, world.kim)
    clock.advance(hours=5)
    found = await do(world, respond.reopen, disk, world.kim, reason="not fixed")
    assert found.status is IncidentStatus.IN_PROGRESS and found.assignee_id == world.kim.id
    kept = await clocks(world, found)
    assert kept[ClockKind.RESOLUTION].due_at == START + timedelta(hours=4 + 5)
    assert kept[ClockKind.RESPONSE].met_at == START
    assert await do(world, respond.reopen, disk, world.kim) == found


async def test_what_is_open_under_another_number_is_not_reopened(
    world: World, disk: int, clock: TestClock
) -> None:
    await do(world, respond.resolve, disk, world.kim)
    clock.advance(hours=2)
    second = results(await world.tell(says()))[0]["incident_id"]
    assert number(second) != disk
    with pytest.raises(Refused, match=f"{second} is open for the same problem"):
        await do(world, respond.reopen, disk, world.kim)


VERBS: dict[str, tuple[Verb, dict[str, Any]]] = {
    "claim": (respond.claim, {}),
    "unclaim": (respond.unclaim, {}),
    "assign": (respond.assign, {"to": 1}),
    "note": (respond.note, {"text": "hello"}),
    "resolve": (respond.resolve, {}),
    "reopen": (respond.reopen, {}),
}


@pytest.mark.parametrize("verb", VERBS)
async def test_a_foreign_incident_and_a_missing_one_get_the_same_words(
    world: World, disk: int, verb: str
) -> None:
    act, more = VERBS[verb]
    said = []
    for target in (disk, 999):
        with pytest.raises(NotFound) as refused:
            await do(world, act, target, world.eve, **more)
        said.append(refused.value.reason.replace(str(target), "N"))
    assert said[0] == said[1]


@pytest.mark.parametrize("verb", VERBS)
async def test_a_viewer_only_sees(world: World, disk: int, verb: str) -> None:
    act, more = VERBS[verb]
    with pytest.raises(Refused, match=r"^Only technicians") as refused:
        await do(world, act, disk, world.vera, **more)
    assert refused.value.code == "denied"


@pytest.mark.parametrize("verb", ["unclaim", "assign", "note", "resolve"])
async def test_a_technician_keeps_off_what_another_claimed(world: World, disk: int, verb: str) -> None:
    await do(world, respond.claim, disk, world.kim)
    act, more = VERBS[verb]
    with pytest.raises(Refused, match="somebody else's hands") as refused:
        await do(world, act, disk, world.bob, **more)
    assert refused.value.who[0] == world.kim.id and world.ada.id in refused.value.who


@pytest.mark.parametrize("verb", ["claim", "unclaim", "assign"])
async def test_a_resolved_one_says_by_whom(world: World, disk: int, verb: str) -> None:
    await do(world, respond.resolve, disk, world.kim)
    act, more = VERBS[verb]
    with pytest.raises(Refused, match=f"INC-{disk} was already resolved by Kim") as refused:
        await do(world, act, disk, world.ada, **more | ({"to": world.bob.id} if verb == "assign" else {}))
    assert refused.value.code == "stale"


async def test_the_api_and_the_chat_are_told_apart_in_the_proof(world: World, disk: int) -> None:
    actor = Actor(user=world.kim, via=Via.API)
    await world.core.write(lambda tx: respond.claim(tx, disk, actor=actor, now=START))
    (last, *_) = await world.core.read(lambda tx: tx.audit.of_subject(world.acme.id, f"INC-{disk}"))
    assert (last.entry.via, last.entry.actor, last.entry.actor_id) == ("api", "Kim", world.kim.id)


@pytest.mark.parametrize(
    ("seconds", "text"), [(-1, "0 s ago"), (59, "59 s ago"), (60, "1 min ago"), (7300, "2 h ago")]
)
def test_ages_in_one_figure(seconds: int, text: str, backend: str) -> None:
    assert respond.ago_text(timedelta(seconds=seconds)) == text


async def test_nobody_is_assigned_while_on_leave_but_by_themselves(
    world: World, disk: int, clock: TestClock
) -> None:
    away = replace(world.bob, leave_from=None, leave_until=clock.now() + timedelta(seconds=1))

    async def goes(tx: Transaction) -> None:
        await tx.users.change(away)

    await world.core.write(goes)
    with pytest.raises(Refused, match="Bob is on leave"):
        await do(world, respond.assign, disk, world.ada, to=world.bob.id)
    assert (await do(world, respond.assign, disk, away, to=world.bob.id)).assignee_id == world.bob.id
    await do(world, respond.assign, disk, world.ada, to=world.kim.id)
    clock.advance(seconds=1)
    assert (await do(world, respond.assign, disk, world.ada, to=world.bob.id)).assignee_id == world.bob.id

"""Handing incidents to a colleague, who has to accept: until then, and without an answer, they stay with the giver."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from engine import incident as state
from engine.access import SYSTEM, Actor, Denied, Verb, Via, may
from engine.ask import ANSWER_WITHIN, MOST_INCIDENTS, Ask, AskKind, AskState, labels
from engine.audit import AuditKind, TimelineKind
from engine.company import User
from engine.errors import NotFound, Refused
from engine.identifiers import new_id
from engine.incident import Incident
from engine.operations import asking, respond
from engine.operations.record import prove, tell
from engine.people_ports import PeopleTransaction
from engine.priority import priority

NOTE = 300


@dataclass(frozen=True, slots=True)
class Taken:
    """What changed hands, and what had moved on meanwhile."""

    taken: tuple[int, ...]
    gone: tuple[int, ...]


async def offer(
    tx: PeopleTransaction,
    to: int | None,
    numbers: Sequence[int],
    *,
    note: str = "",
    actor: Actor,
    now: datetime,
) -> Ask:
    """Offer these, or all that is in the giver's name. Nothing changes yet."""
    giver, taker = asking.worker(actor), await asking.other(tx, to, actor=actor, now=now)
    found = await _named(tx, numbers, actor) if numbers else await _all(tx, giver, now)
    for one in found:
        _must_fit(one, giver, taker)
    ids = tuple(one.id for one in found)
    for open_ask in await tx.asks.open_by(giver.id):
        if open_ask.kind is AskKind.HANDOFF and set(open_ask.incidents) & set(ids):
            both = tuple(one for one in ids if one in open_ask.incidents)
            raise Refused(
                f"{labels(both)} is offered already.",
                hint="`/aw handoff back` takes the offer back.",
                code="stale",
            )
    ask = Ask(
        id=new_id(now),
        kind=AskKind.HANDOFF,
        asker_id=giver.id,
        asked_id=taker.id,
        incidents=ids,
        text=" ".join(note.split())[:NOTE],
        at=now,
        expires_at=now + ANSWER_WITHIN,
    )
    await asking.put(tx, ask, actor=actor, asked=taker, now=now)
    _story(tx, found, f"{giver.name} offers it to {taker.name}.", actor, now)
    return ask


async def _named(tx: PeopleTransaction, numbers: Sequence[int], actor: Actor) -> list[Incident]:
    return [await respond.find(tx, one, Verb.ASSIGN, actor) for one in sorted(numbers)]


async def _all(tx: PeopleTransaction, giver: User, now: datetime) -> list[Incident]:
    """Everything open in the giver's name, the most urgent first."""
    held = [one for one in await tx.incidents.held_by(giver.id) if giver.works_for(one.company_id)]
    held.sort(key=lambda one: (-priority(one, now).score, one.id))
    if not held:
        raise Refused("Nothing is in your name.", code="invalid")
    return held[:MOST_INCIDENTS]


def _must_fit(incident: Incident, giver: User, taker: User) -> None:
    if not incident.open:
        raise Refused(f"{incident.label} is resolved.", code="stale")
    if incident.assignee_id != giver.id:
        hint = "`/aw assign` gives it to somebody at once."
        raise Refused(f"{incident.label} is not in your name.", hint=hint, code="invalid")
    if isinstance(may(Actor(user=taker, via=Via.ENGINE), Verb.CLAIM, incident.company_id), Denied):
        raise Refused(
            f"{taker.name} does not work for the company of {incident.label}.",
            hint="Name the others by their numbers, or somebody else.",
            code="invalid",
        )


async def accept(tx: PeopleTransaction, ask: Ask, *, actor: Actor, now: datetime) -> Taken:
    """They are in the taker's hands from now on; what is not the giver's any more stays where it is."""
    giver = await tx.users.get(ask.asker_id)
    name = giver.name if giver else "somebody who is gone"
    taken: list[int] = []
    for number in sorted(ask.incidents):
        if await _take(tx, number, ask, name, actor, now):
            taken.append(number)
    gone = tuple(one for one in ask.incidents if one not in taken)
    left = f" {labels(gone)} had moved on." if gone else ""
    what = labels(tuple(taken)) if taken else "nothing"
    outcome = f"{actor.name} took over {what}.{left}"
    ended = await asking.settle(tx, ask, AskState.ACCEPTED, outcome, actor=actor, now=now)
    await asking.hear(tx, ask.asker_id, outcome, ended, now=now)
    return Taken(tuple(taken), gone)


async def _take(
    tx: PeopleTransaction, number: int, ask: Ask, giver: str, actor: Actor, now: datetime
) -> bool:
    before = await tx.incidents.get(number)
    if before is None or not before.open or before.assignee_id != ask.asker_id:
        return False
    assert actor.id is not None
    if isinstance(may(actor, Verb.CLAIM, before.company_id), Denied):
        return False
    given = state.reassign(before, user_id=actor.id, reason=f"handed off by {giver}")
    said = f"{giver} handed it off to {actor.name}."
    prove(
        tx,
        given,
        AuditKind.INCIDENT_ASSIGNED,
        actor=actor,
        now=now,
        was=ask.asker_id,
        to=actor.id,
        ask=ask.id,
    )
    tell(tx, given, TimelineKind.ASSIGNED, said, actor=actor, now=now)
    await tx.incidents.save(before, state.acted(given, what=said, now=now))
    await tx.incidents.flush()
    await respond.claim(tx, number, actor=actor, now=now)
    return True


async def decline(tx: PeopleTransaction, ask: Ask, *, actor: Actor, now: datetime) -> None:
    what = labels(ask.incidents)
    outcome = f"{actor.name} declined: {what} stays with you."
    ended = await asking.settle(
        tx, ask, AskState.DECLINED, f"{actor.name} declined {what}.", actor=actor, now=now
    )
    await asking.hear(tx, ask.asker_id, outcome, ended, now=now)
    found = await tx.incidents.get_many(ask.incidents)
    _story(tx, list(found.values()), f"{actor.name} declined it.", actor, now)


async def expire(tx: PeopleTransaction, ask: Ask, *, now: datetime, why: str = "") -> None:
    """Nobody answered in time: it is the giver's as it was, and both hear so."""
    giver, taker = await tx.users.get(ask.asker_id), await tx.users.get(ask.asked_id)
    what, minutes = labels(ask.incidents), int(ANSWER_WITHIN.total_seconds() // 60)
    name = giver.name if giver else "the giver"
    because = why or f"not accepted within {minutes} minutes"
    outcome = f"{because[:1].upper()}{because[1:]}: {what} stays with {name}."
    ended = await asking.settle(tx, ask, AskState.EXPIRED, outcome, now=now)
    theirs = f"{taker.name} did not take over {what}" if taker else f"Nobody took over {what}"
    await asking.hear(tx, ask.asker_id, f"{theirs} ({because}): it stays with you.", ended, now=now)
    if not why:
        await asking.hear(tx, ask.asked_id, outcome, ended, now=now)
    found = await tx.incidents.get_many(ask.incidents)
    _story(tx, list(found.values()), f"It stays with {name}: {because}.", SYSTEM, now)


async def withdraw(tx: PeopleTransaction, *, actor: Actor, now: datetime) -> list[Ask]:
    """Take back every offer that is open."""
    giver = asking.worker(actor)
    mine = [one for one in await tx.asks.open_by(giver.id) if one.kind is AskKind.HANDOFF]
    if not mine:
        raise NotFound("Nothing of yours is offered.")
    for ask in mine:
        outcome = f"{giver.name} took the offer of {labels(ask.incidents)} back."
        await asking.settle(tx, ask, AskState.WITHDRAWN, outcome, actor=actor, now=now)
    return mine


def _story(tx: PeopleTransaction, found: Sequence[Incident], text: str, actor: Actor, now: datetime) -> None:
    """Into the incidents' stories, not into their threads: nothing has changed for those who read there."""
    for one in found:
        tell(tx, one, TimelineKind.ASSIGNED, text, actor=actor, now=now, told=False)

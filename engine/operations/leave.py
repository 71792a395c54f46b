"""Leave: nobody gets anything while away, and what they hold goes to others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from engine import incident as state
from engine.access import SYSTEM, Actor
from engine.audit import AuditKind, TimelineKind
from engine.company import Role, User
from engine.errors import Refused
from engine.incident import Incident
from engine.notice import NoticeKind
from engine.operations import directory
from engine.operations.notify import notify
from engine.operations.record import prove, show, tell
from engine.people_jobs import BeginLeave
from engine.people_ports import PeopleTransaction
from engine.routing import choose, wanted

LONGEST = timedelta(days=366)
AT_ONCE = 50
"""So many incidents are handed on in one transaction."""


@dataclass(frozen=True, slots=True)
class Left:
    """What happened to the incidents of somebody who is away: handed on to others, and those still in their hands."""

    begun: bool = True
    handed: int = 0
    kept: tuple[Incident, ...] = ()
    more: bool = False


async def go(tx: PeopleTransaction, begin: datetime, end: datetime, *, actor: Actor, now: datetime) -> Left:
    """`actor` is away from `begin` to `end`. What is offered to them goes on as soon as that begins."""
    user = actor.user
    if user is None or user.role not in (Role.TECHNICIAN, Role.MSP_ADMIN, Role.COMPANY_ADMIN):
        raise Refused("Only people who work on incidents go on leave.", code="denied")
    if not now < end or not begin < end:
        raise Refused(
            "That leave would be over already.", hint="For example `/aw leave until friday`.", code="invalid"
        )
    if end - now > LONGEST:
        raise Refused(
            "That is more than a year.", hint="`aw user set --unavailable` is for longer.", code="invalid"
        )
    away = replace(user, leave_from=begin, leave_until=end)
    facts = {"leave_from": begin.isoformat(), "leave_until": end.isoformat()}
    stored = await directory.change_user(tx, away, actor=actor, now=now, **facts)
    job = BeginLeave(company_id=0, user_id=user.id)
    if begin > now:
        tx.jobs.put(job, due_at=begin)
        return Left(begun=False)
    left = await hand_on(tx, stored, now=now)
    if left.more:
        tx.jobs.put(job, due_at=now)
    return left


async def back(tx: PeopleTransaction, *, actor: Actor, now: datetime) -> User:
    """Here again, now. Somebody who is not away, and has no leave ahead, is told so."""
    user = actor.user
    if user is None or user.leave_until is None or user.leave_until <= now:
        raise Refused("You are not on leave.", code="stale")
    here = replace(user, leave_from=None, leave_until=None)
    return await directory.change_user(tx, here, actor=actor, now=now, leave_from=None, leave_until=None)


async def begin(tx: PeopleTransaction, user_id: int, *, now: datetime) -> None:
    """A leave that was planned begins: hand on, and ask about what is in hand. Changed meanwhile: nothing."""
    user = await tx.users.get(user_id)
    if user is None or not user.on_leave(now):
        return
    left = await hand_on(tx, user, now=now)
    if left.more:
        tx.jobs.put(BeginLeave(company_id=0, user_id=user_id), due_at=now)
    elif left.kept and user.leave_until is not None:
        numbers = ", ".join(one.label for one in left.kept[:10])
        text = f"You are on leave and still have {numbers} in hand. `/aw assign @somebody` gives them on."
        key = f"leave:{user.id}:{int(user.leave_until.timestamp())}"
        notify(tx, [user], NoticeKind.HANDOFF, text, key=key, now=now)


async def hand_on(tx: PeopleTransaction, user: User, *, now: datetime) -> Left:
    """What is only offered to somebody who is away goes to the next best, the most severe first."""
    held: Sequence[Incident] = await tx.incidents.held_by(user.id)
    offered = sorted((one for one in held if not one.touched), key=lambda one: one.severity.rank)
    for before in offered[:AT_ONCE]:
        context = await tx.companies.context(before.company_id)
        people = [user if one.id == user.id else one for one in context.technicians]
        loads = await tx.users.loads([one.id for one in people])
        choice = choose(people, loads, wanted(context, before, now), now=now)
        after = replace(state.unclaim(before), assigned_reason=choice.reason)
        if choice.user is not None:
            after = state.reassign(after, user_id=choice.user.id, reason=choice.reason)
        after = state.acted(after, what=f"{user.name} is on leave", now=now)
        prove(
            tx, after, AuditKind.INCIDENT_ASSIGNED, actor=SYSTEM, now=now, was=user.id, to=after.assignee_id
        )
        follow = f"Next: {choice.reason}" if choice.user else choice.reason
        tell(tx, after, TimelineKind.ASSIGNED, f"{user.name} is on leave. {follow}.", actor=SYSTEM, now=now)
        saved = await tx.incidents.save(before, after)
        await tx.incidents.flush()
        await tx.users.flush()  # the next choice counts this one
        await show(tx, saved, at=now)
    kept = tuple(one for one in held if one.touched)
    return Left(True, min(len(offered), AT_ONCE), kept, len(offered) > AT_ONCE)

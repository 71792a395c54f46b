"""Escalating an incident: by its chain when a promise is broken, or one level up because somebody wants it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from engine import incident as state
from engine.access import SYSTEM, Actor, Verb
from engine.alert import Severity
from engine.audit import AuditKind, TimelineKind
from engine.company import CompanyContext, Role, User
from engine.errors import Refused
from engine.escalation import Chain, Hop, Standing, Step, Target, Told, Whom, next_hop, one_up
from engine.incident import Incident
from engine.jobs import CheckSla
from engine.notice import NoticeKind, Transport
from engine.operations.notify import notify, notify_place
from engine.operations.record import prove, show, tell
from engine.operations.respond import NOTE_LIMIT, find
from engine.people_jobs import Escalate
from engine.people_ports import Escalation, PeopleTransaction
from engine.routing import choose, wanted
from engine.sla import ClockKind, SlaClock
from engine.suppression import resting_until

_LATE = {
    ClockKind.RESPONSE: "nobody had it in hand in time",
    ClockKind.RESOLUTION: "it is not solved in time",
}
_BY_ADDRESS = {
    Target.EMAIL: Transport.EMAIL,
    Target.SMS: Transport.SMS,
    Target.VOICE: Transport.VOICE,
    Target.WEBHOOK: Transport.WEBHOOK,
}


@dataclass(frozen=True, slots=True)
class Called:
    """Whom a step reaches just now: people, and places as (way, address)."""

    people: tuple[User, ...]
    places: tuple[tuple[Transport, str], ...]
    reason: str = ""

    def __bool__(self) -> bool:
        return bool(self.people or self.places)


def job(incident: Incident) -> Escalate:
    return Escalate(company_id=incident.company_id, incident_id=incident.id)


async def follow(tx: PeopleTransaction, incident_id: int, *, now: datetime) -> None:
    """Make the call that is due, once whatever the replicas do, and wait for the next. While the incident is quiet,
    or waits for the client, nobody is called."""
    incident = await tx.incidents.get(incident_id)
    if incident is None or not incident.open or incident.waiting_since is not None:
        return
    context = await tx.companies.context(incident.company_id)
    if (until := resting_until(incident, context, now)) is not None:
        tx.jobs.put(job(incident), due_at=until)
        return
    clocks = await tx.clocks.of(incident_id)
    hop = await upcoming(tx, incident, context, clocks)
    if hop is None:
        return
    if hop.at > now:
        tx.jobs.put(job(incident), due_at=hop.at)
        return
    if _unsaid(chain_of(context).steps[hop.step], hop, clocks):
        tx.jobs.put(CheckSla(company_id=incident.company_id, incident_id=incident.id), due_at=now)
        return  # first it is said that the promise is broken; that looks here again
    earlier = await tx.escalations.of(incident_id)
    why = _why(chain_of(context), hop, earlier)
    await _call(tx, incident, context, hop, earlier, why=why, actor=SYSTEM, now=now)


async def escalate(
    tx: PeopleTransaction, incident_id: int, *, reason: str = "", actor: Actor, now: datetime
) -> Incident:
    """One level up at once. Raises Refused at the top of the chain, saying who was called last."""
    before = await find(tx, incident_id, Verb.ESCALATE, actor)
    if not before.open:
        raise Refused(
            f"{before.label} is resolved.", hint="Reopen it first if it is not fixed.", code="stale"
        )
    context = await tx.companies.context(before.company_id)
    chain, earlier = chain_of(context), await tx.escalations.of(incident_id)
    step = one_up(chain, _told(earlier))
    if step is None:
        if not chain.steps:
            raise Refused("Nobody is named to escalate to here.", hint="`/aw config` sets `escalation`.")
        last = earlier[-1].called if earlier else ()
        raise Refused("It has reached the last level already.", who=last, code="stale")
    said = " ".join(reason.split())[:NOTE_LIMIT]
    return await _call(tx, before, context, Hop(step, now), earlier, why=said, actor=actor, now=now)


async def explain(
    tx: PeopleTransaction, incident_id: int, reason: str, *, actor: Actor, now: datetime
) -> Incident:
    """Why a promise was broken, in the words of who had it: kept for the report."""
    before = await find(tx, incident_id, Verb.NOTE, actor)
    said = " ".join(reason.split())[:NOTE_LIMIT]
    if not said:
        raise Refused("A reason needs some words.", hint="Say what held it up.", code="invalid")
    if not any(clock.breached_at is not None for clock in await tx.clocks.of(incident_id)):
        raise Refused(f"{before.label} is not late.", code="stale")
    after = state.acted(before, what=f"{actor.name} said why it is late", now=now)
    prove(tx, after, AuditKind.SLA_EXPLAINED, actor=actor, now=now, reason=said)
    tell(tx, after, TimelineKind.LATE, f"{actor.name} on why it is late: {said}", actor=actor, now=now)
    saved = await tx.incidents.save(before, after)
    await show(tx, saved, at=now, pressed=True)
    return saved


def _unsaid(step: Step, hop: Hop, clocks: Sequence[SlaClock]) -> bool:
    """Does a breach begin that step, of which nobody has been told yet?"""
    begins = None if hop.again else step.begins
    return any(one.kind is begins and one.running and one.breached_at is None for one in clocks)


def chain_of(context: CompanyContext) -> Chain:
    chain: Chain = context.company.value("escalation")
    return chain


def _told(earlier: Sequence[Escalation]) -> list[Told]:
    return [Told(one.step, one.at) for one in earlier]


async def upcoming(
    tx: PeopleTransaction, incident: Incident, context: CompanyContext, clocks: Sequence[SlaClock]
) -> Hop | None:
    """The next call as it stands, quiet hours of any kind not counted."""
    if not incident.open or incident.test or incident.waiting_since is not None:
        return None
    earlier = await tx.escalations.of(incident.id)
    heard = None
    given = (
        await tx.escalations.given_at(incident.id, SYSTEM.name) if earlier and not incident.touched else None
    )
    if earlier and incident.touched:
        heard = max(
            (
                at
                for at in (incident.claimed_at, await tx.escalations.heard_at(incident.id, SYSTEM.name))
                if at
            ),
            default=None,
        )
    standing = Standing(
        due={one.kind: one.due_at for one in clocks if one.running},
        heard_at=heard,
        given_at=given,
        repeat=context.company.value("escalation_repeat"),
        silence=context.company.value("escalation_silence"),
    )
    return next_hop(chain_of(context), standing, _told(earlier))


def _why(chain: Chain, hop: Hop, earlier: Sequence[Escalation]) -> str:
    step = chain.steps[hop.step]
    if hop.again:
        return "nothing was heard since it was called last"
    if step.begins is not None:
        return _LATE[step.begins]
    return f"nobody answered at level {earlier[-1].step + 1}" if earlier else "nobody answered"


async def _call(
    tx: PeopleTransaction,
    before: Incident,
    context: CompanyContext,
    hop: Hop,
    earlier: Sequence[Escalation],
    *,
    why: str,
    actor: Actor,
    now: datetime,
) -> Incident:
    """Write the call down, tell the people of it, and wait for the next. A level at which nobody is gives way to the
    one above."""
    chain, place = chain_of(context), hop.step
    called = await _reached(tx, before, context, chain.steps[place], earlier, now)
    while not called and place + 1 < len(chain.steps):
        place += 1
        called = await _reached(tx, before, context, chain.steps[place], earlier, now)
    made = Escalation(
        incident_id=before.id,
        number=len(earlier) + 1,
        company_id=before.company_id,
        step=place,
        at=now,
        due_at=min(hop.at, now),
        called=tuple(user.id for user in called.people),
        by=actor.name,
        reason=why,
    )
    await tx.escalations.add(made)
    after = _handed_over(before, chain.steps[place], called)
    if not actor.system:
        after = state.acted(after, what=f"Escalated to level {place + 1} by {actor.name}", now=now)
    names = ", ".join(user.name for user in called.people) or chain.steps[place].words
    whom = names if called else "nobody, because nobody is there"
    text = f"↗ Level {place + 1}: {whom}" + (f". {why[:1].upper()}{why[1:]}." if why else ".")
    if not actor.system:
        text = f"↗ {actor.name} escalated it to level {place + 1}: {whom}" + (f". {why}" if why else ".")
    facts = {"level": place + 1, "called": list(made.called), "reason": why, "number": made.number}
    prove(tx, after, AuditKind.INCIDENT_ESCALATED, actor=actor, now=now, **facts)
    tell(tx, after, TimelineKind.ESCALATED, text, actor=actor, now=now)
    _notify(tx, after, made, called, why, actor, now)
    saved = await tx.incidents.save(before, after) if after != before else before
    await show(tx, saved, at=now, pressed=not actor.system)
    following = next_hop(
        chain, await _standing_after(tx, saved, context), [*_told(earlier), Told(place, now)]
    )
    if following is not None:
        tx.jobs.put(job(saved), due_at=max(now, following.at))
    return saved


async def _standing_after(tx: PeopleTransaction, incident: Incident, context: CompanyContext) -> Standing:
    """Right after a call nothing has been heard since."""
    clocks = await tx.clocks.of(incident.id)
    return Standing(
        due={one.kind: one.due_at for one in clocks if one.running},
        repeat=context.company.value("escalation_repeat"),
        silence=context.company.value("escalation_silence"),
    )


def _handed_over(incident: Incident, step: Step, called: Called) -> Incident:
    """An offer that nobody took goes to the technician who is called now; a claimed one stays where it is."""
    first = called.people[0] if called.people else None
    technical = any(one.target in (Target.TECHNICIAN, Target.ON_CALL) for one in step.whom)
    if first is None or not technical or incident.touched or first.id == incident.assignee_id:
        return incident
    return state.reassign(incident, user_id=first.id, reason=called.reason or "called by escalation")


def _notify(
    tx: PeopleTransaction,
    incident: Incident,
    made: Escalation,
    called: Called,
    why: str,
    actor: Actor,
    now: datetime,
) -> None:
    by = "" if actor.system else f" by {actor.name}"
    text = f"escalated to you{by} (level {made.step + 1})" + (f": {why.rstrip('.')}." if why else ".")
    key = f"escalated:{incident.id}:{made.number}"
    urgent = incident.severity is Severity.CRITICAL
    notify(tx, called.people, NoticeKind.ESCALATED, text, key=key, now=now, incident=incident, urgent=urgent)
    for transport, address in called.places:
        notify_place(
            tx, transport, address, NoticeKind.ESCALATED, text.replace(" to you", ""), key=key, now=now,
            incident=incident,
        )  # fmt: skip


async def _reached(
    tx: PeopleTransaction,
    incident: Incident,
    context: CompanyContext,
    step: Step,
    earlier: Sequence[Escalation],
    now: datetime,
) -> Called:
    """Everybody whom a step names, those who are away only when nobody else is there."""
    people: dict[int, User] = {}
    places: list[tuple[Transport, str]] = []
    reason = ""
    for whom in step.whom:
        found = await _people(tx, incident, context, whom, earlier, now)
        reason = reason or found.reason
        people |= {user.id: user for user in found.people}
        places.extend(found.places)
    return Called(tuple(people.values()), tuple(places), reason)


async def _people(
    tx: PeopleTransaction,
    incident: Incident,
    context: CompanyContext,
    whom: Whom,
    earlier: Sequence[Escalation],
    now: datetime,
) -> Called:
    match whom.target:
        case Target.TECHNICIAN:
            return await _technician(tx, incident, context, earlier, now)
        case Target.ON_CALL:
            on_call = context.on_call(now)
            return Called(tuple(user for user in context.people if user.id in on_call), ())
        case Target.COMPANY_ADMIN:
            return Called(_there(context, Role.COMPANY_ADMIN, now), ())
        case Target.MSP_ADMIN:
            return Called(_there(context, Role.MSP_ADMIN, now), ())
        case Target.CHANNEL:
            msp = await tx.outbreaks.msp()
            free = [one for one in msp.channels if await tx.companies.by_channel(*one) is None]
            return Called((), tuple((Transport.CHAT, f"{platform}:{channel}") for platform, channel in free))
        case Target.EMAIL | Target.SMS | Target.VOICE | Target.WEBHOOK:
            return Called((), ((_BY_ADDRESS[whom.target], whom.address),))
        case _:
            assert_never(whom.target)


def _there(context: CompanyContext, role: Role, now: datetime) -> tuple[User, ...]:
    some = [user for user in context.people if user.role is role and user.works_for(context.company.id)]
    return tuple(user for user in some if user.available and not user.on_leave(now)) or tuple(some)


async def _technician(
    tx: PeopleTransaction,
    incident: Incident,
    context: CompanyContext,
    earlier: Sequence[Escalation],
    now: datetime,
) -> Called:
    """The next best who was not asked yet; when all were, the one who has it."""
    asked = {incident.assignee_id, *(one for call in earlier for one in call.called)} - {None}
    loads = await tx.users.loads([user.id for user in context.technicians])
    tried = frozenset(one for one in asked if one is not None)
    want = wanted(context, incident, now, exclude=tried, excluded="was asked before", urgent=True)
    choice = choose(context.technicians, loads, want, now=now)
    if choice.user is not None:
        return Called((choice.user,), (), f"called by escalation; {choice.reason}")
    owner = await tx.users.get(incident.assignee_id) if incident.assignee_id is not None else None
    return Called((owner,) if owner is not None else (), ())

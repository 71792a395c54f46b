"""What people do to an incident: claim, hand over, note, resolve, reopen. Each is one compare-and-set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from engine import incident as state
from engine import sla
from engine.access import Actor, Denied, Verb, Via, may, who_could
from engine.alert import AlertStatus
from engine.audit import AuditKind, TimelineKind
from engine.company import User
from engine.errors import NotFound, Refused
from engine.incident import Incident, IncidentStatus
from engine.jobs import CheckSla, TidyRuns
from engine.operations.record import prove, show, tell
from engine.people_jobs import Escalate
from engine.ports import Transaction
from engine.routing import choose, wanted
from engine.sla import ClockKind, SlaClock

NOTE_LIMIT = 3000


async def find(tx: Transaction, incident_id: int, verb: Verb, actor: Actor) -> Incident:
    """The incident, if this actor may do this to it; a foreign one is as unknown as a missing one."""
    incident = await tx.incidents.get(incident_id)
    if incident is None:
        raise NotFound(f"There is no INC-{incident_id}.", hint="`/aw list` shows what is open.")
    decision = may(actor, verb, incident.company_id, incident)
    if isinstance(decision, Denied):
        if decision.foreign:
            raise NotFound(f"There is no INC-{incident_id}.", hint="`/aw list` shows what is open.")
        people = (await tx.companies.context(incident.company_id)).people
        could = [
            user.id for user in who_could(people, verb, incident.company_id) if user.role in decision.roles
        ]
        owner = (incident.assignee_id,) if incident.touched and incident.assignee_id else ()
        raise Refused(decision.reason, who=(*owner, *could)[:4], code="denied")
    return incident


async def claim(tx: Transaction, incident_id: int, *, actor: Actor, now: datetime) -> Incident:
    """Take it. A second press by the same person is a silent success; somebody else's claim is said with its age."""
    before = await find(tx, incident_id, Verb.CLAIM, actor)
    assert actor.id is not None
    if before.status is IncidentStatus.IN_PROGRESS and before.assignee_id == actor.id:
        return before
    if before.status is IncidentStatus.IN_PROGRESS and before.assignee_id is not None:
        owner = await tx.users.get(before.assignee_id)
        name = owner.name if owner else "Somebody"
        ago = ago_text(now - before.claimed_at) if before.claimed_at else "just now"
        raise Refused(
            f"{name} claimed this {ago}; the card is up to date.", code="stale", who=(before.assignee_id,)
        )
    after = state.acted(
        state.claim(before, user_id=actor.id, now=now), what=f"Claimed by {actor.name}", now=now
    )
    prove(tx, after, AuditKind.INCIDENT_CLAIMED, actor=actor, now=now, was=before.assignee_id)
    tell(tx, after, TimelineKind.CLAIMED, f"{actor.name} claimed it.", actor=actor, now=now, told=False)
    after = await _turn(
        tx, after, lambda clock: sla.meet(clock, now) if clock.kind is ClockKind.RESPONSE else clock, now
    )
    return await _save(tx, before, after, now)


async def unclaim(
    tx: Transaction, incident_id: int, *, reason: str = "", actor: Actor, now: datetime
) -> Incident:
    """Give it back ("Not me"): it goes to the next best technician, or to nobody."""
    before = await find(tx, incident_id, Verb.UNCLAIM, actor)
    free = state.unclaim(before)
    context = await tx.companies.context(before.company_id)
    loads = await tx.users.loads([user.id for user in context.technicians])
    gave = frozenset(one for one in (actor.id, before.assignee_id) if one is not None)
    choice = choose(context.technicians, loads, wanted(context, before, now, exclude=gave), now=now)
    because = f" ({reason})" if reason else ""
    what = f"{actor.name} gave it back{because}"
    after = state.acted(free, what=what, now=now)
    if choice.user is not None:
        after = state.reassign(after, user_id=choice.user.id, reason=choice.reason)
    prove(tx, after, AuditKind.INCIDENT_UNCLAIMED, actor=actor, now=now, reason=reason, to=after.assignee_id)
    follow = f" Next: {choice.reason}." if choice.user else f" {choice.reason}."
    tell(tx, after, TimelineKind.ASSIGNED, f"{what}.{follow}", actor=actor, now=now)
    _look_at_chain(tx, after, now)
    return await _save(tx, before, after, now)


async def assign(tx: Transaction, incident_id: int, *, to: int, actor: Actor, now: datetime) -> Incident:
    before = await find(tx, incident_id, Verb.ASSIGN, actor)
    target = await tx.users.get(to)
    _must_be_able(target, before)
    assert target is not None
    if before.assignee_id == target.id:
        return before
    if target.on_leave(now) and target.id != actor.id:
        hint = "`/aw oncall` says who is on call, the card's *Reassign* who is there."
        raise Refused(f"{target.name} is on leave.", hint=hint, code="invalid")
    after = state.reassign(before, user_id=target.id, reason=f"assigned by {actor.name}")
    after = state.acted(after, what=f"Assigned to {target.name} by {actor.name}", now=now)
    prove(tx, after, AuditKind.INCIDENT_ASSIGNED, actor=actor, now=now, to=target.id, was=before.assignee_id)
    tell(
        tx, after, TimelineKind.ASSIGNED, f"{actor.name} assigned it to {target.name}.", actor=actor, now=now
    )
    _look_at_chain(tx, after, now)
    return await _save(tx, before, after, now)


def _must_be_able(target: User | None, incident: Incident) -> None:
    if target is None or not target.works_for(incident.company_id):
        raise Refused("That person does not work for this company.", hint="Pick one of its technicians.")
    if isinstance(may(Actor(user=target, via=Via.ENGINE), Verb.CLAIM, incident.company_id), Denied):
        raise Refused(f"{target.name} cannot work on incidents.", hint="Pick one of its technicians.")


async def note(tx: Transaction, incident_id: int, text: str, *, actor: Actor, now: datetime) -> Incident:
    before = await find(tx, incident_id, Verb.NOTE, actor)
    said = text.strip()
    if not said:
        raise Refused("A note needs some words.", hint="Say what you saw or did.", code="invalid")
    if len(said) > NOTE_LIMIT:
        raise Refused(f"That note has {len(said):,} characters; {NOTE_LIMIT:,} fit.", code="invalid")
    after = state.acted(before, what=f"Note by {actor.name}", now=now)
    prove(tx, after, AuditKind.INCIDENT_NOTED, actor=actor, now=now, text=said)
    tell(tx, after, TimelineKind.NOTE, said, actor=actor, now=now)
    return await _save(tx, before, after, now)


async def resolve(
    tx: Transaction, incident_id: int, *, text: str = "", actor: Actor, now: datetime
) -> Incident:
    """It is fixed; `text` says by what. Both clocks stop. Resolving a resolved one is a silent success."""
    before = await find(tx, incident_id, Verb.RESOLVE, actor)
    if not before.open:
        return before
    note_text = text.strip()[:NOTE_LIMIT]
    after = state.resolve(before, by=actor.name, note=note_text, now=now)
    if after.assignee_id is None and actor.id is not None:
        after = replace(after, assignee_id=actor.id)
    after = state.acted(after, what=f"Resolved by {actor.name}", now=now)
    prove(tx, after, AuditKind.INCIDENT_RESOLVED, actor=actor, now=now, note=note_text)
    said = f"{actor.name} resolved it" + (f": {note_text}" if note_text else ".")
    tell(tx, after, TimelineKind.RESOLVED, said, actor=actor, now=now)
    await _turn(tx, after, lambda clock: sla.meet(clock, now), now)
    for alert in await tx.alerts.firing_of(before.id):  # settled: what fires again is heard as new
        tx.alerts.put(replace(alert, status=AlertStatus.RESOLVED))
    tx.jobs.put(TidyRuns(company_id=after.company_id, incident_id=after.id), due_at=now)
    return await _save(tx, before, after, now)


async def reopen(
    tx: Transaction, incident_id: int, *, reason: str = "", actor: Actor, now: datetime
) -> Incident:
    before = await find(tx, incident_id, Verb.REOPEN, actor)
    if before.open:
        return before
    clash = await tx.incidents.open_with_keys({(before.company_id, before.correlation_key)})
    if clash:
        other = next(iter(clash.values()))
        raise Refused(f"{other.label} is open for the same problem.", hint=f"Work on {other.label} instead.")
    after = state.acted(state.reopen(before, now=now), what=f"Reopened by {actor.name}", now=now)
    prove(tx, after, AuditKind.INCIDENT_REOPENED, actor=actor, now=now, why=reason)
    because = f": {reason}" if reason else "."
    tell(tx, after, TimelineKind.REOPENED, f"{actor.name} reopened it{because}", actor=actor, now=now)

    def turn(clock: SlaClock) -> SlaClock:
        return sla.reopen(clock, now) if clock.kind is ClockKind.RESOLUTION or not after.touched else clock

    after = await _turn(tx, after, turn, now)
    _look_at_chain(tx, after, now)
    return await _save(tx, before, after, now)


def _look_at_chain(tx: Transaction, incident: Incident, now: datetime) -> None:
    """Whoever had it in hand has not any more: calling goes on where it was held."""
    tx.jobs.put(Escalate(company_id=incident.company_id, incident_id=incident.id), due_at=now)


async def _turn(
    tx: Transaction, incident: Incident, change: Callable[[SlaClock], SlaClock], now: datetime
) -> Incident:
    """The incident as its clocks leave it."""
    clocks = [change(clock) for clock in await tx.clocks.of(incident.id)]
    for clock in clocks:
        tx.clocks.put(clock)
    checks = [at for clock in clocks if (at := clock.next_check_at()) is not None]
    if checks:
        tx.jobs.put(
            CheckSla(company_id=incident.company_id, incident_id=incident.id), due_at=max(now, min(checks))
        )
    return replace(incident, risk=sla.risk(clocks))


async def _save(tx: Transaction, before: Incident, after: Incident, now: datetime) -> Incident:
    saved = await tx.incidents.save(before, after)
    await show(tx, saved, at=now, pressed=True)
    return saved


def ago_text(span: timedelta) -> str:
    """`4 s ago`, `7 min ago`, `3 h ago`: one figure, rounded down."""
    seconds = max(0, int(span.total_seconds()))
    if seconds < 60:
        return f"{seconds} s ago"
    return f"{seconds // 60} min ago" if seconds < 3600 else f"{seconds // 3600} h ago"

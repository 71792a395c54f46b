"""Waiting for the client: the clocks stand still until somebody of the client answers, or a technician says so."""

from __future__ import annotations

from datetime import datetime

from engine import incident as state
from engine import sla
from engine.access import Actor, Verb
from engine.audit import AuditKind, TimelineKind
from engine.company import Role
from engine.incident import Incident
from engine.jobs import CheckSla
from engine.operations.record import prove, show, tell
from engine.operations.respond import NOTE_LIMIT, find
from engine.people_jobs import Escalate
from engine.ports import Transaction
from engine.suppression import QuietKind, hush

OF_CLIENT = (Role.COMPANY_ADMIN, Role.CLIENT_VIEWER)


async def hold(tx: Transaction, incident_id: int, *, reason: str, actor: Actor, now: datetime) -> Incident:
    """`reason` is what the client is waited for. Doing it again with the same words is a silent success."""
    before = await find(tx, incident_id, Verb.HOLD, actor)
    why = " ".join(reason.split())[:200]
    if before.waiting_since is not None and before.waiting_for == why:
        return before
    after = state.acted(
        state.wait(before, reason=why, now=now), what=f"{actor.name} waits for the client", now=now
    )
    prove(tx, after, AuditKind.INCIDENT_HELD, actor=actor, now=now, reason=why)
    said = f"⏸ Waiting for the client{f': {why}' if why else ''}. The clocks stand still until they answer."
    tell(tx, after, TimelineKind.NOTE, said, actor=actor, now=now)
    for clock in await tx.clocks.of(before.id):
        tx.clocks.put(sla.pause(clock, now))
    return await _saved(tx, before, after, now)


async def resume(
    tx: Transaction, incident_id: int, *, text: str = "", actor: Actor, now: datetime
) -> Incident:
    """The client has answered, `text` says what. What does not wait stays as it is."""
    before = await find(tx, incident_id, Verb.HOLD, actor)
    if before.waiting_since is None:
        return before
    after, said = state.waited(before), " ".join(text.split())[:NOTE_LIMIT]
    after = state.acted(after, what=f"{actor.name}: the client has answered", now=now)
    return await _resumed(
        tx, before, after, f"▶ The client has answered{f': {said}' if said else ''}", actor, now
    )


async def answered(
    tx: Transaction, incident_id: int, text: str, *, actor: Actor, now: datetime
) -> Incident | None:
    """Somebody of the client wrote into the incident's thread: a note, and the clocks run on if they were waited for.
    None when the incident does not wait, or the writer is not of the client."""
    before = await tx.incidents.get(incident_id)
    user = actor.user
    if before is None or before.waiting_since is None or user is None:
        return None
    if user.role not in OF_CLIENT or not user.works_for(before.company_id):
        return None
    after = state.acted(state.waited(before), what=f"{actor.name} has answered", now=now)
    said = " ".join(text.split())[:NOTE_LIMIT]
    return await _resumed(tx, before, after, f"▶ {actor.name} has answered: {said}", actor, now)


async def _resumed(
    tx: Transaction, before: Incident, after: Incident, said: str, actor: Actor, now: datetime
) -> Incident:
    prove(tx, after, AuditKind.INCIDENT_RESUMED, actor=actor, now=now, waited_since=before.waiting_since)
    tell(tx, after, TimelineKind.NOTE, f"{said.rstrip('.')}. The clocks run on.", actor=actor, now=now)
    context = await tx.companies.context(before.company_id)
    held = hush(after, context, now)
    planned = held is not None and held.rule is not None and held.rule.kind is QuietKind.MAINTENANCE
    for clock in await tx.clocks.of(before.id):
        running = sla.pausing_ended(clock, now)
        # planned work still has them stand still: a pause of its own, which ends with the window
        tx.clocks.put(sla.pause(running, now) if planned else running)
    tx.jobs.put(CheckSla(company_id=after.company_id, incident_id=after.id), due_at=now)
    tx.jobs.put(Escalate(company_id=after.company_id, incident_id=after.id), due_at=now)
    return await _saved(tx, before, after, now)


async def _saved(tx: Transaction, before: Incident, after: Incident, now: datetime) -> Incident:
    saved = await tx.incidents.save(before, after)
    await show(tx, saved, at=now, pressed=True)
    return saved

"""Snooze: nobody is reminded of one incident for a time. Its clocks run on, its alerts are counted as ever."""

from __future__ import annotations

from datetime import datetime, timedelta

from engine import incident as state
from engine.access import SYSTEM, Actor, Verb
from engine.audit import AuditKind, TimelineKind
from engine.errors import Refused
from engine.incident import Incident
from engine.jobs import CheckSla, WakeIncident
from engine.operations.record import prove, show, tell
from engine.operations.respond import find
from engine.people_jobs import Escalate
from engine.ports import Transaction
from engine.receipt import span_words

SHORTEST, LONGEST = timedelta(minutes=1), timedelta(days=7)


async def snooze(
    tx: Transaction, incident_id: int, *, until: datetime, actor: Actor, now: datetime
) -> Incident:
    before = await find(tx, incident_id, Verb.SNOOZE, actor)
    if not SHORTEST <= until - now <= LONGEST:
        raise Refused(
            f"A snooze lasts from {span_words(SHORTEST)} to {span_words(LONGEST)}.",
            hint="For longer, plan it: `/aw silence INC-42 14d …`.",
            code="invalid",
        )
    lasts = span_words(until - now)
    after = state.acted(
        state.snooze(before, until=until, by=actor.name), what=f"Snoozed for {lasts} by {actor.name}", now=now
    )
    prove(tx, after, AuditKind.INCIDENT_SNOOZED, actor=actor, now=now, until=until.isoformat())
    text = f"{actor.name} snoozed it for {lasts}: no reminders meanwhile."
    tell(tx, after, TimelineKind.QUIET, text, actor=actor, now=now, told=False)
    tx.jobs.put(WakeIncident(company_id=after.company_id, incident_id=after.id), due_at=until)
    saved = await tx.incidents.save(before, after)
    await show(tx, saved, at=now, pressed=True)
    return saved


async def end(tx: Transaction, incident_id: int, *, actor: Actor, now: datetime) -> Incident:
    """Before its time, by somebody; on what is awake a silent success."""
    before = await find(tx, incident_id, Verb.SNOOZE, actor)
    if before.snoozed_until is None:
        return before
    after = state.acted(state.wake(before), what=f"Woken by {actor.name}", now=now)
    prove(tx, after, AuditKind.INCIDENT_WOKEN, actor=actor, now=now, by=before.snoozed_by)
    tx.jobs.put(CheckSla(company_id=after.company_id, incident_id=after.id), due_at=now)
    tx.jobs.put(Escalate(company_id=after.company_id, incident_id=after.id), due_at=now)
    saved = await tx.incidents.save(before, after)
    await show(tx, saved, at=now, pressed=True)
    return saved


async def wake(tx: Transaction, incident_id: int, *, now: datetime) -> None:
    """The time is over: say so, and let its clocks be looked at. One that was snoozed anew sleeps on."""
    before = await tx.incidents.get(incident_id)
    if before is None or before.snoozed_until is None or not before.open:
        return
    if before.snoozed_until > now:
        tx.jobs.put(
            WakeIncident(company_id=before.company_id, incident_id=before.id), due_at=before.snoozed_until
        )
        return
    after = state.acted(state.wake(before), what="Its snooze is over", now=now)
    prove(tx, after, AuditKind.INCIDENT_WOKEN, actor=SYSTEM, now=now, by=before.snoozed_by)
    text = f"⏰ The snooze by {before.snoozed_by} is over and it is still open."
    tell(tx, after, TimelineKind.QUIET, text, actor=SYSTEM, now=now)
    tx.jobs.put(CheckSla(company_id=after.company_id, incident_id=after.id), due_at=now)
    await show(tx, await tx.incidents.save(before, after), at=now)

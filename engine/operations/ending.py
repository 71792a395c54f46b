"""It is over: what monitoring ends is resolved, and what somebody has in hand waits for their word."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from engine import sla
from engine.access import SYSTEM
from engine.alert import AlertStatus
from engine.audit import AuditKind, TimelineKind
from engine.incident import Incident, acted, resolve
from engine.incident_jobs import DraftText
from engine.jobs import TidyRuns
from engine.operations.record import prove, show, tell
from engine.opinion import Use
from engine.ports import Transaction


async def over(tx: Transaction, before: Incident, now: datetime) -> None:
    """Nothing of it fires any more: it ends, or its owner is asked. Saved."""
    recovered = replace(before, recovered_at=now)
    if recovered.touched:
        after = await ask(tx, recovered, "Monitoring says it has recovered.", now)
    else:
        note, told = "Monitoring reports recovery.", "monitoring reports recovery."
        after = await end(tx, recovered, note=note, told=told, now=now)
    await show(tx, await tx.incidents.save(before, after), at=now)


async def ask(tx: Transaction, incident: Incident, told: str, now: datetime) -> Incident:
    """Its owner is asked, with `told`, to resolve it. The incident as the caller has to save it."""
    prove(tx, incident, AuditKind.INCIDENT_RECOVERED, actor=SYSTEM, now=now)
    tell(tx, incident, TimelineKind.RECOVERED, f"{told} Resolve it if you agree.", actor=SYSTEM, now=now)
    tx.jobs.put(
        DraftText(company_id=incident.company_id, incident_id=incident.id, use=Use.DRAFT.value), due_at=now
    )
    return acted(incident, what="Recovered, waiting for its owner to resolve", now=now)


async def end(
    tx: Transaction,
    incident: Incident,
    *,
    note: str,
    told: str,
    now: datetime,
    what: str = "Resolved by recovery",
) -> Incident:
    """Resolved by monitoring: promises are kept, requests for runs are closed, what fires again is heard as new.
    The incident as the caller has to save it."""
    after = acted(resolve(incident, by="monitoring", note=note, now=now), what=what, now=now)
    prove(tx, after, AuditKind.INCIDENT_RESOLVED, actor=SYSTEM, now=now, note=note, by="monitoring")
    tell(tx, after, TimelineKind.RESOLVED, f"Resolved: {told}", actor=SYSTEM, now=now)
    for clock in await tx.clocks.of(after.id):
        tx.clocks.put(sla.meet(clock, now))
    if incident.firing:
        for alert in await tx.alerts.firing_of(after.id):
            tx.alerts.put(replace(alert, status=AlertStatus.RESOLVED))
    tx.jobs.put(TidyRuns(company_id=after.company_id, incident_id=after.id), due_at=now)
    return after

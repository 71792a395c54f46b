"""SLA clocks of one incident: warn or breach what has been crossed, once per threshold whatever the replicas do."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from engine.access import SYSTEM
from engine.audit import AuditKind, TimelineKind
from engine.incident import Incident
from engine.jobs import CheckSla
from engine.notice import NoticeKind
from engine.operations import escalate
from engine.operations.notify import notify
from engine.operations.record import prove, show, tell
from engine.people_ports import PeopleTransaction
from engine.ports import Transaction
from engine.sla import ClockKind, SlaClock, Threshold, crossed, pause, risk
from engine.suppression import QuietKind, hush, resting_until

_VERB = {ClockKind.RESPONSE: "respond to", ClockKind.RESOLUTION: "resolve"}


async def check(tx: PeopleTransaction, incident_id: int, *, now: datetime) -> None:
    """Mark and tell every threshold this incident's clocks crossed; put the next check. The lock on the incident and
    the mark on the clock make it once."""
    incident = await tx.incidents.get(incident_id)
    if incident is None or not incident.open:
        return
    if (until := await _rest(tx, incident, now)) is not None:
        tx.jobs.put(CheckSla(company_id=incident.company_id, incident_id=incident.id), due_at=until)
        return
    due, clocks = [], []
    told = late = False
    for clock in await tx.clocks.of(incident_id):
        marked = clock
        for threshold in crossed(clock, now):
            marked = _mark(marked, threshold, now)
            await _say(tx, incident, marked, threshold, now)
            told = True
        clocks.append(marked)
        late = late or marked.breached_at is not None
        if marked != clock:
            tx.clocks.put(marked)
        if (at := marked.next_check_at()) is not None:
            due.append(at)
    if (stands := risk(clocks)) != incident.risk:  # what it weighs in its owner's load
        incident = await tx.incidents.save(incident, replace(incident, risk=stands))
    if told:
        await show(tx, incident, at=now)
    if late:
        tx.jobs.put(escalate.job(incident), due_at=now)
    if due:
        tx.jobs.put(
            CheckSla(company_id=incident.company_id, incident_id=incident.id), due_at=max(now, min(due))
        )


async def _rest(tx: Transaction, incident: Incident, now: datetime) -> datetime | None:
    """Until when nothing is said about it: snoozed, silenced, or planned work, under which its clocks stand still."""
    context = await tx.companies.context(incident.company_id)
    held = hush(incident, context, now)
    if held is not None and held.rule is not None and held.rule.kind is QuietKind.MAINTENANCE:
        for clock in await tx.clocks.of(incident.id):
            tx.clocks.put(pause(clock, now))
    return resting_until(incident, context, now)


def _mark(clock: SlaClock, threshold: Threshold, now: datetime) -> SlaClock:
    if threshold is Threshold.WARNING:
        return replace(clock, warned_at=now)
    return replace(clock, breached_at=now, warned_at=clock.warned_at or now)


async def _say(
    tx: PeopleTransaction, incident: Incident, clock: SlaClock, threshold: Threshold, now: datetime
) -> None:
    """Into the thread, and to the owner: what is late asks them why."""
    verb = _VERB[clock.kind]
    owner = await tx.users.get(incident.assignee_id) if incident.assignee_id is not None else None
    if threshold is Threshold.WARNING:
        left = int((clock.due_at - now).total_seconds() // 60)
        text, kind = f"⏱ {left} min left to {verb} it.", AuditKind.SLA_WARNED
        said, line = NoticeKind.WARNED, TimelineKind.SLA
    else:
        hours = clock.target.total_seconds() / 3600
        text = f"⏱ SLA breached: the time to {verb} it ({hours:g} h) is over."
        kind = AuditKind.SLA_BREACHED
        said, line = NoticeKind.BREACHED, TimelineKind.BREACHED
    prove(tx, incident, kind, actor=SYSTEM, now=now, clock=clock.kind.value, due_at=clock.due_at.isoformat())
    tell(tx, incident, line, text, actor=SYSTEM, now=now)
    if owner is not None:
        key = f"{said}:{incident.id}:{clock.kind}:{int(clock.due_at.timestamp())}"
        notify(tx, [owner], said, text.removeprefix("⏱ "), key=key, now=now, incident=incident)

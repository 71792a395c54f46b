"""The end of a batch: new incidents are assigned and get numbers, clocks start or stop, and everything is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from engine import sla
from engine.access import SYSTEM
from engine.alert import Severity
from engine.audit import AuditKind, TimelineKind
from engine.changing import changed
from engine.company import Autonomy, CompanyContext, User
from engine.errors import Conflict
from engine.incident import Incident, acted, assign, wake
from engine.jobs import CheckSla, ConsiderRunbook, TidyRuns
from engine.notice import NoticeKind, ways
from engine.operations import patterns
from engine.operations.grouping import Groups
from engine.operations.open_incidents import OpenSet, Work
from engine.operations.placing import channels_of, place_again, place_new
from engine.operations.record import incident_card, prove, show_card, tell
from engine.people_jobs import Escalate
from engine.ports import EDIT_DELAY, Transaction
from engine.routing import NOTHING, choose, wanted
from engine.sla import ClockKind, SlaClock


async def settle(
    tx: Transaction,
    open_set: OpenSet,
    groups: Groups,
    contexts: Mapping[int, CompanyContext],
    now: datetime,
) -> None:
    """Write what the batch decided. Raises Conflict when a new incident exists already (another replica was first)."""
    up = patterns.look(open_set.works, contexts)
    new = [work for work in open_set.works if work.before is None]
    back = [work for work in open_set.works if work.before is not None and work.reopened is not None]
    arrived = {id(work): work for work in (*new, *back, *up)}.values()
    ownerless = [
        work for work in arrived if work.after.open and work.after.assignee_id is None and not work.calm
    ]
    if ownerless:
        await _route(tx, ownerless, contexts, now)
    if new:
        stand_ins = [work.after.id for work in new]
        await _open(tx, new, contexts, now)
        groups.number({old: work.after.id for old, work in zip(stand_ins, new, strict=True)})
    known = [work for work in open_set.works if work.before is not None and work.changed]
    if known:
        await save(tx, known, contexts, now)
    patterns.settle(tx, open_set.works, now)
    await groups.settle()
    for work, alert in open_set.changed_alerts():
        number = work.after.id
        tx.alerts.put(alert if alert.incident_id == number else changed(alert, incident_id=number))
    for alert in open_set.loose:
        tx.alerts.put(alert)


async def _open(
    tx: Transaction, new: Sequence[Work], contexts: Mapping[int, CompanyContext], now: datetime
) -> None:
    for work in new:
        if not work.after.open:
            work.after = acted(work.after, what="Resolved by recovery", now=now)
    ordered = sorted(new, key=lambda work: work.place)  # one order for all replicas: none waits in a ring
    opened = await tx.incidents.open([work.after for work in ordered])
    for work, incident in zip(ordered, opened, strict=True):
        if incident is None:
            raise Conflict("another replica opened this incident meanwhile")
        work.after = incident
    for work in ordered:
        incident, context = work.after, contexts[work.after.company_id]
        prove(
            tx,
            incident,
            AuditKind.INCIDENT_OPENED,
            actor=SYSTEM,
            now=now,
            severity=incident.severity.value,
            key=incident.correlation_key,
            assignee=incident.assignee_id,
            why=incident.opened_reason,
        )
        tell(tx, incident, TimelineKind.OPENED, incident.opened_reason, actor=SYSTEM, now=now, told=False)
        _tell_no_data(tx, work, now)
        _start_clocks(tx, work, context, now)
        if not incident.open:
            _tell_end(tx, incident, now)
        elif _could_run(context, incident) or _has_to_be_told(tx, context, incident):
            tx.jobs.put(ConsiderRunbook(company_id=incident.company_id, incident_id=incident.id), due_at=now)
    await place_new(tx, [work.after for work in ordered], contexts, now)


def _could_run(context: CompanyContext, incident: Incident) -> bool:
    """Is there anything that a runbook could run on by itself? Most incidents of most companies: no."""
    company, asset = context.company, context.asset_called(incident.asset_name)
    acts = company.autonomy is Autonomy.ACT or any(
        mode == Autonomy.ACT for mode, _ in company.value("runbooks").values()
    )
    return acts and bool(company.clouds) and asset is not None


def _has_to_be_told(tx: Transaction, context: CompanyContext, incident: Incident) -> bool:
    """Does its owner hear of it by another way than its card?"""
    if incident.assignee_id is None or incident.test:
        return False
    urgent = incident.severity is Severity.CRITICAL
    owner = next((one for one in context.people if one.id == incident.assignee_id), None)
    return owner is not None and bool(ways(owner, NoticeKind.ASSIGNED, urgent=urgent, set_up=tx.ways))


async def _route(
    tx: Transaction, ownerless: Sequence[Work], contexts: Mapping[int, CompanyContext], now: datetime
) -> None:
    """Assign what nobody has, critical first, counting each assignment for the next."""
    people: dict[int, User] = {}
    for work in ownerless:
        people |= {user.id: user for user in contexts[work.after.company_id].technicians}
    loads = dict(await tx.users.loads(people)) if people else {}
    for work in sorted(ownerless, key=lambda one: one.after.severity.rank):
        context = contexts[work.after.company_id]
        choice = choose(context.technicians, loads, wanted(context, work.after, now), now=now)
        if choice.user is None:
            work.after = replace(work.after, assigned_reason=choice.reason)
            continue
        loads[choice.user.id] = loads.get(choice.user.id, NOTHING).plus(work.after.severity)
        work.after = assign(work.after, user_id=choice.user.id, reason=choice.reason)


def _start_clocks(tx: Transaction, work: Work, context: CompanyContext, now: datetime) -> None:
    running = _clocks_from_now(work.after, context.company.sla, tuple(ClockKind), now)
    if not work.after.open:
        running = [sla.meet(clock, now) for clock in running]
    _put_clocks(tx, work, running, now)


def _clocks_from_now(
    incident: Incident, policy: sla.SlaPolicy, kinds: Sequence[ClockKind], now: datetime
) -> list[SlaClock]:
    if incident.test:
        return []
    clocks = [
        sla.start_clock(
            policy=policy,
            severity=incident.severity,
            kind=kind,
            incident_id=incident.id,
            company_id=incident.company_id,
            now=now,
        )
        for kind in kinds
    ]
    return [clock for clock in clocks if clock is not None]


def _put_clocks(tx: Transaction, work: Work, clocks: Sequence[SlaClock], now: datetime) -> None:
    for clock in clocks:
        tx.clocks.put(clock)
    work.sla_due = min((clock.due_at for clock in clocks if clock.running), default=None)
    checks = [at for clock in clocks if (at := clock.next_check_at()) is not None]
    if checks:
        incident = work.after
        tx.jobs.put(
            CheckSla(company_id=incident.company_id, incident_id=incident.id), due_at=max(now, min(checks))
        )


async def save(
    tx: Transaction, works: Sequence[Work], contexts: Mapping[int, CompanyContext], now: datetime
) -> None:
    """Write changed incidents with all that follows from the change: clocks, story, proof, cards."""
    turning = [work for work in works if work.before and _turns_clocks(work.before, work)]
    clocks = await tx.clocks.of_many([work.after.id for work in turning]) if turning else {}
    due = await tx.clocks.due_of([work.after.id for work in works])
    for work in works:
        assert work.before is not None
        work.sla_due = due.get(work.after.id)
        _tell_change(tx, work, work.before, now)
    for work in turning:
        assert work.before is not None
        policy = contexts[work.after.company_id].company.sla
        _turn_clocks(tx, work, work.before, clocks.get(work.after.id, ()), policy, now)
    for work in works:
        assert work.before is not None
        work.after = await tx.incidents.save(work.before, work.after)
    soon = {work.after.id for work in works if work.before and _matters(work.before, work.after)}
    boarded = {card.id: card for card in await tx.cards.on_boards([work.after.id for work in works])}
    for work in works:
        incident = work.after
        due_at = now if incident.id in soon else now + EDIT_DELAY
        for platform, channel in channels_of(contexts[incident.company_id].company):
            card = incident_card(incident, platform, channel)
            show_card(tx, boarded.get(card.id, card), at=due_at)
    again = {work.after.id: (work.before, work.after) for work in works if work.before and _new_again(work)}
    if again and boarded:
        await place_again(tx, again, list(boarded.values()), now)


def _new_again(work: Work) -> bool:
    """It came back or became critical: on a storm's board alone it would be overlooked."""
    critical = work.after.severity is Severity.CRITICAL
    worse = critical and work.before is not None and work.before.severity is not Severity.CRITICAL
    return work.after.open and (work.reopened is not None or worse)


def _matters(before: Incident, after: Incident) -> bool:
    """Worth an edit at once; a mere count may wait for its neighbours."""
    return before.status is not after.status or before.severity is not after.severity


def _tell_change(tx: Transaction, work: Work, before: Incident, now: datetime) -> None:
    after = work.after
    if work.reopened is not None:
        what = "Came back: it flaps" if work.flaps else "Came back: reopened by monitoring"
        work.after = after = acted(after, what=what, now=now)
        prove(tx, after, AuditKind.INCIDENT_REOPENED, actor=SYSTEM, now=now, why=work.reopened.text)
        text = f"Reopened: {work.reopened.text}."
        tell(
            tx, after, TimelineKind.REOPENED, text, actor=SYSTEM, now=now, told=not (work.calm or work.flaps)
        )
    elif work.again is not None and not work.flaps:
        quiet = work.again.text.rpartition(" after ")[2]
        tell(tx, after, TimelineKind.ALERT, f"Fires again after {quiet}.", actor=SYSTEM, now=now)
    _tell_no_data(tx, work, now)
    if after.severity is not before.severity:
        work.after = after = wake(after)
        text = f"Severity raised from {before.severity} to {after.severity} {work.louder}."
        prove(
            tx,
            after,
            AuditKind.INCIDENT_SEVERITY,
            actor=SYSTEM,
            now=now,
            old=before.severity,
            new=after.severity,
            why=work.louder,
        )
        tell(tx, after, TimelineKind.ALERT, text, actor=SYSTEM, now=now)
    new_tools = [tool for tool in after.tools if tool not in before.tools]
    if new_tools:
        tell(
            tx, after, TimelineKind.ALERT, f"Also reported by {', '.join(new_tools)}.", actor=SYSTEM, now=now
        )
    if work.recovered and after.recovered_at is not None and after.firing == 0:
        _tell_recovery(tx, work, before, now)


def _tell_no_data(tx: Transaction, work: Work, now: datetime) -> None:
    if work.no_data is not None:
        tell(tx, work.after, TimelineKind.ALERT, f"{work.no_data}.", actor=SYSTEM, now=now)


def _tell_recovery(tx: Transaction, work: Work, before: Incident, now: datetime) -> None:
    after = work.after
    if after.open and work.flaps:
        return  # it may fire again any minute: its timer says how it ended
    if after.open:
        prove(tx, after, AuditKind.INCIDENT_RECOVERED, actor=SYSTEM, now=now)
        text = "Monitoring says it has recovered. Resolve it if you agree."
        work.after = acted(after, what="Recovered, waiting for its owner to resolve", now=now)
        tell(tx, after, TimelineKind.RECOVERED, text, actor=SYSTEM, now=now)
    elif before.open or work.reopened is not None:
        work.after = acted(after, what="Resolved by recovery", now=now)
        _tell_end(tx, after, now, told=not work.calm)


def _tell_end(tx: Transaction, incident: Incident, now: datetime, *, told: bool = True) -> None:
    note = incident.resolution
    prove(tx, incident, AuditKind.INCIDENT_RESOLVED, actor=SYSTEM, now=now, note=note, by="monitoring")
    text = "Resolved: monitoring reports recovery."
    tell(tx, incident, TimelineKind.RESOLVED, text, actor=SYSTEM, now=now, told=told)
    tx.jobs.put(TidyRuns(company_id=incident.company_id, incident_id=incident.id), due_at=now)


def _turns_clocks(before: Incident, work: Work) -> bool:
    """Only these can move a clock; an alert that merely repeats does not."""
    after = work.after
    if after.merged_into is not None:
        return False  # they stand still until it is given back
    return work.reopened is not None or after.severity is not before.severity or before.open is not after.open


def _turn_clocks(
    tx: Transaction,
    work: Work,
    before: Incident,
    clocks: Sequence[SlaClock],
    policy: sla.SlaPolicy,
    now: datetime,
) -> None:
    after = work.after
    turned = list(clocks)
    if work.reopened is not None:
        turned = [
            sla.reopen(c, now) if c.kind is ClockKind.RESOLUTION or not after.touched else c for c in turned
        ]
        tx.jobs.put(Escalate(company_id=after.company_id, incident_id=after.id), due_at=now)
    if after.severity is not before.severity:
        turned = [sla.rebase(clock, policy, after.severity) for clock in turned]
        missing = [kind for kind in ClockKind if kind not in {clock.kind for clock in turned}]
        for clock in _clocks_from_now(after, policy, missing, now):  # its first severity had no promise
            answered = clock.kind is ClockKind.RESPONSE and after.touched
            turned.append(sla.meet(clock, now) if answered else clock)
    if not after.open:
        turned = [sla.meet(clock, now) for clock in turned]
    if turned != list(clocks):
        _put_clocks(tx, work, turned, now)

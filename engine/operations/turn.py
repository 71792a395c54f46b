"""The timer of quiet: each stretch of a silence or a window is begun once and closed once, with a receipt.

Closing hears what was held and still fires, as if it had come just now, and lets the clocks run on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from engine import sla
from engine.access import SYSTEM
from engine.alert import Alert, AlertStatus, StoredAlert
from engine.audit import AuditKind, TimelineKind, entry
from engine.company import CompanyContext
from engine.incident import Incident
from engine.jobs import CheckSla, TurnQuiet
from engine.operations.ingest import Delivery, ingest
from engine.operations.intake_story import tell_company
from engine.operations.record import show, tell
from engine.ports import IntakeTransaction, Transaction
from engine.receipt import Receipt
from engine.schedule import Stretch
from engine.suppression import QuietKind, QuietRule, by_rule, clock_text, hush, of_incident, of_stored

MOST_AT_ONCE = 500
"""Alerts that are heard again in one transaction."""


async def turn(tx: IntakeTransaction, rule_id: int, now: datetime) -> None:
    """Begin or close what is due; the lock on the rule makes each once, whatever the replicas do."""
    rule = await tx.quiet.get(rule_id)
    if rule is None or rule.confirmed_at is None or rule.finished_at is not None:
        return
    context = await tx.companies.context(rule.company_id)
    stretch = rule.pending()
    if stretch is not None and stretch.ends_at <= now:
        heard, more = await _hear(tx, rule, stretch, context, now)
        if more:
            tx.jobs.put(TurnQuiet(company_id=rule.company_id, rule_id=rule.id), due_at=now)
            return
        await _close(tx, rule, stretch, heard, context, now)
        rule = replace(rule, closed_until=stretch.ends_at)
    elif stretch is not None and stretch.starts_at <= now and rule.begun_at != stretch.starts_at:
        await _begin(tx, rule, stretch, context, now)
        rule = replace(rule, begun_at=stretch.starts_at)
    await _wait(tx, rule, rule.pending(), now)


async def _wait(tx: Transaction, rule: QuietRule, stretch: Stretch | None, now: datetime) -> None:
    """For the next boundary; without one it is finished."""
    if stretch is None:
        await tx.quiet.change(replace(rule, finished_at=now), turn_at=None)
        await tx.companies.touch(rule.company_id)
        if rule.ended_at is None:
            kind = (
                AuditKind.SILENCE_EXPIRED if rule.kind is QuietKind.SILENCE else AuditKind.MAINTENANCE_EXPIRED
            )
            _prove(tx, rule, kind, now, held=rule.held)
        return
    at = stretch.ends_at if stretch.starts_at <= now else stretch.starts_at
    await tx.quiet.change(rule, turn_at=at)
    tx.jobs.put(TurnQuiet(company_id=rule.company_id, rule_id=rule.id), due_at=at)


async def _begin(
    tx: Transaction, rule: QuietRule, stretch: Stretch, context: CompanyContext, now: datetime
) -> None:
    """The open incidents in scope: a line, and for planned work their clocks stand still."""
    until = clock_text(stretch.ends_at, context.company.timezone, now)
    for incident in await _in_scope(tx, rule, context):
        text = f"🔕 {rule.label} until {until} ({rule.reason}, by {rule.by}): no reminders"
        if rule.kind is QuietKind.MAINTENANCE:
            text += ", the clocks stand still"
            for clock in await tx.clocks.of(incident.id):
                tx.clocks.put(sla.pause(clock, now))
        tell(tx, incident, TimelineKind.QUIET, f"{text}.", actor=SYSTEM, now=now, told=False)
        await show(tx, incident, at=now)


async def _in_scope(tx: Transaction, rule: QuietRule, context: CompanyContext) -> list[Incident]:
    found = await tx.incidents.open_of(rule.company_id)
    return [one for one in found if rule.scope.covers(of_incident(one, context))]


async def _hear(
    tx: IntakeTransaction, rule: QuietRule, stretch: Stretch, context: CompanyContext, now: datetime
) -> tuple[list[str], bool]:
    """What was held and still fires goes through the engine now, unless something else holds it: the incidents, and
    whether more waits."""
    waiting = await tx.quiet.firing(rule.id, most=MOST_AT_ONCE)
    again: list[StoredAlert] = []
    for alert in waiting:
        other = by_rule(of_stored(alert, context), context.quiet, context, now)
        if other is not None and other.rule is not None:
            tx.alerts.put(replace(alert, held_by=other.rule.id, last_at=now))
            tx.quiet.count(other.rule.id, 1)
        else:
            again.append(alert)
    labels = await _open(tx, rule, stretch, again, context, now) if again else []
    return labels, len(waiting) == MOST_AT_ONCE


async def _open(
    tx: IntakeTransaction,
    rule: QuietRule,
    stretch: Stretch,
    again: Sequence[StoredAlert],
    context: CompanyContext,
    now: datetime,
) -> list[str]:
    until = clock_text(stretch.ends_at, context.company.timezone, now)
    because = f"held by {rule.label} until {until}, still firing"
    delivery = Delivery(
        company_id=rule.company_id,
        alerts=tuple(_as_said(one) for one in again),
        released=tuple(again),
        because=because,
    )
    (answer,) = await ingest(tx, [delivery], now)
    results: Any = answer.body["results"]
    told: dict[str, bool] = {}
    for one in results:
        if (label := one["incident_id"]) is not None:
            told[label] = told.get(label, False) or one["is_new"]
    for label, is_new in told.items():
        incident = None if is_new else await tx.incidents.get(int(label.removeprefix("INC-")))
        if incident is not None:
            tell(tx, incident, TimelineKind.QUIET, f"🔔 {because}.", actor=SYSTEM, now=now)
    return list(told)


def _as_said(alert: StoredAlert) -> Alert:
    """The alert as its tool said it."""
    return Alert(
        asset_name=alert.asset_name,
        signature=alert.title,
        tool=alert.tool,
        status=AlertStatus.FIRING,
        severity_word=alert.severity.value,
        message=alert.message,
        occurred_at=alert.occurred_at,
        dedup_key=alert.dedup_key,
        labels=alert.labels,
        link=alert.link,
    )


async def _close(
    tx: IntakeTransaction,
    rule: QuietRule,
    stretch: Stretch,
    heard: list[str],
    context: CompanyContext,
    now: datetime,
) -> None:
    """Clocks run on, reminders come again, and a receipt says what this stretch did."""
    await _resume(tx, rule, stretch, context, now)
    tallies = await tx.quiet.tally(rule.id, since=stretch.starts_at)
    earlier = [f"INC-{number}" for number in await tx.quiet.heard(rule.id, since=stretch.starts_at)]
    heard = list(dict.fromkeys([*earlier, *heard]))
    ended_by = rule.ended_by if rule.ended_at == stretch.ends_at else ""
    receipt = Receipt(rule=rule, stretch=stretch, tallies=tallies, opened=heard, ended_by=ended_by)
    text = receipt.text(context.company.timezone, now)
    await tell_company(tx, rule.company_id, text, now=now, body=receipt.body)
    if rule.kind is QuietKind.MAINTENANCE:
        _prove(tx, rule, AuditKind.MAINTENANCE_CLOSED, now, held=receipt.held, heard=heard[:50])


async def _resume(
    tx: Transaction, rule: QuietRule, stretch: Stretch, context: CompanyContext, now: datetime
) -> None:
    for incident in await tx.incidents.open_of(rule.company_id):
        if not rule.scope.fits(of_incident(incident, context)):
            continue
        other = hush(incident, context, now)
        planned = other is not None and other.rule is not None and other.rule.kind is QuietKind.MAINTENANCE
        if rule.kind is QuietKind.MAINTENANCE and not planned:
            for clock in await tx.clocks.of(incident.id):
                if clock.paused_at is not None and clock.paused_at >= stretch.starts_at:
                    tx.clocks.put(sla.pausing_ended(clock, now))
        tx.jobs.put(CheckSla(company_id=incident.company_id, incident_id=incident.id), due_at=now)
        await show(tx, incident, at=now)


def _prove(tx: Transaction, rule: QuietRule, kind: AuditKind, now: datetime, **detail: object) -> None:
    tx.audit.add(entry(kind, company_id=rule.company_id, actor=SYSTEM, subject=rule.label, now=now, **detail))

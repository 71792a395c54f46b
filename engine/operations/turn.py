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
from engine.errors import Conflict
from engine.incident import Incident
from engine.jobs import CheckSla, SyncCard, TurnQuiet
from engine.operations.hold import with_keys
from engine.operations.ingest import Delivery, ingest
from engine.operations.intake_story import tell_company
from engine.operations.record import INCIDENT_CARD, tell
from engine.ports import IntakeTransaction, Transaction
from engine.receipt import Receipt
from engine.schedule import Stretch
from engine.suppression import QuietKind, QuietRule, by_rule, clock_text, hush, of_incident, of_stored

MOST_AT_ONCE = 500
"""Alerts that are heard again in one transaction."""


async def turn(tx: IntakeTransaction, rule_id: int, now: datetime) -> None:
    """Begin or close what is due; the lock on the rule makes each once, whatever the replicas do.

    The company's turn is taken first, then held alerts are locked, then incidents, then the rule itself: the order of
    those who take alerts in.
    Raises Conflict when the rule changed in between.
    """
    seen = await tx.quiet.get(rule_id, lock=False)
    if seen is None or seen.confirmed_at is None or seen.finished_at is not None:
        return
    await tx.companies.contexts({seen.company_id}, alone=True)
    seen = await tx.quiet.get(rule_id, lock=False)  # it may have been turned while we waited
    if seen is None or seen.finished_at is not None:
        return
    stretch = seen.pending()
    over = stretch is None or stretch.ends_at <= now
    begins = (
        stretch is not None and not over and stretch.starts_at <= now and seen.begun_at != stretch.starts_at
    )
    waiting = await _waiting(tx, seen, over=over)
    incidents = await tx.incidents.open_of(seen.company_id) if over or begins else ()
    rule = await tx.quiet.get(rule_id)
    if rule is None or replace(rule, held=seen.held) != seen:
        raise Conflict
    context = await tx.companies.context(rule.company_id)
    if waiting and not over:
        await _hear(tx, rule, now, waiting, context, now)
        if len(waiting) == MOST_AT_ONCE:
            tx.jobs.put(TurnQuiet(company_id=rule.company_id, rule_id=rule.id), due_at=now)
            return
    if over:
        ends_at = stretch.ends_at if stretch is not None else now
        heard = await _hear(tx, rule, ends_at, waiting, context, now)
        if len(waiting) == MOST_AT_ONCE:
            tx.jobs.put(TurnQuiet(company_id=rule.company_id, rule_id=rule.id), due_at=now)
            return
        if stretch is not None:
            await _resume(tx, rule, stretch, incidents, context, now)
            await _close(tx, rule, stretch, heard, context, now)
            rule = replace(rule, closed_until=stretch.ends_at)
            await tx.companies.touch(
                rule.company_id
            )  # nobody has to look for what it holds until it begins again
    elif begins and stretch is not None:
        await _begin(tx, rule, stretch, incidents, context, now)
        rule = replace(rule, begun_at=stretch.starts_at)
    await _wait(tx, rule, rule.pending(), now)


async def _waiting(tx: Transaction, rule: QuietRule, *, over: bool) -> Sequence[StoredAlert]:
    """What it holds and has to be heard now: all that still fires once it is over, and before that what is no part of
    its incident any more."""
    if over:
        return await tx.quiet.firing(rule.id, most=MOST_AT_ONCE)
    if rule.scope.incident is None:
        return ()
    (keyed,) = await with_keys(tx, [rule])
    return await tx.quiet.firing(rule.id, most=MOST_AT_ONCE, beyond=keyed.scope.keys)


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
    tx: Transaction,
    rule: QuietRule,
    stretch: Stretch,
    incidents: Sequence[Incident],
    context: CompanyContext,
    now: datetime,
) -> None:
    """The open incidents in scope: a line, and for planned work their clocks stand still."""
    until = clock_text(stretch.ends_at, context.company.timezone, now)
    text = f"🔕 {rule.label} until {until} ({rule.reason}, by {rule.by}): no reminders"
    found = [one for one in incidents if rule.scope.covers(of_incident(one, context))]
    if rule.kind is QuietKind.MAINTENANCE:
        text += ", the clocks stand still"
        for some in (await tx.clocks.of_many([one.id for one in found])).values():
            for clock in some:
                tx.clocks.put(sla.pause(clock, now))
    for incident in found:
        tell(tx, incident, TimelineKind.QUIET, f"{text}.", actor=SYSTEM, now=now, told=False)
    await _show(tx, found, now)


async def _show(tx: Transaction, incidents: Sequence[Incident], now: datetime) -> None:
    for card in await tx.cards.of_incidents([one.id for one in incidents], INCIDENT_CARD):
        tx.jobs.put(SyncCard(company_id=card.company_id, card_id=card.id), due_at=now)


async def _hear(
    tx: IntakeTransaction,
    rule: QuietRule,
    ends_at: datetime,
    waiting: Sequence[StoredAlert],
    context: CompanyContext,
    now: datetime,
) -> list[str]:
    """What was held and still fires goes through the engine now, unless something else holds it; the incidents."""
    again: list[StoredAlert] = []
    rules = await with_keys(tx, context.quiet) if waiting else ()
    for alert in waiting:
        other = by_rule(of_stored(alert, context), rules, context, now)
        if other is not None and other.rule is not None:
            tx.alerts.put(replace(alert, held_by=other.rule.id, last_at=now))
            tx.quiet.count(other.rule.id, 1, now=now)
        else:
            again.append(alert)
    return await _open(tx, rule, ends_at, again, context, now) if again else []


async def _open(
    tx: IntakeTransaction,
    rule: QuietRule,
    ends_at: datetime,
    again: Sequence[StoredAlert],
    context: CompanyContext,
    now: datetime,
) -> list[str]:
    until = clock_text(ends_at, context.company.timezone, now)
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
    """A receipt says what this stretch did."""
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
    tx: Transaction,
    rule: QuietRule,
    stretch: Stretch,
    incidents: Sequence[Incident],
    context: CompanyContext,
    now: datetime,
) -> None:
    """Clocks run on, and reminders come again."""
    found = [one for one in incidents if rule.scope.fits(of_incident(one, context))]
    if rule.kind is QuietKind.MAINTENANCE:
        ours = [one for one in found if not (_planned(one, context, now) or one.waiting_since)]
        for some in (await tx.clocks.of_many([one.id for one in ours])).values():
            for clock in some:
                if clock.paused_at is not None and clock.paused_at >= stretch.starts_at:
                    tx.clocks.put(sla.pausing_ended(clock, now))
    for incident in found:
        tx.jobs.put(CheckSla(company_id=incident.company_id, incident_id=incident.id), due_at=now)
    await _show(tx, found, now)


def _planned(incident: Incident, context: CompanyContext, now: datetime) -> bool:
    """Is it in another maintenance still?"""
    other = hush(incident, context, now)
    return other is not None and other.rule is not None and other.rule.kind is QuietKind.MAINTENANCE


def _prove(tx: Transaction, rule: QuietRule, kind: AuditKind, now: datetime, **detail: object) -> None:
    tx.audit.add(entry(kind, company_id=rule.company_id, actor=SYSTEM, subject=rule.label, now=now, **detail))

"""Heartbeats: calls taken in, silence noticed once, and both told to the same ingest as every other alert."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from engine.access import SYSTEM, Actor
from engine.alert import Alert, AlertStatus
from engine.audit import AuditKind, entry
from engine.errors import NotFound, Refused
from engine.heartbeat import (
    DEFAULT_EVERY,
    SHORTEST,
    Heartbeat,
    HeartbeatState,
    Signal,
    heard,
    lateness,
    missed,
    usual_grace,
    valid_name,
)
from engine.jobs import WatchHeartbeat
from engine.operations.ingest import Delivery, ingest
from engine.operations.intake_story import show_intake
from engine.ports import IntakeTransaction

TOOL = "heartbeat"
MOST = 1000
"""Heartbeats of one company."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """One call: what it says, and the rhythm it asks for, if any. `text` is what it brought along."""

    name: str
    signal: Signal = Signal.OK
    every: timedelta | None = None
    grace: timedelta | None = None
    text: str = ""


async def beat(tx: IntakeTransaction, company_id: int, call: Beat, *, now: datetime) -> Heartbeat:
    """Take one call in: the first sets the heartbeat up, a good one ends the incident that its absence or failure
    opened, a failure opens one. Raises Refused."""
    known = await tx.heartbeats.get(company_id, call.name)
    before = known or await _new(tx, company_id, call, SYSTEM, now)
    after = heard(_retimed(before, call.every, call.grace), call.signal, now)
    tx.heartbeats.put(after)
    tx.jobs.put(WatchHeartbeat(company_id=company_id, name=call.name), due_at=after.due_at)
    if call.signal is Signal.FAIL:
        said = f" It said: {call.text}" if call.text else ""
        await _report(tx, after, f"Heartbeat {after.name} reports a failure.{said}", now, firing=True)
    elif after.state is HeartbeatState.UP and not before.state.well:
        await _report(tx, after, f"Heartbeat {after.name} is heard again.", now, firing=False)
    if before.state.well != after.state.well:
        await show_intake(tx, company_id, now=now)
    return after


async def watch(tx: IntakeTransaction, company_id: int, name: str, *, now: datetime) -> None:
    """Its time may be over: once, whatever the replicas do. Otherwise look again when it will be."""
    heartbeat = await tx.heartbeats.get(company_id, name)
    if heartbeat is None or not heartbeat.state.well:
        return
    if not missed(heartbeat, now):
        tx.jobs.put(WatchHeartbeat(company_id=company_id, name=name), due_at=heartbeat.due_at)
        return
    company = (await tx.companies.context(company_id)).company
    if company.archived_at is not None:
        return
    tx.heartbeats.put(replace(heartbeat, state=HeartbeatState.LATE))
    await _report(tx, heartbeat, lateness(heartbeat, company.name, now), now, firing=True)
    await show_intake(tx, company_id, now=now)


async def set_up(
    tx: IntakeTransaction, company_id: int, call: Beat, *, actor: Actor, now: datetime
) -> Heartbeat:
    """Expect it from now on, or change how often. Raises Refused."""
    known = await tx.heartbeats.get(company_id, call.name)
    made = known or await _new(tx, company_id, call, actor, now)
    after = _retimed(made, call.every, call.grace)
    tx.heartbeats.put(after)
    tx.jobs.put(WatchHeartbeat(company_id=company_id, name=call.name), due_at=max(now, after.due_at))
    await show_intake(tx, company_id, now=now)
    return after


async def remove(tx: IntakeTransaction, company_id: int, name: str, *, actor: Actor, now: datetime) -> None:
    """Expect it no more; what its absence opened is closed."""
    known = await tx.heartbeats.get(company_id, name)
    if known is None:
        raise NotFound(
            f"There is no heartbeat {name}.", hint="`aw company heartbeat list COMPANY` names them."
        )
    if not known.state.well:
        await _report(tx, known, f"Heartbeat {name} was removed by {actor.name}.", now, firing=False)
    await tx.heartbeats.remove(company_id, name)
    _prove(tx, AuditKind.HEARTBEAT_REMOVED, company_id, name, actor, now)
    await show_intake(tx, company_id, now=now)


async def _new(tx: IntakeTransaction, company_id: int, call: Beat, actor: Actor, now: datetime) -> Heartbeat:
    if not valid_name(call.name):
        raise Refused(
            f"“{call.name[:80]}” cannot be a heartbeat's name.",
            hint="Use up to 64 lower-case letters, digits, hyphens and underscores, such as `nightly-backup`.",
            code="invalid",
        )
    if await tx.heartbeats.count(company_id) >= MOST:
        raise Refused(
            f"This company has {MOST:,} heartbeats already.", hint="Remove some first.", code="invalid"
        )
    every = call.every or DEFAULT_EVERY
    _prove(tx, AuditKind.HEARTBEAT_ADDED, company_id, call.name, actor, now)
    return Heartbeat(company_id=company_id, name=call.name, every=every, grace=usual_grace(every), since=now)


def _retimed(heartbeat: Heartbeat, every: timedelta | None, grace: timedelta | None) -> Heartbeat:
    if every is None and grace is None:
        return heartbeat
    if every is not None and every < SHORTEST:
        raise Refused(
            f"A heartbeat can be expected every {SHORTEST.total_seconds():.0f} s at most.", code="invalid"
        )
    chosen = every or heartbeat.every
    usual = usual_grace(chosen) if every not in (None, heartbeat.every) else heartbeat.grace
    return replace(heartbeat, every=chosen, grace=grace or usual)


async def _report(
    tx: IntakeTransaction, heartbeat: Heartbeat, message: str, now: datetime, *, firing: bool
) -> None:
    alert = Alert(
        asset_name=heartbeat.name,
        signature=f"Heartbeat {heartbeat.name} is late or failed",
        tool=TOOL,
        status=AlertStatus.FIRING if firing else AlertStatus.RESOLVED,
        severity_word="high",
        message=message,
        dedup_key=heartbeat.name,
        labels={"heartbeat": heartbeat.name},
    )
    await ingest(tx, [Delivery(company_id=heartbeat.company_id, alerts=(alert,))], now)


def _prove(
    tx: IntakeTransaction, kind: AuditKind, company_id: int, name: str, actor: Actor, now: datetime
) -> None:
    tx.audit.add(entry(kind, company_id=company_id, actor=actor, subject=f"heartbeat {name}", now=now))

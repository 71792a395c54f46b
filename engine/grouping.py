"""One incident taking another in, and giving it back: pure, and each the inverse of the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from engine.alert import AlertStatus, Severity, StoredAlert, worst
from engine.errors import Refused
from engine.incident import Incident, IncidentStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinedKey:
    """A key that an incident holds beside its own: which, why, and the incident it came from (None: it joined on its
    own and never was one). `under` is the asset that it is held under while that is down."""

    company_id: int
    correlation_key: str
    incident_id: int
    asset: str
    signature: str
    reason: str
    at: datetime
    came_from: int | None = None
    under: str = ""


@dataclass(frozen=True, slots=True)
class Share:
    """What some alerts of an incident amount to."""

    count: int
    firing: int
    severity: Severity | None
    tools: tuple[str, ...]
    keys: frozenset[str]
    last_at: datetime | None

    @classmethod
    def of(cls, alerts: Sequence[StoredAlert]) -> Share:
        severity: Severity | None = None
        for one in alerts:
            if one.status is not AlertStatus.NOTICE:
                severity = one.severity if severity is None else worst(severity, one.severity)
        return cls(
            count=sum(one.count for one in alerts),
            firing=sum(one.status is AlertStatus.FIRING for one in alerts),
            severity=severity,
            tools=tuple(dict.fromkeys(one.tool for one in alerts)),
            keys=frozenset(one.correlation_key for one in alerts),
            last_at=max((one.last_at for one in alerts), default=None),
        )


def absorb(into: Incident, absorbed: Incident) -> Incident:
    """`into` after everything of `absorbed` became part of it: the worst severity of both, all of their alerts."""
    return replace(
        into,
        severity=worst(into.severity, absorbed.severity),
        count=into.count + absorbed.count,
        firing=into.firing + absorbed.firing,
        held=into.held + absorbed.held + 1,
        tools=tuple(dict.fromkeys((*into.tools, *absorbed.tools))),
        last_alert_at=max(into.last_alert_at, absorbed.last_alert_at),
        critical_asset=into.critical_asset or absorbed.critical_asset,
        recovered_at=None if into.firing + absorbed.firing else into.recovered_at,
        related=tuple(one for one in into.related if one != absorbed.id),
    )


def took(into: Incident, taken: Share) -> Incident:
    """`into` after a key and its alerts came to it from another incident."""
    return replace(
        into,
        severity=worst(into.severity, taken.severity) if taken.severity is not None else into.severity,
        count=into.count + taken.count,
        firing=into.firing + taken.firing,
        held=into.held + 1,
        tools=tuple(dict.fromkeys((*into.tools, *taken.tools))),
        last_alert_at=max(into.last_alert_at, taken.last_at or into.last_alert_at),
        recovered_at=None if taken.firing else into.recovered_at,
    )


def absorbed(incident: Incident, *, into: Incident, why: str, now: datetime) -> Incident:
    """The incident as part of another one: no longer open, its alerts are the other's, and it says where it went."""
    if not incident.open:
        raise Refused(f"{incident.label} is not open.", hint="Reopen it first.", code="stale")
    return replace(
        incident,
        status=IncidentStatus.CLOSED,
        merged_into=into.id,
        count=0,
        firing=0,
        closed_at=now,
        resolution=why,
        snoozed_until=None,
        snoozed_by=None,
        waiting_since=None,
        waiting_for="",
    )


def given_back(incident: Incident, share: Share, *, held: int) -> Incident:
    """The incident again as it was before it became part of another, with the alerts that are its own."""
    status = IncidentStatus.NEW
    if incident.assignee_id is not None:
        status = IncidentStatus.IN_PROGRESS if incident.claimed_at else IncidentStatus.ASSIGNED
    return replace(
        incident,
        status=status,
        merged_into=None,
        closed_at=None,
        resolution="",
        count=share.count,
        firing=share.firing,
        held=held,
        last_alert_at=max(incident.last_alert_at, share.last_at or incident.last_alert_at),
    )


def without(incident: Incident, left: Share, taken: Share, *, held: int, apart: int) -> Incident:
    """The incident after some of its alerts went: what is left decides, but a severity never falls by a split: a person
    may have acted on it."""
    return replace(
        incident,
        count=max(1, incident.count - taken.count),
        firing=left.firing,
        held=held,
        tools=left.tools or incident.tools,
        related=tuple(dict.fromkeys((*incident.related, apart))),
    )

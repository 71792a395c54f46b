"""Which incident an alert belongs to: one decision per alert, each with its Reason."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from engine.alert import Alert, AlertStatus, Identity, normal_asset, normal_signature
from engine.company import CompanyContext
from engine.incident import Incident
from engine.reason import Reason


@dataclass(frozen=True, slots=True)
class Rules:
    """A company's correlation settings: how long a quiet ends a burst, and until when a number comes back."""

    window: timedelta = timedelta(minutes=15)
    reopen_window: timedelta = timedelta(minutes=60)


class OpenIncidents(Protocol):
    """What correlation may look at, all of one company and each O(1) or O(log n)."""

    def with_key(self, correlation_key: str) -> Incident | None: ...

    def last_resolved(self, correlation_key: str) -> Incident | None: ...

    def firing_as(self, tool: str, dedup_key: str) -> Incident | None: ...


@dataclass(frozen=True, slots=True)
class Open:
    reason: Reason


@dataclass(frozen=True, slots=True)
class Attach:
    incident: Incident
    reason: Reason


@dataclass(frozen=True, slots=True)
class Reopen:
    incident: Incident
    reason: Reason


@dataclass(frozen=True, slots=True)
class Quiet:
    """Kept and counted, but nobody is told: for instance the recovery of something we never heard of."""

    reason: Reason


Decision = Open | Attach | Reopen | Quiet


def identify(alert: Alert, context: CompanyContext) -> Identity:
    """The asset and signature behind the sender's words: the asset list first, careful shortening otherwise."""
    known = context.asset_called(alert.asset_name)
    asset = known.name.strip().lower() if known else normal_asset(alert.asset_name)
    return Identity(asset=asset, signature=normal_signature(alert.signature))


def correlate(
    alert: Alert, identity: Identity, incidents: OpenIncidents, rules: Rules, now: datetime
) -> Decision:
    """Open a new incident, attach to an open one, reopen a recent one, or stay quiet."""
    key = identity.correlation_key
    if alert.status is AlertStatus.RESOLVED:
        return _recovery(alert, key, incidents)
    if alert.status is AlertStatus.NO_DATA:
        return _no_data(alert, key, incidents)
    if alert.status is AlertStatus.NOTICE:
        return Quiet(Reason("notice", "a notice, not an alarm: kept, and nobody is told"))
    current = incidents.with_key(key)
    if current is not None:
        return Attach(current, _same(alert, current, rules, now))
    past = incidents.last_resolved(key)
    if past is not None and past.resolved_at is not None and now - past.resolved_at <= rules.reopen_window:
        ago, limit = _minutes(now - past.resolved_at), _minutes(rules.reopen_window)
        return Reopen(
            past, Reason("reopened", f"came back {ago} after {past.label} was resolved (window {limit})")
        )
    return Open(Reason("new", f"no open incident has the key `{key}`"))


def _same(alert: Alert, current: Incident, rules: Rules, now: datetime) -> Reason:
    """Within the window it is the same burst, only counted; after a longer quiet it is worth a line."""
    key, quiet = current.correlation_key, now - current.last_alert_at
    if alert.tool not in current.tools:
        text = f"the same problem as {current.label} (`{key}`), now also reported by {alert.tool}"
        return Reason("same-key", text)
    if quiet > rules.window:
        text = f"{current.label} (`{key}`) is still open and fires again after {_minutes(quiet)} of quiet"
        return Reason("same-key-again", text)
    return Reason(
        "same-key", f"same asset and signature as {current.label} (`{key}`), last seen {_minutes(quiet)} ago"
    )


def _recovery(alert: Alert, key: str, incidents: OpenIncidents) -> Decision:
    incident = incidents.firing_as(alert.tool, alert.dedup_key) if alert.dedup_key else None
    if incident is not None:
        return Attach(incident, Reason("recovery", f"recovery of {incident.label}, by the tool's own key"))
    incident = incidents.with_key(key)
    if incident is not None:
        return Attach(incident, Reason("recovery", f"recovery of {incident.label}, by `{key}`"))
    return Quiet(Reason("recovery-of-nothing", "a recovery, and nothing with this identity is open"))


def _no_data(alert: Alert, key: str, incidents: OpenIncidents) -> Decision:
    """What is open stays open: nobody knows whether it has recovered."""
    incident = incidents.firing_as(alert.tool, alert.dedup_key) if alert.dedup_key else None
    incident = incident or incidents.with_key(key)
    if incident is not None:
        return Attach(
            incident, Reason("no-data", f"{alert.tool} reports no data: {incident.label} stays open")
        )
    return Quiet(Reason("no-data-of-nothing", "no data, and nothing with this identity is open"))


def _minutes(span: timedelta) -> str:
    seconds = max(0, int(span.total_seconds()))
    if seconds < 90:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"

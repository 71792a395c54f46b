"""Which incident an alert belongs to: one decision per alert, each with its Reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from engine.alert import Alert, AlertStatus, Identity, normal_asset, normal_signature
from engine.company import CompanyContext
from engine.reason import Reason


@dataclass(frozen=True, slots=True)
class Rules:
    """A company's correlation settings: how long a quiet ends a burst, and until when a number comes back."""

    window: timedelta = timedelta(minutes=15)
    reopen_window: timedelta = timedelta(minutes=60)


class Known(Protocol):
    """As much of an incident as correlation looks at."""

    @property
    def id(self) -> int: ...
    @property
    def label(self) -> str: ...
    @property
    def correlation_key(self) -> str: ...
    @property
    def tools(self) -> tuple[str, ...]: ...
    @property
    def last_alert_at(self) -> datetime: ...
    @property
    def resolved_at(self) -> datetime | None: ...


class OpenIncidents(Protocol):
    """What correlation may look at, all of one company and each O(1) or O(log n)."""

    def with_key(self, correlation_key: str) -> Known | None: ...

    def last_resolved(self, correlation_key: str) -> Known | None: ...

    def firing_as(self, tool: str, dedup_key: str) -> Known | None: ...

    def numbered(self, incident_id: int) -> Known | None: ...


@dataclass(slots=True)
class Advice:
    """What lies around the alert says: join this open incident (`firm`: by a relation that holds by itself), or leave
    the one its key is in. `rhythm` says of a key that comes back in step, no worse than before, what its step is."""

    join: int | None = None
    firm: bool = False
    evidence: Callable[[], str] = str
    score: float = 0.0
    leave: Reason | None = None
    rhythm: str = ""


NO_ADVICE = Advice()


@dataclass(frozen=True, slots=True)
class Open:
    reason: Reason


@dataclass(frozen=True, slots=True)
class Attach:
    incident: Known
    reason: Reason


@dataclass(frozen=True, slots=True)
class Join:
    """Another problem of an open incident, by evidence rather than by its key. Splitting undoes it."""

    incident: Known
    reason: Reason


@dataclass(frozen=True, slots=True)
class Reopen:
    incident: Known
    reason: Reason


@dataclass(frozen=True, slots=True)
class Quiet:
    """Kept and counted, but nobody is told: for instance the recovery of something we never heard of."""

    reason: Reason


Decision = Open | Attach | Join | Reopen | Quiet


MOST_IDENTITIES = 4_096
"""What senders' words mean is worked out once for so many of them, as long as the company's directory is the same."""


def identify(alert: Alert, context: CompanyContext) -> Identity:
    """The asset and signature behind the sender's words: the asset list first, careful shortening otherwise."""
    said = (alert.asset_name, alert.signature)
    found = context.identities.get(said)
    if found is None:
        known = context.asset_called(alert.asset_name)
        asset = known.name.strip().lower() if known else normal_asset(alert.asset_name)
        if known is None and (alias := context.alias(asset)) is not None:
            asset = alias.asset
        if len(context.identities) >= MOST_IDENTITIES:
            context.identities.clear()
        found = context.identities[said] = Identity(asset=asset, signature=normal_signature(alert.signature))
    return found


def correlate(
    alert: Alert,
    identity: Identity,
    incidents: OpenIncidents,
    rules: Rules,
    now: datetime,
    advice: Advice = NO_ADVICE,
) -> Decision:
    """Open a new incident, attach to or join an open one, reopen a recent one, or stay quiet.

    The exact key goes first; then a relation that holds by itself; then a recent incident of the same key; then other
    evidence."""
    key = identity.correlation_key
    if alert.status is AlertStatus.RESOLVED:
        return _recovery(alert, key, incidents)
    if alert.status is AlertStatus.NO_DATA:
        return _no_data(alert, key, incidents)
    if alert.status is AlertStatus.NOTICE:
        return Quiet(Reason("notice", "a notice, not an alarm: kept, and nobody is told"))
    current = incidents.with_key(key)
    if current is not None:
        if advice.leave is not None:
            return Open(advice.leave)
        return Attach(current, _same(alert, key, current, rules, now))
    joined = incidents.numbered(advice.join) if advice.join is not None else None
    if joined is not None and advice.firm:
        return Join(joined, _joined(joined, advice))
    past = incidents.last_resolved(key)
    if past is not None and advice.rhythm and rules.reopen_window:
        return Reopen(past, Reason("periodic", f"periodic, {advice.rhythm}: one more round of {past.label}"))
    if past is not None and past.resolved_at is not None and now - past.resolved_at <= rules.reopen_window:
        ago, limit = _minutes(now - past.resolved_at), _minutes(rules.reopen_window)
        return Reopen(
            past, Reason("reopened", f"came back {ago} after {past.label} was resolved (window {limit})")
        )
    if joined is not None:
        return Join(joined, _joined(joined, advice))
    return Open(Reason("new", f"no open incident has the key `{key}`"))


def _joined(incident: Known, advice: Advice) -> Reason:
    return Reason("joined", f"joins {incident.label}: {advice.evidence()}; {advice.score:.2f} in all")


def _same(alert: Alert, key: str, current: Known, rules: Rules, now: datetime) -> Reason:
    """Within the window it is the same burst, only counted; after a longer quiet it is worth a line."""
    quiet = now - current.last_alert_at
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

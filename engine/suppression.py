"""Quiet: silences and maintenance windows.

The one that covers an alert and lasts longest holds it and gives its reason. Held means kept and
counted, with no incident and no card, until its end says what was held and opens what is still broken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar
from zoneinfo import ZoneInfo

from engine.alert import Alert, Identity, Severity, StoredAlert, normal_asset, normal_signature
from engine.incident import Incident
from engine.reason import Reason
from engine.schedule import Schedule, Stretch

if TYPE_CHECKING:
    from engine.company import CompanyContext

LONGEST_SILENCE = timedelta(days=30)
_GLOB = frozenset("*?[")
_FAR = timedelta(hours=20)
_short_asset = lru_cache(maxsize=1024)(normal_asset)
_short_signature = lru_cache(maxsize=1024)(normal_signature)


class QuietKind(StrEnum):
    SILENCE = "silence"
    MAINTENANCE = "maintenance"


@dataclass(frozen=True, slots=True)
class Subject:
    """What a scope is compared with: all names of the asset, its labels, what is wrong, how bad, the correlation key
    of an alert or an incident, and the number of an incident."""

    names: frozenset[str]
    labels: Mapping[str, str]
    signatures: frozenset[str]
    severity: Severity
    key: str = ""
    incident: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What is held; what is not named is not narrowed, all that is named must fit. `asset` and `signature` may have
    `*` and `?`. `incident` means all problems that it holds at the time: `keys`, which are not kept but read when an
    alert is to be compared (`operations.hold.with_keys`). `ceiling` is the worst severity that is held: what is worse
    still comes."""

    asset: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    signature: str = ""
    ceiling: Severity = Severity.CRITICAL
    incident: int | None = None
    keys: frozenset[str] = frozenset()

    def covers(self, subject: Subject) -> bool:
        return not subject.severity.worse_than(self.ceiling) and self.fits(subject)

    def fits(self, subject: Subject) -> bool:
        """As `covers`, of whatever severity."""
        if self.incident is not None and self.incident != subject.incident and subject.key not in self.keys:
            return False
        if self.asset and not _named(self.asset.strip().lower(), subject.names):
            return False
        if self.signature and not _meant(self.signature.strip().lower(), subject.signatures):
            return False
        return all(
            (said := subject.labels.get(name.lower())) is not None and fnmatchcase(said, value.lower())
            for name, value in self.labels
        )

    @property
    def everything(self) -> bool:
        return not (self.asset or self.labels or self.signature or self.incident)

    @property
    def words(self) -> str:
        """As people say it: `web-01`, `site=vienna`, `“disk full” on web-*`, `all of INC-7`, `everything`."""
        where = " ".join([*([self.asset] if self.asset else []), *(f"{k}={v}" for k, v in self.labels)])
        what = f"“{self.signature}”" if self.signature else ""
        narrowed = " on ".join(part for part in (what, where) if part)
        if self.incident is None:
            return narrowed or "everything"
        return f"{narrowed or 'all'} of INC-{self.incident}"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietRule:
    """Something a person asked for: who, why, what, when. `held` counts every alert it has kept back so far."""

    kind: ClassVar[QuietKind]
    id: int
    company_id: int
    scope: Scope
    schedule: Schedule
    reason: str
    by: str
    by_id: int | None
    created_at: datetime
    confirmed_at: datetime | None = None
    ended_at: datetime | None = None
    ended_by: str = ""
    begun_at: datetime | None = None
    """The start of the stretch that is going on, once its beginning was acted on."""
    closed_until: datetime | None = None
    """The end of the last stretch that was closed, with its receipt."""
    finished_at: datetime | None = None
    held: int = 0

    @property
    def label(self) -> str:
        return f"{self.kind} {self.id}"

    def stretch_at(self, now: datetime) -> Stretch | None:
        """The stretch that is going on, ended early if somebody said so."""
        stretch = self._cut(self.schedule.at(now))
        return stretch if stretch is not None and now < stretch.ends_at else None

    def pending(self) -> Stretch | None:
        """The first stretch that has not been closed, whether it is going on, to come, or over meanwhile."""
        closed = self.closed_until
        stretch = self._cut(self.schedule.first_unclosed(closed))
        return stretch if stretch is None or closed is None or stretch.ends_at > closed else None

    def may_hold(self, now: datetime) -> bool:
        """Could there be something that it holds at this moment?"""
        stretch = self.pending()
        return self.ended_at is not None or (stretch is not None and stretch.starts_at <= now)

    def _cut(self, stretch: Stretch | None) -> Stretch | None:
        if stretch is None or self.ended_at is None or self.ended_at >= stretch.ends_at:
            return stretch
        return Stretch(stretch.starts_at, self.ended_at) if self.ended_at > stretch.starts_at else None


class Silence(QuietRule):
    """Hold what is known and in hand, for a time. The clocks run on; nobody is reminded of them meanwhile."""

    __slots__ = ()
    kind = QuietKind.SILENCE


class MaintenanceWindow(QuietRule):
    """Planned work, once or by a rule: alerts are held and the clocks of open incidents stand still."""

    __slots__ = ()
    kind = QuietKind.MAINTENANCE


KINDS: Mapping[QuietKind, type[QuietRule]] = {one.kind: one for one in (Silence, MaintenanceWindow)}


@dataclass(frozen=True, slots=True)
class PastAlert:
    """What a preview needs to know of an alert that was."""

    asset_name: str
    asset: str
    signature: str
    title: str
    severity: Severity
    labels: Mapping[str, str]
    count: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Tally:
    """How often one thing about one asset was held."""

    asset: str
    title: str
    severity: Severity
    times: int


@dataclass(frozen=True, slots=True)
class Held:
    """Why an alert is kept back, and `by` what: `silence 7`, `maintenance 3: kernel updates`."""

    by: str
    reason: Reason
    rule: QuietRule | None = None
    stretch: Stretch | None = None


def quiet(
    alert: Alert,
    identity: Identity,
    severity: Severity,
    context: CompanyContext,
    now: datetime,
    rules: Sequence[QuietRule] | None = None,
) -> Held | None:
    """Is this alert to be held now? `rules` are the company's, those of incidents with their keys."""
    rules = context.quiet if rules is None else rules
    if not any(rule.stretch_at(now) for rule in rules):
        return None
    subject = of_alert(alert, identity, severity, context)
    return by_rule(subject, rules, context, now)


def by_rule(
    subject: Subject, rules: Sequence[QuietRule], context: CompanyContext, now: datetime
) -> Held | None:
    """The silence or window over this; of several the one that lasts longest."""
    found = [
        (stretch.ends_at, rule.id, rule, stretch)
        for rule in rules
        if (stretch := rule.stretch_at(now)) is not None and rule.scope.covers(subject)
    ]
    if not found:
        return None
    *_, rule, stretch = max(found, key=lambda one: one[:2])
    until = clock_text(stretch.ends_at, context.company.timezone, now)
    named = f"{rule.label}: {rule.reason}" if rule.kind is QuietKind.MAINTENANCE else rule.label
    text = f"held by {rule.label} until {until} ({rule.reason}, by {rule.by})"
    return Held(named, Reason(rule.kind.value, text), rule, stretch)


def hush(incident: Incident, context: CompanyContext, now: datetime) -> Held | None:
    """Is there quiet over this open incident: no reminders, no escalation? A maintenance counts before a silence."""
    if not context.quiet:
        return None
    subject = of_incident(incident, context)
    planned = [rule for rule in context.quiet if rule.kind is QuietKind.MAINTENANCE]
    return by_rule(subject, planned, context, now) or by_rule(subject, context.quiet, context, now)


def resting_until(incident: Incident, context: CompanyContext, now: datetime) -> datetime | None:
    """Until when nobody is reminded of this incident, and nothing about it is escalated; None: not at all."""
    held = hush(incident, context, now)
    ends = [held.stretch.ends_at] if held is not None and held.stretch is not None else []
    if incident.snoozed_until is not None and incident.snoozed_until > now:
        ends.append(incident.snoozed_until)
    return max(ends, default=None)


def of_alert(alert: Alert, identity: Identity, severity: Severity, context: CompanyContext) -> Subject:
    return _subject(
        (alert.asset_name, identity.asset),
        alert.labels,
        (identity.signature, alert.signature),
        severity,
        context,
        key=identity.correlation_key,
    )


def of_stored(alert: StoredAlert | PastAlert, context: CompanyContext) -> Subject:
    return _subject(
        (alert.asset_name, alert.asset),
        alert.labels,
        (alert.signature, alert.title),
        alert.severity,
        context,
        key=Identity(asset=alert.asset, signature=alert.signature).correlation_key,
    )


def of_incident(incident: Incident, context: CompanyContext) -> Subject:
    return _subject(
        (incident.asset_name, incident.asset),
        {},
        (incident.signature, incident.title),
        incident.severity,
        context,
        key=incident.correlation_key,
        incident=incident.id,
    )


def _subject(
    names: Sequence[str],
    labels: Mapping[str, str],
    signatures: Sequence[str],
    severity: Severity,
    context: CompanyContext,
    *,
    key: str,
    incident: int | None = None,
) -> Subject:
    asset = context.asset_called(names[0])
    known = (asset.name, *asset.aliases) if asset else ()
    ours = asset.labels if asset else {}
    every = {one.strip().lower() for one in (*names, *known)} | {normal_asset(names[0])}
    return Subject(
        frozenset(every),
        {name.lower(): value.lower() for name, value in {**labels, **ours}.items()},
        frozenset(one.strip().lower() for one in signatures),
        severity,
        key,
        incident,
    )


def _named(pattern: str, names: frozenset[str]) -> bool:
    if _GLOB & set(pattern):
        return any(fnmatchcase(name, pattern) for name in names)
    return pattern in names or _short_asset(pattern) in names


def _meant(pattern: str, signatures: frozenset[str]) -> bool:
    if _GLOB & set(pattern):
        return any(fnmatchcase(one, pattern) for one in signatures)
    return pattern in signatures or _short_signature(pattern) in signatures


def clock_text(at: datetime, timezone: str, now: datetime) -> str:
    """`02:00 CET`, with its day when that is not plain."""
    local = at.astimezone(ZoneInfo(timezone))
    form = "%H:%M %Z" if abs(at - now) < _FAR else "%a %Y-%m-%d %H:%M %Z"
    return local.strftime(form)

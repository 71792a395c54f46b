"""What a company got for its money in a span of time: recomputed from the rows each time, never counted along.

An incident belongs to the span in which it was opened. What is part of another incident, and the marked test alerts,
are not counted.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from statistics import mean, median
from zoneinfo import ZoneInfo

from engine.alert import Severity
from engine.noise import Noise, TimeFact, of_incidents, unfixed
from engine.opinion import Spent
from engine.sla import ClockKind, SlaClock

MONITORING = "monitoring"
MOST_CHECKS = 10
_ZERO = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentFact:
    """One incident, as far as a report needs it. `alerts` is every alert it took in."""

    id: int
    severity: Severity
    asset_name: str
    title: str
    correlation_key: str
    alerts: int
    opened_at: datetime
    claimed_at: datetime | None
    resolved_at: datetime | None
    resolved_by: str
    assignee_id: int | None
    open: bool
    reopened: int
    resolution: str = ""

    @property
    def untouched(self) -> bool:
        """It is over, and no person had it in hand."""
        return not self.open and self.claimed_at is None and self.resolved_by == MONITORING


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFact:
    """One run of a runbook. `verified` is None while it is not over; `by_itself`: nobody asked for it."""

    incident_id: int | None
    runbook_id: str
    verified: bool | None
    by_itself: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A problem that comes back in step; `rhythm` as people read it, such as `every night about 02:00 CET, …`."""

    incident_id: int
    asset_name: str
    title: str
    rhythm: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """The rows of one company and span. `held` is how many alerts silences and windows kept back, by their kind."""

    incidents: Sequence[IncidentFact]
    clocks: Sequence[SlaClock]
    runs: Sequence[RunFact]
    held: Mapping[str, int]
    silent_sources: Sequence[str]
    names: Mapping[int, str]
    models: Sequence[Spent] = ()
    time: Sequence[TimeFact] = ()
    series: Sequence[Series] = ()


@dataclass(frozen=True, slots=True)
class Times:
    """`mean` and `median` of `count` spans; None of none."""

    count: int = 0
    mean: timedelta | None = None
    median: timedelta | None = None

    @classmethod
    def of(cls, spans: Sequence[timedelta]) -> Times:
        if not spans:
            return cls()
        seconds = [span.total_seconds() for span in spans]
        return cls(len(spans), timedelta(seconds=mean(seconds)), timedelta(seconds=median(seconds)))


@dataclass(frozen=True, slots=True)
class Kept:
    """Promises that were decided: in time, or not."""

    met: int = 0
    missed: int = 0

    @property
    def percent(self) -> float | None:
        return share(self.met, self.met + self.missed)


@dataclass(frozen=True, slots=True)
class OfSeverity:
    severity: Severity
    incidents: int
    acknowledge: Times
    resolve: Times
    response: Kept
    resolution: Kept


@dataclass(frozen=True, slots=True)
class OfPerson:
    """`hands_on` is the time from claim to resolution, summed."""

    user_id: int
    name: str
    claimed: int
    resolved: int
    acknowledge: Times
    resolve: Times
    hands_on: timedelta


@dataclass(frozen=True, slots=True)
class OfRunbook:
    runbook_id: str
    runs: int
    verified: int
    refuted: int
    by_itself: int

    @property
    def percent(self) -> float | None:
        """Verified among those that are over."""
        return share(self.verified, self.verified + self.refuted)


@dataclass(frozen=True, slots=True)
class OfCheck:
    """One check on one asset, and what it cost: the people's time from claim to resolution."""

    asset_name: str
    title: str
    alerts: int
    incidents: int
    hands_on: timedelta
    noise: Noise = field(default_factory=Noise)


@dataclass(frozen=True, slots=True)
class OfDay:
    day: date
    alerts: int
    incidents: Mapping[Severity, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    company: str
    since: datetime
    until: datetime
    timezone: str
    alerts: int
    incidents: int
    open: int
    reopened: int
    self_healed: int
    healed_by_runbook: int
    acknowledge: Times
    resolve: Times
    response: Kept
    resolution: Kept
    severities: Sequence[OfSeverity] = ()
    people: Sequence[OfPerson] = ()
    runbooks: Sequence[OfRunbook] = ()
    checks: Sequence[OfCheck] = ()
    days: Sequence[OfDay] = ()
    held: Mapping[str, int] = field(default_factory=dict)
    silent_sources: Sequence[str] = ()
    models: Sequence[Spent] = ()
    """What asking each model cost in the span."""
    series: Sequence[Series] = ()
    """What came back in step in the span, whenever it began."""
    booked_minutes: int = 0
    drafted_minutes: int = 0
    """Drafted and not booked."""
    noise: Noise = field(default_factory=Noise)

    @property
    def noise_reduction(self) -> float | None:
        """Percent of the alerts that nobody had to look at one by one."""
        return share(self.alerts - self.incidents, self.alerts)

    @property
    def self_healed_percent(self) -> float | None:
        return share(self.self_healed, self.incidents)


def share(part: int, whole: int) -> float | None:
    """In percent, one decimal; None of nothing."""
    return round(100 * part / whole, 1) if whole else None


def report(
    material: Material, *, company: str, since: datetime, until: datetime, timezone: str, now: datetime
) -> Report:
    incidents = material.incidents
    clocks: dict[int, list[SlaClock]] = defaultdict(list)
    for clock in material.clocks:
        clocks[clock.incident_id].append(clock)
    healers = {run.incident_id for run in material.runs if run.verified}
    healed = [one for one in incidents if one.untouched]
    time: dict[int, list[TimeFact]] = defaultdict(list)
    for spent in material.time:
        time[spent.incident_id].append(spent)
    taken = [one for one in incidents if one.claimed_at is not None and not one.open]
    noisy = {one.id for one in taken if unfixed(one.resolution, one.resolved_by == MONITORING)} - healers
    return Report(
        company=company,
        since=since,
        until=until,
        timezone=timezone,
        alerts=sum(one.alerts for one in incidents),
        incidents=len(incidents),
        open=sum(one.open for one in incidents),
        reopened=sum(one.reopened > 0 for one in incidents),
        self_healed=len(healed),
        healed_by_runbook=sum(one.id in healers for one in healed),
        acknowledge=_acknowledged(incidents),
        resolve=_resolved(incidents),
        response=_kept(incidents, clocks, ClockKind.RESPONSE, now),
        resolution=_kept(incidents, clocks, ClockKind.RESOLUTION, now),
        severities=[
            OfSeverity(
                severity,
                len(ours),
                _acknowledged(ours),
                _resolved(ours),
                _kept(ours, clocks, ClockKind.RESPONSE, now),
                _kept(ours, clocks, ClockKind.RESOLUTION, now),
            )
            for severity in Severity
            if (ours := [one for one in incidents if one.severity is severity])
        ],
        people=_people(incidents, material.names),
        runbooks=_runbooks(material.runs),
        checks=_checks(incidents, noisy, time),
        days=_days(incidents, since, until, timezone),
        held=dict(material.held),
        silent_sources=tuple(material.silent_sources),
        models=tuple(material.models),
        series=tuple(material.series),
        booked_minutes=sum(one.minutes for one in material.time if one.booked),
        drafted_minutes=sum(one.minutes for one in material.time if not one.booked),
        noise=of_incidents([one.id for one in incidents if one.id in noisy], time),
    )


def _acknowledged(incidents: Iterable[IncidentFact]) -> Times:
    return Times.of([one.claimed_at - one.opened_at for one in incidents if one.claimed_at is not None])


def _resolved(incidents: Iterable[IncidentFact]) -> Times:
    return Times.of(
        [one.resolved_at - one.opened_at for one in incidents if not one.open and one.resolved_at is not None]
    )


def _kept(
    incidents: Iterable[IncidentFact],
    clocks: Mapping[int, Sequence[SlaClock]],
    kind: ClockKind,
    now: datetime,
) -> Kept:
    met = missed = 0
    for incident in incidents:
        for clock in clocks.get(incident.id, ()):
            if clock.kind is not kind:
                continue
            if clock.met_at is not None and clock.met_at <= clock.due_at:
                met += 1
            elif clock.met_at is not None or (clock.paused_at is None and now >= clock.due_at):
                missed += 1
    return Kept(met, missed)


def _hands_on(incident: IncidentFact) -> timedelta:
    if incident.claimed_at is None or incident.resolved_at is None or incident.open:
        return _ZERO
    return max(_ZERO, incident.resolved_at - incident.claimed_at)


def _people(incidents: Iterable[IncidentFact], names: Mapping[int, str]) -> list[OfPerson]:
    owned: dict[int, list[IncidentFact]] = defaultdict(list)
    for one in incidents:
        if one.assignee_id is not None and one.claimed_at is not None:
            owned[one.assignee_id].append(one)
    found = [
        OfPerson(
            user_id,
            names.get(user_id, f"user {user_id}"),
            len(ours),
            sum(not one.open for one in ours),
            _acknowledged(ours),
            _resolved(ours),
            sum((_hands_on(one) for one in ours), _ZERO),
        )
        for user_id, ours in owned.items()
    ]
    return sorted(found, key=lambda one: (-one.resolved, one.name, one.user_id))


def _runbooks(runs: Iterable[RunFact]) -> list[OfRunbook]:
    by_id: dict[str, list[RunFact]] = defaultdict(list)
    for run in runs:
        by_id[run.runbook_id].append(run)
    found = [
        OfRunbook(
            runbook_id,
            len(ours),
            sum(one.verified is True for one in ours),
            sum(one.verified is False for one in ours),
            sum(one.by_itself for one in ours),
        )
        for runbook_id, ours in by_id.items()
    ]
    return sorted(found, key=lambda one: (-one.runs, one.runbook_id))


def _checks(
    incidents: Iterable[IncidentFact], noisy: Collection[int], time: Mapping[int, Sequence[TimeFact]]
) -> list[OfCheck]:
    alike: dict[str, list[IncidentFact]] = defaultdict(list)
    for one in incidents:
        alike[one.correlation_key].append(one)
    found = [
        OfCheck(
            ours[0].asset_name,
            ours[0].title,
            sum(one.alerts for one in ours),
            len(ours),
            sum((_hands_on(one) for one in ours), _ZERO),
            of_incidents([one.id for one in ours if one.id in noisy], time),
        )
        for ours in alike.values()
    ]
    return sorted(found, key=lambda one: (-one.alerts, -one.incidents, one.asset_name, one.title))[
        :MOST_CHECKS
    ]


def _days(incidents: Iterable[IncidentFact], since: datetime, until: datetime, timezone: str) -> list[OfDay]:
    """Every day of the span by the company's calendar, those without anything too."""
    zone = ZoneInfo(timezone)
    alerts: Counter[date] = Counter()
    opened: dict[date, Counter[Severity]] = defaultdict(Counter)
    for one in incidents:
        day = one.opened_at.astimezone(zone).date()
        alerts[day] += one.alerts
        opened[day][one.severity] += 1
    first = since.astimezone(zone).date()
    last = max(first, (until - timedelta(microseconds=1)).astimezone(zone).date())
    every = [first + timedelta(days=step) for step in range((last - first).days + 1)]
    return [OfDay(day, alerts[day], dict(opened[day])) for day in every]

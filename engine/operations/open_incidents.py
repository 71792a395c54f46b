"""The incidents one batch of alerts may touch: read together at its start, changed in memory, written by `settle`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from engine.alert import Alert, AlertStatus, Identity, StoredAlert, fingerprint
from engine.company import CompanyContext
from engine.incident import Incident
from engine.ports import CompanyKey, Transaction
from engine.reason import Reason
from engine.track import Track

FEW = 3
"""An incident of fewer further problems comes back under its number when one of them does; a cascade does not."""


REMEMBERED = timedelta(days=35)
"""What a key did is known for so long: a weekly series with three weeks left out goes on."""
SAME_DAY, SHORT_STEP = timedelta(hours=24), timedelta(hours=20)
"""A round of a series that comes several times a day comes back under the number of its day."""


def _later(one: Incident, other: Incident | None) -> bool:
    at = one.resolved_at
    return at is not None and (other is None or other.resolved_at is None or at > other.resolved_at)


class _Delivered(Protocol):
    @property
    def company_id(self) -> int: ...


@dataclass(slots=True)
class Work:
    """One incident on its way: as it was read (`before` is None for a new one) and as it will be written."""

    before: Incident | None
    after: Incident
    reopened: Reason | None = None
    again: Reason | None = None
    no_data: Reason | None = None
    recovered: bool = False
    flaps: bool = False
    starts_flapping: bool = False
    louder: str = "by a new alert"
    """What raised its severity."""
    calm: bool = False
    """It comes as it always does: nobody is called and no line is told."""
    sla_due: datetime | None = None

    @property
    def place(self) -> CompanyKey:
        return (self.after.company_id, self.after.correlation_key)

    @property
    def changed(self) -> bool:
        return self.before != self.after


class OpenSet:
    """In memory, for one transaction: every incident and alert of the batch, by every name it is looked up under."""

    def __init__(self) -> None:
        self.works: list[Work] = []
        self.loose: list[StoredAlert] = []
        self.earlier: dict[CompanyKey, Incident] = {}
        """The last incident of keys that no open one has, however long ago."""
        self.searching: set[int] = set()
        """Companies with an alert whose key no open incident has."""
        self._by_key: dict[CompanyKey, Work] = {}
        self._begun = 0
        self._by_id: dict[int, Work] = {}
        self._alerts: dict[tuple[int, str], StoredAlert] = {}
        self._changed_alerts: dict[tuple[int, str], tuple[Work, StoredAlert]] = {}
        self._firing_as: dict[tuple[int, str, str], Work] = {}

    def add(self, incident: Incident, *, held: CompanyKey | None = None) -> Work:
        """An incident that was read; `held` is a key that it has beside its own."""
        work = self._by_id.get(incident.id)
        if work is None:
            work = self._by_id[incident.id] = Work(before=incident, after=incident)
            self.works.append(work)
            self._know(work.place, work)
        if held is not None:
            self._know(held, work)
        return work

    def _know(self, place: CompanyKey, work: Work) -> None:
        known = self._by_key.get(place)
        if known is None or (work.after.open and not known.after.open):
            self._by_key[place] = work

    def begin(self, draft: Incident) -> Work:
        """A new incident; until it is written its id is a negative stand-in."""
        work = Work(before=None, after=replace(draft, id=self._stand_in()))
        self.works.append(work)
        self._by_id[work.after.id] = work
        self._by_key[work.place] = work
        return work

    def _stand_in(self) -> int:
        self._begun += 1
        return -self._begun

    async def fetch(self, tx: Transaction, incident_id: int) -> Work | None:
        """The incident, read now if it has to be; of a merged one, the one it was merged into."""
        work = self._by_id.get(incident_id)
        while work is None or work.after.merged_into is not None:
            wanted = incident_id if work is None else work.after.merged_into
            assert wanted is not None
            work = self._by_id.get(wanted) if work is not None else None
            if work is None:
                incident = await tx.incidents.get(wanted) if wanted > 0 else None
                if incident is None:
                    return None
                work = self.add(incident)
        return work

    def work(self, incident_id: int) -> Work:
        return self._by_id[incident_id]

    def name(self, place: CompanyKey, work: Work) -> None:
        """The key belongs to this incident from now on."""
        self._by_key[place] = work

    def take_in(self, into: Work, absorbed: Work) -> None:
        """Everything that goes by the absorbed incident's name goes by the other's."""
        for names in (self._by_key, self._firing_as):
            for name, work in names.items():
                if work is absorbed:
                    names[name] = into  # type: ignore[index]
        for incident_id, print_ in [place for place in self._alerts if place[0] == absorbed.after.id]:
            alert = self._alerts.pop((incident_id, print_))
            changed = self._changed_alerts.pop((incident_id, print_), None) is not None
            there = (into.after.id, print_)
            self._alerts[there] = alert
            if changed:
                self._changed_alerts[there] = (into, alert)
        if absorbed.before is None:
            self.works.remove(absorbed)
            self._by_id[absorbed.after.id] = into

    def alert_of(self, work: Work, correlation_key: str) -> StoredAlert | None:
        """An alert with that key that this batch put into the incident."""
        return next(
            (
                alert
                for holder, alert in self._changed_alerts.values()
                if holder is work and alert.correlation_key == correlation_key
            ),
            None,
        )

    def track(self, place: CompanyKey) -> Track | None:
        """What a key that no open incident has did before."""
        earlier = self.earlier.get(place)
        return earlier.course if earlier is not None else None

    def of(self, company_id: int) -> _OfCompany:
        return _OfCompany(self, company_id)

    def know_alert(self, alert: StoredAlert) -> None:
        assert alert.incident_id is not None
        known = self._alerts.setdefault((alert.incident_id, alert.fingerprint), alert)
        work = self._by_id.get(alert.incident_id)
        if known is alert and work is not None and alert.dedup_key and alert.status is AlertStatus.FIRING:
            self._firing_as.setdefault((alert.company_id, alert.tool, alert.dedup_key), work)

    def alert(self, work: Work, print_: str) -> StoredAlert | None:
        return self._alerts.get((work.after.id, print_))

    def put_alert(self, work: Work, alert: StoredAlert) -> None:
        place = (work.after.id, alert.fingerprint)
        self._alerts[place] = alert
        self._changed_alerts[place] = (work, alert)
        if alert.dedup_key:
            named = (alert.company_id, alert.tool, alert.dedup_key)
            if alert.status is AlertStatus.FIRING:
                self._firing_as[named] = work
            elif alert.status is AlertStatus.RESOLVED:
                self._firing_as.pop(named, None)

    def changed_alerts(self) -> Iterable[tuple[Work, StoredAlert]]:
        return self._changed_alerts.values()

    async def firing(self, tx: Transaction, work: Work) -> list[StoredAlert]:
        """Every alert of the incident that still fires, as this batch sees it."""
        if work.before is not None:
            for alert in await tx.alerts.firing_of(work.before.id):
                self.know_alert(alert)
        return [
            alert
            for (incident_id, _), alert in self._alerts.items()
            if incident_id == work.after.id and alert.status is AlertStatus.FIRING
        ]


@dataclass(frozen=True, slots=True)
class _OfCompany:
    """One company's view of the set: what `engine.correlation` may look at."""

    whole: OpenSet
    company_id: int

    def with_key(self, correlation_key: str) -> Incident | None:
        work = self.whole._by_key.get((self.company_id, correlation_key))
        return work.after if work and work.after.open else None

    def last_resolved(self, correlation_key: str) -> Incident | None:
        work = self.whole._by_key.get((self.company_id, correlation_key))
        return work.after if work and not work.after.open else None

    def numbered(self, incident_id: int) -> Incident | None:
        work = self.whole._by_id.get(incident_id)
        return work.after if work and work.after.open else None

    def firing_as(self, tool: str, dedup_key: str) -> Incident | None:
        work = self.whole._firing_as.get((self.company_id, tool, dedup_key))
        return work.after if work else None


def _short_step(track: Track, now: datetime) -> bool:
    return len(track.rounds) > 1 and now.timestamp() - track.rounds[-1].began < SHORT_STEP.total_seconds()


async def _last(
    tx: Transaction, whole: OpenSet, keys: Collection[CompanyKey], since: datetime, now: datetime
) -> Mapping[CompanyKey, Incident]:
    """The last incident of each key that may come back: resolved since then, or today's round of a series. What the
    keys did before is known from now on."""
    whole.earlier |= await tx.incidents.resolved_with_keys(keys, since=now - REMEMBERED)
    return {
        place: incident
        for place, incident in whole.earlier.items()
        if (incident.resolved_at is not None and incident.resolved_at >= since)
        or (now - incident.opened_at < SAME_DAY and _short_step(incident.course, now))
    }


async def load(
    tx: Transaction,
    deliveries: Sequence[_Delivered],
    identified: Sequence[Sequence[tuple[Alert, Identity]]],
    contexts: Mapping[int, CompanyContext],
    now: datetime,
) -> OpenSet:
    """Read all that the batch can touch, in a fixed number of statements whatever its size."""
    whole = OpenSet()
    flat = [
        (one.company_id, alert, identity)
        for one, pairs in zip(deliveries, identified, strict=True)
        for alert, identity in pairs
    ]
    keys = {(company_id, identity.correlation_key) for company_id, _, identity in flat}
    if not keys:
        return whole
    current = dict(await tx.incidents.open_with_keys(keys))
    missing = keys - current.keys()
    since = now - max(context.company.reopen_window for context in contexts.values())
    past: dict[CompanyKey, Incident] = {}
    if missing:
        held = await tx.grouping.holders(missing, since=since)
        current |= {place: incident for place, incident in held.items() if incident.open}
        past |= await _last(tx, whole, missing - current.keys(), since, now)
        for place, incident in held.items():
            if not incident.open and incident.held < FEW and _later(incident, past.get(place)):
                past[place] = incident
    named = {
        (company_id, alert.tool, alert.dedup_key)
        for company_id, alert, _ in flat
        if alert.dedup_key and alert.status in (AlertStatus.RESOLVED, AlertStatus.NO_DATA)
    }
    by_name = await tx.alerts.firing_as(named) if named else {}
    others = {alert.incident_id for alert in by_name.values() if alert.incident_id is not None}
    others -= {incident.id for incident in current.values()}
    whole.searching = {company_id for company_id, _ in missing - current.keys()}
    more = await tx.incidents.get_many(others) if others else {}
    for place, incident in (*current.items(), *past.items()):
        whole.add(incident, held=place)
    for incident in more.values():
        whole.add(incident)
    for stored in by_name.values():
        whole.know_alert(stored)
    wanted = set()
    for company_id, alert, identity in flat:
        place = (company_id, identity.correlation_key)
        known = current.get(place) or past.get(place)
        print_ = fingerprint(identity, alert.tool, alert.dedup_key, alert.status)
        if known is not None:
            wanted.add((known.id, print_))
        meant = by_name.get((company_id, alert.tool, alert.dedup_key or ""))
        if alert.status is AlertStatus.NO_DATA and meant is not None and meant.incident_id is not None:
            wanted.add((meant.incident_id, print_))
    for stored in (await tx.alerts.of_incidents(wanted)).values() if wanted else ():
        whole.know_alert(stored)
    return whole

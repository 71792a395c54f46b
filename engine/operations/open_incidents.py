"""The incidents one batch of alerts may touch: read together at its start, changed in memory, written by `settle`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from engine.alert import Alert, AlertStatus, Identity, StoredAlert, fingerprint
from engine.company import CompanyContext
from engine.correlation import Known
from engine.incident import Incident
from engine.ports import CompanyKey, Transaction
from engine.reason import Reason


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
        self._open: dict[CompanyKey, Work] = {}
        self._resolved: dict[CompanyKey, Work] = {}
        self._by_id: dict[int, Work] = {}
        self._alerts: dict[tuple[int, str], StoredAlert] = {}
        self._changed_alerts: dict[tuple[int, str], tuple[Work, StoredAlert]] = {}
        self._firing_as: dict[tuple[int, str, str], Work] = {}

    def add(self, incident: Incident) -> Work:
        known = self._by_id.get(incident.id)
        if known is not None:
            return known
        work = Work(before=incident, after=incident)
        self.works.append(work)
        self._by_id[incident.id] = work
        (self._open if incident.open else self._resolved)[work.place] = work
        return work

    def begin(self, draft: Incident) -> Work:
        """A new incident; until it is written its id is a negative stand-in."""
        work = Work(before=None, after=replace(draft, id=-1 - len(self.works)))
        self.works.append(work)
        self._by_id[work.after.id] = work
        self._open[work.place] = work
        return work

    def is_open(self, work: Work) -> None:
        self._resolved.pop(work.place, None)
        self._open[work.place] = work

    def is_closed(self, work: Work) -> None:
        self._open.pop(work.place, None)
        self._resolved[work.place] = work

    def work_of(self, incident: Known) -> Work:
        return self._by_id[incident.id]

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
        work = self.whole._open.get((self.company_id, correlation_key))
        return work.after if work else None

    def last_resolved(self, correlation_key: str) -> Incident | None:
        work = self.whole._resolved.get((self.company_id, correlation_key))
        return work.after if work else None

    def numbered(self, incident_id: int) -> Incident | None:
        work = self.whole._by_id.get(incident_id)
        return work.after if work and work.after.open else None

    def firing_as(self, tool: str, dedup_key: str) -> Incident | None:
        work = self.whole._firing_as.get((self.company_id, tool, dedup_key))
        return work.after if work else None


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
    current = await tx.incidents.open_with_keys(keys)
    missing = keys - current.keys()
    longest = max(context.company.reopen_window for context in contexts.values())
    past = await tx.incidents.resolved_with_keys(missing, since=now - longest) if missing else {}
    named = {
        (company_id, alert.tool, alert.dedup_key)
        for company_id, alert, _ in flat
        if alert.dedup_key and alert.status in (AlertStatus.RESOLVED, AlertStatus.NO_DATA)
    }
    by_name = await tx.alerts.firing_as(named) if named else {}
    others = {alert.incident_id for alert in by_name.values() if alert.incident_id is not None}
    others -= {incident.id for incident in current.values()}
    more = await tx.incidents.get_many(others) if others else {}
    for incident in (*current.values(), *past.values(), *more.values()):
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

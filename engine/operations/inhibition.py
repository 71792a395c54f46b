"""What hangs below something that is down: which assets are unreachable, and who is held under them.

Asked only about alerts that say "unreachable" of assets that the asset list ties to others, one statement a batch.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.alert import Alert, AlertStatus, Identity, StoredAlert
from engine.conditions import UNREACHABLE, condition
from engine.incident import Incident
from engine.operations.open_incidents import OpenSet, Work
from engine.ports import CompanyKey, Transaction
from engine.topology import Topology


@dataclass(frozen=True, slots=True)
class Lost:
    """A dependant that was said to be unreachable: by which key, in which incident, since when."""

    key: str
    incident_id: int
    since: datetime


class Inhibition:
    """What one batch needs to know of what is down, by (company id, asset)."""

    def __init__(self, tx: Transaction, open_set: OpenSet, now: datetime) -> None:
        self._tx = tx
        self._open_set = open_set
        self._now = now
        self._down: dict[CompanyKey, int] = {}
        self._lost: dict[CompanyKey, list[Lost]] = {}

    async def load(
        self, company_id: int, topology: Topology, alerts: Iterable[tuple[Alert, Identity]]
    ) -> None:
        """What is known to be down around the alerts whose keys no open incident has."""
        known = self._open_set.of(company_id)
        wanted: set[str] = set()
        for alert, identity in alerts:
            if alert.status is not AlertStatus.FIRING or not unreachable(identity.signature):
                continue
            if known.with_key(identity.correlation_key) is None:
                wanted.update(topology.above(identity.asset), topology.below(identity.asset))
        if not wanted:
            return
        for one in await self._tx.alerts.firing_on(company_id, wanted):
            if unreachable(one.signature) and one.incident_id is not None:
                self._note(company_id, one.asset, Lost(one.correlation_key, one.incident_id, one.first_at))

    def _note(self, company_id: int, asset: str, lost: Lost) -> None:
        self._down.setdefault((company_id, asset), lost.incident_id)
        self._lost.setdefault((company_id, asset), []).append(lost)

    def heard(self, stored: StoredAlert, work: Work) -> None:
        """This batch put the alert into that incident."""
        place = (stored.company_id, stored.asset)
        self._down[place] = work.after.id
        self._lost.setdefault(place, []).append(Lost(stored.correlation_key, work.after.id, stored.first_at))

    def back(self, stored: StoredAlert, topology: Topology) -> bool:
        """It can be reached again: does anything depend on it?"""
        if not unreachable(stored.signature):
            return False
        self._down.pop((stored.company_id, stored.asset), None)
        return bool(topology.needed_by(stored.asset))

    async def parent(self, stored: StoredAlert, topology: Topology) -> tuple[str, Incident] | None:
        """The nearest thing it depends on that is down, and the open incident that says so."""
        if not self._down:
            return None
        for asset in topology.above(stored.asset):
            number = self._down.get((stored.company_id, asset))
            work = await self._open_set.fetch(self._tx, number) if number is not None else None
            if work is None or not work.after.open or work.after.company_id != stored.company_id:
                continue
            if not await self._kept_apart(stored, work):
                return asset, work.after
        return None

    async def _kept_apart(self, stored: StoredAlert, work: Work) -> bool:
        """Somebody took this problem out of that incident before."""
        past = self._open_set.earlier.get((stored.company_id, stored.correlation_key))
        if past is None or work.after.id < 0:
            return False
        pairs = await self._tx.grouping.apart(stored.company_id, [work.after.id])
        return any(past.id in pair for pair in pairs)

    async def children(
        self, stored: StoredAlert, topology: Topology, window: timedelta, *, parent: Work | None = None
    ) -> list[Work]:
        """Incidents of dependants that were heard of before it: nothing but that they are unreachable, of the last
        `window`, and in nobody's hands. `parent` is the incident that it is in, once it is in one."""
        found: list[Work] = []
        if all(asset == stored.asset for _, asset in self._lost):
            return found
        for asset in topology.below(stored.asset):
            for lost in self._lost.get((stored.company_id, asset), ()):
                if self._now - lost.since > window:
                    continue
                work = await self._open_set.fetch(self._tx, lost.incident_id)
                if work is None or work is parent or work in found:
                    continue
                if not await self._only_that(work, lost, stored.company_id):
                    continue
                if parent is None or not await self._split(stored.company_id, work, parent):
                    found.append(work)
        return found

    async def _only_that(self, work: Work, lost: Lost, company_id: int) -> bool:
        """The incident is that something cannot be reached, with what is held under that, and in nobody's hands."""
        one = work.after
        if not one.open or one.touched or one.company_id != company_id or one.correlation_key != lost.key:
            return False
        if not one.held:
            return True
        joined = await self._tx.grouping.joined(one.id)
        return len(joined) == one.held and all(key.under for key in joined)

    async def _split(self, company_id: int, one: Work, other: Work) -> bool:
        """Did somebody take the two apart?"""
        if min(one.after.id, other.after.id) < 0:
            return False
        pairs = await self._tx.grouping.apart(company_id, [one.after.id])
        return any(other.after.id in pair for pair in pairs)


def unreachable(signature: str) -> bool:
    return condition(signature) == UNREACHABLE

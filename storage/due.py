"""What is due next, and how long the like of it took: read for the few that are shown, not for all that is open."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from engine.incident import Incident
from engine.odds import LOOK_BACK, MOST_ENDED, Ended
from engine.sla import ClockKind, SlaClock
from storage.clocks import COLUMNS as CLOCK_COLUMNS
from storage.clocks import to_clock
from storage.incidents import COLUMNS, may_be_offered, to_incident
from storage.tables import incidents, sla_clocks

if TYPE_CHECKING:
    from storage.transaction import Transaction

_RUNS = sa.text("met_at IS NULL AND paused_at IS NULL")
_ENDED = [incidents.c[name] for name in ("correlation_key", "signature", "category", "severity")]


class DueRows:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def soonest(
        self,
        *,
        company_ids: Collection[int] | None,
        offered_to: int | None,
        after: datetime,
        most: int,
    ) -> Sequence[tuple[Incident, SlaClock]]:
        """The promises that run out first after that moment. `company_ids` None means every company, `offered_to` is
        as in `Incidents.listed`."""
        found = self._running(company_ids, offered_to).where(sla_clocks.c.due_at > after)
        return await self._pairs(found.order_by(sla_clocks.c.due_at, sla_clocks.c.incident_id).limit(most))

    async def late(
        self, *, company_ids: Collection[int] | None, offered_to: int | None, until: datetime, most: int
    ) -> Sequence[tuple[Incident, SlaClock]]:
        """Those that have run out and are not kept yet, the latest first."""
        found = self._running(company_ids, offered_to).where(sla_clocks.c.due_at <= until)
        order = (sla_clocks.c.due_at.desc(), sla_clocks.c.incident_id)
        return await self._pairs(found.order_by(*order).limit(most))

    async def first(
        self,
        *,
        company_ids: Collection[int],
        offered_to: int | None = None,
        assignee_id: int | None = None,
        most: int,
    ) -> tuple[Sequence[Incident], int]:
        """The open incidents of which something is due first, then those that nothing is promised of, the newest first;
        and how many there are in all. `offered_to` and `assignee_id` are as in `Incidents.listed`."""
        clock = sla_clocks.c
        due = (
            sa.select(sa.func.min(clock.due_at)).where(clock.incident_id == incidents.c.id, _RUNS)
        ).scalar_subquery()
        which = [incidents.c.company_id.in_(sorted(company_ids)), incidents.c.is_open == 1]
        which += [may_be_offered(offered_to)] if offered_to is not None else []
        which += [incidents.c.assignee_id == assignee_id] if assignee_id is not None else []
        statement = sa.select(*COLUMNS).where(*which).order_by(due.is_(None), due, incidents.c.id.desc())
        rows = await self._tx.connection.execute(statement.limit(most))
        total = sa.select(sa.func.count()).select_from(incidents).where(*which)
        return [to_incident(row) for row in rows], (await self._tx.connection.execute(total)).scalar_one()

    def _running(self, company_ids: Collection[int] | None, offered_to: int | None) -> Any:
        join = sla_clocks.join(incidents, incidents.c.id == sla_clocks.c.incident_id)
        found = sa.select(*CLOCK_COLUMNS, *COLUMNS).select_from(join).where(_RUNS, incidents.c.is_open == 1)
        if company_ids is not None:
            found = found.where(sla_clocks.c.company_id.in_(sorted(company_ids)))
        return found.where(may_be_offered(offered_to)) if offered_to is not None else found

    async def _pairs(self, statement: Any) -> Sequence[tuple[Incident, SlaClock]]:
        split = len(CLOCK_COLUMNS)
        return [
            (to_incident(row[split:]), to_clock(row[:split]))
            for row in await self._tx.connection.execute(statement)
        ]

    async def ended(self, company_ids: Collection[int], *, now: datetime) -> Mapping[int, Sequence[Ended]]:
        """How long the promises about each company's last incidents took to be kept."""
        return {one: await self._ended_at(one, now) for one in sorted(company_ids)}

    async def _ended_at(self, company_id: int, now: datetime) -> Sequence[Ended]:
        last = (
            sa.select(incidents.c.id, *_ENDED)
            .where(incidents.c.company_id == company_id, sa.text("is_open = 0"))
            .where(incidents.c.merged_into.is_(None), incidents.c.resolved_at > now - LOOK_BACK)
            .order_by(incidents.c.id.desc())
            .limit(MOST_ENDED)
            .subquery("ended")
        )
        statement = (
            sa.select(*CLOCK_COLUMNS, *(last.c[one.name] for one in _ENDED))
            .select_from(last.join(sla_clocks, sla_clocks.c.incident_id == last.c.id))
            .where(sla_clocks.c.met_at.is_not(None))
        )
        found = []
        for row in await self._tx.connection.execute(statement):
            clock = to_clock(row[: len(CLOCK_COLUMNS)])
            key, signature, category, severity = row[len(CLOCK_COLUMNS) :]
            found.append(Ended(ClockKind(clock.kind), key, signature, category, severity, _took(clock)))
        return found


def _took(clock: SlaClock) -> Any:
    assert clock.met_at is not None
    return clock.target - clock.left(clock.met_at)

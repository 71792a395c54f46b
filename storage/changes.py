"""What is new since a moment, for those who watch: cheap enough to ask every second, and right across replicas."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from storage.tables import alerts, incidents, timeline

if TYPE_CHECKING:
    from storage.transaction import Transaction

MOST = 1000


@dataclass(frozen=True, slots=True)
class Touched:
    """An incident that may have changed; `revision` says whether it did."""

    incident_id: int
    revision: int


@dataclass(frozen=True, slots=True)
class SentAlert:
    """An alert that was sent; `count` grows with every repeat of it."""

    alert_id: str
    incident_id: int | None
    count: int
    status: str


class Changes:
    """Reads only. The story's and the alerts' ids begin with their time, so that their primary keys find what is
    new; what only raises a count is found among the open incidents, which are few."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def touched(self, since: datetime, *, floor: str) -> Sequence[Touched]:
        """The incidents with a new line in their story (ids above `floor`) or a new alert (since then)."""
        told = sa.select(timeline.c.incident_id).where(timeline.c.id > floor).distinct().limit(MOST)
        open_now = sa.and_(sa.text("is_open = 1"), incidents.c.last_alert_at >= since)
        found: dict[int, int] = {}
        for where in (incidents.c.id.in_(told.scalar_subquery()), open_now):
            statement = sa.select(incidents.c.id, incidents.c.revision).where(where).limit(MOST)
            found.update({row.id: row.revision for row in await self._tx.connection.execute(statement)})
        return [Touched(number, revision) for number, revision in sorted(found.items())]

    async def sent(
        self, since: datetime, *, floor: str, incident_ids: Collection[int]
    ) -> Sequence[SentAlert]:
        """The alerts that are new (ids above `floor`), and those of these incidents that were sent again."""
        named = [alerts.c.id, alerts.c.incident_id, alerts.c.count.label("times"), alerts.c.status]
        of_those = sa.and_(alerts.c.incident_id.in_(sorted(incident_ids)), alerts.c.last_at >= since)
        found: dict[str, SentAlert] = {}
        for where in (alerts.c.id > floor, of_those):
            statement = sa.select(*named).where(where).order_by(alerts.c.id).limit(MOST)
            for row in await self._tx.connection.execute(statement):
                found[row.id] = SentAlert(row.id, row.incident_id, row.times, row.status)
        return [found[name] for name in sorted(found)]

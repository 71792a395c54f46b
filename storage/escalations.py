"""Escalations: each call that was made about an incident, numbered. The number is the compare-and-set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from engine.audit import TimelineKind
from engine.errors import Conflict
from engine.people_ports import Escalation
from storage import dialect
from storage.people_tables import escalations as table
from storage.tables import timeline

if TYPE_CHECKING:
    from datetime import datetime

    from storage.transaction import Transaction

_FIELDS = tuple(Escalation.__dataclass_fields__)


def _to_escalation(row: Any) -> Escalation:
    values = {name: getattr(row, name) for name in _FIELDS}
    return Escalation(**values | {"called": tuple(row.called)})


class Escalations:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def of(self, incident_id: int) -> Sequence[Escalation]:
        """In the order of time."""
        statement = sa.select(table).where(table.c.incident_id == incident_id).order_by(table.c.number)
        return [_to_escalation(row) for row in await self._tx.connection.execute(statement)]

    async def add(self, made: Escalation) -> None:
        """Raises Conflict when another replica has made this call already."""
        values = {name: getattr(made, name) for name in _FIELDS} | {"called": list(made.called)}
        statement = dialect.insert(self._tx.dialect, table).values(**values).on_conflict_do_nothing()
        if (await self._tx.connection.execute(statement)).rowcount != 1:
            raise Conflict("That call has been made.")

    async def heard_at(self, incident_id: int, system: str) -> datetime | None:
        """When a person last did something to the incident."""
        return await self._last(timeline.c.incident_id == incident_id, timeline.c.actor != system)

    async def given_at(self, incident_id: int, system: str) -> datetime | None:
        """When a person last gave it back or to somebody."""
        assigned = timeline.c.kind == TimelineKind.ASSIGNED.value
        return await self._last(timeline.c.incident_id == incident_id, timeline.c.actor != system, assigned)

    async def _last(self, *where: Any) -> datetime | None:
        statement = sa.select(timeline.c.at).where(*where).order_by(timeline.c.id.desc()).limit(1)
        found: datetime | None = (await self._tx.connection.execute(statement)).scalar()
        return found

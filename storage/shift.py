"""What somebody who comes on call has to know, read across the companies of a rotation in a few statements."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from engine.incident import Incident
from storage.incidents import COLUMNS, to_incident
from storage.tables import incidents, runs

if TYPE_CHECKING:
    from storage.transaction import Transaction


@dataclass(frozen=True, slots=True)
class ActiveRun:
    """An unfinished run, as far as a digest names it."""

    incident_id: int | None
    title: str
    status: str


class ShiftRows:
    """`company_ids` None means every company."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def open_counts(self, company_ids: Collection[int] | None) -> tuple[Mapping[str, int], int]:
        """Open incidents by severity, and how many of them nobody has in hand."""
        statement = sa.select(
            incidents.c.severity,
            sa.func.count(),
            sa.func.sum(sa.case((incidents.c.claimed_at.is_(None), 1), else_=0)),
        ).where(sa.text("is_open = 1"))
        found = list(
            await self._tx.connection.execute(
                _of(statement, incidents.c.company_id, company_ids).group_by(incidents.c.severity)
            )
        )
        return {row[0]: row[1] for row in found}, int(sum(row[2] for row in found))

    async def waiting(self, company_ids: Collection[int] | None, *, most: int) -> Sequence[Incident]:
        """Those that wait for the client, the longest first."""
        statement = sa.select(*COLUMNS).where(sa.text("is_open = 1"), incidents.c.waiting_since.is_not(None))
        statement = _of(statement, incidents.c.company_id, company_ids)
        rows = await self._tx.connection.execute(statement.order_by(incidents.c.waiting_since).limit(most))
        return [to_incident(row) for row in rows]

    async def running(self, company_ids: Collection[int] | None, *, most: int) -> Sequence[ActiveRun]:
        """Unfinished runs, the newest first."""
        statement = sa.select(runs.c.incident_id, runs.c.body["title"].as_string(), runs.c.status).where(
            runs.c.is_active == 1
        )
        statement = _of(statement, runs.c.company_id, company_ids)
        rows = await self._tx.connection.execute(statement.order_by(runs.c.id.desc()).limit(most))
        return [ActiveRun(*row) for row in rows]


def _of(statement: Any, column: Any, company_ids: Collection[int] | None) -> Any:
    return statement if company_ids is None else statement.where(column.in_(sorted(company_ids)))

"""What happened in a company around a moment: read for questions, never written."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from engine.audit import AuditEntry, AuditKind
from engine.incident import Incident
from storage.incidents import COLUMNS, to_incident
from storage.tables import audit_entries, incidents

if TYPE_CHECKING:
    from storage.transaction import Transaction


class Around:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def incidents(
        self, company_id: int, *, since: datetime, until: datetime, most: int
    ) -> Sequence[Incident]:
        """Those that were opened or resolved in that time, the newest first."""
        table = incidents
        statement = (
            sa.select(*COLUMNS)
            .where(
                table.c.company_id == company_id,
                sa.or_(
                    table.c.opened_at.between(since, until),
                    table.c.resolved_at.between(since, until),
                ),
            )
            .order_by(table.c.opened_at.desc(), table.c.id.desc())
            .limit(most)
        )
        return [to_incident(row) for row in await self._tx.connection.execute(statement)]

    async def acts(
        self, company_id: int, kinds: Collection[AuditKind], *, since: datetime, until: datetime, most: int
    ) -> Sequence[AuditEntry]:
        """What was done in that time, the newest first."""
        table = audit_entries
        statement = (
            sa.select(table)
            .where(
                table.c.company_id == company_id,
                table.c.kind.in_(sorted(kind.value for kind in kinds)),
                table.c.at.between(since, until),
            )
            .order_by(table.c.seq.desc())
            .limit(most)
        )
        return [
            AuditEntry(
                company_id=row.company_id,
                at=row.at,
                kind=AuditKind(row.kind),
                actor=row.actor,
                actor_id=row.actor_id,
                via=row.via,
                subject=row.subject,
                detail=row.detail,
            )
            for row in await self._tx.connection.execute(statement)
        ]

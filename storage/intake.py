"""The lines that tell a company about its intake: said again, they count."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from engine.intake import IntakeLine
from storage import dialect
from storage.intake_tables import intake_lines as table

if TYPE_CHECKING:
    from storage.transaction import Transaction


class IntakeLines:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._waiting: list[IntakeLine] = []

    def tell(self, line: IntakeLine) -> None:
        self._waiting.append(line)

    async def flush(self) -> None:
        """One upsert: however many replicas say it at once, each counts."""
        if not self._waiting:
            return
        rows = [asdict(line) for line in sorted(self._waiting, key=lambda line: line.id)]
        self._waiting.clear()
        statement = dialect.insert(self._tx.dialect, table)
        said = statement.excluded
        statement = statement.on_conflict_do_update(
            index_elements=[table.c.id],
            set_={
                "text": said.text,
                "body": said.body,
                "last_at": said.last_at,
                "count": table.c.count + said.count,
            },
        )
        await self._tx.connection.execute(statement, rows)

    async def get(self, line_id: str) -> IntakeLine | None:
        row = (await self._tx.connection.execute(sa.select(table).where(table.c.id == line_id))).first()
        return IntakeLine(**row._mapping) if row else None

    async def forget(self, *, before: datetime) -> int:
        """Lines that old are left to the channel's own memory."""
        return int(
            (await self._tx.connection.execute(sa.delete(table).where(table.c.last_at < before))).rowcount
        )

"""Heartbeats in the database. `due_at` is kept beside the facts it follows from, for sweeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from engine.heartbeat import Heartbeat, HeartbeatState
from storage.intake_tables import heartbeats as table
from storage.prepared import upsert
from storage.rows import locked

if TYPE_CHECKING:
    from storage.transaction import Transaction

_UPSERT = upsert(table, keep=())
_WELL = (HeartbeatState.NEW.value, HeartbeatState.UP.value)


def _to_heartbeat(row: Any) -> Heartbeat:
    values = dict(row._mapping) | {"state": HeartbeatState(row.state)}
    values.pop("due_at")
    return Heartbeat(**values)


class Heartbeats:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._waiting: dict[tuple[int, str], Heartbeat] = {}

    def put(self, heartbeat: Heartbeat) -> None:
        self._waiting[(heartbeat.company_id, heartbeat.name)] = heartbeat

    async def flush(self) -> None:
        if self._waiting:
            rows = [
                asdict(one) | {"state": one.state.value, "due_at": one.due_at}
                for _, one in sorted(self._waiting.items())
            ]
            self._waiting.clear()
            await _UPSERT.run(self._tx, rows)

    async def get(self, company_id: int, name: str) -> Heartbeat | None:
        """Locked in a writing transaction: of a call and the end of its time, one comes first."""
        statement = sa.select(table).where(table.c.company_id == company_id, table.c.name == name)
        row = (await self._tx.connection.execute(locked(self._tx, statement))).first()
        return _to_heartbeat(row) if row else None

    async def count(self, company_id: int) -> int:
        statement = sa.select(sa.func.count()).where(table.c.company_id == company_id)
        return int((await self._tx.connection.execute(statement)).scalar_one())

    async def of_company(self, company_id: int) -> Sequence[Heartbeat]:
        statement = sa.select(table).where(table.c.company_id == company_id).order_by(table.c.name)
        return [_to_heartbeat(row) for row in await self._tx.connection.execute(statement)]

    async def remove(self, company_id: int, name: str) -> None:
        self._waiting.pop((company_id, name), None)
        statement = sa.delete(table).where(table.c.company_id == company_id, table.c.name == name)
        await self._tx.connection.execute(statement)

    async def awaited(self, now: datetime) -> Sequence[tuple[int, str]]:
        """Those whose time is over and that nobody has looked at since."""
        statement = sa.select(table.c.company_id, table.c.name).where(
            table.c.due_at <= now, table.c.state.in_(_WELL)
        )
        return [(row.company_id, row.name) for row in await self._tx.connection.execute(statement)]

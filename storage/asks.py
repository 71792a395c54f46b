"""What one person asks of another: open until it is answered or its time is up. It ends once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from engine.ask import Ask, AskKind, AskState
from engine.errors import Conflict
from storage.people_tables import asks as table
from storage.rows import locked

if TYPE_CHECKING:
    from storage.transaction import Transaction

_FIELDS = [one.name for one in fields(Ask)]
_OPEN = sa.text("settled_at IS NULL")


def _to_ask(row: Any) -> Ask:
    values = {name: getattr(row, name) for name in _FIELDS}
    words = {"kind": AskKind(row.kind), "state": AskState(row.state), "incidents": tuple(row.incidents)}
    return Ask(**values | words)


def _to_row(ask: Ask) -> dict[str, Any]:
    row = {name: getattr(ask, name) for name in _FIELDS}
    words = {"kind": ask.kind.value, "state": ask.state.value, "incidents": list(ask.incidents)}
    return row | words | {"facts": dict(ask.facts)}


class Asks:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def get(self, ask_id: str) -> Ask | None:
        """Locked until the transaction ends, where the database can."""
        statement = locked(self._tx, sa.select(table).where(table.c.id == ask_id))
        row = (await self._tx.connection.execute(statement)).first()
        return _to_ask(row) if row else None

    async def add(self, ask: Ask) -> None:
        await self._tx.connection.execute(sa.insert(table).values(**_to_row(ask)))

    async def settle(self, ask: Ask) -> None:
        """Write what became of an open one. Raises Conflict when it is not open any more."""
        statement = sa.update(table).where(table.c.id == ask.id, _OPEN).values(**_to_row(ask))
        if (await self._tx.connection.execute(statement)).rowcount != 1:
            raise Conflict("That was answered a moment ago.")

    async def open_by(self, asker_id: int) -> Sequence[Ask]:
        return await self._all(table.c.asker_id == asker_id)

    async def open_of(self, asked_id: int) -> Sequence[Ask]:
        return await self._all(table.c.asked_id == asked_id)

    async def _all(self, whose: Any) -> Sequence[Ask]:
        statement = sa.select(table).where(whose, _OPEN).order_by(table.c.id)
        return [_to_ask(row) for row in await self._tx.connection.execute(statement)]

    async def overdue(self, now: datetime) -> Sequence[str]:
        """Those whose time is up and that nobody has ended: what a lost timer would leave."""
        statement = sa.select(table.c.id).where(_OPEN, table.c.expires_at <= now).order_by(table.c.id)
        return list((await self._tx.connection.execute(statement)).scalars())

    async def forget(self, *, before: datetime) -> None:
        await self._tx.connection.execute(sa.delete(table).where(table.c.settled_at < before))

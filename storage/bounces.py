"""Addresses that mail came back from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from engine.bounce import BouncedAddress
from storage import dialect
from storage.people_tables import bounced_addresses as table
from storage.rows import locked

if TYPE_CHECKING:
    from storage.transaction import Transaction

_FIELDS = [one.name for one in fields(BouncedAddress)]


def _to_address(row: Any) -> BouncedAddress:
    return BouncedAddress(**{name: getattr(row, name) for name in _FIELDS})


class Bounces:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def get(self, address: str) -> BouncedAddress | None:
        """Locked until the transaction ends, where the database can."""
        statement = locked(self._tx, sa.select(table).where(table.c.address == address))
        row = (await self._tx.connection.execute(statement)).first()
        return _to_address(row) if row else None

    async def put(self, one: BouncedAddress) -> None:
        values = asdict(one)
        statement = dialect.insert(self._tx.dialect, table).values(**values)
        changed = {name: value for name, value in values.items() if name != "address"}
        await self._tx.connection.execute(
            statement.on_conflict_do_update(index_elements=["address"], set_=changed)
        )

    async def forget(self, address: str) -> None:
        await self._tx.connection.execute(sa.delete(table).where(table.c.address == address))

    async def all(self) -> Sequence[BouncedAddress]:
        """Those that take none first, then those that came back for a time; the newest first."""
        statement = sa.select(table).order_by(
            table.c.hard_at.is_(None), table.c.hard_at.desc(), table.c.address
        )
        return [_to_address(row) for row in await self._tx.connection.execute(statement)]

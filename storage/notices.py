"""Notices in the database: one row for each thing that one destination is told by one way."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from engine.notice import Notice, NoticeKind, Transport
from storage.people_tables import notices as table
from storage.rows import insert_new, locked

if TYPE_CHECKING:
    from storage.transaction import Transaction

SENT = "sent"
_FIELDS = [one.name for one in fields(Notice)]


def _to_notice(row: Any) -> Notice:
    values = {name: getattr(row, name) for name in _FIELDS}
    return Notice(**values | {"kind": NoticeKind(row.kind), "transport": Transport(row.transport)})


def _to_row(notice: Notice) -> dict[str, Any]:
    values = {name: getattr(notice, name) for name in _FIELDS}
    values |= {"kind": notice.kind.value, "transport": notice.transport.value}
    return values | {"id": notice.id, "destination": notice.destination}


class Notices:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._new: dict[str, Notice] = {}

    def add(self, notice: Notice) -> None:
        """One that is there already stays as it is, told or not."""
        self._new.setdefault(notice.id, notice)

    async def flush(self) -> None:
        if self._new:
            rows = [_to_row(one) for _, one in sorted(self._new.items())]
            self._new.clear()
            await insert_new(self._tx, table, rows)

    async def waiting(self, transport: str, destination: str, *, most: int = 200) -> Sequence[Notice]:
        """What waits for this destination, the oldest first; locked in a writing transaction."""
        statement = (
            sa.select(table)
            .where(sa.text("settled_at IS NULL"), table.c.transport == transport)
            .where(table.c.destination == destination)
            .order_by(table.c.at, table.c.id)
            .limit(most)
        )
        found = await self._tx.connection.execute(locked(self._tx, statement))
        return [_to_notice(row) for row in found]

    async def put_in(self, batch: str, ids: Collection[str]) -> None:
        """These go out together, in the message of that name."""
        statement = sa.update(table).where(table.c.id.in_(sorted(ids)))
        await self._tx.connection.execute(statement.values(batch=batch))

    async def settle(self, ids: Collection[str], outcome: str, *, now: datetime) -> None:
        statement = sa.update(table).where(table.c.id.in_(sorted(ids)), table.c.settled_at.is_(None))
        await self._tx.connection.execute(statement.values(settled_at=now, outcome=outcome))

    async def sent_since(self, transport: str, destination: str, since: datetime) -> Sequence[datetime]:
        """When messages went there since then."""
        statement = (
            sa.select(table.c.settled_at)
            .distinct()
            .where(table.c.destination == destination, table.c.transport == transport)
            .where(table.c.settled_at > since, table.c.outcome == SENT)
        )
        return list((await self._tx.connection.execute(statement)).scalars())

    async def of_incident(self, incident_id: int) -> Sequence[Notice]:
        statement = sa.select(table).where(table.c.incident_id == incident_id)
        found = await self._tx.connection.execute(statement.order_by(table.c.at, table.c.id))
        return [_to_notice(row) for row in found]

    async def sent_or_not(self, destination: str, key: str) -> Sequence[Notice]:
        """What became of that, by each way."""
        statement = sa.select(table).where(table.c.destination == destination, table.c.key == key)
        return [_to_notice(row) for row in await self._tx.connection.execute(statement)]

    async def of_batch(self, batch: str) -> Sequence[Notice]:
        """What went out in that message, the oldest first."""
        statement = sa.select(table).where(table.c.batch == batch).order_by(table.c.at, table.c.id)
        return [_to_notice(row) for row in await self._tx.connection.execute(statement)]

    async def not_delivered(self, batch: str, outcome: str) -> None:
        """It was carried, and did not arrive."""
        statement = sa.update(table).where(table.c.batch == batch, table.c.settled_at.is_not(None))
        await self._tx.connection.execute(statement.values(outcome=outcome))

    async def last_by_phone(self, user_id: int, *, since: datetime) -> Notice | None:
        """What this person was told last by text or call: about an incident, or a page about none."""
        answerable = sa.or_(table.c.incident_id.is_not(None), table.c.kind == NoticeKind.PAGED.value)
        statement = (
            sa.select(table)
            .where(table.c.destination == f"user {user_id}", table.c.transport.in_(["sms", "voice"]))
            .where(table.c.settled_at > since, answerable, table.c.outcome == SENT)
            .order_by(table.c.settled_at.desc(), table.c.at.desc())
            .limit(1)
        )
        row = (await self._tx.connection.execute(statement)).first()
        return _to_notice(row) if row else None

    async def forget(self, *, before: datetime) -> None:
        await self._tx.connection.execute(sa.delete(table).where(table.c.settled_at < before))


KEPT = timedelta(days=30)
"""How long it is known who was told what outside of the thread."""

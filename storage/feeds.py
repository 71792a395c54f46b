"""Addresses under which calendars read shifts: whose each is, and whether it still holds. No secret is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from storage.people_tables import calendar_feeds as table

if TYPE_CHECKING:
    from storage.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Feed:
    """`rotation_id` None: every shift of that person, in whatever rotation."""

    id: str
    user_id: int
    rotation_id: int | None


def _to_feed(row: Any) -> Feed:
    return Feed(row.id, row.user_id, row.rotation_id)


class Feeds:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def get(self, feed_id: str) -> Feed | None:
        """One that was revoked is gone."""
        row = (await self._tx.connection.execute(_live().where(table.c.id == feed_id))).first()
        return _to_feed(row) if row else None

    async def of(self, user_id: int) -> Sequence[Feed]:
        statement = _live().where(table.c.user_id == user_id).order_by(table.c.id)
        return [_to_feed(row) for row in await self._tx.connection.execute(statement)]

    async def add(self, feed: Feed, *, now: datetime) -> None:
        values = {"id": feed.id, "user_id": feed.user_id, "rotation_id": feed.rotation_id}
        await self._tx.connection.execute(sa.insert(table).values(**values, created_at=now))

    async def revoke(self, user_id: int, *, now: datetime) -> int:
        """How many that were."""
        statement = sa.update(table).where(table.c.user_id == user_id, table.c.revoked_at.is_(None))
        return int((await self._tx.connection.execute(statement.values(revoked_at=now))).rowcount)


def _live() -> Any:
    return sa.select(table).where(table.c.revoked_at.is_(None))

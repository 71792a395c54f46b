"""What was started by break-glass, and whether somebody else has signed it since."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from runbooks.review import Review
from storage.rows import locked
from storage.run_tables import glass_reviews as table

if TYPE_CHECKING:
    from storage.transaction import Transaction

_FIELDS = [one.name for one in fields(Review)]


def _to_review(row: Any) -> Review:
    return Review(**{name: getattr(row, name) for name in _FIELDS})


class Reviews:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def get(self, run_id: str) -> Review | None:
        """Locked until the transaction ends, where the database can."""
        statement = locked(self._tx, sa.select(table).where(table.c.run_id == run_id))
        row = (await self._tx.connection.execute(statement)).first()
        return _to_review(row) if row else None

    async def add(self, review: Review) -> None:
        await self._tx.connection.execute(sa.insert(table).values(**asdict(review)))

    async def save(self, review: Review) -> bool:
        """False when it was signed meanwhile: nothing is changed then."""
        statement = sa.update(table).where(table.c.run_id == review.run_id, table.c.signed_at.is_(None))
        result = await self._tx.connection.execute(statement.values(**asdict(review)))
        return bool(result.rowcount)

    async def of(
        self, company_ids: Collection[int], *, open_only: bool = True, most: int = 50
    ) -> Sequence[Review]:
        """Of these companies, the oldest first when only open ones are wanted, else the newest first."""
        statement = sa.select(table).where(table.c.company_id.in_(company_ids))
        if open_only:
            statement = statement.where(table.c.signed_at.is_(None)).order_by(table.c.broken_at)
        else:
            statement = statement.order_by(table.c.broken_at.desc())
        rows = await self._tx.connection.execute(statement.limit(most))
        return [_to_review(row) for row in rows]

    async def awaited(self, now: datetime) -> Sequence[tuple[int, str]]:
        """(company, run) of every open review whose reminder is due, of all companies."""
        statement = (
            sa.select(table.c.company_id, table.c.run_id)
            .where(table.c.signed_at.is_(None), table.c.remind_at <= now)
            .limit(1000)
        )
        return [(company, run) for company, run in await self._tx.connection.execute(statement)]

"""First answers for repeats, and the dead letters: what authenticated but could not be understood, kept whole."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from engine.intake import DeadLetter
from storage.rows import chunks, locked
from storage.tables import dead_letters
from storage.tables import deliveries as table

if TYPE_CHECKING:
    from storage.transaction import Transaction


class Deliveries:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._waiting: dict[tuple[int, str], dict[str, Any]] = {}

    async def answers(self, wanted: Collection[tuple[int, str]]) -> Mapping[tuple[int, str], Any]:
        found: dict[tuple[int, str], Any] = {}
        by_company: dict[int, list[str]] = {}
        for company_id, delivery_id in sorted(wanted):
            by_company.setdefault(company_id, []).append(delivery_id)
        for company_id, names in by_company.items():
            for some in chunks(names):
                statement = sa.select(table.c.delivery_id, table.c.answer).where(
                    table.c.company_id == company_id, table.c.delivery_id.in_(some)
                )
                for name, answer in await self._tx.connection.execute(statement):
                    found[(company_id, name)] = answer
        return found

    def put(self, company_id: int, delivery_id: str, answer: Any, *, now: datetime) -> None:
        row = {"company_id": company_id, "delivery_id": delivery_id, "answer": answer, "at": now}
        self._waiting.setdefault((company_id, delivery_id), row)

    async def flush(self) -> None:
        """Plain inserts: a row that another replica put meanwhile fails this transaction, which then runs again."""
        if self._waiting:
            rows = [self._waiting[place] for place in sorted(self._waiting)]
            self._waiting.clear()
            await self._tx.connection.execute(sa.insert(table), rows)

    async def forget(self, *, before: datetime) -> int:
        return (await self._tx.connection.execute(sa.delete(table).where(table.c.at < before))).rowcount


class DeadLetters:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def add(
        self,
        *,
        company_id: int,
        tool: str,
        headers: Mapping[str, str],
        body: bytes,
        error: str,
        now: datetime,
    ) -> int:
        values = {
            "company_id": company_id,
            "tool": tool,
            "headers": dict(headers),
            "body": body,
            "error": error,
        }
        statement = sa.insert(dead_letters).values(**values, at=now).returning(dead_letters.c.id)
        return int((await self._tx.connection.execute(statement)).scalar_one())

    async def get(self, letter_id: int) -> DeadLetter | None:
        """Locked in a writing transaction: of two replays at once, one finds it replayed."""
        statement = locked(self._tx, sa.select(dead_letters).where(dead_letters.c.id == letter_id))
        row = (await self._tx.connection.execute(statement)).first()
        return _letter(row) if row else None

    async def listed(self, *, company_id: int | None = None, most: int = 50) -> Sequence[DeadLetter]:
        statement = sa.select(dead_letters).order_by(dead_letters.c.id.desc()).limit(most)
        if company_id is not None:
            statement = statement.where(dead_letters.c.company_id == company_id)
        return [_letter(row) for row in await self._tx.connection.execute(statement)]

    async def waiting(self, company_id: int) -> int:
        """How many of a company were not replayed yet."""
        statement = sa.select(sa.func.count()).where(
            dead_letters.c.company_id == company_id, dead_letters.c.replayed_at.is_(None)
        )
        return int((await self._tx.connection.execute(statement)).scalar_one())

    async def replayed(self, letter_id: int, *, outcome: str, now: datetime) -> None:
        statement = sa.update(dead_letters).where(dead_letters.c.id == letter_id)
        await self._tx.connection.execute(statement.values(replayed_at=now, outcome=outcome))


def _letter(row: Any) -> DeadLetter:
    return DeadLetter(**{column.name: getattr(row, column.name) for column in dead_letters.columns})

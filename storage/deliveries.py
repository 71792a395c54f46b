"""First answers for repeats, and the dead letters: what authenticated but could not be understood, kept whole."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from engine.intake import DeadLetter
from storage import dialect
from storage.prepared import Prepared, added
from storage.rows import locked
from storage.tables import dead_letters
from storage.tables import deliveries as table

if TYPE_CHECKING:
    from storage.transaction import Transaction


def _answers(dialect_name: str) -> Any:
    wanted = dialect.pairs(dialect_name, "wanted", table.c.company_id, table.c.delivery_id)
    same = sa.and_(table.c.company_id == wanted.c.first, table.c.delivery_id == wanted.c.second)
    return sa.select(table.c.company_id, table.c.delivery_id, table.c.answer).select_from(
        wanted.join(table, same)
    )


_ANSWERS = Prepared(_answers)
_PUT = added(table)


class Deliveries:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._waiting: dict[tuple[int, str], dict[str, Any]] = {}

    async def answers(self, wanted: Collection[tuple[int, str]]) -> Mapping[tuple[int, str], Any]:
        bound = dialect.bound_pairs(self._tx.dialect, "wanted", sorted(wanted))
        return {(row[0], row[1]): row[2] for row in await _ANSWERS.rows(self._tx, **bound)}

    def put(self, company_id: int, delivery_id: str, answer: Any, *, now: datetime) -> None:
        row = {"company_id": company_id, "delivery_id": delivery_id, "answer": answer, "at": now}
        self._waiting.setdefault((company_id, delivery_id), row)

    async def flush(self) -> None:
        """Plain inserts: a row that another replica put meanwhile fails this transaction, which then runs again."""
        if self._waiting:
            rows = [self._waiting[place] for place in sorted(self._waiting)]
            self._waiting.clear()
            await _PUT.run(self._tx, rows)

    async def forget(self, *, before: datetime) -> int:
        forgotten = await self._tx.connection.execute(sa.delete(table).where(table.c.at < before))
        return int(forgotten.rowcount)


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

    async def listed(
        self, *, company_id: int | None = None, tool: str = "", waiting_only: bool = False, most: int = 50
    ) -> Sequence[DeadLetter]:
        """Newest first."""
        statement = sa.select(dead_letters).where(*_which(company_id, tool, waiting_only))
        statement = statement.order_by(dead_letters.c.id.desc()).limit(most)
        return [_letter(row) for row in await self._tx.connection.execute(statement)]

    async def waiting_numbers(self, *, company_id: int | None = None, tool: str = "") -> Sequence[int]:
        """Those that were not replayed yet, oldest first."""
        statement = sa.select(dead_letters.c.id).where(*_which(company_id, tool, True))
        return list((await self._tx.connection.execute(statement.order_by(dead_letters.c.id))).scalars())

    async def waiting(self, company_id: int) -> int:
        """How many of a company were not replayed yet."""
        statement = sa.select(sa.func.count()).where(*_which(company_id, "", True))
        return int((await self._tx.connection.execute(statement)).scalar_one())

    async def replayed(self, letter_id: int, *, outcome: str, now: datetime) -> None:
        statement = sa.update(dead_letters).where(dead_letters.c.id == letter_id)
        await self._tx.connection.execute(statement.values(replayed_at=now, outcome=outcome))

    async def forget(self, *, before: datetime, most: int) -> int:
        """Those that old go, and of each company what is beyond its newest `most`; how many went."""
        place = sa.func.row_number().over(
            partition_by=dead_letters.c.company_id, order_by=dead_letters.c.id.desc()
        )
        ranked = sa.select(dead_letters.c.id, place.label("place")).subquery()
        beyond = sa.select(ranked.c.id).where(ranked.c.place > most)
        old = sa.or_(dead_letters.c.at < before, dead_letters.c.id.in_(beyond))
        return int((await self._tx.connection.execute(sa.delete(dead_letters).where(old))).rowcount)


def _which(company_id: int | None, tool: str, waiting_only: bool) -> list[sa.ColumnElement[bool]]:
    wanted: list[sa.ColumnElement[bool]] = []
    if company_id is not None:
        wanted.append(dead_letters.c.company_id == company_id)
    if tool:
        wanted.append(dead_letters.c.tool == tool)
    if waiting_only:
        wanted.append(dead_letters.c.replayed_at.is_(None))
    return wanted


def _letter(row: Any) -> DeadLetter:
    return DeadLetter(**{column.name: getattr(row, column.name) for column in dead_letters.columns})

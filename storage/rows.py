"""Between rows and frozen dataclasses: the few conversions that every repository needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa

from storage import dialect

if TYPE_CHECKING:
    from storage.transaction import Transaction

Item = TypeVar("Item")
CHUNK = 500
"""How many keys go into one IN list: far below SQLite's limit of variables."""


def chunks(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), CHUNK):
        yield items[start : start + CHUNK]


def locked(tx: Transaction, statement: Any) -> Any:
    """Lock what a writing transaction reads (PostgreSQL; SQLite's writer is alone anyway)."""
    return statement.with_for_update() if tx.writing else statement


async def insert_new(tx: Transaction, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert the rows whose primary key is not there yet."""
    statement = dialect.insert(tx.dialect, table).on_conflict_do_nothing()
    await tx.connection.execute(statement, list(rows))

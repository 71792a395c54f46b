"""Files that are read at links, until their end: each is one company's, and knows what it was when it was put there."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from storage.file_tables import linked_files as table

if TYPE_CHECKING:
    from storage.transaction import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedFile:
    """`company_id` 0: over all companies. `user_id`: made for that person alone."""

    id: str
    company_id: int
    user_id: int | None
    name: str
    body: bytes
    expires_at: datetime


class Changed(Exception):
    """What is kept is not what was put there."""


class LinkedFiles:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def add(self, file: LinkedFile, *, now: datetime) -> None:
        """Those whose time is over go."""
        await self._tx.connection.execute(sa.delete(table).where(table.c.expires_at <= now))
        row = {
            "id": file.id,
            "company_id": file.company_id,
            "user_id": file.user_id,
            "name": file.name,
            "body": file.body,
            "digest": _digest(file.body),
            "created_at": now,
            "expires_at": file.expires_at,
        }
        await self._tx.connection.execute(sa.insert(table).values(row))

    async def get(self, file_id: str) -> LinkedFile | None:
        """Raises Changed."""
        row = (await self._tx.connection.execute(sa.select(table).where(table.c.id == file_id))).first()
        if row is None:
            return None
        if _digest(row.body) != row.digest:
            raise Changed(file_id)
        return LinkedFile(
            id=row.id,
            company_id=row.company_id,
            user_id=row.user_id,
            name=row.name,
            body=row.body,
            expires_at=row.expires_at,
        )

    async def note(self, file_id: str, *, since: datetime, now: datetime) -> bool:
        """It is read now; False when that was noted since."""
        earlier = sa.or_(table.c.noted_at.is_(None), table.c.noted_at < since)
        statement = sa.update(table).where(table.c.id == file_id, earlier).values(noted_at=now)
        return bool((await self._tx.connection.execute(statement)).rowcount)


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()

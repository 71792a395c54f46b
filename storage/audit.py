"""The audit, chained per company with a key that is not in the database, and the timeline that people read."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from engine.audit import (
    GENESIS,
    AuditEntry,
    AuditKind,
    TimelineEntry,
    TimelineKind,
    link,
)
from storage.prepared import added, upsert
from storage.rows import insert_new, locked
from storage.tables import audit_entries, audit_heads
from storage.tables import timeline as timeline_table

if TYPE_CHECKING:
    from storage.transaction import Transaction
_TELL = added(timeline_table)
_PROVE = added(audit_entries)
_HEADS = upsert(audit_heads, keep=())


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An entry with its place in the chain. `hash` starts with the name of the key it was made with."""

    seq: int
    entry: AuditEntry
    hash: str


def key_name(key: bytes) -> str:
    return hashlib.sha256(key).hexdigest()[:8]


class Audit:
    """Entries are gathered; at the end of the transaction each company's chain is locked and grows."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._waiting: list[AuditEntry] = []

    def add(self, entry: AuditEntry) -> None:
        self._waiting.append(entry)

    async def flush(self) -> None:
        if not self._waiting:
            return
        companies = sorted({entry.company_id for entry in self._waiting})
        heads = await self._lock(companies)
        key = self._tx.vault.derived("audit")[0]
        name = key_name(key)
        rows: list[dict[str, Any]] = []
        for entry in self._waiting:
            seq, previous = heads[entry.company_id]
            seq += 1
            digest = f"{name}:{link(key, previous, entry, seq)}"
            heads[entry.company_id] = (seq, digest)
            rows.append(
                {
                    "company_id": entry.company_id,
                    "seq": seq,
                    "at": entry.at,
                    "kind": entry.kind.value,
                    "actor": entry.actor,
                    "actor_id": entry.actor_id,
                    "via": entry.via,
                    "subject": entry.subject,
                    "detail": dict(entry.detail),
                    "hash": digest,
                }
            )
        self._waiting = []
        await _PROVE.run(self._tx, rows)
        new_heads = [{"company_id": one, "seq": heads[one][0], "hash": heads[one][1]} for one in companies]
        await _HEADS.run(self._tx, new_heads)

    async def _lock(self, companies: Sequence[int]) -> dict[int, tuple[int, str]]:
        fresh = [{"company_id": one, "seq": 0, "hash": GENESIS} for one in companies]
        statement = sa.select(audit_heads).where(audit_heads.c.company_id.in_(companies))
        statement = locked(self._tx, statement.order_by(audit_heads.c.company_id))
        heads = {row.company_id: (row.seq, row.hash) for row in await self._tx.connection.execute(statement)}
        if len(heads) < len(companies):
            await insert_new(self._tx, audit_heads, fresh)
            heads = {
                row.company_id: (row.seq, row.hash) for row in await self._tx.connection.execute(statement)
            }
        return heads

    async def head(self, company_id: int) -> tuple[int, str]:
        statement = sa.select(audit_heads).where(audit_heads.c.company_id == company_id)
        row = (await self._tx.connection.execute(statement)).first()
        return (row.seq, row.hash) if row else (0, GENESIS)

    async def companies(self) -> Sequence[int]:
        statement = sa.select(audit_heads.c.company_id).order_by(audit_heads.c.company_id)
        return list((await self._tx.connection.execute(statement)).scalars())

    async def chain(self, company_id: int, *, page: int = 1000) -> AsyncIterator[StoredEntry]:
        """Every entry of a company, oldest first, a page at a time."""
        after = 0
        while True:
            statement = (
                sa.select(audit_entries)
                .where(audit_entries.c.company_id == company_id, audit_entries.c.seq > after)
                .order_by(audit_entries.c.seq)
                .limit(page)
            )
            rows = (await self._tx.connection.execute(statement)).all()
            for row in rows:
                yield _stored(row)
            if len(rows) < page:
                return
            after = rows[-1].seq

    async def latest(self, company_id: int, *, most: int) -> Sequence[StoredEntry]:
        """The newest entries, the newest first."""
        statement = sa.select(audit_entries).where(audit_entries.c.company_id == company_id)
        statement = statement.order_by(audit_entries.c.seq.desc()).limit(most)
        return [_stored(row) for row in await self._tx.connection.execute(statement)]

    async def of_subject(self, company_id: int, subject: str, *, most: int = 50) -> Sequence[StoredEntry]:
        statement = (
            sa.select(audit_entries)
            .where(audit_entries.c.company_id == company_id, audit_entries.c.subject == subject)
            .order_by(audit_entries.c.seq.desc())
            .limit(most)
        )
        return [_stored(row) for row in await self._tx.connection.execute(statement)]


def _stored(row: Any) -> StoredEntry:
    return StoredEntry(
        seq=row.seq,
        hash=row.hash,
        entry=AuditEntry(
            company_id=row.company_id,
            at=row.at,
            kind=AuditKind(row.kind),
            actor=row.actor,
            actor_id=row.actor_id,
            via=row.via,
            subject=row.subject,
            detail=row.detail,
        ),
    )


class Timeline:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._waiting: list[TimelineEntry] = []

    def add(self, entry: TimelineEntry) -> None:
        self._waiting.append(entry)

    async def flush(self) -> None:
        if not self._waiting:
            return
        columns = [column.name for column in timeline_table.columns]
        rows = [{name: getattr(entry, name) for name in columns} for entry in self._waiting]
        for row in rows:
            row["kind"] = row["kind"].value
        self._waiting = []
        await _TELL.run(self._tx, rows)

    async def of_incident(
        self, incident_id: int, *, told_only: bool = False, after: str = "", most: int = 200
    ) -> Sequence[TimelineEntry]:
        """An incident's story in order, from after the entry with that id."""
        statement = (
            sa.select(timeline_table)
            .where(timeline_table.c.incident_id == incident_id, timeline_table.c.id > after)
            .order_by(timeline_table.c.id)
            .limit(most)
        )
        if told_only:
            statement = statement.where(timeline_table.c.told.is_(True))
        found = []
        for row in await self._tx.connection.execute(statement):
            values = {column.name: getattr(row, column.name) for column in timeline_table.columns}
            found.append(TimelineEntry(**values | {"kind": TimelineKind(row.kind)}))
        return found

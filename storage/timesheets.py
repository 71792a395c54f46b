"""What a timesheet is made of: the plain rows of what people had in hand and resolved, and what they booked of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from engine.alert import normal_signature
from engine.incident import OPEN_STATUSES, TEST_SIGNATURE, TEST_TOOL
from engine.timesheet import Entry, Rate, Stretch
from storage import dialect
from storage.people_tables import time_entries
from storage.rows import chunks, locked
from storage.tables import incidents, timeline, users

if TYPE_CHECKING:
    from storage.transaction import Transaction

_PLAIN = (
    "incident_id", "begun_at", "ended_at", "company_id", "user_id", "minutes", "drafted", "idle", "note", "booked_at",
    "booked_by", "exported_at",
)  # fmt: skip


def _to_entry(row: Any) -> Entry:
    rate = Rate(Decimal(row.rate), row.currency) if row.rate else None
    return Entry(rate=rate, **{name: getattr(row, name) for name in _PLAIN})


def _to_row(entry: Entry) -> dict[str, Any]:
    rate = {"rate": str(entry.rate.amount), "currency": entry.rate.currency} if entry.rate else {}
    return {name: getattr(entry, name) for name in _PLAIN} | {"rate": None, "currency": None} | rate


class Timesheets:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def resolved(self, company_id: int, *, since: datetime, until: datetime) -> list[Stretch]:
        """What people had in hand and was resolved in that time, the first first."""
        table = incidents
        return await self._stretches(
            table.c.company_id == company_id, table.c.resolved_at >= since, table.c.resolved_at < until
        )

    async def of_person(self, user_id: int, *, since: datetime) -> list[Stretch]:
        """What they had in hand when it was resolved."""
        return await self._stretches(incidents.c.assignee_id == user_id, incidents.c.resolved_at >= since)

    async def of_incidents(self, ids: Sequence[int]) -> list[Stretch]:
        found: list[Stretch] = []
        for some in chunks(ids):
            found += await self._stretches(incidents.c.id.in_(some))
        return found

    async def _stretches(self, *which: Any) -> list[Stretch]:
        """From the claim, or from the end of what was booked of it before it was reopened."""
        table = incidents
        statement = (
            sa.select(table, users.c.name.label("person"))
            .join(users, users.c.id == table.c.assignee_id)
            .where(*which, table.c.merged_into.is_(None), table.c.claimed_at.is_not(None))
            .where(table.c.status.not_in([one.value for one in OPEN_STATUSES]))
            .where(table.c.resolved_at.is_not(None))
            .order_by(table.c.resolved_at, table.c.id)
        )
        test = normal_signature(TEST_SIGNATURE)
        rows = [
            row
            for row in await self._tx.connection.execute(statement)
            if not (list(row.tools) == [TEST_TOOL] and row.signature == test)
        ]
        acts = await self._acts({row.id: row.person for row in rows})
        before: dict[int, list[Entry]] = defaultdict(list)
        for one in await self.entries_of(sorted({row.id for row in rows})):
            before[one.incident_id].append(one)
        return [
            Stretch(
                incident_id=row.id,
                company_id=row.company_id,
                user_id=row.assignee_id,
                title=row.title,
                asset_name=row.asset_name,
                severity=row.severity,
                person=row.person,
                begun_at=max([row.claimed_at, *_ends(before[row.id], row.resolved_at)]),
                ended_at=row.resolved_at,
                acts=acts[row.id],
            )
            for row in rows
        ]

    async def _acts(self, owners: dict[int, str]) -> dict[int, list[datetime]]:
        """When each incident's owner did something, by the story."""
        found: dict[int, list[datetime]] = defaultdict(list)
        for some in chunks(sorted(owners)):
            statement = sa.select(timeline.c.incident_id, timeline.c.at, timeline.c.actor).where(
                timeline.c.incident_id.in_(some)
            )
            for row in await self._tx.connection.execute(statement.order_by(timeline.c.id)):
                if row.actor == owners[row.incident_id]:
                    found[row.incident_id].append(row.at)
        return found

    async def entries_of(self, ids: Sequence[int]) -> list[Entry]:
        """All that was booked on these incidents; locked in a writing transaction."""
        found: list[Entry] = []
        for some in chunks(ids):
            found += await self._entries(time_entries.c.incident_id.in_(some))
        return found

    async def booked(self, company_id: int, *, since: datetime, until: datetime) -> list[Entry]:
        """What was booked of what ended in that time."""
        table = time_entries
        return await self._entries(
            table.c.company_id == company_id, table.c.ended_at >= since, table.c.ended_at < until
        )

    async def _entries(self, *which: Any) -> list[Entry]:
        table = time_entries
        statement = sa.select(table).where(*which).order_by(table.c.ended_at, table.c.incident_id)
        return [_to_entry(row) for row in await self._tx.connection.execute(locked(self._tx, statement))]

    async def add(self, entry: Entry) -> bool:
        """False when somebody booked it a moment ago: nothing is changed then."""
        statement = dialect.insert(self._tx.dialect, time_entries).on_conflict_do_nothing()
        return bool((await self._tx.connection.execute(statement.values(**_to_row(entry)))).rowcount)

    async def change(self, entry: Entry) -> bool:
        """False when it is on a bill meanwhile."""
        table = time_entries
        statement = sa.update(table).where(
            table.c.incident_id == entry.incident_id,
            table.c.begun_at == entry.begun_at,
            table.c.exported_at.is_(None),
        )
        changed = statement.values(minutes=entry.minutes, note=entry.note)
        return bool((await self._tx.connection.execute(changed)).rowcount)

    async def export(self, company_id: int, *, since: datetime, until: datetime, now: datetime) -> int:
        """What was booked in that time is on a bill from now on; how many were not yet."""
        table = time_entries
        statement = sa.update(table).where(
            table.c.company_id == company_id,
            table.c.ended_at >= since,
            table.c.ended_at < until,
            table.c.exported_at.is_(None),
        )
        return int((await self._tx.connection.execute(statement.values(exported_at=now))).rowcount)

    async def titles(self, ids: Collection[int]) -> dict[int, Any]:
        """title, asset_name and severity of incidents, whatever became of them."""
        found: dict[int, Any] = {}
        for some in chunks(sorted(ids)):
            table = incidents
            statement = sa.select(table.c.id, table.c.title, table.c.asset_name, table.c.severity)
            for row in await self._tx.connection.execute(statement.where(table.c.id.in_(some))):
                found[row.id] = row
        return found


def _ends(booked: Sequence[Entry], resolved_at: datetime) -> list[datetime]:
    return [one.ended_at for one in booked if one.ended_at < resolved_at]

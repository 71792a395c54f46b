"""Outbreaks in the database, and the look across companies that finds them: the only place that looks across."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from engine.incident import Incident
from engine.outbreak import Begun, MspRecord, Opened, OutbreakRecord
from storage.incidents import COLUMNS, to_incident
from storage.outbreak_tables import outbreak_incidents as members
from storage.outbreak_tables import outbreaks as table
from storage.rows import insert_new, locked
from storage.settings_tables import msp_settings
from storage.tables import incidents

if TYPE_CHECKING:
    from storage.transaction import Transaction

LATEST = 50_000
"""How many of the newest incidents a look goes back: its cost is bounded, and it needs no index of its own."""
MOST_PAST = 5_000
_LATELY = incidents.c.id > sa.select(sa.func.max(incidents.c.id)).scalar_subquery() - LATEST
_FIELDS = tuple(OutbreakRecord.__dataclass_fields__)


def _to_record(row: Any) -> OutbreakRecord:
    return OutbreakRecord(**{name: getattr(row, name) for name in _FIELDS})


class Outbreaks:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    # -- the MSP itself --------------------------------------------------------------------------------------------

    async def msp(self) -> MspRecord:
        names = ("name", "slack_channel", "teams_conversation")
        statement = sa.select(*(msp_settings.c[name] for name in names)).where(msp_settings.c.company_id == 0)
        row = (await self._tx.connection.execute(statement)).first()
        return MspRecord(*row) if row else MspRecord()

    async def save_msp(self, record: MspRecord) -> None:
        await insert_new(self._tx, msp_settings, [{"company_id": 0, "settings": {}}])
        statement = sa.update(msp_settings).where(msp_settings.c.company_id == 0).values(asdict(record))
        await self._tx.connection.execute(statement)

    # -- looking ---------------------------------------------------------------------------------------------------

    async def begun_since(self, since: datetime, *, companies: int) -> Sequence[Opened]:
        """Incidents that began since then and whose signature did at so many companies or more; the oldest first.
        Those that were merged into another one began all the same."""
        lately = sa.and_(_LATELY, incidents.c.opened_at >= since)
        common = (
            sa.select(incidents.c.signature)
            .where(lately)
            .group_by(incidents.c.signature)
            .having(sa.func.count(sa.distinct(incidents.c.company_id)) >= companies)
        )
        return await self._opened(lately, incidents.c.signature.in_(common))

    async def begun_like(self, signature: str, *, since: datetime) -> Sequence[Opened]:
        return await self._opened(_LATELY, incidents.c.opened_at >= since, incidents.c.signature == signature)

    async def _opened(self, *where: Any) -> Sequence[Opened]:
        names = ("id", "company_id", "signature", "title", "opened_at")
        statement = sa.select(*(incidents.c[name] for name in names)).where(*where).order_by(incidents.c.id)
        return [Opened(*row) for row in await self._tx.connection.execute(statement)]

    async def of_signature(self, signature: str, *, since: datetime, until: datetime) -> Sequence[Begun]:
        """When incidents of that signature began, at which company; the newest first, so many at most."""
        statement = (
            sa.select(incidents.c.company_id, incidents.c.opened_at)
            .where(
                _LATELY,
                incidents.c.signature == signature,
                incidents.c.opened_at >= since,
                incidents.c.opened_at < until,
            )
            .order_by(incidents.c.id.desc())
            .limit(MOST_PAST)
        )
        return [
            Begun(str(row[0]), row[1].timestamp()) for row in await self._tx.connection.execute(statement)
        ]

    async def remembers_since(self) -> datetime | None:
        """When the oldest incident began that a look goes back to."""
        statement = sa.select(incidents.c.opened_at).where(_LATELY).order_by(incidents.c.id).limit(1)
        found: datetime | None = (await self._tx.connection.execute(statement)).scalar()
        return found

    # -- outbreaks -------------------------------------------------------------------------------------------------

    async def going_on(self) -> Sequence[OutbreakRecord]:
        """Locked in a writing transaction."""
        statement = locked(self._tx, sa.select(table).where(table.c.over_at.is_(None)).order_by(table.c.id))
        return [_to_record(row) for row in await self._tx.connection.execute(statement)]

    async def get(self, number: int) -> OutbreakRecord | None:
        statement = locked(self._tx, sa.select(table).where(table.c.id == number))
        row = (await self._tx.connection.execute(statement)).first()
        return _to_record(row) if row else None

    async def latest(self, *, most: int) -> Sequence[OutbreakRecord]:
        statement = sa.select(table).order_by(table.c.id.desc()).limit(most)
        return [_to_record(row) for row in await self._tx.connection.execute(statement)]

    async def ended_by_people(self, signatures: Collection[str], *, since: datetime) -> set[str]:
        """The signatures of which a person said since then that they are no outbreak."""
        statement = sa.select(table.c.signature).where(
            table.c.signature.in_(sorted(signatures)), table.c.over_at >= since, table.c.over_by != ""
        )
        return set((await self._tx.connection.execute(statement)).scalars())

    async def add(
        self, *, signature: str, title: str, began_at: datetime, last_at: datetime, expected: float
    ) -> OutbreakRecord | None:
        """None when another replica was first: the index allows one that goes on per signature."""
        values = {
            "signature": signature, "title": title, "began_at": began_at, "last_at": last_at, "expected": expected,
        }  # fmt: skip
        going_on = sa.select(table).where(table.c.signature == signature, table.c.over_at.is_(None))
        if (await self._tx.connection.execute(going_on)).first() is not None:
            return None
        await insert_new(self._tx, table, [values])
        return _to_record((await self._tx.connection.execute(going_on)).one())

    async def save(self, record: OutbreakRecord) -> None:
        values = {name: value for name, value in asdict(record).items() if name != "id"}
        await self._tx.connection.execute(sa.update(table).where(table.c.id == record.id).values(values))

    async def gather(self, record: OutbreakRecord, opened: Sequence[Opened]) -> None:
        """These incidents are part of it; one that is part of an earlier outbreak stays there."""
        rows = [
            {
                "incident_id": one.incident_id,
                "outbreak_id": record.id,
                "company_id": one.company_id,
                "at": one.at,
            }
            for one in opened
        ]
        if rows:
            await insert_new(self._tx, members, rows)

    async def members(self, number: int, *, most: int = 500) -> Sequence[Incident]:
        statement = (
            sa.select(*COLUMNS)
            .join(members, members.c.incident_id == incidents.c.id)
            .where(members.c.outbreak_id == number)
            .order_by(incidents.c.id)
            .limit(most)
        )
        return [to_incident(row) for row in await self._tx.connection.execute(statement)]

    async def counts(self, number: int) -> Mapping[str, int]:
        """Of all its incidents: `incidents`, `companies`, `open`."""
        statement = (
            sa.select(
                sa.func.count(),
                sa.func.count(sa.distinct(members.c.company_id)),
                sa.func.coalesce(sa.func.sum(incidents.c.is_open), 0),
            )
            .join(incidents, members.c.incident_id == incidents.c.id)
            .where(members.c.outbreak_id == number)
        )
        row = (await self._tx.connection.execute(statement)).one()
        return {"incidents": int(row[0]), "companies": int(row[1]), "open": int(row[2])}

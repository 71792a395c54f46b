"""Groups of companies, and what is set for them and for the whole MSP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from engine.company import CompanyGroup
from storage.rows import insert_new, locked
from storage.settings_tables import company_groups as table
from storage.settings_tables import msp_settings
from storage.tables import companies

if TYPE_CHECKING:
    from storage.transaction import Transaction

_ALL = sa.select(table.c.id, table.c.name, table.c.settings)


class CompanyGroups:
    """Reads inside a writing transaction lock, so that what was looked at is what is changed."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def all(self) -> Sequence[CompanyGroup]:
        rows = await self._tx.connection.execute(_ALL.order_by(table.c.name))
        return [CompanyGroup(*row) for row in rows]

    async def called(self, name: str) -> CompanyGroup | None:
        statement = locked(self._tx, _ALL.where(table.c.name == name))
        row = (await self._tx.connection.execute(statement)).first()
        return CompanyGroup(*row) if row else None

    async def members(self, group_id: int) -> Sequence[str]:
        """The short names of its companies, those that are archived too."""
        statement = sa.select(companies.c.slug).where(companies.c.group_id == group_id)
        rows = await self._tx.connection.execute(statement.order_by(companies.c.slug))
        return list(rows.scalars())

    async def add(self, name: str, *, now: datetime) -> CompanyGroup:
        statement = sa.insert(table).values(name=name, settings={}, created_at=now).returning(table.c.id)
        number = (await self._tx.connection.execute(statement)).scalar_one()
        return CompanyGroup(number, name, {})

    async def remove(self, group_id: int) -> None:
        await self._tx.connection.execute(sa.delete(table).where(table.c.id == group_id))

    async def configure(self, group_id: int, settings: Mapping[str, Any]) -> None:
        """Every replica reads its companies anew from then on."""
        statement = sa.update(table).where(table.c.id == group_id).values(settings=dict(settings))
        await self._tx.connection.execute(statement)
        await self._tx.companies.touch(group_id=group_id)

    async def msp(self) -> Mapping[str, Any]:
        if self._tx.writing:  # the row that is locked has to be there
            await insert_new(self._tx, msp_settings, [{"company_id": 0, "settings": {}}])
        statement = sa.select(msp_settings.c.settings).where(msp_settings.c.company_id == 0)
        return dict((await self._tx.connection.execute(locked(self._tx, statement))).scalar() or {})

    async def configure_msp(self, settings: Mapping[str, Any]) -> None:
        statement = sa.update(msp_settings).where(msp_settings.c.company_id == 0)
        await self._tx.connection.execute(statement.values(settings=dict(settings)))
        await self._tx.companies.touch()

"""Where Teams can be reached: each conversation and person the bot has heard from."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from storage.prepared import upsert
from storage.teams_tables import teams_references as table

if TYPE_CHECKING:
    from storage.transaction import Transaction

NEVER = datetime.min.replace(tzinfo=UTC)
_UPSERT = upsert(table, keep=())


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamsReference:
    """`id`: a conversation's id without its thread; `person:…`; or `card:…` for a message that was pressed before its
    post was known, whose ref `account` is then."""

    id: str
    tenant_id: str
    service_url: str
    account: str = ""
    company_id: int = 0
    seen_at: datetime = NEVER


class TeamsReferences:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def get(self, reference_id: str) -> TeamsReference | None:
        return await self._one(table.c.id == reference_id)

    async def newest_of(self, tenant_id: str) -> TeamsReference | None:
        """Whatever was heard last from that tenant: its service URL serves all of it."""
        return await self._one(table.c.tenant_id == tenant_id)

    async def person(self, account: str) -> str | None:
        """What the directory calls whom Teams calls so."""
        found = await self._one(sa.and_(table.c.account == account, table.c.id.like("person:%")))
        return found.id.removeprefix("person:") if found else None

    async def accounts(self, people: Collection[str]) -> Mapping[str, str]:
        """What Teams calls these of the directory, as far as it has told."""
        named = sa.select(table.c.id, table.c.account).where(
            table.c.id.in_([f"person:{one}" for one in people]), table.c.account != ""
        )
        rows = await self._tx.connection.execute(named)
        return {row.id.removeprefix("person:"): row.account for row in rows}

    async def put(self, reference: TeamsReference, *, now: datetime) -> None:
        await _UPSERT.run(self._tx, [asdict(reference) | {"seen_at": now}])

    async def _one(self, where: sa.ColumnElement[bool]) -> TeamsReference | None:
        statement = sa.select(table).where(where).order_by(table.c.seen_at.desc()).limit(1)
        row = (await self._tx.connection.execute(statement)).first()
        if row is None:
            return None
        return TeamsReference(
            id=row.id,
            tenant_id=row.tenant_id,
            service_url=row.service_url,
            account=row.account,
            company_id=row.company_id,
            seen_at=row.seen_at,
        )

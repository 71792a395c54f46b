"""What was learned from companies' histories, and the stored alerts that it is learned from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from engine.aliases import Alias, Verdict
from engine.knowledge import Knowledge, Told
from storage import dialect
from storage.knowledge_tables import aliases
from storage.knowledge_tables import knowledge as table
from storage.tables import alerts, companies

if TYPE_CHECKING:
    from storage.transaction import Transaction

_TOLD = [alerts.c[field.name] for field in fields(Told)]
_FIRED = ("firing", "resolved")


def to_alias(row: Any) -> Alias:
    values = dict(row._mapping) | {"verdict": Verdict(row.verdict), "tools": tuple(row.tools)}
    return Alias(**values)


class KnowledgeRows:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def get(self, company_id: int) -> Knowledge | None:
        statement = sa.select(table).where(table.c.company_id == company_id)
        row = (await self._tx.connection.execute(statement)).first()
        return Knowledge(**row._mapping) if row else None

    async def put(self, knowledge: Knowledge) -> None:
        await self._upsert(table, asdict(knowledge), ["company_id"])

    async def told(self, company_id: int, *, floor: str, most: int) -> Sequence[Told]:
        """The latest alerts that fired and are part of an incident, made after that id; oldest first."""
        statement = sa.select(*_TOLD).where(
            alerts.c.company_id == company_id,
            alerts.c.id > floor,
            alerts.c.incident_id.is_not(None),
            alerts.c.status.in_(_FIRED),
        )
        rows = await self._tx.connection.execute(statement.order_by(alerts.c.id.desc()).limit(most))
        return [Told(*row) for row in reversed(rows.all())]

    async def unlearned(self) -> Sequence[int]:
        """Companies of whose history nothing has been learned yet."""
        found = sa.select(companies.c.id).join(table, table.c.company_id == companies.c.id, isouter=True)
        found = found.where(table.c.company_id.is_(None), companies.c.archived_at.is_(None))
        return list((await self._tx.connection.execute(found.order_by(companies.c.id))).scalars())

    async def aliases(self, company_id: int) -> Sequence[Alias]:
        statement = sa.select(aliases).where(aliases.c.company_id == company_id)
        rows = await self._tx.connection.execute(statement.order_by(aliases.c.name, aliases.c.asset))
        return [to_alias(row) for row in rows]

    async def put_aliases(self, found: Iterable[Alias]) -> None:
        """Keep these. A person's word is not overwritten by what alerts say."""
        for one in sorted(found, key=lambda alias: (alias.company_id, alias.name, alias.asset)):
            values = asdict(one) | {"verdict": one.verdict.value, "tools": list(one.tools)}
            final = (Verdict.ACCEPTED.value, Verdict.REFUSED.value)
            mine = one.verdict in (Verdict.ACCEPTED, Verdict.REFUSED)
            free = None if mine else aliases.c.verdict.not_in(final)
            await self._upsert(aliases, values, ["company_id", "name", "asset"], where=free)

    async def _upsert(self, into: Any, values: dict[str, Any], names: list[str], where: Any = None) -> None:
        statement = dialect.insert(self._tx.dialect, into).values(**values)
        changed = {name: statement.excluded[name] for name in values if name not in names}
        statement = statement.on_conflict_do_update(index_elements=names, set_=changed, where=where)
        await self._tx.connection.execute(statement)

"""Which further keys an incident holds, what is kept apart, and what a company has heard lately."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from engine.grouping import JoinedKey
from engine.incident import Incident
from engine.ports import CompanyKey, HeardKey
from storage import dialect
from storage.grouping_tables import joined_keys, kept_apart
from storage.incidents import COLUMNS, to_incident
from storage.prepared import Prepared, upsert
from storage.tables import alerts, incidents

if TYPE_CHECKING:
    from storage.transaction import Transaction

_FIELDS = [field.name for field in fields(JoinedKey)]
_PUT = upsert(joined_keys, keep=())


def _holders(dialect_name: str) -> Any:
    wanted = dialect.pairs(dialect_name, "wanted", joined_keys.c.company_id, joined_keys.c.correlation_key)
    same = sa.and_(
        joined_keys.c.company_id == wanted.c.first, joined_keys.c.correlation_key == wanted.c.second
    )
    alive = sa.or_(incidents.c.is_open == 1, incidents.c.resolved_at >= sa.bindparam("since"))
    joined = wanted.join(joined_keys, same).join(incidents, incidents.c.id == joined_keys.c.incident_id)
    statement = sa.select(joined_keys.c.correlation_key, *COLUMNS).select_from(joined).where(alive)
    return statement.order_by(incidents.c.id).with_for_update(of=incidents)


_HOLDERS = Prepared(_holders)
_HEARD = Prepared(
    lambda _: (
        sa.select(
            alerts.c.id,
            alerts.c.correlation_key,
            alerts.c.asset,
            alerts.c.signature,
            alerts.c.incident_id,
            alerts.c.tool,
            alerts.c.first_at,
            alerts.c.last_at,
            alerts.c.count,
        )
        .where(
            alerts.c.company_id == sa.bindparam("company_id"),
            alerts.c.id > sa.bindparam("floor"),
            alerts.c.incident_id.is_not(None),
            alerts.c.status == "firing",
        )
        .order_by(alerts.c.id.desc())
        .limit(sa.bindparam("most", type_=sa.Integer()))
    )
)


class Grouping:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._waiting: dict[CompanyKey, JoinedKey] = {}

    async def holders(
        self, keys: Collection[CompanyKey], *, since: datetime
    ) -> Mapping[CompanyKey, Incident]:
        """The incident that holds each key beside its own: an open one, or one resolved since then."""
        bound = dialect.bound_pairs(self._tx.dialect, "wanted", sorted(keys))
        found: dict[CompanyKey, Incident] = {}
        for row in await _HOLDERS.rows(self._tx, since=since, **bound):
            incident = to_incident(row[1:])
            found[(incident.company_id, row[0])] = incident
        return found

    async def heard(self, company_id: int, *, floor: str, most: int) -> Sequence[HeardKey]:
        """What began to fire after that id, oldest first: whichever replica took it in."""
        rows = await _HEARD.rows(self._tx, company_id=company_id, floor=floor, most=most)
        return [HeardKey(*row) for row in reversed(rows)]

    async def joined(self, incident_id: int) -> Sequence[JoinedKey]:
        statement = sa.select(*(joined_keys.c[name] for name in _FIELDS)).where(
            joined_keys.c.incident_id == incident_id
        )
        rows = await self._tx.connection.execute(statement.order_by(joined_keys.c.at))
        stored = {row.correlation_key: JoinedKey(**row._mapping) for row in rows}
        stored |= {
            one.correlation_key: one for one in self._waiting.values() if one.incident_id == incident_id
        }
        return list(stored.values())

    def put(self, key: JoinedKey) -> None:
        self._waiting[(key.company_id, key.correlation_key)] = key

    async def hand_over(self, absorbed: int, into: int) -> None:
        """Every key and alert of one incident belongs to another from now on; a key remembers whose it was."""
        await self.flush()
        origin = sa.func.coalesce(joined_keys.c.came_from, absorbed)
        keys = sa.update(joined_keys).where(joined_keys.c.incident_id == absorbed)
        await self._tx.connection.execute(keys.values(incident_id=into, came_from=origin))
        theirs = sa.update(alerts).where(alerts.c.incident_id == absorbed)
        await self._tx.connection.execute(theirs.values(incident_id=into))

    async def release(
        self, company_id: int, keys: Collection[str], *, out_of: int, into: int, own: str
    ) -> None:
        """These keys and their alerts go from one incident to another, whose own key is `own`."""
        await self.flush()
        these = sa.and_(
            joined_keys.c.company_id == company_id, joined_keys.c.correlation_key.in_(sorted(keys))
        )
        await self._tx.connection.execute(
            sa.delete(joined_keys).where(these, joined_keys.c.correlation_key == own)
        )
        theirs = sa.update(joined_keys).where(these, joined_keys.c.incident_id == out_of)
        origin = sa.func.nullif(joined_keys.c.came_from, into)
        await self._tx.connection.execute(theirs.values(incident_id=into, came_from=origin))
        await self._tx.connection.execute(
            sa.update(alerts)
            .where(alerts.c.incident_id == out_of, alerts.c.correlation_key.in_(sorted(keys)))
            .values(incident_id=into)
        )

    async def keep_apart(self, company_id: int, one: int, other: int, *, now: datetime) -> None:
        first, second = sorted((one, other))
        values = {"company_id": company_id, "one": first, "other": second, "at": now}
        statement = dialect.insert(self._tx.dialect, kept_apart).values(**values)
        await self._tx.connection.execute(statement.on_conflict_do_nothing())

    async def bring_together(self, company_id: int, one: int, other: int) -> None:
        """A person says that they belong together after all."""
        first, second = sorted((one, other))
        await self._tx.connection.execute(
            sa.delete(kept_apart).where(
                kept_apart.c.company_id == company_id, kept_apart.c.one == first, kept_apart.c.other == second
            )
        )

    async def apart(self, company_id: int, incident_ids: Collection[int]) -> Sequence[tuple[int, int]]:
        """The pairs among or with these incidents that stay apart."""
        ids = sorted(incident_ids)
        statement = sa.select(kept_apart.c.one, kept_apart.c.other).where(
            kept_apart.c.company_id == company_id,
            sa.or_(kept_apart.c.one.in_(ids), kept_apart.c.other.in_(ids)),
        )
        return [(row.one, row.other) for row in await self._tx.connection.execute(statement)]

    async def flush(self) -> None:
        if self._waiting:
            rows = [
                {name: getattr(self._waiting[place], name) for name in _FIELDS}
                for place in sorted(self._waiting)
            ]
            self._waiting.clear()
            await _PUT.run(self._tx, rows)

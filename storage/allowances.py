"""The window that limits a company, one row each, and what was refused. One upsert decides, for all replicas alike:
the row stays with its transaction until that ends, and no table is locked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from engine.allowance import WINDOW, Lane, Limits, Refused, Window
from storage import dialect
from storage.dialect import Moment
from storage.intake_tables import allowances as table
from storage.prepared import Prepared
from storage.tables import companies

if TYPE_CHECKING:
    from storage.transaction import Transaction

_WHOLE = int(WINDOW.total_seconds()) * 1_000_000
_BACK = (
    table.c.began_at,
    table.c.count,
    table.c.previous,
    table.c.reserve_count,
    table.c.reserve_previous,
    table.c.admitted,
)


_REFUSED = sa.select(
    table.c.company_id,
    table.c.limited_at,
    table.c.refused_at,
    table.c.requests,
    table.c.alerts,
    table.c.total_requests,
    table.c.total_alerts,
)


def _take(dialect_name: str) -> Any:
    """`engine.allowance.Window.take`, as one statement. `fit` is what a new window takes of the `wanted`."""
    at, wanted, most = (sa.bindparam(name, type_=sa.BigInteger) for name in ("at", "wanted", "most"))
    fit = sa.bindparam("fit", type_=sa.Integer)
    began_at = sa.type_coerce(table.c.began_at, sa.BigInteger)
    age = at - began_at
    this, last = age < _WHOLE, age < 2 * _WHOLE

    def rolled(column: Any, earlier: Any) -> tuple[Any, Any]:
        return (
            sa.case((this, column), else_=0),
            sa.case((this, earlier), (last, column), else_=0),
        )

    count, previous = rolled(table.c.count, table.c.previous)
    reserve_count, reserve_previous = rolled(table.c.reserve_count, table.c.reserve_previous)
    elapsed = sa.case((age < 0, 0), (this, age), (last, age - _WHOLE), else_=0)
    room = most * _WHOLE - count * sa.literal(_WHOLE, sa.BigInteger) - previous * (_WHOLE - elapsed)
    free = room // _WHOLE
    taken = sa.case((room <= 0, 0), (free >= wanted, wanted), else_=free)
    statement = dialect.insert(dialect_name, table).values(
        company_id=sa.bindparam("company", type_=sa.BigInteger),
        began_at=at,
        count=fit,
        previous=0,
        reserve_count=0,
        reserve_previous=0,
        admitted=fit,
        requests=0,
        alerts=0,
        total_requests=0,
        total_alerts=0,
    )
    return statement.on_conflict_do_update(
        index_elements=[table.c.company_id],
        set_={
            "began_at": sa.case((this, began_at), (last, began_at + _WHOLE), else_=at),
            "count": count + taken,
            "previous": previous,
            "reserve_count": reserve_count,
            "reserve_previous": reserve_previous,
            "admitted": taken,
        },
    ).returning(*_BACK)


_TAKE = Prepared(_take)


class Allowances:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def take(
        self, company_id: int, wanted: int, limits: Limits, *, now: datetime
    ) -> tuple[Window, int]:
        """How many of the wanted requests are taken, and the window after them."""
        fresh = Window(began_at=now)
        values = {
            "company": company_id,
            "at": dialect.microseconds(now),
            "wanted": wanted,
            "most": limits.most,
            "fit": fresh.take(wanted, limits, now)[1],
        }
        ((began_at, count, previous, reserve_count, reserve_previous, admitted),) = await _TAKE.rows(
            self._tx, **values
        )
        window = Window(
            began_at=began_at,
            lane=Lane(count=count, previous=previous),
            reserve=Lane(count=reserve_count, previous=reserve_previous),
        )
        return window, admitted

    async def take_reserve(self, company_id: int, taken: int) -> None:
        """Enter so many through the reserve, in the transaction that asked with `take` before."""
        statement = (
            sa.update(table)
            .where(table.c.company_id == company_id)
            .values(reserve_count=table.c.reserve_count + taken)
        )
        await self._tx.connection.execute(statement)

    async def refuse(self, company_id: int, *, requests: int, alerts: int, now: datetime) -> bool:
        """Count what was refused. Is it the first since the company was within its limit?"""
        statement = (
            sa.update(table)
            .where(table.c.company_id == company_id)
            .values(
                requests=table.c.requests + requests,
                alerts=table.c.alerts + alerts,
                total_requests=table.c.total_requests + requests,
                total_alerts=table.c.total_alerts + alerts,
                limited_at=sa.func.coalesce(table.c.limited_at, sa.literal(now, Moment)),
                refused_at=now,
            )
            .returning(table.c.requests)
        )
        counted = (await self._tx.connection.execute(statement)).scalar_one_or_none()
        return bool(counted == requests)

    async def refused(self, company_id: int) -> Refused | None:
        row = (await self._tx.connection.execute(_REFUSED.where(table.c.company_id == company_id))).first()
        return Refused(**row._mapping) if row else None

    async def all_refused(self) -> Sequence[tuple[str, Refused]]:
        """(company's short name, what was refused), of every company that ever was."""
        slugs = dict((await self._tx.connection.execute(sa.select(companies.c.id, companies.c.slug))).all())
        rows = await self._tx.connection.execute(_REFUSED.where(table.c.total_requests > 0))
        found = [Refused(**row._mapping) for row in rows]
        return sorted((slugs[one.company_id], one) for one in found if one.company_id in slugs)

    async def end(self, seen: Refused) -> bool:
        """Close the episode as it was seen; False when more was refused meanwhile."""
        statement = (
            sa.update(table)
            .where(
                table.c.company_id == seen.company_id,
                table.c.limited_at == seen.limited_at,
                table.c.requests == seen.requests,
            )
            .values(limited_at=None, requests=0, alerts=0)
        )
        return bool((await self._tx.connection.execute(statement)).rowcount)

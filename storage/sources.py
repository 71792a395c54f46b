"""How often each source speaks: messages by company, tool and hour; and what was learned from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from engine.intake import Source
from engine.setting import SETTINGS
from storage.companies import inherited
from storage.intake_tables import source_hours as hours
from storage.intake_tables import sources as table
from storage.prepared import inserted, upsert
from storage.rows import locked
from storage.settings_tables import company_groups, msp_settings
from storage.tables import companies

if TYPE_CHECKING:
    from storage.transaction import Transaction

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HOUR = timedelta(hours=1)


def _counted(_dialect_name: str, statement: Any) -> Any:
    said = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=[hours.c.company_id, hours.c.tool, hours.c.hour],
        set_={
            "count": hours.c.count + said.count,
            "last_at": said.last_at,
            "ends": sa.or_(hours.c.ends, said.ends),
        },
    )


_HEARD = inserted(hours, [column.name for column in hours.columns], _counted)
_UPSERT = upsert(table, keep=())


class Sources:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._heard: dict[tuple[int, str, int], dict[str, Any]] = {}
        self._waiting: dict[tuple[int, str], Source] = {}

    def heard(self, company_id: int, tool: str, count: int, *, at: datetime, ends: bool = False) -> None:
        """`ends`: it said of something that it is over."""
        place = (company_id, tool, (at - _EPOCH) // _HOUR)
        row = self._heard.get(place)
        if row is None:
            names = ("company_id", "tool", "hour")
            self._heard[place] = dict(zip(names, place, strict=True)) | {
                "count": count,
                "last_at": at,
                "ends": ends,
            }
        else:
            row |= {"count": row["count"] + count, "last_at": at, "ends": row["ends"] or ends}

    def put(self, source: Source) -> None:
        self._waiting[(source.company_id, source.tool)] = source

    async def flush(self) -> None:
        """One upsert for everything a batch heard, in one order for all replicas."""
        if self._heard:
            rows = [row for _, row in sorted(self._heard.items())]
            self._heard.clear()
            await _HEARD.run(self._tx, rows)
        if self._waiting:
            kept = [asdict(one) for _, one in sorted(self._waiting.items())]
            self._waiting.clear()
            await _UPSERT.run(self._tx, kept)

    async def counts(self, company_id: int) -> Mapping[str, Mapping[int, int]]:
        """For each tool: messages by hour since 1970."""
        statement = sa.select(hours.c.tool, hours.c.hour, hours.c.count).where(
            hours.c.company_id == company_id
        )
        found: dict[str, dict[int, int]] = {}
        for tool, hour, count in await self._tx.connection.execute(statement):
            found.setdefault(tool, {})[hour] = count
        return found

    async def never_end(self, company_id: int, *, known_since: datetime) -> frozenset[str]:
        """The tools that have spoken since then or longer and never said that something is over."""
        statement = (
            sa.select(hours.c.tool)
            .where(hours.c.company_id == company_id, hours.c.tool.not_like("%@%"))
            .group_by(hours.c.tool)
            .having(
                sa.func.min(hours.c.hour) <= (known_since - _EPOCH) // _HOUR,
                sa.func.sum(sa.case((hours.c.ends, 1), else_=0)) == 0,
            )
        )
        return frozenset((await self._tx.connection.execute(statement)).scalars())

    async def last_heard(self, company_id: int) -> Mapping[str, datetime]:
        statement = sa.select(
            hours.c.tool, sa.func.max(hours.c.last_at, type_=hours.c.last_at.type).label("last")
        )
        statement = statement.where(hours.c.company_id == company_id).group_by(hours.c.tool)
        rows = await self._tx.connection.execute(statement.order_by(hours.c.tool))
        return {row.tool: row.last for row in rows}

    async def of_company(self, company_id: int) -> Mapping[str, Source]:
        """Locked in a writing transaction: a silence is called once."""
        statement = locked(self._tx, sa.select(table).where(table.c.company_id == company_id))
        rows = await self._tx.connection.execute(statement)
        return {row.tool: Source(**row._mapping) for row in rows}

    async def peers(self, timezone: str, *, but: tuple[int, str], most: int = 60) -> Sequence[Sequence[int]]:
        """The hours of other sources that keep working days in that time zone, whatever the company."""
        wanted = (
            sa.select(table.c.company_id, table.c.tool)
            .join(companies, companies.c.id == table.c.company_id)
            .outerjoin(company_groups, company_groups.c.id == companies.c.group_id)
            .outerjoin(msp_settings, msp_settings.c.company_id == 0)
            .where(
                table.c.workdays_only.is_(True),
                table.c.tool.not_like("%@%"),
                inherited(SETTINGS["timezone"]) == timezone,
                companies.c.archived_at.is_(None),
                sa.not_(sa.and_(table.c.company_id == but[0], table.c.tool == but[1])),
            )
            .order_by(table.c.company_id, table.c.tool)
            .limit(most)
            .subquery()
        )
        statement = sa.select(hours.c.company_id, hours.c.tool, hours.c.hour).join(
            wanted,
            sa.and_(hours.c.company_id == wanted.c.company_id, hours.c.tool == wanted.c.tool),
        )
        found: dict[tuple[int, str], list[int]] = {}
        for company_id, tool, hour in await self._tx.connection.execute(statement):
            found.setdefault((company_id, tool), []).append(hour)
        return list(found.values())

    async def speaking_again(self) -> Sequence[int]:
        """Companies with a source that was silent and has spoken since."""
        statement = (
            sa.select(table.c.company_id)
            .join(
                hours,
                sa.and_(hours.c.company_id == table.c.company_id, hours.c.tool == table.c.tool),
            )
            .where(table.c.silent_since.is_not(None), hours.c.last_at > table.c.silent_since)
            .distinct()
        )
        return list((await self._tx.connection.execute(statement)).scalars())

    async def forget(self, company_id: int, *, before: datetime) -> None:
        old = sa.and_(hours.c.company_id == company_id, hours.c.hour < (before - _EPOCH) // _HOUR)
        await self._tx.connection.execute(sa.delete(hours).where(old))

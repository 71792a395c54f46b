"""SLA clocks in the database. `due_at` and `next_check_at` are kept beside the facts they follow from, for sweeps."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from engine.sla import ClockKind, SlaClock
from storage import dialect
from storage.prepared import Prepared, upsert
from storage.tables import sla_clocks as table

if TYPE_CHECKING:
    from storage.transaction import Transaction

_FIELDS = [
    "incident_id",
    "company_id",
    "started_at",
    "target",
    "warn_before",
    "hours",
    "pauses",
    "paused_at",
    "met_at",
    "warned_at",
    "breached_at",
]
COLUMNS = [table.c.kind, *(table.c[name] for name in _FIELDS)]
_PUT = upsert(table, keep=("company_id",))
_OF_MANY = Prepared(
    lambda dialect_name: (
        sa.select(*COLUMNS)
        .where(dialect.any_of(dialect_name, table.c.incident_id, "ids"))
        .order_by(table.c.kind)
    )
)

_DUE_OF = Prepared(
    lambda dialect_name: (
        sa.select(table.c.incident_id, sa.func.min(table.c.due_at, type_=table.c.due_at.type))
        .where(
            dialect.any_of(dialect_name, table.c.incident_id, "ids"),
            table.c.met_at.is_(None),
            table.c.paused_at.is_(None),
        )
        .group_by(table.c.incident_id)
    )
)


def to_clock(row: Sequence[Any]) -> SlaClock:
    found = dict(zip(_FIELDS, row[1:], strict=True))
    if found["pauses"]:
        found["pauses"] = tuple(
            (datetime.fromisoformat(begin), datetime.fromisoformat(end)) for begin, end in found["pauses"]
        )
    else:
        found["pauses"] = ()
    return SlaClock(kind=ClockKind(row[0]), **found)


def _to_row(clock: SlaClock) -> dict[str, Any]:
    row = {name: getattr(clock, name) for name in _FIELDS}
    row["pauses"] = [[begin.isoformat(), end.isoformat()] for begin, end in clock.pauses]
    return row | {"kind": clock.kind.value, "due_at": clock.due_at, "next_check_at": clock.next_check_at()}


def awaiting(now: datetime, most: int) -> Any:
    """What reads as many rows as are due, by their index, however many clocks run."""
    return (
        sa.select(table.c.company_id, table.c.incident_id)
        .where(sa.text("next_check_at IS NOT NULL"), table.c.next_check_at <= now)
        .order_by(table.c.next_check_at)
        .limit(most)
    )


class Clocks:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._waiting: dict[tuple[int, ClockKind], SlaClock] = {}
        self._due: dict[int, datetime | None] = {}

    async def of(self, incident_id: int) -> Sequence[SlaClock]:
        return (await self.of_many([incident_id])).get(incident_id, ())

    async def of_many(self, incident_ids: Collection[int]) -> Mapping[int, Sequence[SlaClock]]:
        """As this transaction leaves them so far."""
        found: dict[int, list[SlaClock]] = {}
        for row in await _OF_MANY.rows(self._tx, ids=sorted(incident_ids)):
            clock = to_clock(row)
            latest = self._waiting.get((clock.incident_id, clock.kind), clock)
            found.setdefault(clock.incident_id, []).append(latest)
        return found

    async def due_of(self, incident_ids: Collection[int]) -> Mapping[int, datetime]:
        """When the first promise of each of these incidents is due, where one is running."""
        unknown = sorted(one for one in incident_ids if one not in self._due)
        if unknown:
            rows = await _DUE_OF.rows(self._tx, ids=unknown)
            self.know_due(dict.fromkeys(unknown) | {row[0]: row[1] for row in rows})
        return {one: at for one in incident_ids if (at := self._due[one]) is not None}

    def know_due(self, due: Mapping[int, datetime | None]) -> None:
        """What was read along with the incidents; it holds until a clock is put."""
        self._due.update(due)

    async def awaited(self, now: datetime, *, most: int = 1000) -> Sequence[tuple[int, int]]:
        """(company id, incident id) of every clock whose next check is due: what a sweep looks after."""
        rows = await self._tx.connection.execute(awaiting(now, most))
        return [(row.company_id, row.incident_id) for row in rows]

    def put(self, clock: SlaClock) -> None:
        self._waiting[(clock.incident_id, clock.kind)] = clock
        self._due.pop(clock.incident_id, None)

    async def flush(self) -> None:
        if self._waiting:
            rows = [_to_row(clock) for clock in self._waiting.values()]
            self._waiting.clear()
            await _PUT.run(self._tx, rows)

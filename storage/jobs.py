"""The jobs table: outbox, timer and queue in one. DESIGN, §4, says why each statement is as it is."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson
import sqlalchemy as sa

from engine import jobs as engine_jobs
from engine.jobs import Job
from storage import dialect
from storage.prepared import inserted
from storage.tables import dead_jobs
from storage.tables import jobs as table

if TYPE_CHECKING:
    from storage.transaction import Transaction

LOOK = 4
"""How many times as many jobs as are wanted are looked at for a fair choice."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _micro(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)


def _put(dialect_name: str, statement: Any) -> Any:
    wish, free = statement.excluded.due_at, table.c.leased_until.is_(None)
    wanted = sa.func.coalesce(table.c.wanted_at, wish)
    return statement.on_conflict_do_update(
        index_elements=[table.c.key],
        set_={
            "generation": table.c.generation + 1,
            "due_at": sa.case(
                (free, dialect.least(dialect_name, table.c.due_at, wish)), else_=table.c.due_at
            ),
            "wanted_at": sa.case((free, None), else_=dialect.least(dialect_name, wanted, wish)),
            "payload": statement.excluded.payload,
            "attempts": 0,
        },
    )


_PUT = inserted(table, ("company_id", "key", "kind", "payload", "due_at"), _put)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A job leased to this process: `generation` is what it was when claimed, `attempts` counts this try.

    `leased_until` is also the lease's name: who holds an older one can change nothing any more.
    """

    id: int
    company_id: int
    key: str
    kind: str
    payload: dict[str, Any]
    due_at: datetime
    leased_until: datetime
    generation: int
    attempts: int

    def job(self) -> Job:
        return engine_jobs.unpack(self.kind, self.payload)


def _held(claimed: Claimed) -> sa.ColumnElement[bool]:
    """This very lease still holds."""
    return sa.and_(table.c.id == claimed.id, table.c.leased_until == claimed.leased_until)


def _unchanged(claimed: Claimed) -> sa.ColumnElement[bool]:
    """It still holds, and nobody put the job again since."""
    return sa.and_(_held(claimed), table.c.generation == claimed.generation)


class Jobs:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._waiting: dict[str, tuple[Job, datetime]] = {}

    def put(self, job: Job, *, due_at: datetime) -> None:
        """Want this done at `due_at`. A waiting job of the same key is raised by one generation and never delayed;
        one that is being done now is done again at `due_at`."""
        earlier = self._waiting.get(job.key)
        self._waiting[job.key] = (job, min(due_at, earlier[1]) if earlier else due_at)

    async def flush(self) -> None:
        if not self._waiting:
            return
        rows = [
            {
                "company_id": job.company_id,
                "key": key,
                "kind": job.kind,
                "payload": engine_jobs.pack(job),
                "due_at": due_at,
            }
            for key, (job, due_at) in sorted(self._waiting.items())
        ]
        self._waiting.clear()
        await _PUT.run(self._tx, rows)

    async def claim(
        self,
        now: datetime,
        *,
        lease: timedelta,
        most: int,
        kinds: Collection[str] = (),
        each: int | None = None,
        busy: Collection[int] = (),
    ) -> Sequence[Claimed]:
        """Lease up to `most` due jobs, at most `each` of a company and none of the `busy` companies. What is not
        finished when its lease ends is claimed again by anybody."""
        values: dict[str, Any] = {"now": _micro(now), "until": _micro(now + lease), "most": most}
        values |= {"each": most if each is None else each, "look": most * LOOK}
        if kinds:
            values["kinds"] = list(kinds)
        if busy:
            values["busy"] = sorted(busy)
        statement = dialect.claim_jobs(self._tx.dialect, kinds, busy)
        result = await self._tx.connection.execute(statement, values)
        claimed = []
        for row in result:
            payload = orjson.loads(row.payload) if isinstance(row.payload, str | bytes) else row.payload
            claimed.append(
                Claimed(
                    id=row.id,
                    company_id=row.company_id,
                    key=row.key,
                    kind=row.kind,
                    payload=payload,
                    due_at=_EPOCH + timedelta(microseconds=row.due_at),
                    leased_until=_EPOCH + timedelta(microseconds=row.leased_until),
                    generation=row.generation,
                    attempts=row.attempts,
                )
            )
        return sorted(claimed, key=lambda one: (one.due_at, one.id))

    async def renew(self, claimed: Claimed, *, until: datetime) -> Claimed | None:
        """The same lease, longer; None when it is not ours any more."""
        statement = sa.update(table).where(_held(claimed)).values(leased_until=until)
        renewed = await self._tx.connection.execute(statement)
        return replace(claimed, leased_until=until) if renewed.rowcount == 1 else None

    async def finish(self, claimed: Claimed) -> bool:
        """Done: the job goes, unless it was put again meanwhile; then it is freed to run when wanted (False)."""
        done = await self._tx.connection.execute(sa.delete(table).where(_unchanged(claimed)))
        if done.rowcount == 1:
            return True
        await self._free(claimed)
        return False

    async def later(
        self, claimed: Claimed, *, due_at: datetime, error: str | None, counts: bool = True
    ) -> None:
        """Not now: free it to run at `due_at`, or when wanted if it was put again meanwhile."""
        attempts = claimed.attempts if counts else claimed.attempts - 1
        statement = sa.update(table).where(_unchanged(claimed))
        moved = await self._tx.connection.execute(
            statement.values(due_at=due_at, leased_until=None, attempts=attempts, last_error=error)
        )
        if moved.rowcount != 1:
            await self._free(claimed, last_error=error)

    async def _free(self, claimed: Claimed, **changed: Any) -> None:
        """Give up a lease of ours on a job that was put again; a lease that is not ours any more stays as it is."""
        await self._tx.connection.execute(
            sa.update(table)
            .where(_held(claimed))
            .values(
                leased_until=None,
                due_at=sa.func.coalesce(table.c.wanted_at, table.c.due_at),
                wanted_at=None,
                **changed,
            )
        )

    async def bury(self, claimed: Claimed, *, error: str, now: datetime) -> None:
        """Trying again cannot help: keep it where people look, and take it off the queue."""
        await self._tx.connection.execute(
            sa.insert(dead_jobs).values(
                company_id=claimed.company_id,
                key=claimed.key,
                kind=claimed.kind,
                payload=claimed.payload,
                attempts=claimed.attempts,
                error=error,
                at=now,
            )
        )
        await self.finish(claimed)

    async def trouble(self, key: str) -> str | None:
        """Why the job of this name did not succeed, if it was tried: now, or when it was given up."""
        now = sa.select(table.c.last_error).where(table.c.key == key, table.c.last_error.is_not(None))
        error: str | None = (await self._tx.connection.execute(now)).scalar()
        if error is None:
            buried = (
                sa.select(dead_jobs.c.error).where(dead_jobs.c.key == key).order_by(dead_jobs.c.id.desc())
            )
            error = (await self._tx.connection.execute(buried.limit(1))).scalar()
        return error

    async def next_due(
        self, now: datetime, *, until: datetime, busy: Collection[int] = ()
    ) -> datetime | None:
        """When the first of those that may be claimed `until` then is due; it may be long due already. A look that
        locks nothing, so that an idle worker writes nothing."""
        free = sa.or_(table.c.leased_until.is_(None), table.c.leased_until <= now)
        statement = (
            sa.select(table.c.due_at).where(table.c.due_at <= until, free).order_by(table.c.due_at).limit(1)
        )
        if busy:
            statement = statement.where(table.c.company_id.not_in(sorted(busy)))
        due: datetime | None = (await self._tx.connection.execute(statement)).scalar()
        return due

    async def waiting(self) -> int:
        return int(
            (await self._tx.connection.execute(sa.select(sa.func.count()).select_from(table))).scalar_one()
        )

"""Runs in the database: the whole run as one document, with the columns that are looked up beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from engine.errors import Conflict
from runbooks.run import Run, RunStatus, pack, unpack
from storage import dialect
from storage.rows import locked
from storage.run_tables import run_holds, run_turns
from storage.tables import runs as table

if TYPE_CHECKING:
    from storage.transaction import Transaction


_LET_GO = frozenset({RunStatus.APPROVED, RunStatus.STARTING, RunStatus.RUNNING, RunStatus.VERIFYING})

_ON_A_MACHINE = [
    one.value
    for one in (
        RunStatus.SUCCEEDED,
        RunStatus.FAILED,
        RunStatus.TIMED_OUT,
        RunStatus.CANCELLED,
        RunStatus.UNKNOWN,
    )
]


def _to_row(run: Run) -> dict[str, Any]:
    return {
        "id": run.id,
        "company_id": run.company_id,
        "incident_id": run.incident_id,
        "runbook_id": run.runbook_id,
        "status": run.status.value,
        "is_active": int(not run.status.finished),
        "requested_at": run.requested_at,
        "finished_at": run.finished_at,
        "approved_at": run.decided_at if run.status in _LET_GO or run.started_at else None,
        "revision": run.revision,
        "body": pack(run),
    }


def _to_run(row: Any) -> Run:
    return replace(unpack(row.body), revision=row.revision)


class Runs:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._waiting: dict[str, Run] = {}

    async def get(self, run_id: str) -> Run | None:
        await self.flush()
        statement = locked(self._tx, sa.select(table).where(table.c.id == run_id))
        row = (await self._tx.connection.execute(statement)).first()
        return _to_run(row) if row else None

    def add(self, run: Run) -> None:
        self._waiting[run.id] = run

    async def flush(self) -> None:
        if self._waiting:
            runs = list(self._waiting.values())
            self._waiting.clear()
            await self._tx.connection.execute(sa.insert(table), [_to_row(run) for run in runs])
            holds = [
                {
                    "company_id": run.company_id,
                    "runbook_id": run.runbook_id,
                    "cloud_ref": ref,
                    "run_id": run.id,
                }
                for run in runs
                if not run.status.finished
                for ref in sorted({target.cloud_ref for target in run.targets})
            ]
            if holds:  # a second run of the runbook on one of these machines fails here, whoever asked for it
                await self._tx.connection.execute(sa.insert(run_holds), holds)

    async def save(self, before: Run, after: Run) -> Run:
        """Raises Conflict when the run is not as `before` any more."""
        await self.flush()
        saved = replace(after, revision=before.revision + 1)
        changed = {name: value for name, value in _to_row(saved).items() if name not in ("id", "company_id")}
        statement = sa.update(table).where(table.c.id == before.id, table.c.revision == before.revision)
        result = await self._tx.connection.execute(statement.values(**changed))
        if result.rowcount != 1:
            raise Conflict
        if saved.status.finished and not before.status.finished:
            await self._tx.connection.execute(sa.delete(run_holds).where(run_holds.c.run_id == saved.id))
        return saved

    async def take_turn(self, company_id: int, *, since: datetime) -> tuple[int, datetime | None]:
        """How many runs of the company were let go after `since`, and when the first of them was."""
        await self.flush()
        turn = dialect.insert(self._tx.dialect, run_turns).values(company_id=company_id, taken=1)
        turn = turn.on_conflict_do_update(
            index_elements=[run_turns.c.company_id], set_={"taken": run_turns.c.taken + 1}
        )
        await self._tx.connection.execute(turn)
        statement = sa.select(sa.func.count(), sa.func.min(table.c.approved_at)).where(
            table.c.company_id == company_id, table.c.approved_at > since
        )
        ((count, first),) = (await self._tx.connection.execute(statement)).all()
        return int(count), first

    async def of_incident(self, incident_id: int) -> Sequence[Run]:
        await self.flush()
        statement = (
            sa.select(table).where(table.c.incident_id == incident_id).order_by(table.c.id.desc()).limit(50)
        )
        return [_to_run(row) for row in await self._tx.connection.execute(statement)]

    async def active_of(self, company_id: int) -> Sequence[Run]:
        """The unfinished runs of a company, newest first."""
        await self.flush()
        statement = (
            sa.select(table)
            .where(table.c.company_id == company_id, table.c.is_active == 1)
            .order_by(table.c.id.desc())
            .limit(200)
        )
        return [_to_run(row) for row in await self._tx.connection.execute(statement)]

    async def active_on(self, company_id: int, runbook_id: str, cloud_ref: str) -> Run | None:
        await self.flush()
        held = sa.select(run_holds.c.run_id).where(
            run_holds.c.company_id == company_id,
            run_holds.c.runbook_id == runbook_id,
            run_holds.c.cloud_ref == cloud_ref,
        )
        row = (await self._tx.connection.execute(sa.select(table).where(table.c.id.in_(held)))).first()
        return _to_run(row) if row else None

    async def recent(self, company_id: int, runbook_id: str, *, before: str, most: int = 10) -> Sequence[Run]:
        """The newest ended runs of this runbook in the company that came before this one and were on a machine."""
        statement = (
            sa.select(table)
            .where(
                table.c.company_id == company_id,
                table.c.runbook_id == runbook_id,
                table.c.status.in_(_ON_A_MACHINE),
                table.c.id < before,
            )
            .order_by(table.c.id.desc())
            .limit(most)
        )
        found = [_to_run(row) for row in await self._tx.connection.execute(statement)]
        return [run for run in found if run.started_at is not None]

    async def pending(self) -> Sequence[str]:
        """The runs of all companies that wait for an approval."""
        statement = (
            sa.select(table.c.id)
            .where(table.c.is_active == 1, table.c.status == RunStatus.PENDING_APPROVAL.value)
            .limit(1000)
        )
        return list((await self._tx.connection.execute(statement)).scalars())

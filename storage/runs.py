"""Runs in the database: the whole run as one document, with the columns that are looked up beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from engine.audit import TimelineKind
from engine.errors import Conflict
from runbooks.holding import Outcome, Rate, Verdict
from runbooks.run import Run, RunStatus, pack, unpack
from storage import dialect
from storage.rows import insert_new, locked
from storage.run_tables import run_holds, run_outcomes, run_turns
from storage.tables import incidents, timeline
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


def _to_outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        "run_id": outcome.run_id,
        "company_id": outcome.company_id,
        "runbook_id": outcome.runbook_id,
        "signature": outcome.signature,
        "finished_at": outcome.finished_at,
        "verdict": outcome.verdict.value,
        "after_seconds": int(outcome.after.total_seconds()) if outcome.after is not None else None,
    }


class Runs:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._waiting: dict[str, Run] = {}
        self._judged: list[Outcome] = []

    async def get(self, run_id: str) -> Run | None:
        await self.flush()
        statement = locked(self._tx, sa.select(table).where(table.c.id == run_id))
        row = (await self._tx.connection.execute(statement)).first()
        return _to_run(row) if row else None

    def add(self, run: Run) -> None:
        self._waiting[run.id] = run

    async def flush(self) -> None:
        if self._judged:
            rows = [_to_outcome(one) for one in self._judged]
            self._judged.clear()
            await insert_new(self._tx, run_outcomes, rows)
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
            .where(
                table.c.id.in_(
                    sa.select(run_holds.c.run_id)
                ),  # only what is not over: few, whatever was before
                table.c.status == RunStatus.PENDING_APPROVAL.value,
            )
            .limit(1000)
        )
        return list((await self._tx.connection.execute(statement)).scalars())

    # -- what became of them -----------------------------------------------------------------------------------------

    def judged(self, outcome: Outcome) -> None:
        self._judged.append(outcome)

    async def back_at(self, run: Run, correlation_key: str) -> datetime | None:
        """When the problem came again after this run had ended: reopened, or a new incident of the same key."""
        again = sa.select(sa.func.min(incidents.c.opened_at)).where(
            incidents.c.company_id == run.company_id,
            incidents.c.correlation_key == correlation_key,
            incidents.c.opened_at > run.finished_at,
        )
        reopened = sa.select(sa.func.min(timeline.c.at)).where(
            timeline.c.incident_id == run.incident_id,
            timeline.c.kind == TimelineKind.REOPENED.value,
            timeline.c.at > run.finished_at,
        )
        found = [(await self._tx.connection.execute(one)).scalar() for one in (again, reopened)]
        return min((at for at in found if at is not None), default=None)

    async def rates(self, company_id: int, signature: str) -> Mapping[str, Rate]:
        """By runbook: how often it held against this problem at this company."""
        return await self._rates(
            run_outcomes.c.signature == signature, run_outcomes.c.company_id == company_id
        )

    async def rates_elsewhere(self, company_id: int, signature: str) -> Mapping[str, Rate]:
        """The same over all other companies together: for an order of things, never to be shown."""
        return await self._rates(
            run_outcomes.c.signature == signature, run_outcomes.c.company_id != company_id
        )

    async def _rates(self, *where: Any) -> Mapping[str, Rate]:
        if self._judged:
            await self.flush()
        held = sa.func.sum(sa.case((run_outcomes.c.verdict == Verdict.HELD.value, 1), else_=0))
        statement = (
            sa.select(run_outcomes.c.runbook_id, held, sa.func.count())
            .where(*where)
            .group_by(run_outcomes.c.runbook_id)
        )
        rows = (await self._tx.connection.execute(statement)).all()
        return {runbook_id: Rate(int(count), int(of)) for runbook_id, count, of in rows}

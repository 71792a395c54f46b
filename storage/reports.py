"""What a report is made of: the plain rows of one company and span. Read only when somebody asks for a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from engine.alert import Severity, normal_signature
from engine.incident import OPEN_STATUSES, TEST_SIGNATURE, TEST_TOOL, IncidentStatus
from engine.noise import TimeFact
from engine.report import IncidentFact, Material, RunFact, Series
from engine.sla import SlaClock
from engine.timesheet import drafted
from engine.track import Track
from runbooks.run import RunStatus
from storage.intake_tables import sources
from storage.quiet_tables import quiet_rules
from storage.tables import alerts, incidents, runs, users

if TYPE_CHECKING:
    from storage.transaction import Transaction

_VERIFIED = {
    RunStatus.SUCCEEDED: True,
    RunStatus.FAILED: False,
    RunStatus.TIMED_OUT: False,
    RunStatus.UNKNOWN: False,
}
_NEVER_RAN = (RunStatus.REJECTED, RunStatus.EXPIRED, RunStatus.SUPERSEDED, RunStatus.VOID)
_SLICE = 500
_DAY = timedelta(days=1)


class Reports:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def material(self, company_id: int, *, since: datetime, until: datetime) -> Material:
        """What was opened in the span, with its promises and runs."""
        found = await self._incidents(company_id, since, until)
        names = {
            row.id: row.name for row in await self._tx.connection.execute(sa.select(users.c.id, users.c.name))
        }
        return Material(
            incidents=found,
            clocks=await self._clocks([one.id for one in found]),
            runs=await self._runs(company_id, since, until),
            held=await self._held(company_id, since, until),
            silent_sources=await self._silent(company_id),
            models=await self._tx.opinions.spent(
                company_id, since=since.astimezone(UTC).date(), until=until.astimezone(UTC).date() + _DAY
            ),
            names=names,
            time=await self._time(company_id, [one.id for one in found]),
            series=await self._series(company_id, since, until),
        )

    async def _incidents(self, company_id: int, since: datetime, until: datetime) -> list[IncidentFact]:
        table = incidents
        statement = (
            sa.select(
                *(table.c[name] for name in (
                    "id", "severity", "status", "asset_name", "title", "correlation_key", "signature", "tools", "count",
                    "opened_at", "claimed_at", "resolved_at", "resolved_by", "assignee_id", "reopened",
                    "resolution",
                ))
            )
            .where(
                table.c.company_id == company_id,
                table.c.opened_at >= since,
                table.c.opened_at < until,
                table.c.merged_into.is_(None),
            )
            .order_by(table.c.id)
        )  # fmt: skip
        test = normal_signature(TEST_SIGNATURE)
        return [
            IncidentFact(
                id=row.id,
                severity=Severity(row.severity),
                asset_name=row.asset_name,
                title=row.title,
                correlation_key=row.correlation_key,
                alerts=row.count,
                opened_at=row.opened_at,
                claimed_at=row.claimed_at,
                resolved_at=row.resolved_at,
                resolved_by=row.resolved_by,
                assignee_id=row.assignee_id,
                open=IncidentStatus(row.status) in OPEN_STATUSES,
                reopened=row.reopened,
                resolution=row.resolution,
            )
            for row in await self._tx.connection.execute(statement)
            if not (list(row.tools) == [TEST_TOOL] and row.signature == test)
        ]

    async def _series(self, company_id: int, since: datetime, until: datetime) -> list[Series]:
        """What was heard of in the span and comes back in step: of each key the newest, also when it began before."""
        table = incidents
        statement = sa.select(
            *(table.c[name] for name in ("id", "asset_name", "title", "correlation_key", "track"))
        ).where(
            table.c.company_id == company_id,
            table.c.last_alert_at >= since,
            table.c.opened_at < until,
            table.c.merged_into.is_(None),
            table.c.track != "",
        )
        found: dict[str, Series] = {}
        for row in await self._tx.connection.execute(statement.order_by(table.c.id)):
            rhythm = Track.unpack(row.track).rhythm
            found.pop(row.correlation_key, None)
            if rhythm:
                found[row.correlation_key] = Series(
                    incident_id=row.id, asset_name=row.asset_name, title=row.title, rhythm=rhythm
                )
        return list(found.values())

    async def _time(self, company_id: int, ids: Sequence[int]) -> list[TimeFact]:
        """What was booked on them, and what is drafted and was not."""
        company = (await self._tx.companies.context(company_id)).company
        rate, sheets = company.value("hourly_rate"), self._tx.timesheets
        entries = await sheets.entries_of(ids)
        known = {(one.incident_id, one.begun_at) for one in entries}
        open_ones = [
            one for one in await sheets.of_incidents(ids) if (one.incident_id, one.begun_at) not in known
        ]
        booked = [
            TimeFact(incident_id=one.incident_id, minutes=one.minutes, booked=True, rate=one.rate)
            for one in entries
        ]
        return booked + [
            TimeFact(incident_id=one.stretch.incident_id, minutes=one.minutes, booked=False, rate=rate)
            for one in drafted(open_ones, gap=company.value("time_gap"), rate=rate)
        ]

    async def _clocks(self, ids: Sequence[int]) -> list[SlaClock]:
        found: list[SlaClock] = []
        for first in range(0, len(ids), _SLICE):
            some = await self._tx.clocks.of_many(ids[first : first + _SLICE])
            found += [clock for clocks in some.values() for clock in clocks]
        return found

    async def _runs(self, company_id: int, since: datetime, until: datetime) -> list[RunFact]:
        statement = sa.select(runs.c.incident_id, runs.c.runbook_id, runs.c.status, runs.c.body).where(
            runs.c.company_id == company_id,
            runs.c.requested_at >= since,
            runs.c.requested_at < until,
            runs.c.status.not_in([one.value for one in _NEVER_RAN]),
        )
        return [
            RunFact(
                incident_id=row.incident_id,
                runbook_id=row.runbook_id,
                verified=_VERIFIED.get(RunStatus(row.status)),
                by_itself=row.body.get("requested_by") is None,
            )
            for row in await self._tx.connection.execute(statement.order_by(runs.c.id))
        ]

    async def _held(self, company_id: int, since: datetime, until: datetime) -> Mapping[str, int]:
        statement = (
            sa.select(quiet_rules.c.kind, sa.func.sum(alerts.c.count))
            .join(quiet_rules, quiet_rules.c.id == alerts.c.held_by)
            .where(
                alerts.c.company_id == company_id,
                quiet_rules.c.company_id == company_id,
                alerts.c.last_at >= since,
                alerts.c.last_at < until,
            )
            .group_by(quiet_rules.c.kind)
        )
        return {row[0]: int(row[1]) for row in await self._tx.connection.execute(statement)}

    async def _silent(self, company_id: int) -> list[str]:
        statement = sa.select(sources.c.tool).where(
            sources.c.company_id == company_id, sources.c.silent_since.is_not(None)
        )
        return list((await self._tx.connection.execute(statement.order_by(sources.c.tool))).scalars())

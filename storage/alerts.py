"""Alerts in the database: one row per incident and fingerprint, gathered and upserted."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from engine.alert import AlertStatus, Severity, StoredAlert
from engine.identifiers import floor_of
from storage import dialect
from storage.prepared import Prepared, upsert
from storage.tables import alerts as table

if TYPE_CHECKING:
    from storage.transaction import Transaction

PAGE = 2000
_FIELDS = [field.name for field in fields(StoredAlert)]
COLUMNS = [table.c[name] for name in _FIELDS]
_PUT = upsert(table, keep=("company_id", "fingerprint"))


def _of_incidents(dialect_name: str) -> Any:
    wanted = dialect.pairs(dialect_name, "wanted", table.c.incident_id, table.c.fingerprint)
    same = sa.and_(table.c.incident_id == wanted.c.first, table.c.fingerprint == wanted.c.second)
    return sa.select(*COLUMNS).select_from(wanted.join(table, same))


_OF_INCIDENTS = Prepared(_of_incidents)
_FIRING_AS = Prepared(
    lambda dialect_name: (
        sa.select(*COLUMNS)
        .where(
            table.c.company_id == sa.bindparam("company_id"),
            table.c.tool == sa.bindparam("tool"),
            dialect.any_of(dialect_name, table.c.dedup_key, "keys"),
            table.c.incident_id.is_not(None),
            sa.text("status = 'firing' AND dedup_key IS NOT NULL"),
        )
        .order_by(table.c.id)
    )
)

_FIRING_ON = Prepared(
    lambda dialect_name: (
        sa.select(*COLUMNS)
        .where(
            table.c.company_id == sa.bindparam("company_id"),
            dialect.any_of(dialect_name, table.c.asset, "assets"),
            sa.text("status = 'firing' AND incident_id IS NOT NULL"),
        )
        .order_by(table.c.id)
        .limit(sa.bindparam("most", type_=sa.Integer()))
    )
)
MOST_FIRING = 5_000


def to_alert(row: Sequence[Any]) -> StoredAlert:
    values = dict(zip(_FIELDS, row, strict=True))
    values["severity"] = Severity(values["severity"])
    values["status"] = AlertStatus(values["status"])
    return StoredAlert(**values)


def _to_row(alert: StoredAlert) -> dict[str, Any]:
    row = {name: getattr(alert, name) for name in _FIELDS}
    row["severity"] = alert.severity.value
    row["status"] = alert.status.value
    row["labels"] = dict(alert.labels)
    return row


class Alerts:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._waiting: dict[str, StoredAlert] = {}

    async def get(self, alert_id: str) -> StoredAlert | None:
        row = (await self._tx.connection.execute(sa.select(*COLUMNS).where(table.c.id == alert_id))).first()
        return to_alert(row) if row else None

    async def of_incidents(
        self, wanted: Collection[tuple[int, str]]
    ) -> Mapping[tuple[int, str], StoredAlert]:
        """The alerts with these (incident id, fingerprint)."""
        bound = dialect.bound_pairs(self._tx.dialect, "wanted", sorted(wanted))
        found = [to_alert(row) for row in await _OF_INCIDENTS.rows(self._tx, **bound)]
        return {
            (alert.incident_id, alert.fingerprint): alert for alert in found if alert.incident_id is not None
        }

    async def firing_as(
        self, wanted: Collection[tuple[int, str, str]]
    ) -> Mapping[tuple[int, str, str], StoredAlert]:
        """The firing alerts with these (company id, tool, dedup key); the newest where there are several."""
        found: dict[tuple[int, str, str], StoredAlert] = {}
        groups: dict[tuple[int, str], list[str]] = {}
        for company_id, tool, dedup_key in sorted(wanted):
            groups.setdefault((company_id, tool), []).append(dedup_key)
        for (company_id, tool), keys in groups.items():
            for row in await _FIRING_AS.rows(self._tx, company_id=company_id, tool=tool, keys=keys):
                alert = to_alert(row)
                assert alert.dedup_key is not None
                found[(company_id, tool, alert.dedup_key)] = alert
        return found

    async def firing_on(self, company_id: int, assets: Collection[str]) -> Sequence[StoredAlert]:
        """What fires on these assets and is in an incident, the oldest first."""
        bound = {"company_id": company_id, "assets": sorted(assets), "most": MOST_FIRING}
        return [to_alert(row) for row in await _FIRING_ON.rows(self._tx, **bound)]

    async def firing_of(self, incident_id: int) -> Sequence[StoredAlert]:
        statement = sa.select(*COLUMNS).where(
            table.c.incident_id == incident_id, table.c.status == AlertStatus.FIRING.value
        )
        return [to_alert(row) for row in await self._tx.connection.execute(statement)]

    async def of_keys(self, incident_id: int, keys: Collection[str]) -> Sequence[StoredAlert]:
        """The incident's alerts with these correlation keys."""
        statement = sa.select(*COLUMNS).where(
            table.c.incident_id == incident_id, table.c.correlation_key.in_(sorted(keys))
        )
        return [to_alert(row) for row in await self._tx.connection.execute(statement.order_by(table.c.id))]

    async def of_incident(self, incident_id: int, *, most: int = 50) -> Sequence[StoredAlert]:
        statement = (
            sa.select(*COLUMNS).where(table.c.incident_id == incident_id).order_by(table.c.id).limit(most)
        )
        return [to_alert(row) for row in await self._tx.connection.execute(statement)]

    async def history(
        self, company_id: int, *, since: datetime, until: datetime | None = None, most: int
    ) -> Sequence[StoredAlert]:
        """The company's alerts that began in that time and came to an incident, newest first."""
        newest: sa.ColumnElement[bool] = table.c.id < floor_of(until) if until is not None else sa.true()
        found: list[StoredAlert] = []
        while len(found) < most:  # page by page, so that others get their turn in between
            statement = (
                sa.select(*COLUMNS)
                .where(
                    table.c.company_id == company_id,
                    table.c.id > floor_of(since),
                    newest,
                    table.c.incident_id.is_not(None),
                )
                .order_by(table.c.id.desc())
                .limit(min(PAGE, most - len(found)))
            )
            rows = (await self._tx.connection.execute(statement)).all()
            found.extend(to_alert(row) for row in rows)
            if len(rows) < PAGE:
                break
            newest = table.c.id < rows[-1].id
        return found

    def put(self, alert: StoredAlert) -> None:
        self._waiting[alert.id] = alert

    async def flush(self) -> None:
        if self._waiting:
            rows = [_to_row(alert) for alert in self._waiting.values()]
            self._waiting.clear()
            await _PUT.run(self._tx, rows)

"""Alerts in the database: one row per incident and fingerprint, gathered and upserted."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from engine.alert import AlertStatus, Severity, StoredAlert
from storage.rows import chunks, upsert
from storage.tables import alerts as table

if TYPE_CHECKING:
    from storage.transaction import Transaction

_FIELDS = [field.name for field in fields(StoredAlert)]
_FIRING_AS = sa.text("status = 'firing' AND dedup_key IS NOT NULL")


def _to_alert(row: Any) -> StoredAlert:
    values = {name: getattr(row, name) for name in _FIELDS}
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
        row = (await self._tx.connection.execute(sa.select(table).where(table.c.id == alert_id))).first()
        return _to_alert(row) if row else None

    async def of_incidents(
        self, wanted: Collection[tuple[int, str]]
    ) -> Mapping[tuple[int, str], StoredAlert]:
        """The alerts with these (incident id, fingerprint)."""
        found: dict[tuple[int, str], StoredAlert] = {}
        pairs = sorted(wanted)
        for some in chunks(pairs):
            ids = sorted({incident_id for incident_id, _ in some})
            prints = sorted({print_ for _, print_ in some})
            statement = sa.select(table).where(table.c.incident_id.in_(ids), table.c.fingerprint.in_(prints))
            for row in await self._tx.connection.execute(statement):
                found[(row.incident_id, row.fingerprint)] = _to_alert(row)
        return found

    async def firing_as(
        self, wanted: Collection[tuple[int, str, str]]
    ) -> Mapping[tuple[int, str, str], StoredAlert]:
        """The firing alerts with these (company id, tool, dedup key); the newest where there are several."""
        found: dict[tuple[int, str, str], StoredAlert] = {}
        groups: dict[tuple[int, str], list[str]] = {}
        for company_id, tool, dedup_key in sorted(wanted):
            groups.setdefault((company_id, tool), []).append(dedup_key)
        for (company_id, tool), keys in groups.items():
            for some in chunks(keys):
                statement = (
                    sa.select(table)
                    .where(
                        table.c.company_id == company_id,
                        table.c.tool == tool,
                        table.c.dedup_key.in_(some),
                        table.c.incident_id.is_not(None),
                        _FIRING_AS,
                    )
                    .order_by(table.c.id)
                )
                for row in await self._tx.connection.execute(statement):
                    found[(company_id, tool, row.dedup_key)] = _to_alert(row)
        return found

    async def firing_of(self, incident_id: int) -> Sequence[StoredAlert]:
        statement = sa.select(table).where(
            table.c.incident_id == incident_id, table.c.status == AlertStatus.FIRING.value
        )
        return [_to_alert(row) for row in await self._tx.connection.execute(statement)]

    async def of_incident(self, incident_id: int, *, most: int = 50) -> Sequence[StoredAlert]:
        statement = (
            sa.select(table).where(table.c.incident_id == incident_id).order_by(table.c.id).limit(most)
        )
        return [_to_alert(row) for row in await self._tx.connection.execute(statement)]

    def put(self, alert: StoredAlert) -> None:
        self._waiting[alert.id] = alert

    async def flush(self) -> None:
        if self._waiting:
            rows = [_to_row(alert) for alert in self._waiting.values()]
            self._waiting.clear()
            await upsert(self._tx, table, rows, keep=("company_id", "fingerprint"))

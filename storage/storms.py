"""Storms in the database. What they add up to is read from the rows of their incidents, each time anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from engine.alert import Severity
from engine.incident import Incident
from engine.storm import Share, Storm, StormTally
from storage.incidents import to_incident
from storage.storm_tables import storms as table
from storage.tables import cards, incidents

if TYPE_CHECKING:
    from storage.transaction import Transaction

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
TOP = 5
_INCIDENT = [incidents.c[field.name] for field in fields(Incident)]
_ALERTS = sa.func.sum(incidents.c.count - cards.c.counted_from)
_COUNT = sa.func.count()
_RANK = sa.case({one.value: one.rank for one in Severity}, value=incidents.c.severity, else_=9)


def _members(storm: Storm, *columns: Any) -> sa.Select[Any]:
    """Over the incidents that the storm's board counts."""
    return (
        sa.select(*columns)
        .select_from(cards.join(incidents, incidents.c.id == cards.c.incident_id))
        .where(cards.c.board == storm.card_id, incidents.c.company_id == storm.company_id)
    )


def _pack(tally: StormTally) -> dict[str, Any]:
    return asdict(tally) | {
        "held": {str(number): count for number, count in tally.held.items()},
        "last_alert_at": (tally.last_alert_at - _EPOCH) // _MICROSECOND,
    }


def _unpack(packed: dict[str, Any]) -> StormTally:
    return StormTally(
        **packed
        | {
            "held": {int(number): count for number, count in packed["held"].items()},
            "top_signatures": tuple(Share(**one) for one in packed["top_signatures"]),
            "top_assets": tuple(Share(**one) for one in packed["top_assets"]),
            "last_alert_at": _EPOCH + _MICROSECOND * packed["last_alert_at"],
        }
    )


class Storms:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def add(self, storm: Storm) -> None:
        row = asdict(storm) | {"samples": [], "tally": None}
        await self._tx.connection.execute(sa.insert(table).values(row))

    async def get(self, storm_id: str) -> Storm | None:
        row = (await self._tx.connection.execute(sa.select(table).where(table.c.id == storm_id))).first()
        if row is None:
            return None
        values = dict(row._mapping)
        values["samples"] = tuple((float(at), int(alerts)) for at, alerts in values["samples"])
        values["tally"] = _unpack(values["tally"]) if values["tally"] else None
        return Storm(**values)

    async def save(self, storm: Storm) -> None:
        """How far it is, or how it ended; the first end stays."""
        values: dict[str, Any] = {"samples": [list(one) for one in storm.samples]}
        if storm.over_at is not None and storm.tally is not None:
            values |= {"over_at": storm.over_at, "tally": _pack(storm.tally)}
        await self._tx.connection.execute(
            sa.update(table).where(table.c.id == storm.id, table.c.over_at.is_(None)).values(values)
        )

    async def tally(self, storm: Storm) -> StormTally:
        by_severity = await self._rows(
            _members(
                storm,
                incidents.c.severity,
                _COUNT.label("incidents"),
                _ALERTS.label("alerts"),
                sa.func.sum(incidents.c.is_open).label("open"),
                sa.func.sum(_flag(incidents.c.is_open == 1, incidents.c.claimed_at.is_(None))).label(
                    "untouched"
                ),
                sa.func.sum(_flag(sa.not_(cards.c.deferred))).label("with_card"),
                sa.func.sum(_flag(cards.c.deferred, incidents.c.is_open == 1)).label("hidden"),
                sa.func.max(incidents.c.last_alert_at).label("last_alert_at"),
            ).group_by(incidents.c.severity)
        )
        signatures, top_signatures = await self._top(storm, incidents.c.signature, incidents.c.title)
        assets, top_assets = await self._top(storm, incidents.c.asset, incidents.c.asset_name)
        held = await self._rows(
            _members(storm, incidents.c.assignee_id, _COUNT.label("incidents"))
            .where(incidents.c.is_open == 1, incidents.c.claimed_at.is_not(None))
            .group_by(incidents.c.assignee_id)
        )
        return StormTally(
            incidents=sum(row.incidents for row in by_severity),
            alerts=sum(int(row.alerts) for row in by_severity),
            open=sum(int(row.open) for row in by_severity),
            untouched=sum(int(row.untouched) for row in by_severity),
            severities={row.severity: row.incidents for row in by_severity},
            open_severities={row.severity: int(row.open) for row in by_severity if row.open},
            signatures=signatures,
            assets=assets,
            top_signatures=top_signatures,
            top_assets=top_assets,
            held={row.assignee_id: row.incidents for row in held if row.assignee_id is not None},
            with_card=sum(int(row.with_card) for row in by_severity),
            hidden=sum(int(row.hidden) for row in by_severity),
            last_alert_at=max((row.last_alert_at for row in by_severity), default=storm.began_at),
        )

    async def _top(self, storm: Storm, key: Any, name: Any) -> tuple[int, tuple[Share, ...]]:
        """(how many there are, the largest few)."""
        grouped = _members(
            storm, sa.func.max(name).label("name"), _COUNT.label("incidents"), _ALERTS.label("alerts")
        ).group_by(key)
        every = grouped.subquery()
        ranked = sa.select(every, sa.func.count().over().label("all")).order_by(
            every.c.incidents.desc(), every.c.alerts.desc(), every.c.name
        )
        rows = await self._rows(ranked.limit(TOP))
        shares = tuple(Share(name=row.name, incidents=row.incidents, alerts=int(row.alerts)) for row in rows)
        return (rows[0].all if rows else 0, shares)

    async def last_alerts(self, storm: Storm, *, most: int) -> Sequence[datetime]:
        """When its most recently alerted incidents were alerted last, newest first."""
        statement = _members(storm, incidents.c.last_alert_at).order_by(incidents.c.last_alert_at.desc())
        return [row.last_alert_at for row in await self._rows(statement.limit(most))]

    async def untouched(
        self, storm: Storm, *, until: int | None = None, deferred: bool = False, most: int
    ) -> Sequence[Incident]:
        """Its open incidents that nobody has claimed, worst first."""
        statement = _members(storm, *_INCIDENT).where(
            incidents.c.is_open == 1, incidents.c.claimed_at.is_(None)
        )
        return await self._incidents(statement, until, deferred, most)

    async def open(self, storm: Storm, *, deferred: bool = False, most: int) -> Sequence[Incident]:
        """Its open incidents, worst first."""
        return await self._incidents(
            _members(storm, *_INCIDENT).where(incidents.c.is_open == 1), None, deferred, most
        )

    async def _incidents(
        self, statement: sa.Select[Any], until: int | None, deferred: bool, most: int
    ) -> Sequence[Incident]:
        if until is not None:
            statement = statement.where(incidents.c.id <= until)
        if deferred:
            statement = statement.where(cards.c.deferred)
        ordered = statement.order_by(_RANK, incidents.c.id).limit(most)
        return [to_incident(row) for row in await self._rows(ordered)]

    async def _rows(self, statement: sa.Select[Any]) -> Sequence[Any]:
        return list(await self._tx.connection.execute(statement))


def _flag(*conditions: sa.ColumnElement[bool]) -> sa.Case[int]:
    return sa.case((sa.and_(*conditions), 1), else_=0)

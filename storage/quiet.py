"""Silences and maintenance windows in the database, and the alerts that they hold."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from engine.alert import AlertStatus, Severity, StoredAlert
from engine.errors import Conflict
from engine.identifiers import floor_of
from engine.schedule import Schedule
from engine.suppression import KINDS, PastAlert, QuietKind, QuietRule, Scope, Tally
from storage.alerts import COLUMNS, to_alert
from storage.grouping_tables import joined_keys
from storage.quiet_tables import quiet_rules as table
from storage.rows import chunks, locked
from storage.tables import alerts, incidents

if TYPE_CHECKING:
    from storage.transaction import Transaction

PAGE = 2000
"""Rows of a long look that are read in one go."""
_PAST = [alerts.c[one.name] for one in fields(PastAlert)]
_PLAIN = [
    "company_id",
    "reason",
    "by",
    "by_id",
    "created_at",
    "confirmed_at",
    "begun_at",
    "closed_until",
    "ended_at",
    "ended_by",
    "finished_at",
]
_HELD = sa.and_(sa.text("held_by IS NOT NULL"), alerts.c.incident_id.is_(None))


def _held_in(rule_id: int, since: datetime) -> sa.ColumnElement[bool]:
    """What began to be held since then, or is held still: one that was heard earlier counts no more."""
    still = sa.and_(alerts.c.incident_id.is_(None), alerts.c.last_at >= since)
    return sa.and_(
        alerts.c.held_by == rule_id,
        sa.text("held_by IS NOT NULL"),
        sa.or_(alerts.c.first_at >= since, still),
    )


def _to_rule(row: Any) -> QuietRule:
    scope, schedule = dict(row.scope), dict(row.schedule)
    return KINDS[QuietKind(row.kind)](
        id=row.id,
        held=row.held,
        scope=Scope(
            asset=scope["asset"],
            labels=tuple((name, value) for name, value in scope["labels"]),
            signature=scope["signature"],
            ceiling=Severity(scope["ceiling"]),
            incident=scope.get("incident"),
        ),
        schedule=Schedule(
            first=datetime.fromisoformat(schedule["first"]),
            length=timedelta(microseconds=schedule["length"]),
            timezone=schedule["timezone"],
            rule=schedule["rule"],
            until=datetime.fromisoformat(schedule["until"]) if schedule["until"] else None,
            on_the_wall=schedule["on_the_wall"],
        ),
        **{name: getattr(row, name) for name in _PLAIN},
    )


def _to_row(rule: QuietRule) -> dict[str, Any]:
    scope, schedule = rule.scope, rule.schedule
    return {name: getattr(rule, name) for name in _PLAIN} | {
        "kind": rule.kind.value,
        "scope": {
            "asset": scope.asset,
            "labels": [list(pair) for pair in scope.labels],
            "signature": scope.signature,
            "ceiling": scope.ceiling.value,
            "incident": scope.incident,
        },
        "schedule": {
            "first": schedule.first.isoformat(),
            "length": schedule.length // timedelta(microseconds=1),
            "timezone": schedule.timezone,
            "rule": schedule.rule,
            "until": schedule.until.astimezone(UTC).isoformat() if schedule.until else None,
            "on_the_wall": schedule.on_the_wall,
        },
    }


class QuietRules:
    """`count` is gathered and sent by `flush`; everything else is written at once."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._counted: dict[int, tuple[int, datetime]] = {}

    async def get(self, rule_id: int, *, lock: bool = True) -> QuietRule | None:
        statement = sa.select(table).where(table.c.id == rule_id)
        statement = locked(self._tx, statement) if lock else statement
        row = (await self._tx.connection.execute(statement)).first()
        return _to_rule(row) if row else None

    async def unfinished(self, company_ids: Collection[int]) -> Sequence[QuietRule]:
        """Those that people confirmed and that are not over, of these companies, oldest first."""
        found: list[QuietRule] = []
        for some in chunks(sorted(company_ids)):
            statement = (
                sa.select(table)
                .where(
                    table.c.company_id.in_(some),
                    table.c.finished_at.is_(None),
                    table.c.confirmed_at.is_not(None),
                )
                .order_by(table.c.id)
            )
            found.extend(_to_rule(row) for row in await self._tx.connection.execute(statement))
        return found

    async def add(self, rule: QuietRule) -> QuietRule:
        statement = sa.insert(table).values(**_to_row(rule)).returning(table.c.id)
        number = (await self._tx.connection.execute(statement)).scalar_one()
        return replace(rule, id=number)

    async def change(self, rule: QuietRule, *, turn_at: datetime | None) -> None:
        """`turn_at` is when it next begins or ends; None when it never does again."""
        statement = sa.update(table).where(table.c.id == rule.id)
        await self._tx.connection.execute(statement.values(**_to_row(rule), turn_at=turn_at))

    async def awaited(self, now: datetime, *, most: int = 1000) -> Sequence[tuple[int, int]]:
        """(company id, rule id) of what should have begun or ended by now: what a sweep looks after."""
        statement = (
            sa.select(table.c.company_id, table.c.id)
            .where(table.c.turn_at <= now)
            .order_by(table.c.turn_at)
            .limit(most)
        )
        return [(row.company_id, row.id) for row in await self._tx.connection.execute(statement)]

    async def forget_drafts(self, *, before: datetime) -> None:
        """Previews that nobody confirmed."""
        statement = sa.delete(table).where(table.c.confirmed_at.is_(None), table.c.created_at < before)
        await self._tx.connection.execute(statement)

    async def totals(self) -> Mapping[str, tuple[int, int]]:
        """By kind: how many are not over, and how many alerts all of them have ever held."""
        open_now = sa.and_(table.c.finished_at.is_(None), table.c.confirmed_at.is_not(None))
        statement = sa.select(
            table.c.kind,
            sa.func.sum(sa.case((open_now, 1), else_=0)).label("unfinished"),
            sa.func.sum(table.c.held).label("held"),
        ).group_by(table.c.kind)
        rows = await self._tx.connection.execute(statement)
        return {row.kind: (int(row.unfinished), int(row.held)) for row in rows}

    def count(self, rule_id: int, times: int, *, now: datetime) -> None:
        """So many more are held. At the latest `flush` raises Conflict when nothing can be held by it any more: it was
        ended or closed meanwhile, and whoever closed it has not seen these."""
        self._counted[rule_id] = (self._counted.get(rule_id, (0, now))[0] + times, now)

    async def flush(self) -> None:
        for rule_id, (times, now) in sorted(self._counted.items()):
            statement = (
                sa.update(table)
                .where(
                    table.c.id == rule_id,
                    table.c.finished_at.is_(None),
                    sa.or_(table.c.ended_at.is_(None), table.c.ended_at > now),
                    sa.or_(table.c.closed_until.is_(None), table.c.closed_until <= now),
                )
                .values(held=table.c.held + times)
            )
            if (await self._tx.connection.execute(statement)).rowcount != 1:
                raise Conflict("the quiet was over before this was held")
        self._counted.clear()

    async def held_like(
        self, rule_ids: Collection[int], *, prints: Collection[str], keys: Collection[str]
    ) -> Sequence[StoredAlert]:
        """What these hold now under these fingerprints or correlation keys; locked, so that nobody hears it
        meanwhile."""
        found: dict[str, StoredAlert] = {}
        for column, names in ((alerts.c.fingerprint, prints), (alerts.c.correlation_key, keys)):
            for some in chunks(sorted(names)):
                statement = sa.select(*COLUMNS).where(
                    alerts.c.held_by.in_(sorted(rule_ids)), column.in_(some), _HELD
                )
                statement = locked(self._tx, statement.order_by(alerts.c.id))
                for row in await self._tx.connection.execute(statement):
                    found[row.id] = to_alert(row)
        return list(found.values())

    async def keys_of(self, company_id: int, incident_ids: Collection[int]) -> Mapping[int, frozenset[str]]:
        """The keys that each incident holds now, its own with them; of one that is part of another, those that were
        its."""
        ids = sorted(incident_ids)
        found: dict[int, set[str]] = {one: set() for one in ids}
        own = sa.select(incidents.c.id, incidents.c.correlation_key).where(
            incidents.c.company_id == company_id, incidents.c.id.in_(ids)
        )
        for row in await self._tx.connection.execute(own):
            found[row.id].add(row.correlation_key)
        table_ = joined_keys.c
        joined = sa.select(table_.incident_id, table_.came_from, table_.correlation_key).where(
            table_.company_id == company_id, sa.or_(table_.incident_id.in_(ids), table_.came_from.in_(ids))
        )
        for row in await self._tx.connection.execute(joined):
            for number in {row.incident_id, row.came_from} & found.keys():
                found[number].add(row.correlation_key)
        return {one: frozenset(keys) for one, keys in found.items()}

    async def firing(
        self, rule_id: int, *, most: int, beyond: Collection[str] | None = None
    ) -> Sequence[StoredAlert]:
        """What this holds and still fires, oldest first; locked. `beyond` leaves those keys out."""
        statement = (
            sa.select(*COLUMNS)
            .where(alerts.c.held_by == rule_id, _HELD, alerts.c.status == AlertStatus.FIRING.value)
            .order_by(alerts.c.id)
            .limit(most)
        )
        if beyond is not None:
            statement = statement.where(alerts.c.correlation_key.not_in(sorted(beyond)))
        rows = await self._tx.connection.execute(locked(self._tx, statement))
        return [to_alert(row) for row in rows]

    async def tally(self, rule_id: int, *, since: datetime) -> Sequence[Tally]:
        """What this has held since then, by asset, signature and severity."""
        names = (alerts.c.asset_name, alerts.c.title, alerts.c.severity)
        statement = (
            sa.select(*names, sa.func.sum(alerts.c.count).label("times"))
            .where(_held_in(rule_id, since))
            .group_by(*names)
        )
        rows = await self._tx.connection.execute(statement)
        return [Tally(row.asset_name, row.title, Severity(row.severity), int(row.times)) for row in rows]

    async def heard(self, rule_id: int, *, since: datetime) -> Sequence[int]:
        """The incidents that what this has held since then came to."""
        statement = (
            sa.select(alerts.c.incident_id)
            .where(_held_in(rule_id, since), alerts.c.incident_id.is_not(None))
            .distinct()
        )
        return sorted((await self._tx.connection.execute(statement)).scalars())

    async def history(self, company_id: int, *, since: datetime, most: int) -> Sequence[PastAlert]:
        """The company's alerts that began since then, newest first: what a preview counts."""
        found: list[PastAlert] = []
        newest: sa.ColumnElement[bool] = sa.true()
        while len(found) < most:  # page by page, so that others get their turn in between
            statement = (
                sa.select(alerts.c.id, *_PAST)
                .where(alerts.c.id > floor_of(since), newest, alerts.c.company_id == company_id)
                .order_by(alerts.c.id.desc())
                .limit(min(PAGE, most - len(found)))
            )
            rows: Sequence[Any] = (await self._tx.connection.execute(statement)).all()
            found.extend(
                PastAlert(name, asset, signature, title, Severity(severity), labels, count, first_at, last_at)
                for _, name, asset, signature, title, severity, labels, count, first_at, last_at in rows
            )
            if len(rows) < PAGE:
                break
            newest = alerts.c.id < rows[-1].id
        return found

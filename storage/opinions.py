"""Opinions of models on incidents, and what asking has cost each company on each day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from engine.alert import Severity
from engine.opinion import Opinion, Spent, Use
from storage import dialect
from storage.opinion_tables import model_usage, opinions

if TYPE_CHECKING:
    from storage.transaction import Transaction

_SUMS = ("asked", "failed", "tokens_in", "tokens_out", "micros")


class Opinions:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def of(self, company_id: int, incident_id: int) -> Sequence[Opinion]:
        statement = sa.select(opinions.c.use, opinions.c.model, opinions.c.body).where(
            opinions.c.incident_id == incident_id, opinions.c.company_id == company_id
        )
        rows = await self._tx.connection.execute(statement.order_by(opinions.c.use))
        return [
            Opinion(
                use=Use(row.use),
                model=row.model,
                confidence=row.body["confidence"],
                evidence=tuple(row.body["evidence"]),
                lines=tuple(row.body["lines"]),
                category=row.body["category"],
                severity=Severity(row.body["severity"]) if row.body["severity"] else None,
                runbook=row.body["runbook"],
            )
            for row in rows
        ]

    async def put(self, company_id: int, incident_id: int, opinion: Opinion, *, now: datetime) -> None:
        body = asdict(opinion)
        use, model = body.pop("use").value, body.pop("model")
        values = {
            "incident_id": incident_id,
            "use": use,
            "company_id": company_id,
            "model": model,
            "at": now,
            "body": body,
        }
        statement = dialect.insert(self._tx.dialect, opinions).values(**values)
        changed = {name: statement.excluded[name] for name in ("model", "at", "body")}
        statement = statement.on_conflict_do_update(index_elements=["incident_id", "use"], set_=changed)
        await self._tx.connection.execute(statement)

    async def tokens(self, company_id: int, day: date) -> int:
        """What the day has cost the company so far."""
        used = sa.func.coalesce(sa.func.sum(model_usage.c.tokens_in + model_usage.c.tokens_out), 0)
        statement = sa.select(used).where(
            model_usage.c.company_id == company_id, model_usage.c.day == day.isoformat()
        )
        return int((await self._tx.connection.execute(statement)).scalar_one())

    async def spend(self, company_id: int, day: date, spent: Iterable[Spent]) -> None:
        for one in spent:
            values = asdict(one) | {"company_id": company_id, "day": day.isoformat()}
            statement = dialect.insert(self._tx.dialect, model_usage).values(**values)
            sums = {name: model_usage.c[name] + statement.excluded[name] for name in _SUMS}
            statement = statement.on_conflict_do_update(
                index_elements=["company_id", "day", "model"], set_=sums
            )
            await self._tx.connection.execute(statement)

    async def spent(self, company_id: int, *, since: date, until: date) -> Sequence[Spent]:
        """Each model's sum over the days from `since` up to but without `until`."""
        sums = [sa.func.sum(model_usage.c[name]).label(name) for name in _SUMS]
        statement = (
            sa.select(model_usage.c.model, *sums)
            .where(
                model_usage.c.company_id == company_id,
                model_usage.c.day >= since.isoformat(),
                model_usage.c.day < until.isoformat(),
            )
            .group_by(model_usage.c.model)
            .order_by(model_usage.c.model)
        )
        rows = await self._tx.connection.execute(statement)
        return [Spent(model=row.model, **{name: int(getattr(row, name)) for name in _SUMS}) for row in rows]

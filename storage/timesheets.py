"""What a timesheet is made of: the plain rows of one company and month, read when somebody asks."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from engine.alert import normal_signature
from engine.incident import OPEN_STATUSES, TEST_SIGNATURE, TEST_TOOL
from engine.timesheet import Stretch
from storage.tables import incidents, timeline, users

if TYPE_CHECKING:
    from storage.transaction import Transaction

_SLICE = 500


async def stretches(tx: Transaction, company_id: int, *, since: datetime, until: datetime) -> list[Stretch]:
    """What people had in hand and was resolved in that time, the first first."""
    table = incidents
    statement = (
        sa.select(table, users.c.name.label("person"))
        .join(users, users.c.id == table.c.assignee_id)
        .where(table.c.company_id == company_id, table.c.merged_into.is_(None))
        .where(table.c.claimed_at.is_not(None), table.c.status.not_in([one.value for one in OPEN_STATUSES]))
        .where(table.c.resolved_at >= since, table.c.resolved_at < until)
        .order_by(table.c.resolved_at, table.c.id)
    )
    test = normal_signature(TEST_SIGNATURE)
    rows = [
        row
        for row in await tx.connection.execute(statement)
        if not (list(row.tools) == [TEST_TOOL] and row.signature == test)
    ]
    acts = await _acts(tx, company_id, {row.id: row.person for row in rows})
    return [
        Stretch(
            incident_id=row.id,
            title=row.title,
            asset_name=row.asset_name,
            severity=row.severity,
            person=row.person,
            begun_at=row.claimed_at,
            ended_at=row.resolved_at,
            acts=acts[row.id],
        )
        for row in rows
    ]


async def _acts(tx: Transaction, company_id: int, owners: dict[int, str]) -> dict[int, list[datetime]]:
    """When each incident's owner did something, by the story."""
    found: dict[int, list[datetime]] = defaultdict(list)
    ids = sorted(owners)
    for first in range(0, len(ids), _SLICE):
        statement = sa.select(timeline.c.incident_id, timeline.c.at, timeline.c.actor).where(
            timeline.c.company_id == company_id, timeline.c.incident_id.in_(ids[first : first + _SLICE])
        )
        for row in await tx.connection.execute(statement.order_by(timeline.c.id)):
            if row.actor == owners[row.incident_id]:
                found[row.incident_id].append(row.at)
    return found

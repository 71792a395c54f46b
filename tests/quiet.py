"""What tests of quiet start from and look at."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from bot.core import Core
from engine.incident import Incident
from engine.operations import silence
from engine.operations.silence import Wish
from engine.operations.turn import turn
from engine.schedule import between
from engine.suppression import QuietKind, QuietRule, Scope
from storage.intake_tables import intake_lines
from storage.tables import alerts as alerts_table
from storage.tables import jobs as jobs_table
from storage.transaction import Transaction
from tests import given
from tests.clock import TestClock
from tests.given import World

HOUR = timedelta(hours=1)


def a_wish(world: World, kind: QuietKind = QuietKind.SILENCE, **changes) -> Wish:
    now = world.core.clock.now()
    values: dict[str, Any] = {
        "kind": kind,
        "company_id": world.acme.id,
        "scope": Scope(asset="web-01"),
        "schedule": between(now, now + 2 * HOUR),
        "reason": "new disk",
    }
    return Wish(**values | changes)


async def add(world: World, kind: QuietKind = QuietKind.SILENCE, *, by=None, **changes) -> QuietRule:
    actor = given.actor(by or world.root)
    wish = a_wish(world, kind, **changes)
    rule = await world.core.write(lambda tx: silence.add(tx, wish, actor=actor, now=world.core.clock.now()))
    await turned(world, rule)
    return rule


async def turned(world: World, rule: QuietRule, core: Core | None = None) -> None:
    """As the worker does it: the job is taken, and what it puts is there afterwards."""
    chosen = core or world.core

    async def take(tx: Transaction) -> None:
        await tx.connection.execute(sa.delete(jobs_table).where(jobs_table.c.key == f"quiet:{rule.id}"))
        await turn(tx, rule.id, chosen.clock.now())

    await chosen.write(take)


async def fresh(world: World, rule: QuietRule) -> QuietRule:
    found = await world.core.read(lambda tx: tx.quiet.get(rule.id))
    assert found is not None
    return found


async def due(world: World, key: str) -> datetime | None:
    async with world.core.database.reading() as tx:
        statement = sa.select(jobs_table.c.due_at).where(jobs_table.c.key == key)
        found: datetime | None = (await tx.connection.execute(statement)).scalar()
        return found


async def receipts(world: World) -> list[tuple[str, str]]:
    async with world.core.database.reading() as tx:
        rows = await tx.connection.execute(sa.select(intake_lines).order_by(intake_lines.c.id))
        return [(row.text, row.body) for row in rows if "is over" in row.text]


async def incidents(world: World) -> list[Incident]:
    return list(await world.core.read(lambda tx: tx.incidents.listed(company_ids=None, open_only=None)))


async def story(world: World, incident: Incident) -> list[str]:
    return [one.text for one in await world.core.read(lambda tx: tx.timeline.of_incident(incident.id))]


async def kept(world: World) -> list[tuple[str, str, int, int | None]]:
    """(asset, status, count, incident) of every alert in the database."""
    async with world.core.database.reading() as tx:
        rows = await tx.connection.execute(sa.select(alerts_table).order_by(alerts_table.c.id))
        return [
            (one["asset_name"], one["status"], one["count"], one["incident_id"]) for one in rows.mappings()
        ]


def clock_at(world: World, moment: datetime) -> None:
    assert isinstance(world.core.clock, TestClock)
    world.core.clock.advance(seconds=(moment - world.core.clock.now()).total_seconds())

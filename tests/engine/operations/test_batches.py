"""Whatever arrives, in batches of whatever size, with people acting in between: the same incidents, true counts."""

from __future__ import annotations

import asyncio
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import given as examples
from hypothesis import strategies as st

from bot.core import Core
from bot.settings import Settings
from engine.alert import Alert, AlertStatus, Severity
from engine.errors import Refused
from engine.operations import respond
from engine.operations.ingest import ingest
from engine.routing import weight
from runbooks.catalogue import Catalogue
from storage.database import Database
from storage.secrets import Vault
from storage.tables import alerts, incidents, sla_clocks, users
from tests import given
from tests.clock import TestClock
from tests.given import World


@dataclass(frozen=True)
class Act:
    """A person does something to the incident with this place in the list of all."""

    verb: str
    place: int


Step = tuple[Alert, ...] | Act | timedelta
"""What arrives at one moment, in order; or an act; or time that passes."""


@st.composite
def one_alert(draw: st.DrawFn) -> Alert:
    asset = draw(st.sampled_from(["web-01", "db-01"]))
    tool = draw(st.sampled_from(["prometheus", "zabbix", "generic"]))
    key = draw(st.sampled_from([None, "a", "b"]))
    return given.alert(
        asset,
        draw(st.sampled_from(["Disk full", "cpu load"])),
        tool=tool,
        resolved=draw(st.booleans()),
        severity_word=draw(st.sampled_from(["critical", "low", "info"])),
        dedup_key=key and f"{asset}-{tool}-{key}",
    )


ALERTS = st.lists(one_alert(), min_size=1, max_size=8).map(tuple)
ACTS = st.builds(Act, st.sampled_from(["claim", "resolve", "unclaim", "reopen", "assign"]), st.integers(0, 3))
TIME = st.sampled_from([timedelta(minutes=5), timedelta(minutes=61)])
STREAM = st.lists(st.one_of(ALERTS, ALERTS, ACTS, TIME), min_size=1, max_size=8)


async def play(core: Core, clock: TestClock, stream: Sequence[Step], size: int) -> World:
    """Let it all happen, with `size` deliveries to a transaction."""
    world = await given.world(core)
    for step in stream:
        if isinstance(step, timedelta):
            clock.advance(seconds=step.total_seconds())
        elif isinstance(step, Act):
            await _act(world, step)
        else:
            deliveries = [given.delivery(world.acme, one) for one in step]
            for start in range(0, len(deliveries), size):
                some = deliveries[start : start + size]
                await core.write(partial(ingest, deliveries=some, now=clock.now()))
    return world


async def _act(world: World, act: Act) -> None:
    in_order = sa.select(incidents.c.id).order_by(incidents.c.correlation_key, incidents.c.id)
    ids = [one["id"] for one in await rows(world.core, in_order)]
    if act.place >= len(ids):
        return
    more: dict[str, Any] = {"to": world.bob.id} if act.verb == "assign" else {}
    actor, now = given.actor(world.ada), world.core.clock.now()
    try:
        await world.core.write(
            lambda tx: getattr(respond, act.verb)(tx, ids[act.place], actor=actor, now=now, **more)
        )
    except Refused:
        return  # as a person would be told; nothing has changed


async def rows(core: Core, statement: Any) -> list[dict[str, Any]]:
    async with core.database.reading() as tx:
        return [dict(row._mapping) for row in await tx.connection.execute(statement)]


NOT_COMPARED = {
    "id",
    "revision",
    "assignee_id",
    "assigned_reason",
    "opened_reason",
    "last_action",
    "last_action_at",
    "related",
    "cause",
    "confidence",
}


async def outcome(core: Core) -> tuple[list[Any], list[Any]]:
    """Every incident and alert, without what depends on who happened to be routed or on numbers. What was merged is
    told by the incident that it is part of."""
    found = await rows(core, sa.select(incidents).where(incidents.c.merged_into.is_(None)))
    keys = {one["id"]: (one["correlation_key"], one["opened_at"]) for one in found}
    plain = [{name: value for name, value in one.items() if name not in NOT_COMPARED} for one in found]
    for one in plain:
        one["status"] = "new" if one["status"] == "assigned" else one["status"]
    told = [
        (keys.get(one["incident_id"]), one["fingerprint"], one["count"], one["status"], one["severity"])
        for one in await rows(core, sa.select(alerts))
    ]
    return sorted(plain, key=str), sorted(told, key=str)


async def check_what_always_holds(core: Core) -> None:
    found = await rows(core, sa.select(incidents))
    still_firing = sa.select(alerts.c.incident_id).where(alerts.c.status == AlertStatus.FIRING.value)
    firing = Counter(one["incident_id"] for one in await rows(core, still_firing))
    assert {one["id"]: one["firing"] for one in found} == {one["id"]: firing[one["id"]] for one in found}
    still = [one["correlation_key"] for one in found if one["is_open"]]
    assert len(still) == len(set(still))
    loads = Counter(one["assignee_id"] for one in found if one["is_open"])
    people = await rows(core, sa.select(users.c.id, users.c.open_incidents))
    assert {one["id"]: one["open_incidents"] for one in people} == {
        one["id"]: loads[one["id"]] for one in people
    }
    weights: Counter[int] = Counter()
    for one in found:
        if one["is_open"] and one["assignee_id"] is not None:
            weights[one["assignee_id"]] += weight(Severity(one["severity"]))
    heavy = await rows(core, sa.select(users.c.id, users.c.load_weight))
    assert {one["id"]: one["load_weight"] for one in heavy} == {
        one["id"]: weights[one["id"]] for one in heavy
    }
    clocks = await rows(core, sa.select(sla_clocks))
    shut = {one["id"] for one in found if not one["is_open"]}
    merged = {one["id"] for one in found if one["merged_into"] is not None}
    assert all(one["met_at"] is not None for one in clocks if one["incident_id"] in shut - merged)
    assert all(one["paused_at"] is not None for one in clocks if one["incident_id"] in merged)
    async with core.database.reading() as tx:
        for company_id in await tx.audit.companies():
            places = [entry.seq async for entry in tx.audit.chain(company_id)]
            assert places == list(range(1, len(places) + 1))


class Trial:
    """Fresh worlds on copies of the migrated template, one after another."""

    def __init__(self, template: Path, catalogue: Catalogue, vault: Vault) -> None:
        self.template, self.catalogue, self.vault = template, catalogue, vault

    async def __call__(self, stream: Sequence[Step], size: int) -> tuple[list[Any], list[Any]]:
        with tempfile.TemporaryDirectory(prefix="aw-trial-") as folder:
            path = Path(folder) / "trial.db"
            shutil.copyfile(self.template, path)
            url = f"sqlite+aiosqlite:///{path}"
            database = Database(url, self.vault)
            clock = TestClock()
            core = Core(
                settings=Settings(aw_database_url=url),
                database=database,
                clock=clock,
                catalogue=self.catalogue,
            )
            try:
                await play(core, clock, stream, size)
                await check_what_always_holds(core)
                return await outcome(core)
            finally:
                await database.close()

    def run(self, stream: Sequence[Step], *sizes: int) -> list[tuple[list[Any], list[Any]]]:
        async def each() -> list[tuple[list[Any], list[Any]]]:
            return [await self(stream, size) for size in sizes]

        with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
            return runner.run(each())


@pytest.fixture(scope="module")
def trial(sqlite_template: Path, catalogue: Catalogue, vault: Vault) -> Trial:
    return Trial(sqlite_template, catalogue, vault)


@examples(stream=STREAM, size=st.integers(2, 8))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_batch_is_its_alerts_one_by_one(trial: Trial, stream: Sequence[Step], size: int) -> None:
    one_by_one, batched = trial.run(stream, 1, size)
    assert batched == one_by_one


@examples(
    alerts=st.lists(one_alert().filter(lambda one: one.status is AlertStatus.FIRING), max_size=8),
    dice=st.randoms(use_true_random=False),
)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_alerts_of_one_moment_may_come_in_any_order(
    trial: Trial, alerts: list[Alert], dice: random.Random
) -> None:
    def told(found: tuple[list[Any], list[Any]]) -> Any:
        plain = [
            {
                name: one[name]
                for name in ("correlation_key", "severity", "count", "firing", "status", "opened_at")
            }
            | {"tools": sorted(one["tools"])}
            for one in found[0]
        ]
        return sorted(plain, key=str), sorted(
            ((key, print_, count) for key, print_, count, _, _ in found[1]), key=str
        )

    shuffled = dice.sample(alerts, len(alerts))
    (as_sent,), (otherwise,) = (
        trial.run([tuple(some)], 8) if some else [([], [])] for some in (alerts, shuffled)
    )
    assert told(as_sent) == told(otherwise)


def test_a_thousand_alerts_in_one_delivery_are_all_counted(trial: Trial) -> None:
    stream = [tuple(given.alert(f"m-{index % 7}", f"Disk {index}% full") for index in range(1000))]
    (found,) = trial.run(stream, 1000)
    assert len(found[0]) == 7 and sum(one["count"] for one in found[0]) == 1000

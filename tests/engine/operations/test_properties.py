"""What holds of any stream: companies never meet in an incident; merge and split undo each other."""

from __future__ import annotations

import asyncio
import random
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import given as examples
from hypothesis import strategies as st

from bot.core import Core
from bot.settings import Settings
from engine.alert import Alert
from engine.operations import regroup
from engine.operations.ingest import ingest
from runbooks.catalogue import Catalogue
from storage.database import Database
from storage.grouping_tables import joined_keys
from storage.pictures import PictureStore
from storage.secrets import Vault
from storage.tables import alerts as alerts_table
from storage.tables import incidents as incidents_table
from storage.tables import sla_clocks
from tests import given
from tests.clock import TestClock
from tests.given import World

SKEW = timedelta(minutes=5)
ASSETS, WHAT = (
    ("db-01", "web-01", "shop", "till"),
    ("Host unreachable", "HTTP 500", "Disk / 93% full", "Queue stuck"),
)
RARELY = settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


class Fresh:
    """Worlds on copies of the migrated template, one after another."""

    def __init__(self, template: Path, catalogue: Catalogue, vault: Vault) -> None:
        self.template, self.catalogue, self.vault = template, catalogue, vault

    def run(self, play: Callable[[World, TestClock], Awaitable[None]]) -> None:
        async def act() -> None:
            with tempfile.TemporaryDirectory(prefix="aw-properties-") as folder:
                path = Path(folder) / "fresh.db"
                shutil.copyfile(self.template, path)
                url = f"sqlite+aiosqlite:///{path}"
                database, clock = Database(url, self.vault), TestClock()
                core = Core(
                    settings=Settings(aw_database_url=url),
                    database=database,
                    clock=clock,
                    catalogue=self.catalogue,
                )
                try:
                    await play(await given.world(core), clock)
                finally:
                    await database.close()

        with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
            runner.run(act())


@pytest.fixture(scope="module")
def fresh(sqlite_template: Path, catalogue: Catalogue, vault: Vault) -> Fresh:
    return Fresh(sqlite_template, catalogue, vault)


async def same_estate(world: World) -> None:
    """Both companies have machines of the same names that depend on one another in the same way."""

    async def build(tx: Any) -> None:
        for company in (world.acme, world.globex):
            for name in ("shop", "till"):
                await given.asset(tx, company, name, depends_on=("db-01",))

    await world.core.write(build)


async def rows(world: World, statement: Any) -> list[dict[str, Any]]:
    async with world.core.database.reading() as tx:
        return [dict(one._mapping) for one in await tx.connection.execute(statement)]


def one_alert() -> st.SearchStrategy[tuple[bool, Alert]]:
    """(is it Globex's?, what it says): the same names and words in both companies, with clocks that are wrong."""
    return st.builds(
        lambda theirs, asset, what, other, skew, resolved: (
            theirs,
            given.alert(
                asset,
                what,
                message=f"seen from {other}",
                labels={"trace_id": "4bf9"},
                occurred_at=TestClock().now() + skew,
                resolved=resolved,
            ),
        ),
        st.booleans(),
        st.sampled_from(ASSETS),
        st.sampled_from(WHAT),
        st.sampled_from(ASSETS),
        st.timedeltas(-SKEW, SKEW),
        st.sampled_from([False, False, False, True]),
    )


@examples(
    stream=st.lists(one_alert(), min_size=4, max_size=14),
    dice=st.randoms(use_true_random=False),
)
@RARELY
def test_whatever_order_repeats_clocks_and_delays_no_incident_has_two_companies(
    fresh: Fresh, stream: list[tuple[bool, Alert]], dice: random.Random
) -> None:
    """Out of order, said twice, five minutes off, hours late; two companies with the same names in one transaction."""
    arriving = [*stream, *dice.choices(stream, k=len(stream) // 2)]
    dice.shuffle(arriving)

    async def play(world: World, clock: TestClock) -> None:
        await same_estate(world)
        place = 0
        while place < len(arriving):
            some = arriving[place : place + dice.randint(1, 5)]
            place += len(some)
            deliveries = [given.delivery(world.globex if theirs else world.acme, one) for theirs, one in some]
            await world.core.write(lambda tx, d=deliveries: ingest(tx, d, clock.now()))  # type: ignore[misc]
            clock.advance(seconds=dice.choice([0, 2, 40, 600, 7200]))
            if dice.random() < 0.2:
                world.core.database._pictures = PictureStore()
        whose = {one["id"]: one["company_id"] for one in await rows(world, sa.select(incidents_table))}
        for table in (alerts_table, joined_keys, sla_clocks):
            for one in await rows(world, sa.select(table)):
                if one["incident_id"] is not None:
                    assert whose[one["incident_id"]] == one["company_id"]
        for one in await rows(world, sa.select(incidents_table)):
            others = [*one["related"], *([one["merged_into"]] if one["merged_into"] else [])]
            assert all(whose[other] == one["company_id"] for other in others)

    fresh.run(play)


NOT_COMPARED = (
    "revision",
    "last_action",
    "last_action_at",
    "related",
    "track",
    "last_alert_at",
    "severity",
    "tools",
)
"""What a person may have acted on does not fall back by a split: the worst severity, and what it is related to now."""


async def picture_of(world: World) -> tuple[Any, Any, Any]:
    found = await rows(world, sa.select(incidents_table).order_by(incidents_table.c.id))
    plain = [{name: one[name] for name in one if name not in NOT_COMPARED} for one in found]
    said = await rows(world, sa.select(alerts_table).order_by(alerts_table.c.id))
    keys = await rows(world, sa.select(joined_keys).order_by(joined_keys.c.correlation_key))
    return plain, said, [(one["correlation_key"], one["incident_id"], one["came_from"]) for one in keys]


@examples(
    stream=st.lists(
        st.tuples(st.sampled_from(("alpha", "bravo", "corax", "db-01", "shop")), st.sampled_from(WHAT)),
        min_size=2,
        max_size=9,
    ),
    dice=st.randoms(use_true_random=False),
)
@RARELY
def test_merge_and_split_undo_each_other(
    fresh: Fresh, stream: list[tuple[str, str]], dice: random.Random
) -> None:
    async def play(world: World, clock: TestClock) -> None:
        await same_estate(world)
        for asset, what in stream:
            await world.tell(given.alert(asset, what))
            clock.advance(seconds=dice.choice([1, 700]))
        still = [one["id"] for one in await rows(world, sa.select(incidents_table)) if one["is_open"]]
        if len(still) < 2:
            return
        absorbed, into = dice.sample(still, 2)
        kim, before = given.actor(world.kim), await picture_of(world)
        await world.core.write(lambda tx: regroup.merge(tx, absorbed, into=into, actor=kim, now=clock.now()))
        assert (await picture_of(world))[1] != before[1], "its alerts are the other's"
        await world.core.write(
            lambda tx: regroup.split(tx, into, f"INC-{absorbed}", actor=kim, now=clock.now())
        )
        assert await picture_of(world) == before

    fresh.run(play)

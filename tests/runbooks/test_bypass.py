"""Nothing gets around an approval, whatever is tried; and a race of approvals is one run."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from bot.core import Core
from engine.audit import AuditKind
from engine.errors import Refused
from runbooks.carry_out import Send
from runbooks.operations import carry
from runbooks.run import Run
from storage.database import Database
from storage.secrets import Vault
from tests import given
from tests.given import World
from tests.runbooks.bypass import ATTEMPTS, Campaign
from tests.runbooks.test_stored_runs import approving, asked

ATTEMPTS_MADE = int(os.environ.get("AW_BYPASS_ATTEMPTS", "300"))
RACES = int(os.environ.get("AW_APPROVAL_RACES", "40"))
SEED = int(os.environ.get("AW_SEED", "20261124"))


async def test_no_attempt_to_get_around_an_approval_starts_anything(world: World) -> None:
    campaign = Campaign(world, SEED)
    before = await campaign.proofs()
    await campaign.make(ATTEMPTS_MADE)
    assert await campaign.started() == []
    assert set(campaign.made) == set(ATTEMPTS)
    proofs = await campaign.proofs()
    refused = proofs[AuditKind.REFUSED] - before[AuditKind.REFUSED]
    assert campaign.answers["own_request"]
    voided = proofs[AuditKind.RUN_VOIDED] - before[AuditKind.RUN_VOIDED]
    agreed = campaign.made["approver revoked since"] + campaign.made["requester revoked since"]
    agreed += campaign.made["changed after the approval"]
    assert campaign.answers["done"] == agreed, "the only presses that were right"
    assert refused == ATTEMPTS_MADE - agreed, campaign.answers
    assert voided >= agreed
    assert AuditKind.RUN_STARTING not in proofs
    print(f"{ATTEMPTS_MADE} attempts, seed {SEED}: 0 runs; answers {dict(campaign.answers)}")


async def test_raced_approvals_on_two_replicas_are_one_run_each(world: World, replica: Core) -> None:
    cores, some = (world.core, replica), random.Random(SEED)
    second = await world.core.write(lambda tx: given.user(tx, "Rob", world.root.role))
    for _ in range(RACES):
        run = await asked(world, "restart-service", unit="nginx")
        pressing = [world.root, second] * some.randrange(1, 4)
        some.shuffle(pressing)
        answers = await asyncio.gather(
            *(some.choice(cores).write(approving(world, run, user)) for user in pressing),
            return_exceptions=True,
        )
        assert all(isinstance(one, Run | Refused) for one in answers), answers
        steps = await asyncio.gather(*(starting(some.choice(cores), run) for _ in range(3)))
        assert sum(step is not None and not step.look_first for step in steps) == 1
        await world.core.write(ending(world.core, run))
        world.core.clock.advance(minutes=2)  # type: ignore[attr-defined]  # not more in an hour than allowed


async def starting(core: Core, run: Run) -> Send | None:
    now = core.clock.now()
    return await core.write(lambda tx: carry.mark_starting(tx, run.id, catalogue=core.catalogue, now=now))


def ending(core: Core, run: Run) -> Callable[[Any], Any]:
    return lambda tx: carry.abandon(tx, run.id, "the test goes on", now=core.clock.now())


@pytest.fixture
async def replica(core: Core, database_url: str, vault: Vault) -> AsyncIterator[Core]:
    """A second process on the same database."""
    opened = Database(database_url, vault)
    yield Core(settings=core.settings, database=opened, clock=core.clock, catalogue=core.catalogue)
    await opened.close()

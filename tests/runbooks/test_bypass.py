"""Nothing gets around an approval, whatever is tried; and a race of approvals is one run.

Both go through two replicas in processes of their own. `make bench-approvals` takes 100,000 and 10,000 of them.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.clock import DatabaseClock
from bot.core import Core
from engine.audit import AuditKind
from storage.database import Database
from storage.secrets import Vault
from tests import given
from tests.conftest import PostgresServer
from tests.runbooks import races, replicas
from tests.runbooks.bypass import Campaign
from tests.runbooks.bypass_approvals import ATTEMPTS
from tests.runbooks.bypass_glass import GLASS

ATTEMPTS_MADE = int(os.environ.get("AW_BYPASS_ATTEMPTS", "200"))
LANES = int(os.environ.get("AW_BYPASS_LANES", "1"))
"""Campaigns side by side, each on a database of its own with two replicas of its own."""
RACES = int(os.environ.get("AW_APPROVAL_RACES", "12"))
SEED = int(os.environ.get("AW_SEED", "20261124"))
EVERY = ATTEMPTS | GLASS


@pytest.fixture
async def here(core: Core) -> Core:
    """With the time that other processes have, too."""
    return await timed(core)


async def timed(core: Core) -> Core:
    clock = DatabaseClock()
    await clock.agree(core.database)
    return replace(core, clock=clock)


@pytest.fixture
def more(backend: str, request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """The addresses of the databases of all lanes but the first."""
    if LANES == 1:
        yield []
        return
    assert backend == "postgresql", "several lanes are for PostgreSQL"
    server: PostgresServer = request.getfixturevalue("postgres")
    names = [server.create(server.template) for _ in range(LANES - 1)]
    yield [server.url_of(name) for name in names]
    for name in names:
        server.drop(name)


@pytest.fixture
async def cores(here: Core, more: list[str], vault: Vault) -> AsyncIterator[list[Core]]:
    """One for each lane."""
    found = [here]
    for url in more:
        settings = here.settings.model_copy(update={"aw_database_url": url})
        found.append(await timed(replace(here, settings=settings, database=Database(url, vault))))
    yield found
    for core in found[1:]:
        await core.database.close()


async def test_no_attempt_to_get_around_an_approval_starts_anything(
    cores: list[Core], tmp_path: Path
) -> None:
    count = -(-ATTEMPTS_MADE // len(cores))
    async with asyncio.TaskGroup() as lanes:
        tasks = [
            lanes.create_task(campaign(core, SEED + n, count, tmp_path / str(n)))
            for n, core in enumerate(cores)
        ]
    found = [task.result() for task in tasks]
    made, answers, doors = (sum((one[n] for one in found), Counter()) for n in range(3))
    presses, right = answers.total(), answers["done"]
    print(
        f"{presses} attempts on two processes, seed {SEED}: 0 runs;"
        f" {presses - right} refused and as many lines in the audit; {right} let go, ended before they started;"
        f" answers {dict(answers)}; doors {dict(doors)}; kinds {dict(made)}"
    )


async def campaign(
    core: Core, seed: int, count: int, ledger: Path
) -> tuple[Counter[str], Counter[str], Counter[str]]:
    """What was tried, what came back, and through which doors; every refusal is in the audit, and nothing started."""
    async with replicas.running(core, ledger) as both:
        one = Campaign(await given.world(core), both, seed)
        await one.prepare()
        before = await one.proofs()
        await one.make(count, EVERY)
    assert await one.started() == []
    assert sent(ledger) == []
    assert set(one.made) == set(EVERY)
    proofs = await one.proofs()
    assert AuditKind.RUN_STARTING not in proofs
    refused = one.answers.total() - one.answers["done"]
    assert proofs[AuditKind.REFUSED] - before[AuditKind.REFUSED] == refused, one.answers
    return one.made, one.answers, one.doors


def sent(ledger: Path) -> list[str]:
    return sorted(ledger.read_text().split())


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
async def test_raced_approvals_on_two_replicas_are_one_run_each(here: Core, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    async with replicas.running(here, ledger) as both:
        found = await races.run(here, both, RACES, SEED)
    assert sent(ledger) == sorted(found.runs)
    assert found.odd == []
    print(
        f"{RACES} races of approvals on two processes, seed {SEED}: {len(found.runs)} runs, one start each;"
        f" answers {dict(found.answers)}"
    )

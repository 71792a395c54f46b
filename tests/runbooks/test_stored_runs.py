"""The same operations on real databases: a run's whole way, and races between replicas."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from bot.core import Core
from engine.errors import Refused
from runbooks.carry_out import Outcome, act
from runbooks.operations import carry, decide, request
from runbooks.run import Run, RunStatus
from tests import given
from tests.given import World
from tests.runbooks.provider import GOING, SUCCEEDED, Provider, over


async def asked(world: World, runbook: str, **parameters: object) -> Run:
    answer = await world.tell(given.alert("web-01", "nginx service down"))
    number = int(given.results(answer)[0]["incident_id"].removeprefix("INC-"))
    core = world.core

    async def ask(tx: Any) -> Run:
        return await request.request(
            tx,
            await tx.incidents.get(number),
            core.catalogue.get(runbook),
            parameters,
            context=await tx.companies.context(world.acme.id),
            actor=given.actor(world.kim),
            now=core.clock.now(),
            reason="test",
        )

    return await core.write(ask)


async def carried(core: Core, run_id: str, provider: Provider) -> Run:
    """Carry the run on until it is over, as a worker would."""
    for _ in range(12):
        step = await core.write(
            lambda tx: carry.next_step(tx, run_id, catalogue=core.catalogue, now=core.clock.now())
        )
        if step is None:
            break
        outcome = await act(provider, step)
        await core.write(settling(core, run_id, outcome))
    return await stored(core, run_id)


def settling(core: Core, run_id: str, outcome: Outcome) -> Callable[[Any], Any]:
    return lambda tx: carry.settle(tx, run_id, outcome, now=core.clock.now())


async def stored(core: Core, run_id: str) -> Run:
    run = await core.read(lambda tx: tx.runs.get(run_id))
    assert run is not None
    return run


def approving(world: World, run: Run, user: Any) -> Callable[[Any], Any]:
    core = world.core
    return lambda tx: decide.approve(
        tx, run.id, run.digest, actor=given.actor(user), catalogue=core.catalogue, now=core.clock.now()
    )


async def test_an_approved_run_goes_its_way_and_is_stored_at_each_step(world: World) -> None:
    core, provider = world.core, Provider(polls=[GOING, over(SUCCEEDED, stdout="restarted", exit_code=0)])
    run = await asked(world, "restart-service", unit="nginx")
    assert await stored(core, run.id) == run
    await core.write(approving(world, run, world.root))
    done = await carried(core, run.id, provider)
    assert (done.status, done.outcome, done.results[0].stdout) == (RunStatus.SUCCEEDED, "fine", "restarted")
    assert done.decided_by == world.root.id
    assert provider.asked[0] == "start main"
    assert provider.asked.count("start main") == 1


async def test_two_admins_who_press_at_once_are_one_approval(world: World) -> None:
    core = world.core
    run = await asked(world, "clear-memory-cache")
    answers = await asyncio.gather(
        *(core.write(approving(world, run, user)) for user in (world.ada, world.root)), return_exceptions=True
    )
    assert sum(isinstance(answer, Run) for answer in answers) == 1
    (loser,) = [answer for answer in answers if isinstance(answer, Refused)]
    assert "is approved already by" in loser.reason


async def test_a_job_that_runs_on_two_replicas_at_once_sends_once(world: World) -> None:
    core, provider = world.core, Provider()
    run = await asked(world, "clear-memory-cache")
    await core.write(approving(world, run, world.root))

    async def replica() -> None:
        step = await core.write(
            lambda tx: carry.next_step(tx, run.id, catalogue=core.catalogue, now=core.clock.now())
        )
        assert step is not None
        outcome = await act(provider, step)
        await core.write(settling(core, run.id, outcome))

    await asyncio.gather(replica(), replica())
    assert provider.asked.count("start main") == 1


async def test_the_same_runbook_is_asked_for_twice_at_once_and_runs_once(world: World) -> None:
    first = await asked(world, "restart-service", unit="nginx")
    with pytest.raises(Refused, match="waits for an approval on web-01 already"):
        await asked(world, "restart-service", unit="nginx")
    core = world.core
    await core.write(lambda tx: decide.expire(tx, first.id, now=core.clock.now() + timedelta(minutes=31)))
    assert (await asked(world, "restart-service", unit="nginx")).status is RunStatus.PENDING_APPROVAL


async def test_the_requests_that_wait_are_found_whatever_is_over(world: World) -> None:
    core = world.core
    first = await asked(world, "restart-service", unit="nginx")
    other = await asked(world, "clear-memory-cache")
    assert set(await core.read(lambda tx: tx.runs.pending())) == {first.id, other.id}
    await core.write(lambda tx: decide.expire(tx, first.id, now=core.clock.now() + timedelta(minutes=31)))
    assert list(await core.read(lambda tx: tx.runs.pending())) == [other.id]

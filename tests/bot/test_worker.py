"""The worker: a long job keeps its lease, a failing one backs off or is buried, and stopping waits."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from bot import worker as worker_module
from bot.clock import DatabaseClock
from bot.core import Core
from bot.worker import Worker
from engine.errors import Permanent, Transient
from engine.jobs import Job, StartRun, SyncCard
from storage.tables import jobs

JOB = SyncCard(company_id=1, card_id="incident:1:slack")


class Script:
    """Effects that do what the test says."""

    def __init__(self, *acts) -> None:
        self.acts = list(acts)
        self.done: list[Job] = []
        self.given_up: list[Exception] = []

    async def perform(self, job: Job) -> None:
        act = self.acts.pop(0) if self.acts else None
        if isinstance(act, Exception):
            raise act
        if act is not None:
            await act()
        self.done.append(job)

    async def gave_up(self, _job: Job, error: Exception) -> None:
        self.given_up.append(error)


async def working(core: Core, script: Script, job: Job = JOB) -> tuple[Worker, asyncio.Task[None]]:
    made = Worker(core, {}, {})
    made._effects = script  # type: ignore[assignment]
    async with core.database.transaction() as tx:
        tx.jobs.put(job, due_at=core.clock.now())
    return made, asyncio.create_task(made.run())


async def until(what) -> None:
    for _ in range(400):
        if await what():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen")


async def waiting(core: Core) -> int:
    async with core.database.reading() as tx:
        return await tx.jobs.waiting()


async def stop(made: Worker, task: asyncio.Task[None]) -> None:
    made.stop()
    await asyncio.wait_for(task, 5)


async def test_a_job_that_takes_longer_than_a_lease_is_not_taken_by_another(core, clock, monkeypatch):
    monkeypatch.setattr(worker_module, "RENEW_EVERY", 0.02)
    gate = asyncio.Event()
    script, second = Script(gate.wait), Script()
    made, task = await working(core, script)
    await until(lambda: _is(lambda: not script.acts))
    other = Worker(core, {}, {})
    other._effects = second  # type: ignore[assignment]
    running = asyncio.create_task(other.run())
    for _ in range(6):
        clock.advance(seconds=2)
        await asyncio.sleep(0.1)
    assert second.done == []
    gate.set()
    await until(lambda: _nothing_waits(core))
    assert script.done == [JOB]
    await stop(made, task)
    await stop(other, running)


async def test_who_stood_still_and_took_its_job_again_keeps_the_second_lease(core, clock, monkeypatch):
    """One process may hold a job twice: its first try goes on after its lease was lost. The first ends nothing."""
    monkeypatch.setattr(worker_module, "RENEW_EVERY", 30.0)
    first, second = asyncio.Event(), asyncio.Event()
    script = Script(first.wait, second.wait)
    made, task = await working(core, script)
    await until(lambda: _is(lambda: len(script.acts) == 1))
    clock.advance(seconds=worker_module.LEASE.total_seconds() + 1)
    core.nudge.set()
    await until(lambda: _is(lambda: not script.acts))
    first.set()
    await until(lambda: _is(lambda: len(script.done) == 1))
    await asyncio.sleep(0.1)
    assert await waiting(core) == 1, "the second try still holds it"
    second.set()
    await until(lambda: _nothing_waits(core))
    await stop(made, task)


@pytest.mark.parametrize(
    ("job", "lasts"), [(JOB, "LEASE"), (StartRun(company_id=1, run_id="r"), "RUN_LEASE")]
)
async def test_a_run_stays_with_its_worker_for_longer(core, clock, job, lasts, monkeypatch):
    """Nothing else waits for long when a process dies; a run's start must be surely over before another looks."""
    monkeypatch.setattr(worker_module, "RENEW_EVERY", 0.02)
    gate = asyncio.Event()
    made, task = await working(core, Script(gate.wait), job)
    await until(lambda: _is(lambda: made._held))
    await asyncio.sleep(0.1)  # renewed meanwhile, and not for less
    async with core.database.reading() as tx:
        until_when = (await tx.connection.execute(sa.select(jobs.c.leased_until))).scalar_one()
    assert until_when - clock.now() == getattr(worker_module, lasts)
    gate.set()
    await until(lambda: _nothing_waits(core))
    await stop(made, task)


async def test_a_passing_fault_is_tried_again_when_the_other_side_says(core, clock):
    script = Script(Transient("slow down", retry_after=timedelta(seconds=30)))
    made, task = await working(core, script)
    await until(lambda: _put_off(core))
    assert script.done == []
    clock.advance(seconds=31)
    core.nudge.set()
    await until(lambda: _nothing_waits(core))
    assert script.done == [JOB]
    await stop(made, task)


async def test_what_is_due_soon_is_done_then_and_not_at_some_later_look(core, monkeypatch):
    monkeypatch.setattr(worker_module, "IDLE", 30.0)
    passing = DatabaseClock()
    await passing.agree(core.database)
    core = replace(core, clock=passing)
    script = Script(Transient("not yet", retry_after=timedelta(seconds=0.2)))
    made, task = await working(core, script)
    await until(lambda: _nothing_waits(core))
    assert script.done == [JOB]
    await stop(made, task)


async def test_what_cannot_be_mended_is_buried_and_told(core):
    script = Script(Permanent("no such channel"))
    made, task = await working(core, script)
    await until(lambda: _nothing_waits(core))
    assert [str(error) for error in script.given_up] == ["no such channel"]
    await stop(made, task)


async def test_a_bug_in_a_job_does_not_end_the_worker(core, clock):
    script = Script(ZeroDivisionError("a bug"))
    made, task = await working(core, script)
    await until(lambda: _put_off(core))
    clock.advance(seconds=60)
    core.nudge.set()
    await until(lambda: _nothing_waits(core))
    assert script.done == [JOB]
    await stop(made, task)


async def _put_off(core: Core) -> bool:
    """It failed, and waits for its next try."""
    async with core.database.reading() as tx:
        row = (await tx.connection.execute(sa.select(jobs.c.last_error, jobs.c.leased_until))).first()
    return row is not None and row.last_error is not None and row.leased_until is None


async def test_stopping_waits_for_what_is_under_way(core):
    gate = asyncio.Event()
    script = Script(gate.wait)
    made, task = await working(core, script)
    await until(lambda: _is(lambda: not script.acts))
    made.stop()
    await asyncio.sleep(0.05)
    assert not task.done()
    gate.set()
    await asyncio.wait_for(task, 5)
    assert script.done == [JOB]
    assert await waiting(core) == 0


async def _is(what) -> bool:
    return bool(what())


async def _nothing_waits(core: Core) -> bool:
    return await waiting(core) == 0


@pytest.mark.parametrize("attempts", [1, 3, 9, 40])
def test_pauses_grow_to_two_minutes_with_jitter(attempts):
    pauses = {worker_module._pause_before(attempts) for _ in range(20)}
    assert len(pauses) > 1
    assert timedelta(seconds=0.6) < min(pauses)
    assert max(pauses) < timedelta(seconds=160)


async def test_a_company_with_very_much_to_do_leaves_room_for_the_others(core: Core):
    gate, begun, done = asyncio.Event(), [], asyncio.Event()

    class Flooded(Script):
        async def perform(self, job: Job) -> None:
            if job.company_id == 2:
                done.set()
                return
            begun.append(job)
            await gate.wait()

    made = Worker(core, {}, {})
    made._effects = Flooded()  # type: ignore[assignment]
    now = core.clock.now()
    async with core.database.transaction() as tx:
        for number in range(200):
            tx.jobs.put(SyncCard(company_id=1, card_id=f"flood-{number}"), due_at=now - timedelta(minutes=1))
        tx.jobs.put(SyncCard(company_id=2, card_id="calm"), due_at=now)
    task = asyncio.create_task(made.run())
    await asyncio.wait_for(done.wait(), 5)
    assert len(begun) < worker_module.MOST_AT_ONCE - 3, "the flood has places, but not all of them"
    gate.set()
    await stop(made, task)

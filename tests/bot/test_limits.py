"""How much a company may send: to the request, for any number of replicas, and what it is told beyond that."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from aiohttp import ClientSession

from bot.app import Running, running
from bot.core import Core
from bot.doors import gate as gate_module
from bot.effects import Effects
from bot.settings import Settings
from engine.access import SYSTEM
from engine.allowance import Lane, Limits, Refused, Shut, Window
from engine.jobs import EndLimiting
from engine.operations import directory
from storage.intake_tables import intake_lines
from storage.tables import jobs
from storage.transaction import Transaction
from tests.bot.front import ALERT, Front, company, count, standing
from tests.clock import TestClock

CALM = {**ALERT, "severity": "low"}


@pytest.fixture
async def front(core: Core) -> AsyncIterator[Front]:
    async with standing(core) as made:
        yield made


async def refused(front: Front, slug: str = "small") -> Refused:
    async def look(tx: Transaction) -> Refused:
        one = await tx.companies.by_slug(slug)
        assert one is not None
        found = await tx.allowances.refused(one.id)
        assert found is not None
        return found

    return await front.core.read(look)


async def told(front: Front) -> list[str]:
    async def look(tx: Transaction) -> list[str]:
        statement = sa.select(intake_lines.c.text).order_by(intake_lines.c.id)
        return list((await tx.connection.execute(statement)).scalars())

    return await front.core.read(look)


async def end_if_due(front: Front) -> None:
    """What the worker does with the job, at the clock's time."""
    company_id = (await refused(front)).company_id
    await Effects(front.core, {}, {}).perform(EndLimiting(company_id=company_id))


async def test_exactly_so_many_are_taken_and_the_rest_is_told_when(front: Front, clock: TestClock):
    small = await company(front.core, "small", rate_limit=5, burst=2)
    answers = [await front.post(CALM, key=small.api_key) for _ in range(9)]
    assert [answer.status for answer in answers] == [202] * 7 + [429] * 2
    wait = int(answers[-1].headers["Retry-After"])
    assert f"in {wait} s" in answers[-1].body["detail"]
    assert (await front.post(CALM)).status == 202, "nobody else is held up"
    clock.advance(seconds=wait - 1)
    assert (await front.post(CALM, key=small.api_key)).status == 429
    clock.advance(seconds=1)
    assert (await front.post(CALM, key=small.api_key)).status == 202
    assert await count(front.core, "alerts") == 2


async def test_many_at_once_are_counted_as_one_after_the_other(front: Front):
    small = await company(front.core, "small", rate_limit=40, burst=0)
    answers = await asyncio.gather(*(front.post(CALM, key=small.api_key) for _ in range(100)))
    assert Counter(answer.status for answer in answers) == {202: 40, 429: 60}
    await front.intake.gate.close()
    assert (await refused(front)).requests == 60


async def test_a_storm_is_taken_by_a_company_whose_limits_nobody_set(front: Front):
    limits = front.acme.company.limits
    assert (limits.rate, limits.burst) == (1000, 9000)


async def test_criticals_still_enter_and_are_counted_apart(front: Front, clock: TestClock):
    small = await company(front.core, "small", rate_limit=1, burst=0)

    async def sent(body: Any) -> int:
        return (await front.post(body, key=small.api_key)).status

    assert await sent(ALERT) == 202
    assert await sent(CALM) == 429
    assert [await sent([CALM, ALERT]) for _ in range(11)] == [202] * 10 + [429]
    assert await sent({"asset_name": "db", "signature": "Server unreachable"}) == 429
    clock.advance(seconds=66)
    assert await sent(CALM) == 429, "the reserve is not for everybody"
    assert await sent(ALERT) == 202
    clock.advance(minutes=3)
    assert await sent(CALM) == 202


async def test_a_batch_of_both_lanes_keeps_their_order(front: Front):
    small = await company(front.core, "small", rate_limit=1, burst=0)
    answers = await asyncio.gather(
        *(front.post(ALERT if number % 2 else CALM, key=small.api_key) for number in range(30))
    )
    assert Counter(answer.status for answer in answers) == {202: 11, 429: 19}
    assert (await refused(front)).requests == 19


async def test_a_repeat_gets_its_first_answer_without_using_up_anything(front: Front):
    small = await company(front.core, "small", rate_limit=2, burst=0)

    async def sent(name: str, body: Any = CALM) -> Any:
        return await front.post(body, key=small.api_key, headers={"X-Delivery-ID": name})

    first = await sent("one")
    for _ in range(20):
        assert (await sent("one")).body == first.body
    assert (await sent("two")).status == 202
    assert (await sent("three")).status == 429
    for number in range(10):
        assert (await sent(f"critical {number}", ALERT)).status == 202
    assert (await sent("critical 11", ALERT)).status == 429
    assert front.intake.gate.shut(small.company.id, small.company.limits) is not None
    again = await sent("one")
    assert again.status == 202 and again.headers["Idempotent-Replayed"] == "true", "also when all is shut"
    assert again.body == first.body


async def test_twins_in_one_batch_are_refused_together(front: Front):
    small = await company(front.core, "small", rate_limit=1, burst=0)
    assert (await front.post(CALM, key=small.api_key)).status == 202
    headers = {"X-Delivery-ID": "twin"}
    answers = await asyncio.gather(*(front.post(CALM, key=small.api_key, headers=headers) for _ in range(5)))
    assert {answer.status for answer in answers} == {429}
    assert (await refused(front)).requests == 5 and await count(front.core, "deliveries") == 0


async def test_once_all_is_shut_nothing_is_read_and_still_everything_is_counted(front: Front):
    small = await company(front.core, "small", rate_limit=1, burst=0)
    for _ in range(12):
        last = await front.post(ALERT, key=small.api_key)
    assert last.status == 429
    line = await front.raw(
        b"POST /api/webhooks/alerts HTTP/1.1\r\nHost: x\r\nX-API-Key: "
        + small.api_key.encode()
        + b"\r\nContent-Length: 1000000\r\n\r\n",
        hang_up=False,
    )
    assert line.startswith(b"HTTP/1.1 429"), "its body was not waited for"
    for _ in range(50):
        await front.post(b"not even JSON", key=small.api_key)
    await front.intake.gate.close()
    assert (await refused(front)).requests == 52 and (await refused(front)).alerts == 1
    assert await count(front.core, "dead_letters") == 0


async def test_what_was_refused_is_not_forgotten_while_the_database_is_away(
    front: Front, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(gate_module, "COUNT_EVERY", 0.01)
    small = await company(front.core, "small", rate_limit=1, burst=0)
    for _ in range(12):
        await front.post(ALERT, key=small.api_key)
    tries = 0
    enough = asyncio.Event()

    async def away(*_: object) -> None:
        nonlocal tries
        tries += 1
        if tries == 3:
            enough.set()
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(gate_module, "count_refused", away)
        await front.post(ALERT, key=small.api_key)
        await asyncio.wait_for(enough.wait(), 5)
    await front.intake.gate.close()
    assert (await refused(front)).requests == 2


async def test_more_is_allowed_as_soon_as_an_admin_says_so(front: Front):
    small = await company(front.core, "small", rate_limit=1, burst=0)
    for _ in range(3):
        last = await front.post(CALM, key=small.api_key)
    assert last.status == 429

    async def more(tx: Transaction) -> None:
        from dataclasses import replace

        after = replace(small.company, rate_limit=10)
        await directory.change_company(tx, after, actor=SYSTEM, now=front.core.clock.now(), rate_limit=10)

    await front.core.write(more)
    statuses = [(await front.post(CALM, key=small.api_key)).status for _ in range(10)]
    assert statuses == [202] * 9 + [429]


async def test_what_cannot_be_read_counts_too(front: Front):
    small = await company(front.core, "small", rate_limit=2, burst=0)
    statuses = [(await front.post(b"{", key=small.api_key)).status for _ in range(4)]
    assert statuses == [400, 400, 429, 429]
    assert await count(front.core, "dead_letters") == 2 and (await refused(front)).requests == 2


async def test_a_heartbeat_enters_as_a_critical_does_and_no_flood_of_them_is_endless(front: Front):
    small = await company(front.core, "small", rate_limit=2, burst=0)
    statuses = [(await front.post(CALM, key=small.api_key)).status for _ in range(3)]
    statuses += [
        (await front.post(b"", tool="heartbeat/backup", key=small.api_key)).status for _ in range(13)
    ]
    assert statuses == [202, 202, 429] + [200] * 10 + [429] * 3
    await front.intake.gate.close()
    assert (await refused(front)).requests == 4


async def test_an_episode_is_told_once_when_it_begins_and_once_when_it_ends(front: Front, clock: TestClock):
    small = await company(front.core, "small", rate_limit=1, burst=0)
    for _ in range(3):
        await front.post(CALM, key=small.api_key)
    (begun,) = await told(front)
    assert "over its limit of 1 request a minute" in begun and "aw company set small --rate-limit 2" in begun
    clock.advance(seconds=30)
    await front.post([CALM, CALM], key=small.api_key)
    clock.advance(seconds=59)
    await end_if_due(front)
    assert len(await told(front)) == 1, "not quiet for a minute yet"
    clock.advance(seconds=1)
    await end_if_due(front)
    begun_still, ended = await told(front)
    assert begun_still == begun
    assert "3 requests were refused between 09:00:00 and 09:00:30 UTC, with 4 alerts" in ended
    await end_if_due(front)
    assert len(await told(front)) == 2
    clock.advance(minutes=1)
    for _ in range(2):
        await front.post(CALM, key=small.api_key)
    assert len(await told(front)) == 3, "another episode"
    assert (await refused(front)).total_requests == 4


async def test_the_end_is_looked_for_by_a_job_that_comes_back(front: Front, clock: TestClock):
    small = await company(front.core, "small", rate_limit=1, burst=0)
    for _ in range(2):
        await front.post(CALM, key=small.api_key)

    async def due(tx: Transaction) -> list[Any]:
        statement = sa.select(jobs.c.due_at).where(jobs.c.kind == EndLimiting.kind)
        return list((await tx.connection.execute(statement)).scalars())

    assert await front.core.read(due) == [clock.now() + timedelta(minutes=1)]


async def test_limits_hold_to_the_request_across_two_replicas(settings: Settings):
    here = settings.model_copy(update={"aw_port": 0})
    async with (
        running(here, executors={}) as first,
        running(here, executors={}) as second,
        ClientSession() as session,
    ):
        small = await company(first.core, "small", rate_limit=60, burst=0, slack_channel=None)
        headers = {"X-API-Key": small.api_key}

        async def send(replica: Running, number: int) -> list[int]:
            statuses = []
            for turn in range(20):
                body = {**CALM, "asset_name": f"host-{number}-{turn}"}
                url = f"http://127.0.0.1:{replica.port}/api/webhooks/alerts"
                async with session.post(url, json=body, headers=headers) as answer:
                    statuses.append(answer.status)
            return statuses

        found = await asyncio.gather(*(send(one, n) for n in range(5) for one in (first, second)))
        assert Counter(status for some in found for status in some) == {202: 60, 429: 140}
        async with session.get(f"http://127.0.0.1:{second.port}/metrics") as answer:
            said = await answer.text()
        assert 'aw_requests_refused_total{company="small"} 140.0' in said
        assert 'aw_alerts_refused_total{company="small"} 140.0' in said


def test_the_gate_forgets_what_is_no_longer_true(core: Core, clock: TestClock):
    def shut() -> Shut:
        window = Window(began_at=clock.now(), lane=Lane(count=1), reserve=Lane(count=10))
        return window.shut(limits, clock.now())

    gate, limits = gate_module.Gate(core), Limits(rate=1)
    gate.learn(1, shut())
    assert gate.shut(1, limits) is not None and gate.shut(2, limits) is None
    clock.advance(seconds=66)
    assert gate.shut(1, limits) is None, "a lane is open again"
    gate.learn(1, shut())
    assert gate.shut(1, Limits(rate=2)) is None, "an admin allowed more"

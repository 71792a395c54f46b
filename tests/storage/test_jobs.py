"""The jobs table: one waiting job per key, one holder per job, and nothing that was wanted is lost."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from engine.jobs import CheckSla, Job, PollRun, SyncCard
from storage.database import Database
from storage.jobs import Claimed
from storage.secrets import Vault
from storage.tables import dead_jobs
from storage.tables import jobs as table
from tests.clock import START

CARD = SyncCard(company_id=1, card_id="incident:1:slack")
LEASE = timedelta(seconds=60)


def _at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


async def put(database: Database, job: Job = CARD, *, at: float = 0) -> None:
    async with database.transaction() as tx:
        tx.jobs.put(job, due_at=_at(at))


async def claim(
    database: Database, *, at: float = 0, most: int = 10, kinds: Sequence[str] = ()
) -> Sequence[Claimed]:
    async with database.transaction() as tx:
        return await tx.jobs.claim(_at(at), lease=LEASE, most=most, kinds=kinds)


async def finish(database: Database, claimed: Claimed) -> bool:
    async with database.transaction() as tx:
        return await tx.jobs.finish(claimed)


async def waiting(database: Database) -> int:
    async with database.reading() as tx:
        return await tx.jobs.waiting()


async def test_a_job_is_claimed_when_it_is_due_and_gone_when_finished(database: Database) -> None:
    await put(database, at=10)
    assert await claim(database, at=9.999999) == []
    (one,) = await claim(database, at=10)
    assert one.job() == CARD and one.attempts == 1 and one.company_id == 1
    assert await finish(database, one)
    assert await waiting(database) == 0


async def test_what_is_due_next_says_the_look_that_writes_nothing(database: Database) -> None:
    async def next_due(seconds: float) -> datetime | None:
        async with database.reading() as tx:
            return await tx.jobs.next_due(_at(seconds), until=_at(seconds + 2))

    await put(database, at=10)
    assert [await next_due(7), await next_due(8), await next_due(12)] == [None, _at(10), _at(10)]
    await claim(database, at=10)
    assert [await next_due(11), await next_due(70)] == [None, _at(10)], "its lease is over by then"


async def test_a_storm_of_changes_is_one_waiting_job_at_its_earliest_wish(database: Database) -> None:
    for seconds in (30, 10, 20):
        await put(database, at=seconds)
    assert await waiting(database) == 1
    async with database.reading() as tx:
        assert await tx.jobs.next_due(_at(0), until=_at(60)) == _at(10)


async def test_what_is_put_twice_in_one_transaction_keeps_the_earlier_wish(database: Database) -> None:
    async with database.transaction() as tx:
        tx.jobs.put(CARD, due_at=_at(5))
        tx.jobs.put(CARD, due_at=_at(50))
    assert len(await claim(database, at=5)) == 1


async def test_what_changed_while_it_was_being_done_is_done_again(database: Database) -> None:
    await put(database)
    (first,) = await claim(database)
    await put(database, at=1)
    assert await claim(database, at=2) == [], "its holder is still at it"
    assert not await finish(database, first)
    (second,) = await claim(database, at=2)
    assert second.generation == first.generation + 1 and second.attempts == 1
    assert await finish(database, second)


async def test_a_job_that_wants_itself_later_waits_until_then(database: Database) -> None:
    """A clock's check puts the next check while it is being done: that must not make it run at once for ever."""
    check = CheckSla(company_id=1, incident_id=7)
    await put(database, check)
    (first,) = await claim(database)
    await put(database, check, at=1800)
    assert not await finish(database, first)
    assert await claim(database, at=1799) == []
    (second,) = await claim(database, at=1800)
    assert await finish(database, second) and await waiting(database) == 0


@pytest.mark.parametrize("wishes", [(5, 900), (900, 5), (900, 5, 300)])
async def test_of_several_wishes_while_it_is_done_the_earliest_counts(
    database: Database, wishes: Sequence[float]
) -> None:
    await put(database)
    (first,) = await claim(database)
    for wish in wishes:
        await put(database, at=wish)
    await finish(database, first)
    assert await claim(database, at=4) == []
    assert len(await claim(database, at=5)) == 1


async def test_finishing_and_wanting_it_again_in_one_transaction(database: Database) -> None:
    await put(database)
    (first,) = await claim(database)
    async with database.transaction() as tx:
        tx.jobs.put(CARD, due_at=_at(300))
        assert await tx.jobs.finish(first)
    assert await claim(database, at=299) == []
    assert len(await claim(database, at=300)) == 1


async def test_what_its_holder_never_finished_is_taken_over(database: Database) -> None:
    await put(database)
    (lost,) = await claim(database)
    await put(database, at=5000)
    assert await claim(database, at=59) == []
    (taken,) = await claim(database, at=60)
    assert taken.id == lost.id and taken.attempts == 1
    assert taken.generation == lost.generation + 1, "it also serves what was wanted meanwhile"
    assert await finish(database, taken)


@pytest.mark.parametrize("revived", ["finish", "later", "bury"])
async def test_a_holder_that_comes_back_late_changes_nothing(database: Database, revived: str) -> None:
    await put(database)
    (late,) = await claim(database)
    (holder,) = await claim(database, at=60)
    await put(database, at=61)
    async with database.transaction() as tx:
        if revived == "finish":
            assert not await tx.jobs.finish(late)
        elif revived == "later":
            await tx.jobs.later(late, due_at=_at(61), error="slow")
        else:
            await tx.jobs.bury(late, error="slow", now=_at(61))
    assert await claim(database, at=100) == [], "the second holder's lease is untouched"
    assert not await finish(database, holder)
    assert len(await claim(database, at=100)) == 1, "and what was put meanwhile is done"


async def test_later_counts_the_try_and_keeps_the_error(database: Database) -> None:
    await put(database)
    (first,) = await claim(database)
    async with database.transaction() as tx:
        await tx.jobs.later(first, due_at=_at(30), error="503 from chat")
    assert await claim(database, at=29) == []
    (second,) = await claim(database, at=30)
    assert second.attempts == 2
    async with database.transaction() as tx:
        await tx.jobs.later(second, due_at=_at(40), error="429", counts=False)
        said = (await tx.connection.execute(sa.select(table.c.last_error))).scalar_one()
    assert said == "429"
    (third,) = await claim(database, at=40)
    assert third.attempts == 2, "a wait that the other side asked for is not a failed try"


async def test_later_yields_to_what_was_wanted_meanwhile(database: Database) -> None:
    await put(database)
    (first,) = await claim(database)
    await put(database, at=3)
    async with database.transaction() as tx:
        await tx.jobs.later(first, due_at=_at(600), error="503")
    (second,) = await claim(database, at=3)
    assert second.attempts == 1, "a new wish starts its tries anew"


async def test_a_buried_job_is_kept_for_people(database: Database) -> None:
    await put(database)
    (first,) = await claim(database)
    async with database.transaction() as tx:
        await tx.jobs.bury(first, error="channel_not_found", now=_at(1))
    assert await waiting(database) == 0
    async with database.reading() as tx:
        (dead,) = await tx.connection.execute(sa.select(dead_jobs))
    assert (dead.key, dead.error, dead.attempts, dead.at) == (CARD.key, "channel_not_found", 1, _at(1))


async def test_a_job_wanted_while_it_is_buried_lives_on(database: Database) -> None:
    await put(database)
    (first,) = await claim(database)
    await put(database, at=1)
    async with database.transaction() as tx:
        await tx.jobs.bury(first, error="gone", now=_at(1))
    assert len(await claim(database, at=1)) == 1


async def test_claims_go_by_due_time_and_by_kind(database: Database) -> None:
    for index in range(5):
        await put(database, SyncCard(company_id=1, card_id=str(index)), at=-index)
    await put(database, PollRun(company_id=1, run_id="r"), at=-100)
    assert [one.kind for one in await claim(database, kinds=["poll_run"])] == ["poll_run"]
    assert [one.payload["card_id"] for one in await claim(database, most=3)] == ["4", "3", "2"]
    assert len(await claim(database, most=3)) == 2


async def test_a_transaction_that_fails_wants_nothing(database: Database) -> None:
    async def half() -> None:
        async with database.transaction() as tx:
            tx.jobs.put(CARD, due_at=START)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await half()
    assert await waiting(database) == 0


async def test_many_claimers_never_hold_one_job_twice(
    database: Database, database_url: str, vault: Vault
) -> None:
    """Two replicas with three workers each, while others keep putting the same jobs: never two holders, and in the
    end every job has been done after its last change."""
    cards = [SyncCard(company_id=1, card_id=str(index)) for index in range(8)]
    wanted = dict.fromkeys((card.card_id for card in cards), 0)
    shown = dict(wanted)
    holding: set[str] = set()
    dice = random.Random(7)
    second = Database(database_url, vault)
    putting = True

    async def work(replica: Database) -> None:
        while True:
            last_round = not putting
            claimed = await claim(replica, at=1, most=2)
            for one in claimed:
                assert one.key not in holding
                holding.add(one.key)
            for one in claimed:
                seen = wanted[one.payload["card_id"]]
                await asyncio.sleep(dice.random() * 0.01)
                shown[one.payload["card_id"]] = seen
                holding.remove(one.key)
                await finish(replica, one)
            if last_round and not claimed and not await waiting(replica):
                return
            await asyncio.sleep(0.001)

    async def change() -> None:
        for _ in range(40):
            card = dice.choice(cards)
            wanted[card.card_id] += 1
            await put(dice.choice([database, second]), card)
            await asyncio.sleep(dice.random() * 0.01)

    workers = [asyncio.create_task(work(replica)) for replica in (database, second) for _ in range(3)]
    try:
        await change()
        putting = False
        await asyncio.wait_for(asyncio.gather(*workers), timeout=20)
    finally:
        await second.close()
    assert shown == wanted


async def test_a_renewed_lease_keeps_the_job_and_an_old_name_of_it_does_nothing(database: Database) -> None:
    await put(database)
    (one,) = await claim(database)
    async with database.transaction() as tx:
        longer = await tx.jobs.renew(one, until=_at(120))
    assert longer is not None and longer.leased_until == _at(120)
    assert await claim(database, at=90) == []
    await finish(database, one)
    assert await waiting(database) == 1
    assert await finish(database, longer)
    assert await waiting(database) == 0


async def test_a_lost_lease_cannot_be_renewed(database: Database) -> None:
    await put(database)
    (one,) = await claim(database)
    (other,) = await claim(database, at=61)
    async with database.transaction() as tx:
        assert await tx.jobs.renew(one, until=_at(200)) is None
        assert await tx.jobs.renew(other, until=_at(200)) is not None


async def test_a_claim_takes_few_of_each_company_and_none_of_the_busy_ones(database: Database) -> None:
    for index in range(12):
        await put(database, SyncCard(company_id=1, card_id=f"flood-{index}"), at=index - 20)
    for index in range(2):
        await put(database, SyncCard(company_id=2, card_id=f"calm-{index}"), at=0)

    async def fair(**choice: object) -> list[str]:
        async with database.transaction() as tx:
            found = await tx.jobs.claim(_at(0), lease=LEASE, most=8, **choice)  # type: ignore[arg-type]
        return [one.key.removeprefix("card:") for one in found]

    assert await fair(each=3) == ["flood-0", "flood-1", "flood-2", "calm-0", "calm-1"]
    assert await fair(each=3, busy=[1]) == []
    async with database.reading() as tx:
        assert await tx.jobs.next_due(_at(0), until=_at(0)) == _at(-17)
        assert await tx.jobs.next_due(_at(0), until=_at(0), busy=[1]) is None
    assert len(await fair()) == 8

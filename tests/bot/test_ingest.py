"""Group commit: one transaction for whatever waits, one answer each, and a bad delivery hurts only its sender."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from bot import ingest as intake_module
from bot.core import Core
from bot.ingest import Away, Full, Intake
from engine.errors import Conflict
from engine.operations.ingest import Answer, Delivery, ingest
from tests.bot.front import Front, count, standing
from tests.given import World, alert, delivery, results


@pytest.fixture
async def intake(core: Core) -> AsyncIterator[Intake]:
    made = Intake(core)
    await made.start()
    yield made
    await made.stop()


class Batches:
    """The engine's ingest, watched: how many deliveries came in each transaction; it may be told to fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sizes: list[int] = []
        self.poison: set[str] = set()
        self.error: Exception | None = None
        self.hold: asyncio.Event | None = None
        self.began = asyncio.Event()
        monkeypatch.setattr(intake_module, "ingest", self)

    async def __call__(self, tx: Any, deliveries: Sequence[Delivery], now: datetime) -> list[Answer]:
        self.sizes.append(len(deliveries))
        self.began.set()
        if self.hold is not None:
            await self.hold.wait()
        if self.error is not None:
            raise self.error
        answers = await ingest(tx, deliveries, now)
        if any(one.signature in self.poison for each in deliveries for one in each.alerts):
            raise ValueError("poison")
        return answers


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> Batches:
    return Batches(monkeypatch)


async def test_what_waits_shares_a_transaction(intake: Intake, batches: Batches, world: World):
    batches.hold = asyncio.Event()
    first = asyncio.create_task(intake.submit(delivery(world.acme, alert("first"))))
    await batches.began.wait()
    rest = [
        asyncio.create_task(intake.submit(delivery(world.acme, alert(f"host-{chr(97 + n)}"))))
        for n in range(20)
    ]
    await asyncio.sleep(0.01)
    batches.hold.set()
    answers = await asyncio.gather(first, *rest)
    assert batches.sizes == [1, 20]
    assert len({results(answer)[0]["alert_id"] for answer in answers}) == 21


async def test_a_batch_has_an_end(
    intake: Intake, batches: Batches, world: World, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(intake_module, "MOST_ALERTS", 4)
    work = [intake.submit(delivery(world.acme, *[alert(f"h{n}")] * 3)) for n in range(5)]
    assert len(await asyncio.gather(*work)) == 5
    assert batches.sizes == [2, 2, 1]


async def test_a_poisonous_delivery_hurts_only_its_sender(intake: Intake, batches: Batches, world: World):
    batches.poison = {"Poison"}
    work = [
        intake.submit(
            delivery(world.acme, alert(f"host-{chr(97 + n)}", "Poison" if n == 11 else "Disk full"))
        )
        for n in range(20)
    ]
    answers = await asyncio.gather(*work, return_exceptions=True)
    assert [n for n, answer in enumerate(answers) if isinstance(answer, BaseException)] == [11]
    assert isinstance(answers[11], ValueError)
    assert await count(intake._core, "alerts") == 19
    assert len(batches.sizes) <= 11, "halves, not one by one"
    again = await intake.submit(delivery(world.acme, alert("later")))
    assert results(again)[0]["is_new"] is True


async def test_a_full_queue_says_so_and_empties(core: Core, batches: Batches, world: World):
    intake = Intake(core, most_waiting=3)
    await intake.start()
    batches.hold = asyncio.Event()
    taken = [asyncio.create_task(intake.submit(delivery(world.acme, alert(f"h{n}")))) for n in range(3)]
    await asyncio.sleep(0.01)
    with pytest.raises(Full):
        await intake.submit(delivery(world.acme, alert("more")))
    batches.hold.set()
    assert len(await asyncio.gather(*taken)) == 3
    assert results(await intake.submit(delivery(world.acme, alert("more"))))[0]["is_new"] is True
    await intake.stop()


@pytest.mark.parametrize("error", [ConnectionError("gone"), TimeoutError(), OSError("disk")])
async def test_without_a_database_nothing_is_accepted(
    intake: Intake, batches: Batches, world: World, error: Exception
):
    batches.error = error
    work = [intake.submit(delivery(world.acme, alert(f"h{n}"))) for n in range(3)]
    answers = await asyncio.gather(*work, return_exceptions=True)
    assert all(isinstance(answer, Away) for answer in answers)
    assert batches.sizes == [3], "nobody tries again one by one"
    batches.error = None
    assert results(await intake.submit(delivery(world.acme, alert("back"))))


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_a_race_that_is_always_lost_is_no_fault_of_the_body(
    intake: Intake, batches: Batches, world: World
):
    batches.error = Conflict()
    with pytest.raises(Away):
        await intake.submit(delivery(world.acme, alert("contended")))


async def test_who_goes_away_is_stored_nevertheless(intake: Intake, batches: Batches, world: World):
    batches.hold = asyncio.Event()
    leaving = asyncio.create_task(intake.submit(delivery(world.acme, alert("left"), ids=["d:1"])))
    await batches.began.wait()
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    batches.hold.set()
    again = await intake.submit(delivery(world.acme, alert("left"), ids=["d:1"]))
    assert again.replayed and await count(intake._core, "alerts") == 1


async def test_stopping_stores_what_was_taken(core: Core, batches: Batches, world: World):
    intake = Intake(core)
    await intake.start()
    work = [asyncio.create_task(intake.submit(delivery(world.acme, alert(f"h{n}")))) for n in range(5)]
    await asyncio.sleep(0)
    await intake.stop()
    assert len(await asyncio.gather(*work)) == 5 and await count(core, "alerts") == 5
    with pytest.raises(Full):
        await intake.submit(delivery(world.acme, alert("late")))


async def test_the_use_of_a_key_that_is_noted_without_an_alert_is_stored_too(
    intake: Intake, core: Core, world: World
):
    now = core.clock.now() + timedelta(minutes=5)
    await core.write(lambda tx: tx.companies.add_key("abc", world.acme.id, "0" * 64, now=core.clock.now()))
    intake.note_use("abc", now)
    await intake.stop()
    found = await core.read(lambda tx: tx.companies.key("abc"))
    assert found is not None and found.last_used_at == now


@pytest.fixture
async def narrow(core: Core) -> AsyncIterator[Front]:
    async with standing(core, most_waiting=2) as made:
        yield made


async def test_over_http_a_full_queue_is_a_503_that_says_when(narrow: Front, batches: Batches):
    batches.hold = asyncio.Event()
    one = delivery(narrow.acme.company, alert())
    taken = [asyncio.create_task(narrow.intake.submit(one)) for _ in range(2)]
    await batches.began.wait()
    refused = await narrow.post()
    assert refused.status == 503 and int(refused.headers["Retry-After"]) >= 1
    batches.hold.set()
    assert len(await asyncio.gather(*taken)) == 2
    assert (await narrow.post()).status == 202


async def test_over_http_a_database_that_is_gone_is_a_503_and_a_fault_of_ours_a_500(
    narrow: Front, batches: Batches
):
    batches.error = ConnectionError("gone")
    refused = await narrow.post()
    assert refused.status == 503 and "Retry-After" in refused.headers
    batches.error = ValueError("a fault of ours")
    broken = await narrow.post()
    assert (
        broken.status == 500
        and broken.body["code"].startswith("AW-")
        and "ValueError" not in str(broken.body)
    )
    batches.error = None
    assert (await narrow.post()).status == 202


async def test_over_http_a_sender_that_hangs_up_is_stored_nevertheless(narrow: Front, batches: Batches):
    batches.hold = asyncio.Event()
    leaving = asyncio.create_task(narrow.post(headers={"X-Delivery-ID": "one"}))
    await batches.began.wait()
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    batches.hold.set()
    again = await narrow.post(headers={"X-Delivery-ID": "one"})
    assert again.headers["Idempotent-Replayed"] == "true" and await narrow.alerts() == 1

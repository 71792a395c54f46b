"""Who may knock: keys, signatures, and how much of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import orjson
import pytest
import sqlalchemy as sa

from bot import doors
from bot.core import Core
from engine.access import SYSTEM
from engine.operations import directory
from storage.companies import StoredKey
from storage.transaction import Transaction
from tests.bot.front import ALERT, Front, company, standing
from tests.clock import TestClock

BODY = orjson.dumps(ALERT)


@pytest.fixture
async def front(core: Core) -> AsyncIterator[Front]:
    async with standing(core) as made:
        yield made


async def stored(front: Front, key: str) -> StoredKey:
    found = await front.core.read(lambda tx: tx.companies.key(key.split("_")[1]))
    assert found is not None
    return found


async def test_the_key_may_come_in_three_ways(front: Front):
    key = front.acme.api_key
    for path, headers in (
        ("/api/webhooks/alerts", {"X-API-Key": key}),
        ("/api/webhooks/alerts", {"Authorization": f"Bearer {key}"}),
        ("/api/webhooks/alerts", {"authorization": f"bearer  {key} "}),
        (f"/api/webhooks/alerts?api_key={key}", {}),
        (f"/api/webhooks/alerts?api_key={key}", {"Authorization": "Basic cHJvbTpwcm9t"}),
    ):
        async with front.client.post(path, data=BODY, headers=headers) as answer:
            assert answer.status == 202


async def test_every_wrong_key_is_told_the_same(front: Front):
    good = front.acme.api_key
    other_id = "aw_000000000000_" + good.split("_", 2)[2]
    for key in (
        "",
        "x",
        good[:-1],
        good[:-1] + ("A" if good[-1] != "A" else "B"),
        other_id,
        good + "\u00e4",
        "aw_",
    ):
        answer = await front.post(key=key)
        assert answer.status == 401
        assert answer.body == {
            "type": "about:blank",
            "title": "Not authorised",
            "status": 401,
            "detail": "The key or the signature is missing or wrong.",
        }
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    async with front.client.post("/api/webhooks/alerts", data=BODY) as bare:
        assert bare.status == 401


async def test_a_rotated_key_works_at_once_and_the_old_one_ends_in_time(front: Front, clock: TestClock):
    assert (await front.post()).status == 202
    _, fresh = await front.core.write(
        lambda tx: directory.rotate_key(tx, "acme", overlap=timedelta(hours=1), actor=SYSTEM, now=clock.now())
    )
    assert (await front.post(key=fresh)).status == 202
    assert (await front.post()).status == 202
    forget(front)
    assert (await front.post()).status == 202
    clock.advance(minutes=59, seconds=59)
    assert (await front.post()).status == 202
    clock.advance(seconds=1)
    assert (await front.post()).status == 401, "the end is looked at with every use, remembered or not"
    assert (await front.post(key=fresh)).status == 202


def forget(front: Front) -> None:
    """As if the seconds had passed for which keys are remembered."""
    front.door._known.clear()


async def test_a_company_that_is_gone_has_no_key(front: Front, clock: TestClock):
    assert (await front.post()).status == 202
    await front.core.write(lambda tx: directory.archive_company(tx, "acme", actor=SYSTEM, now=clock.now()))
    forget(front)
    assert (await front.post()).status == 401


async def test_a_key_is_asked_for_once_however_many_come(front: Front, monkeypatch: pytest.MonkeyPatch):
    asked: list[str] = []
    door = front.door
    ask = door._ask

    async def counted(key_id: str) -> doors.Known | None:
        asked.append(key_id)
        await asyncio.sleep(0.05)
        return await ask(key_id)

    monkeypatch.setattr(door, "_ask", counted)
    answers = await asyncio.gather(*(front.post() for _ in range(30)))
    assert {answer.status for answer in answers} == {202}
    assert len(asked) == 1


async def test_not_more_keys_are_remembered_than_fit(front: Front, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(doors, "REMEMBERED", 2)
    others = [await company(front.core, f"c{number}") for number in range(4)]
    for one in [front.acme, *others]:
        assert (await front.post(key=one.api_key)).status == 202
    assert len(front.door._known) == 2


async def test_the_last_use_is_noted_at_most_once_a_minute(front: Front, clock: TestClock):
    began = clock.now()
    await front.post()
    assert (await stored(front, front.acme.api_key)).last_used_at == began
    clock.advance(seconds=59)
    forget(front)
    await front.post()
    assert (await stored(front, front.acme.api_key)).last_used_at == began
    clock.advance(seconds=1)
    await front.post()
    assert (await stored(front, front.acme.api_key)).last_used_at == clock.now()


async def test_a_signed_company_needs_its_signature(front: Front):
    key = front.signed.api_key
    assert (await front.post(BODY, key=key)).status == 401
    assert (await front.post(BODY, key=key, headers=front.signature(BODY))).status == 202
    wrong = {**front.signature(BODY), "X-Signature": "sha256=" + "0" * 64}
    assert (await front.post(BODY, key=key, headers=wrong)).status == 401
    assert (await front.post(BODY + b" ", key=key, headers=front.signature(BODY))).status == 401
    assert (await front.post(BODY, headers=front.signature(BODY))).status == 202, "who need not sign may"


@pytest.mark.parametrize(("shift", "status"), [(-301, 401), (-299, 202), (299, 202), (301, 401)])
async def test_a_signature_holds_five_minutes_either_way(front: Front, shift: int, status: int):
    headers = front.signature(BODY, shift=shift)
    assert (await front.post(BODY, key=front.signed.api_key, headers=headers)).status == status


async def test_a_signature_seen_again_is_a_repeat_whatever_its_delivery_says(front: Front):
    headers = front.signature(BODY)
    first = await front.post(BODY, key=front.signed.api_key, headers={**headers, "X-Delivery-ID": "one"})
    again = await front.post(BODY, key=front.signed.api_key, headers={**headers, "X-Delivery-ID": "two"})
    assert again.body == first.body and again.headers["Idempotent-Replayed"] == "true"
    later = await front.post(BODY, key=front.signed.api_key, headers=front.signature(BODY, shift=1))
    assert "Idempotent-Replayed" not in later.headers


async def test_a_new_secret_holds_at_once_and_the_old_one_beside_it(front: Front):
    key, old = front.signed.api_key, front.signed.hmac_secret or ""
    assert (await front.post(BODY, key=key, headers=front.signature(BODY))).status == 202

    async def kept(*secrets: str) -> None:
        async def write(tx: Transaction) -> None:
            sealed = tx.vault.seal("\n".join(secrets).encode()) if secrets else None
            await tx.connection.execute(
                sa.text("UPDATE companies SET hmac_secret = :sealed WHERE slug = 'signed'"),
                {"sealed": sealed},
            )

        await front.core.write(write)

    await kept("new", old)
    for number, secret in enumerate(("new", old)):
        headers = front.signature(BODY, secret=secret, shift=number)
        assert (await front.post(BODY, key=key, headers=headers)).status == 202
    await kept("new")
    forget(front)
    assert (await front.post(BODY, key=key, headers=front.signature(BODY, secret=old, shift=5))).status == 401
    assert (
        await front.post(BODY, key=key, headers=front.signature(BODY, secret="new", shift=5))
    ).status == 202
    await kept()
    assert (await front.post(BODY, key=key)).status == 202


async def test_a_secret_that_cannot_be_opened_is_our_trouble_not_the_senders(front: Front):
    async def spoil(tx: Transaction) -> None:
        await tx.connection.execute(sa.text("UPDATE companies SET hmac_secret = :x"), {"x": b"rubbish"})

    await front.core.write(spoil)
    answer = await front.post(BODY, key=front.signed.api_key, headers=front.signature(BODY))
    assert answer.status == 503 and "Retry-After" in answer.headers

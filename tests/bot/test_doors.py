"""Who may knock: keys, signatures, and how much of it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest
import sqlalchemy as sa

from bot import logs
from bot.core import Core
from bot.doors import sender as doors
from engine.access import SYSTEM
from engine.errors import NotFound
from engine.operations import directory
from engine.signing import SigningSecret
from storage.companies import StoredKey
from storage.transaction import Transaction
from tests.bot.front import ALERT, Answered, Front, company, standing
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


async def test_a_new_secret_holds_at_once_and_the_old_one_until_its_end(front: Front, clock: TestClock):
    key, old = front.signed.api_key, front.signed.hmac_secret or ""
    assert (await front.post(BODY, key=key, headers=front.signature(BODY))).status == 202
    hour = timedelta(hours=1)
    _, new = await front.core.write(
        lambda tx: directory.rotate_secret(tx, "signed", overlap=hour, actor=SYSTEM, now=clock.now())
    )

    async def sent(secret: str, shift: int) -> int:
        headers = front.signature(BODY, secret=secret, shift=shift)
        return (await front.post(BODY, key=key, headers=headers)).status

    assert [await sent(new.value, 1), await sent(old, 2)] == [202, 202]
    clock.advance(minutes=59, seconds=59)
    assert [await sent(new.value, 3), await sent(old, 4)] == [202, 202]
    clock.advance(seconds=1)
    assert [await sent(new.value, 5), await sent(old, 6)] == [202, 401]
    await front.core.write(
        lambda tx: directory.rotate_secret(tx, "signed", overlap=timedelta(0), actor=SYSTEM, now=clock.now())
    )
    forget(front)
    assert await sent(new.value, 7) == 401, "without an overlap the old one ends at once"


async def test_signing_is_switched_off_and_on_with_a_new_secret(front: Front, clock: TestClock):
    key = front.signed.api_key

    async def switch(*, on: bool) -> str:
        made = await front.core.write(
            lambda tx: directory.set_signing(tx, front.signed.company, on=on, actor=SYSTEM, now=clock.now())
        )
        forget(front)
        return made.value if made else ""

    assert await switch(on=True) == "", "it is on: nothing changes"
    assert (await front.post(BODY, key=key, headers=front.signature(BODY))).status == 202
    assert await switch(on=False) == ""
    assert (await front.post(BODY, key=key)).status == 202
    secret = await switch(on=True)
    assert (await front.post(BODY, key=key, headers=front.signature(BODY, shift=1))).status == 401
    headers = front.signature(BODY, secret=secret, shift=2)
    assert (await front.post(BODY, key=key, headers=headers)).status == 202


def standard(
    front: Front, secret: str, body: bytes, *, name: str = "msg_1", shift: int = 0
) -> dict[str, str]:
    """What a sender of Standard Webhooks does with the secret it was shown."""
    stamp = str(int(front.core.clock.now().timestamp()) + shift)
    signed = f"{name}.{stamp}.".encode() + body
    digest = hmac.new(base64.b64decode(secret.removeprefix("whsec_")), signed, hashlib.sha256).digest()
    signature = f"v1a,{'A' * 86}== v1,{base64.b64encode(digest).decode()}"
    return {"webhook-id": name, "webhook-timestamp": stamp, "webhook-signature": signature}


async def test_standard_webhooks_with_the_secret_as_it_is_shown(front: Front):
    shown = SigningSecret(front.signed.hmac_secret or "").whsec

    async def sent(body: bytes = BODY, **how: Any) -> Answered:
        headers = standard(front, shown, BODY, **how)
        return await front.post(body, key=front.signed.api_key, headers=headers)

    first = await sent()
    assert first.status == 202
    again = await sent(shift=30)
    assert again.headers["Idempotent-Replayed"] == "true", "sent again later it has the same id"
    assert (
        (await sent(name="msg_2", shift=-299)).status == (await sent(name="msg_3", shift=299)).status == 202
    )
    assert (
        (await sent(name="msg_4", shift=-301)).status == (await sent(name="msg_5", shift=301)).status == 401
    )
    assert (await sent(BODY + b" ", name="msg_6")).status == 401
    assert await front.alerts() == 1


@pytest.mark.parametrize(
    ("backend", "times"), [("sqlite", 10_000), ("postgresql", 2_000)], indirect=["backend"]
)
async def test_ten_thousand_replays_of_one_signed_delivery_are_one_alert(front: Front, times: int):
    head = {"X-API-Key": front.signed.api_key, "X-Delivery-ID": "one", **front.signature(BODY)}
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    request = f"POST /api/webhooks/alerts HTTP/1.1\r\nHost: x\r\n{lines}Content-Length: {len(BODY)}\r\n\r\n"
    answers = await asyncio.gather(*(front.many(request.encode() + BODY, times // 50) for _ in range(50)))
    assert sum(answers, Counter()) == {(202, False): 1, (202, True): times - 1}
    assert await front.alerts() == await front.incidents() == 1


async def test_a_rotation_under_load_rejects_nothing_until_the_old_key_ends(front: Front, clock: TestClock):
    old = front.acme.api_key
    current = old
    done, sent = asyncio.Event(), asyncio.Semaphore(0)
    statuses: dict[str, Counter[int]] = {"old": Counter(), "new": Counter()}

    async def sender(name: str) -> None:
        while not done.is_set():
            key = old if name == "old" else current
            statuses[name][(await front.post({**ALERT, "severity": "low"}, key=key)).status] += 1
            sent.release()

    async with asyncio.TaskGroup() as group:
        for name in ("old", "new") * 2:
            group.create_task(sender(name))
        for _ in range(5):
            _, current = await front.core.write(
                lambda tx: directory.rotate_key(
                    tx, "acme", overlap=timedelta(hours=24), actor=SYSTEM, now=clock.now()
                )
            )
            for _ in range(40):
                await sent.acquire()
            clock.advance(minutes=1)
        done.set()
    assert set(statuses["old"]) == set(statuses["new"]) == {202}
    forget(front)
    clock.advance(hours=24)
    assert (await front.post(key=old)).status == 401
    assert (await front.post(key=current)).status == 202


async def test_a_key_with_an_end_of_its_own_and_one_that_is_revoked(front: Front, clock: TestClock):
    day = timedelta(days=1)
    _, short = await front.core.write(
        lambda tx: directory.rotate_key(tx, "acme", overlap=day, ttl=day / 2, actor=SYSTEM, now=clock.now())
    )
    assert (await front.post(key=short)).status == 202
    clock.advance(hours=12)
    assert (await front.post(key=short)).status == 401
    assert (await front.post()).status == 202
    key_id = front.acme.api_key.split("_")[1]
    await front.core.write(lambda tx: directory.revoke_key(tx, "acme", key_id, actor=SYSTEM, now=clock.now()))
    forget(front)
    assert (await front.post()).status == 401
    for slug, name in (("acme", key_id), ("acme", "nosuch"), ("signed", short.split("_")[1])):

        async def revoke(tx: Transaction, slug: str = slug, name: str = name) -> None:
            await directory.revoke_key(tx, slug, name, actor=SYSTEM, now=clock.now())

        with pytest.raises(NotFound, match="no key"):
            await front.core.write(revoke)


async def test_a_key_in_the_query_string_can_be_switched_off(front: Front, clock: TestClock):
    path = f"/api/webhooks/alerts?api_key={front.acme.api_key}"

    async def asked() -> tuple[int, Any]:
        async with front.client.post(path, data=BODY) as answer:
            return answer.status, await answer.json(content_type=None)

    assert (await asked())[0] == 202
    company = replace(front.acme.company, query_key=False)
    await front.core.write(
        lambda tx: directory.change_company(tx, company, actor=SYSTEM, now=clock.now(), query_key="off")
    )
    forget(front)
    status, said = await asked()
    assert status == 401 and said == (await front.post(key="wrong")).body
    assert (await front.post()).status == 202


async def test_no_log_line_has_a_key_that_stood_in_a_query(
    front: Front, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    logs.configure("DEBUG", "json")
    key = front.acme.api_key.encode()
    await front.raw(b"POST /api/webhooks/alerts?api_key=" + key + b" HTTP/1.1\r\nbad header\r\n\r\n")
    await front.raw(b"POST /api/webhooks/alerts?api_key=" + key + b"\x00 HTTP/9.9\r\n\r\n")

    async def broken(*_: object) -> None:
        raise ValueError(f"with the key in it: {front.acme.api_key}")

    monkeypatch.setattr(front.intake, "submit", broken)
    async with front.client.post(f"/api/webhooks/alerts?api_key={key.decode()}", data=BODY) as answer:
        assert answer.status == 500
    said = "".join(capsys.readouterr())
    assert "unexpected fault" in said and front.acme.api_key not in said


async def test_a_secret_that_cannot_be_opened_is_our_trouble_not_the_senders(front: Front):
    async def spoil(tx: Transaction) -> None:
        await tx.connection.execute(sa.text("UPDATE companies SET hmac_secret = :x"), {"x": b"rubbish"})

    await front.core.write(spoil)
    answer = await front.post(BODY, key=front.signed.api_key, headers=front.signature(BODY))
    assert answer.status == 503 and "Retry-After" in answer.headers

"""The PagerDuty Events API as its clients use it, with our key as the routing key."""

from __future__ import annotations

import asyncio
import gzip
import io
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import pytest

from bot.core import Core
from engine.alert import AlertStatus
from engine.intake import DeadLetter
from tests.bot.front import Front, company, standing

PAYLOAD = {"summary": "Disk C: 91% full", "source": "fs-01.acme.example", "severity": "critical"}


@pytest.fixture
async def front(core: Core) -> AsyncIterator[Front]:
    async with standing(core) as made:
        yield made


@dataclass(frozen=True)
class Answer:
    status: int
    body: dict[str, Any]
    headers: Mapping[str, str]


async def post(
    front: Front, body: Any, path: str = "/v2/enqueue", headers: Mapping[str, str] | None = None
) -> Answer:
    data: Any = body if isinstance(body, bytes) else orjson.dumps(body)
    if len(data) > 1_000_000:
        data = io.BytesIO(data)  # aiohttp wants large ones as files
    async with front.client.post(path, data=data, headers=headers or {}) as answer:
        return Answer(answer.status, await answer.json(content_type=None), answer.headers)


def event(front: Front, action: str = "trigger", **more: Any) -> dict[str, Any]:
    return {"routing_key": front.acme.api_key, "event_action": action, "payload": PAYLOAD, **more}


async def letters(front: Front) -> list[DeadLetter]:
    return list(await front.core.read(lambda tx: tx.dead_letters.listed()))


async def test_an_event_is_an_alert_and_its_resolve_ends_it(front: Front):
    answer = await post(front, event(front, dedup_key="srv/disk"))
    assert answer.status == 202
    assert answer.body == {"status": "success", "message": "Event processed", "dedup_key": "srv/disk"}
    incident = await front.core.read(lambda tx: tx.incidents.get(1))
    assert (
        incident is not None
        and incident.open
        and incident.asset == "fs-01"
        and incident.severity == "critical"
    )
    bare = {"routing_key": front.acme.api_key, "event_action": "resolve", "dedup_key": "srv/disk"}
    assert (await post(front, bare)).body["dedup_key"] == "srv/disk"
    incident = await front.core.read(lambda tx: tx.incidents.get(1))
    assert incident is not None and not incident.open and await front.incidents() == 1


async def test_who_sends_no_key_gets_one_that_names_the_problem(front: Front):
    first = await post(front, event(front))
    again = await post(front, event(front, payload={**PAYLOAD, "summary": "Disk C: 97% full"}))
    other = await post(front, event(front, payload={**PAYLOAD, "source": "fs-02"}))
    assert first.body["dedup_key"] == again.body["dedup_key"] != other.body["dedup_key"]
    await post(front, event(front, "resolve", dedup_key=first.body["dedup_key"]))
    incident = await front.core.read(lambda tx: tx.incidents.get(1))
    assert incident is not None and not incident.open


async def test_acknowledgements_and_changes_open_nothing(front: Front):
    assert (await post(front, event(front, "acknowledge", dedup_key="k"))).status == 202
    change = {"routing_key": front.acme.api_key, "payload": {"summary": "Deployed", "source": "ci"}}
    answer = await post(front, change, "/v2/change/enqueue")
    assert answer.body == {"status": "success", "message": "Change event processed"} and answer.status == 202
    assert await front.incidents() == 0 and await front.alerts() == 2


async def test_version_1_is_answered_in_its_own_words(front: Front):
    old = {
        "service_key": front.acme.api_key,
        "event_type": "trigger",
        "description": "down",
        "incident_key": "a/b",
    }
    answer = await post(front, old, "/generic/2010-04-15/create_event.json")
    assert (answer.status, answer.body["incident_key"], answer.body["status"]) == (200, "a/b", "success")
    assert await front.incidents() == 1


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({"event_action": "explode"}, ["event_action"]),
        ({"event_action": None}, ["event_action"]),
        ({"payload": None}, ["payload.summary", "payload.source", "payload.severity"]),
        ({"payload": {**PAYLOAD, "severity": "P1"}}, ["payload.severity"]),
        ({"event_action": "resolve"}, ["dedup_key"]),
    ],
)
async def test_an_invalid_event_is_refused_with_every_error_and_kept_without_its_key(
    front: Front, changes: dict[str, Any], errors: list[str]
):
    answer = await post(front, event(front) | changes)
    assert answer.status == 400 and answer.body["status"] == "invalid event" and answer.body["message"]
    assert [one.split("'")[1] for one in answer.body["errors"]] == errors
    (letter,) = await letters(front)
    assert letter.tool == "pagerduty-events" and front.acme.api_key.encode() not in letter.body
    assert b"event_action" in letter.body


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"<a/>", b"a=1", b"[" * 1000])
async def test_what_names_no_key_is_refused_and_not_kept(front: Front, body: bytes):
    answer = await post(front, body)
    assert (answer.status, answer.body["errors"]) == (400, ["Invalid routing key"])
    assert await letters(front) == []


async def test_a_wrong_key_opens_nothing(front: Front):
    for wrong in ("R" * 32, "", None, 7, {"a": 1}, front.acme.api_key[:-1], "aw_" + "x" * 60):
        answer = await post(front, event(front) | {"routing_key": wrong})
        assert (answer.status, answer.body["errors"]) == (400, ["Invalid routing key"])
    assert await front.alerts() == 0


async def test_the_key_may_come_in_a_header_and_a_broken_body_is_then_kept(front: Front):
    named = {"X-Routing-Key": front.acme.api_key}
    good = {"event_action": "trigger", "payload": PAYLOAD}
    assert (await post(front, good, headers=named)).status == 202
    assert (await post(front, b"{half", headers=named)).status == 400
    assert len(await letters(front)) == 1


async def test_a_company_that_signs_is_not_open_to_who_does_not(front: Front):
    body = {**event(front), "routing_key": front.signed.api_key}
    assert (await post(front, body)).status == 400
    raw = orjson.dumps(body)
    assert (await post(front, raw, headers=front.signature(raw))).status == 202


async def test_a_repeat_by_its_name_changes_nothing(front: Front):
    first = await post(front, event(front), headers={"X-Delivery-ID": "d"})
    again = await post(front, event(front), headers={"X-Delivery-ID": "d"})
    assert first.body == again.body and again.headers["Idempotent-Replayed"] == "true"
    assert await front.alerts() == 1


async def test_many_at_once_share_their_commits(front: Front):
    answers = await asyncio.gather(*(post(front, event(front, dedup_key=f"k{n % 5}")) for n in range(60)))
    assert {answer.status for answer in answers} == {202}
    stored = await front.core.read(lambda tx: tx.alerts.of_incident(1))
    assert {one.status for one in stored} == {AlertStatus.FIRING} and len(stored) == 5


async def test_what_is_too_large_or_compressed_is_refused(front: Front):
    large = orjson.dumps(event(front, client="x" * 1_100_000))
    assert (await post(front, large)).status == 413
    small = gzip.compress(orjson.dumps(event(front)))
    assert (await post(front, small, headers={"Content-Encoding": "gzip"})).status == 415


async def test_over_its_limit_a_company_is_told_when_to_come_back(front: Front):
    small = await company(front.core, "small", rate_limit=1, burst=0)
    calm = {
        "routing_key": small.api_key,
        "payload": {**PAYLOAD, "severity": "warning"},
        "event_action": "trigger",
    }
    answers = [await post(front, {**calm, "dedup_key": f"k{number}"}) for number in range(3)]
    assert [one.status for one in answers] == [202, 429, 429]
    assert answers[-1].body["status"] == "throttle exceeded" and int(answers[-1].headers["Retry-After"]) > 0
    critical = {**calm, "dedup_key": "worse", "payload": PAYLOAD}
    assert (await post(front, critical)).status == 202, "the reserve for criticals is for these too"

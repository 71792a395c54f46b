"""SNS at the door: subscribed, confirmed, verified; and what happens where its certificate cannot be had."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.core import Core
from bot.doors import sns as sns_module
from bot.doors.sns import UNCHECKED
from bot.effects import Effects
from bot.outside import Resolver
from engine.errors import Permanent, Transient
from engine.jobs import ConfirmTopic, unpack
from integrations.sns import WrongSignature
from sandbox.sns import Sns
from storage.intake_tables import intake_lines
from storage.tables import jobs
from storage.transaction import Transaction
from tests.bot.front import ALERT, Front, company, standing
from tests.clock import TestClock

TOPIC = "arn:aws:sns:eu-central-1:123456789012:alarms"
ALARM = {
    "AlarmName": "cpu high",
    "NewStateValue": "ALARM",
    "NewStateReason": "Threshold Crossed",
    "Region": "EU (Frankfurt)",
    "Trigger": {"MetricName": "CPUUtilization", "Dimensions": [{"name": "InstanceId", "value": "i-0abc"}]},
}


@dataclass
class Aws:
    """A topic that delivers to the front door."""

    world: Sns
    front: Front

    def now(self) -> Any:
        return self.front.core.clock.now()

    async def send(
        self, message: dict[str, Any], *, tool: str = "cloudwatch", key: str = ""
    ) -> tuple[int, Any]:
        url = self.front.client.make_url(f"/api/webhooks/{tool}")
        return await self.world.post(str(url % {"api_key": key or self.front.acme.api_key}), message)

    async def alarm(self, *, topic: str = TOPIC, **how: Any) -> tuple[int, Any]:
        return await self.send(self.world.notification(topic, ALARM, at=self.now(), **how))

    async def waiting(self) -> list[ConfirmTopic]:
        async def look(tx: Transaction) -> list[ConfirmTopic]:
            statement = sa.select(jobs.c.payload).where(jobs.c.kind == ConfirmTopic.kind)
            rows = (await tx.connection.execute(statement)).scalars()
            return [unpack(ConfirmTopic.kind, dict(row)) for row in rows]  # type: ignore[misc]

        return await self.front.core.read(look)

    async def work(self) -> None:
        for job in await self.waiting():
            await Effects(self.front.core, {}, {}).perform(job)

    async def topics(self) -> tuple[str, ...]:
        company = await self.front.core.read(lambda tx: tx.companies.by_slug("acme"))
        assert company is not None
        return company.sns_topics

    async def told(self) -> list[str]:
        async def look(tx: Transaction) -> list[str]:
            return list((await tx.connection.execute(sa.select(intake_lines.c.text))).scalars())

        return await self.front.core.read(look)


@pytest.fixture
async def aws(core: Core) -> AsyncIterator[Aws]:
    world, app = Sns(), web.Application()
    app.add_routes(world.routes())
    async with TestServer(app, host="127.0.0.1") as server:
        world.url = f"http://127.0.0.1:{server.port}/sns"
        settings = core.settings.model_copy(update={"aw_sns_url": world.url})
        there = Core(settings=settings, database=core.database, clock=core.clock, catalogue=core.catalogue)
        async with standing(there) as front:
            yield Aws(world, front)


async def test_a_topic_is_subscribed_confirmed_and_heard(aws: Aws):
    status, said = await aws.send(aws.world.subscription(TOPIC, at=aws.now()))
    assert status == 202 and said["accepted"] == 0 and "being confirmed" in said["reason"]
    assert aws.world.confirmed == [], "by a job: nothing is asked while SNS waits for its answer"
    await aws.work()
    assert aws.world.confirmed == [TOPIC] and await aws.topics() == (TOPIC,)
    assert ["alarms is subscribed" in one for one in await aws.told()] == [True]
    for number, (version, subject) in enumerate([("1", None), ("2", None), ("1", "ALARM"), ("2", "ALARM")]):
        status, said = await aws.alarm(version=version, subject=subject)
        assert status == 202 and said["accepted"] == 1 and "reason" not in said, number
    assert await aws.front.incidents() == 1
    assert len(aws.world.asked) == 1, "the certificate is kept"
    assert aws.front.core.sns.unchecked == 0


async def test_a_wrong_signature_is_refused_whatever_the_key(aws: Aws):
    good = aws.world.notification(TOPIC, ALARM, at=aws.now())
    for change in (
        {"Message": json.dumps({**ALARM, "AlarmName": "other"})},
        {"Signature": "AAAA"},
        {"Signature": "not base64"},
        {"SignatureVersion": "3"},
        {"SigningCertURL": "https://evil.example/x.pem"},
        {"SigningCertURL": f"{aws.world.url}/missing.pem"},
        {"Timestamp": "yesterday"},
        {"MessageId": "other"},
    ):
        status, said = await aws.send({**good, **change})
        assert status == 401 and said["detail"] == "The key or the signature is missing or wrong.", change
    assert (await aws.send({**good, "MessageId": "x"}, key="wrong"))[0] == 401
    assert (await aws.send(good))[0] == 202
    assert await aws.front.alerts() == 1


async def test_a_message_of_another_time_is_refused_and_one_sent_again_is_a_repeat(
    aws: Aws, clock: TestClock
):
    message = aws.world.notification(TOPIC, ALARM, at=aws.now())
    status, first = await aws.send(message)
    assert status == 202
    clock.advance(minutes=59)
    assert await aws.send(message) == (202, first) and await aws.front.alerts() == 1
    clock.advance(minutes=62)
    assert (await aws.send(message))[0] == 401
    assert (await aws.alarm())[0] == 202


async def test_a_repeat_is_answered_also_when_the_company_may_send_nothing(aws: Aws):
    small = await company(aws.front.core, "small", rate_limit=1, burst=0)
    first = aws.world.notification(TOPIC, {**ALARM, "AlarmName": "critical outage"}, at=aws.now())
    answer = await aws.send(first, key=small.api_key)
    assert answer[0] == 202
    for _ in range(12):
        last = await aws.front.post({**ALERT, "severity": "critical"}, key=small.api_key)
    assert last.status == 429
    assert await aws.send(first, key=small.api_key) == answer
    other = aws.world.notification(TOPIC, ALARM, at=aws.now())
    assert (await aws.send(other, key=small.api_key))[0] == 429


async def test_only_the_topics_of_the_company_are_taken_once_it_has_some(aws: Aws):
    assert (await aws.alarm(topic=f"{TOPIC}-2"))[0] == 202
    await aws.send(aws.world.subscription(TOPIC, at=aws.now()))
    await aws.work()
    aws.front.door._known.clear()
    assert (await aws.alarm())[0] == 202
    status, said = await aws.alarm(topic=f"{TOPIC}-2")
    assert status == 403 and said["title"] == "Unknown topic"
    await aws.send(aws.world.subscription(f"{TOPIC}-2", at=aws.now()))
    await aws.work()
    aws.front.door._known.clear()
    assert (await aws.alarm(topic=f"{TOPIC}-2"))[0] == 202
    assert await aws.topics() == (TOPIC, f"{TOPIC}-2")


@pytest.mark.parametrize("failing", [500, 503, 429])
async def test_without_the_certificate_the_key_alone_counts_and_it_is_said(aws: Aws, failing: int):
    aws.world.failing = failing
    status, said = await aws.alarm()
    assert status == 202 and said["accepted"] == 1 and said["reason"] == UNCHECKED
    assert (await aws.alarm())[0] == 202
    assert aws.front.core.sns.unchecked == 2
    assert len(aws.world.asked) == 1, "who does not answer is not asked again at once"


async def test_a_confirmation_waits_until_sns_can_be_reached(
    aws: Aws, clock: TestClock, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sns_module, "AWAY_FOR", 0.0)
    aws.world.failing = 503
    status, said = await aws.send(aws.world.subscription(TOPIC, at=aws.now()))
    assert status == 202 and UNCHECKED in said["reason"] and "as soon as" in said["reason"]
    with pytest.raises(Transient) as later:
        await aws.work()
    assert later.value.retry_after == timedelta(minutes=5), "which does not count as a try"
    assert await aws.topics() == ()
    aws.world.failing = 0
    clock.advance(hours=30)
    await aws.work()
    assert await aws.topics() == (TOPIC,)


async def test_a_confirmation_that_is_forged_or_too_late_is_given_up(aws: Aws, clock: TestClock):
    message = aws.world.subscription(TOPIC, at=aws.now())
    effects = Effects(aws.front.core, {}, {})

    def job(**changes: str) -> ConfirmTopic:
        return ConfirmTopic(company_id=1, message_id="x", envelope=json.dumps({**message, **changes}))

    for wrong in (job(Token="other"), job(SubscribeURL="https://evil.example/"), job(TopicArn="arn:x")):
        with pytest.raises(Permanent, match="not from SNS"):
            await effects.perform(wrong)
    unknown = aws.world.signed(
        {**message, "Token": "unknown", "SubscribeURL": f"{aws.world.url}/?x"}, aws.now()
    )
    with pytest.raises(Permanent, match="SNS answered 400"):
        await effects.perform(ConfirmTopic(company_id=1, message_id="x", envelope=json.dumps(unknown)))
    elsewhere = aws.world.signed({**message, "SubscribeURL": "https://evil.example/"}, aws.now())
    with pytest.raises(Permanent, match="not of SNS"):
        await effects.perform(ConfirmTopic(company_id=1, message_id="x", envelope=json.dumps(elsewhere)))
    clock.advance(days=4)
    with pytest.raises(Permanent, match="subscribe"):
        await effects.perform(job())
    assert aws.world.confirmed == []


async def test_a_company_that_signs_takes_sns_at_its_own_signature(aws: Aws):
    key = aws.front.signed.api_key
    message = aws.world.notification(TOPIC, ALARM, at=aws.now())
    assert (await aws.send(message, key=key))[0] == 202
    aws.front.core.sns._known.clear()
    aws.world.failing = 503
    other = aws.world.notification(TOPIC, ALARM, at=aws.now())
    assert (await aws.send(other, key=key))[0] == 503, "neither proof: SNS sends it again"
    assert (await aws.send(ALARM | {"TopicArn": TOPIC, "Type": "x", "MessageId": "1"}, key=key))[0] == 401


async def test_the_envelope_is_taken_off_for_other_tools(aws: Aws):
    inside = {"asset_name": "web-01", "signature": "Disk full"}
    status, said = await aws.send(aws.world.notification(TOPIC, inside, at=aws.now()), tool="alerts")
    assert status == 202 and said["accepted"] == 1
    status, said = await aws.send(aws.world.notification(TOPIC, "no JSON", at=aws.now()), tool="alerts")
    assert status == 400 and said["dead_letter"]


async def test_the_end_of_a_subscription_is_told(aws: Aws):
    message = aws.world.subscription(TOPIC, at=aws.now())
    ended = aws.world.signed({**message, "Type": "UnsubscribeConfirmation"}, aws.now())
    status, said = await aws.send(ended)
    assert status == 202 and "noted" in said["reason"] and await aws.waiting() == []
    assert "unsubscribed" in (await aws.told())[0]


async def test_a_name_that_leads_into_our_own_network_leads_nowhere():
    resolver = Resolver()
    with pytest.raises(OSError, match="no public address"):
        await resolver.resolve("localhost", 443)
    await resolver.close()


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_neither_redirects_nor_large_nor_slow_answers_are_followed(
    core: Core, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sns_module, "PATIENCE", 0.2)
    hit: list[str] = []

    async def redirect(_: web.Request) -> web.Response:
        raise web.HTTPFound("/secret.pem")

    async def secret(_: web.Request) -> web.Response:
        hit.append("secret")
        return web.Response()

    async def large(_: web.Request) -> web.Response:
        return web.Response(body=b"x" * 100_000)

    async def slow(_: web.Request) -> web.Response:
        await asyncio.sleep(5)
        return web.Response()

    app = web.Application()
    for name, handler in (("redirect", redirect), ("secret", secret), ("large", large), ("slow", slow)):
        app.router.add_get(f"/{name}.pem", handler)
    async with TestServer(app, host="127.0.0.1") as server:
        base = f"http://127.0.0.1:{server.port}"
        fetcher = sns_module.Sns(core.settings.model_copy(update={"aw_sns_url": base}))
        with pytest.raises(WrongSignature):
            await fetcher._certificate(f"{base}/redirect.pem")
        assert await fetcher._certificate(f"{base}/large.pem") is None
        assert await fetcher._certificate(f"{base}/slow.pem") is None
        assert hit == []


def test_the_sandbox_setting_takes_loopback_only():
    from bot.settings import Settings

    assert Settings(aw_sns_url="http://127.0.0.1:8090/sns/").aw_sns_url == "http://127.0.0.1:8090/sns"
    for wrong in ("https://sns.example", "http://10.0.0.1:80", "http://127.0.0.1.evil.example"):
        with pytest.raises(ValueError, match="sandbox only"):
            Settings(aw_sns_url=wrong)

"""Mail that comes back, end to end: by SES through SNS and by SMTP at once; told once, and nothing sent there again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr

from engine.notice import GATHER, NoticeKind, Transport
from engine.operations import bounces
from engine.operations.notify import notify
from sandbox.smtp import SmtpSink
from sandbox.sns import Sns
from storage.transaction import Transaction
from tests.harness import CLI, Harness, eventually, shown

TOPIC = "arn:aws:sns:eu-central-1:123456789012:mail-feedback"
KIM = "bounce+kim@simulator.amazonses.com"


@asynccontextmanager
async def topic(h: Harness) -> AsyncIterator[Sns]:
    """Whatever SES has to tell is published to it."""
    sns = Sns()
    app = web.Application()
    app.add_routes(sns.routes())
    async with TestServer(app, host="127.0.0.1") as server:
        sns.url = str(server.make_url("/sns"))
        changes = {
            "aw_sns_url": sns.url,
            "aw_ses_topic": TOPIC,
            "aw_email_from": "Northwind <alerts@msp.example>",
        }
        await h.stop()
        h.settings = h.settings.model_copy(update=changes)
        await h.start()
        yield sns


async def moved(h: Harness, who: str, address: str) -> None:
    user = replace(h.users[who], email=address)
    await h.write(lambda tx: tx.users.change(user))
    h.users[who] = user


async def mail(h: Harness, key: str, who: str = "kim") -> str:
    """What became of a mail to them."""
    users = [await h.read(lambda tx: tx.users.get(h.users[who].id))]

    async def act(tx: Transaction) -> None:
        now = h.core.clock.now()
        text, only = f"Look at {key}.", [Transport.EMAIL]
        notify(tx, users, NoticeKind.PAGED, text, key=key, now=now, urgent=True, only=only)

    await h.write(act)

    async def outcome() -> str:
        found = await h.read(lambda tx: tx.notices.sent_or_not(f"user {h.users[who].id}", key))
        return next((one.outcome for one in found if one.settled_at is not None), "")

    return str(await eventually(outcome, what=f"what became of {key}"))


async def published(h: Harness, sns: Sns, **changes: Any) -> int:
    given = {"topic": TOPIC, "message": (h.aws.ses.feedback or [{}])[-1]} | changes
    made = sns.notification(given["topic"], given["message"], at=h.core.clock.now())
    return (await sns.post(f"{h.url}/ses/feedback", made | changes.get("forged", {})))[0]


async def told_once(h: Harness) -> None:
    h.clock.shift += GATHER
    assert "Nothing more is sent there." in shown(await h.told("lee", "Mail to Kim"))
    assert "an MSP admin has mended it" in shown(await h.told("kim", "comes back"))
    await h.quiet()
    for who in ("lee", "kim"):
        assert len([one for one in h.direct(who) if "comes back" in shown(one)]) == 1


async def test_what_ses_tells_of_an_address_ends_mail_to_it_until_it_is_cleared(h: Harness):
    async with topic(h) as sns:
        await moved(h, "kim", KIM)
        assert await mail(h, "one") == "sent"
        assert await published(h, sns, topic=f"{TOPIC}-of-somebody-else") == 403
        assert await published(h, sns, forged={"Message": "{}"}) == 401
        assert await mail(h, "two") == "sent", "nothing that is not proven is believed"
        delivery = sns.notification(TOPIC, h.aws.ses.feedback[-1], at=h.core.clock.now())
        for _ in range(3):
            assert (await sns.post(f"{h.url}/ses/feedback", delivery))[0] == 202
        assert await published(h, sns) == 202, "the second mail came back too"
        assert (await mail(h, "three")).startswith(f"mail to {KIM} came back on ")
        assert len([one for one in h.aws.mails if KIM in one.to]) == 2
        assert "mail to you comes back" in shown(await h.command("kim", "acme", "/aw whoami"))
        await told_once(h)
        await h.write(lambda tx: bounces.clear(tx, KIM.upper(), actor=CLI, now=h.core.clock.now()))
        assert await mail(h, "four") == "sent"


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_what_comes_back_for_a_time_is_counted_and_a_new_address_is_used(h: Harness):
    async with topic(h) as sns:
        subscribed = sns.subscription(TOPIC, at=h.core.clock.now())
        assert (await sns.post(f"{h.url}/ses/feedback", subscribed))[0] == 202
        assert sns.confirmed == [TOPIC]
        person = {"emailAddress": "kim@msp.example", "status": "4.2.2"}
        full = {"bounceType": "Transient", "bounceSubType": "MailboxFull", "bouncedRecipients": [person]}
        for _ in range(2):
            assert await published(h, sns, message={"notificationType": "Bounce", "bounce": full}) == 202
        assert await mail(h, "one") == "sent"
        (known,) = await h.read(lambda tx: tx.bounces.all())
        assert (known.address, known.soft, known.hard_at) == ("kim@msp.example", 2, None)
        await moved(h, "kim", "complaint@simulator.amazonses.com")
        assert await mail(h, "two") == "sent" and await published(h, sns) == 202
        assert "marked as unwanted" in await mail(h, "three")
        await moved(h, "kim", "kim.new@msp.example")
        assert await mail(h, "four") == "sent"


async def test_a_mail_server_that_knows_no_such_person_says_it_at_once(h: Harness):
    async with SmtpSink(refuses={"kim@msp.example": "550 5.1.1 No such user here"}).running() as sink:
        await h.stop()
        changes = {
            "aw_email_from": "Northwind <alerts@msp.example>",
            "aw_smtp_url": SecretStr(f"smtp://127.0.0.1:{sink.port}"),
        }
        h.settings = h.settings.model_copy(update=changes)
        await h.start()
        assert "550 5.1.1 No such user here" in await mail(h, "one")
        sink.refuses = {"bob@msp.example": "554 5.7.1 Your network is blocked"}
        assert "came back on" in await mail(h, "two") and not sink.taken
        assert "5.7.1" in await mail(h, "three", "bob")
        sink.refuses.clear()
        assert await mail(h, "four", "bob") == "sent", "that was about us, not about Bob"
        await told_once(h)

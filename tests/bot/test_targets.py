"""Every kind of target of a chain is reached, by the way it names; a webhook is signed and repeats under one name."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr

from bot.core import Core
from bot.notices import deliver
from bot.notices.senders import senders
from engine.access import SYSTEM
from engine.errors import Transient
from engine.notice import NoticeKind, Transport
from engine.oncall import Layer, Rotation
from engine.operations import clocks, configure, escalate, oncall
from engine.operations.notify import notify_place
from engine.outbreak import MspRecord
from engine.people_jobs import Notify
from engine.setting import SETTINGS, Origin
from tests.bot.test_board import fire

CHAIN = (
    "response technician, on_call, company_admin, msp_admin, channel; "
    "1m email:ops@msp.example, sms:+43123456789, voice:+43123456780, webhook:https://hook.example/x"
)


async def test_all_kinds_of_targets(world, clock):
    setting, where = SETTINGS["escalation"], configure.Where(Origin.COMPANY, "acme")
    layer = Layer((world.root.id,), 7, (clock.now() - timedelta(days=9)).date())
    chain = setting.read(CHAIN)

    async def prepare(tx):
        await configure.put(tx, where, setting, chain, actor=SYSTEM, now=clock.now())
        await tx.outbreaks.save_msp(MspRecord(slack_channel="C0OPS"))
        plan = Rotation(id=0, name="nights", layers=(layer,))
        await oncall.put(tx, plan, actor=SYSTEM, now=clock.now())

    await world.core.write(prepare)
    number = await fire(world)
    clock.advance(minutes=30)
    await world.core.write(lambda tx: clocks.check(tx, number, now=clock.now()))
    await world.core.write(lambda tx: escalate.follow(tx, number, now=clock.now()))
    clock.advance(minutes=1)
    await world.core.write(lambda tx: escalate.follow(tx, number, now=clock.now()))
    first, second = await world.core.read(lambda tx: tx.escalations.of(number))
    # the technician's level is whoever is next best: Kim was offered it already
    assert set(first.called) == {world.bob.id, world.root.id, world.ada.id} and not second.called
    told = await world.core.read(lambda tx: tx.notices.of_incident(number))
    escalated = {(one.transport, one.destination) for one in told if one.kind is NoticeKind.ESCALATED}
    assert escalated >= {
        (Transport.CHAT, f"user {world.bob.id}"),
        (Transport.CHAT, f"user {world.root.id}"),
        (Transport.CHAT, f"user {world.ada.id}"),
        (Transport.CHAT, "slack:C0OPS"),
        (Transport.EMAIL, "ops@msp.example"),
        (Transport.SMS, "+43123456789"),
        (Transport.VOICE, "+43123456780"),
        (Transport.WEBHOOK, "https://hook.example/x"),
    }


async def test_a_webhook_is_posted_signed_and_again_under_its_name(world, clock):
    got: list[tuple[dict[str, str], bytes]] = []
    statuses = [503, 200]

    async def hook(request: web.Request) -> web.Response:
        got.append((dict(request.headers), await request.read()))
        return web.Response(status=statuses.pop(0))

    app = web.Application()
    app.add_routes([web.post("/x", hook)])
    server = TestServer(app)
    async with server:
        url = str(server.make_url("/x"))
        secret = base64.b64encode(b"k" * 24).decode()
        settings = world.core.settings.model_copy(
            update={"aw_outbound_hosts": "127.0.0.1", "aw_webhook_secret": SecretStr(f"whsec_{secret}")}
        )
        core = Core(
            settings=settings, database=world.core.database, clock=clock, catalogue=world.core.catalogue
        )
        number = await fire(world)

        async def tell(tx: Any) -> None:
            incident = await tx.incidents.get(number)
            notify_place(
                tx,
                Transport.WEBHOOK,
                url,
                NoticeKind.ESCALATED,
                "escalated (level 1).",
                key="one",
                now=clock.now(),
                incident=incident,
            )

        await core.write(tell)
        job = Notify(company_id=0, transport="webhook", destination=url)
        with pytest.raises(Transient, match="503"):
            await deliver.deliver(core, senders(core, {}), job)
        await deliver.deliver(core, senders(core, {}), job)
    (first, body), (second, same) = got
    assert body == same and first["webhook-id"] == second["webhook-id"]
    signed = f"{second['webhook-id']}.{second['webhook-timestamp']}.".encode() + body
    mac = base64.b64encode(hmac.new(b"k" * 24, signed, hashlib.sha256).digest()).decode()
    assert second["webhook-signature"] == f"v1,{mac}"
    assert b"INC-1 \xc2\xb7 Acme \xc2\xb7 Disk / 93% full on web-01: escalated (level 1)." in body
    (notice,) = await core.read(lambda tx: tx.notices.of_incident(number))
    assert notice.outcome == "sent"
    plain = Core(settings=world.core.settings, database=core.database, clock=clock, catalogue=core.catalogue)
    await core.write(lambda tx: _again(tx, "https://10.0.0.1/x", clock.now()))
    await deliver.deliver(
        plain, senders(plain, {}), Notify(company_id=0, transport="webhook", destination="https://10.0.0.1/x")
    )
    found = await core.read(lambda tx: tx.notices.waiting("webhook", "https://10.0.0.1/x"))
    assert not found, "settled, saying why"


async def _again(tx: Any, address: str, now: Any) -> None:
    notify_place(tx, Transport.WEBHOOK, address, NoticeKind.ESCALATED, "x", key="two", now=now)

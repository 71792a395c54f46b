"""Texts and calls, end to end: for criticals only, and one press takes it in hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from engine.company import Reach
from engine.operations import directory
from sandbox.faults import Do, Fault
from sandbox.twilio import PhoneMessage, TwilioWorld
from tests.harness import CLI, Harness, eventually
from tests.outside import TWILIO

KIM, BOB = "+436601111111", "+436602222222"


@pytest.fixture
async def phones(h: Harness) -> TwilioWorld:
    assert h.world.twilio is not None
    await h.stop()
    h.settings = h.settings.model_copy(
        update={
            "twilio_account_sid": TWILIO["account_sid"],
            "twilio_auth_token": SecretStr(TWILIO["auth_token"]),
            "twilio_from": TWILIO["number"],
            "aw_twilio_url": f"{h.world_url}/twilio",
        }
    )
    await h.start()
    for who, number in (("kim", KIM), ("bob", BOB)):
        await reachable(h, who, phone=number)
    return h.world.twilio


async def reachable(h: Harness, who: str, **changes: Any) -> None:
    user = replace(h.users[who], **changes)
    h.users[who] = user
    await h.write(lambda tx: directory.change_user(tx, user, actor=CLI, now=h.core.clock.now()))


async def sent(phones: TwilioWorld, kind: str, saying: str = "") -> PhoneMessage:
    def look() -> PhoneMessage | None:
        ours = [one for one in phones.messages if one.kind == kind and one.of == TWILIO["number"]]
        return next((one for one in reversed(ours) if saying in one.body), None)

    found: PhoneMessage = await eventually(
        look, what=f"{kind} saying {saying!r}", seen=lambda: phones.messages
    )
    return found


async def test_a_critical_is_texted_and_the_answer_claims_it(h: Harness, phones: TwilioWorld):
    await h.fire("acme", severity="medium", signature="Memory 91%")
    await h.fire("acme", message="http://evil.example")
    text = await sent(phones, "text", "CRITICAL")
    assert (
        "INC-2 Acme Corp" in text.body and text.body.endswith("Reply 1 to claim.") and len(text.body) <= 320
    )
    who = {KIM: "Kim", BOB: "Bob"}[text.to]
    assert (await phones.reply(text.to, "1", token="x" * 32))[0] == 403
    assert (await phones.reply("+430000000", "1"))[1] == "This number is not known here."
    assert "Reply 1" in (await phones.reply(text.to, "what?"))[1]
    sid = "SM" + "a" * 32
    assert await phones.reply(text.to, "1", sid=sid) == (200, "INC-2 is yours.")
    await h.card("acme", saying=f"in the hands of {who}")
    assert await phones.reply(text.to, "1", sid=sid) == (200, "INC-2 is yours."), "the same text once more"
    other = BOB if text.to == KIM else KIM
    assert f"{who} claimed this" in (await phones.reply(other, "claim INC-2"))[1]
    assert (await phones.reply(other, "99"))[1] == "There is no INC-99."
    await h.quiet()
    assert len([one for one in phones.messages if "CRITICAL" in one.body]) == 1
    assert await phones.tell(text, "undelivered", ErrorCode="30003") == 204
    outcomes = [one.outcome for one in await h.read(lambda tx: tx.notices.of_incident(2))]
    assert outcomes == ["not delivered: undelivered (Twilio 30003)"]


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_a_call_says_what_it_is_and_1_claims_it(h: Harness, phones: TwilioWorld):
    for who in ("kim", "bob"):
        await reachable(h, who, reach={"sms": Reach.OFF, "voice": Reach.URGENT})
    phones.faults.add(Fault(service="twilio", do=Do.RATELIMITED))
    await h.fire("acme", 'Disk <b>"97%"</b> & full')
    call = await sent(phones, "call")
    said = await phones.pick_up(call)
    assert "critical incident 1 at Acme Corp" in said and "Press 1 to claim it." in said
    assert "Nothing was claimed" in await phones.pick_up(call, "2")
    stranger = PhoneMessage("CA1", "call", call.of, "+430000000", "", call.url)
    assert await phones.pick_up(stranger, "1") == "This call is over."
    assert "INC-1 is yours." in await phones.pick_up(call, "1")
    await h.card("acme", saying="in the hands of")
    assert "INC-1 is yours." in await phones.pick_up(call, "1"), "pressing twice is a silent success"
    async with h.session.post(call.url, data={"To": call.to}) as answer:
        assert answer.status == 403


async def test_a_page_by_call_is_heard_by_pressing_1(h: Harness, phones: TwilioWorld):
    await reachable(h, "bob", reach={"sms": Reach.OFF, "voice": Reach.URGENT})
    await h.command("kim", "acme", "/aw page @bob the core switch is dead")
    call = await sent(phones, "call")
    said = await phones.pick_up(call)
    assert "Kim pages you: the core switch is dead." in said
    assert "Press 1 to say that you have heard it." in said
    assert "They are told that you have heard it." in await phones.pick_up(call, "1")
    await h.told("kim", "Bob has heard your page")


async def test_a_page_by_text_is_heard_by_replying_1_and_the_incident_told_later_is_claimed(
    h: Harness, phones: TwilioWorld
):
    await h.command("kim", "acme", "/aw page @bob the core switch is dead")
    text = await sent(phones, "text", "core switch")
    assert text.to == BOB and text.body.endswith("Reply 1: you have heard it.")
    sid = "SM" + "b" * 32
    assert (await phones.reply(BOB, "1", sid=sid))[1] == "They are told that you have heard it."
    assert (await phones.reply(BOB, "1", sid=sid))[1] == "They are told that you have heard it.", "a repeat"
    await h.told("kim", "Bob has heard your page")
    await h.quiet()
    assert len([one for one in phones.messages if "core switch" in one.body]) == 1, "not told again"

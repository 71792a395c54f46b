"""Twilio over the wire: what it refuses in words, what may be tried again, and whose signature is believed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import AlertWhispererError, Ambiguous, Permanent, Transient
from integrations.twilio import Twilio, signature, signed
from sandbox.faults import Do, Fault, Faults
from sandbox.twilio import TwilioConfig, TwilioWorld, mount, sign

SID, TOKEN, OURS, KIM, NOWHERE = "AC" + "1" * 32, "t" * 32, "+15005550006", "+436601234567", "+15005550009"


@pytest.fixture
async def wire() -> AsyncIterator[tuple[TwilioWorld, str]]:
    config = TwilioConfig(account_sid=SID, auth_token=TOKEN, number=OURS, unreachable=(NOWHERE,))
    world = TwilioWorld(config, "http://127.0.0.1:1", Faults(), lambda _: None)
    app = web.Application()
    mount(app, world)
    async with TestServer(app) as server:
        yield world, str(server.make_url("/twilio"))


def client(url: str, **changes: Any) -> Twilio:
    return Twilio(**{"sid": SID, "token": TOKEN, "sender": OURS, "url": url, **changes})


async def test_texts_and_calls_go_out(wire: tuple[TwilioWorld, str]):
    world, url = wire
    twilio = client(url)
    assert await twilio.check() == f"account “Northwind”, from {OURS}"
    sid = await twilio.text(KIM, "Größe & Co", told_at="https://aw.example/twilio/status/b")
    await twilio.call(KIM, says_at="https://aw.example/twilio/voice/b")
    await twilio.close()
    text, call = world.messages
    assert (text.sid, text.to, text.body) == (sid, KIM, "Größe & Co") and call.url.endswith("/voice/b")


@pytest.mark.parametrize(
    ("to", "changes", "words"),
    [
        ("0660123", {}, "no phone number"),
        (NOWHERE, {}, "cannot take text messages"),
        (KIM, {"sender": "+1"}, "not a number of ours"),
        (KIM, {"token": "wrong"}, "TWILIO_AUTH_TOKEN is wrong"),
        (KIM, {"sid": "AC" + "2" * 32}, "does not know us"),
    ],
)
async def test_what_cannot_work_is_said_in_words(
    wire: tuple[TwilioWorld, str], to: str, changes: dict[str, str], words: str
):
    twilio = client(wire[1], **changes)
    with pytest.raises(Permanent, match=words) as refused:
        await twilio.text(to, "x")
    assert TOKEN not in str(refused.value) and wire[0].messages == []
    await twilio.close()


@pytest.mark.parametrize(
    ("fault", "kind", "arrives"),
    [
        (Fault(service="twilio", do=Do.RATELIMITED), Transient, 0),
        (Fault(service="twilio", do=Do.STATUS, status=503), Ambiguous, 0),
        (Fault(service="twilio", do=Do.LOST_REPLY), Ambiguous, 1),
        (Fault(service="twilio", do=Do.RESET), Ambiguous, 0),
    ],
)
async def test_what_may_be_tried_again(
    wire: tuple[TwilioWorld, str], fault: Fault, kind: type[AlertWhispererError], arrives: int
):
    world, url = wire
    twilio = client(url)
    world.faults.add(fault)
    with pytest.raises(kind) as refused:
        await twilio.text(KIM, "x")
    assert type(refused.value) is kind and len(world.messages) == arrives
    world.stopped.add(KIM)
    with pytest.raises(Permanent, match="STOP"):
        await twilio.text(KIM, "x")
    await twilio.close()
    away = client("http://127.0.0.1:1")
    with pytest.raises(Transient, match="cannot be reached"):
        await away.text(KIM, "x")
    await away.close()


def test_the_signature_is_twilios():
    """The example of Twilio's own documentation."""
    form = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+14158675310",
        "Digits": "1234",
        "From": "+14158675310",
        "To": "+18005551212",
    }
    url = "https://example.com/myapp.php?foo=1&bar=2"
    made = signature("12345", url, form)
    assert made == sign("12345", url, form) == "L/OH5YylLD5NRKLltdqwSvS0BnU="
    assert signed("12345", url, form, made)
    assert not signed("12345", url + "&x=1", form, made) and not signed(
        "", url, form, signature("", url, form)
    )
    assert not signed("12345", url, form | {"Digits": "1"}, made) and not signed("12345", url, form, "")


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=5), st.text(max_size=20))
def test_no_other_signature_is_believed(form: dict[str, str], given_one: str):
    right = signature("token", "https://aw.example/twilio/sms", form)
    assert signed("token", "https://aw.example/twilio/sms", form, given_one) == (given_one == right)

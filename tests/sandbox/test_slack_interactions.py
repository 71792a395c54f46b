"""Signed commands, presses, forms and events to a real slack-bolt app, and what people see of its answers."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from typing import Any
from urllib.parse import parse_qs

import pytest
from aiohttp import web

from sandbox.slack.delivery import signed
from tests.sandbox.conftest import (
    ACME,
    BOT,
    KIM,
    LEE,
    QUIET,
    SECRET,
    Desk,
    button,
    eventually,
    modal,
    plain,
    section,
)

CARD = [
    section(),
    {
        "type": "actions",
        "block_id": "row",
        "elements": [
            button("aw:claim", value="42"),
            {
                "type": "overflow",
                "action_id": "aw:more",
                "options": [{"text": plain("Why"), "value": "why:42"}],
            },
        ],
    },
]


def form(desk: Desk, place: int = -1) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(desk.requests[place][1].decode()).items()}


def payload(desk: Desk, place: int = -1) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(form(desk, place)["payload"])
    return found


def heard(desk: Desk, place: int = -1) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(desk.requests[place][1])
    return found


# ── commands ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_command_is_answered_in_place(desk: Desk):
    @desk.app.command("/aw")
    async def command(ack: Any) -> None:
        await ack(text="fine", blocks=[section("fine")])

    seen = await desk.slack.command(KIM, ACME, "/aw status <acme> & @lee in #aw-globex")
    assert seen is not None and seen["ephemeral"] and seen["blocks"][0]["text"]["text"] == "fine"
    assert desk.slack.ephemerals(KIM) == [seen] and desk.slack.ephemerals(LEE) == []
    sent = form(desk)
    assert sent["text"] == "status &lt;acme&gt; &amp; <@U0LEE|lee> in <#C0GLOBEX|aw-globex>"
    assert {name: sent[name] for name in ("command", "user_id", "channel_id", "team_id", "api_app_id")} == {
        "command": "/aw",
        "user_id": KIM,
        "channel_id": ACME,
        "team_id": "T0MSP",
        "api_app_id": "A0AWBOT",
    }
    assert sent["response_url"].startswith(desk.address) and sent["trigger_id"] and sent["user_name"] == "kim"


async def test_a_request_is_signed_over_its_time_and_its_bytes(desk: Desk):
    await desk.slack.command(KIM, ACME, "/aw")
    headers, body = desk.requests[0]
    stamp = headers["X-Slack-Request-Timestamp"]
    expected = hmac.new(SECRET.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    assert headers["X-Slack-Signature"] == f"v0={expected}"
    assert abs(int(stamp) - time.time()) < 5


async def test_bolt_refuses_what_is_not_signed_so(desk: Desk):
    body = b"command=%2Faw&text="
    address = f"{desk.world.config.bot_url}/slack/events"
    for headers in (
        {},
        signed("x" * 32, body, time.time()),
        signed(SECRET, body, time.time() - 301),
        signed(SECRET, body + b"x", time.time()),
    ):
        async with desk.session.post(address, data=body, headers=headers) as answer:
            assert answer.status == 401


async def test_a_command_may_answer_everybody_or_later_or_with_a_modal(desk: Desk):
    @desk.app.command("/aw")
    async def command(ack: Any, body: dict[str, Any], respond: Any) -> None:
        if body["text"] == "share":
            await ack(text="for all", response_type="in_channel")
            return
        await ack()
        if body["text"] == "late":
            await asyncio.sleep(0.05)
            await respond(text="at last")
        else:
            await desk.client.views_open(trigger_id=body["trigger_id"], view=modal())

    seen = await desk.slack.command(KIM, ACME, "/aw share")
    assert seen is not None and desk.slack.messages(ACME)[0]["text"] == "for all"
    seen = await desk.slack.command(KIM, ACME, "/aw late")
    assert seen is not None and seen["text"] == "at last" and seen["ephemeral"]
    seen = await desk.slack.command(KIM, ACME, "/aw form")
    assert seen is not None and seen["type"] == "modal"


async def test_a_command_that_fails_says_so(desk: Desk):
    async def said(text: str = "/aw") -> str:
        seen = await desk.slack.command(KIM, ACME, text)
        assert seen is not None and seen["user"] == "USLACKBOT"
        return str(seen["text"])

    assert "not a valid command" in await said("/other")
    assert desk.requests == []
    assert await said() == "/aw failed with the error 'dispatch_failed'"  # nobody listens for it: 404
    desk.answer_instead = lambda: web.json_response({"text": "x", "blocks": [{"type": "section"}]})
    assert "invalid_blocks" in await said()
    desk.answer_instead = lambda: web.Response(text="plain words")
    seen = await desk.slack.command(KIM, ACME, "/aw")
    assert seen is not None and seen["text"] == "plain words"


async def test_slack_waits_three_seconds(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    @desk.app.command("/aw")
    async def command(ack: Any) -> None:
        await asyncio.sleep(0.5)
        await ack("too late")

    import aiohttp

    from sandbox.slack import delivery

    assert delivery.PATIENCE == 3.0
    line = desk.slack.interactions._line
    line._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=0.1))
    seen = await desk.slack.command(KIM, ACME, "/aw")
    assert seen is not None and seen["text"] == "/aw failed with the error 'operation_timeout'"


# ── presses ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_press_carries_where_it_was_made(desk: Desk):
    @desk.app.action("aw:claim")
    async def claimed(ack: Any, body: dict[str, Any]) -> None:
        await ack()
        place = {"channel": body["channel"]["id"], "ts": body["message"]["ts"]}
        await desk.client.chat_update(**place, text="claimed", blocks=[section("claimed")])

    card = await desk.post(blocks=CARD)
    seen = await desk.slack.press(KIM, card, "aw:claim")
    assert seen is not None and seen["text"] == "claimed"
    sent = payload(desk)
    [action] = sent["actions"]
    assert {name: action[name] for name in ("type", "action_id", "block_id", "value")} == {
        "type": "button",
        "action_id": "aw:claim",
        "block_id": "row",
        "value": "42",
    }
    assert action["action_ts"] and action["text"] == plain("Go")
    assert sent["type"] == "block_actions"
    assert sent["user"] == {"id": KIM, "username": "kim", "name": "kim", "team_id": "T0MSP"}
    assert sent["team"] == {"id": "T0MSP", "domain": "northwind-msp"}
    assert sent["container"] == {
        "type": "message",
        "message_ts": card["ts"],
        "channel_id": ACME,
        "is_ephemeral": False,
    }
    assert (sent["channel"], sent["message"]["text"]) == ({"id": ACME, "name": "aw-acme"}, "hello")
    assert {"token", "api_app_id", "trigger_id", "response_url", "state"} <= set(sent)


async def test_a_menu_is_chosen_from_and_nothing_else_is_there(desk: Desk):
    @desk.app.action("aw:more")
    async def more(ack: Any, body: dict[str, Any], respond: Any) -> None:
        await ack()
        await respond(text=body["actions"][0]["selected_option"]["value"])

    card = await desk.post(blocks=CARD)
    seen = await desk.slack.press(KIM, card, "aw:more", option="why:42")
    assert seen is not None and (seen["text"], seen["ephemeral"]) == ("why:42", True)
    with pytest.raises(LookupError, match="no option"):
        await desk.slack.press(KIM, card, "aw:more", option="why:43")
    with pytest.raises(LookupError, match="nothing to press is called aw:none"):
        await desk.slack.press(KIM, card, "aw:none")


async def test_a_press_that_nobody_takes_is_seen(desk: Desk):
    card = await desk.post(blocks=CARD)
    seen = await desk.slack.press(KIM, card, "aw:claim")
    assert seen == {"type": "toast", "text": "The app did not respond (dispatch_failed)."}


async def test_answers_to_a_press_go_where_it_was_made_five_times(desk: Desk):
    urls: list[str] = []

    @desk.app.action("aw:claim")
    async def claimed(ack: Any, body: dict[str, Any], respond: Any) -> None:
        await ack()
        urls.append(body["response_url"])
        await respond(text="only you")

    first = await desk.post()
    card = await desk.post(blocks=CARD, thread_ts=first["ts"])
    seen = await desk.slack.press(KIM, card, "aw:claim")
    assert seen is not None and seen["thread_ts"] == first["ts"]

    async def respond(**body: Any) -> int:
        async with desk.session.post(urls[0], json=body) as answer:
            return answer.status

    assert await respond(text="x", blocks=[{"type": "section"}]) == 400
    assert await respond(text="replaced", replace_original=True) == 200
    [_, now] = desk.slack.replies(ACME, first["ts"])
    assert now["text"] == "replaced" and "blocks" not in now
    assert await respond(text="to all", response_type="in_channel") == 200
    assert desk.slack.replies(ACME, first["ts"])[-1]["text"] == "to all"
    assert await respond(delete_original=True) == 200
    assert card["ts"] not in [one["ts"] for one in desk.slack.replies(ACME, first["ts"])]
    assert await respond(text="a sixth") == 404
    async with desk.session.post(f"{desk.address}/slack/response/guessed", json={"text": "x"}) as answer:
        assert (answer.status, (await answer.json())["error"]) == (404, "invalid_url")


async def test_an_answer_comes_within_thirty_minutes(desk: Desk):
    token = desk.slack.state.tickets.response_url(KIM, ACME)
    now = desk.slack.state.clock()
    desk.slack.state.clock = lambda: now + 1801
    async with desk.session.post(f"{desk.address}/slack/response/{token}", json={"text": "x"}) as answer:
        assert (answer.status, (await answer.json())["error"]) == (404, "expired_url")


async def test_what_one_person_sees_can_be_pressed_and_replaced(desk: Desk):
    @desk.app.action("aw:claim")
    async def claimed(ack: Any, respond: Any) -> None:
        await ack()
        await respond(text="done", replace_original=True)

    await desk.client.chat_postEphemeral(channel=ACME, user=KIM, text="card", blocks=CARD)
    [whisper] = desk.slack.ephemerals(KIM)
    seen = await desk.slack.press(KIM, whisper, "aw:claim")
    assert seen is not None and (seen["text"], seen["ts"]) == ("done", whisper["ts"])
    assert [one["text"] for one in desk.slack.ephemerals(KIM)] == ["done"]
    sent = payload(desk)
    assert sent["container"]["is_ephemeral"] is True and "message" not in sent


# ── events ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_mention_is_heard_and_answered(desk: Desk):
    @desk.app.event("app_mention")
    async def mentioned(event: dict[str, Any], say: Any) -> None:
        await say(text=f"you said {event['text']}", thread_ts=event["ts"])

    said = await desk.slack.mention(KIM, ACME, "@Alert Whisperer claim & @lee <b>")
    assert said["text"] == f"<@{BOT}> claim &amp; <@{LEE}> &lt;b&gt;"
    answer = await eventually(lambda: desk.slack.replies(ACME, said["ts"])[1:])
    assert answer[0]["text"] == f"you said {said['text']}"
    sent = heard(desk)
    assert (sent["type"], sent["event"]["user"], sent["event"]["channel"]) == ("event_callback", KIM, ACME)
    assert sent["event_id"].startswith("Ev") and sent["authorizations"][0]["user_id"] == BOT


async def test_what_is_not_for_the_bot_is_not_told(desk: Desk):
    await desk.slack.say(KIM, ACME, "lunch?")
    await desk.slack.say(KIM, QUIET, f"<@{BOT}> are you here?")
    assert desk.requests == []
    await desk.slack.say(KIM, "D0KIM", "hello")
    assert (heard(desk)["event"]["type"], heard(desk)["event"]["channel_type"]) == ("message", "im")


async def test_a_reply_in_a_thread_says_which(desk: Desk):
    first = await desk.post()
    await desk.slack.mention(KIM, ACME, f"<@{BOT}> why", thread_ts=first["ts"])
    assert heard(desk)["event"]["thread_ts"] == first["ts"]


async def test_an_event_that_is_not_taken_comes_again_three_times(desk: Desk):
    desk.slack.interactions.event_pauses = (0.0, 0.02, 0.02)
    desk.answer_instead = lambda: web.Response(status=500)
    await desk.slack.mention(KIM, ACME, f"<@{BOT}> hello")
    await eventually(lambda: len(desk.requests) == 4)
    await asyncio.sleep(0.1)
    tries = [(h.get("X-Slack-Retry-Num"), h.get("X-Slack-Retry-Reason")) for h, _ in desk.requests]
    assert tries == [(None, None), ("1", "http_error"), ("2", "http_error"), ("3", "http_error")]
    assert len({heard(desk, n)["event_id"] for n in range(4)}) == 1


async def test_the_app_may_ask_not_to_hear_it_again(desk: Desk):
    desk.slack.interactions.event_pauses = (0.0,)
    desk.answer_instead = lambda: web.Response(status=500, headers={"X-Slack-No-Retry": "1"})
    await desk.slack.mention(KIM, ACME, f"<@{BOT}> hello")
    await asyncio.sleep(0.1)
    assert len(desk.requests) == 1


async def test_the_home_is_published_when_it_is_opened(desk: Desk):
    @desk.app.event("app_home_opened")
    async def home_opened(event: dict[str, Any]) -> None:
        home = {"type": "home", "blocks": [section(f"hello {event['user']}")]}
        await desk.client.views_publish(user_id=event["user"], view=home)

    await desk.slack.open_home(KIM)
    home = await eventually(lambda: desk.slack.home_of(KIM))
    assert home["blocks"][0]["text"]["text"] == f"hello {KIM}"


async def test_the_address_answers_slacks_challenge(desk: Desk):
    assert await desk.slack.interactions.verify_url("c0ffee") is True
    desk.answer_instead = lambda: web.Response(text="hello")
    assert await desk.slack.interactions.verify_url() is False

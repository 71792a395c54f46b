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
    field_of,
    modal,
    mrkdwn,
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


# ── forms ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def with_form(desk: Desk, answer: dict[str, Any] | None, **more: Any) -> dict[str, Any]:
    """A modal that is open, and whose sending is answered so."""

    @desk.app.view("form")
    async def sent(ack: Any) -> None:
        await (ack(**answer) if answer else ack())

    ticket = desk.slack.state.tickets.trigger(KIM)
    found: dict[str, Any] = (await desk.client.views_open(trigger_id=ticket, view=modal(**more)))["view"]
    return found


async def test_a_form_is_sent_and_closes(desk: Desk):
    view = await with_form(desk, None, private_metadata="INC-42")
    assert await desk.slack.submit(KIM, view["id"], {"note": "restarted it"}) == {}
    assert desk.slack.views_of(KIM) == []
    sent = payload(desk)
    assert (sent["type"], sent["view"]["private_metadata"]) == ("view_submission", "INC-42")
    value = {"type": "plain_text_input", "value": "restarted it"}
    assert sent["view"]["state"]["values"] == {"note": {"note": value}}
    assert sent["view"]["hash"] == view["hash"] and sent["response_urls"] == []
    with pytest.raises(LookupError):
        await desk.slack.submit(KIM, view["id"], {"note": "twice"})


async def test_a_form_with_faults_stays_open(desk: Desk):
    view = await with_form(desk, {"response_action": "errors", "errors": {"note": "too vague"}})
    answer = await desk.slack.submit(KIM, view["id"], {"note": "x"})
    assert answer == {"response_action": "errors", "errors": {"note": "too vague"}}
    assert len(desk.slack.views_of(KIM)) == 1
    sent_so_far = len(desk.requests)
    answer = await desk.slack.submit(KIM, view["id"], {})
    assert "required" in answer["errors"]["note"]
    assert len(desk.requests) == sent_so_far, "Slack itself asks for what is missing"


async def test_a_form_may_change_go_on_or_clear_away(desk: Desk):
    update = {"response_action": "update", "view": modal(section("thanks"))}
    view = await with_form(desk, update)
    assert await desk.slack.submit(KIM, view["id"], {"note": "x"}) == {"response_action": "update"}
    [now] = desk.slack.views_of(KIM)
    assert (now["id"], now["blocks"][0]["text"]["text"]) == (view["id"], "thanks")


async def test_a_form_may_go_on_in_another(desk: Desk):
    view = await with_form(desk, {"response_action": "push", "view": modal(section("more"))})
    assert await desk.slack.submit(KIM, view["id"], {"note": "x"}) == {"response_action": "push"}
    assert [one["previous_view_id"] for one in desk.slack.views_of(KIM)] == [None, view["id"]]


async def test_a_form_may_clear_everything_away(desk: Desk):
    view = await with_form(desk, {"response_action": "clear"})
    await desk.slack.submit(KIM, view["id"], {"note": "x"})
    assert desk.slack.views_of(KIM) == []


@pytest.mark.parametrize(
    "answer",
    [
        {"response_action": "errors", "errors": {"nowhere": "x"}},
        {"response_action": "errors", "errors": {}},
        {"response_action": "update", "view": modal(title=plain("x" * 25))},
        {"response_action": "vanish"},
    ],
)
async def test_an_answer_that_slack_cannot_use_leaves_the_form_with_trouble(
    desk: Desk, answer: dict[str, Any]
):
    view = await with_form(desk, None)
    desk.answer_instead = lambda: web.json_response(answer)
    said = await desk.slack.submit(KIM, view["id"], {"note": "x"})
    assert said["error"] == "We had some trouble connecting. Try again?"
    assert [one["id"] for one in desk.slack.views_of(KIM)] == [view["id"]]


async def test_closing_is_told_when_it_was_asked_for(desk: Desk):
    closed: list[dict[str, Any]] = []

    @desk.app.view_closed("form")
    async def was_closed(ack: Any, body: dict[str, Any]) -> None:
        await ack()
        closed.append(body)

    view = await with_form(desk, None, notify_on_close=True)
    await desk.slack.close_view(KIM, view["id"])
    await eventually(lambda: closed)
    assert (closed[0]["view"]["id"], closed[0]["is_cleared"]) == (view["id"], False)
    view = await with_form(desk, None)
    await desk.slack.close_view(KIM, view["id"])
    assert len(closed) == 1


async def test_pressing_in_a_modal_and_in_the_home(desk: Desk):
    pressed: list[dict[str, Any]] = []

    @desk.app.action("aw:go")
    async def go(ack: Any, body: dict[str, Any]) -> None:
        await ack()
        pressed.append(body)
        if body["view"]["type"] == "modal":
            await desk.client.views_push(trigger_id=body["trigger_id"], view=modal(section("next")))

    view = await with_form(desk, None, blocks=[section(accessory=button()), field_of()])
    seen = await desk.slack.press(KIM, view, "aw:go")
    assert seen is not None and seen["previous_view_id"] == view["id"]
    home = {"type": "home", "blocks": [section(accessory=button())]}
    published = (await desk.client.views_publish(user_id=KIM, view=home))["view"]
    await desk.slack.press(KIM, published, "aw:go")
    assert pressed[1]["container"] == {"type": "view", "view_id": published["id"]}
    assert "response_url" not in pressed[1]


async def test_a_menu_asks_the_app_for_its_options(desk: Desk):
    offered: dict[str, Any] = {"options": [{"text": plain("acme-web-01"), "value": "7"}]}

    @desk.app.options("host")
    async def hosts(ack: Any, payload: dict[str, Any]) -> None:
        assert payload["value"] == "acme"
        await ack(**offered)

    element = {"type": "external_select", "action_id": "host"}
    view = await with_form(desk, None, blocks=[{**field_of("host"), "element": element}])
    asked = {"as": KIM, "view_id": view["id"], "block_id": "host", "action_id": "host", "value": "acme"}
    assert await desk.page("POST", "options", **asked) == offered
    assert payload(desk)["type"] == "block_suggestion" and payload(desk)["view"]["id"] == view["id"]
    offered["options"] = [{"text": mrkdwn("x"), "value": "7"}] * 101
    assert await desk.page("POST", "options", **asked) == {"options": []}


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

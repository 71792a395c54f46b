"""Forms sent to a real slack-bolt app: what closes them, changes them, or keeps them open with what is to be mended."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs

import pytest
from aiohttp import web

from tests.sandbox.conftest import KIM, Desk, button, eventually, field_of, modal, mrkdwn, plain, section


def payload(desk: Desk) -> dict[str, Any]:
    """What the app was sent last."""
    found: dict[str, Any] = json.loads(parse_qs(desk.requests[-1][1].decode())["payload"][0])
    return found


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

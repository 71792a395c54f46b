"""The page's API: the workspace as one person sees it, and what they do in it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType

from tests.sandbox.conftest import (
    ACME,
    BOT,
    EVE,
    GLOBEX,
    KIM,
    LEE,
    OLD,
    QUIET,
    SECRET_ROOM,
    Desk,
    button,
    desk_of,
    field_of,
    modal,
    plain,
    section,
)


async def state(desk: Desk, user: str = KIM) -> dict[str, Any]:
    found: dict[str, Any] = await desk.page("GET", "state", **{"as": user})
    return found


async def messages(desk: Desk, user: str = KIM) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await desk.page("GET", "messages", **{"as": user, "channel": ACME}))[
        "messages"
    ]
    return found


async def unread(desk: Desk, user: str = KIM) -> dict[str, int]:
    return {one["id"]: one["unread"] for one in (await state(desk, user))["channels"]}


@asynccontextmanager
async def watching(desk: Desk, user: str) -> AsyncIterator[ClientWebSocketResponse]:
    async with desk.session.ws_connect(f"{desk.address}/_sandbox/stream", params={"as": user}) as socket:
        yield socket


async def next_of(socket: ClientWebSocketResponse, kind: str) -> dict[str, Any]:
    while True:
        change: dict[str, Any] = await socket.receive_json(timeout=5)
        if change["type"] == kind:
            return change


async def test_each_person_has_their_own_list_of_channels(desk: Desk):
    kim = await state(desk)
    assert (kim["team"], kim["me"]["name"]) == ({"id": "T0MSP", "name": "Northwind MSP"}, "kim")
    assert (kim["bot"]["user_id"], kim["bot"]["name"]) == (BOT, "Alert Whisperer")
    assert [one["id"] for one in kim["users"]] == [KIM, LEE, EVE]
    assert [one["id"] for one in kim["channels"]] == [ACME, GLOBEX, QUIET, SECRET_ROOM, OLD, "D0KIM"]
    assert [one["id"] for one in (await state(desk, EVE))["channels"]] == ["D0EVE"]
    assert kim["channels"][0] == {
        "id": ACME,
        "name": "aw-acme",
        "topic": "Acme Corp",
        "is_member": True,
        "is_private": False,
        "is_archived": False,
        "is_im": False,
        "unread": 0,
    }


async def test_what_is_new_counts_until_it_is_read(desk: Desk):
    await desk.post()
    thread = await desk.post()
    await desk.post(thread_ts=thread["ts"])
    assert (await unread(desk))[ACME] == 2 and (await unread(desk, LEE))[ACME] == 2
    await messages(desk)
    assert (await unread(desk))[ACME] == 0 and (await unread(desk, LEE))[ACME] == 2
    await desk.slack.say(LEE, ACME, "mine")
    assert (await unread(desk, LEE))[ACME] == 2, "one's own words are no news"


async def test_whispers_stand_among_the_messages_of_one_person(desk: Desk):
    first = await desk.post(text="one")
    await desk.client.chat_postEphemeral(channel=ACME, user=KIM, text="two")
    await desk.client.chat_postEphemeral(channel=ACME, user=KIM, text="in the thread", thread_ts=first["ts"])
    await desk.post(text="three")
    assert [(one["text"], one.get("ephemeral", False)) for one in await messages(desk)] == [
        ("one", False),
        ("two", True),
        ("three", False),
    ]
    assert [one["text"] for one in await messages(desk, LEE)] == ["one", "three"]
    place = {"channel": ACME, "ts": first["ts"]}
    thread = await desk.page("GET", "replies", **place, **{"as": KIM})
    assert [one["text"] for one in thread["messages"]] == ["one", "in the thread"]
    assert len((await desk.page("GET", "replies", **place, **{"as": LEE}))["messages"]) == 1
    await desk.page("POST", "dismiss", **{"as": KIM, "ts": (await messages(desk))[1]["ts"]})
    assert [one["text"] for one in await messages(desk)] == ["one", "three"]


async def test_the_page_hears_what_happens_and_only_what_its_person_sees(desk: Desk):
    async with watching(desk, KIM) as kim, watching(desk, EVE) as eve:
        await state(desk)  # both are listening now
        said = await desk.post(text="hello")
        change = await next_of(kim, "message")
        assert (change["channel"], change["message"]) == (ACME, said)
        await desk.client.chat_update(channel=ACME, ts=said["ts"], text="hello again")
        assert (await next_of(kim, "message_changed"))["message"]["text"] == "hello again"
        await desk.post(text="reply", thread_ts=said["ts"])
        assert (await next_of(kim, "message_changed"))["message"]["reply_count"] == 1
        await desk.client.chat_postEphemeral(channel=ACME, user=KIM, text="psst")
        assert (await next_of(kim, "ephemeral"))["message"]["ephemeral"] is True
        ticket = desk.slack.state.tickets.trigger(KIM)
        view = (await desk.client.views_open(trigger_id=ticket, view=modal()))["view"]
        assert (await next_of(kim, "view"))["view"] == view
        await desk.page("POST", "view/close", **{"as": KIM, "view_id": view["id"]})
        assert (await next_of(kim, "view_closed"))["view_id"] == view["id"]
        lone = await desk.post(text="lone")
        await desk.client.chat_delete(channel=ACME, ts=lone["ts"])
        assert (await next_of(kim, "message_deleted"))["message"]["ts"] == lone["ts"]
        await desk.client.conversations_invite(channel=ACME, users=EVE)
        first = await eve.receive_json(timeout=5)
        assert (first["type"], first["channel"]["id"]) == ("channel", ACME), "nothing of before"


@pytest.mark.alone
async def test_an_open_page_does_not_hold_up_the_end(tmp_path: Path):
    async with AsyncExitStack() as stack:
        desk = await stack.enter_async_context(desk_of(tmp_path))
        socket = await desk.session.ws_connect(f"{desk.address}/_sandbox/stream", params={"as": KIM})
        closing = asyncio.create_task(socket.receive(timeout=5))
        began = asyncio.get_running_loop().time()
        await desk.slack_server.cleanup()
        assert asyncio.get_running_loop().time() - began < 0.9
        assert (await closing).type is WSMsgType.CLOSE
        assert socket.close_code == 1001


async def test_typing_on_the_page(desk: Desk):
    @desk.app.command("/aw")
    async def command(ack: Any, command: dict[str, Any]) -> None:
        await ack(text=command["text"])

    answer = await desk.page("POST", "command", **{"as": KIM, "channel": ACME, "text": "/aw status"})
    assert answer["message"]["text"] == "status"
    posted = {"as": KIM, "channel": ACME, "text": "hi @lee"}
    said = (await desk.page("POST", "post", **posted))["message"]
    await desk.page("POST", "post", **posted | {"thread_ts": said["ts"], "text": "there"})
    [public] = [one for one in await messages(desk) if not one.get("ephemeral")]
    assert (public["text"], public["user"], public["reply_count"]) == (f"hi <@{LEE}>", KIM, 1)


async def test_pressing_on_the_page_needs_no_more_than_the_action(desk: Desk):
    pressed: list[dict[str, Any]] = []

    @desk.app.action("aw:go")
    async def go(ack: Any, body: dict[str, Any]) -> None:
        await ack()
        pressed.append(body)

    row = {"type": "actions", "block_id": "row", "elements": [button()]}
    card = await desk.post(blocks=[row])
    place = {"as": KIM, "channel": ACME, "message_ts": card["ts"], "block_id": "row"}
    answer = await desk.page("POST", "action", **place, action={"type": "button", "action_id": "aw:go"})
    assert answer == {"ok": True, "error": ""}
    values = {"note": {"note": {"type": "plain_text_input", "value": "x"}}}
    await desk.client.chat_update(channel=ACME, ts=card["ts"], text="done", blocks=[section("done")])
    stale = {"type": "button", "action_id": "aw:go", "value": "9"}
    await desk.page("POST", "action", **place, action=stale, state={"values": values})
    assert [body["actions"][0]["value"] for body in pressed] == ["1", "9"], "an old button is still pressed"
    assert pressed[1]["state"]["values"] == values
    await desk.client.chat_postEphemeral(channel=ACME, user=KIM, text="yours", blocks=[row])
    whisper = desk.slack.ephemerals(KIM)[-1]
    await desk.page("POST", "action", **place | {"message_ts": whisper["ts"]}, action={"action_id": "aw:go"})
    assert pressed[2]["container"]["is_ephemeral"] is True


async def test_a_form_on_the_page(desk: Desk):
    @desk.app.view("form")
    async def sent(ack: Any, view: dict[str, Any]) -> None:
        note = view["state"]["values"]["note"]["note"]["value"]
        await (ack() if note == "good" else ack(response_action="errors", errors={"note": "not good"}))

    ticket = desk.slack.state.tickets.trigger(KIM)
    optional = {**field_of("more"), "optional": True}
    view = (await desk.client.views_open(trigger_id=ticket, view=modal(field_of(), optional)))["view"]
    assert [one["id"] for one in (await state(desk))["views"]] == [view["id"]]

    async def submit(value: str | None) -> dict[str, Any]:
        values = {"note": {"note": {"type": "plain_text_input", "value": value}}}
        body = {"as": KIM, "view_id": view["id"], "state": {"values": values}}
        found: dict[str, Any] = await desk.page("POST", "view/submit", **body)
        return found

    assert "note" in (await submit(None))["errors"]
    assert await submit("bad") == {"response_action": "errors", "errors": {"note": "not good"}}
    assert await submit("good") == {}
    assert (await state(desk))["views"] == []


async def test_the_home_opens_on_the_page(desk: Desk):
    home = {"type": "home", "blocks": [section(accessory=button())]}
    await desk.client.views_publish(user_id=KIM, view=home)
    answer = await desk.page("POST", "open_home", **{"as": KIM})
    assert answer["view"]["type"] == "home" and (await state(desk))["home"] == answer["view"]
    action = {"as": KIM, "view_id": answer["view"]["id"], "action": {"type": "button", "action_id": "aw:go"}}
    assert (await desk.page("POST", "action", **action))["error"] == "dispatch_failed"


@pytest.mark.parametrize(
    ("verb", "path", "body", "status"),
    [
        ("GET", "state", {"as": "U0NOBODY"}, 400),
        ("GET", "messages", {"as": LEE, "channel": SECRET_ROOM}, 404),
        ("GET", "replies", {"as": KIM, "channel": ACME, "ts": "1.2"}, 404),
        ("POST", "post", {"as": KIM, "channel": ACME, "text": "  "}, 400),
        ("POST", "post", {"as": KIM, "channel": OLD, "text": "x"}, 400),
        ("POST", "post", {"as": KIM, "channel": ACME, "text": "x", "thread_ts": "1.2"}, 404),
        ("POST", "command", {"channel": ACME, "text": "/aw"}, 400),
        (
            "POST",
            "action",
            {"as": KIM, "channel": ACME, "message_ts": "1.2", "action": {"action_id": "x"}},
            404,
        ),
        ("POST", "view/submit", {"as": KIM, "view_id": "V0NONE"}, 404),
        ("POST", "view/close", {"as": KIM, "view_id": "V0NONE"}, 404),
        ("POST", "options", {"as": KIM, "message_ts": "1.2"}, 404),
        ("POST", "open_home", [], 400),
    ],
)
async def test_what_is_not_there_is_refused(desk: Desk, verb: str, path: str, body: Any, status: int):
    given = {"params": body} if verb == "GET" else {"json": body}
    async with desk.session.request(verb, f"{desk.address}/_sandbox/{path}", **given) as answer:
        assert answer.status == status, await answer.text()


async def test_a_modal_that_only_tells_cannot_be_sent(desk: Desk):
    telling = modal(section())
    del telling["submit"]
    ticket = desk.slack.state.tickets.trigger(KIM)
    view = (await desk.client.views_open(trigger_id=ticket, view=telling))["view"]
    assert view["submit"] is None and view["title"] == plain("Form")
    body = {"as": KIM, "view_id": view["id"], "state": {"values": {}}}
    async with desk.session.post(f"{desk.address}/_sandbox/view/submit", json=body) as answer:
        assert answer.status == 400


async def test_a_world_without_machines_says_there_are_none(desk: Desk):
    assert await desk.page("GET", "machines") == {"machines": []}
    assert await desk.page("GET", "mail") == {"mails": []}

"""The Web API through a real slack-sdk client: what is taken, what is refused, and in which words."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.faults import Fault
from tests.sandbox.conftest import (
    ACME,
    APP_TOKEN,
    BOT,
    EVE,
    KIM,
    LEE,
    OLD,
    QUIET,
    SECRET_ROOM,
    TOKEN,
    Desk,
    button,
    desk_of,
    eventually,
    section,
)


async def raw(desk: Desk, method: str, **request: Any) -> tuple[int, dict[str, Any]]:
    address = f"{desk.address}/slack/api/{method}"
    async with desk.session.post(address, **request) as answer:
        return answer.status, await answer.json()


# ── who may call ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_token_says_who_calls(desk: Desk):
    who = await desk.client.auth_test()
    assert (who["user_id"], who["bot_id"], who["team_id"]) == (BOT, "B0AWBOT", "T0MSP")
    assert (await raw(desk, "auth.test"))[1] == {"ok": False, "error": "not_authed"}
    wrong = {"headers": {"Authorization": "Bearer xoxb-wrong"}}
    assert (await raw(desk, "auth.test", **wrong))[1]["error"] == "invalid_auth"
    assert (await raw(desk, "auth.test", data={"token": TOKEN}))[1]["ok"] is True
    assert (await raw(desk, "apps.connections.open", data={"token": TOKEN}))[1][
        "error"
    ] == "not_allowed_token_type"
    assert (await raw(desk, "chat.shout", data={"token": TOKEN}))[1]["error"] == "unknown_method"


async def test_an_app_token_opens_connections_and_nothing_else(tmp_path: Path):
    async with desk_of(tmp_path, app_token=APP_TOKEN) as desk:
        opened = await AsyncWebClient(base_url=f"{desk.address}/slack/api/").apps_connections_open(
            app_token=APP_TOKEN
        )
        assert opened["url"].startswith(desk.address.replace("http", "ws"))
        given = {"headers": {"Authorization": f"Bearer {APP_TOKEN}"}}
        assert (await raw(desk, "chat.postMessage", **given))[1]["error"] == "not_allowed_token_type"


async def test_a_scope_that_was_not_granted_is_missed(tmp_path: Path):
    async with desk_of(tmp_path, bot={"scopes": ["chat:write", "channels:read"]}) as desk:
        await desk.post()
        await desk.client.conversations_info(channel=ACME)
        refusal = await desk.refusal("reactions.add", channel=ACME, timestamp="1", name="x")
        assert (refusal["error"], refusal["needed"]) == ("missing_scope", "reactions:write")


async def test_bodies_may_be_json_or_a_form(desk: Desk):
    blocks = [section("one"), section("two")]
    given = {"headers": {"Authorization": f"Bearer {TOKEN}"}}
    as_json = await raw(desk, "chat.postMessage", json={"channel": ACME, "blocks": blocks}, **given)
    form = {"channel": ACME, "blocks": json.dumps(blocks)}
    as_form = await raw(desk, "chat.postMessage", data=form, **given)
    texts = [[one["text"]["text"] for one in body["message"]["blocks"]] for _, body in (as_json, as_form)]
    assert texts == [["one", "two"]] * 2
    headers = given["headers"] | {"Content-Type": "application/json"}
    for body, error in ((b"{", "invalid_json"), (b"[]", "json_not_object")):
        assert (await raw(desk, "chat.postMessage", data=body, headers=headers))[1]["error"] == error
    headers = given["headers"] | {"Content-Type": "text/xml"}
    assert (await raw(desk, "auth.test", data=b"<x/>", headers=headers))[1]["error"] == "invalid_post_type"


# ── posting ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_message_stands_in_its_channel(desk: Desk):
    metadata = {"event_type": "aw_incident", "event_payload": {"incident_id": "INC-1"}}
    said = await desk.post(blocks=[section()], metadata=metadata)
    assert desk.slack.messages(ACME) == [said]
    assert (said["user"], said["bot_id"], said["text"], said["metadata"]) == (
        BOT,
        "B0AWBOT",
        "hello",
        metadata,
    )
    assert said["blocks"][0]["block_id"]
    assert [(call.method, call.args["text"]) for call in desk.slack.calls] == [("chat.postMessage", "hello")]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({}, "no_text"),
        ({"text": "x", "channel": "C0NONE"}, "channel_not_found"),
        ({"text": "x", "channel": SECRET_ROOM}, "channel_not_found"),
        ({"text": "x", "channel": QUIET}, "not_in_channel"),
        ({"text": "x", "channel": OLD}, "is_archived"),
        ({"text": "x", "channel": ""}, "invalid_arguments"),
        ({"text": "x", "thread_ts": "1.000001"}, "thread_not_found"),
        ({"text": "x", "blocks": "nonsense"}, "invalid_blocks_format"),
        ({"text": "x", "blocks": {"type": "section"}}, "invalid_blocks_format"),
        ({"text": "x", "blocks": [{"type": "section"}]}, "invalid_blocks"),
        ({"text": "x", "blocks": [section("x" * 2700)] * 5}, "msg_blocks_too_long"),
        ({"text": "x", "metadata": {"event_type": "x"}}, "invalid_metadata_schema"),
        ({"text": "x", "metadata": "x"}, "invalid_metadata_format"),
        ({"text": "x", "metadata": {"event_type": "x", "event_payload": {"x": "x" * 16_000}}}, "metadata_too_large"),
        ({"markdown_text": "x" * 12_001}, "msg_too_long"),
    ],
)  # fmt: skip
async def test_a_message_that_slack_refuses_is_refused(desk: Desk, arguments: dict[str, Any], error: str):
    assert await desk.why("chat.postMessage", **{"channel": ACME, **arguments}) == error
    assert desk.slack.messages(ACME) == []


async def test_refused_blocks_are_named(desk: Desk):
    refusal = await desk.refusal("chat.postMessage", channel=ACME, blocks=[section("x" * 3001)])
    [said] = refusal["response_metadata"]["messages"]
    assert said == "[ERROR] must be less than 3001 characters [json-pointer:/blocks/0/text/text]"


async def test_text_is_cut_at_forty_thousand_and_blocks_need_none(desk: Desk):
    assert len((await desk.post(text="x" * 40_001))["text"]) == 40_000
    bare = await desk.client.api_call("chat.postMessage", json={"channel": ACME, "blocks": [section()]})
    assert bare["message"]["text"] == "This content can't be displayed."


async def test_a_thread_gathers_under_its_first_message(desk: Desk):
    first = await desk.post()
    reply = await desk.post(text="a", thread_ts=first["ts"])
    await desk.post(text="b", thread_ts=reply["ts"])  # an answer to an answer belongs to the same thread
    aloud = await desk.post(text="c", thread_ts=first["ts"], reply_broadcast=True)
    assert [one["text"] for one in desk.slack.replies(ACME, first["ts"])] == ["hello", "a", "b", "c"]
    assert [one["text"] for one in desk.slack.messages(ACME)] == ["hello", "c"]
    parent = desk.slack.messages(ACME)[0]
    assert (parent["reply_count"], parent["latest_reply"], parent["reply_users"]) == (3, aloud["ts"], [BOT])


async def test_a_person_is_written_to_in_direct_messages(desk: Desk):
    answer = await desk.client.chat_postMessage(channel=KIM, text="psst")
    opened = await desk.client.conversations_open(users=KIM)
    assert answer["channel"] == opened["channel"]["id"] == "D0KIM"


async def test_only_one_person_sees_an_ephemeral_message(desk: Desk):
    thread = (await desk.post())["ts"]
    answer = await desk.client.chat_postEphemeral(channel=ACME, user=KIM, text="psst", thread_ts=thread)
    [seen] = desk.slack.ephemerals(KIM)
    assert (seen["ts"], seen["text"], seen["thread_ts"]) == (answer["message_ts"], "psst", thread)
    assert desk.slack.ephemerals(LEE) == []
    assert await desk.why("chat.postEphemeral", channel=ACME, user=EVE, text="x") == "user_not_in_channel"
    assert await desk.why("chat.update", channel=ACME, ts=seen["ts"], text="x") == "message_not_found"


# ── changing ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_update_keeps_what_it_does_not_name(desk: Desk):
    metadata = {"event_type": "a", "event_payload": {"n": 1}}
    said = await desk.post(blocks=[section("old")], metadata=metadata)
    place = {"channel": ACME, "ts": said["ts"]}
    await desk.client.chat_update(**place, text="new", blocks=[section("new")])
    [now] = desk.slack.messages(ACME)
    assert (now["text"], now["blocks"][0]["text"]["text"], now["metadata"]) == ("new", "new", metadata)
    assert "edited" not in now, "an edit with blocks is silent"
    await desk.client.api_call("chat.update", json={**place, "metadata": {**metadata, "event_type": "b"}})
    [now] = desk.slack.messages(ACME)
    assert (now["text"], bool(now["blocks"]), now["metadata"]["event_type"]) == ("new", True, "b")
    await desk.client.chat_update(**place, text="only words", metadata={})
    [now] = desk.slack.messages(ACME)
    assert "blocks" not in now and "metadata" not in now and now["edited"]["user"] == BOT


async def test_an_update_that_slack_refuses_changes_nothing(desk: Desk):
    said = await desk.post()
    place = {"channel": ACME, "ts": said["ts"]}
    persons = await desk.slack.say(KIM, ACME, "mine")
    assert await desk.why("chat.update", **place) == "no_text"
    assert await desk.why("chat.update", **place, text="x" * 4001) == "msg_too_long"
    assert await desk.why("chat.update", **place, text="x" * 4001, blocks=[section()]) == "msg_too_long"
    assert await desk.why("chat.update", **place, blocks=[{"type": "section"}]) == "invalid_blocks"
    assert await desk.why("chat.update", channel=ACME, ts="1.2", text="x") == "message_not_found"
    assert await desk.why("chat.update", channel=ACME, ts=persons["ts"], text="x") == "cant_update_message"
    assert await desk.why("chat.delete", channel=ACME, ts=persons["ts"]) == "cant_delete_message"
    assert desk.slack.messages(ACME)[0] == said


async def test_what_is_deleted_is_gone_and_a_thread_keeps_its_place(desk: Desk):
    lone, first = await desk.post(text="lone"), await desk.post(text="first")
    await desk.post(text="reply", thread_ts=first["ts"])
    await desk.client.chat_delete(channel=ACME, ts=lone["ts"])
    await desk.client.chat_delete(channel=ACME, ts=first["ts"])
    [stone] = desk.slack.messages(ACME)
    assert (stone["subtype"], stone["reply_count"]) == ("tombstone", 1)
    for ts in (lone["ts"], first["ts"]):
        assert await desk.why("chat.update", channel=ACME, ts=ts, text="x") == "message_not_found"
    assert (
        await desk.why("chat.postMessage", channel=ACME, text="x", thread_ts=lone["ts"]) == "thread_not_found"
    )


async def test_links_and_reactions(desk: Desk):
    first = await desk.post()
    reply = await desk.post(thread_ts=first["ts"])
    link = (await desk.client.chat_getPermalink(channel=ACME, message_ts=reply["ts"]))["permalink"]
    assert link.endswith(f"/p{reply['ts'].replace('.', '')}?thread_ts={first['ts']}&cid={ACME}")
    await desk.client.reactions_add(channel=ACME, timestamp=first["ts"], name="eyes")
    assert desk.slack.messages(ACME)[0]["reactions"] == [{"name": "eyes", "users": [BOT], "count": 1}]
    again = {"channel": ACME, "timestamp": first["ts"], "name": "eyes"}
    assert await desk.why("reactions.add", **again) == "already_reacted"
    assert await desk.why("reactions.add", **again | {"name": "Ä"}) == "invalid_name"


# ── too much, and trouble ──────────────────────────────────────────────────────────────────────────────────────────


async def test_about_one_message_a_second_and_channel(tmp_path: Path):
    async with desk_of(tmp_path, rate_limits=True) as desk:
        answers = await asyncio.gather(*(desk.post() for _ in range(20)), return_exceptions=True)
        assert 3 <= len(desk.slack.messages(ACME)) <= 7, "a short burst"
        with pytest.raises(SlackApiError) as caught:
            raise next(one for one in answers if isinstance(one, BaseException))
        assert caught.value.response.status_code == 429
        assert caught.value.response["error"] == "ratelimited"
        assert caught.value.response.headers["Retry-After"] == "1"
        await desk.post(channel="C0GLOBEX")  # another channel has its own measure
        await asyncio.sleep(1.05)
        await desk.post()


async def test_each_method_has_its_tier(tmp_path: Path):
    async with desk_of(tmp_path, rate_limits=True) as desk:
        for _ in range(20):
            await desk.client.conversations_list()
        refusal = await desk.refusal("conversations.list")
        assert refusal["error"] == "ratelimited"
        await desk.client.users_info(user=KIM)


@pytest.mark.parametrize("do", ["reset", "lost_reply", "hang"])
async def test_a_reply_may_never_come(desk: Desk, do: str):
    desk.world.faults.add(Fault(service="slack", method="chat.postMessage", do=do, seconds=0.2))
    with pytest.raises((aiohttp.ClientError, ConnectionError)):
        await desk.post()
    assert len(desk.slack.messages(ACME)) == (1 if do == "lost_reply" else 0)
    assert len(desk.slack.calls) == 1, "what was asked is on record, whatever came of it"
    await desk.post(text="again")


async def test_scripted_refusals_come_as_often_as_was_said(desk: Desk):
    await desk.page(
        "POST", "faults", service="slack", method="chat.postMessage", times=2, do="status", status=503
    )
    await desk.page("POST", "faults", service="slack", method="*", do="ratelimited", retry_after=7)
    await desk.page(
        "POST", "faults", service="slack", method="auth.test", do="error", error="account_inactive"
    )
    for _ in range(2):
        with pytest.raises(SlackApiError) as caught:
            await desk.post()
        assert caught.value.response.status_code == 503
    with pytest.raises(SlackApiError) as caught:
        await desk.post()
    assert caught.value.response.headers["Retry-After"] == "7"
    assert await desk.why("auth.test") == "account_inactive"
    desk.world.faults.add(Fault(service="slack", times=100))
    await desk.page("DELETE", "faults")
    await desk.post()
    async with desk.session.post(
        f"{desk.address}/_sandbox/faults", json={"service": "slack", "do": "sulk"}
    ) as answer:
        assert answer.status == 400


@pytest.mark.alone
async def test_a_world_that_ends_does_not_wait_for_what_hangs(tmp_path: Path):
    loop = asyncio.get_running_loop()
    async with desk_of(tmp_path) as desk:
        desk.world.faults.add(Fault(service="slack", do="hang", seconds=600))
        call = asyncio.create_task(desk.post())
        await eventually(lambda: desk.slack.calls)
        began = loop.time()
    with pytest.raises((aiohttp.ClientError, ConnectionError, RuntimeError)):
        await call
    assert loop.time() - began < 3


async def test_buttons_keep_their_names(desk: Desk):
    said = await desk.post(blocks=[{"type": "actions", "elements": [button("aw:claim"), button("aw:run")]}])
    assert [one["action_id"] for one in said["blocks"][0]["elements"]] == ["aw:claim", "aw:run"]

"""Channels, people and files: the methods around messages."""

from __future__ import annotations

from pathlib import Path

import pytest

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
    TOKEN,
    Desk,
    desk_of,
)


async def test_a_new_channel_is_the_bots_and_people_are_invited(desk: Desk):
    made = (await desk.client.conversations_create(name="aw-initech"))["channel"]
    assert (made["name"], made["is_member"], made["num_members"]) == ("aw-initech", True, 1)
    invited = await desk.client.conversations_invite(channel=made["id"], users=[KIM, LEE])
    assert invited["channel"]["num_members"] == 3
    assert (await desk.client.conversations_members(channel=made["id"]))["members"] == [BOT, KIM, LEE]
    await desk.client.conversations_setTopic(channel=made["id"], topic="Initech")
    assert (await desk.client.conversations_info(channel=made["id"]))["channel"]["topic"][
        "value"
    ] == "Initech"
    await desk.client.chat_postMessage(channel="#aw-initech", text="hello")
    assert desk.slack.messages("aw-initech")[0]["text"] == "hello"


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("", "invalid_name_required"),
        ("a" * 81, "invalid_name_maxlength"),
        ("Acme", "invalid_name_specials"),
        ("acme corp", "invalid_name_specials"),
        ("acme!", "invalid_name_specials"),
        ("-_-", "invalid_name_punctuation"),
        ("aw-acme", "name_taken"),
        ("old", "name_taken"),
    ],
)
async def test_a_bad_name_is_refused(desk: Desk, name: str, error: str):
    assert await desk.why("conversations.create", name=name) == error


async def test_invitations_that_slack_refuses(desk: Desk):
    assert await desk.why("conversations.invite", channel=ACME, users=KIM) == "already_in_channel"
    assert await desk.why("conversations.invite", channel=ACME, users=BOT) == "cant_invite_self"
    assert await desk.why("conversations.invite", channel=ACME, users="U0NOBODY") == "user_not_found"
    assert await desk.why("conversations.invite", channel=ACME) == "no_user"
    assert await desk.why("conversations.invite", channel=QUIET, users=LEE) == "not_in_channel"
    many = ",".join(f"U{n}" for n in range(101))
    assert await desk.why("conversations.invite", channel=ACME, users=many) == "too_many_users"
    refusal = await desk.refusal("conversations.invite", channel=ACME, users=f"{KIM},{EVE}")
    assert refusal["errors"] == [{"user": KIM, "ok": False, "error": "already_in_channel"}]
    await desk.client.conversations_invite(channel=ACME, users=f"{KIM},{EVE}", force=True)
    assert EVE in desk.slack.state.channels[ACME].members


async def test_the_bot_joins_what_is_open_to_all(desk: Desk):
    assert await desk.why("conversations.history", channel=QUIET) == "not_in_channel"
    await desk.client.conversations_join(channel=QUIET)
    await desk.client.conversations_history(channel=QUIET)
    again = await desk.client.conversations_join(channel=QUIET)
    assert again["warning"] == "already_in_channel"
    assert await desk.why("conversations.join", channel=SECRET_ROOM) == "channel_not_found"
    assert await desk.why("conversations.join", channel=OLD) == "is_archived"


async def test_an_archived_channel_takes_nothing_more(desk: Desk):
    said = await desk.post()
    desk.slack.archive(ACME)
    assert await desk.why("chat.postMessage", channel=ACME, text="x") == "is_archived"
    assert await desk.why("chat.update", channel=ACME, ts=said["ts"], text="x") == "is_archived"
    assert await desk.why("conversations.archive", channel=ACME) == "already_archived"
    assert (await desk.client.conversations_history(channel=ACME))["messages"][0]["ts"] == said["ts"]


async def test_channels_are_listed_in_pages_and_hide_what_is_secret(desk: Desk):
    seen, cursor = [], None
    while True:
        answer = await desk.client.conversations_list(limit=2, cursor=cursor)
        seen += [one["id"] for one in answer["channels"]]
        cursor = answer["response_metadata"]["next_cursor"]
        if not cursor:
            break
    assert seen == [ACME, GLOBEX, QUIET, OLD]
    private = await desk.client.conversations_list(types="private_channel,im", exclude_archived=True)
    assert [one["id"] for one in private["channels"]] == ["D0KIM", "D0LEE", "D0EVE"]
    assert await desk.why("conversations.list", cursor="@@") == "invalid_cursor"
    assert await desk.why("conversations.list", types="rooms") == "invalid_types"
    assert await desk.why("conversations.info", channel=SECRET_ROOM) == "channel_not_found"


async def test_history_reads_backwards_and_metadata_is_asked_for(desk: Desk):
    metadata = {"event_type": "a", "event_payload": {"card": "1"}}
    first = await desk.post(text="one", metadata=metadata)
    await desk.post(text="in its thread", thread_ts=first["ts"])
    second = await desk.post(text="two")
    third = await desk.post(text="three")
    answer = await desk.client.conversations_history(channel=ACME)
    assert [one["text"] for one in answer["messages"]] == ["three", "two", "one"]
    assert "metadata" not in answer["messages"][2] and answer["messages"][2]["reply_count"] == 1
    answer = await desk.client.conversations_history(channel=ACME, include_all_metadata=True, limit=1)
    assert answer["has_more"]
    cursor = answer["response_metadata"]["next_cursor"]
    more = await desk.client.conversations_history(channel=ACME, include_all_metadata=True, cursor=cursor)
    assert more["messages"][1]["metadata"] == metadata
    window = {"channel": ACME, "oldest": first["ts"], "latest": third["ts"]}
    assert [one["ts"] for one in (await desk.client.conversations_history(**window))["messages"]] == [
        second["ts"]
    ]
    assert len((await desk.client.conversations_history(**window, inclusive=True))["messages"]) == 3


async def test_a_thread_reads_forwards(desk: Desk):
    first = await desk.post(text="one")
    for text in ("a", "b"):
        await desk.post(text=text, thread_ts=first["ts"])
    answer = await desk.client.conversations_replies(channel=ACME, ts=first["ts"])
    assert [one["text"] for one in answer["messages"]] == ["one", "a", "b"]
    assert await desk.why("conversations.replies", channel=ACME, ts="1.2") == "thread_not_found"


async def test_people_are_known_by_id_and_by_address(desk: Desk):
    kim = (await desk.client.users_info(user=KIM))["user"]
    assert (kim["profile"]["email"], kim["tz"], kim["is_bot"]) == ("kim@msp.example", "Europe/Vienna", False)
    assert kim["tz_offset"] in (3600, 7200)
    eve = (await desk.client.users_lookupByEmail(email="EVE@else.example"))["user"]
    assert (eve["id"], eve["team_id"], eve["is_restricted"], eve["is_stranger"]) == (
        EVE,
        "T0ELSE",
        True,
        True,
    )
    assert (await desk.client.users_info(user=BOT))["user"]["is_bot"] is True
    assert await desk.why("users.info", user="U0NOBODY") == "user_not_found"
    assert await desk.why("users.lookupByEmail", email="nobody@x.example") == "users_not_found"
    listed = await desk.client.users_list()
    assert [one["id"] for one in listed["members"]] == [KIM, LEE, EVE, BOT]


async def test_a_file_arrives_in_three_steps(desk: Desk):
    first = await desk.post()
    await desk.client.files_upload_v2(
        channel=ACME,
        thread_ts=first["ts"],
        filename="df.txt",
        title="df -h",
        content="92 % ü",
        initial_comment="See",
    )
    [_, shared] = desk.slack.replies(ACME, first["ts"])
    [file] = shared["files"]
    assert (shared["text"], file["title"], file["mimetype"], file["size"]) == (
        "See",
        "df -h",
        "text/plain",
        7,
    )
    assert desk.slack.file(file["id"]) == "92 % ü".encode()
    async with desk.session.get(desk.address + file["url"]) as answer:
        assert await answer.text() == "92 % ü"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_file_that_never_arrived_cannot_be_shared(desk: Desk):
    opened = await desk.client.files_getUploadURLExternal(filename="x.html", length=5)
    files = [{"id": opened["file_id"], "title": "x"}]
    assert await desk.why("files.completeUploadExternal", files=files, channel_id=ACME) == "file_not_found"
    async with desk.session.post(opened["upload_url"], data=b"toolong") as answer:
        assert answer.status == 400
    async with desk.session.post(opened["upload_url"], data=b"<b>x<") as answer:
        assert answer.status == 200
    async with desk.session.get(f"{desk.address}/slack/files/{opened['file_id']}/x.html") as answer:
        assert answer.status == 404, "not shared yet"
    assert await desk.why("files.completeUploadExternal", files=files, channel_id=QUIET) == "not_in_channel"
    await desk.client.files_completeUploadExternal(files=files, channel_id=ACME)
    async with desk.session.get(f"{desk.address}/slack/files/{opened['file_id']}/x.html") as answer:
        assert answer.content_type == "text/plain", "nothing uploaded runs in the page"
    assert await desk.why("files.getUploadURLExternal", filename="x", length=0) == "invalid_arguments"


async def test_the_token_may_also_stand_in_the_form(tmp_path: Path):
    async with desk_of(tmp_path) as desk:
        given = {"token": TOKEN, "channel": ACME, "users": f"{EVE}"}
        async with desk.session.post(f"{desk.address}/slack/api/conversations.invite", data=given) as answer:
            assert (await answer.json())["ok"] is True

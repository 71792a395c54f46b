"""chat.* and reactions.add: what the bot says, changes and takes back."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from sandbox.slack.arguments import Args
from sandbox.slack.blocks import check_message, named
from sandbox.slack.refusal import SlackRefusal, missing
from sandbox.slack.state import NO_TEXT, Channel, Message, State

POST_TEXT, UPDATE_TEXT = 40_000, 4_000
METADATA_CHARACTERS = 16_000
Answer = dict[str, Any]


def post_message(state: State, args: Args) -> Answer:
    channel = state.open_to_bot(args.required("channel"))
    message = content(args) | signature(state)
    parent = parent_of(channel, args.text("thread_ts"))
    if parent:
        message["thread_ts"] = parent
        if args.flag("reply_broadcast"):
            message["subtype"] = "thread_broadcast"
    posted = state.post(channel, message)
    return {"channel": channel.id, "ts": posted["ts"], "message": state.shown(channel, posted)}


def signature(state: State) -> Message:
    """Whose message it is: the bot's."""
    bot = state.bot
    return {
        "user": bot.user_id,
        "bot_id": bot.bot_id,
        "app_id": bot.app_id,
        "team": state.config.team_id,
        "bot_profile": {
            "id": bot.bot_id,
            "app_id": bot.app_id,
            "name": bot.name,
            "deleted": False,
            "team_id": state.config.team_id,
        },
    }


def content(args: Args) -> Message:
    """Text, blocks, attachments and metadata of a new message. Raises as Slack does."""
    blocks = blocks_of(args)
    attachments = args.structure("attachments", list, "invalid_attachments")
    text, markdown = args.text("text"), args.text("markdown_text")
    if markdown:
        if text or blocks:
            raise SlackRefusal("markdown_text_conflict")
        if len(markdown) > 12_000:
            raise SlackRefusal("msg_too_long")
        text = markdown
    if not (text or blocks or attachments):
        raise SlackRefusal("no_text")
    message: Message = {"text": text[:POST_TEXT] or NO_TEXT}
    if blocks:
        message["blocks"] = named(blocks)
    if attachments:
        message["attachments"] = attachments
    metadata = metadata_of(args)
    if metadata:
        message["metadata"] = metadata
    return message


def blocks_of(args: Args) -> list[Any] | None:
    blocks: list[Any] | None = args.structure("blocks", list, "invalid_blocks_format")
    if blocks:
        check_message(blocks)
    return blocks


def metadata_of(args: Args) -> dict[str, Any] | None:
    """{} takes metadata away; None leaves it."""
    metadata: dict[str, Any] | None = args.structure("metadata", dict, "invalid_metadata_format")
    if not metadata:
        return metadata
    kind, payload = metadata.get("event_type"), metadata.get("event_payload")
    if not isinstance(kind, str) or not kind or not isinstance(payload, Mapping):
        raise SlackRefusal("invalid_metadata_schema")
    if len(json.dumps(metadata)) > METADATA_CHARACTERS:
        raise SlackRefusal("metadata_too_large")
    return metadata


def parent_of(channel: Channel, ts: str) -> str:
    """The thread that an answer to this message belongs to."""
    if not ts:
        return ""
    found = channel.messages.get(ts)
    if found is None or found.get("hidden"):
        raise SlackRefusal("thread_not_found")
    return str(found.get("thread_ts") or found["ts"])


def _own(state: State, channel: Channel, ts: str, refusal: str) -> Message:
    message = channel.messages.get(ts)
    if message is None or message.get("hidden"):
        raise SlackRefusal("message_not_found")
    if message.get("bot_id") != state.bot.bot_id:
        raise SlackRefusal(refusal)
    return message


def update(state: State, args: Args) -> Answer:
    channel = state.channel(args.required("channel"))
    if channel.is_archived:
        raise SlackRefusal("is_archived")
    message = _own(state, channel, args.required("ts"), "cant_update_message")
    text = args.text("text")
    if len(text) > UPDATE_TEXT:
        raise SlackRefusal("msg_too_long")
    blocks, metadata = blocks_of(args), metadata_of(args)
    attachments = args.structure("attachments", list, "invalid_attachments")
    if not (text or blocks or attachments) and metadata is None:
        raise SlackRefusal("no_text")
    if blocks:
        message["blocks"] = named(blocks)
    elif text or blocks == []:  # text without blocks takes the old blocks away
        message.pop("blocks", None)
    if text or blocks:
        message["text"] = text or NO_TEXT
    if attachments is not None:
        message["attachments"] = attachments
    if metadata:
        message["metadata"] = metadata
    elif metadata == {}:
        message.pop("metadata", None)
    if text and not blocks:
        message["edited"] = {"user": state.bot.user_id, "ts": f"{state.clock():.6f}"}
    state.changed(channel, message)
    shown = state.shown(channel, message)
    return {"channel": channel.id, "ts": message["ts"], "text": message["text"], "message": shown}


def delete(state: State, args: Args) -> Answer:
    channel = state.channel(args.required("channel"))
    message = _own(state, channel, args.required("ts"), "cant_delete_message")
    state.remove(channel, message["ts"])
    return {"channel": channel.id, "ts": message["ts"]}


def post_ephemeral(state: State, args: Args) -> Answer:
    channel = state.open_to_bot(args.required("channel"))
    user = args.required("user")
    if user not in channel.members:
        raise SlackRefusal("user_not_in_channel")
    message = content(args) | signature(state)
    message.pop("metadata", None)
    thread = channel.messages.get(args.text("thread_ts"))
    if thread is not None:
        message["thread_ts"] = str(thread.get("thread_ts") or thread["ts"])
    return {"message_ts": state.whisper(user, channel, message)["ts"]}


def permalink(state: State, args: Args) -> Answer:
    channel = state.channel(args.required("channel"))
    message = channel.messages.get(args.required("message_ts"))
    if message is None:
        raise SlackRefusal("message_not_found")
    link = f"https://{state.domain}.slack.com/archives/{channel.id}/p{message['ts'].replace('.', '')}"
    thread = message.get("thread_ts", message["ts"])
    if thread != message["ts"]:
        link += f"?thread_ts={thread}&cid={channel.id}"
    return {"channel": channel.id, "permalink": link}


def add_reaction(state: State, args: Args) -> Answer:
    channel = state.open_to_bot(args.required("channel"))
    name = args.required("name").strip(":")
    if not args.has("timestamp"):
        raise missing("timestamp")
    message = channel.messages.get(args.text("timestamp"))
    if message is None:
        raise SlackRefusal("message_not_found")
    if not re.fullmatch(r"[a-z0-9_+'-]{1,100}(::skin-tone-[2-6])?", name):
        raise SlackRefusal("invalid_name")
    reactions = message.setdefault("reactions", [])
    found = next((one for one in reactions if one["name"] == name), None)
    if found is not None and state.bot.user_id in found["users"]:
        raise SlackRefusal("already_reacted")
    if found is None:
        found = {"name": name, "users": [], "count": 0}
        reactions.append(found)
    found["users"].append(state.bot.user_id)
    found["count"] += 1
    state.changed(channel, message)
    return {}

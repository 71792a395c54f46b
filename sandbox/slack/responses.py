"""response_url: up to five answers within thirty minutes of a command or a press, without a token."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from sandbox.slack.arguments import Args, read
from sandbox.slack.blocks import named
from sandbox.slack.chat import content, parent_of, signature
from sandbox.slack.refusal import SlackRefusal
from sandbox.slack.state import Channel, Message, State
from sandbox.slack.tickets import ResponseUrl


async def respond(state: State, request: web.Request) -> web.Response:
    """One answer. 404 for an address that holds no longer, 400 for content that Slack refuses."""
    try:
        values = await read(request)
        if isinstance(values.get("payload"), str):
            values = json.loads(values["payload"])
    except (SlackRefusal, ValueError):
        return web.json_response({"ok": False, "error": "invalid_payload"}, status=400)
    try:
        place = state.tickets.answer(request.match_info["token"])
    except SlackRefusal as refusal:
        return web.json_response(refusal.as_json(), status=404)
    state.called("response_url", values)
    try:
        deliver(state, place, values)
    except SlackRefusal as refusal:
        return web.json_response(refusal.as_json(), status=400)
    return web.Response(text="ok")


def deliver(state: State, place: ResponseUrl, values: dict[str, Any]) -> Message | None:
    """Shows an answer where it belongs: instead of the message pressed, to the person alone, or to everybody."""
    args, channel = Args(values), state.channels[place.channel]
    if args.flag("delete_original"):
        _delete(state, channel, place)
        return None
    message = content(args) | signature(state)
    if args.flag("replace_original") and place.ts:
        return _replace(state, channel, place, message)
    thread = parent_of(channel, args.text("thread_ts")) or place.thread
    if thread:
        message["thread_ts"] = thread
    if args.text("response_type") == "in_channel":
        return state.post(channel, message)
    return state.whisper(place.user, channel, message)


def _delete(state: State, channel: Channel, place: ResponseUrl) -> None:
    if place.ts in state.whispers:
        state.unwhisper(place.ts)
    elif place.ts in channel.messages:
        state.remove(channel, place.ts)


def _replace(state: State, channel: Channel, place: ResponseUrl, message: Message) -> Message:
    if place.ts in state.whispers:
        return state.whisper(place.user, channel, message, instead_of=place.ts)
    old = channel.messages.get(place.ts)
    if old is None:
        raise SlackRefusal("message_not_found")
    old.pop("blocks", None)
    old.update({name: value for name, value in message.items() if name in ("text", "blocks", "attachments")})
    if "blocks" in old:
        old["blocks"] = named(old["blocks"])
    state.changed(channel, old)
    return old

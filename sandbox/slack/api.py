"""The Web API: one function a method, real errors, JSON and form bodies, tokens checked."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

from aiohttp import web

from sandbox.faults import Do, Fault
from sandbox.slack import conversations, files
from sandbox.slack.arguments import Arguments
from sandbox.slack.blocks import message_faults, too_long, view_faults
from sandbox.slack.limits import Buckets
from sandbox.slack.workspace import Channel, Message, Refused, Workspace, with_ids

TEXT, UPDATE_TEXT, METADATA = 40_000, 4_000, 3_000
Method = Callable[[Workspace, Arguments], dict[str, Any]]


class WebApi:
    """Answers POST /slack/api/{method}."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._buckets = Buckets()

    async def call(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["method"]
        arguments = await Arguments.of(request)
        workspace = self._workspace
        workspace.calls.append((name, arguments.values, time.monotonic()))
        fault = workspace.faults.take("slack", name)
        if fault is not None:
            return await self._suffer(fault, name, arguments, request)
        return self._answer(name, arguments)

    def _answer(self, name: str, arguments: Arguments) -> web.Response:
        try:
            self._admit(name, arguments)
            method = METHODS.get(name)
            if method is None:
                raise Refused("unknown_method", req_method=name)
            if self._workspace.config.rate_limits:
                wait = self._buckets.take(name, arguments.text("channel"))
                if wait is not None:
                    return limited(wait)
            return web.json_response({"ok": True, **method(self._workspace, arguments)})
        except Refused as refused:
            return web.json_response({"ok": False, "error": refused.error, **refused.more})

    def _admit(self, name: str, arguments: Arguments) -> None:
        if name == "api.test":
            return
        if not arguments.token:
            raise Refused("not_authed")
        config = self._workspace.config
        right = config.app_token if name == "apps.connections.open" else config.bot.token
        if arguments.token != right:
            raise Refused("not_allowed_token_type" if arguments.token == config.app_token else "invalid_auth")

    async def _suffer(
        self, fault: Fault, name: str, arguments: Arguments, request: web.Request
    ) -> web.StreamResponse:
        match fault.do:
            case Do.STATUS:
                return web.Response(status=fault.status, text="")
            case Do.RATELIMITED:
                return limited(fault.retry_after)
            case Do.ERROR:
                return web.json_response({"ok": False, "error": fault.error})
            case Do.SLOW:
                await asyncio.sleep(fault.seconds)
                return self._answer(name, arguments)
            case Do.HANG:
                await asyncio.sleep(fault.seconds)
            case Do.LOST_REPLY:
                self._answer(name, arguments)
            case _:
                pass
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)


def limited(seconds: int) -> web.Response:
    body = {"ok": False, "error": "ratelimited"}
    return web.json_response(body, status=429, headers={"Retry-After": str(seconds)})


def _auth_test(workspace: Workspace, _arguments: Arguments) -> dict[str, Any]:
    config = workspace.config
    return {
        "url": workspace.base_url,
        "team": config.team_name,
        "team_id": config.team_id,
        "user": config.bot.name,
        "user_id": config.bot.user_id,
        "bot_id": config.bot.bot_id,
        "is_enterprise_install": False,
    }


def _api_test(_workspace: Workspace, arguments: Arguments) -> dict[str, Any]:
    return {"args": arguments.values}


def _post_message(workspace: Workspace, arguments: Arguments) -> dict[str, Any]:
    channel = _writable(workspace, arguments)
    message = _content(workspace, arguments, TEXT)
    thread = arguments.text("thread_ts")
    if thread:
        if thread not in channel.messages:
            raise Refused("thread_not_found")
        message["thread_ts"] = thread
    workspace.post(channel, message)
    return {"channel": channel.id, "ts": message["ts"], "message": message}


def _content(workspace: Workspace, arguments: Arguments, most: int) -> Message:
    bot = workspace.config.bot
    message: Message = {
        "ts": workspace.new_ts(),
        "type": "message",
        "user": bot.user_id,
        "bot_id": bot.bot_id,
        "app_id": bot.app_id,
        "text": arguments.text("text"),
        "team": workspace.config.team_id,
    }
    blocks = arguments.given("blocks")
    if blocks:
        message["blocks"] = with_ids(checked(blocks))
    if not message["text"] and not blocks and not arguments.given("attachments"):
        raise Refused("no_text")
    if len(message["text"]) > most:
        raise Refused("msg_too_long")
    if arguments.given("attachments"):
        message["attachments"] = arguments.given("attachments")
    metadata = arguments.given("metadata")
    if metadata:
        if len(json.dumps(metadata)) > METADATA:
            raise Refused("metadata_too_large")
        if set(metadata) != {"event_type", "event_payload"}:
            raise Refused("invalid_metadata_schema")
        message["metadata"] = metadata
    return message


def checked(blocks: Any) -> list[dict[str, Any]]:
    """The blocks, if Slack would take them."""
    faults = message_faults(blocks)
    if faults:
        messages = [f"[ERROR] {fault}" for fault in faults]
        raise Refused("invalid_blocks", errors=faults, response_metadata={"messages": messages})
    if too_long(blocks):
        raise Refused("msg_blocks_too_long")
    found: list[dict[str, Any]] = blocks
    return found


def _writable(workspace: Workspace, arguments: Arguments) -> Channel:
    channel = conversations.find(workspace, arguments.text("channel"))
    if channel.is_archived:
        raise Refused("is_archived")
    if workspace.config.bot.user_id not in channel.members:
        raise Refused("not_in_channel")
    return channel


def _update(workspace: Workspace, arguments: Arguments) -> dict[str, Any]:
    channel = conversations.find(workspace, arguments.text("channel"))
    old = channel.messages.get(arguments.text("ts"))
    if old is None:
        raise Refused("message_not_found")
    if old.get("bot_id") != workspace.config.bot.bot_id:
        raise Refused("cant_update_message")
    text, blocks = arguments.given("text"), arguments.given("blocks")
    if text is None and blocks is None and arguments.given("metadata") is None:
        raise Refused("no_text")
    if text is not None and len(str(text)) > UPDATE_TEXT:
        raise Refused("msg_too_long")
    if blocks:
        old["blocks"] = with_ids(checked(blocks))
    elif text is not None:
        old.pop("blocks", None)  # text without blocks takes the old blocks away
    if text is not None:
        old["text"] = str(text)
    metadata = arguments.given("metadata")
    if metadata is not None:
        old["metadata"] = metadata
    if not blocks:
        old["edited"] = {"user": workspace.config.bot.user_id, "ts": workspace.new_ts()}
    workspace.stream.publish({"type": "message_changed", "channel": channel.id, "message": old})
    return {"channel": channel.id, "ts": old["ts"], "text": old["text"], "message": old}


def _delete(workspace: Workspace, arguments: Arguments) -> dict[str, Any]:
    channel = conversations.find(workspace, arguments.text("channel"))
    old = channel.messages.get(arguments.text("ts"))
    if old is None:
        raise Refused("message_not_found")
    if old.get("bot_id") != workspace.config.bot.bot_id:
        raise Refused("cant_delete_message")
    workspace.delete(channel.id, old["ts"])
    return {"channel": channel.id, "ts": old["ts"]}


def _post_ephemeral(workspace: Workspace, arguments: Arguments) -> dict[str, Any]:
    channel, user = _writable(workspace, arguments), arguments.text("user")
    if user not in channel.members:
        raise Refused("user_not_in_channel")
    content = _content(workspace, arguments, TEXT)
    shown = workspace.whisper(user, channel.id, content, arguments.text("thread_ts") or None)
    return {"message_ts": shown["ts"]}


def _permalink(workspace: Workspace, arguments: Arguments) -> dict[str, Any]:
    channel, ts = conversations.find(workspace, arguments.text("channel")), arguments.text("message_ts")
    if ts not in channel.messages:
        raise Refused("message_not_found")
    return {
        "channel": channel.id,
        "permalink": f"{workspace.base_url}/archives/{channel.id}/p{ts.replace('.', '')}",
    }


def new_view(workspace: Workspace, view: Any, *, previous: str | None = None) -> dict[str, Any]:
    """A view as Slack stores it. Raises Refused for one it would not take."""
    faults = view_faults(view)
    if faults:
        raise Refused(
            "invalid_arguments", response_metadata={"messages": [f"[ERROR] {fault}" for fault in faults]}
        )
    view_id = workspace.new_id("V0")
    root = workspace.views[previous]["root_view_id"] if previous else view_id
    return {
        "private_metadata": "",
        "callback_id": "",
        "clear_on_close": False,
        "notify_on_close": False,
        "external_id": "",
        **view,
        "id": view_id,
        "team_id": workspace.config.team_id,
        "app_id": workspace.config.bot.app_id,
        "bot_id": workspace.config.bot.bot_id,
        "root_view_id": root,
        "previous_view_id": previous,
        "hash": f"{time.time():.6f}",
        "state": {"values": {}},
        "blocks": with_ids(view["blocks"]),
    }


def _views_open(workspace: Workspace, arguments: Arguments) -> dict[str, Any]:
    fresh = new_view(workspace, arguments.given("view"))
    user = workspace.use_trigger(arguments.text("trigger_id"))
    workspace.show_view(user, fresh)
    return {"view": fresh}


def _views_push(workspace: Workspace, arguments: Arguments) -> dict[str, Any]:
    user = workspace.use_trigger(arguments.text("trigger_id"))
    stack = workspace.views_of(user)
    if len(stack) >= 3:
        raise Refused("push_limit_reached")
    fresh = new_view(workspace, arguments.given("view"), previous=stack[-1]["id"] if stack else None)
    workspace.show_view(user, fresh)
    return {"view": fresh}


def _views_update(workspace: Workspace, arguments: Arguments) -> dict[str, Any]:
    old = workspace.views.get(arguments.text("view_id"))
    if old is None:
        raise Refused("not_found")
    if arguments.text("hash") and arguments.text("hash") != old["hash"]:
        raise Refused("hash_conflict")
    fresh = new_view(workspace, arguments.given("view"))
    fresh |= {
        "id": old["id"],
        "root_view_id": old["root_view_id"],
        "previous_view_id": old["previous_view_id"],
    }
    workspace.show_view(workspace.view_of[old["id"]], fresh)
    return {"view": fresh}


def _views_publish(workspace: Workspace, arguments: Arguments) -> dict[str, Any]:
    user = arguments.text("user_id")
    if user not in workspace.users:
        raise Refused("user_not_found")
    fresh = new_view(workspace, arguments.given("view"))
    workspace.homes[user] = fresh
    workspace.stream.publish({"type": "home", "view": fresh}, to=user)
    return {"view": fresh}


def _reaction(workspace: Workspace, arguments: Arguments) -> dict[str, Any]:
    channel = conversations.find(workspace, arguments.text("channel"))
    message = channel.messages.get(arguments.text("timestamp"))
    if message is None:
        raise Refused("message_not_found")
    bot, name = workspace.config.bot.user_id, arguments.text("name")
    known = next((one for one in message.get("reactions", []) if one["name"] == name), None)
    if known is not None and bot in known["users"]:
        raise Refused("already_reacted")
    if known is None:
        known = {"name": name, "users": [], "count": 0}
        message.setdefault("reactions", []).append(known)
    known["users"].append(bot)
    known["count"] += 1
    workspace.stream.publish({"type": "message_changed", "channel": channel.id, "message": message})
    return {}


def _connections_open(workspace: Workspace, _arguments: Arguments) -> dict[str, Any]:
    socket_mode = workspace.interactions.socket_mode
    if socket_mode is None:
        raise Refused("not_allowed_token_type")
    address = workspace.base_url.replace("http://", "ws://")
    return {"url": f"{address}/slack/socket/{socket_mode.ticket()}"}


METHODS: dict[str, Method] = {
    "api.test": _api_test,
    "auth.test": _auth_test,
    "chat.postMessage": _post_message,
    "chat.update": _update,
    "chat.delete": _delete,
    "chat.postEphemeral": _post_ephemeral,
    "chat.getPermalink": _permalink,
    "views.open": _views_open,
    "views.push": _views_push,
    "views.update": _views_update,
    "views.publish": _views_publish,
    "reactions.add": _reaction,
    "apps.connections.open": _connections_open,
    **conversations.METHODS,
    **files.METHODS,
}


async def respond(workspace: Workspace, request: web.Request) -> web.Response:
    """A response_url: five answers in thirty minutes, to one person or into the channel."""
    place = workspace.places.get(request.match_info["token"])
    if place is None or time.monotonic() - place.at > 1800:
        return web.json_response({"ok": False, "error": "expired_url"}, status=404)
    if place.left <= 0:
        return web.json_response({"ok": False, "error": "used_url"}, status=404)
    place.left -= 1
    content = await request.json()
    try:
        if content.get("blocks"):
            content["blocks"] = checked(content["blocks"])
    except Refused as refused:
        return web.json_response({"ok": False, "error": refused.error}, status=400)
    if content.get("delete_original") or content.get("replace_original"):
        whispers = workspace.whispers.get(place.user, [])
        whispers[:] = [one for one in whispers if one["ts"] != place.ts]
    if not content.get("delete_original"):
        if content.get("response_type") == "in_channel":
            workspace.interactions.speak(place.channel, content, content.get("thread_ts"))
        else:
            thread = place.thread_ts if place.thread_ts != place.ts else None
            workspace.whisper(place.user, place.channel, content, thread)
    return web.Response(text="ok")

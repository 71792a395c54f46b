"""What the page asks and does: the workspace as one person sees it."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import WSMsgType, web

from sandbox.faults import Fault
from sandbox.slack.workspace import Channel, Message, Workspace
from sandbox.world import World


class PageApi:
    def __init__(self, world: World) -> None:
        self._world = world
        self._workspace: Workspace = world.slack

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/_sandbox/state", self._state),
            web.get("/_sandbox/messages", self._messages),
            web.get("/_sandbox/replies", self._replies),
            web.get("/_sandbox/stream", self._stream),
            web.post("/_sandbox/command", self._command),
            web.post("/_sandbox/post", self._post),
            web.post("/_sandbox/action", self._action),
            web.post("/_sandbox/view/submit", self._submit),
            web.post("/_sandbox/view/close", self._close),
            web.post("/_sandbox/options", self._options),
            web.post("/_sandbox/open_home", self._open_home),
            web.post("/_sandbox/dismiss", self._dismiss),
            web.post("/_sandbox/faults", self._add_fault),
            web.delete("/_sandbox/faults", self._clear_faults),
        ]

    def _person(self, name: str) -> str:
        if name not in self._workspace.users:
            raise web.HTTPNotFound(text=f"nobody here is {name}")
        return name

    def _channel(self, channel_id: str, person: str) -> Channel:
        channel = self._workspace.channels.get(channel_id)
        if channel is None or (channel.is_private and person not in channel.members):
            raise web.HTTPNotFound(text="channel_not_found")
        return channel

    async def _state(self, request: web.Request) -> web.Response:
        workspace, config = self._workspace, self._workspace.config
        first = next(iter(workspace.users))
        me = self._person(request.query.get("as", first))
        shown = ("id", "name", "real_name", "email", "label", "tz")
        users = [{name: getattr(one, name) for name in shown} for one in workspace.users.values()]
        channels = [self._entry(one, me) for one in workspace.channels.values() if me in one.members]
        senders = [
            {
                "company": one.company,
                "name": one.name,
                "presets": [{"id": preset.id, "title": preset.title} for preset in one.presets],
            }
            for one in self._world.config.senders
        ]
        body = {
            "team": {"id": config.team_id, "name": config.team_name},
            "me": next(one for one in users if one["id"] == me),
            "bot": {"user_id": config.bot.user_id, "bot_id": config.bot.bot_id, "name": config.bot.name},
            "users": users,
            "channels": channels,
            "senders": senders,
            "views": workspace.views_of(me),
            "home": workspace.homes.get(me),
        }
        return web.json_response(body)

    def _entry(self, channel: Channel, me: str) -> dict[str, Any]:
        read = channel.read.get(me, "")
        unread = sum(
            1 for message in channel.messages.values() if message["ts"] > read and message["user"] != me
        )
        return {
            "id": channel.id,
            "name": channel.name,
            "topic": channel.topic,
            "is_im": channel.is_im,
            "is_private": channel.is_private,
            "is_member": me in channel.members,
            "unread": unread,
        }

    def _whispers(self, me: str, channel: str, thread: str | None) -> list[Message]:
        whispers = self._workspace.ephemerals(me)
        return [one for one in whispers if one["channel"] == channel and one.get("thread_ts") == thread]

    async def _messages(self, request: web.Request) -> web.Response:
        me = self._person(request.query["as"])
        channel = self._channel(request.query["channel"], me)
        found = self._workspace.messages(channel.id)
        if channel.messages:
            channel.read[me] = max(channel.messages)
        every = sorted([*found, *self._whispers(me, channel.id, None)], key=lambda one: one["ts"])
        return web.json_response({"messages": every})

    async def _replies(self, request: web.Request) -> web.Response:
        me, ts = self._person(request.query["as"]), request.query["ts"]
        channel = self._channel(request.query["channel"], me)
        thread = [*self._workspace.replies(channel.id, ts), *self._whispers(me, channel.id, ts)]
        return web.json_response({"messages": sorted(thread, key=lambda one: one["ts"])})

    async def _stream(self, request: web.Request) -> web.WebSocketResponse:
        me = self._person(request.query["as"])
        socket = web.WebSocketResponse(heartbeat=20)
        await socket.prepare(request)
        queue = self._world.stream.listen(me)

        async def read() -> None:
            async for received in socket:
                if received.type is WSMsgType.ERROR:
                    return

        reading = asyncio.create_task(read())
        try:
            while not reading.done():
                waiting = asyncio.create_task(queue.get())
                await asyncio.wait({waiting, reading}, return_when=asyncio.FIRST_COMPLETED)
                if not waiting.done():
                    waiting.cancel()
                    break
                change = waiting.result()
                if self._seen(change, me):
                    await socket.send_json(change)
        except ConnectionError:
            return socket
        finally:
            reading.cancel()
            self._world.stream.leave(queue)
        return socket

    def _seen(self, change: dict[str, Any], me: str) -> bool:
        channel = self._workspace.channels.get(change.get("channel", "")) if "message" in change else None
        return channel is None or me in channel.members

    async def _command(self, request: web.Request) -> web.Response:
        body = await request.json()
        me = self._person(body["as"])
        channel = self._channel(body["channel"], me)
        await self._workspace.interactions.command(me, channel.id, body["text"])
        return web.json_response({"ok": True})

    async def _post(self, request: web.Request) -> web.Response:
        body = await request.json()
        me = self._person(body["as"])
        channel = self._channel(body["channel"], me)
        text = self._mentions(str(body["text"]))
        message = await self._workspace.interactions.wrote(me, channel.id, text, body.get("thread_ts"))
        return web.json_response({"ok": True, "message": message})

    def _mentions(self, text: str) -> str:
        """What a person types as @name becomes the id that Slack stores."""
        safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        bot = self._workspace.config.bot
        safe = safe.replace(f"&lt;@{bot.user_id}&gt;", f"<@{bot.user_id}>")
        for name in (f"@{bot.name}", f"@{bot.name.lower()}", "@alert-whisperer", "@aw "):
            safe = safe.replace(name, f"<@{bot.user_id}> ", 1) if name in safe else safe
        for one in self._workspace.users.values():
            safe = safe.replace(f"&lt;@{one.id}&gt;", f"<@{one.id}>").replace(
                f"@{one.name} ", f"<@{one.id}> "
            )
        return safe

    async def _action(self, request: web.Request) -> web.Response:
        body = await request.json()
        me = self._person(body["as"])
        action = {**body["action"], "block_id": body.get("block_id") or body["action"].get("block_id", "")}
        interactions = self._workspace.interactions
        if body.get("view_id"):
            view = self._workspace.views.get(body["view_id"]) or self._workspace.homes.get(me)
            await interactions.pressed(me, action, view=view, state=body.get("state"))
            return web.json_response({"ok": True})
        channel = self._channel(body["channel"], me)
        message = channel.messages.get(body["message_ts"])
        message = message or next(
            (m for m in self._workspace.ephemerals(me) if m["ts"] == body["message_ts"]), None
        )
        if message is None:
            raise web.HTTPNotFound(text="message_not_found")
        await interactions.pressed(me, action, channel=channel.id, message=message, state=body.get("state"))
        return web.json_response({"ok": True})

    async def _submit(self, request: web.Request) -> web.Response:
        body = await request.json()
        me = self._person(body["as"])
        if body["view_id"] not in self._workspace.views:
            raise web.HTTPNotFound(text="view_not_found")
        values = (body.get("state") or {}).get("values", {})
        answer = await self._workspace.interactions.submitted(me, body["view_id"], values)
        return web.json_response(answer or {})

    async def _close(self, request: web.Request) -> web.Response:
        body = await request.json()
        await self._workspace.interactions.closed(self._person(body["as"]), body["view_id"])
        return web.json_response({"ok": True})

    async def _options(self, request: web.Request) -> web.Response:
        body = await request.json()
        me = self._person(body["as"])
        answer = await self._workspace.interactions.suggested(
            me, body["action_id"], body["block_id"], body["value"]
        )
        return web.json_response(answer)

    async def _open_home(self, request: web.Request) -> web.Response:
        me = self._person((await request.json())["as"])
        event = {"type": "app_home_opened", "user": me, "tab": "home", "event_ts": self._workspace.new_ts()}
        await self._workspace.interactions.event(event)
        return web.json_response({"view": self._workspace.homes.get(me)})

    async def _dismiss(self, request: web.Request) -> web.Response:
        body = await request.json()
        whispers = self._workspace.ephemerals(self._person(body["as"]))
        whispers[:] = [one for one in whispers if one["ts"] != body["ts"]]
        return web.json_response({"ok": True})

    async def _add_fault(self, request: web.Request) -> web.Response:
        try:
            self._world.faults.add(Fault(**await request.json()))
        except (TypeError, ValueError) as error:
            raise web.HTTPBadRequest(text=str(error)) from error
        return web.json_response({"ok": True})

    async def _clear_faults(self, _request: web.Request) -> web.Response:
        self._world.faults.clear()
        return web.json_response({"ok": True})

"""What the page asks for and does: the workspace as one person sees it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from aiohttp import WSMsgType, web

from sandbox.faults import Fault
from sandbox.slack import payloads, views
from sandbox.slack.interactions import element_at
from sandbox.slack.state import Channel, State, View
from sandbox.world import World


class PageApi:
    def __init__(self, world: World) -> None:
        self._world = world
        self._state: State = world.slack.state
        self._interactions = world.slack.interactions
        self._watching: set[web.WebSocketResponse] = set()

    def mount(self, app: web.Application) -> None:
        app.router.add_get("/_sandbox/state", self._overview)
        app.router.add_get("/_sandbox/messages", self._messages)
        app.router.add_get("/_sandbox/replies", self._replies)
        app.router.add_get("/_sandbox/stream", self._stream)
        for path, handler in (
            ("command", self._command),
            ("post", self._post),
            ("action", self._action),
            ("view/submit", self._submit),
            ("view/close", self._close),
            ("options", self._options),
            ("open_home", self._open_home),
            ("dismiss", self._dismiss),
        ):
            app.router.add_post(f"/_sandbox/{path}", handler)
        app.on_shutdown.append(self._leave)

    async def _leave(self, _: web.Application) -> None:
        """Pages that look on do not hold up the end."""
        for socket in list(self._watching):
            await socket.close(code=1001)

    # ── reading ────────────────────────────────────────────────────────────────────────────────────────────────

    async def _overview(self, request: web.Request) -> web.Response:
        state, config = self._state, self._state.config
        me = self._person(request.query.get("as") or next(iter(state.people)))
        shown = ("id", "name", "real_name", "email", "tz", "label", "is_restricted")
        people = [{name: getattr(one, name) for name in shown} for one in state.people.values()]
        bot = config.bot
        body = {
            "team": {"id": config.team_id, "name": config.team_name},
            "me": next(one for one in people if one["id"] == me),
            "bot": {
                "id": bot.user_id,
                "user_id": bot.user_id,
                "bot_id": bot.bot_id,
                "app_id": bot.app_id,
                "name": bot.name,
            },
            "users": people,
            "channels": [state.overview(me, one) for one in state.channels.values() if me in one.members],
            "commands": list(config.commands),
            "senders": [
                {
                    "company": one.company,
                    "name": one.name,
                    "presets": [{"id": preset.id, "title": preset.title} for preset in one.presets],
                }
                for one in self._world.config.senders
            ],
            "views": state.modals.get(me, []),
            "home": state.homes.get(me),
            "teams": self._world.config.teams is not None,
        }
        return web.json_response(body)

    async def _messages(self, request: web.Request) -> web.Response:
        me = self._person(request.query.get("as"))
        channel = self._channel(request.query.get("channel"), me)
        self._state.mark_read(me, channel)
        public = [self._state.shown(channel, one) for one in self._state.top_level(channel)]
        whispers = [one for one in self._state.whispers_to(me, channel.id) if not one.get("thread_ts")]
        return _ordered(public + whispers)

    async def _replies(self, request: web.Request) -> web.Response:
        me = self._person(request.query.get("as"))
        channel = self._channel(request.query.get("channel"), me)
        ts = request.query.get("ts", "")
        if ts not in channel.messages:
            raise _not_found(f"there is no message {ts}")
        thread = [channel.messages[ts], *self._state.replies(channel, ts)]
        whispers = [one for one in self._state.whispers_to(me, channel.id) if one.get("thread_ts") == ts]
        return _ordered([self._state.shown(channel, one) for one in thread] + whispers)

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        me = self._person(request.query.get("as"))
        socket = web.WebSocketResponse(heartbeat=20.0)
        await socket.prepare(request)
        queue = self._world.stream.listen(me)
        sending = asyncio.create_task(_pass_on(queue, socket))
        self._watching.add(socket)
        try:
            async for frame in socket:
                if frame.type is WSMsgType.ERROR:
                    break
        finally:
            self._watching.discard(socket)
            self._world.stream.leave(queue)
            sending.cancel()
            with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                await sending
        return socket

    # ── doing ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def _command(self, request: web.Request) -> web.Response:
        body = await _body(request)
        me = self._person(body.get("as"))
        channel = self._channel(body.get("channel"), me)
        said = await self._interactions.command(me, channel, str(body.get("text", "")))
        return web.json_response({"ok": True, "message": said})

    async def _post(self, request: web.Request) -> web.Response:
        body = await _body(request)
        me = self._person(body.get("as"))
        channel = self._channel(body.get("channel"), me)
        text, thread = str(body.get("text", "")).strip(), str(body.get("thread_ts") or "")
        if not text or channel.is_archived:
            raise web.HTTPBadRequest(text="there is nothing to post" if not text else "is_archived")
        if thread and thread not in channel.messages:
            raise _not_found(f"there is no message {thread}")
        said = await self._interactions.say(me, channel, text, thread)
        return web.json_response({"ok": True, "message": said})

    async def _action(self, request: web.Request) -> web.Response:
        body = await _body(request)
        me = self._person(body.get("as"))
        given = body.get("action") or {}
        values = _values(body)
        if body.get("view_id"):
            view = self._view(me, body["view_id"])
            action = _completed(view["blocks"], given, str(body.get("block_id", "")))
            reply = await self._interactions.press_in_view(me, view, action, values)
        else:
            ts = str(body.get("message_ts", ""))
            channel = self._channel(body.get("channel"), me)
            whisper = self._state.whispers.get(ts)
            message = whisper.message if whisper and whisper.user == me else channel.messages.get(ts)
            if message is None:
                raise _not_found(f"there is no message {ts}")
            action = _completed(message.get("blocks", []), given, str(body.get("block_id", "")))
            reply = await self._interactions.press_in_message(me, channel, ts, action, values)
        return web.json_response({"ok": reply.ok, "error": reply.error})

    async def _submit(self, request: web.Request) -> web.Response:
        body = await _body(request)
        me = self._person(body.get("as"))
        view = self._view(me, body.get("view_id"))
        try:
            return web.json_response(await self._interactions.submit(me, view, _values(body)))
        except LookupError as error:
            raise web.HTTPBadRequest(text=str(error)) from error

    async def _close(self, request: web.Request) -> web.Response:
        body = await _body(request)
        me = self._person(body.get("as"))
        await self._interactions.close_view(me, self._view(me, body.get("view_id")))
        return web.json_response({"ok": True})

    async def _options(self, request: web.Request) -> web.Response:
        body = await _body(request)
        me = self._person(body.get("as"))
        if body.get("view_id"):
            place = payloads.of_view(self._view(me, body["view_id"]))
        else:
            ts = str(body.get("message_ts", ""))
            whisper, found = self._state.whispers.get(ts), self._state.find(ts)
            if whisper is not None and whisper.user == me:
                channel = self._state.channels[whisper.channel]
                place = payloads.of_message(self._state, channel, whisper.message, whispered=True)
            elif found is not None and self._state.sees(me, found[0]):
                place = payloads.of_message(self._state, *found, whispered=False)
            else:
                raise _not_found(f"there is no message {ts}")
        asked = (str(body.get(name, "")) for name in ("block_id", "action_id", "value"))
        return web.json_response(await self._interactions.options(me, place, *asked))

    async def _open_home(self, request: web.Request) -> web.Response:
        me = self._person((await _body(request)).get("as"))
        return web.json_response({"view": await self._interactions.open_home(me)})

    async def _dismiss(self, request: web.Request) -> web.Response:
        """The person hides what they alone see."""
        body = await _body(request)
        whisper = self._state.whispers.get(str(body.get("ts", "")))
        if whisper is not None and whisper.user == self._person(body.get("as")):
            self._state.unwhisper(str(body["ts"]))
        return web.json_response({"ok": True})

    # ── who and where ──────────────────────────────────────────────────────────────────────────────────────────

    def _person(self, given: Any) -> str:
        if given not in self._state.people:
            raise web.HTTPBadRequest(text=f"as: there is nobody called {given}")
        return str(given)

    def _channel(self, given: Any, me: str) -> Channel:
        channel = self._state.channels.get(str(given))
        if channel is None or not self._state.sees(me, channel):
            raise _not_found(f"there is no channel {given}")
        return channel

    def _view(self, me: str, given: Any) -> View:
        view = views.find(self._state, me, str(given))
        if view is None:
            raise _not_found(f"there is no view {given}")
        return view


def _completed(blocks: list[dict[str, Any]], given: Any, block_id: str) -> dict[str, Any]:
    """The action with what Slack adds from the element itself, if that still stands there."""
    if not isinstance(given, dict) or "action_id" not in given:
        raise web.HTTPBadRequest(text="action: action_id is missing")
    action = {"block_id": block_id, **given}
    try:
        place, element = element_at(blocks, str(given["action_id"]), block_id)
    except LookupError:
        return action  # pressed on what has changed since; the app hears of it as it was pressed
    own = {name: element[name] for name in ("type", "text", "value", "style") if name in element}
    return {**own, **action, "block_id": place}


def _values(body: dict[str, Any]) -> dict[str, dict[str, Any]]:
    values = (body.get("state") or {}).get("values") or {}
    if not isinstance(values, dict) or not all(isinstance(one, dict) for one in values.values()):
        raise web.HTTPBadRequest(text="state: values by block and action are wanted")
    return values


async def _pass_on(queue: asyncio.Queue[dict[str, Any]], socket: web.WebSocketResponse) -> None:
    while True:
        change = await queue.get()
        if socket.closed:
            return
        await socket.send_json(change)


def _ordered(messages: list[dict[str, Any]]) -> web.Response:
    return web.json_response({"messages": sorted(messages, key=lambda one: str(one["ts"]))})


def _not_found(text: str) -> web.HTTPNotFound:
    return web.HTTPNotFound(text=text)


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except ValueError as error:
        raise web.HTTPBadRequest(text="not JSON") from error
    if not isinstance(body, dict):
        raise web.HTTPBadRequest(text="a JSON object is wanted")
    return body


class FaultsApi:
    """POST /_sandbox/faults scripts one, DELETE takes all back."""

    def __init__(self, world: World) -> None:
        self._faults = world.faults

    async def add(self, request: web.Request) -> web.Response:
        try:
            self._faults.add(Fault(**await _body(request)))
        except (TypeError, ValueError) as error:
            raise web.HTTPBadRequest(text=str(error)) from error
        return web.json_response({"ok": True})

    async def clear(self, _request: web.Request) -> web.Response:
        self._faults.clear()
        return web.json_response({"ok": True})

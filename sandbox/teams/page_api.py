"""What the Teams page asks for and does: the channels, the chat with the bot and the dialog as one person sees them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

from aiohttp import WSMsgType, web

from sandbox.teams.config import TeamsPerson
from sandbox.teams.state import Conversation, Message
from sandbox.teams.world import Answer, TeamsWorld
from sandbox.world import World

PLACE = "/_sandbox/teams"


class PageApi:
    def __init__(self, world: World, teams: TeamsWorld) -> None:
        self._world, self._teams, self._state = world, teams, teams.state
        self._watching: set[web.WebSocketResponse] = set()

    def mount(self, app: web.Application) -> None:
        app.router.add_get(f"{PLACE}/state", self._overview)
        app.router.add_get(f"{PLACE}/messages", self._messages)
        app.router.add_get(f"{PLACE}/stream", self._stream)
        for path, handler in (
            ("say", self._say),
            ("press", self._press),
            ("submit", self._submit),
            ("close", self._close),
        ):
            app.router.add_post(f"{PLACE}/{path}", handler)
        app.on_shutdown.append(self._leave)

    async def _leave(self, _: web.Application) -> None:
        """Pages that look on do not hold up the end."""
        for socket in list(self._watching):
            await socket.close(code=1001)

    # ── reading ────────────────────────────────────────────────────────────────────────────────────────────────

    async def _overview(self, request: web.Request) -> web.Response:
        config = self._teams.config
        me = self._person(request.query.get("as") or next(iter(self._state.people)))
        shown = [
            self._state.personal(me),
            *(one for one in self._state.conversations.values() if one.kind != "personal"),
        ]
        body = {
            "me": me.id,
            "bot": config.bot_name,
            "slack": self._world.config.slack is not None,
            "people": [{"id": one.id, "name": one.name} for one in self._state.people.values()],
            "conversations": [
                {"id": one.id, "name": one.name or config.bot_name, "kind": one.kind}
                for one in shown
                if me.id in one.members
            ],
            "senders": [
                {
                    "company": one.company,
                    "name": one.name,
                    "presets": [{"id": preset.id, "title": preset.title} for preset in one.presets],
                }
                for one in self._world.config.senders
            ],
            "dialog": self._dialog(me),
        }
        return web.json_response(body)

    async def _messages(self, request: web.Request) -> web.Response:
        """What began each thread, oldest first, each with its replies."""
        me = self._person(request.query.get("as"))
        where = self._conversation(request.query.get("conversation"), me)
        found = [
            self._shown(me, one)
            | {"replies": [self._shown(me, reply) for reply in self._teams.replies(one)] if one.root else []}
            for one in self._teams.messages(where.id)
        ]
        return web.json_response({"messages": found})

    def _shown(self, me: TeamsPerson, message: Message) -> dict[str, Any]:
        author = self._state.people.get(message.by)
        return {
            "id": message.id,
            "by": author.name if author else self._teams.config.bot_name,
            "bot": author is None,
            "at": message.at,
            "edits": message.edits,
            "text": message.activity.get("text") or "",
            "card": self._teams.seen(me.id, message) or None,
        }

    def _dialog(self, me: TeamsPerson) -> dict[str, Any] | None:
        found = self._teams.dialogs.get(me.id)
        return {"title": found["title"], "card": found["card"]} if found else None

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        me = self._person(request.query.get("as"))
        socket = web.WebSocketResponse(heartbeat=20.0)
        await socket.prepare(request)
        queue = self._world.stream.listen(me.id)

        async def pass_on() -> None:
            while not socket.closed:
                await socket.send_json(await queue.get())

        sending = asyncio.create_task(pass_on())
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

    async def _say(self, request: web.Request) -> web.Response:
        body, me = await self._asked(request)
        where = self._conversation(body.get("conversation"), me)
        text = str(body.get("text", "")).strip()
        if not text:
            raise web.HTTPBadRequest(text="there is nothing to say")
        thread = self._message(where, body["thread"]) if body.get("thread") else None
        place = None if where.kind == "personal" else where.id
        answer = await self._teams.say(me.id, place, text, thread=thread)
        return self._outcome(me, answer, len(self._teams.notices[me.id]))

    async def _press(self, request: web.Request) -> web.Response:
        """`action` is the button as it stands in the card that this person sees, `values` what was typed beside it."""
        body, me = await self._asked(request)
        message = self._message(self._conversation(body.get("conversation"), me), body.get("message"))
        told = len(self._teams.notices[me.id])
        try:
            answer = await self._teams.act(me.id, message, _object(body, "action"), _object(body, "values"))
        except LookupError as error:
            raise web.HTTPBadRequest(text=str(error)) from error
        return self._outcome(me, answer, told)

    async def _submit(self, request: web.Request) -> web.Response:
        body, me = await self._asked(request)
        if me.id not in self._teams.dialogs:
            raise web.HTTPNotFound(text="no dialog is open")
        told = len(self._teams.notices[me.id])
        try:
            answer = await self._teams.send(me.id, _object(body, "action"), _object(body, "values"))
        except LookupError as error:
            raise web.HTTPBadRequest(text=str(error)) from error
        return self._outcome(me, answer, told)

    async def _close(self, request: web.Request) -> web.Response:
        _, me = await self._asked(request)
        self._teams.dialogs.pop(me.id, None)
        return web.json_response({"ok": True})

    def _outcome(self, me: TeamsPerson, answer: Answer, told: int) -> web.Response:
        """What this person sees of it: what was said to them alone since, and the dialog that is open then."""
        said = self._teams.notices[me.id][told:]
        return web.json_response({"status": answer.status, "said": said, "dialog": self._dialog(me)})

    # ── who and where ──────────────────────────────────────────────────────────────────────────────────────────

    async def _asked(self, request: web.Request) -> tuple[dict[str, Any], TeamsPerson]:
        try:
            body = await request.json()
        except ValueError as error:
            raise web.HTTPBadRequest(text="not JSON") from error
        if not isinstance(body, dict):
            raise web.HTTPBadRequest(text="a JSON object is wanted")
        return body, self._person(body.get("as"))

    def _person(self, given: Any) -> TeamsPerson:
        found = self._state.people.get(str(given))
        if found is None:
            raise web.HTTPBadRequest(text=f"as: there is nobody called {given}")
        return found

    def _conversation(self, given: Any, me: TeamsPerson) -> Conversation:
        found = self._state.conversations.get(str(given))
        if found is None or me.id not in found.members:
            raise web.HTTPNotFound(text=f"there is no conversation {given}")
        return found

    def _message(self, where: Conversation, given: Any) -> Message:
        found = where.messages.get(str(given))
        if found is None:
            raise web.HTTPNotFound(text=f"there is no message {given}")
        return found


def _object(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = body.get(name) or {}
    if not isinstance(found, dict):
        raise web.HTTPBadRequest(text=f"{name}: an object is wanted")
    return found

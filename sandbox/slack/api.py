"""The Web API over HTTP: every method, who may call it, how often, and what goes wrong when a fault is scripted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

from aiohttp import web

from sandbox.faults import Do, Fault, Faults
from sandbox.slack import chat, conversations, files, people, views
from sandbox.slack.arguments import Args, read
from sandbox.slack.limits import Limits, Tier
from sandbox.slack.refusal import RateLimited, SlackRefusal
from sandbox.slack.state import State

Run = Callable[[State, Args], dict[str, Any]]


class Method(NamedTuple):
    """`scopes`: one of these is needed; none: any token will do."""

    run: Run
    tier: Tier
    scopes: tuple[str, ...] = ()


_READ = ("channels:read", "groups:read", "im:read", "mpim:read")
_HISTORY = ("channels:history", "groups:history", "im:history", "mpim:history")
_MANAGE = ("channels:manage", "groups:write", "im:write")
_INVITE = (*_MANAGE, "channels:write.invites", "groups:write.invites")
METHODS: dict[str, Method] = {
    "api.test": Method(people.api_test, Tier.FOUR),
    "auth.test": Method(people.auth_test, Tier.FREE),
    "chat.postMessage": Method(chat.post_message, Tier.POSTING, ("chat:write",)),
    "chat.update": Method(chat.update, Tier.THREE, ("chat:write",)),
    "chat.delete": Method(chat.delete, Tier.THREE, ("chat:write",)),
    "chat.postEphemeral": Method(chat.post_ephemeral, Tier.FOUR, ("chat:write",)),
    "chat.getPermalink": Method(chat.permalink, Tier.FREE),
    "reactions.add": Method(chat.add_reaction, Tier.THREE, ("reactions:write",)),
    "views.open": Method(views.open_modal, Tier.FOUR),
    "views.push": Method(views.push, Tier.FOUR),
    "views.update": Method(views.update, Tier.FOUR),
    "views.publish": Method(views.publish, Tier.FOUR),
    "conversations.create": Method(conversations.create, Tier.TWO, _MANAGE),
    "conversations.archive": Method(conversations.archive, Tier.TWO, _MANAGE),
    "conversations.setTopic": Method(conversations.set_topic, Tier.TWO, (*_MANAGE, "channels:write.topic")),
    "conversations.list": Method(conversations.listed, Tier.TWO, _READ),
    "conversations.invite": Method(conversations.invite, Tier.THREE, _INVITE),
    "conversations.join": Method(conversations.join, Tier.THREE, ("channels:join",)),
    "conversations.info": Method(conversations.info, Tier.THREE, _READ),
    "conversations.open": Method(conversations.opened, Tier.THREE, _MANAGE),
    "conversations.history": Method(conversations.history, Tier.THREE, _HISTORY),
    "conversations.replies": Method(conversations.replies, Tier.THREE, _HISTORY),
    "conversations.members": Method(conversations.members, Tier.FOUR, _READ),
    "users.info": Method(people.info, Tier.FOUR, ("users:read",)),
    "users.list": Method(people.listed, Tier.TWO, ("users:read",)),
    "users.lookupByEmail": Method(people.by_email, Tier.THREE, ("users:read.email",)),
    "files.getUploadURLExternal": Method(files.upload_url, Tier.FOUR, ("files:write",)),
    "files.completeUploadExternal": Method(files.complete, Tier.FOUR, ("files:write",)),
}
CONNECTIONS_OPEN = "apps.connections.open"
_NO_TOKEN = {"api.test"}


class Api:
    """`connect`: makes a Socket Mode address under an origin; None when the app has no app token."""

    def __init__(
        self, state: State, faults: Faults, limits: Limits, connect: Callable[[str], str] | None
    ) -> None:
        self._state = state
        self._faults = faults
        self._limits = limits
        self._connect = connect
        self.closing = asyncio.Event()

    async def call(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["method"]
        try:
            values = await read(request)
        except SlackRefusal as refusal:
            return web.json_response(refusal.as_json())
        token = _token(request, values)
        args = Args(
            {key: value for key, value in values.items() if key != "token"}, str(request.url.origin())
        )
        self._state.called(name, dict(args.values))
        fault = self._faults.take("slack", name)
        if fault is None:
            return self._answer(name, args, token)
        return await self._suffer(fault, request, lambda: self._answer(name, args, token))

    def _answer(self, name: str, args: Args, token: str) -> web.Response:
        try:
            return web.json_response({"ok": True, **self._run(name, args, token)})
        except RateLimited as limited:
            return _slow_down(limited.retry_after)
        except SlackRefusal as refusal:
            return web.json_response(refusal.as_json())

    def _run(self, name: str, args: Args, token: str) -> dict[str, Any]:
        config = self._state.config
        if name not in METHODS and name != CONNECTIONS_OPEN:
            raise SlackRefusal("unknown_method", req_method=name)
        if name not in _NO_TOKEN:
            if not token:
                raise SlackRefusal("not_authed")
            if token not in (config.bot.token, config.app_token):
                raise SlackRefusal("invalid_auth")
            if (token == config.app_token) != (name == CONNECTIONS_OPEN):
                raise SlackRefusal("not_allowed_token_type")
        if name == CONNECTIONS_OPEN:
            assert self._connect is not None  # who holds the app token may connect
            return {"url": self._connect(args.origin)}
        method = METHODS[name]
        granted = config.bot.scopes
        if granted is not None and method.scopes and not set(granted) & set(method.scopes):
            raise SlackRefusal("missing_scope", needed=method.scopes[0], provided=",".join(granted))
        self._limits.check(name, method.tier, args.text("channel"))
        return method.run(self._state, args)

    async def _suffer(
        self, fault: Fault, request: web.Request, work: Callable[[], web.Response]
    ) -> web.StreamResponse:
        match Do(fault.do):
            case Do.STATUS:
                return web.Response(status=fault.status, text="")
            case Do.RATELIMITED:
                return _slow_down(fault.retry_after)
            case Do.ERROR:
                return web.json_response({"ok": False, "error": fault.error})
            case Do.SLOW:
                await self._wait(fault.seconds)
                return work()
            case Do.HANG:
                await self._wait(fault.seconds)
            case Do.LOST_REPLY:
                work()
            case Do.RESET:
                pass
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)

    async def _wait(self, seconds: float) -> None:
        """So long, or until the world ends."""
        try:
            await asyncio.wait_for(self.closing.wait(), seconds)
        except TimeoutError:
            return


def _token(request: web.Request, values: dict[str, Any]) -> str:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else str(values.get("token") or "")


def _slow_down(seconds: int) -> web.Response:
    body = {"ok": False, "error": "ratelimited"}
    return web.json_response(body, status=429, headers={"Retry-After": str(seconds)})

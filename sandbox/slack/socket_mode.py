"""Socket Mode: the app connects out, each payload goes to one of its connections, and it acknowledges by envelope."""

from __future__ import annotations

import asyncio
import json
import random
import secrets
import uuid
from typing import Any

from aiohttp import WSMsgType, web

from sandbox.slack.delivery import PATIENCE, Kind, Reply, Retry

MOST_CONNECTIONS = 10
CONNECTION_SECONDS = 18_060
GRACE = 1.0
"""Seconds between asking for a fresh connection and closing the old one."""


class SocketMode:
    def __init__(self, app_id: str) -> None:
        self._app_id = app_id
        self._tickets: set[str] = set()
        self._open: list[web.WebSocketResponse] = []
        self._waiting: dict[str, asyncio.Future[Any]] = {}

    @property
    def connected(self) -> bool:
        return bool(self._open)

    def address(self, origin: str) -> str:
        """A new address for one connection."""
        ticket = secrets.token_urlsafe(18)
        self._tickets.add(ticket)
        return f"{origin.replace('http', 'ws', 1)}/slack/socket/{ticket}?app_id={self._app_id}"

    async def connect(self, request: web.Request) -> web.StreamResponse:
        """One connection, until either side ends it."""
        ticket = request.match_info["ticket"]
        if ticket not in self._tickets:
            return web.Response(status=404, text="Not found")
        self._tickets.discard(ticket)
        if len(self._open) >= MOST_CONNECTIONS:
            return web.Response(status=429, text="too_many_websockets")
        socket = web.WebSocketResponse(heartbeat=30.0)
        await socket.prepare(request)
        debug = {
            "host": "applink-sandbox",
            "build_number": 1,
            "approximate_connection_time": CONNECTION_SECONDS,
        }
        hello = {"type": "hello", "num_connections": len(self._open) + 1, "debug_info": debug}
        await socket.send_json(hello | {"connection_info": {"app_id": self._app_id}})
        self._open.append(socket)
        try:
            async for frame in socket:
                if frame.type is WSMsgType.TEXT:
                    self._heard(frame.data)
        finally:
            if socket in self._open:
                self._open.remove(socket)
        return socket

    def _heard(self, text: str) -> None:
        try:
            envelope = json.loads(text)
        except ValueError:
            return
        waiting = self._waiting.get(str(envelope.get("envelope_id"))) if isinstance(envelope, dict) else None
        if waiting is not None and not waiting.done():
            waiting.set_result(envelope.get("payload"))

    async def deliver(self, kind: Kind, payload: dict[str, Any], retry: Retry) -> Reply:
        """To one connection by lot; its acknowledgement within three seconds."""
        envelope: dict[str, Any] = {
            "envelope_id": str(uuid.uuid4()),
            "type": kind.value,
            "accepts_response_payload": kind is not Kind.EVENT,
            "payload": payload,
        }
        if kind is Kind.EVENT:
            envelope |= {"retry_attempt": retry.number, "retry_reason": retry.reason}
        waiting = asyncio.get_running_loop().create_future()
        self._waiting[envelope["envelope_id"]] = waiting
        try:
            await random.choice(self._open).send_json(envelope)
            return Reply(body=await asyncio.wait_for(waiting, PATIENCE))
        except TimeoutError:
            return Reply("operation_timeout", "http_timeout")
        except (ConnectionError, RuntimeError):  # aiohttp says so when the other side has gone meanwhile
            return Reply("dispatch_failed", "connection_failed")
        finally:
            del self._waiting[envelope["envelope_id"]]

    async def refresh(self, reason: str = "refresh_requested") -> None:
        """Asks each connection to come again, as Slack does every few hours, and closes it a moment later."""
        old, self._open = self._open, []
        debug = {"host": "applink-sandbox"}
        for socket in old:
            if not socket.closed:
                await socket.send_json({"type": "disconnect", "reason": reason, "debug_info": debug})
        await asyncio.sleep(GRACE)
        for socket in old:
            await socket.close()

    async def close(self) -> None:
        for socket in list(self._open):
            await socket.close(code=1001)

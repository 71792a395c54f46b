"""Socket Mode: the app connects out; each payload goes to one connection in an envelope that it acknowledges."""

from __future__ import annotations

import asyncio
import json
import random
import uuid
from typing import TYPE_CHECKING, Any

from aiohttp import WSMsgType, web

from sandbox.slack.interactions import PATIENCE, Undelivered

if TYPE_CHECKING:
    from sandbox.slack.workspace import Workspace

MOST_CONNECTIONS = 10


class SocketMode:
    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._open: list[web.WebSocketResponse] = []
        self._waiting: dict[str, asyncio.Future[dict[str, Any] | None]] = {}
        self._tickets: set[str] = set()

    @property
    def connected(self) -> bool:
        return bool(self._open)

    def ticket(self) -> str:
        ticket = uuid.uuid4().hex
        self._tickets.add(ticket)
        return ticket

    async def connect(self, request: web.Request) -> web.WebSocketResponse:
        ticket = request.match_info["ticket"]
        if ticket not in self._tickets or len(self._open) >= MOST_CONNECTIONS:
            raise web.HTTPForbidden(text="invalid ticket")
        self._tickets.discard(ticket)
        socket = web.WebSocketResponse(heartbeat=10)
        await socket.prepare(request)
        config = self._workspace.config
        await socket.send_json(
            {
                "type": "hello",
                "num_connections": len(self._open) + 1,
                "debug_info": {"host": "sandbox", "approximate_connection_time": 18060},
                "connection_info": {"app_id": config.bot.app_id},
            }
        )
        self._open.append(socket)
        try:
            async for received in socket:
                if received.type is WSMsgType.TEXT:
                    self._acknowledged(received.data)
        finally:
            self._open.remove(socket)
        return socket

    def _acknowledged(self, text: str) -> None:
        try:
            envelope = json.loads(text)
        except ValueError:
            return
        waiting = self._waiting.pop(str(envelope.get("envelope_id")), None)
        if waiting is not None and not waiting.done():
            waiting.set_result(envelope.get("payload"))

    async def deliver(
        self, kind: str, payload: dict[str, Any], *, retry: tuple[int, str] | None = None
    ) -> dict[str, Any] | None:
        """To one connection; the payload of its acknowledgement. Raises Undelivered."""
        envelope: dict[str, Any] = {
            "envelope_id": str(uuid.uuid4()),
            "type": kind,
            "accepts_response_payload": kind != "events_api",
            "payload": payload,
        }
        if kind == "events_api":
            envelope["retry_attempt"], envelope["retry_reason"] = retry or (0, "")
        answer: asyncio.Future[dict[str, Any] | None] = asyncio.get_running_loop().create_future()
        self._waiting[envelope["envelope_id"]] = answer
        try:
            await random.choice(self._open).send_json(envelope)
            return await asyncio.wait_for(answer, PATIENCE)
        except TimeoutError as error:
            raise Undelivered("operation_timeout") from error
        except ConnectionError as error:
            raise Undelivered("dispatch_failed") from error
        finally:
            self._waiting.pop(envelope["envelope_id"], None)

    async def disconnect(self, reason: str = "refresh_requested") -> None:
        """Ask every connection to come back, as Slack does now and then."""
        for socket in list(self._open):
            await socket.send_json({"type": "disconnect", "reason": reason})

    async def close(self) -> None:
        for socket in list(self._open):
            await socket.close()

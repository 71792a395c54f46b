"""How Slack reaches the app: signed HTTP requests to its one address, or Socket Mode while it is connected.

Slack waits three seconds. Commands and interactions are sent once; events are sent again (interactions.py).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol
from urllib.parse import urlencode

import aiohttp

PATIENCE = 3.0


class Kind(StrEnum):
    """What is delivered, by its name in Socket Mode."""

    COMMAND = "slash_commands"
    INTERACTIVE = "interactive"
    EVENT = "events_api"


@dataclass(frozen=True, slots=True)
class Reply:
    """What the app answered. `error`: the word a person is shown, "" when it was acknowledged. `reason`: the word of
    X-Slack-Retry-Reason. `body`: an object, a text, or None."""

    error: str = ""
    reason: str = ""
    body: Any = None
    no_retry: bool = False

    @property
    def ok(self) -> bool:
        return not self.error


@dataclass(frozen=True, slots=True)
class Retry:
    number: int = 0
    reason: str = ""


class Socket(Protocol):
    """Socket Mode as the delivery sees it."""

    @property
    def connected(self) -> bool: ...

    async def deliver(self, kind: Kind, payload: dict[str, Any], retry: Retry) -> Reply: ...


class Line:
    """`bot_url`: where the app listens; `/slack/events` is its one address."""

    def __init__(self, bot_url: str, signing_secret: str, socket: Socket | None) -> None:
        self._url = f"{bot_url}/slack/events"
        self._secret = signing_secret
        self._socket = socket
        self._session: aiohttp.ClientSession | None = None

    async def send(self, kind: Kind, payload: dict[str, Any], retry: Retry = Retry()) -> Reply:
        """Deliver once and wait at most three seconds. Never raises for what the app does."""
        if self._socket is not None and self._socket.connected:
            return await self._socket.deliver(kind, payload, retry)
        body, content_type = _encoded(kind, payload)
        headers = {
            **signed(self._secret, body, time.time()),
            "Content-Type": content_type,
            "User-Agent": "Slackbot 1.0",
            "Accept": "application/json,*/*",
        }
        if retry.number:
            headers |= {"X-Slack-Retry-Num": str(retry.number), "X-Slack-Retry-Reason": retry.reason}
        return await self._post(body, headers)

    async def _post(self, body: bytes, headers: dict[str, str]) -> Reply:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE))
        try:
            async with self._session.post(
                self._url, data=body, headers=headers, allow_redirects=False
            ) as answer:
                text = await answer.text(errors="replace")
                if not 200 <= answer.status < 300:
                    silent = answer.headers.get("X-Slack-No-Retry") == "1"
                    return Reply("dispatch_failed", "http_error", text, no_retry=silent)
                return Reply(body=_decoded(text))
        except TimeoutError:
            return Reply("operation_timeout", "http_timeout")
        except (aiohttp.ClientError, OSError):
            return Reply("dispatch_failed", "connection_failed")

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None


def signed(secret: str, body: bytes, now: float) -> dict[str, str]:
    """The two headers by which the app knows Slack: HMAC-SHA256 over version, time and raw body."""
    stamp = str(int(now))
    digest = hmac.new(secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={digest}"}


def _encoded(kind: Kind, payload: dict[str, Any]) -> tuple[bytes, str]:
    match kind:
        case Kind.COMMAND:
            return urlencode(payload).encode(), "application/x-www-form-urlencoded"
        case Kind.INTERACTIVE:
            form = urlencode({"payload": json.dumps(payload)})
            return form.encode(), "application/x-www-form-urlencoded"
        case Kind.EVENT:
            return json.dumps(payload).encode(), "application/json"


def _decoded(text: str) -> Any:
    if not text.strip():
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text

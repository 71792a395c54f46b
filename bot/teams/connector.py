"""The wire to Teams: the Bot Connector's REST calls, with a token of our own, and what each refusal means.

The SDK's client blocks threads, tries nothing again and hides `Retry-After`; the handful of calls that are needed are
plain HTTP.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import aiohttp
import orjson
from yarl import URL

from bot.teams.registration import Registration
from engine.errors import Ambiguous, Permanent, Transient

TIMEOUT = 10.0
SCOPE = "https://api.botframework.com/.default"
RENEW_BEFORE = 300.0
"""Seconds before its end that a token is replaced."""
_SLOWER = (412, 429, 502, 504)
_MENDS = {
    "MessageWritesBlocked": "the app was removed there or somebody blocked it; install it again",
    "BotNotInConversationRoster": "the app is not installed there; add it to the team or chat",
    "ForbiddenOperationException": "the app may not do this there; check its installation",
    "ConversationNotFound": "there is no such conversation; check the company's Teams conversation id",
    "BotDisabledByAdmin": "an administrator of the tenant has switched the app off",
}


class NotThere(Permanent):
    """There is no such thing at Teams (any more)."""


class Connector:
    """One session for all calls; the token is fetched once for all who wait and kept until shortly before its end."""

    def __init__(
        self,
        registration: Registration,
        session: aiohttp.ClientSession,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.ours = registration
        self._session = session
        self._monotonic = monotonic
        self._token, self._token_until = "", 0.0
        self._lock = asyncio.Lock()

    async def call(
        self,
        method: str,
        service_url: str,
        *path: str,
        body: Mapping[str, Any] | None = None,
        repeatable: bool = False,
    ) -> dict[str, Any]:
        """The answer. Raises Transient, Ambiguous (`repeatable` says that doing it twice is harmless), Permanent or
        NotThere. Parts of the path are encoded whole: conversation ids hold colons and semicolons."""
        if not self.ours.serves(service_url):
            raise Permanent("Teams named an address that is not its own; nothing is sent there")
        address = "/".join([service_url.rstrip("/"), *(quote(part, safe="") for part in path)])
        for renewed in (False, True):
            token = await self.token()
            status, headers, answer = await self._send(method, address, token, body, repeatable=repeatable)
            if status == 401 and not renewed:  # nothing happened; the token may have been revoked
                self._token_until = 0.0
                continue
            return _judged(status, headers, answer, repeatable=repeatable)
        raise AssertionError("unreachable: the second try returns or raises")

    async def token(self) -> str:
        """Raises Transient, Permanent."""
        async with self._lock:
            if self._monotonic() >= self._token_until:
                lasts = await self._sign_in()
                self._token_until = self._monotonic() + max(30.0, lasts - RENEW_BEFORE)
            return self._token

    async def _sign_in(self) -> float:
        form = {
            "grant_type": "client_credentials",
            "client_id": self.ours.app_id,
            "client_secret": self.ours.password,
            "scope": SCOPE,
        }
        limit = aiohttp.ClientTimeout(total=TIMEOUT)
        try:
            async with self._session.post(self.ours.token_url, data=form, timeout=limit) as answer:
                status, found = answer.status, _json(await answer.read())
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise Transient(f"Microsoft's sign-in cannot be reached: {type(error).__name__}") from error
        if status == 429 or status >= 500:
            raise Transient(f"Microsoft's sign-in answered {status}")
        token, lasts = found.get("access_token"), found.get("expires_in")
        if status != 200 or not isinstance(token, str):
            said = str(found.get("error_description") or found.get("error") or status).splitlines()[0]
            raise Permanent(
                f"Microsoft refused the sign-in: {said[:300]} — check MICROSOFT_APP_ID, MICROSOFT_APP_PASSWORD and "
                "MICROSOFT_APP_TENANT_ID"
            )
        self._token = token
        return float(lasts) if isinstance(lasts, int | float | str) and str(lasts).isdigit() else 3600.0

    async def _send(
        self, method: str, address: str, token: str, body: Mapping[str, Any] | None, *, repeatable: bool
    ) -> tuple[int, Mapping[str, str], dict[str, Any]]:
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        data = None
        if body is not None:
            headers["Content-Type"], data = "application/json", orjson.dumps(body)
        try:
            async with self._session.request(
                method,
                URL(address, encoded=True),
                data=data,
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=TIMEOUT),
                allow_redirects=False,
            ) as answer:
                return answer.status, answer.headers, _json(await answer.read())
        except aiohttp.ClientConnectorError as error:
            raise Transient(f"Teams cannot be reached: {type(error).__name__}") from error
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            kind = Transient if repeatable else Ambiguous
            raise kind(f"Teams did not answer: {type(error).__name__}") from error


def _json(raw: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _judged(
    status: int, headers: Mapping[str, str], answer: dict[str, Any], *, repeatable: bool
) -> dict[str, Any]:
    if 200 <= status < 300:
        return answer
    error = answer.get("error")
    code = str(error.get("code") or "") if isinstance(error, dict) else ""
    said = str(error.get("message") or "") if isinstance(error, dict) else ""
    if status in _SLOWER or status >= 500:
        wait = _seconds(headers.get("Retry-After")) if status in _SLOWER else None
        kind = Transient if repeatable or status in (412, 429) else Ambiguous
        text = "Teams asks to slow down" if status == 429 else f"Teams answered {status} {code}".strip()
        raise kind(text, retry_after=wait)
    if status == 404:
        raise NotThere(f"Teams does not know it: {code or 404} — {_MENDS.get(code, 'it is gone')}")
    if status == 413 or code == "MessageSizeTooBig":
        raise Permanent("Teams refused: the message is too large for it (413)")
    mend = f" — {_MENDS[code]}" if code in _MENDS else ""
    raise Permanent(f"Teams refused: {status} {code}{mend}{f' ({said[:200]})' if said else ''}")


def _seconds(value: str | None) -> timedelta:
    try:
        return timedelta(seconds=min(3600.0, max(1.0, float(value or 1))))
    except ValueError:
        return timedelta(seconds=1)

"""Twilio: text messages and calls by its REST interface, and whether a request that says it is from Twilio is.

Plain HTTP with basic auth. A failure is Transient (not now), Ambiguous (it may have been taken) or Permanent, in words.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import aiohttp

from engine.errors import AlertWhispererError, Ambiguous, Permanent, Transient

REAL = "https://api.twilio.com"
SLOW_DOWN = timedelta(seconds=5)
_TIMEOUT = aiohttp.ClientTimeout(total=15, connect=5)
_WORDS = {
    20003: "Twilio does not know us: TWILIO_ACCOUNT_SID or TWILIO_AUTH_TOKEN is wrong.",
    20005: "Twilio says that our account is not active.",
    21210: "Twilio may not call from {sender}: it is not a number of ours.",
    21211: "{to} is no phone number that Twilio can reach.",
    21214: "{to} is no phone number that Twilio can reach.",
    21215: "Our Twilio account may not call {to}: its country is not allowed in the account's settings.",
    21408: "Our Twilio account may not send text messages to the country of {to}.",
    21606: "Twilio may not send from {sender}: it is not a number of ours, or cannot send texts.",
    21608: "Our Twilio account is a trial: {to} has to be verified first.",
    21610: "{to} has answered STOP: it takes no more text messages from us.",
    21614: "{to} cannot take text messages.",
}


class Twilio:
    """One account and the number that it sends from. `url` is another address than Twilio's own."""

    def __init__(self, *, sid: str, token: str, sender: str, url: str = "") -> None:
        self._sid, self._token, self._sender = sid, token, sender
        self._account = f"{url or REAL}/2010-04-01/Accounts/{sid}"
        self._http: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()

    async def text(self, to: str, body: str, *, told_at: str = "") -> str:
        """Send a text message; its sid. `told_at` is asked with how it went. Twilio sends about one a second from one
        number and queues the rest."""
        more = {"StatusCallback": told_at} if told_at else {}
        return await self._post("Messages", {"To": to, "From": self._sender, "Body": body, **more})

    async def call(self, to: str, *, says_at: str, told_at: str = "") -> str:
        """Ring and do what `says_at` answers (TwiML); the call's sid. One call a second begins, the rest is queued."""
        more = {"StatusCallback": told_at} if told_at else {}
        return await self._post("Calls", {"To": to, "From": self._sender, "Url": says_at, **more})

    async def check(self) -> str:
        """In words, whose account it is. Raises as sending does."""
        found = await self._ask("GET", ".json", None, to="")
        if found.get("status") != "active":
            raise Permanent(f"Twilio says that our account is {found.get('status') or 'unknown'}.")
        return f"account “{found.get('friendly_name', '')}”, from {self._sender}"

    async def _post(self, kind: str, form: Mapping[str, str]) -> str:
        return str((await self._ask("POST", f"/{kind}.json", form, to=form["To"])).get("sid", ""))

    async def _ask(
        self, method: str, path: str, form: Mapping[str, str] | None, *, to: str
    ) -> dict[str, Any]:
        if self._http is None:
            headers = {"Authorization": aiohttp.encode_basic_auth(self._sid, self._token)}
            self._http = aiohttp.ClientSession(headers=headers, timeout=_TIMEOUT, trust_env=True)
        try:
            async with self._http.request(method, self._account + path, data=form) as answer:
                json = answer.content_type == "application/json"
                found = await answer.json() if json else {}
                status = answer.status
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise Transient(f"Twilio cannot be reached ({type(error).__name__}).") from error
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise Ambiguous(f"Twilio did not answer ({type(error).__name__}).") from error
        document: dict[str, Any] = found if isinstance(found, dict) else {}
        if status >= 400:
            raise refusal(status, document, to=to, sender=self._sender)
        return document


def refusal(status: int, document: Mapping[str, Any], *, to: str, sender: str) -> AlertWhispererError:
    code = document.get("code")
    if status == 429:
        return Transient("Twilio asks us to slow down.", retry_after=SLOW_DOWN)
    if status >= 500:
        return Ambiguous(f"Twilio has a fault of its own ({status}).")
    words = _WORDS.get(code) if isinstance(code, int) else None
    if words is None and status == 401:
        words = _WORDS[20003]
    if words is not None:
        return Permanent(words.format(to=to, sender=sender))
    said = " ".join(str(document.get("message", "")).split())[:200]
    return Permanent(f"Twilio refused it ({code or status}): {said}")


def signature(token: str, url: str, form: Mapping[str, str]) -> str:
    """What Twilio signs a request with: the whole address, and each field's name and value in the order of names."""
    said = url + "".join(f"{name}{form[name]}" for name in sorted(form))
    digest = hmac.new(token.encode(), said.encode("utf-8", "surrogatepass"), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def signed(token: str, url: str, form: Mapping[str, str], given: str) -> bool:
    """Never without a token: an empty one would make anybody's signature good."""
    return bool(token) and hmac.compare_digest(
        signature(token, url, form).encode(), given.encode("utf-8", "replace")
    )

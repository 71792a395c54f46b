"""Twilio's wire: texts into an inbox, calls that ask the bot what to say and press keys, signed as Twilio signs."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree

import aiohttp
from aiohttp import web

from sandbox.faults import Do, Faults

PREFIX = "/twilio"
LONGEST = 1600
_E164 = re.compile(r"\+[1-9]\d{6,14}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TwilioConfig:
    """An account, its number, and the numbers that do not exist."""

    account_sid: str
    auth_token: str
    number: str
    unreachable: tuple[str, ...] = ()


@dataclass
class PhoneMessage:
    """A text, or a call with what was said in it. `of` is who it is from; the bot or a person."""

    sid: str
    kind: str
    of: str
    to: str
    body: str
    url: str = ""
    told_at: str = ""
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def as_json(self) -> dict[str, Any]:
        return {
            "sid": self.sid,
            "kind": self.kind,
            "from": self.of,
            "to": self.to,
            "body": self.body,
            "at": self.at.isoformat(),
        }


class _Refusal(Exception):
    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


class TwilioWorld:
    """`messages` is everything that was sent and said, the oldest first; `stopped` are numbers that answered STOP."""

    def __init__(
        self, config: TwilioConfig, bot_url: str, faults: Faults, publish: Callable[[dict[str, Any]], None]
    ) -> None:
        self.config, self.faults = config, faults
        self.messages: list[PhoneMessage] = []
        self.stopped: set[str] = set()
        self._bot_url, self._publish = bot_url, publish

    # What a person does with the telephone in their hand.

    async def reply(self, number: str, body: str, *, sid: str = "", token: str = "") -> tuple[int, str]:
        """They answer a text: status and what the bot answers. `sid` of an earlier one sends that one again."""
        form = {
            "MessageSid": sid or _new("SM"),
            "AccountSid": self.config.account_sid,
            "From": number,
            "To": self.config.number,
            "Body": body,
        }
        self._keep(PhoneMessage(form["MessageSid"], "text", number, self.config.number, body))
        status, document = await self.ask(f"{self._bot_url}/twilio/sms", form, token=token)
        said = " ".join(_texts(document, "Message"))
        if status == 200 and said:
            self._keep(PhoneMessage(_new("SM"), "text", self.config.number, number, said))
        return status, said

    async def pick_up(self, call: PhoneMessage, digits: str = "") -> str:
        """They listen, and press these keys when they are asked to; all that was said."""
        form = {"CallSid": call.sid, "AccountSid": self.config.account_sid, "To": call.to, "From": call.of}
        _, document = await self.ask(call.url, form)
        told = _texts(document, "Say")
        gather = ElementTree.fromstring(document).find("Gather") if document else None  # noqa: S314 - our own bot's
        if gather is not None and digits:
            _, after = await self.ask(gather.attrib["action"], form | {"Digits": digits})
            told += _texts(after, "Say")
        call.body = " ".join(told)
        self._publish({"type": "phone", "phone": call.as_json()})
        return call.body

    async def tell(self, message: PhoneMessage, status: str, **more: str) -> int:
        """How it went, as a status callback."""
        name = "MessageStatus" if message.kind == "text" else "CallStatus"
        return (await self.ask(message.told_at, {name: status, "To": message.to, **more}))[0]

    async def ask(self, url: str, form: Mapping[str, str], *, token: str = "") -> tuple[int, str]:
        """One signed request to the bot."""
        signature = sign(token or self.config.auth_token, url, form)
        async with (
            aiohttp.ClientSession() as session,
            session.post(url, data=form, headers={"X-Twilio-Signature": signature}) as answer,
        ):
            return answer.status, await answer.text() if answer.content_type == "text/xml" else ""

    def _keep(self, message: PhoneMessage) -> None:
        self.messages.append(message)
        self._publish({"type": "phone", "phone": message.as_json()})

    # What the bot asks for.

    def account(self) -> dict[str, Any]:
        return {"sid": self.config.account_sid, "friendly_name": "Northwind", "status": "active"}

    def create(self, kind: str, form: Mapping[str, str]) -> dict[str, Any]:
        to, sender = form.get("To", ""), form.get("From", "")
        text = kind == "Messages"
        if not _E164.fullmatch(to):
            raise _Refusal(400, 21211, f"Invalid 'To' Phone Number: {to}")
        if sender != self.config.number:
            raise _Refusal(400, 21606 if text else 21210, f"{sender} is not a valid phone number of yours.")
        if to in self.config.unreachable:
            raise _Refusal(400, 21614 if text else 21214, f"{to} cannot be reached")
        if text and to in self.stopped:
            raise _Refusal(400, 21610, "Attempt to send to unsubscribed recipient")
        body, url = form.get("Body", ""), form.get("Url", "")
        if text and not 0 < len(body) <= LONGEST:
            raise _Refusal(400, 21602 if not body else 21617, "The message body is empty or too long")
        if not text and not url.startswith(("http://", "https://")):
            raise _Refusal(400, 21205, "Url is not a valid URL")
        message = PhoneMessage(
            _new("SM" if text else "CA"),
            "text" if text else "call",
            sender,
            to,
            body,
            url,
            form.get("StatusCallback", ""),
        )
        self._keep(message)
        return {"sid": message.sid, "status": "queued", "to": to, "from": sender}


def mount(app: web.Application, twilio: TwilioWorld) -> None:
    """Adds /twilio and GET /_sandbox/phones; POST /_sandbox/phones/{sid} answers a text or picks up a call."""
    base = f"{PREFIX}/2010-04-01/Accounts/{{sid}}"

    def guarded(
        act: Callable[[web.Request, Mapping[str, str]], dict[str, Any]], name: str, status: int
    ) -> Any:
        async def answer(request: web.Request) -> web.StreamResponse:
            fault = twilio.faults.take("twilio", name)
            if fault is not None and fault.do in (Do.RESET, Do.HANG):
                await asyncio.sleep(fault.seconds if fault.do is Do.HANG else 0)
                return _cut(request)
            try:
                _check(request, twilio.config)
                if fault is not None and fault.do is Do.RATELIMITED:
                    raise _Refusal(429, 20429, "Too Many Requests")
                if fault is not None and fault.do is Do.STATUS:
                    raise _Refusal(fault.status, 20500, "An internal server error has occurred")
                form = {key: str(value) for key, value in (await request.post()).items()}
                done = act(request, form)
            except _Refusal as refusal:
                body = {"code": refusal.code, "message": str(refusal), "status": refusal.status}
                return web.json_response(body, status=refusal.status)
            if fault is not None and fault.do is Do.LOST_REPLY:
                return _cut(request)
            return web.json_response(done, status=status)

        return answer

    def create(request: web.Request, form: Mapping[str, str]) -> dict[str, Any]:
        return twilio.create(request.match_info["kind"], form)

    app.router.add_get(f"{base}.json", guarded(lambda _, __: twilio.account(), "Account", 200))
    app.router.add_post(base + "/{kind:Messages|Calls}.json", guarded(create, "create", 201))

    async def phones(_: web.Request) -> web.Response:
        ours = twilio.config.number
        found = [one.as_json() | {"mine": one.of != ours} for one in twilio.messages]
        return web.json_response({"messages": found})

    async def answered(request: web.Request) -> web.Response:
        message = next((one for one in twilio.messages if one.sid == request.match_info["sid"]), None)
        if message is None:
            raise web.HTTPNotFound
        said = str((await request.json()).get("said", "1"))
        if message.kind == "call":
            return web.json_response({"said": await twilio.pick_up(message, said)})
        return web.json_response({"said": (await twilio.reply(message.to, said))[1]})

    app.router.add_get("/_sandbox/phones", phones)
    app.router.add_post("/_sandbox/phones/{sid}", answered)


def _check(request: web.Request, config: TwilioConfig) -> None:
    expected = aiohttp.encode_basic_auth(config.account_sid, config.auth_token)
    right = secrets.compare_digest(request.headers.get("Authorization", ""), expected)
    if not right or request.match_info["sid"] != config.account_sid:
        raise _Refusal(401, 20003, "Authenticate")


def _cut(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


def sign(token: str, url: str, form: Mapping[str, str]) -> str:
    said = url + "".join(name + form[name] for name in sorted(form))
    return base64.b64encode(hmac.new(token.encode(), said.encode(), hashlib.sha1).digest()).decode()


def _texts(document: str, tag: str) -> list[str]:
    if not document:
        return []
    return [one.text or "" for one in ElementTree.fromstring(document).iter(tag)]  # noqa: S314 - our own bot's


def _new(kind: str) -> str:
    return kind + secrets.token_hex(16)

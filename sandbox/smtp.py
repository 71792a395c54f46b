"""A mail server that takes mail into a list: SMTP with STARTTLS or TLS, a password, and what it was told to refuse."""

from __future__ import annotations

import asyncio
import base64
import binascii
import email.policy
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser

LONGEST_LINE = 1000
LARGEST = 10 << 20


class _HungUp(Exception):
    """This server was told to hang up here."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A mail as it came: the envelope and the message."""

    sender: str
    recipients: tuple[str, ...]
    message: EmailMessage
    encrypted: bool
    user: str


@dataclass
class SmtpSink:
    """`refuses`: recipient → the answer it gets, such as `550 5.1.1 No such user`; `hangs_up` after so many mails have
    been taken and before it says so. With `users` nobody may send without signing in."""

    users: dict[str, str] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None
    from_the_start: bool = False
    refuses: dict[str, str] = field(default_factory=dict)
    answers_data: str = "250 2.0.0 Ok: queued"
    hangs_up: int = 0
    port: int = 0
    taken: list[Taken] = field(default_factory=list)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[SmtpSink]:
        context = self.tls if self.from_the_start else None
        server = await asyncio.start_server(self._talk, "127.0.0.1", 0, ssl=context, limit=LARGEST)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = _Talk(self, reader, writer)
        try:
            await talk.on()
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError, _HungUp):
            pass  # the other side has left, or was to be left
        finally:
            writer.close()


class _Talk:
    """One connection."""

    def __init__(self, sink: SmtpSink, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._sink, self._reader, self._writer = sink, reader, writer
        self._encrypted = sink.from_the_start
        self._user, self._sender = "", ""
        self._recipients: list[str] = []

    async def on(self) -> None:
        await self._say("220 sandbox ESMTP")
        while line := await self._reader.readline():
            if len(line) > LONGEST_LINE or not line.endswith(b"\r\n"):
                await self._say("500 5.5.2 Line too long, or not ended by CRLF")
                continue
            verb, _, rest = line.decode("utf-8", "replace").strip().partition(" ")
            act = getattr(self, f"_{verb.lower()}", None) if verb.isalpha() else None
            if verb.upper() == "QUIT":
                return await self._say("221 2.0.0 Bye")
            if act is None or verb.upper() not in _VERBS:
                await self._say("502 5.5.2 Command not recognized")
            else:
                await act(rest)

    async def _say(self, *lines: str) -> None:
        code = lines[-1][:3]
        told = [f"{code}-{one[4:]}" for one in lines[:-1]] + [lines[-1]]
        self._writer.write("".join(f"{one}\r\n" for one in told).encode())
        await self._writer.drain()

    async def _ehlo(self, _: str) -> None:
        offers = ["250 sandbox", f"250 SIZE {LARGEST}", "250 8BITMIME", "250 SMTPUTF8"]
        if self._sink.tls is not None and not self._encrypted:
            offers.append("250 STARTTLS")
        if self._sink.users:
            offers.append("250 AUTH PLAIN")
        await self._say(*offers, "250 HELP")

    async def _helo(self, _: str) -> None:
        await self._say("250 sandbox")

    async def _noop(self, _: str) -> None:
        await self._say("250 2.0.0 Ok")

    async def _rset(self, _: str) -> None:
        self._sender, self._recipients = "", []
        await self._say("250 2.0.0 Ok")

    async def _starttls(self, _: str) -> None:
        if self._sink.tls is None or self._encrypted:
            return await self._say("502 5.5.1 Not now")
        await self._say("220 2.0.0 Ready")
        await self._writer.start_tls(self._sink.tls)
        self._encrypted = True
        return None

    async def _auth(self, rest: str) -> None:
        kind, _, given = rest.partition(" ")
        try:
            _, user, password = base64.b64decode(given, validate=True).decode().split("\0")
        except (binascii.Error, ValueError):
            return await self._say("501 5.5.2 Cannot be read")
        if kind.upper() != "PLAIN" or self._sink.users.get(user) != password:
            return await self._say("535 5.7.8 Authentication credentials invalid")
        self._user = user
        return await self._say("235 2.7.0 Welcome")

    async def _mail(self, rest: str) -> None:
        if self._sink.users and not self._user:
            return await self._say("530 5.7.0 Authentication required")
        self._sender, self._recipients = _address(rest), []
        return await self._say("250 2.1.0 Ok")

    async def _rcpt(self, rest: str) -> None:
        to = _address(rest)
        if not self._sender or "@" not in to:
            return await self._say("503 5.5.1 Who sends it, and to whom?")
        if to in self._sink.refuses:
            return await self._say(self._sink.refuses[to])
        self._recipients.append(to)
        return await self._say("250 2.1.5 Ok")

    async def _data(self, _: str) -> None:
        if not self._recipients:
            return await self._say("503 5.5.1 To whom?")
        await self._say("354 End data with <CR><LF>.<CR><LF>")
        raw = b""
        while (line := await self._reader.readline()) != b".\r\n":
            if not line:
                raise _HungUp
            raw += line.removeprefix(b".")
        if self._sink.answers_data.startswith("250"):
            message = BytesParser(EmailMessage, policy=email.policy.default).parsebytes(raw)
            to = tuple(self._recipients)
            self._sink.taken.append(Taken(self._sender, to, message, self._encrypted, self._user))
        if self._sink.hangs_up:
            self._sink.hangs_up -= 1
            raise _HungUp
        return await self._say(self._sink.answers_data)


_VERBS = ("EHLO", "HELO", "NOOP", "RSET", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA")


def _address(rest: str) -> str:
    """The address in `FROM:<kim@msp.example> SIZE=200`."""
    return rest.partition("<")[2].partition(">")[0]

"""Amazon SNS from our side: its certificates, fetched once and kept, and the confirmation of a subscription."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import aiohttp
from cryptography import x509

from bot.outside import Resolver
from bot.settings import Settings
from engine.errors import Permanent, Transient
from integrations import sns
from integrations.sns import Envelope, WrongSignature

PATIENCE = 4.0
"""Seconds that a certificate may take: the message waits for it."""
LARGEST = 32 * 1024
KEPT, KEPT_FOR, AWAY_FOR = 64, 24 * 3600.0, 60.0
"""How many certificates are kept and how long, and how long one that could not be reached is not asked for."""
UNCHECKED = "SNS signature not checked: certificate unreachable"


class Verdict(StrEnum):
    GOOD = "good"
    UNCHECKED = "unchecked"


class _Unreachable(Exception):
    """Nobody answered, or not now."""


@dataclass(frozen=True, slots=True)
class _Known:
    certificate: x509.Certificate | None
    until: float


class Sns:
    """`unchecked` counts the messages that came in on their key alone."""

    def __init__(self, settings: Settings) -> None:
        self.unchecked = 0
        self._sandbox = settings.aw_sns_url
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._asking: dict[str, asyncio.Task[x509.Certificate | None]] = {}

    async def check(self, message: Envelope, now: datetime) -> Verdict:
        """Raises WrongSignature; a certificate that cannot be had proves nothing either way."""
        url = message.certificate_url
        if not sns.is_certificate(url, sandbox=self._sandbox):
            raise WrongSignature("its certificate is not from SNS")
        certificate = await self._certificate(url)
        if certificate is None:
            return Verdict.UNCHECKED
        sns.check(message, certificate, now=now)
        return Verdict.GOOD

    async def confirm(self, message: Envelope) -> None:
        """Ask the address that confirms the subscription. Raises Transient, Permanent."""
        if not sns.is_ours(message.subscribe_url, sandbox=self._sandbox):
            raise Permanent("The subscription names an address that is not of SNS; it is not confirmed.")
        try:
            status, _ = await self._get(message.subscribe_url)
        except _Unreachable as error:
            raise Transient(f"SNS cannot be reached: {error}") from error
        if status != 200:
            raise Permanent(f"SNS answered {status} to the confirmation of {message.topic}.")

    async def _certificate(self, url: str) -> x509.Certificate | None:
        known = self._known.get(url)
        if known is not None and time.monotonic() < known.until:
            return known.certificate
        task = self._asking.get(url)
        if task is None:
            task = asyncio.create_task(self._ask(url), name="sns-certificate")
            self._asking[url] = task
            task.add_done_callback(lambda _: self._asking.pop(url, None))
        return await asyncio.shield(task)

    async def _ask(self, url: str) -> x509.Certificate | None:
        """Raises WrongSignature when there is none at that address."""
        try:
            status, body = await self._get(url)
        except _Unreachable:
            self._keep(url, None, AWAY_FOR)
            return None
        if status != 200:
            raise WrongSignature("its certificate does not exist")
        try:
            certificate = x509.load_pem_x509_certificate(body)
        except ValueError as error:
            raise WrongSignature("its certificate is none") from error
        self._keep(url, certificate, KEPT_FOR)
        return certificate

    def _keep(self, url: str, certificate: x509.Certificate | None, seconds: float) -> None:
        self._known[url] = _Known(certificate, time.monotonic() + seconds)
        while len(self._known) > KEPT:
            self._known.popitem(last=False)

    async def _get(self, url: str) -> tuple[int, bytes]:
        """Status and body. No redirects, nothing large, nothing slow, and no address of our own network."""
        resolver = None if self._sandbox else Resolver()
        connector = aiohttp.TCPConnector(resolver=resolver, force_close=True)
        limit = aiohttp.ClientTimeout(total=PATIENCE)
        try:
            async with (
                aiohttp.ClientSession(connector=connector, timeout=limit) as session,
                session.get(url, allow_redirects=False) as answer,
            ):
                body = await answer.content.read(LARGEST + 1)
                if answer.status >= 500 or answer.status == 429:
                    raise _Unreachable(f"it answered {answer.status}")
                if len(body) > LARGEST:
                    raise _Unreachable("its answer is too large")
                return answer.status, body
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise _Unreachable(type(error).__name__) from error

"""Who sends a webhook: the key's company, proven in constant time, with the same words for every refusal."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from aiohttp import web

from bot.core import Core
from engine.allowance import Limits
from engine.company import Company
from engine.errors import Transient
from engine.operations.directory import KEY_FORM, key_digest
from engine.signing import SigningSecret, unpack
from integrations import signatures
from integrations.signatures import Unsigned
from storage.companies import StoredKey
from storage.transaction import Transaction

REMEMBERED, FOR_SECONDS = 4096, 1.0
"""How many keys, and how long: a key that was revoked still opens this long, and no longer."""
USED_EVERY = timedelta(minutes=1)
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_NO_DIGEST = "0" * 64
_PLAIN = re.compile(r"[!-~](?:[ -~]{0,198}[!-~])?")


class Unauthorised(Exception):
    """No key, a wrong one, or a wrong signature: one and the same answer."""


@dataclass(slots=True)
class Known:
    """A key as remembered: `read_at` on the monotonic clock. `secrets` are the opened signing secrets, none when the
    company does not sign."""

    key: StoredKey
    secrets: tuple[SigningSecret, ...]
    limits: Limits
    topics: frozenset[str]
    read_at: float
    used_at: datetime


@dataclass(frozen=True, slots=True)
class Sender:
    """A company that proved itself. `signature` identifies a signed body, so that a replay is a repeat."""

    company_id: int
    signature: str | None = None


class Door:
    """Keys are remembered for some seconds; an unknown one asks the database, so that a new one works at once.

    `note_use` is told of a key's use at most once a minute per key.
    """

    def __init__(self, core: Core, note_use: Callable[[str, datetime], None]) -> None:
        self._core = core
        self._note_use = note_use
        self._known: OrderedDict[str, Known] = OrderedDict()
        self._asking: dict[str, asyncio.Task[Known | None]] = {}

    async def recognise(self, request: web.Request) -> Known:
        """Whose key it is, before anything else is read. Raises Unauthorised."""
        return await self.recognise_key(*_given_key(request))

    async def recognise_key(self, given: str, in_query: bool = False) -> Known:
        """Whose key this is. Raises Unauthorised."""
        form = KEY_FORM.fullmatch(given)
        known = await self._remembered(form.group(1)) if form else None
        right = hmac.compare_digest(
            key_digest(given if form else ""), known.key.digest if known else _NO_DIGEST
        )
        if known is None or not right or (in_query and not known.key.query_key):
            raise Unauthorised
        now = self._core.clock.now()
        if known.key.archived or (known.key.expires_at is not None and now >= known.key.expires_at):
            raise Unauthorised
        if now - known.used_at >= USED_EVERY:
            known.used_at = now
            self._note_use(known.key.id, now)
        return known

    async def prove(self, known: Known, headers: Mapping[str, str], body: bytes) -> Sender:
        """Check the signature, where the company signs. Raises Unauthorised.

        What does not fit what is remembered is checked against the database once more: a secret may be new.
        """
        company_id = known.key.company_id
        if not known.secrets:
            return Sender(company_id)
        try:
            return Sender(company_id, self._signature(known, headers, body))
        except Unsigned:
            fresh = await self._asked(known.key.id)
        if fresh is None or fresh.secrets == known.secrets:
            raise Unauthorised
        try:
            return Sender(company_id, self._signature(fresh, headers, body) if fresh.secrets else None)
        except Unsigned as error:
            raise Unauthorised from error

    def _signature(self, known: Known, headers: Mapping[str, str], body: bytes) -> str:
        now = self._core.clock.now()
        holding = [one.value.encode() for one in known.secrets if one.holds(now)]
        return signatures.check(headers, body, secrets=holding, now=now)

    async def _remembered(self, key_id: str) -> Known | None:
        known = self._known.get(key_id)
        if known is not None and time.monotonic() - known.read_at < FOR_SECONDS:
            self._known.move_to_end(key_id)
            return known
        return await self._asked(key_id)

    async def _asked(self, key_id: str) -> Known | None:
        """From the database; who asks for the same key meanwhile shares the answer."""
        task = self._asking.get(key_id)
        if task is None:
            task = asyncio.create_task(self._ask(key_id), name="key")
            self._asking[key_id] = task
            task.add_done_callback(lambda done: self._answered(key_id, done))
        return await asyncio.shield(task)

    def _answered(self, key_id: str, done: asyncio.Task[Known | None]) -> None:
        del self._asking[key_id]
        if not done.cancelled():
            done.exception()  # who asked may have gone away; a fault is told to those who wait

    async def _ask(self, key_id: str) -> Known | None:
        async def look(tx: Transaction) -> tuple[StoredKey, Company] | None:
            key = await tx.companies.key(key_id)
            company = await tx.companies.get(key.company_id) if key else None
            return (key, company) if key and company else None

        found = await self._core.read(look)
        earlier = self._known.pop(key_id, None)
        if found is None:
            return None
        key, company = found
        used_at = max(key.last_used_at or _NEVER, earlier.used_at if earlier else _NEVER)
        known = Known(
            key, self._opened(key), company.limits, frozenset(company.sns_topics), time.monotonic(), used_at
        )
        self._known[key_id] = known
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return known

    def _opened(self, key: StoredKey) -> tuple[SigningSecret, ...]:
        if key.hmac_sealed is None:
            return ()
        try:
            return unpack(self._core.database.vault.open(key.hmac_sealed))
        except ValueError as error:
            raise Transient("The signing secret of this company cannot be opened on this server.") from error


def _given_key(request: web.Request) -> tuple[str, bool]:
    """The key, and whether it stands in the query string."""
    headers = request.headers
    given = headers.get("X-API-Key")
    if given is None and (bearer := headers.get("Authorization")) is not None:
        scheme, _, rest = bearer.partition(" ")
        given = rest if scheme.lower() == "bearer" else None
    if given is not None:
        return given.strip(), False
    return request.query.get("api_key", "").strip(), True


_NAMES = (("d:", "X-Delivery-ID"), ("d:", "Idempotency-Key"), ("w:", "webhook-id"))
_NAMING = (*(name for _, name in _NAMES), "x-amz-sns-message-id")
"""What hints at a name before the body is read; SNS has the id itself in its body."""


def is_named(request: web.Request, known: Known) -> bool:
    """May it be a repeat? Without a name and without a signature nothing is."""
    return bool(known.secrets) or any(name in request.headers for name in _NAMING)


def delivery_ids(request: web.Request, sender: Sender) -> tuple[str, ...]:
    """The names under which a repeat of this request would come, each told from the others by its first letter."""
    found = []
    for prefix, name in _NAMES:
        value = request.headers.get(name)
        if value and (value := value.strip()):
            found.append(prefix + (value if _PLAIN.fullmatch(value) else _digest(value)))
    if sender.signature is not None:
        found.append("s:" + sender.signature)
    return tuple(dict.fromkeys(found))


def _digest(value: str) -> str:
    """For ids that are too long, or no plain text."""
    return hashlib.sha256(value.encode("utf-8", "surrogateescape")).hexdigest()

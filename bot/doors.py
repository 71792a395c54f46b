"""Who sends a webhook: the key's company, proven in constant time, with the same words for every refusal."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from aiohttp import web

from bot.core import Core
from engine.operations.directory import KEY_FORM, key_digest
from integrations import signatures
from integrations.signatures import Unsigned
from storage.companies import StoredKey
from storage.transaction import Transaction

REMEMBERED, FOR_SECONDS = 4096, 5.0
USED_EVERY = timedelta(minutes=1)
_NOBODY = StoredKey(
    id="", company_id=0, digest="0" * 64, expires_at=None, last_used_at=None, hmac_sealed=None, archived=True
)


class Unauthorised(Exception):
    """No key, a wrong one, or a wrong signature: one and the same answer."""


@dataclass(frozen=True, slots=True)
class Sender:
    """A company that proved itself. `signature` identifies a signed body, so that a replay is a repeat."""

    company_id: int
    signature: str | None = None


class Door:
    """Keys are remembered for some seconds; an unknown one asks the database, so that a new one works at once."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._known: OrderedDict[str, tuple[float, StoredKey]] = OrderedDict()

    async def admit(self, request: web.Request, body: bytes) -> Sender:
        """Raises Unauthorised."""
        given = _given_key(request)
        form = KEY_FORM.match(given)
        key = await self._key(form.group(1)) if form else _NOBODY
        right = hmac.compare_digest(key_digest(given), key.digest)
        now = self._core.clock.now()
        if not right or key.archived or (key.expires_at is not None and now >= key.expires_at):
            raise Unauthorised
        signature = self._signature(key, request.headers, body, now)
        return Sender(key.company_id, signature)

    def _signature(
        self, key: StoredKey, headers: Mapping[str, str], body: bytes, now: datetime
    ) -> str | None:
        if key.hmac_sealed is None:
            return None
        secret = self._core.database.vault.open(key.hmac_sealed)
        try:
            return signatures.check(headers, body, secrets=[secret], now=now)
        except Unsigned as error:
            raise Unauthorised from error

    async def _key(self, key_id: str) -> StoredKey:
        known = self._known.get(key_id)
        if known is not None and time.monotonic() - known[0] < FOR_SECONDS:
            return known[1]
        found = await self._core.read(lambda tx: tx.companies.key(key_id))
        if found is None:
            self._known.pop(key_id, None)
            return _NOBODY
        self._known[key_id] = (time.monotonic(), found)
        self._known.move_to_end(key_id)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        await self._note_use(found)
        return found

    async def _note_use(self, key: StoredKey) -> None:
        """At most once a minute per key, and never on the way of an alert that is already in the cache."""
        now = self._core.clock.now()
        if key.last_used_at is not None and now - key.last_used_at < USED_EVERY:
            return

        async def note(tx: Transaction) -> None:
            await tx.companies.keys_used({key.id: now})

        await self._core.write(note)
        self._known[key.id] = (time.monotonic(), replace(key, last_used_at=now))


def _given_key(request: web.Request) -> str:
    header = request.headers.get("Authorization", "")
    scheme, _, rest = header.partition(" ")
    bearer = rest.strip() if scheme.lower() == "bearer" else ""
    return request.headers.get("X-API-Key", "").strip() or bearer or request.query.get("api_key", "").strip()


def delivery_ids(request: web.Request, sender: Sender) -> tuple[str, ...]:
    """The names under which a repeat of this request would come, each told from the others by its first letter."""
    found = []
    for prefix, name in (("d:", "X-Delivery-ID"), ("d:", "Idempotency-Key"), ("w:", "webhook-id")):
        value = request.headers.get(name, "").strip()
        if value:
            kept = (
                value if len(value) <= 200 else hashlib.sha256(value.encode("utf-8", "replace")).hexdigest()
            )
            found.append(prefix + kept)
    if sender.signature is not None:
        found.append("s:" + sender.signature)
    return tuple(dict.fromkeys(found))

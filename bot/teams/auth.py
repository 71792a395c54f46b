"""Whether a request to /api/messages is Microsoft's, for us, and about a tenant of ours.

The SDK's own check blocks the loop, accepts everybody when the app id is empty and ends in a 500 for a key it does
not know (ADR 19). Ours is small enough to be read.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import jwt
import orjson
import structlog

from bot.teams.registration import Registration
from engine.errors import Permanent, Transient

log = structlog.get_logger()
ISSUER = "https://api.botframework.com"
LEEWAY = 300
PATIENCE = 4.0
"""Seconds that the metadata and the keys may take, each."""
LARGEST = 256 * 1024
KEPT_FOR, ASKED_EVERY, TRUSTED_FOR = 24 * 3600.0, 30.0, 72 * 3600.0
"""How long keys are taken as they are, how often they are asked for at most, and how long they hold when nobody
answers any more. Seconds."""


class Unauthorised(Exception):
    """The request proves nothing. The text is for our log; the caller learns only that."""


@dataclass(frozen=True, slots=True)
class _Key:
    key: Any
    endorsements: frozenset[str]


class Validator:
    """Raises ValueError for a registration without app id, secret or tenant: there is no “accept everything”."""

    def __init__(
        self,
        registration: Registration,
        session: aiohttp.ClientSession,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        if not (registration.app_id and registration.password and any(registration.tenants)):
            raise ValueError("an app id, a secret and a tenant are needed to know who speaks")
        self._ours = registration
        self._session = session
        self._monotonic = monotonic
        self._keys: Mapping[str, _Key] = {}
        self._fetched = self._asked = -TRUSTED_FOR
        self._lock = asyncio.Lock()

    async def check(self, authorization: str, activity: Mapping[str, Any]) -> None:
        """Raises Unauthorised; Transient when the keys cannot be had, so that Microsoft sends it again."""
        kind, _, token = authorization.partition(" ")
        if kind.lower() != "bearer" or not token:
            raise Unauthorised("there is no bearer token")
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") != "RS256":
                raise Unauthorised("it is not signed by RS256")
            key = await self._key(str(header.get("kid", "")))
            claims = jwt.decode(
                token,
                key.key,
                algorithms=["RS256"],
                audience=self._ours.app_id,
                issuer=ISSUER,
                leeway=LEEWAY,
                options={"require": ["exp", "nbf", "iss", "aud"]},
            )
        except jwt.PyJWTError as error:
            raise Unauthorised(type(error).__name__) from error
        self._about(activity, claims, key)

    def _about(self, activity: Mapping[str, Any], claims: Mapping[str, Any], key: _Key) -> None:
        """What the token says must be what the activity says."""
        if activity.get("channelId") != "msteams" or "msteams" not in key.endorsements:
            raise Unauthorised("its key does not vouch for this channel")
        url = str(activity.get("serviceUrl") or "")
        claimed = str(claims.get("serviceurl") or claims.get("serviceUrl") or "")
        if not url or claimed.rstrip("/") != url.rstrip("/"):
            raise Unauthorised("it names another service URL")
        if not self._ours.serves(url):
            raise Unauthorised("its service URL is not one of Teams")
        if tenant_of(activity) not in self._ours.tenants:
            raise Unauthorised("its tenant is not one of ours")

    async def _key(self, name: str) -> _Key:
        if name not in self._keys or self._monotonic() - self._fetched > KEPT_FOR:
            await self._refresh(name)
        found = self._keys.get(name)
        if found is None:
            raise Unauthorised("nobody knows its key")
        return found

    async def _refresh(self, name: str) -> None:
        """Ask for the keys, once for all who wait, and not more often than every half minute."""
        async with self._lock:
            now = self._monotonic()
            if now - self._asked < ASKED_EVERY:
                if not self._keys:
                    raise Transient("the keys of Teams could not be had a moment ago")
                return
            self._asked = now
            try:
                self._keys = await self._fetch()
            except (aiohttp.ClientError, OSError, TimeoutError, Permanent) as error:
                log.warning("the keys of Teams cannot be had", error=str(error) or type(error).__name__)
                if now - self._fetched > TRUSTED_FOR:
                    self._keys = {}
                if name not in self._keys:
                    raise Transient("the keys of Teams cannot be had") from error
                return
            self._fetched = now

    async def _fetch(self) -> dict[str, _Key]:
        metadata = await self._get(self._ours.metadata_url)
        url = str(metadata.get("jwks_uri", ""))
        if not url.startswith(f"{self._ours.sandbox}/" if self._ours.sandbox else "https://"):
            raise Permanent("the metadata names no address for the keys")
        found = await self._get(url)
        keys: dict[str, _Key] = {}
        for one in found.get("keys") or ():
            if not isinstance(one, dict) or one.get("kty") != "RSA" or not one.get("kid"):
                continue
            try:
                key = jwt.PyJWK(one, algorithm="RS256").key
            except jwt.PyJWTError as error:
                log.warning("a key of Teams cannot be read", kid=one["kid"], error=str(error))
                continue
            keys[str(one["kid"])] = _Key(key, frozenset(map(str, one.get("endorsements") or ())))
        if not keys:
            raise Permanent("there is no key where they should be")
        return keys

    async def _get(self, url: str) -> dict[str, Any]:
        async with self._session.get(
            url, timeout=aiohttp.ClientTimeout(total=PATIENCE), allow_redirects=False
        ) as answer:
            body = await answer.content.read(LARGEST + 1)
            if answer.status != 200 or len(body) > LARGEST:
                raise Permanent(f"{url} answered {answer.status}")
        try:
            found = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise Permanent(f"{url} answered no JSON") from error
        return found if isinstance(found, dict) else {}


def tenant_of(activity: Mapping[str, Any]) -> str:
    """Where the activity comes from; "" when it does not say, or says two things."""
    data, place = activity.get("channelData"), activity.get("conversation")
    tenant = data.get("tenant") if isinstance(data, dict) else None
    said = str(tenant.get("id") or "") if isinstance(tenant, dict) else ""
    also = str(place.get("tenantId") or "") if isinstance(place, dict) else ""
    return said if not also or also == said else ""

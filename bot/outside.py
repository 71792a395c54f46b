"""Addresses that other people name, a calendar or a webhook: asked for without being led into our own network.

Only https, no redirects, nothing large, nothing slow; and the address is looked at when the connection is made, so
that a name which leads somewhere else a moment later leads nowhere. `AW_OUTBOUND_HOSTS` names hosts of one's own that
may be asked.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Mapping
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import DefaultResolver
from yarl import URL

from engine.errors import Permanent, Transient

PATIENCE = 10.0
LARGEST = 1024 * 1024
_EMBEDS = tuple(
    (ipaddress.IPv6Network(net), shift) for net, shift in (("64:ff9b::/96", 0), ("2002::/16", 80))
)
"""IPv6 addresses that carry one of IPv4: where it stands in them."""


class Resolver(AbstractResolver):
    """Names that lead into our own network lead nowhere, unless they are among `allowed`."""

    def __init__(self, allowed: Collection[str] = ()) -> None:
        self._inner = DefaultResolver()
        self._allowed = allowed

    async def resolve(self, host: str, *how: Any, **more: Any) -> list[ResolveResult]:
        found = await self._inner.resolve(host, *how, **more)
        if host in self._allowed:
            return found
        public = [one for one in found if is_public(one["host"])]
        if not public:
            raise OSError(f"{host} is no public address")
        return public

    async def close(self) -> None:
        await self._inner.close()


def is_public(address: str) -> bool:
    """Is it an address of the open network, whichever way it is written?"""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return is_public(str(found.ipv4_mapped))
        for network, shift in _EMBEDS:
            if found in network and not is_public(
                str(ipaddress.IPv4Address(int(found) >> shift & 0xFFFFFFFF))
            ):
                return False
    return found.is_global and not found.is_multicast and not found.is_reserved


def checked(url: str, *, allowed: Collection[str] = ()) -> URL:
    """The address, if it may be asked at all. Raises Permanent saying why not."""
    try:
        found = URL(url.strip())
        host = found.host
    except ValueError as error:
        raise Permanent("That is no address.") from error
    if not host:
        raise Permanent("That is no address.")
    if host in allowed:
        if found.scheme not in ("http", "https"):
            raise Permanent("An address begins with https://.")
        return found
    if found.scheme != "https":
        raise Permanent("An address begins with https://.")
    if found.user or found.password:
        raise Permanent("An address with a password in it is not asked.")
    try:
        literal = is_public(host)
    except ValueError:  # a name: the resolver looks at what it leads to
        literal = True
    if not literal:
        raise Permanent("That address is in our own network.")
    return found


async def get(url: str, *, allowed: Collection[str] = ()) -> bytes:
    """What stands there. Raises Permanent (it cannot be had) or Transient (not now)."""
    status, body = await _ask("GET", checked(url, allowed=allowed), allowed=allowed)
    if status != 200:
        raise Permanent(f"It answered {status}.")
    return body


async def post(url: str, body: bytes, *, headers: Mapping[str, str], allowed: Collection[str] = ()) -> None:
    """Raises Permanent (it is not wanted there) or Transient (later)."""
    status, _ = await _ask("POST", checked(url, allowed=allowed), allowed=allowed, data=body, headers=headers)
    if status >= 300:
        raise Permanent(f"It answered {status}.")


async def _ask(method: str, url: URL, *, allowed: Collection[str], **more: Any) -> tuple[int, bytes]:
    connector = aiohttp.TCPConnector(resolver=Resolver(allowed), force_close=True)
    limit = aiohttp.ClientTimeout(total=PATIENCE)
    try:
        async with (
            aiohttp.ClientSession(connector=connector, timeout=limit, trust_env=False) as session,
            session.request(method, url, allow_redirects=False, **more) as answer,
        ):
            body = b""
            async for part in answer.content.iter_chunked(64 * 1024):
                body += part
                if len(body) > LARGEST:
                    raise Permanent("Its answer is too large.")
            if answer.status >= 500 or answer.status == 429:
                raise Transient(f"It answered {answer.status}.")
            return answer.status, body
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise Transient(f"It cannot be reached: {type(error).__name__}.") from error

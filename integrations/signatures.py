"""Signed webhooks: our own headers and those of Standard Webhooks. Pure functions, constant time.

Ours: `X-Timestamp` Unix seconds, `X-Signature: sha256=` + hex HMAC-SHA256(secret, timestamp + "." + raw body).
Standard Webhooks: `webhook-id`, `webhook-timestamp`, `webhook-signature: v1,<base64>` over id.timestamp.body.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

TOLERANCE = timedelta(seconds=300)
_PREFIX = "whsec_"
_MOST_SIGNATURES = 10


class Unsigned(Exception):
    """No signature, a wrong one, or one from another time."""


def check(headers: Mapping[str, str], body: bytes, *, secrets: Sequence[bytes], now: datetime) -> str:
    """The identity of a good signature: the same body and signature again give the same. Raises Unsigned.

    During a rotation several secrets hold; all are tried whatever the first says. `headers` knows no case.
    """
    if "X-Signature" in headers:
        return _ours(headers, body, secrets=secrets, now=now)
    return _standard(headers, body, secrets=secrets, now=now)


def _ours(headers: Mapping[str, str], body: bytes, *, secrets: Sequence[bytes], now: datetime) -> str:
    stamp = _in_time(headers.get("X-Timestamp", ""), now)
    given = _bytes(headers["X-Signature"].strip().lower().removeprefix("sha256="))
    signed = stamp + b"." + body
    wanted = [hmac.new(secret, signed, hashlib.sha256).hexdigest().encode() for secret in secrets]
    if (
        sum(hmac.compare_digest(one, given) for one in wanted) == 0
    ):  # all of them, not only up to the first good one
        raise Unsigned
    return hashlib.sha256(stamp + b"." + given).hexdigest()


def _standard(headers: Mapping[str, str], body: bytes, *, secrets: Sequence[bytes], now: datetime) -> str:
    message_id, given = _bytes(headers.get("webhook-id", "")), _bytes(headers.get("webhook-signature", ""))
    if not message_id or not given:
        raise Unsigned
    stamp = _in_time(headers.get("webhook-timestamp", ""), now)
    signed = message_id + b"." + stamp + b"." + body
    wanted = [
        b"v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())
        for secret in secrets
        for key in _keys(secret)
    ]
    several = given.split()[:_MOST_SIGNATURES]
    if sum(hmac.compare_digest(one, each) for one in wanted for each in several) == 0:
        raise Unsigned
    return hashlib.sha256(message_id + b"." + stamp).hexdigest()


def _keys(secret: bytes) -> list[bytes]:
    """A Standard Webhooks secret is base64 behind `whsec_`; ours is taken as it is, and as base64 where it is that."""
    try:
        decoded = base64.b64decode(secret.removeprefix(_PREFIX.encode()), validate=True)
    except (binascii.Error, ValueError):
        return [secret]
    return [secret, decoded] if decoded else [secret]


def _in_time(stamp: str, now: datetime) -> bytes:
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        raise Unsigned
    if abs(now.timestamp() - int(stamp)) > TOLERANCE.total_seconds():
        raise Unsigned
    return stamp.encode()


def _bytes(header: str) -> bytes:
    """As it came over the wire: aiohttp keeps what is not UTF-8 as lone surrogates. Other surrogates never come."""
    try:
        return header.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise Unsigned from None

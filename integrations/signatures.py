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


class Unsigned(Exception):
    """No signature, a wrong one, or one from another time."""


def check(headers: Mapping[str, str], body: bytes, *, secrets: Sequence[bytes], now: datetime) -> str:
    """The identity of a good signature: the same body and signature again give the same. Raises Unsigned.

    During a rotation several secrets hold; all are tried whatever the first says.
    """
    if "X-Signature" in headers:
        stamp, given = headers.get("X-Timestamp", ""), headers["X-Signature"].removeprefix("sha256=").lower()
        _in_time(stamp, now)
        signed = stamp.encode() + b"." + body
        good = [hmac.compare_digest(hmac.new(s, signed, hashlib.sha256).hexdigest(), given) for s in secrets]
        if given.isascii() and any(good):
            return hashlib.sha256(f"{stamp}.{given}".encode()).hexdigest()
        raise Unsigned
    return _standard(headers, body, secrets=secrets, now=now)


def _standard(headers: Mapping[str, str], body: bytes, *, secrets: Sequence[bytes], now: datetime) -> str:
    message_id, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not message_id or not headers.get("webhook-signature"):
        raise Unsigned
    _in_time(stamp, now)
    signed = f"{message_id}.{stamp}.".encode() + body
    wanted = []
    for secret in secrets:
        for key in _keys(secret):
            wanted.append("v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode())
    good = False
    for given in headers["webhook-signature"].split()[:10]:
        for one in wanted:
            good |= hmac.compare_digest(one.encode(), given.encode())
    if not good:
        raise Unsigned
    return hashlib.sha256(f"{message_id}.{stamp}".encode()).hexdigest()


def _keys(secret: bytes) -> list[bytes]:
    """A Standard Webhooks secret is base64 behind `whsec_`; ours is taken as it is, and as base64 where it is that."""
    text = secret.decode("ascii", "replace").removeprefix(_PREFIX)
    try:
        return [secret, base64.b64decode(text, validate=True)]
    except (binascii.Error, ValueError):
        return [secret]


def _in_time(stamp: str, now: datetime) -> None:
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        raise Unsigned
    if abs(now.timestamp() - int(stamp)) > TOLERANCE.total_seconds():
        raise Unsigned

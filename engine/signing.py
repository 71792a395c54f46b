"""The secrets a company signs its webhooks with: one, and during a rotation the old one beside it until its end."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class SigningSecret:
    """`until` None: it holds until it is rotated."""

    value: str
    until: datetime | None = None

    def holds(self, now: datetime) -> bool:
        return self.until is None or now < self.until

    @property
    def whsec(self) -> str:
        """The same secret as libraries for Standard Webhooks want it."""
        return f"whsec_{base64.b64encode(self.value.encode()).decode()}"


def rotated(
    secrets: Sequence[SigningSecret], fresh: str, *, until: datetime, now: datetime
) -> tuple[SigningSecret, ...]:
    """The fresh secret first; the others end at `until`, or earlier where they do already."""
    ending = [replace(one, until=min(one.until or until, until)) for one in secrets]
    return (SigningSecret(fresh), *(one for one in ending if one.holds(now)))


def pack(secrets: Sequence[SigningSecret]) -> bytes:
    """One a line, with its end in microseconds since 1970 behind it where it has one."""
    lines = [
        one.value if one.until is None else f"{one.value} {(one.until - _EPOCH) // _MICROSECOND}"
        for one in secrets
    ]
    return "\n".join(lines).encode()


def unpack(packed: bytes) -> tuple[SigningSecret, ...]:
    found = []
    for line in packed.decode().split("\n"):
        value, _, until = line.partition(" ")
        found.append(SigningSecret(value, _EPOCH + int(until) * _MICROSECOND if until else None))
    return tuple(found)

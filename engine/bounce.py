"""Mail that did not arrive: for good, or this time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from engine.errors import Permanent


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounce:
    """What was said of one address; `hard`: nothing sent there will arrive, or is wanted."""

    address: str
    hard: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BouncedAddress:
    """What is known of an address: since `hard_at` no mail goes there, for `reason`; `soft` came back for a time."""

    address: str
    reason: str = ""
    hard_at: datetime | None = None
    soft: int = 0
    soft_at: datetime | None = None


class Undeliverable(Permanent):
    """The address takes no mail."""

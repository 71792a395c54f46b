"""How a company's alerts arrive: the lines of its intake story, which belongs to the company and to no incident, and
the dead letters: what had a good key and could not be understood, kept whole."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from engine.identifiers import new_id


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeLine:
    """One line below the company's intake message. What is said again under its name is counted, and its newest words
    stand; `body` is long evidence."""

    id: str
    company_id: int
    text: str
    first_at: datetime
    last_at: datetime
    body: str = ""
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One body as it came, with its harmless headers. `outcome` says what became of it once it was replayed."""

    id: int
    company_id: int
    tool: str
    headers: Mapping[str, str]
    body: bytes
    error: str
    at: datetime
    replayed_at: datetime | None
    outcome: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A tool of a company as something that speaks or is silent; `tool@asset` is its good news of one asset. `words`
    say what it usually does; `silent_since` is its last word before the silence that was called."""

    company_id: int
    tool: str
    words: str = ""
    workdays_only: bool = False
    silent_since: datetime | None = None

    @property
    def whole(self) -> bool:
        """All of a tool, not what it says of one asset."""
        return "@" not in self.tool


def line_name(company_id: int, topic: str, now: datetime) -> str:
    """The line that a happening belongs to: one per topic and day; without a topic each has its own."""
    if not topic:
        return new_id(now)
    digest = hashlib.sha256(topic.encode("utf-8", "replace")).hexdigest()[:16]
    return f"{company_id}.{now.astimezone(UTC):%Y%m%d}.{digest}"

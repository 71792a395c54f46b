"""Silences and maintenance windows of a replay: what would have been held, had they been there.

JSON Lines, one rule a line: `{"when", "kind"?, "company"?, "asset"?, "signature"?, "labels"?, "up_to"?, "timezone"?,
"said_at"?, "reason"?}`. `when` is what people type: `sat 22:00-02:00 weekly` for a window, `2h` for a silence, as said
at `said_at` (ISO or Unix; needed where the words mean another day than they name). Without a company it is all of them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, BinaryIO
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.words import times
from engine.alert import Severity
from engine.errors import Refused
from engine.schedule import Schedule, between
from engine.suppression import KINDS, QuietKind, QuietRule, Scope

_Name = Annotated[str, Field(max_length=200)]


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid")

    when: Annotated[str, Field(min_length=1, max_length=200)]
    kind: QuietKind = QuietKind.MAINTENANCE
    company: _Name = ""
    asset: _Name = ""
    signature: _Name = ""
    labels: dict[str, str] = Field(default_factory=dict, max_length=10)
    up_to: Severity | None = None
    timezone: _Name = "UTC"
    said_at: datetime | None = None
    reason: _Name = "replayed"


def rules(file: BinaryIO) -> list[tuple[str, QuietRule]]:
    """(company or nothing, rule) of each line. Raises Refused naming the line."""
    found = []
    for number, line in enumerate(file, 1):
        if line.strip():
            given = _read(number, line)
            found.append((given.company, _rule(number, given)))
    return found


def _read(number: int, line: bytes) -> _Line:
    try:
        return _Line.model_validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "it"
        raise Refused(f"Line {number} of the windows is none: {where}: {first['msg']}.") from None


def _rule(number: int, given: _Line) -> QuietRule:
    try:
        ZoneInfo(given.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Refused(f"Line {number} of the windows: “{given.timezone}” is no time zone.") from None
    said_at = given.said_at or datetime(2000, 1, 1, tzinfo=UTC)
    said_at = said_at if said_at.tzinfo else said_at.replace(tzinfo=UTC)
    schedule = _schedule(given, said_at)
    if schedule is None:
        raise Refused(f"Line {number} of the windows: “{given.when[:60]}” is no time.")
    usual = Severity.HIGH if given.kind is QuietKind.SILENCE else Severity.CRITICAL
    scope = Scope(
        asset=given.asset,
        labels=tuple(sorted(given.labels.items())),
        signature=given.signature,
        ceiling=given.up_to or usual,
    )
    return KINDS[given.kind](
        id=number, company_id=0, scope=scope, schedule=schedule, reason=given.reason, by="the file",
        by_id=None, created_at=said_at, confirmed_at=said_at,
    )  # fmt: skip


def _schedule(given: _Line, said_at: datetime) -> Schedule | None:
    words = given.when.split()
    if given.kind is QuietKind.MAINTENANCE:
        window = times.window(words, said_at, given.timezone)
        return window[0] if window is not None and window[1] == len(words) else None
    end = times.until(words, said_at, given.timezone)
    return between(said_at, end.at) if end is not None and end.words == len(words) else None

"""Reading JSON that strangers wrote: text that is safe to keep, times in any usual form, faults by field."""

from __future__ import annotations

import codecs
import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson

NAME, MESSAGE, LABEL, KEY = 500, 8_000, 1_000, 200
"""Characters that are kept of a name, a message, a label's value, and a sender's own key."""
MOST_LABELS = 64
SECRET = re.compile(
    r"secret|token|pass(?:w(?:or)?d|hash|phrase)|api[_-]?key|access[_-]?key|credential|authori[sz]ation|\bsig\b",
    re.IGNORECASE,
)
"""In a name: the value is nothing to keep or show."""
MOST_ALERTS = 1_000
DEPTH = 32
_BAD = re.compile(r"[\x00\ud800-\udfff]")
_FRACTION = re.compile(r"([.,]\d{6})\d+")
_EARLIEST, _LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
_LARGEST_EXACT = 10**15
_LONGEST_INTEGER = 18
"""Digits that surely fit into 64 bits; what is longer is read as a float, as orjson does."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with one field; `field` is a path such as `[2].severity`."""

    field: str
    why: str


class Malformed(Exception):
    """JSON, but not alerts: `faults` names every field."""

    def __init__(self, *faults: Fault) -> None:
        more = f"; and {len(faults) - 5:,} more" if len(faults) > 5 else ""
        super().__init__("; ".join(f"{one.field}: {one.why}" for one in faults[:5]) + more)
        self.faults = faults


class NotJson(Exception):
    """Not JSON at all, or deeper than anyone means it."""


def load(body: bytes) -> Any:
    """The JSON document, without a byte order mark; NaN and infinities become null. Raises NotJson."""
    try:
        document = orjson.loads(body.removeprefix(codecs.BOM_UTF8))
    except orjson.JSONDecodeError as error:
        document = _leniently(body, error)
    if _too_deep(document):
        raise NotJson(f"it is nested deeper than {DEPTH} levels")
    return document


def _leniently(body: bytes, error: Exception) -> Any:
    """NaN, lone surrogates, raw line breaks in strings and wrong encodings are no reason to lose an alert."""
    wide = body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    said = body.decode("utf-16" if wide else "utf-8", "replace").removeprefix("\ufeff")
    try:
        return json.loads(
            said, strict=False, parse_constant=lambda _: None, parse_int=_integer, parse_float=_finite
        )
    except (ValueError, RecursionError) as worse:
        raise NotJson(str(error)) from worse


def _integer(digits: str) -> int | float:
    if len(digits) <= _LONGEST_INTEGER:
        return int(digits)
    if math.isinf(rough := float(digits)):
        raise ValueError("a number of that many digits is none")
    return rough


def _finite(digits: str) -> float | None:
    return value if math.isfinite(value := float(digits)) else None


def _too_deep(document: Any) -> bool:
    level = [document] if isinstance(document, dict | list) else []
    for _ in range(DEPTH):
        if not level:
            return False
        level = [
            child
            for one in level
            for child in (one.values() if type(one) is dict else one)
            if type(child) is dict or type(child) is list
        ]
    return bool(level)


def text(value: Any, most: int = NAME) -> str:
    """Safe text of a JSON value: numbers as written, structures as JSON, null as nothing, too long cut with …"""
    if type(value) is str and len(value) <= most and value.isascii() and "\x00" not in value:
        return value.strip()  # nearly always
    found = _written(value)
    return _safe(found if len(found) <= most else found[: most - 1] + "…")


def _written(value: Any) -> str:
    if isinstance(value, str):
        return value.strip()
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return _number(value) if isinstance(value, float) else _dumped(value).strip()


def _safe(found: str) -> str:
    """After the cut: a body of nothing but bad characters must not take long."""
    return found if found.isascii() and "\x00" not in found else _BAD.sub("\ufffd", found)


def _number(value: float) -> str:
    if not math.isfinite(value):
        return ""
    return str(int(value)) if value.is_integer() and abs(value) < _LARGEST_EXACT else repr(value)


def _dumped(value: Any) -> str:
    try:
        return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except (TypeError, ValueError):  # a lone surrogate
        return json.dumps(value, default=str)


def key(value: Any) -> str:
    """Text that tells things apart: of a too long one the end is kept as a digest, so that it stays different."""
    if value is None:
        return ""
    found = _written(value)
    if len(found) <= KEY:
        return _safe(found)
    digest = hashlib.sha256(found.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return f"{_safe(found[: KEY - 33])}~{digest}"


def labels(value: Any) -> dict[str, str]:
    """Labels as text to text, at most 64 of them, and none whose name promises a secret."""
    if not value or not isinstance(value, Mapping):
        return {}
    safe = ((text(name, KEY), one) for name, one in list(value.items())[:MOST_LABELS])
    return {name: text(one, LABEL) for name, one in safe if not SECRET.search(name)}


def moment(value: Any) -> datetime | None:
    """ISO 8601 or Unix time in seconds, milliseconds or finer, as UTC. None when it says nothing or something that
    cannot be, such as the year 1."""
    try:
        return stated_moment(value)
    except ValueError:
        return None


def stated_moment(value: Any) -> datetime | None:
    """As `moment`, but raises ValueError for what is no time at all."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return _told(value.strip()[:64])
    return _counted(value)


@lru_cache(maxsize=256)
def _told(text_: str) -> datetime | None:
    try:
        seconds = None if ":" in text_ else float(text_)
    except ValueError:
        seconds = None
    if seconds is None:
        return _plausible(datetime.fromisoformat(_FRACTION.sub(r"\1", text_)))
    return _counted(seconds)


def _counted(value: Any) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("not a time")
    seconds = float(value)
    if not math.isfinite(seconds):
        raise ValueError("not a time")
    for _finer in ("milliseconds", "microseconds", "nanoseconds"):
        if seconds > 1e11:
            seconds /= 1000
    try:
        return _plausible(datetime.fromtimestamp(seconds, UTC))
    except (OverflowError, OSError, ValueError):
        return None


def _plausible(found: datetime) -> datetime | None:
    try:
        utc = (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (OverflowError, ValueError):
        return None
    return utc if _EARLIEST <= utc <= _LATEST else None

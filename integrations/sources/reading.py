"""Reading JSON that strangers wrote: text that is safe to keep, times in any usual form, faults by field."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

NAME, MESSAGE, LABEL = 500, 8_000, 1_000
MOST_LABELS = 64
MOST_ALERTS = 1_000
DEPTH = 32
_BAD = re.compile(r"[\x00\ud800-\udfff]")
_EARLIEST, _LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with one field; `field` is a path such as `[2].severity`."""

    field: str
    why: str


class Malformed(Exception):
    """JSON, but not alerts: `faults` names every field."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__("; ".join(f"{one.field}: {one.why}" for one in faults[:5]))
        self.faults = faults


class NotJson(Exception):
    """Not JSON at all, or deeper than anyone means it."""


def load(body: bytes) -> Any:
    """The JSON document, without a byte order mark; NaN and infinities become null. Raises NotJson."""
    data = body.removeprefix(b"\xef\xbb\xbf")
    if _too_deep(data):
        raise NotJson(f"it is nested deeper than {DEPTH} levels")
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        return _leniently(data, error)


def _leniently(data: bytes, error: Exception) -> Any:
    """The standard library takes NaN, lone surrogates and wrong encodings, which are no reason to lose an alert."""
    import json

    if len(data) > 1_048_576 or re.search(rb"\d{400}", data):
        raise NotJson(str(error)) from error
    try:
        return json.loads(data.decode("utf-8", "replace"), parse_constant=lambda _: None)
    except (ValueError, RecursionError) as worse:
        raise NotJson(str(error)) from worse


def _too_deep(data: bytes) -> bool:
    """Brackets outside strings, counted without building anything."""
    if data.count(b"[") + data.count(b"{") <= DEPTH:
        return False
    depth = 0
    for found in re.finditer(rb'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', data, re.DOTALL):
        mark = found.group()
        if mark in (b"[", b"{"):
            depth += 1
            if depth > DEPTH:
                return True
        elif mark in (b"]", b"}"):
            depth -= 1
    return False


def text(value: Any, most: int = NAME) -> str:
    """Safe text of a JSON value: numbers as written, structures as JSON, null as nothing, too long cut with …"""
    if value is None:
        return ""
    if isinstance(value, bool):
        found = "true" if value else "false"
    elif isinstance(value, str):
        found = value
    elif isinstance(value, float):
        found = f"{value:g}" if math.isfinite(value) else ""
    elif isinstance(value, int):
        found = str(value) if abs(value) < 10**30 else "a very large number"
    else:
        found = _dumped(value)
    found = _BAD.sub("\ufffd", found).strip()
    return found if len(found) <= most else found[: most - 1] + "…"


def _dumped(value: Any) -> str:
    try:
        return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except (TypeError, ValueError, orjson.JSONEncodeError):
        return str(value)


def labels(value: Any) -> dict[str, str]:
    """Labels as text to text, at most 64 of them."""
    if not isinstance(value, Mapping):
        return {}
    return {text(name, 200): text(one, LABEL) for name, one in list(value.items())[:MOST_LABELS]}


def moment(value: Any) -> datetime | None:
    """ISO 8601 or Unix time in seconds, milliseconds or more; None when it says nothing or something impossible."""
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, str):
        stripped = value.strip()
        try:
            value = float(stripped)
        except ValueError:
            return _iso(stripped)
    if not isinstance(value, int | float) or not math.isfinite(value):
        return None
    seconds = float(value)
    while seconds > 1e11:
        seconds /= 1000
    try:
        return _plausible(datetime.fromtimestamp(seconds, UTC))
    except (OverflowError, OSError, ValueError):
        return None


def _iso(value: str) -> datetime | None:
    cut = re.sub(r"(\.\d{6})\d+", r"\1", value[:64])  # nanoseconds
    try:
        found = datetime.fromisoformat(cut)
    except ValueError:
        return None
    return _plausible(found if found.tzinfo else found.replace(tzinfo=UTC))


def _plausible(found: datetime) -> datetime | None:
    try:
        utc = found.astimezone(UTC)
    except (OverflowError, ValueError):
        return None
    return utc if _EARLIEST <= utc <= _LATEST else None

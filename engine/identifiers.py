"""Ids that sort by time, so that an index on them grows at one end: 48 bits of milliseconds, 80 of chance."""

from __future__ import annotations

import re
import secrets
from datetime import datetime

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_LABEL = re.compile(r"^\s*(?:inc[-_ ]?)?(\d{1,18})\s*$", re.IGNORECASE)


def new_id(now: datetime) -> str:
    """26 characters, unique, in order of time."""
    value = (int(now.timestamp() * 1000) << 80) | secrets.randbits(80)
    digits = []
    for _ in range(26):
        digits.append(_ALPHABET[value & 31])
        value >>= 5
    return "".join(reversed(digits))


def incident_number(text: str) -> int | None:
    """The number in `INC-42`, `inc42` or `42`, or None when the text is something else."""
    found = _LABEL.match(text)
    return int(found.group(1)) if found else None

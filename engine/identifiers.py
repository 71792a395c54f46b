"""Ids that sort by time, so that an index on them grows at one end: 48 bits of milliseconds, 80 of chance."""

from __future__ import annotations

import base64
import re
import secrets
from datetime import datetime

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_OURS = bytes.maketrans(b"0123456789ABCDEFGHIJKLMNOPQRSTUV", _ALPHABET.encode())
_LABEL = re.compile(r"^\s*(?:inc[-_ ]?)?(\d{1,18})\s*$", re.IGNORECASE)


class _Last:
    """The last id made here: several in one millisecond must still sort in the order in which they were made."""

    value = 0


def new_id(now: datetime) -> str:
    """26 characters, unique, in order of time, and of making within one process."""
    moment = int(now.timestamp() * 1000)
    if _Last.value >> 80 == moment:
        _Last.value += 1 + secrets.randbits(32)
    else:
        _Last.value = (moment << 80) | secrets.randbits(79)
    value = _Last.value
    return base64.b32hexencode((value << 6).to_bytes(17, "big"))[:26].translate(_OURS).decode()


def floor_of(at: datetime) -> str:
    """An id not above any id made from that moment on: its time, and no chance."""
    value = int(at.timestamp() * 1000) << 80
    return base64.b32hexencode((value << 6).to_bytes(17, "big"))[:26].translate(_OURS).decode()


def incident_number(text: str) -> int | None:
    """The number in `INC-42`, `inc42` or `42`, or None when the text is something else."""
    found = _LABEL.match(text)
    return int(found.group(1)) if found else None

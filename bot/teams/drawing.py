"""A small bar chart as a picture inside the card itself: nothing has to be fetched, nobody else can look at it."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Sequence

MOST_BARS = 60
WIDE, GAP, HIGH = 6, 2, 48
_PALETTE = b"\xff\xff\xff\x46\x6b\xc9"
_CLEAR = b"\x00\xff"


def bars(values: Sequence[float]) -> str:
    """One bar a value, the highest full, as a `data:` address of a PNG. Beyond 60 the highest of neighbours stands."""
    shown = _folded([max(0.0, value) for value in values])
    top = max(shown, default=0.0)
    heights = [round(value / top * HIGH) if top else 0 for value in shown]
    rows = []
    for level in range(HIGH, 0, -1):
        row = b"".join((b"\x01" if high >= level else b"\x00") * WIDE + b"\x00" * GAP for high in heights)
        rows.append(b"\x00" + row)
    width = len(heights) * (WIDE + GAP)
    head = struct.pack(">IIBBBBB", width, HIGH, 8, 3, 0, 0, 0)
    pixels = zlib.compress(b"".join(rows), 9)
    parts = ((b"IHDR", head), (b"PLTE", _PALETTE), (b"tRNS", _CLEAR), (b"IDAT", pixels), (b"IEND", b""))
    png = b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, body) for kind, body in parts)
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def _folded(values: Sequence[float]) -> Sequence[float]:
    if len(values) <= MOST_BARS:
        return values
    step = -(-len(values) // MOST_BARS)
    return [max(values[at : at + step]) for at in range(0, len(values), step)]


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

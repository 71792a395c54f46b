"""The app's two icons as PNGs, drawn from their shape: a dot that is heard, and the ring around it."""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Callable

Pixel = tuple[int, int, int, int]
COLOUR, OUTLINE = 192, 32
"""Pixels a side, as Teams wants them."""
GROUND, RING, DOT = (0x1F, 0x29, 0x37), (0xFF, 0xFF, 0xFF), (0xF5, 0x9E, 0x0B)
ACCENT = "#1F2937"


def colour() -> bytes:
    """Full colour; what matters stays inside the middle that Teams never crops."""
    middle = COLOUR / 2

    def pixel(x: float, y: float) -> Pixel:
        away = math.hypot(x - middle, y - middle)
        mixed = _mixed(GROUND, RING, _band(away, 46, 9))
        return (*_mixed(mixed, DOT, _inside(away, 22)), 255)

    return _png(COLOUR, pixel)


def outline() -> bytes:
    """White on nothing, as Teams wants it for the bar at its side."""
    middle = OUTLINE / 2

    def pixel(x: float, y: float) -> Pixel:
        away = math.hypot(x - middle, y - middle)
        return (255, 255, 255, round(255 * max(_band(away, 13, 2), _inside(away, 6))))

    return _png(OUTLINE, pixel)


def _inside(away: float, radius: float) -> float:
    """How much of a pixel so far from the middle lies inside; between 0 and 1 at the edge."""
    return min(1.0, max(0.0, radius - away + 0.5))


def _band(away: float, radius: float, width: float) -> float:
    return min(_inside(away, radius + width / 2), 1.0 - _inside(away, radius - width / 2))


def _mixed(under: tuple[int, int, int], over: tuple[int, int, int], share: float) -> tuple[int, int, int]:
    red, green, blue = (round(low + (high - low) * share) for low, high in zip(under, over, strict=True))
    return red, green, blue


def _png(side: int, pixel: Callable[[float, float], Pixel]) -> bytes:
    rows = (b"\x00" + b"".join(bytes(pixel(x + 0.5, y + 0.5)) for x in range(side)) for y in range(side))
    head = struct.pack(">IIBBBBB", side, side, 8, 6, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(b"".join(rows), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in parts
    )

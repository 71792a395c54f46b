"""Waiting for what has to come, as long as a busy machine may need; never for luck."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any


async def eventually(
    look: Callable[[], Any], *, what: str, seen: Callable[[], Any] = lambda: None, within: float = 30.0
) -> Any:
    """What `look` finds, awaited if it has to be, as soon as it finds something. Fails saying what was seen instead."""
    loop = asyncio.get_running_loop()
    end = loop.time() + within
    while loop.time() < end:
        found = look()
        if inspect.isawaitable(found):
            found = await found
        if found:
            return found
        await asyncio.sleep(0.02)
    raise AssertionError(f"never came: {what}; seen: {seen()}")

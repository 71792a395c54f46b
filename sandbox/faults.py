"""Scripted trouble: the next calls of a method fail in one of the ways that real services fail."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Do(StrEnum):
    """How a call goes wrong."""

    STATUS = "status"
    RATELIMITED = "ratelimited"
    ERROR = "error"
    RESET = "reset"
    HANG = "hang"
    LOST_REPLY = "lost_reply"
    SLOW = "slow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """`do`: answer `status`; `ratelimited` with `retry_after` seconds; the service's own `error`; `reset` the
    connection; `hang` for `seconds`; `lost_reply` (the effect happens, then the connection is reset); `slow` by
    `seconds`; `method` "*" is any. Raises ValueError for any other way."""

    service: str
    method: str = "*"
    times: int = 1
    do: Do | str = Do.STATUS
    status: int = 500
    retry_after: int = 1
    error: str = "internal_error"
    seconds: float = 5.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "do", Do(self.do))


class Faults:
    def __init__(self) -> None:
        self._waiting: list[tuple[Fault, int]] = []

    def add(self, fault: Fault) -> None:
        self._waiting.append((fault, fault.times))

    def take(self, service: str, method: str) -> Fault | None:
        """The fault that this call meets, used up by one; None for a call that goes well."""
        for place, (fault, left) in enumerate(self._waiting):
            if fault.service == service and fault.method in ("*", method):
                if left > 1:
                    self._waiting[place] = (fault, left - 1)
                else:
                    del self._waiting[place]
                return fault
        return None

    def clear(self) -> None:
        self._waiting.clear()

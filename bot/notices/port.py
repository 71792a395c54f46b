"""What a way to people has to be able to do. Each is a file beside this one and a line in `senders`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from engine.company import Company, User
from engine.incident import Incident
from engine.notice import Notice


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message: its notices, the oldest first, all for this `user` or, without one, this `address`. `batch` names
    it: a repeat after an unclear failure has the same name and the same notices."""

    batch: str
    notices: Sequence[Notice]
    user: User | None
    address: str
    incidents: Mapping[int, Incident]
    companies: Mapping[int, Company]
    now: datetime

    @property
    def urgent(self) -> bool:
        return any(one.urgent for one in self.notices)


class Sender(Protocol):
    """Carries one message. Raises Transient (later), Ambiguous (it may have gone out: it comes again with the same
    `batch`) or Permanent (it cannot; the reason is kept at each notice)."""

    async def send(self, delivery: Delivery) -> None: ...

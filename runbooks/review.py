"""The review of a run that started though nobody agreed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What stays open after the glass was broken, until an MSP admin who did not break it signs it with a note."""

    run_id: str
    company_id: int
    incident_id: int | None
    label: str
    reason: str
    broken_by: int
    broken_by_name: str
    broken_at: datetime
    remind_at: datetime
    signed_by: int | None = None
    signed_by_name: str = ""
    signed_at: datetime | None = None
    note: str = ""

    @property
    def open(self) -> bool:
        return self.signed_at is None

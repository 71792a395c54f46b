"""The jobs that make reports and send them; `engine.jobs` has all kinds together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverReport:
    """A report of the `days` up to `until` (seconds since 1970), with its files: into the company's channels, or to
    `user_id` alone, in the chat platform they asked in."""

    kind: ClassVar[str] = "deliver_report"
    company_id: int
    days: int
    until: int
    user_id: int | None = None
    asked_in: str = ""

    @property
    def key(self) -> str:
        return f"report:{self.company_id}:{self.days}:{self.user_id or 'channel'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MailReport:
    """The same by mail to one person who wants it."""

    kind: ClassVar[str] = "mail_report"
    company_id: int
    days: int
    until: int
    user_id: int

    @property
    def key(self) -> str:
        return f"report:{self.company_id}:{self.days}:{self.until}:mail:{self.user_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SendReports:
    """The report is due that goes out by itself, of one company, or of all of them (0)."""

    kind: ClassVar[str] = "send_reports"
    company_id: int

    @property
    def key(self) -> str:
        return f"reports:{self.company_id}"

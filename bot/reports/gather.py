"""The report of one company and span, read and worked out off the loop: a big one must not hold up the intake."""

from __future__ import annotations

import asyncio
import re
from datetime import datetime, timedelta

from bot.core import Core
from engine.company import Company
from engine.errors import Refused
from engine.report import Report, report

USUAL = timedelta(days=30)
LONGEST = timedelta(days=400)
_SPAN = re.compile(r"(\d{1,4})\s*(d|days?|w|weeks?|m|months?)?", re.IGNORECASE)
_DAYS = {"d": 1, "w": 7, "m": 30}


def span_of(words: str) -> timedelta:
    """`30d`, `4w`, `3m`, `30`; nothing is 30 days. Raises Refused."""
    if not words.strip():
        return USUAL
    found = _SPAN.fullmatch(words.strip())
    span = timedelta(days=int(found[1]) * _DAYS[(found[2] or "d")[0].lower()]) if found else timedelta(0)
    if not timedelta(0) < span <= LONGEST:
        hint = f"For example `30d`, `4w` or `3m`; at most {LONGEST.days} days."
        raise Refused(f"“{words.strip()[:30]}” is no span of days.", hint=hint, code="invalid")
    return span


async def gather(core: Core, company: Company, span: timedelta, *, until: datetime | None = None) -> Report:
    """Up to now when `until` is not given."""
    now = core.clock.now()
    until = until or now
    since = until - span
    material = await core.read(lambda tx: tx.reports.material(company.id, since=since, until=until))
    return await asyncio.to_thread(
        report, material, company=company.name, since=since, until=until, timezone=company.timezone, now=now
    )

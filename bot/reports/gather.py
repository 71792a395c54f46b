"""The report of one company and span, read and worked out off the loop: a big one must not hold up the intake."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from bot.core import Core
from engine.company import Company
from engine.errors import Refused
from engine.operations.configure import msp_timezone
from engine.report import Material, Report, report
from storage.transaction import Transaction

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
    zone = ZoneInfo(company.timezone)
    since = (until.astimezone(zone) - span).astimezone(
        UTC
    )  # whole days of its clock, whatever the clocks did
    material = await core.read(lambda tx: tx.reports.material(company.id, since=since, until=until))
    return await asyncio.to_thread(
        report, material, company=company.name, since=since, until=until, timezone=company.timezone, now=now
    )


async def gather_all(core: Core, span: timedelta, *, until: datetime) -> Report:
    """All companies together, for the MSP alone: each check says whose it is."""

    async def look(tx: Transaction) -> tuple[list[Company], str, str]:
        msp = await tx.outbreaks.msp()
        return list(await tx.companies.all()), msp.name or "All companies", await msp_timezone(tx)

    companies, name, timezone = await core.read(look)
    since = (until.astimezone(ZoneInfo(timezone)) - span).astimezone(UTC)
    found: list[tuple[Company, Material]] = []
    for one in companies:  # one after the other: no reader is held for all of them

        async def material(tx: Transaction, company_id: int = one.id) -> Material:
            return await tx.reports.material(company_id, since=since, until=until)

        found.append((one, await core.read(material)))
    whole = together(found)
    return await asyncio.to_thread(
        report, whole, company=name, since=since, until=until, timezone=timezone, now=core.clock.now()
    )


def together(found: Sequence[tuple[Company, Material]]) -> Material:
    held: Counter[str] = Counter()
    for _, one in found:
        held.update(one.held)
    return Material(
        incidents=[
            replace(
                fact,
                asset_name=f"{company.name}: {fact.asset_name}",
                correlation_key=f"{company.id}|{fact.correlation_key}",
            )
            for company, one in found
            for fact in one.incidents
        ],
        clocks=[clock for _, one in found for clock in one.clocks],
        runs=[run for _, one in found for run in one.runs],
        held=held,
        silent_sources=[f"{company.name}: {tool}" for company, one in found for tool in one.silent_sources],
        time=[fact for _, one in found for fact in one.time],
        series=[
            replace(series, asset_name=f"{company.name}: {series.asset_name}")
            for company, one in found
            for series in one.series
        ],
        names={number: name for _, one in found for number, name in one.names.items()},
    )

"""A company's timesheet as plain lines, and as CSV that no spreadsheet takes for formulas."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from bot.reports.files import cell
from engine.company import Company
from engine.timesheet import drafted
from storage.timesheets import stretches
from storage.transaction import Transaction

COLUMNS = (
    "company", "incident", "title", "asset", "severity", "technician", "began_at", "ended_at", "minutes",
    "idle_minutes", "hourly_rate", "cost", "currency",
)  # fmt: skip


async def lines(tx: Transaction, company: Company, since: datetime, until: datetime) -> list[dict[str, Any]]:
    """What was resolved in that time; times on the company's clock."""
    rate, zone = company.value("hourly_rate"), ZoneInfo(company.timezone)
    found = await stretches(tx, company.id, since=since, until=until)
    return [
        {
            "company": company.slug,
            "incident": f"INC-{one.stretch.incident_id}",
            "title": one.stretch.title,
            "asset": one.stretch.asset_name,
            "severity": one.stretch.severity,
            "technician": one.stretch.person,
            "began_at": one.stretch.begun_at.astimezone(zone).isoformat(timespec="seconds"),
            "ended_at": one.stretch.ended_at.astimezone(zone).isoformat(timespec="seconds"),
            "minutes": one.minutes,
            "idle_minutes": one.idle,
            "hourly_rate": str(rate.amount) if rate else None,
            "cost": str(one.cost) if one.cost is not None else None,
            "currency": rate.currency if rate else None,
        }
        for one in drafted(found, gap=company.value("time_gap"), rate=rate)
    ]


def as_csv(found: Iterable[Mapping[str, Any]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for one in found:
        writer.writerow([cell("" if one[name] is None else str(one[name])) for name in COLUMNS])
    return out.getvalue()

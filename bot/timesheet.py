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
from engine.operations.booking import Slot
from engine.timesheet import Drafted, Entry, Stretch, drafted
from storage.transaction import Transaction

COLUMNS = (
    "company", "incident", "title", "asset", "severity", "technician", "began_at", "ended_at", "minutes",
    "idle_minutes", "confirmed", "booked_minutes", "booked_by", "note", "exported_at", "hourly_rate", "cost",
    "currency",
)  # fmt: skip


async def lines(tx: Transaction, company: Company, since: datetime, until: datetime) -> list[dict[str, Any]]:
    """What was resolved in that time, and what was booked of what ended in it; times on the company's clock. `minutes`
    are drafted; `cost` is of the booked minutes where they are `confirmed`, else of those."""
    found = await tx.timesheets.resolved(company.id, since=since, until=until)
    entries = await tx.timesheets.booked(company.id, since=since, until=until)
    booked = {(one.incident_id, one.begun_at): one for one in entries}
    made = []
    for one in drafted(found, gap=company.value("time_gap"), rate=company.value("hourly_rate")):
        entry = booked.pop((one.stretch.incident_id, one.stretch.begun_at), None)
        made.append(_draft(company, one) | (_booked(entry) if entry else {}))
    if booked:  # reopened since, or given to somebody else: what was booked stays
        about = await tx.timesheets.titles([one.incident_id for one in booked.values()])
        names = {one.id: one.name for one in await tx.users.all()}
        for entry in booked.values():
            row = about[entry.incident_id]
            stretch = Stretch(
                incident_id=entry.incident_id,
                company_id=entry.company_id,
                user_id=entry.user_id,
                title=row.title,
                asset_name=row.asset_name,
                severity=row.severity,
                person=names.get(entry.user_id, f"user {entry.user_id}"),
                begun_at=entry.begun_at,
                ended_at=entry.ended_at,
            )
            draft = Drafted(stretch=stretch, minutes=entry.drafted, idle=entry.idle, cost=entry.cost)
            made.append(_draft(company, draft) | _booked(entry))
    return sorted(made, key=lambda one: (one["ended_at"], one["incident"]))


def _draft(company: Company, one: Drafted) -> dict[str, Any]:
    rate, zone = company.value("hourly_rate"), ZoneInfo(company.timezone)
    return {
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
        "confirmed": False,
        "booked_minutes": None,
        "booked_by": None,
        "note": None,
        "exported_at": None,
        "hourly_rate": str(rate.amount) if rate else None,
        "cost": str(one.cost) if one.cost is not None else None,
        "currency": rate.currency if rate else None,
    }


def _booked(entry: Entry) -> dict[str, Any]:
    """Frozen: the minutes, and the rate of the moment at which they were booked."""
    return {
        "minutes": entry.drafted,
        "idle_minutes": entry.idle,
        "confirmed": True,
        "booked_minutes": entry.minutes,
        "booked_by": entry.booked_by,
        "note": entry.note or None,
        "exported_at": entry.exported_at.isoformat(timespec="seconds") if entry.exported_at else None,
        "hourly_rate": str(entry.rate.amount) if entry.rate else None,
        "cost": str(entry.cost) if entry.cost is not None else None,
        "currency": entry.rate.currency if entry.rate else None,
    }


def document(slot: Slot) -> dict[str, Any]:
    """What is drafted on one incident, and what is booked of it."""
    stretch, entry = slot.drafted.stretch, slot.entry
    return {
        "incident": slot.label,
        "company": slot.company.slug,
        "title": stretch.title,
        "asset": stretch.asset_name,
        "technician": stretch.person,
        "minutes": slot.drafted.minutes,
        "idle_minutes": slot.drafted.idle,
        "confirmed": entry is not None,
        "booked_minutes": entry.minutes if entry else None,
        "note": entry.note if entry else None,
    }


def as_csv(found: Iterable[Mapping[str, Any]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for one in found:
        writer.writerow([cell("" if one[name] is None else str(one[name])) for name in COLUMNS])
    return out.getvalue()

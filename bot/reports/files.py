"""A report as files: JSON for programs, CSV for a spreadsheet, a picture and a PDF for people."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson

from bot.reports import picture
from engine.noise import Noise
from engine.opinion import Spent
from engine.report import Kept, OfCheck, OfDay, OfPerson, OfRunbook, OfSeverity, Report, Series, Times

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class ReportFile:
    """`alt` says what a picture shows."""

    name: str
    title: str
    body: bytes
    alt: str = ""


def document(report: Report, *, people: bool = True) -> dict[str, Any]:
    """The whole report for programs; spans in seconds, shares in percent, None where there is nothing to tell."""
    return {
        "company": report.company,
        "since": report.since.isoformat(),
        "until": report.until.isoformat(),
        "timezone": report.timezone,
        "alerts": report.alerts,
        "incidents": report.incidents,
        "noise_reduction_percent": report.noise_reduction,
        "open": report.open,
        "reopened": report.reopened,
        "self_healed": report.self_healed,
        "self_healed_percent": report.self_healed_percent,
        "healed_by_runbook": report.healed_by_runbook,
        "response_sla": _kept(report.response),
        "resolution_sla": _kept(report.resolution),
        "mtta": _times(report.acknowledge),
        "mttr": _times(report.resolve),
        "severities": [_severity(one) for one in report.severities],
        "people": [_person(one) for one in (report.people if people else ())],
        "runbooks": [_runbook(one) for one in report.runbooks],
        "noisiest": [_check(one) for one in report.checks],
        "days": [_day(one) for one in report.days],
        "booked_minutes": report.booked_minutes,
        "drafted_minutes": report.drafted_minutes,
        "noise": _noise(report.noise),
        "held": dict(report.held),
        "silent_sources": list(report.silent_sources),
        "periodic": [_series(one) for one in report.series],
        "ai": [_model(one) for one in (report.models if people else ())],
    }


def _series(one: Series) -> dict[str, Any]:
    return {
        "incident": f"INC-{one.incident_id}",
        "asset": one.asset_name,
        "title": one.title,
        "rhythm": one.rhythm,
    }


def _model(one: Spent) -> dict[str, Any]:
    return {
        "model": one.model,
        "asked": one.asked,
        "in_vain": one.failed,
        "tokens_in": one.tokens_in,
        "tokens_out": one.tokens_out,
        "dollars": round(one.micros / 1_000_000, 6),
    }


def _severity(one: OfSeverity) -> dict[str, Any]:
    return {
        "severity": one.severity.value,
        "incidents": one.incidents,
        "mtta": _times(one.acknowledge),
        "mttr": _times(one.resolve),
        "response_sla": _kept(one.response),
        "resolution_sla": _kept(one.resolution),
    }


def _person(one: OfPerson) -> dict[str, Any]:
    return {
        "user_id": one.user_id,
        "name": one.name,
        "claimed": one.claimed,
        "resolved": one.resolved,
        "mtta": _times(one.acknowledge),
        "mttr": _times(one.resolve),
        "hands_on_seconds": _seconds(one.hands_on),
    }


def _runbook(one: OfRunbook) -> dict[str, Any]:
    return {
        "runbook": one.runbook_id,
        "runs": one.runs,
        "verified": one.verified,
        "refuted": one.refuted,
        "by_itself": one.by_itself,
        "verified_percent": one.percent,
    }


def _check(one: OfCheck) -> dict[str, Any]:
    return {
        "asset": one.asset_name,
        "title": one.title,
        "alerts": one.alerts,
        "incidents": one.incidents,
        "hands_on_seconds": _seconds(one.hands_on),
        "noise": _noise(one.noise),
    }


def _noise(one: Noise) -> dict[str, Any]:
    return {
        "incidents": one.incidents,
        "minutes": one.minutes,
        "minutes_without_rate": one.unrated,
        "cost": {currency: str(amount) for currency, amount in sorted(one.cost.items())},
    }


def _day(one: OfDay) -> dict[str, Any]:
    incidents = {severity.value: count for severity, count in one.incidents.items()}
    return {"day": one.day.isoformat(), "alerts": one.alerts, "incidents": incidents}


def as_json(report: Report, *, people: bool = True) -> bytes:
    return orjson.dumps(document(report, people=people), option=orjson.OPT_INDENT_2) + b"\n"


def as_csv(report: Report, *, people: bool = True) -> bytes:
    """Three columns: part, name, value. A cell that a spreadsheet would take for a formula is marked as text."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(("part", "name", "value"))
    _write(writer, "", document(report, people=people))
    return out.getvalue().encode()


def files(report: Report, stem: str, *, people: bool = True) -> list[ReportFile]:
    """Picture, PDF, CSV and JSON. Slow the first time: off the loop, please."""
    title = f"Report {stem}"
    return [
        ReportFile(f"{stem}.png", title, picture.png(report), picture.alternative(report)),
        ReportFile(f"{stem}.pdf", f"{title} (PDF)", picture.pdf(report)),
        ReportFile(f"{stem}.csv", f"{title} (CSV)", as_csv(report, people=people)),
        ReportFile(f"{stem}.json", f"{title} (JSON)", as_json(report, people=people)),
    ]


def _write(writer: Any, part: str, value: Any, name: str = "") -> None:
    if isinstance(value, dict):
        label = next(
            (
                str(value[key])
                for key in ("severity", "name", "runbook", "title", "day", "model")
                if key in value
            ),
            "",
        )
        for key, inner in value.items():
            inner_part = part or key
            inner_name = " ".join(one for one in (name, label, key if part else "") if one)
            _write(writer, inner_part, inner, inner_name)
    elif isinstance(value, list):
        for one in value:
            _write(writer, part, one, name)
    else:
        writer.writerow((part, cell(name), cell("" if value is None else str(value))))


def cell(text: str) -> str:
    number = text.removeprefix("-").replace(".", "", 1).isdigit()
    return f"'{text}" if text.startswith(_FORMULA) and not number else text


def _seconds(span: timedelta | None) -> float | None:
    return None if span is None else round(span.total_seconds(), 3)


def _times(found: Times) -> dict[str, Any]:
    return {
        "count": found.count,
        "mean_seconds": _seconds(found.mean),
        "median_seconds": _seconds(found.median),
    }


def _kept(found: Kept) -> dict[str, Any]:
    return {"met": found.met, "missed": found.missed, "percent": found.percent}

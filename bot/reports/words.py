"""A report's figures in words, the same on the card, in the picture and in the files."""

from __future__ import annotations

from datetime import timedelta

from bot.cards.incident import span_text
from engine.report import Kept, Report, Times

NONE = "–"


def percent(value: float | None) -> str:
    return NONE if value is None else f"{value:g} %"


def spent(span: timedelta | None) -> str:
    return NONE if span is None else span_text(span)


def times(found: Times) -> str:
    """`12 min (median 8 min)`."""
    return NONE if found.mean is None else f"{spent(found.mean)} (median {spent(found.median)})"


def kept(found: Kept) -> str:
    """`96 % (24 of 25)`."""
    whole = found.met + found.missed
    return NONE if not whole else f"{percent(found.percent)} ({found.met} of {whole})"


def span_words(report: Report) -> str:
    return days_words(round((report.until - report.since) / timedelta(days=1)))


def days_words(days: int) -> str:
    return "the last day" if days == 1 else f"the last {days} days"


def headline(report: Report) -> str:
    if not report.incidents:
        return f"{report.company}, {span_words(report)}: no incident."
    return (
        f"{report.company}, {span_words(report)}: {report.alerts:,} alerts became {report.incidents:,} incidents, "
        f"{report.self_healed:,} of them healed without a person."
    )


def many(count: int, one: str) -> str:
    return f"{count:,} {one}" if count == 1 else f"{count:,} {one}s"


def held(report: Report) -> str:
    """What was kept quiet, or nothing."""
    names = {"silence": "silences", "maintenance": "maintenance windows"}
    parts = [f"{count:,} by {names.get(kind, kind)}" for kind, count in sorted(report.held.items()) if count]
    return " and ".join(parts)

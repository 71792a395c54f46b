"""A report's figures in words, the same on the card, in the picture and in the files."""

from __future__ import annotations

from datetime import timedelta

from bot.cards.incident import cut, span_text
from engine.noise import Noise
from engine.report import Kept, Report, Series, Times
from engine.timesheet import span_words as minutes_words

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


def noise(found: Noise) -> str:
    """`84.00 EUR (42 min)`, `42 min, no rate set`, `–`."""
    if not found.minutes:
        return NONE
    took = minutes_words(found.minutes)
    money = " + ".join(f"{amount:,.2f} {currency}" for currency, amount in sorted(found.cost.items()))
    if not money:
        return f"{took}, no rate set"
    unrated = f", {minutes_words(found.unrated)} of it without a rate" if found.unrated else ""
    return f"{money} ({took}{unrated})"


def hours(report: Report) -> str:
    """`3 h 40 min booked, 1 h 5 min not yet`"""
    booked, waiting = report.booked_minutes, report.drafted_minutes
    parts = [f"{minutes_words(booked)} booked"] if booked else []
    parts += [f"{minutes_words(waiting)} drafted and not booked"] if waiting else []
    return ", ".join(parts) or NONE


def span_words(report: Report) -> str:
    return days_words(round((report.until - report.since) / timedelta(days=1)))


def days_words(days: int) -> str:
    return "the last day" if days == 1 else f"the last {days} days"


def headline(report: Report) -> str:
    if not report.incidents:
        return f"{report.company}, {span_words(report)}: no incident."
    return (
        f"{report.company}, {span_words(report)}: {many(report.alerts, 'alert')} became "
        f"{many(report.incidents, 'incident')}, "
        f"{report.self_healed:,} of them healed without a person."
    )


def many(count: int, one: str) -> str:
    return f"{count:,} {one}" if count == 1 else f"{count:,} {one}s"


def in_step(one: Series) -> str:
    """`Backup slow on nas-01: every night about 02:00 CET, 6 of the last 7 nights`"""
    return f"{cut(one.title, 60)} on {cut(one.asset_name, 60)}: {one.rhythm}"


def held(report: Report) -> str:
    """What was kept quiet, or nothing."""
    names = {"silence": "silences", "maintenance": "maintenance windows"}
    parts = [f"{count:,} by {names.get(kind, kind)}" for kind, count in sorted(report.held.items()) if count]
    return " and ".join(parts)

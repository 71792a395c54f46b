"""What quiet costs and what it did: the preview before it, and the receipt after it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.alert import Severity
from engine.company import CompanyContext
from engine.schedule import Schedule, Stretch, as_before
from engine.suppression import PastAlert, QuietKind, QuietRule, Scope, Tally, clock_text, of_stored

LOOK_BACK = timedelta(days=90)
MOST_LOOKED_AT = 50_000
MOST_LINES = 10
MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Preview:
    """What the last 90 days would have hidden: alerts by asset and text, and the critical ones by name. `passed` are
    the critical ones that would have come all the same. `patterned`: counted in the hours of a series only."""

    alerts: int
    critical: int
    passed: int
    named: tuple[str, ...]
    lines: tuple[Tally, ...]
    patterned: bool
    beyond: bool = False
    """There were more alerts than are looked at: these figures are of the newest."""


def preview(
    history: Sequence[PastAlert],
    scope: Scope,
    schedule: Schedule,
    context: CompanyContext,
    now: datetime,
) -> Preview:
    """Alerts that came several times are taken as spread evenly between their first and their last."""
    pattern = as_before(schedule, now - LOOK_BACK, now) if schedule.rule else None
    tallies: dict[tuple[str, str, Severity], int] = {}
    passed, names = 0, dict[str, None]()
    fitting: dict[tuple[object, ...], bool] = {}  # what differs in its times alone is looked at once
    for alert in history:
        key = (alert.asset_name, alert.asset, alert.title, alert.signature, *alert.labels.items())
        if (fits := fitting.get(key)) is None:
            fits = fitting[key] = scope.fits(of_stored(alert, context))
        times = _times(alert, pattern) if fits else 0
        if not times:
            continue
        if alert.severity.worse_than(scope.ceiling):
            passed += times if alert.severity is Severity.CRITICAL else 0
            names |= {_name(alert): None} if alert.severity is Severity.CRITICAL else {}
            continue
        if alert.severity is Severity.CRITICAL:
            names[_name(alert)] = None
        place = (alert.asset_name, alert.title, alert.severity)
        tallies[place] = tallies.get(place, 0) + times
    lines = [Tally(*place, times) for place, times in tallies.items()]
    return Preview(
        alerts=sum(one.times for one in lines),
        critical=sum(one.times for one in lines if one.severity is Severity.CRITICAL),
        passed=passed,
        named=tuple(names)[:MOST_NAMED],
        lines=worst_first(lines)[:MOST_LINES],
        patterned=pattern is not None,
        beyond=len(history) >= MOST_LOOKED_AT,
    )


def _name(alert: PastAlert) -> str:
    return f"{alert.title} on {alert.asset_name}"


def _times(alert: PastAlert, pattern: Schedule | None) -> int:
    """How many of its repeats fall into the pattern; all of them without one."""
    if pattern is None:
        return alert.count
    step = (alert.last_at - alert.first_at) / (alert.count - 1) if alert.count > 1 else timedelta(0)
    if not step:
        return alert.count if pattern.at(alert.first_at) is not None else 0
    return sum(_within(alert, one, step) for one in pattern.stretches if one.ends_at > alert.first_at)


def _within(alert: PastAlert, stretch: Stretch, step: timedelta) -> int:
    first = max(0, -((alert.first_at - stretch.starts_at) // step))
    beyond = -((alert.first_at - stretch.ends_at) // step)
    return max(0, min(alert.count, beyond) - first)


def worst_first(lines: Iterable[Tally]) -> tuple[Tally, ...]:
    """By how often, the worse first among equals."""
    return tuple(sorted(lines, key=lambda one: (-one.times, one.severity.rank, one.asset, one.title)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What one stretch held, and what had to be opened at its end."""

    rule: QuietRule
    stretch: Stretch
    tallies: Sequence[Tally]
    opened: Sequence[str]
    ended_by: str = ""

    @property
    def held(self) -> int:
        return sum(one.times for one in self.tallies)

    def text(self, timezone: str, now: datetime) -> str:
        """`🔕 maintenance 3 is over, after 4 h: …` — who, why, how long, what."""
        rule, lasted = self.rule, self.stretch.ends_at - self.stretch.starts_at
        early = f", ended by {self.ended_by}" if self.ended_by else ""
        told = f"🔕 {rule.label} is over{early}: {rule.scope.words}, {span_words(lasted)} "
        told += f"until {clock_text(self.stretch.ends_at, timezone, now)} ({rule.reason}, by {rule.by}). "
        if not self.tallies:
            return told + "It held nothing."
        worst = min((one.severity for one in self.tallies), key=lambda one: one.rank)
        told += f"Held {counted(self.held, 'alert')}, the worst {worst.value}."
        if self.opened:
            shown = ", ".join(self.opened[:MOST_LINES])
            more = f" and {len(self.opened) - MOST_LINES} more" if len(self.opened) > MOST_LINES else ""
            return told + f" Still firing and heard now: {shown}{more}."
        return told + " Nothing of it still fires."

    @property
    def body(self) -> str:
        """The ten most frequent, one a line."""
        lines = worst_first(self.tallies)
        shown = [
            f"{one.times:>5} × {one.severity.value:<8} {one.asset}: {one.title}" for one in lines[:MOST_LINES]
        ]
        rest = lines[MOST_LINES:]
        if rest:
            shown.append(f"{sum(one.times for one in rest):>5} × {counted(len(rest), 'other kind')}")
        return "\n".join(shown)


def counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def span_words(span: timedelta) -> str:
    """`30 min`, `4 h`, `1 h 30 min`, `2 days`."""
    minutes = max(0, round(span.total_seconds() / 60))
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours >= 48 and not rest and hours % 24 == 0:
        return f"{hours // 24} days"
    return f"{hours} h {rest} min" if rest else f"{hours} h"


def kept_open(rule: QuietRule) -> str:
    """What of the worst still comes through, in the words of a preview; of an incident's, what it covers."""
    said = _still_comes(rule)
    if rule.scope.incident is None:
        return said
    return f"{said} What joins INC-{rule.scope.incident} meanwhile is held too, what is split out is heard."


def _still_comes(rule: QuietRule) -> str:
    if rule.scope.ceiling is Severity.CRITICAL:
        return (
            "Critical alerts are held too."
            if rule.kind is QuietKind.SILENCE
            else "It holds critical alerts too."
        )
    above = [one.value for one in Severity if one.worse_than(rule.scope.ceiling)]
    return f"What is {' or '.join(above)} still comes."


_DAY_NAMES = {"MO": "Mon", "TU": "Tue", "WE": "Wed", "TH": "Thu", "FR": "Fri", "SA": "Sat", "SU": "Sun"}
_UNITS = {"DAILY": "day", "WEEKLY": "week", "MONTHLY": "month", "YEARLY": "year"}


def rule_words(rule: str) -> str:
    """`every week on Sat`; what has no simple words is shown as it is."""
    parts = dict(part.split("=") for part in rule.split(";"))
    every, unit = parts.pop("INTERVAL", "1"), _UNITS[parts.pop("FREQ")]
    words = f"every {unit}" if every == "1" else f"every {every} {unit}s"
    days = parts.pop("BYDAY", "")
    if days:
        words += " on " + ", ".join(_day_words(day) for day in days.split(","))
    if (number := parts.pop("BYMONTHDAY", "")) and not days:
        words += f" on day {number}"
    return f"{words} ({rule})" if parts else words


def _day_words(day: str) -> str:
    name, place = _DAY_NAMES.get(day[-2:], day), day[:-2].lstrip("+")
    if not place:
        return name
    places = {"1": "first", "2": "second", "3": "third", "4": "fourth", "-1": "last"}
    return f"the {places.get(place, place + '.')} {name}"


def announcement(rule: QuietRule, timezone: str, now: datetime) -> str:
    """`🔕 silence 7: web-01 until 11:00 CET (new disk, by Kim). What is critical still comes.`"""
    schedule = rule.schedule
    first = rule.stretch_at(now) or schedule.after(now) or schedule.stretches[0]
    when = f"until {clock_text(first.ends_at, timezone, now)}"
    if first.starts_at > now:
        when = (
            f"{clock_text(first.starts_at, timezone, now)} for {span_words(first.ends_at - first.starts_at)}"
        )
    if schedule.rule:
        when = f"{rule_words(schedule.rule)}, next {when}"
    return f"🔕 {rule.label}: {rule.scope.words}, {when} ({rule.reason}, by {rule.by}). {kept_open(rule)}"

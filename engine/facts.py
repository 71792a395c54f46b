"""What is known of an incident or a span of time, as it is told to whoever is asked about it: plain text and numbers,
redacted already."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from engine.alert import Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertFact:
    """One alert, `after` the incident's first."""

    after: timedelta
    asset: str
    title: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PastFact:
    """The same problem before: how long it took, and what was said to have ended it."""

    took: timedelta | None
    resolution: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """One incident. `fitting` are runbook ids that the rules find fitting, best first; `story` is what people and
    runs did, oldest first; `sure` says whether the severity was told rather than guessed."""

    title: str
    machine: str
    platform: str = ""
    severity: Severity
    category: str
    sure: bool = True
    count: int = 1
    tools: tuple[str, ...] = ()
    cause: str = ""
    alerts: tuple[AlertFact, ...] = ()
    before: tuple[PastFact, ...] = ()
    fitting: tuple[str, ...] = ()
    story: tuple[str, ...] = ()
    resolution: str = ""
    ended_by: str = ""


def seconds(span: timedelta) -> str:
    return f"{max(0, int(span.total_seconds()))} s"


def rows(facts: Facts) -> list[str]:
    """The facts as lines of text, the most telling first."""
    platform = f" ({facts.platform})" if facts.platform else ""
    lines = [
        f"problem: {facts.title}",
        f"machine: {facts.machine}{platform}",
        f"severity: {facts.severity}; category: {facts.category}; reported {facts.count} times by "
        f"{', '.join(facts.tools)}",
    ]
    if facts.cause:
        lines.append(f"the rules believe that it began with: {facts.cause}")
    if facts.resolution:
        lines.append(f"ended by {facts.ended_by or 'nobody in particular'}: {facts.resolution}")
    lines += [f"done: {one}" for one in facts.story]
    for one in facts.alerts:
        lines.append(
            f"alert {seconds(one.after)} after the first, on {one.asset}: {one.title} · {one.message}"
        )
    for past in facts.before:
        took = seconds(past.took) if past.took else "?"
        lines.append(f"the same before, over in {took}: {past.resolution}")
    return lines

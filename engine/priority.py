"""How urgent an incident is among others: severity, critical asset, duplicates, age, and whether it is expected."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

from engine.alert import Severity
from engine.incident import Incident

_BASE = {Severity.CRITICAL: 90, Severity.HIGH: 70, Severity.MEDIUM: 50, Severity.LOW: 30, Severity.INFO: 10}
_CRITICAL_ASSET = 10
_DUPLICATES_CAP = 10
_AGE_CAP = 10
_EXPECTED = -20


@dataclass(frozen=True, slots=True)
class Priority:
    """`terms` are (name, points) in the order they are shown; `score` is their sum."""

    terms: tuple[tuple[str, int], ...]

    @property
    def score(self) -> int:
        return sum(points for _, points in self.terms)

    def explain(self) -> str:
        shown = " ".join(f"{points:+d} {name}" for name, points in self.terms if points)
        return f"{self.score} = {shown.removeprefix('+')}"


def priority(incident: Incident, now: datetime) -> Priority:
    """Age counts from the last alert, so that what still hurts stays on top: −1 per quiet hour, at most −10."""
    duplicates = min(_DUPLICATES_CAP, int(2 * math.log2(max(1, incident.count))))
    quiet_hours = int(max(0.0, (now - incident.last_alert_at).total_seconds()) // 3600)
    return Priority(
        (
            (f"{incident.severity} severity", _BASE[incident.severity]),
            ("critical asset", _CRITICAL_ASSET if incident.critical_asset else 0),
            ("duplicates", duplicates),
            *((("comes as always", _EXPECTED),) if incident.track and incident.course.until else ()),
            ("age", -min(_AGE_CAP, quiet_hours)),
        )
    )

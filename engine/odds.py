"""The odds that a promise will be broken, from how long the like of it took at the same company before.

What has been open for a while is compared with those that had not ended by then: of these, how many took longer than
is left. Every figure can be said in one sentence; with too few of them nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.incident import Incident
from engine.sla import ClockKind, SlaClock

ENOUGH = 8
"""So many like it have to be known, that were open for at least as long."""
UNKNOWN = 0.5
"""Where what has no history stands among the odds: in the middle, by the time that is left."""
LOOK_BACK, MOST_ENDED = timedelta(days=180), 300
"""How old the past may be that still says something, and how much of it is looked at for each company."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A promise about an earlier incident: how long it took until it was kept, in time that counted."""

    kind: ClockKind
    key: str
    signature: str
    category: str
    severity: str
    took: timedelta


@dataclass(frozen=True, slots=True)
class Odds:
    """`late` of the `of` that were `like` this one, and open for as long, took longer than is left."""

    late: int
    of: int
    like: str
    left: timedelta

    @property
    def share(self) -> float:
        return self.late / self.of


def odds(incident: Incident, clock: SlaClock, past: Sequence[Ended], now: datetime) -> Odds | None:
    """From the nearest of its like of which enough is known; None when there is not enough, or nothing is left."""
    left = clock.left(now)
    if left <= timedelta(0):
        return None
    gone = clock.target - left
    for like, fits in _likes(incident):
        took = [
            one.took for one in past if one.kind is clock.kind and one.took > gone and fits == _as(one, like)
        ]
        if len(took) >= ENOUGH:
            return Odds(sum(one > clock.target for one in took), len(took), like, left)
    return None


SAME, KIND, ROUGHLY, SEVERITY = (
    "the same problem",
    "the same kind",
    "its category and severity",
    "its severity",
)


def _likes(incident: Incident) -> Sequence[tuple[str, object]]:
    """From what is most like it to what is least, with what has to be the same."""
    severity = incident.severity.value
    return (
        (SAME, incident.correlation_key),
        (KIND, incident.signature),
        (ROUGHLY, (incident.category, severity)),
        (SEVERITY, severity),
    )


def _as(one: Ended, like: str) -> object:
    if like == SAME:
        return one.key
    if like == KIND:
        return one.signature
    return (one.category, one.severity) if like == ROUGHLY else one.severity


@dataclass(frozen=True, slots=True)
class Due:
    """An open incident's promise that may still be kept: the one most in danger, and the odds where they are known."""

    incident: Incident
    clock: SlaClock
    odds: Odds | None

    @property
    def share(self) -> float:
        return self.odds.share if self.odds is not None else UNKNOWN


def board(
    waiting: Sequence[tuple[Incident, SlaClock]], past: Mapping[int, Sequence[Ended]], now: datetime
) -> list[Due]:
    """Each incident once, those most likely to be late first, then those with the least time left. `past` is by
    company."""
    worst: dict[int, Due] = {}
    for incident, clock in waiting:
        due = Due(incident, clock, odds(incident, clock, past.get(incident.company_id, ()), now))
        before = worst.get(incident.id)
        if before is None or _rank(due) < _rank(before):
            worst[incident.id] = due
    return sorted(worst.values(), key=_rank)


def _rank(due: Due) -> tuple[float, datetime, int]:
    return (-due.share, due.clock.due_at, due.incident.id)

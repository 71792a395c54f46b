"""Did it hold? What became of a verified fix within a day, how often that was so, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from math import sqrt

from engine.incident import Incident
from runbooks.run import Run, RunStatus
from runbooks.runbook import Purpose, Runbook

DAY = timedelta(hours=24)
LOOKS = (timedelta(minutes=15), timedelta(hours=1), timedelta(hours=4), timedelta(hours=12), DAY)
"""When after the end of a run it is seen whether the problem is back; after the last it has held."""
SOON = timedelta(hours=4)
"""What comes back within this was no fix."""
ENOUGH_RUNS = 10
SURE = 0.8
"""Before a runbook is proposed to run by itself: so many runs, and at least so likely to hold, at the low end."""


class Verdict(StrEnum):
    HELD = "held"
    CAME_BACK = "came_back"
    NO_EFFECT = "no_effect"
    """Its check passed, and monitoring still says otherwise a day later."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    run_id: str
    company_id: int
    runbook_id: str
    signature: str
    finished_at: datetime
    verdict: Verdict
    after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Rate:
    """`held` of `of` runs."""

    held: int = 0
    of: int = 0

    @property
    def low(self) -> float:
        """The low end of what the true rate may be (Wilson, 95 %): few runs prove little."""
        if not self.of:
            return 0.0
        z, n, p = 1.96, self.of, self.held / self.of
        middle = p + z * z / (2 * n)
        return max(0.0, (middle - z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))) / (1 + z * z / n))

    def words(self, company: str) -> str:
        if self.of == 0:
            return ""
        times = "once" if self.of == 1 else f"{self.of} times"
        if self.of == 1:
            return f"{'held' if self.held else 'did not hold'} the one time it ran at {company}"
        return f"held {self.held} of {times} at {company}"


NOTHING = Rate()


def likely(here: Rate, elsewhere: Rate) -> float:
    """How likely it is to hold here: this company's own counts, leaning on all others' as if on two runs."""
    prior = (elsewhere.held + 1) / (elsewhere.of + 2)
    return (here.held + 2 * prior) / (here.of + 2)


def ranked(fits: Sequence[Runbook], here: Mapping[str, Rate], elsewhere: Mapping[str, Rate]) -> list[Runbook]:
    """What is likelier to hold comes first; what only looks comes after what mends; else as it was."""

    def weight(runbook: Runbook) -> tuple[bool, float]:
        chance = likely(here.get(runbook.id, NOTHING), elsewhere.get(runbook.id, NOTHING))
        return runbook.purpose is Purpose.LOOK, -chance

    return sorted(fits, key=weight)


def worth_promoting(before: Rate, now: Rate) -> bool:
    """Has the evidence just become enough to let it run by itself?"""
    return _enough(now) and not _enough(before)


def _enough(rate: Rate) -> bool:
    return rate.of >= ENOUGH_RUNS and rate.held == rate.of and rate.low >= SURE


def bad(verdict: Verdict, after: timedelta | None) -> bool:
    """One of these is enough for a runbook not to run by itself any more."""
    return verdict in (Verdict.FAILED, Verdict.NO_EFFECT) or (after is not None and after <= SOON)


def next_look(run: Run, now: datetime) -> datetime | None:
    """When to look again; None after the last look."""
    if run.finished_at is None:
        return None
    return next((run.finished_at + one for one in LOOKS if run.finished_at + one > now), None)


def judge(
    run: Run, *, back_at: datetime | None, firing: bool, now: datetime
) -> tuple[Verdict, timedelta | None] | None:
    """`back_at` is when the problem came again after the run, `firing` that it never went. None: too early to say."""
    if run.status is not RunStatus.SUCCEEDED or run.finished_at is None:
        return Verdict.FAILED, None
    if back_at is not None and back_at - run.finished_at <= DAY:
        return Verdict.CAME_BACK, back_at - run.finished_at
    if now < run.finished_at + DAY:
        return None
    return (Verdict.NO_EFFECT, None) if firing else (Verdict.HELD, None)


def fired_again(incident: Incident, since: datetime) -> datetime | None:
    """When it began to fire anew after that inside of an incident that stayed open; None when it did not, or when the
    incident holds other problems too and so nobody can say which of them it was."""
    if incident.held or not incident.track:
        return None
    course = incident.course
    newest_first = course.changes[::-1]
    began = newest_first[0::2] if incident.firing else newest_first[1::2]  # it begins and stops in turns
    later = [at for at in (*began, *(one.began for one in course.rounds)) if at > since.timestamp()]
    return datetime.fromtimestamp(min(later), UTC) if later else None


def words(verdict: Verdict, after: timedelta | None) -> str:
    if verdict is Verdict.HELD:
        return "held 24 h"
    if verdict is Verdict.CAME_BACK and after is not None:
        minutes = int(after.total_seconds() // 60)
        return f"came back after {minutes} min" if minutes < 120 else f"came back after {minutes // 60} h"
    return "did not help" if verdict is Verdict.NO_EFFECT else "did not meet its goal"

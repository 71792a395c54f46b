"""What earlier runs of a runbook say about the next one: how they ended, how long they took, what is different now."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from datetime import timedelta
from statistics import median

from runbooks.run import Run, RunStatus

MOST_DIFF_LINES = 30
_MARKS = {RunStatus.SUCCEEDED: "✓", RunStatus.CANCELLED: "–", RunStatus.UNKNOWN: "?"}


def ran(earlier: Sequence[Run]) -> list[Run]:
    """Those that were on a machine, newest first as they come."""
    return [run for run in earlier if run.started_at is not None and run.status.finished]


def marks(earlier: Sequence[Run]) -> str:
    """`✓✓✗`, the newest first: verified, not, cancelled (–), unknown (?)."""
    return "".join(_MARKS.get(run.status, "✗") for run in ran(earlier))


def typical(earlier: Sequence[Run]) -> timedelta | None:
    """The median time that verified runs took."""
    took = [
        run.duration.total_seconds()
        for run in earlier
        if run.status is RunStatus.SUCCEEDED and run.duration is not None
    ]
    return timedelta(seconds=median(took)) if took else None


def last_agreed(earlier: Sequence[Run]) -> Run | None:
    """The newest one that somebody, or the policy, let go."""
    return next((run for run in earlier if run.started_at is not None and run.decided_at is not None), None)


def difference(last: Run, run: Run) -> str:
    """A unified diff of what the machine would see, short; empty when it is the same."""
    parts = [
        _diff(last.script, run.script, "script"),
        _diff(last.verify_script, run.verify_script, "check"),
    ]
    lines = [line for part in parts for line in part]
    if len(lines) > MOST_DIFF_LINES:
        left = len(lines) - MOST_DIFF_LINES
        lines = [*lines[:MOST_DIFF_LINES], f"… {left} more lines; the whole script is below"]
    return "\n".join(lines)


def _diff(before: str, now: str, name: str) -> list[str]:
    found = difflib.unified_diff(
        before.splitlines(), now.splitlines(), f"{name} approved last", f"{name} now", lineterm="", n=1
    )
    return list(found)

"""Jobs of runs that no single run asks for. Part of `engine.jobs.Job`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class RecheckRuns:
    """People, machines, accounts or runbooks changed: requests that wait for an approval may be void now."""

    kind: ClassVar[str] = "recheck_runs"
    company_id: int

    @property
    def key(self) -> str:
        return "runs:recheck"

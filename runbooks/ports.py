"""What runbooks need from the outside: a place to keep runs, and a way to bring a script to machines."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from engine.cloud import Cloud
from engine.errors import Transient
from engine.ports import Transaction
from runbooks.holding import Outcome, Rate
from runbooks.run import Run, StepName, Target, TargetResult
from runbooks.runbook import Platform


class Runs(Protocol):
    async def get(self, run_id: str) -> Run | None:
        """Locked until the transaction ends, where the database can."""
        ...

    def add(self, run: Run) -> None: ...

    async def save(self, before: Run, after: Run) -> Run:
        """Compare-and-set on `before.revision`; returns `after` with the next. Raises Conflict."""
        ...

    async def of_incident(self, incident_id: int) -> Sequence[Run]:
        """Newest first."""
        ...

    async def take_turn(self, company_id: int, *, since: datetime) -> tuple[int, datetime | None]:
        """How many runs of the company were let go after `since`, and when the first of them was. Nobody else counts
        or starts one for this company until the transaction ends."""
        ...

    async def back_at(self, run: Run, correlation_key: str) -> datetime | None:
        """When the problem came again after this run had ended: reopened, or a new incident of the same key."""
        ...

    def judged(self, outcome: Outcome) -> None: ...

    async def rates(self, company_id: int, signature: str) -> Mapping[str, Rate]:
        """By runbook: how often it held against this problem at this company."""
        ...

    async def active_on(self, company_id: int, runbook_id: str, cloud_ref: str) -> Run | None:
        """The unfinished run of this runbook that has this machine among its targets, if there is one."""
        ...


class RunsTransaction(Transaction, Protocol):
    @property
    def runs(self) -> Runs: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One step of one run, ready to be carried out. The session's name and tags name the people, and `approver`
    who stands for it. `account` is what was approved, `cloud` how it is reached, `targets` what the step is for."""

    run_id: str
    step: StepName
    executor: str
    account: str
    cloud: Cloud
    region: str
    session_name: str
    session_tags: Mapping[str, str]
    approver: str
    targets: tuple[Target, ...]
    platform: Platform
    script: str
    timeout: timedelta
    cancelled: bool = False
    """Somebody wishes it to be over: what is gone at the provider was taken away, not lost."""

    send_by: float = math.inf
    """By this process's monotonic clock: who was held up for longer may not send any more, for somebody else may have
    looked for the command by now and not found it."""

    def still_ours(self) -> None:
        """Called right before the one call that starts something. Raises Transient when it is too late."""
        if time.monotonic() > self.send_by:
            raise Transient("Getting ready to start it took too long; trying again.")

    @property
    def comment(self) -> str:
        """How this step is found again at the provider."""
        return f"aw {self.run_id} {self.step.value}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How a step stands: `finished` when every target is; `waiting_text` tells people what for."""

    finished: bool
    results: tuple[TargetResult, ...]
    waiting_text: str = ""


class Executor(Protocol):
    """Carries orders to machines. All raise Transient (nothing happened) or Permanent, fit for the card."""

    async def start(self, order: Order) -> Mapping[str, Any]:
        """A JSON-able reference. Raises Ambiguous when it may have been taken: `find` first."""
        ...

    async def find(self, order: Order) -> Mapping[str, Any] | None:
        """The reference of this order if the provider knows it, else None."""
        ...

    async def poll(self, order: Order, reference: Mapping[str, Any]) -> Progress: ...

    async def cancel(self, order: Order, reference: Mapping[str, Any]) -> None:
        """Best effort: a running script may still complete."""
        ...

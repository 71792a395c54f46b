"""A run, one execution of a runbook, and its state machine: every transition returns a new one or refuses.

pending_approval → approved → starting → running → verifying → succeeded, or an end on the way; see `NEXT`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from engine.cloud import Provider
from engine.errors import Refused
from runbooks.runbook import Platform, Risk


class RunStatus(StrEnum):
    PENDING_APPROVAL = "pending_approval"
    APPROVED = "approved"
    STARTING = "starting"
    RUNNING = "running"
    VERIFYING = "verifying"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"
    REJECTED = "rejected"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    VOID = "void"

    @property
    def finished(self) -> bool:
        return not NEXT[self]

    @property
    def started(self) -> bool:
        """It is or may be on the machine now."""
        return self in (RunStatus.STARTING, RunStatus.RUNNING, RunStatus.VERIFYING)


_ENDS_UNDER_WAY = frozenset(
    {RunStatus.FAILED, RunStatus.TIMED_OUT, RunStatus.CANCELLED, RunStatus.UNKNOWN, RunStatus.SUCCEEDED}
)
NEXT: dict[RunStatus, frozenset[RunStatus]] = {status: frozenset() for status in RunStatus} | {
    RunStatus.PENDING_APPROVAL: frozenset(
        {RunStatus.APPROVED, RunStatus.REJECTED, RunStatus.EXPIRED}
        | {RunStatus.SUPERSEDED, RunStatus.VOID, RunStatus.CANCELLED}
    ),
    RunStatus.APPROVED: frozenset({RunStatus.STARTING, RunStatus.VOID, RunStatus.CANCELLED}),
    RunStatus.STARTING: frozenset(
        {RunStatus.APPROVED, RunStatus.RUNNING, RunStatus.FAILED, RunStatus.UNKNOWN, RunStatus.CANCELLED}
    ),
    RunStatus.RUNNING: (_ENDS_UNDER_WAY - {RunStatus.SUCCEEDED}) | {RunStatus.VERIFYING},
    RunStatus.VERIFYING: _ENDS_UNDER_WAY,
}
"""Which status may follow which. A status with none is an end."""

ACTIVE_STATUSES = tuple(status for status in RunStatus if not status.finished)


class StepName(StrEnum):
    MAIN = "main"
    VERIFY = "verify"


class TargetStatus(StrEnum):
    """How one step stands on one machine."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"

    @property
    def finished(self) -> bool:
        return self not in (TargetStatus.PENDING, TargetStatus.IN_PROGRESS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One machine of the company's inventory; `cloud_ref` is its id at the provider."""

    asset_name: str
    cloud_ref: str
    platform: Platform
    region: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetResult:
    """What one step did on one machine. `detail` says in words what exit code and output do not, `note` what has to
    be known of the output itself."""

    cloud_ref: str
    asset_name: str
    status: TargetStatus
    exit_code: int | None = None
    stdout: str = ""
    stderr: str = ""
    detail: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """One person's agreement, of those that a run needs."""

    by: int
    name: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """`script` and `verify_script` are the exact texts, with parameters; `digest` binds the approval to them.

    `reference` holds what the executor gave for each step, by step name. `requested_by` is None for the
    system. `approvals_needed` people have to agree, where the risk asks for one at all. `waiting` says what it
    waits for now. `revision` grows by one at every save and is the compare-and-set.
    """

    id: str
    company_id: int
    incident_id: int | None
    runbook_id: str
    runbook_version: int
    title: str
    risk: Risk
    parameters: Mapping[str, str]
    targets: tuple[Target, ...]
    account: str
    region: str
    script: str
    verify_script: str
    timeout: timedelta
    status: RunStatus
    reason: str
    requested_by: int | None
    requested_by_name: str
    requested_at: datetime
    executor: str = "aws_ssm"
    output_limit: int = 20_000
    looks: bool = False
    digest: str = ""
    expires_at: datetime | None = None
    decided_by: int | None = None
    decided_by_name: str = ""
    decided_at: datetime | None = None
    decision_note: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    reference: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    step: StepName = StepName.MAIN
    step_started_at: datetime | None = None
    cancel_requested_at: datetime | None = None
    cancel_requested_by: str = ""
    results: tuple[TargetResult, ...] = ()
    verify_results: tuple[TargetResult, ...] = ()
    waiting: str = ""
    outcome: str = ""
    error: str = ""
    approvals_needed: int = 0
    approvals: tuple[Approval, ...] = ()
    looking: tuple[Approval, ...] = ()
    """Who said that they look at it, newest last."""
    reminded_at: datetime | None = None
    broken_by: int | None = None
    """Who started it though nobody agreed; `decision_note` says why."""
    held: str = ""
    """What became of the fix, once it was measured: `held 24 h`."""
    revision: int = 0

    @property
    def provider(self) -> Provider:
        return next((one for one in Provider if one.executor == self.executor), Provider.AWS)

    @property
    def platform(self) -> Platform:
        return self.targets[0].platform

    @property
    def step_targets(self) -> tuple[Target, ...]:
        """The machines that the current step is meant for: only what ran without an error is worth a check."""
        if self.step is StepName.MAIN:
            return self.targets
        ran = {one.cloud_ref for one in self.results if one.status is TargetStatus.SUCCEEDED}
        return tuple(target for target in self.targets if target.cloud_ref in ran)

    @property
    def outcomes(self) -> tuple[TargetResult, ...]:
        """The result that counts for each machine, in the order of the targets: what the check found, or else what
        kept it from being checked."""
        found = {one.cloud_ref: one for one in (*self.results, *self.verify_results)}
        return tuple(found[one.cloud_ref] for one in self.targets if one.cloud_ref in found)

    @property
    def target_names(self) -> str:
        return ", ".join(target.asset_name for target in self.targets)

    @property
    def label(self) -> str:
        """`Clean up disk space on acme-web-01`."""
        return f"{self.title} on {self.target_names}"

    @property
    def duration(self) -> timedelta | None:
        return self.finished_at - self.started_at if self.started_at and self.finished_at else None

    @property
    def step_results(self) -> tuple[TargetResult, ...]:
        return self.verify_results if self.step is StepName.VERIFY else self.results


def approve(run: Run, *, by: int | None, name: str, now: datetime, note: str = "") -> Run:
    """`by` None: no approval was needed. Where several have to agree, the run waits on until the last of them does;
    `decided_by` is the last."""
    if by is None:
        decided = replace(run, decided_by=by, decided_by_name=name, decided_at=now, decision_note=note)
        return _move(decided, RunStatus.APPROVED)
    given = (*run.approvals, Approval(by=by, name=name, at=now))
    if len(given) < run.approvals_needed:
        if run.status is not RunStatus.PENDING_APPROVAL:
            raise refusal(run)
        return replace(run, approvals=given, decision_note=note or run.decision_note)
    names = " and ".join(one.name for one in given)
    decided = replace(
        run, approvals=given, decided_by=by, decided_by_name=names, decided_at=now, decision_note=note
    )
    return _move(decided, RunStatus.APPROVED)


def break_glass(run: Run, *, by: int, name: str, reason: str, now: datetime) -> Run:
    """Let go without an approval: `decided_by` stays empty, since nobody agreed."""
    who = f"{name} (break-glass)"
    decided = replace(run, broken_by=by, decided_by_name=who, decided_at=now, decision_note=reason)
    return _move(decided, RunStatus.APPROVED)


def look(run: Run, *, by: int, name: str, now: datetime) -> Run:
    """Somebody who could decide says that they are at it."""
    if run.status is not RunStatus.PENDING_APPROVAL:
        raise refusal(run)
    others = tuple(one for one in run.looking if one.by != by)
    return replace(run, looking=(*others, Approval(by=by, name=name, at=now)))


def reject(run: Run, *, by: int | None, name: str, note: str, now: datetime) -> Run:
    decided = replace(run, decided_by=by, decided_by_name=name, decided_at=now, decision_note=note)
    return end(decided, RunStatus.REJECTED, outcome=f"Rejected by {name}.", now=now)


def expire(run: Run, *, now: datetime) -> Run:
    return end(run, RunStatus.EXPIRED, outcome="Nobody decided in time.", now=now)


def start(run: Run, *, now: datetime) -> Run:
    """From here on the command may be on its way: nothing is sent twice without looking first."""
    return replace(
        _move(run, RunStatus.STARTING), started_at=run.started_at or now, step_started_at=now, waiting=""
    )


def put_back(run: Run, *, waiting: str) -> Run:
    """Certainly nothing was sent: it may be started again later."""
    return replace(_move(run, RunStatus.APPROVED), waiting=waiting)


def announce(run: Run) -> Run:
    """The verify step is about to be sent: an empty reference says so until the real one is known."""
    return replace(run, reference={**run.reference, run.step.value: {}})


def begin(run: Run, reference: Mapping[str, Any], *, now: datetime) -> Run:
    """The executor took the current step and gave this reference for it."""
    known = {**run.reference, run.step.value: dict(reference)}
    if run.status is RunStatus.VERIFYING and run.step is StepName.VERIFY:
        return replace(run, reference=known, step_started_at=now, waiting="")
    return replace(_move(run, RunStatus.RUNNING), reference=known, step_started_at=now, waiting="")


def observe(run: Run, results: tuple[TargetResult, ...], *, waiting: str = "") -> Run:
    """The newest results of the current step, output cut to the runbook's limit."""
    if run.status not in (RunStatus.RUNNING, RunStatus.VERIFYING):
        raise refusal(run)
    kept = tuple(_bounded(result, run.output_limit) for result in results)
    if run.step is StepName.VERIFY:
        return replace(run, verify_results=kept, waiting=waiting)
    return replace(run, results=kept, waiting=waiting)


def verify(run: Run, *, now: datetime) -> Run:
    """The main step is over: now see whether the goal is met."""
    return replace(_move(run, RunStatus.VERIFYING), step=StepName.VERIFY, step_started_at=now, waiting="")


def ask_to_cancel(run: Run, *, name: str, now: datetime) -> Run:
    """Ended at once while nothing is on the machine; otherwise wished for, and the executor is told."""
    if run.cancel_requested_at is not None or run.status.finished:
        raise refusal(run)
    asked = replace(run, cancel_requested_at=now, cancel_requested_by=name)
    if run.status.started:
        return asked
    return end(asked, RunStatus.CANCELLED, outcome=f"Cancelled by {name} before it started.", now=now)


def end(run: Run, status: RunStatus, *, outcome: str, now: datetime, error: str = "") -> Run:
    return replace(_move(run, status), finished_at=now, outcome=outcome, error=error, waiting="")


def _move(run: Run, to: RunStatus) -> Run:
    if to not in NEXT[run.status]:
        raise refusal(run)
    return replace(run, status=to)


_WORDS = {
    RunStatus.PENDING_APPROVAL: "waits for an approval",
    RunStatus.APPROVED: "is approved already",
    RunStatus.STARTING: "is starting already",
    RunStatus.RUNNING: "is running already",
    RunStatus.VERIFYING: "is being verified already",
    RunStatus.SUCCEEDED: "has succeeded already",
    RunStatus.FAILED: "has failed already",
    RunStatus.TIMED_OUT: "has timed out already",
    RunStatus.CANCELLED: "was cancelled",
    RunStatus.UNKNOWN: "ended with an unknown outcome",
    RunStatus.REJECTED: "was rejected",
    RunStatus.EXPIRED: "has expired",
    RunStatus.SUPERSEDED: "was superseded",
    RunStatus.VOID: "is void",
}


def refusal(run: Run) -> Refused:
    """The polite answer to somebody who came too late."""
    by = f" by {run.decided_by_name}" if run.status in _SAY_BY and run.decided_by_name else ""
    hint = "Ask for it again." if run.status.finished else ""
    return Refused(f"{run.label} {_WORDS[run.status]}{by}.", hint=hint, code="stale")


_SAY_BY = (RunStatus.APPROVED, RunStatus.REJECTED)


def _bounded(result: TargetResult, limit: int) -> TargetResult:
    return replace(result, stdout=_cut(result.stdout, limit), stderr=_cut(result.stderr, limit))


def _cut(text: str, limit: int) -> str:
    """The first three quarters and the end: how it began and how it ended matter most."""
    if len(text) <= limit:
        return text
    note = f"\n… {len(text) - limit:,} characters left out …\n"
    room = max(0, limit - len(note))
    head = room * 3 // 4
    return text[:head] + note + text[len(text) - (room - head) :]


@cache
def _adapter() -> TypeAdapter[Run]:
    return TypeAdapter(Run)


def pack(run: Run) -> dict[str, Any]:
    """The run as one JSON document, for storage and for the API."""
    document: dict[str, Any] = _adapter().dump_python(run, mode="json")
    return document


def unpack(document: Mapping[str, Any]) -> Run:
    """The run behind a stored document. Raises pydantic's ValidationError for anything else."""
    return _adapter().validate_python(dict(document))

"""Carrying a run on: what to do next at the provider, and writing down what came of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from engine.access import SYSTEM
from engine.audit import AuditKind
from engine.cloud import Cloud, cloud_at
from engine.company import CompanyContext
from engine.jobs import CancelRun, PollRun, StartRun
from runbooks import run as state
from runbooks.approvals import why_void
from runbooks.break_glass import registered
from runbooks.carry_out import (
    Cancel,
    CancelSent,
    Denied,
    Lost,
    NotSent,
    Outcome,
    Poll,
    Seen,
    Send,
    Sent,
    Unclear,
)
from runbooks.catalogue import Catalogue
from runbooks.operations.decide import make_void, why_changed, why_stale
from runbooks.operations.finish import fail, give_up, progress
from runbooks.operations.record import Said, save
from runbooks.ports import Order, RunsTransaction
from runbooks.run import Run, RunStatus, StepName

RETRY = timedelta(seconds=5)
"""The pause after a provider that did not answer well, when it names none itself."""

PATIENCE = timedelta(minutes=15)
"""How long a run may keep trying to start, or to be looked up, before a person has to decide."""

_NOT_IN_A_SESSION_NAME = re.compile(r"[^A-Za-z0-9_=,.@-]+")


async def next_step(
    tx: RunsTransaction, run_id: str, *, catalogue: Catalogue, now: datetime
) -> Send | Poll | None:
    """What to do for this run at the provider now; None when there is nothing (more) to do."""
    run = await tx.runs.get(run_id)
    if run is None:
        return None
    if run.status in (RunStatus.APPROVED, RunStatus.STARTING):
        return await mark_starting(tx, run_id, catalogue=catalogue, now=now)
    if run.status not in (RunStatus.RUNNING, RunStatus.VERIFYING):
        return None
    order = _order(run, await tx.companies.context(run.company_id))
    reference = run.reference.get(run.step.value)
    if reference:
        return Poll(order=order, reference=reference)
    if reference is None:  # about to be sent: written down first, so that a crash leads to a look
        await tx.runs.save(run, state.announce(run))
    return Send(order=order, look_first=reference is not None)


async def mark_starting(
    tx: RunsTransaction, run_id: str, *, catalogue: Catalogue, now: datetime
) -> Send | None:
    """An approved run becomes `starting`, after one more look at the digest and at the people behind it.

    Found `starting` already: an earlier try may have reached the provider, so it is looked up. Void: None.
    """
    before = await tx.runs.get(run_id)
    if before is None or before.status not in (RunStatus.APPROVED, RunStatus.STARTING):
        return None
    context = await tx.companies.context(before.company_id)
    if before.status is RunStatus.STARTING:
        return Send(order=_order(before, context), look_first=True)
    why = await _why_void(tx, before, context, catalogue)
    if why:
        await make_void(tx, before, why, actor=SYSTEM, now=now)
        return None
    said = Said(
        audit=AuditKind.RUN_STARTING,
        text=f"{before.label} is being started.",
        told=False,
        detail={"account": before.account, "approved_by": before.decided_by},
    )
    after = await save(tx, before, state.start(before, now=now), said, actor=SYSTEM, now=now)
    return Send(order=_order(after, context), look_first=False)


async def _why_void(
    tx: RunsTransaction, run: Run, context: CompanyContext, catalogue: Catalogue
) -> str | None:
    requester = await tx.users.get(run.requested_by) if run.requested_by is not None else None
    given = {one.by for one in run.approvals}
    given |= {number for number in (run.decided_by, run.broken_by) if number is not None}
    if run.broken_by is not None and not registered(context.company, run):
        return "it is no longer registered for break-glass"
    approvers = {number: user for number in sorted(given) if (user := await tx.users.get(number)) is not None}
    return (
        why_stale(run, context)
        or why_void(run, requester=requester, approvers=approvers)
        or why_changed(run, catalogue)
    )


async def settle(tx: RunsTransaction, run_id: str, outcome: Outcome, *, now: datetime) -> Run | None:
    """Write down what came of a step. None when somebody else carried the run on meanwhile."""
    run = await tx.runs.get(run_id)
    if run is None or not run.status.started or run.step is not outcome.step:
        return None
    match outcome:
        case Sent():
            return await mark_started(tx, run_id, outcome.reference, now=now)
        case Seen():
            if outcome.progress is None:
                return await _not_seen(tx, run, outcome, now=now)
            return await progress(tx, run_id, outcome.progress, now=now)
        case CancelSent():
            if outcome.again:
                later = now + RETRY
                tx.jobs.put(CancelRun(company_id=run.company_id, run_id=run.id), due_at=later)
            return run
        case _:
            return await mark_not_started(tx, run_id, outcome, now=now)


async def mark_started(
    tx: RunsTransaction, run_id: str, reference: Mapping[str, Any], *, now: datetime
) -> Run | None:
    """The provider took the current step under this reference; from now on it is asked how it stands."""
    before = await tx.runs.get(run_id)
    if before is None or not before.status.started or before.reference.get(before.step.value):
        return None
    after = state.begin(before, reference, now=now)
    said = Said(
        audit=AuditKind.RUN_STARTED,
        text=f"{before.label}: the command is with {before.provider.name_of_service}.",
        told=False,
        detail={"step": before.step.value, "reference": dict(reference)},
    )
    saved = await save(tx, before, after, said, actor=SYSTEM, now=now)
    tx.jobs.put(
        PollRun(company_id=saved.company_id, run_id=saved.id), due_at=now + timedelta(milliseconds=500)
    )
    if saved.cancel_requested_at is not None:
        tx.jobs.put(CancelRun(company_id=saved.company_id, run_id=saved.id), due_at=now)
    return saved


async def mark_not_started(
    tx: RunsTransaction, run_id: str, outcome: NotSent | Unclear | Lost | Denied, *, now: datetime
) -> Run | None:
    """The step was not taken, or nobody can say. Certain: tried again. Unclear: a person decides."""
    before = await tx.runs.get(run_id)
    if before is None or not before.status.started or before.reference.get(before.step.value):
        return None
    if before.step is StepName.VERIFY:
        return await _verify_not_started(tx, before, outcome, now=now)
    if isinstance(outcome, Denied):
        return await fail(tx, before, outcome.why, now=now)
    patient = before.started_at is None or now - before.started_at < PATIENCE
    if isinstance(outcome, Lost) or (isinstance(outcome, Unclear) and not patient):
        return await give_up(tx, before, f"It is not known whether it started. {outcome.why}", now=now)
    if isinstance(outcome, Unclear):
        later = now + (outcome.retry_after or RETRY)
        tx.jobs.put(StartRun(company_id=before.company_id, run_id=before.id), due_at=later)
        return before
    if before.cancel_requested_at is not None:
        text = f"Cancelled by {before.cancel_requested_by} before it started."
        after = state.end(before, RunStatus.CANCELLED, outcome=text, now=now)
        said = Said(audit=AuditKind.RUN_FINISHED, text=f"{before.label}: {text}", act=text)
        return await save(tx, before, after, said, actor=SYSTEM, now=now)
    if not patient:
        return await fail(
            tx, before, f"It could not be started for {_minutes(PATIENCE)}: {outcome.why}", now=now
        )
    saved = await save(tx, before, state.put_back(before, waiting=outcome.why), None, actor=SYSTEM, now=now)
    later = now + (outcome.retry_after or RETRY)
    tx.jobs.put(StartRun(company_id=saved.company_id, run_id=saved.id), due_at=later)
    return saved


async def _verify_not_started(
    tx: RunsTransaction, before: Run, outcome: NotSent | Unclear | Lost | Denied, *, now: datetime
) -> Run:
    """The verify step changes nothing on the machine, so it may be sent again; but not for ever."""
    patient = before.step_started_at is None or now - before.step_started_at < PATIENCE
    if isinstance(outcome, Denied) or not patient:
        return await give_up(tx, before, f"It ran, but could not be verified. {outcome.why}", now=now)
    wait = outcome.retry_after if isinstance(outcome, NotSent | Unclear) else None
    tx.jobs.put(PollRun(company_id=before.company_id, run_id=before.id), due_at=now + (wait or RETRY))
    return before


async def next_cancel(tx: RunsTransaction, run_id: str) -> Cancel | None:
    """What to tell the provider for a cancelled run; None without a reference or when it is over."""
    run = await tx.runs.get(run_id)
    if run is None or run.cancel_requested_at is None:
        return None
    reference = run.reference.get(run.step.value)
    if not reference or run.status not in (RunStatus.RUNNING, RunStatus.VERIFYING):
        return None
    return Cancel(order=_order(run, await tx.companies.context(run.company_id)), reference=reference)


async def _not_seen(tx: RunsTransaction, run: Run, seen: Seen, *, now: datetime) -> Run:
    since = run.step_started_at or now
    if seen.permanent or now - since > run.timeout + PATIENCE:
        return await give_up(
            tx,
            run,
            f"It was started, but {run.provider.name_of_service} no longer says how it went. {seen.why}",
            now=now,
        )
    tx.jobs.put(PollRun(company_id=run.company_id, run_id=run.id), due_at=now + (seen.retry_after or RETRY))
    return run


async def abandon(tx: RunsTransaction, run_id: str, why: str, *, now: datetime) -> Run | None:
    """Nobody will carry this run on any more: end it with what can be said, so that it does not seem to run on."""
    run = await tx.runs.get(run_id)
    if run is None or run.status.finished or run.status is RunStatus.PENDING_APPROVAL:
        return None
    if run.status is RunStatus.APPROVED:
        return await make_void(tx, run, why, actor=SYSTEM, now=now)
    return await give_up(tx, run, why, now=now)


def _order(run: Run, context: CompanyContext) -> Order:
    cloud = cloud_at(context.company.clouds, run.executor, run.account)
    who = run.decided_by_name if run.decided_by is not None else run.requested_by_name
    tags = {
        "aw-run": run.id,
        "aw-requested-by": _tag(run.requested_by_name),
        "aw-approved-by": _tag(run.decided_by_name),
    }
    return Order(
        run_id=run.id,
        step=run.step,
        executor=run.executor,
        account=run.account,
        cloud=cloud or Cloud(provider=run.provider),
        region=run.region,
        session_name=session_name(run.id, who),
        session_tags={name: value for name, value in tags.items() if value},
        approver=who,
        targets=run.step_targets,
        platform=run.platform,
        script=run.verify_script if run.step is StepName.VERIFY else run.script,
        timeout=run.timeout,
        cancelled=run.cancel_requested_at is not None,
    )


def session_name(run_id: str, person: str) -> str:
    """The name under which the provider's own log keeps this run: 2 to 64 characters of `\\w=,.@-`."""
    safe = _NOT_IN_A_SESSION_NAME.sub("-", person).strip("-")
    return f"aw-{run_id}-{safe or 'system'}"[:64].rstrip("-")


def _tag(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9 _.:/=+@-]", "-", text)[:128].strip()


def _minutes(span: timedelta) -> str:
    return f"{span.total_seconds() / 60:.0f} minutes"

"""How a run goes on from what the provider says, and how it ends: the outcome is what verify found."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from engine.access import SYSTEM
from engine.audit import AuditKind
from engine.incident_jobs import DraftText
from engine.jobs import MeasureHold, PollRun
from engine.operations.respond import resolve
from engine.opinion import Use
from runbooks import run as state
from runbooks.holding import LOOKS
from runbooks.operations.record import Said, save
from runbooks.ports import Progress, RunsTransaction
from runbooks.run import Run, RunStatus, StepName, TargetResult, TargetStatus

SHORTEST_PAUSE = timedelta(milliseconds=500)
LONGEST_PAUSE = timedelta(seconds=5)
OVERDUE = timedelta(minutes=5)
"""How long after its own timeout a step may stay unfinished at the provider before we stop asking."""

TOLD_OUTPUT = 24_000
"""Characters of output in one timeline line."""


def pause(run: Run, now: datetime) -> timedelta:
    """How long to wait before asking again: half a second at first, five seconds after half a minute."""
    running_for = now - (run.step_started_at or now)
    return min(LONGEST_PAUSE, max(SHORTEST_PAUSE, running_for / 6))


async def progress(tx: RunsTransaction, run_id: str, seen: Progress, *, now: datetime) -> Run | None:
    """Take in how the current step stands: ask again later, go on to verify, or end the run."""
    before = await tx.runs.get(run_id)
    if before is None or before.status not in (RunStatus.RUNNING, RunStatus.VERIFYING):
        return None
    after = state.observe(before, seen.results, waiting="" if seen.finished else seen.waiting_text)
    if not seen.finished:
        return await _ask_again(tx, before, after, now=now)
    if before.step is StepName.MAIN and _worth_checking(after):
        return await _go_on_to_verify(tx, before, after, now=now)
    return await _end(tx, before, after, now=now)


async def _ask_again(tx: RunsTransaction, before: Run, after: Run, *, now: datetime) -> Run:
    since = before.step_started_at or now
    if now - since > before.timeout + OVERDUE:
        where = after.waiting or "the provider still says that it is under way"
        return await give_up(tx, before, f"No end after {_span(now - since)}: {where}", now=now)
    if after != before:
        after = await save(tx, before, after, None, actor=SYSTEM, now=now)
    tx.jobs.put(PollRun(company_id=after.company_id, run_id=after.id), due_at=now + pause(after, now))
    return after


async def _go_on_to_verify(tx: RunsTransaction, before: Run, after: Run, *, now: datetime) -> Run:
    took = _span(now - (before.started_at or now))
    said = Said(
        audit=AuditKind.RUN_STARTED,
        text=f"{before.label}: {_ran(after)} after {took}. Now checking whether it helped.",
        body=output(after.results),
        detail={"step": StepName.VERIFY.value, "main": _proof(after.results)},
    )
    saved = await save(tx, before, state.verify(after, now=now), said, actor=SYSTEM, now=now)
    tx.jobs.put(PollRun(company_id=saved.company_id, run_id=saved.id), due_at=now)
    return saved


def _worth_checking(run: Run) -> bool:
    """Where it ended without an error, it is seen to whether it helped; a cancelled run is over as it is."""
    ran = sum(one.status is TargetStatus.SUCCEEDED for one in run.results)
    return ran == len(run.targets) or (ran > 0 and run.cancel_requested_at is None)


def _ran(run: Run) -> str:
    bad = [one for one in run.results if one.status is not TargetStatus.SUCCEEDED]
    if not bad:
        return "ended without an error"
    good = len(run.targets) - len(bad)
    return f"ended without an error on {good} of {len(run.targets)}, {_each(bad)},"


async def _end(tx: RunsTransaction, before: Run, after: Run, *, now: datetime) -> Run:
    status, outcome = judge(after)
    ended = state.end(
        after, status, outcome=outcome, now=now, error="" if status is RunStatus.SUCCEEDED else outcome
    )
    mark = "✔" if status is RunStatus.SUCCEEDED else "✖"
    said = Said(
        audit=AuditKind.RUN_FINISHED,
        text=f"{mark} {before.label}: {outcome}",
        act=f"{mark} {before.title}: {outcome}"[:300],
        body=output(after.step_results),
        detail={"outcome": outcome, before.step.value: _proof(after.step_results)},
    )
    saved = await save(tx, before, ended, said, actor=SYSTEM, now=now)
    if (
        status in (RunStatus.SUCCEEDED, RunStatus.FAILED)
        and saved.incident_id is not None
        and not saved.looks
    ):
        look = now + LOOKS[0] if status is RunStatus.SUCCEEDED else now
        tx.jobs.put(MeasureHold(company_id=saved.company_id, run_id=saved.id), due_at=look)
        if status is RunStatus.SUCCEEDED:
            note = DraftText(company_id=saved.company_id, incident_id=saved.incident_id, use=Use.DRAFT.value)
            tx.jobs.put(note, due_at=now)
    if status is RunStatus.SUCCEEDED and not saved.looks:
        await _resolve_if_recovered(tx, saved, now=now)
    return saved


async def _resolve_if_recovered(tx: RunsTransaction, run: Run, *, now: datetime) -> None:
    """A fix that the monitoring has confirmed already ends the incident; otherwise its recovery will."""
    incident = await tx.incidents.get(run.incident_id) if run.incident_id is not None else None
    if incident is None or not incident.open or incident.recovered_at is None:
        return
    text = f"{run.title} fixed it and monitoring confirms. {run.outcome}"
    await resolve(tx, incident.id, text=text, actor=SYSTEM, now=now)


async def fail(tx: RunsTransaction, before: Run, why: str, *, now: datetime) -> Run:
    """It could not be done, and nothing was changed by it."""
    return await _stop(tx, before, RunStatus.FAILED, why, mark="✖", now=now)


async def give_up(tx: RunsTransaction, before: Run, why: str, *, now: datetime) -> Run:
    """Nobody can say what happened: a person has to look."""
    text = f"{why.rstrip('.')}. Somebody has to look at {before.target_names}."
    return await _stop(tx, before, RunStatus.UNKNOWN, text, mark="?", now=now)


async def _stop(
    tx: RunsTransaction, before: Run, status: RunStatus, why: str, *, mark: str, now: datetime
) -> Run:
    ended = state.end(before, status, outcome=why, error=why, now=now)
    said = Said(
        audit=AuditKind.RUN_FINISHED,
        text=f"{mark} {before.label}: {why}",
        act=f"{mark} {before.title}: {why}"[:300],
        detail={"outcome": why, "step": before.step.value},
    )
    return await save(tx, before, ended, said, actor=SYSTEM, now=now)


def judge(run: Run) -> tuple[RunStatus, str]:
    """The end of a run whose current step is over, and what to say about it: it succeeded when every machine is
    verified."""
    verifying = run.step is StepName.VERIFY
    results = run.outcomes
    if not results:
        return RunStatus.UNKNOWN, "The provider named no machine for it"
    checked = {one.cloud_ref for one in run.verify_results}
    bad = tuple(one for one in results if one.status is not TargetStatus.SUCCEEDED)
    good = tuple(one for one in results if one.cloud_ref in checked and one not in bad)
    if len(good) == len(run.targets):
        return RunStatus.SUCCEEDED, _found(good)
    alone = len(run.targets) == 1
    silent = [
        one for one in run.step_targets if one.cloud_ref not in {it.cloud_ref for it in run.step_results}
    ]
    if silent:
        names = ", ".join(one.asset_name for one in silent[:5])
        return RunStatus.UNKNOWN, f"The provider said nothing of {names}"
    said = _each(bad, checked) if not alone else _said(bad[0])
    counted = "" if alone or not verifying else f"{len(good)} of {len(run.targets)} verified, "
    if any(one.status is TargetStatus.CANCELLED for one in bad):
        by = run.cancel_requested_by
        end = f"Cancelled{f' by {by}' if by else ''}. What it had done by then stays done."
        return RunStatus.CANCELLED, end if by and alone else f"{end} {counted}{said}"
    if any(one.status is TargetStatus.TIMED_OUT and one.cloud_ref in checked for one in bad):
        return RunStatus.UNKNOWN, counted + (
            f"It ran, but the check did not end in time: {said}" if not counted else said
        )
    if any(one.status is TargetStatus.TIMED_OUT for one in bad):
        return RunStatus.TIMED_OUT, f"{counted}{said}" if counted else f"Did not end in time: {said}"
    if verifying and not counted:
        return RunStatus.FAILED, f"It ran, but the goal is not met: {said}"
    return RunStatus.FAILED, f"{counted}{said}"


def _found(results: tuple[TargetResult, ...]) -> str:
    lines = [(one.asset_name, last_line(one.stdout) or "verified") for one in results]
    if len(lines) == 1:
        return lines[0][1]
    shown = "; ".join(f"{name}: {line}" for name, line in lines[:5])
    return f"{len(lines)} of {len(lines)} verified. {shown}"


_HOW = {
    TargetStatus.FAILED: "failed",
    TargetStatus.TIMED_OUT: "did not end in time",
    TargetStatus.CANCELLED: "was cancelled",
}


def _each(bad: Sequence[TargetResult], checked: Collection[str] = ()) -> str:
    """`srv-03 failed: no space (exit code 1); srv-04 did not end in time: …`"""
    parts = []
    for one in bad[:3]:
        how = _HOW.get(one.status, one.status.value.replace("_", " "))
        if one.cloud_ref in checked:
            how = "ran, but its check did not end in time" if one.status is TargetStatus.TIMED_OUT else how
        parts.append(f"{one.asset_name} {how}: {_said(one)}")
    return "; ".join(parts) + (f" and {len(bad) - 3} more" if len(bad) > 3 else "")


def _said(result: TargetResult) -> str:
    words = result.detail or last_line(result.stderr) or last_line(result.stdout)
    code = result.exit_code
    exit_text = (
        f"exit code {code}" if code is not None and code >= 0 else result.status.value.replace("_", " ")
    )
    return f"{words} ({exit_text})" if words else exit_text


def last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""


def output(results: tuple[TargetResult, ...]) -> str:
    """What the machines printed, as people read it in the thread."""
    parts = []
    for one in results:
        head = [f"— {one.asset_name} —"] if len(results) > 1 else []
        err = [f"[stderr]\n{one.stderr.rstrip()}"] if one.stderr.strip() else []
        note = [f"[{text}]" for text in (one.detail, one.note) if text]
        parts.append("\n".join([*head, *([one.stdout.rstrip()] if one.stdout.strip() else []), *err, *note]))
    text = "\n".join(parts)
    return text if len(text) <= TOLD_OUTPUT else text[:TOLD_OUTPUT] + "\n… cut …"


def _proof(results: tuple[TargetResult, ...]) -> list[dict[str, object]]:
    return [
        {"target": one.cloud_ref, "status": one.status.value, "exit_code": one.exit_code} for one in results
    ]


def _span(span: timedelta) -> str:
    seconds = span.total_seconds()
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"

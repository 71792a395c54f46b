"""Deciding about a run: approve, reject, cancel, and what ends an approval by itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from engine.access import SYSTEM, Actor, Denied, Verb, may
from engine.audit import AuditKind, TimelineKind
from engine.cloud import cloud_at
from engine.company import CompanyContext
from engine.errors import NotFound, Refused
from engine.incident import Incident
from engine.jobs import CancelRun, ExpireApproval, StartRun
from runbooks import run as state
from runbooks.approvals import check_decider, check_digest, check_time, digest, still_may_ask
from runbooks.catalogue import Catalogue
from runbooks.custom import runbook_of
from runbooks.operations.record import Said, save
from runbooks.operations.request import check_rate
from runbooks.ports import RunsTransaction
from runbooks.run import Run, RunStatus
from runbooks.runbook import script_for

NOTE_LIMIT = 1000


async def find(tx: RunsTransaction, run_id: str, actor: Actor) -> Run:
    """The run, if this actor may know of it; a foreign one is as unknown as a missing one."""
    run = await tx.runs.get(run_id)
    if run is None:
        raise NotFound("There is no such run.")
    seen = may(actor, Verb.SEE, run.company_id)
    if isinstance(seen, Denied):
        raise NotFound("There is no such run.")
    return run


async def approve(
    tx: RunsTransaction,
    run_id: str,
    shown_digest: str,
    *,
    actor: Actor,
    catalogue: Catalogue,
    now: datetime,
    note: str = "",
) -> Run:
    """Agree to exactly what the card showed; it starts. Pressing twice is a silent success.

    Look at the status: it comes back void when what would run is no longer what was asked for.
    """
    before = await find(tx, run_id, actor)
    agreed = any(one.by == actor.id for one in before.approvals)
    if (agreed or _decided_by(before, actor)) and not _came_to_nothing(before):
        return before
    await _check_pending(tx, before, actor, now, verb="approve")
    why = why_changed(before, catalogue) or why_stale(before, await tx.companies.context(before.company_id))
    if why:
        return await make_void(tx, before, why, actor=actor, now=now)
    check_digest(before, shown_digest)
    after = state.approve(before, by=actor.id, name=actor.name, now=now, note=note.strip()[:NOTE_LIMIT])
    more = max(0, after.approvals_needed - len(after.approvals))
    if not more:
        await check_rate(tx, before, await tx.companies.context(before.company_id), now=now)
    waits = f" {more} more {'has' if more == 1 else 'have'} to agree." if more else ""
    count = {"approvals": len(after.approvals), "needed": after.approvals_needed}
    said = Said(
        audit=AuditKind.RUN_APPROVED,
        text=f"{actor.name} approved {before.label}, asked for by {before.requested_by_name}.{waits}",
        act=f"{before.title} approved by {actor.name}" + (f", {more} more to agree" if more else ""),
        timeline=TimelineKind.APPROVAL,
        detail={"requested_by": before.requested_by, "note": after.decision_note, **count},
    )
    saved = await save(tx, before, after, said, actor=actor, now=now)
    if more:
        return saved
    tx.jobs.put(StartRun(company_id=saved.company_id, run_id=saved.id), due_at=now)
    return saved


async def reject(tx: RunsTransaction, run_id: str, *, note: str, actor: Actor, now: datetime) -> Run:
    """Say no and why; the requester reads it in the thread."""
    before = await find(tx, run_id, actor)
    if _decided_by(before, actor) and before.status is RunStatus.REJECTED:
        return before
    await _check_pending(tx, before, actor, now, verb="reject")
    said_note = note.strip()[:NOTE_LIMIT]
    if not said_note:
        raise Refused("A rejection needs a reason.", hint="Say why not.", code="invalid")
    after = state.reject(before, by=actor.id, name=actor.name, note=said_note, now=now)
    said = Said(
        audit=AuditKind.RUN_REJECTED,
        text=f"{actor.name} rejected {before.label}, asked for by {before.requested_by_name}: {said_note}",
        act=f"{before.title} rejected by {actor.name}",
        timeline=TimelineKind.APPROVAL,
        detail={"requested_by": before.requested_by, "note": said_note},
    )
    return await save(tx, before, after, said, actor=actor, now=now)


async def cancel(tx: RunsTransaction, run_id: str, *, actor: Actor, now: datetime) -> Run:
    """Stop it: at once while nothing has been sent, otherwise by asking the executor (best effort)."""
    before = await find(tx, run_id, actor)
    incident = await tx.incidents.get(before.incident_id) if before.incident_id is not None else None
    own = actor.id is not None and actor.id == before.requested_by
    answer = may(actor, Verb.CANCEL_RUN, before.company_id, None if own else incident)
    if isinstance(answer, Denied):
        raise Refused(answer.reason, code="denied")
    if before.cancel_requested_at is not None:
        return before
    after = state.ask_to_cancel(before, name=actor.name, now=now)
    under_way = after.status.started
    said = Said(
        audit=AuditKind.RUN_CANCELLED,
        text=f"{actor.name} {'asked to cancel' if under_way else 'cancelled'} {before.label}.",
        act=f"{before.title} {'is being cancelled' if under_way else 'cancelled'} by {actor.name}",
        detail={"was": before.status.value},
    )
    saved = await save(tx, before, after, said, actor=actor, now=now)
    if under_way:
        tx.jobs.put(CancelRun(company_id=saved.company_id, run_id=saved.id), due_at=now)
    return saved


async def look(tx: RunsTransaction, run_id: str, *, actor: Actor, now: datetime) -> Run:
    """Somebody who could decide says that they look at it, so that the others need not. Twice is once."""
    before = await find(tx, run_id, actor)
    await _check_pending(tx, before, actor, now, verb="look at")
    assert actor.id is not None
    if any(one.by == actor.id for one in before.looking):
        return before
    said = Said(
        audit=AuditKind.RUN_LOOKED_AT,
        text=f"{actor.name} looks at {before.label}.",
        timeline=TimelineKind.APPROVAL,
        told=False,
    )
    after = state.look(before, by=actor.id, name=actor.name, now=now)
    return await save(tx, before, after, said, actor=actor, now=now)


async def remind(tx: RunsTransaction, run_id: str, *, now: datetime) -> Run | None:
    """Call those who could decide, once. None when it is decided, or was said already."""
    before = await tx.runs.get(run_id)
    if before is None or before.status is not RunStatus.PENDING_APPROVAL or before.reminded_at is not None:
        return None
    if before.expires_at is None or now >= before.expires_at:
        return None
    left = max(1, round((before.expires_at - now).total_seconds() / 60))
    said = Said(
        audit=AuditKind.RUN_REMINDED,
        text=f"{before.label} still waits for a decision; the request expires in {left} min.",
        timeline=TimelineKind.REMINDER,
    )
    return await save(tx, before, replace(before, reminded_at=now), said, actor=SYSTEM, now=now)


async def recheck(tx: RunsTransaction, run_id: str, *, catalogue: Catalogue, now: datetime) -> Run | None:
    """Close a waiting request at once when what it asks for has changed meanwhile, so that nobody reads in vain."""
    before = await tx.runs.get(run_id)
    if before is None or before.status is not RunStatus.PENDING_APPROVAL:
        return None
    context = await tx.companies.context(before.company_id)
    requester = await tx.users.get(before.requested_by) if before.requested_by is not None else None
    why = why_changed(before, catalogue) or why_stale(before, context)
    if why is None and before.requested_by is not None and not still_may_ask(before, requester):
        why = f"{before.requested_by_name}, who asked for it, may no longer do so"
    return await make_void(tx, before, why, actor=SYSTEM, now=now) if why else None


def why_stale(run: Run, context: CompanyContext) -> str | None:
    """Why the company and its machines are not what they were when it was asked for, or None."""
    if context.company.archived_at is not None:
        return "the company is archived"
    if cloud_at(context.company.clouds, run.executor, run.account) is None:
        return f"the company's {run.provider.label} is no longer {run.account}"
    for target in run.targets:
        asset = context.asset_called(target.asset_name)
        if asset is None or asset.cloud_ref != target.cloud_ref:
            return f"{target.asset_name} is no longer the machine it was in the inventory"
    return None


async def expire(tx: RunsTransaction, run_id: str, *, now: datetime) -> Run | None:
    """Close an approval that nobody decided in time. None when there is nothing to close (yet)."""
    before = await tx.runs.get(run_id)
    if before is None or before.status is not RunStatus.PENDING_APPROVAL:
        return None
    if before.expires_at is not None and now < before.expires_at:
        job = ExpireApproval(company_id=before.company_id, run_id=before.id)
        tx.jobs.put(job, due_at=before.expires_at)
        return None
    said = Said(
        audit=AuditKind.RUN_EXPIRED,
        text=f"Nobody decided about {before.label} in time. It was asked for by {before.requested_by_name}.",
        act=f"{before.title} expired without a decision",
        timeline=TimelineKind.APPROVAL,
    )
    return await save(tx, before, state.expire(before, now=now), said, actor=SYSTEM, now=now)


async def supersede(tx: RunsTransaction, incident: Incident, why: str, *, actor: Actor, now: datetime) -> int:
    """Close every approval of this incident that still waits, something else settled it; says how many."""
    closed = 0
    for before in await tx.runs.of_incident(incident.id):
        if before.status is not RunStatus.PENDING_APPROVAL:
            continue
        after = state.end(before, RunStatus.SUPERSEDED, outcome=f"No longer needed: {why}.", now=now)
        said = Said(
            audit=AuditKind.RUN_VOIDED,
            text=f"{before.label} is no longer needed: {why}.",
            timeline=TimelineKind.APPROVAL,
            told=False,
            detail={"why": why},
        )
        await save(tx, before, after, said, actor=actor, now=now)
        closed += 1
    return closed


def why_changed(run: Run, catalogue: Catalogue) -> str | None:
    """Why what would run is not what was asked for any more, or None."""
    if digest(run) != run.digest:
        return "its parameters, targets or script are not those that were asked for"
    try:
        runbook = runbook_of(run, catalogue)
        current = (
            script_for(runbook, run.platform, run.parameters),
            script_for(runbook, run.platform, run.parameters, verify=True),
        )
    except (Refused, KeyError):
        return "its runbook is no longer in the catalogue as it was"
    if (runbook.version, *current) != (run.runbook_version, run.script, run.verify_script):
        return f"its runbook changed (now version {runbook.version}, asked for as {run.runbook_version})"
    if runbook.risk is not run.risk:
        return f"its risk is now {runbook.risk.value}"
    return None


async def make_void(tx: RunsTransaction, before: Run, why: str, *, actor: Actor, now: datetime) -> Run:
    """What was agreed to may not start: say why, everywhere."""
    after = state.end(before, RunStatus.VOID, outcome=f"Void: {why}.", error=why, now=now)
    said = Said(
        audit=AuditKind.RUN_VOIDED,
        text=f"{before.label} was not started: {why}. Ask for it again.",
        act=f"{before.title} is void: {why}",
        timeline=TimelineKind.APPROVAL,
        detail={"why": why, "digest_now": digest(before)},
    )
    return await save(tx, before, after, said, actor=actor, now=now)


def _came_to_nothing(run: Run) -> bool:
    """Over without ever having been let go: an agreement to it stands for nothing."""
    if run.status is RunStatus.CANCELLED:
        return run.started_at is None
    return run.status in (RunStatus.REJECTED, RunStatus.EXPIRED, RunStatus.SUPERSEDED)


def _decided_by(run: Run, actor: Actor) -> bool:
    return actor.id is not None and run.decided_by == actor.id


async def _check_pending(tx: RunsTransaction, run: Run, actor: Actor, now: datetime, *, verb: str) -> None:
    people = (await tx.companies.context(run.company_id)).people
    check_decider(run, actor, people, verb_name=verb)
    if run.status is not RunStatus.PENDING_APPROVAL:
        raise state.refusal(run)
    check_time(run, now)

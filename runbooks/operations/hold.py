"""Measuring whether a fix held, writing it on its incident's card, and what a runbook may do by itself after that."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from engine.access import SYSTEM
from engine.audit import AuditKind, TimelineKind, entry
from engine.company import Autonomy, configured
from engine.incident import Incident
from engine.jobs import MeasureHold
from engine.operations.record import tell
from runbooks import holding
from runbooks.holding import Outcome, Verdict
from runbooks.operations.record import Said, save
from runbooks.policy import policy_for
from runbooks.ports import RunsTransaction
from runbooks.run import Run, RunStatus
from runbooks.runbook import Risk

_COUNTED = (RunStatus.SUCCEEDED, RunStatus.FAILED)


async def measure(tx: RunsTransaction, run_id: str, *, now: datetime) -> Run | None:
    """Look once; None when there is nothing to say yet, or it was said."""
    run = await tx.runs.get(run_id)
    if run is None or run.held or run.looks or run.status not in _COUNTED or run.incident_id is None:
        return None
    incident = await tx.incidents.get(run.incident_id)
    if incident is None:
        return None
    back_at = await tx.runs.back_at(run, incident.correlation_key) if run.finished_at else None
    if back_at is None and run.finished_at is not None:
        back_at = holding.fired_again(incident, run.finished_at)
    found = holding.judge(run, back_at=back_at, firing=incident.open and incident.firing > 0, now=now)
    if found is None:
        look = holding.next_look(run, now)
        if look is not None:
            tx.jobs.put(MeasureHold(company_id=run.company_id, run_id=run.id), due_at=look)
        return None
    verdict, after = found
    before = (await tx.runs.rates(run.company_id, incident.signature)).get(run.runbook_id, holding.NOTHING)
    tx.runs.judged(
        Outcome(
            run_id=run.id,
            company_id=run.company_id,
            runbook_id=run.runbook_id,
            signature=incident.signature,
            finished_at=run.finished_at or now,
            verdict=verdict,
            after=after,
        )
    )
    text = holding.words(verdict, after)
    said = Said(
        audit=AuditKind.RUN_MEASURED,
        text=f"{run.label} {text}.",
        told=verdict in (Verdict.CAME_BACK, Verdict.NO_EFFECT),
        detail={"verdict": verdict.value, "after_seconds": int(after.total_seconds()) if after else None},
    )
    saved = await save(tx, run, replace(run, held=text), said, actor=SYSTEM, now=now)
    if holding.bad(verdict, after):
        await _demote(tx, saved, incident, text, now=now)
    else:
        rate = holding.Rate(before.held + (verdict is Verdict.HELD), before.of + 1)
        if holding.worth_promoting(before, rate):
            await _propose(tx, saved, incident, rate, now=now)
    return saved


async def _demote(tx: RunsTransaction, run: Run, incident: Incident, why: str, *, now: datetime) -> None:
    """One bad outcome of what ran by itself: from now on it is only offered here, until an admin says otherwise."""
    company = (await tx.companies.context(run.company_id)).company
    if run.requested_by is not None or run.risk is not Risk.LOW:
        return
    if policy_for(company, run.runbook_id, run.risk).mode is not Autonomy.ACT:
        return
    rules = {
        name: f"{mode}/{count}" if count else mode
        for name, (mode, count) in company.value("runbooks").items()
    }
    agree = rules.get(run.runbook_id, "").partition("/")[2]
    rules[run.runbook_id] = Autonomy.PROPOSE.value + (f"/{agree}" if agree else "")
    await tx.companies.configure(configured(company, runbooks=dict(sorted(rules.items()))))
    text = (
        f"{run.title} does not run by itself at {company.name} any more: {incident.label} {why}. An admin may"
        f" allow it again with `aw runbook policy {company.slug} {run.runbook_id} act`."
    )
    tell(tx, incident, TimelineKind.RUN, text, actor=SYSTEM, now=now)
    tx.audit.add(
        entry(
            AuditKind.SETTING_CHANGED,
            company_id=company.id,
            actor=SYSTEM,
            subject=company.slug,
            now=now,
            setting="runbooks",
            runbook=run.runbook_id,
            after=rules[run.runbook_id],
            why=f"{run.label}: {why}",
            run=run.id,
        )
    )


async def _propose(
    tx: RunsTransaction, run: Run, incident: Incident, rate: holding.Rate, *, now: datetime
) -> None:
    """Enough evidence: an admin is asked once; nothing changes by itself."""
    company = (await tx.companies.context(run.company_id)).company
    mode = policy_for(company, run.runbook_id, run.risk).mode
    if mode is Autonomy.ACT or run.risk is not Risk.LOW:
        return
    text = (
        f"{run.title} {rate.words(company.name)} for this problem, without one failure. An admin may let it run by"
        f" itself: `aw runbook policy {company.slug} {run.runbook_id} act`."
    )
    tell(tx, incident, TimelineKind.RUN, text, actor=SYSTEM, now=now)
    tx.audit.add(
        entry(
            AuditKind.RUN_MEASURED,
            company_id=company.id,
            actor=SYSTEM,
            subject=f"runbook {run.runbook_id}",
            now=now,
            proposed="act",
            held=rate.held,
            of=rate.of,
        )
    )

"""What every change of a run writes besides itself: proof, a line of the incident's story, cards."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from engine.access import Actor
from engine.audit import AuditKind, TimelineKind, entry
from engine.incident import Incident, acted
from engine.jobs import SyncCard
from engine.operations.record import show, tell
from engine.ports import CardWanted
from runbooks.ports import RunsTransaction
from runbooks.run import Run

APPROVAL_CARD = "approval"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """How one change is told: the audit kind and detail, a line for people, the card's last action."""

    audit: AuditKind
    text: str
    act: str = ""
    body: str = ""
    told: bool = True
    timeline: TimelineKind = TimelineKind.RUN
    detail: dict[str, Any] = field(default_factory=dict)


async def save(
    tx: RunsTransaction, before: Run, after: Run, said: Said | None, *, actor: Actor, now: datetime
) -> Run:
    """Save a changed run with all that belongs to the change; `said` None: only the cards are refreshed."""
    saved = await tx.runs.save(before, after)
    await publish(tx, saved, said, actor=actor, now=now)
    return saved


async def publish(tx: RunsTransaction, run: Run, said: Said | None, *, actor: Actor, now: datetime) -> None:
    """The audit line, the timeline line and the card jobs of a run as it is now."""
    if said is not None:
        prove(tx, run, said, actor=actor, now=now)
    incident = await tx.incidents.get(run.incident_id) if run.incident_id is not None else None
    if incident is None:
        return
    if said is not None:
        tell(
            tx,
            incident,
            said.timeline,
            said.text,
            actor=actor,
            now=now,
            body=said.body,
            told=said.told,
        )
        if said.act and incident.open:
            incident = await tx.incidents.save(incident, acted(incident, what=said.act, now=now))
    await show(tx, incident, at=now, pressed=not actor.system)
    await show_approval(tx, run, incident, at=now)


def prove(tx: RunsTransaction, run: Run, said: Said, *, actor: Actor, now: datetime) -> None:
    about = {"run": run.id, "runbook": run.runbook_id, "status": run.status.value, "digest": run.digest}
    if run.incident_id is not None:
        about["incident"] = f"INC-{run.incident_id}"
    tx.audit.add(
        entry(
            said.audit,
            company_id=run.company_id,
            actor=actor,
            subject=f"run {run.id}",
            now=now,
            **about,
            **said.detail,
        )
    )


async def show_approval(tx: RunsTransaction, run: Run, incident: Incident, *, at: datetime) -> None:
    for card in await tx.cards.of_incidents([incident.id], APPROVAL_CARD):
        if card.subject == run.id:
            tx.jobs.put(SyncCard(company_id=run.company_id, card_id=card.id), due_at=at)


async def want_approval(tx: RunsTransaction, run: Run, *, now: datetime) -> None:
    """One approval card in the incident's thread on every platform of the company."""
    if run.incident_id is None:
        return
    company = (await tx.companies.context(run.company_id)).company
    channels = (("slack", company.slack_channel), ("teams", company.teams_conversation))
    for platform, channel in channels:
        if not channel:
            continue
        card = CardWanted(
            company_id=run.company_id,
            incident_id=run.incident_id,
            kind=APPROVAL_CARD,
            subject=run.id,
            platform=platform,
            channel=channel,
            in_thread=True,
        )
        tx.cards.want(card)
        tx.jobs.put(SyncCard(company_id=run.company_id, card_id=card.id), due_at=now)

"""What a model's opinion may change: an incident that nobody has taken yet, whose severity was guessed, may count as
worse. Nothing else follows from an opinion."""

from __future__ import annotations

from datetime import datetime

from engine.changing import changed
from engine.classification import unsure
from engine.operations.open_incidents import Work
from engine.operations.settle import save
from engine.opinion import Opinion, may_raise
from engine.ports import Transaction


async def weigh(tx: Transaction, incident_id: int, opinion: Opinion, *, now: datetime) -> bool:
    """Raise the severity where this opinion is sure enough; was it raised?"""
    incident = await tx.incidents.get(incident_id)
    if incident is None or not incident.open or incident.touched or not unsure(incident.opened_reason):
        return False
    severity = may_raise(opinion, incident.severity)
    if severity is None:
        return False
    work = Work(before=incident, after=changed(incident, severity=severity), louder=f"by 🤖 {opinion.by}")
    context = await tx.companies.context(incident.company_id)
    await save(tx, [work], {incident.company_id: context}, now)
    return True

"""The job that asks about an incident, after its card has been posted: nothing waits for it, and it may come to
nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bot.ai.brief import Brief, Case, brief
from bot.ai.desk import Desk, Outcome
from bot.core import Core
from engine.jobs import AnalyseIncident
from engine.operations.opine import weigh
from engine.operations.record import show
from engine.opinion import Use
from runbooks.runbook import platform_of
from storage.transaction import Transaction

MOST_TRIES = 3
FIRST_PAUSE = timedelta(seconds=20)
"""Before the second try; four times as long before each further one."""


def wanted(tx: Transaction, company_id: int, incident_id: int, *, now: datetime) -> None:
    """Have it asked about."""
    tx.jobs.put(AnalyseIncident(company_id=company_id, incident_id=incident_id), due_at=now)


async def analyse(core: Core, desk: Desk, job: AnalyseIncident) -> None:
    """Ask, and keep what can be believed. What nobody answers is asked again a few times and then left."""
    if not desk.on:
        return
    found = await core.read(lambda tx: _brief(tx, core, job))
    if found is None:
        return
    outcomes = await desk.ask_all(found.questions) if desk.free else []
    await core.write(lambda tx: _keep(tx, core, job, outcomes))


async def _brief(tx: Transaction, core: Core, job: AnalyseIncident) -> Brief | None:
    """None where nothing is to be asked: it is over, known already, switched off, or the day's tokens are used up."""
    now = core.clock.now()
    incident = await tx.incidents.get(job.incident_id)
    if incident is None or incident.company_id != job.company_id or not incident.open or incident.test:
        return None
    context = await tx.companies.context(incident.company_id)
    company, asset = context.company, context.asset_called(incident.asset_name)
    if company.value("ai") != "on" or await tx.opinions.of(company.id, incident.id):
        return None
    platform = platform_of(asset.platform) if asset is not None else None
    case = Case(
        incident=incident,
        company=company,
        asset=asset,
        alerts=await tx.alerts.of_incident(incident.id),
        before=await tx.incidents.times_before(company.id, incident.correlation_key, incident.id),
        fits=[
            one.runbook.id for one in core.catalogue.matching(incident.category, incident.signature, platform)
        ],
    )
    made = brief(case, core.catalogue, await tx.companies.all(archived=True))
    used = await tx.opinions.tokens(company.id, now.astimezone(UTC).date())
    return made if used + made.tokens <= company.value("ai_tokens") else None


async def _keep(tx: Transaction, core: Core, job: AnalyseIncident, outcomes: list[Outcome]) -> None:
    now = core.clock.now()
    spent = [one for outcome in outcomes for one in outcome.spent]
    await tx.opinions.spend(job.company_id, now.astimezone(UTC).date(), spent)
    opinions = [one.opinion for one in outcomes if one.opinion is not None and not one.by_rules]
    if not opinions:
        if job.tries + 1 < MOST_TRIES:
            again = AnalyseIncident(
                company_id=job.company_id, incident_id=job.incident_id, tries=job.tries + 1
            )
            tx.jobs.put(again, due_at=now + FIRST_PAUSE * 4**job.tries)
        return
    incident = await tx.incidents.get(job.incident_id)
    if incident is None or incident.company_id != job.company_id:
        return
    for opinion in opinions:
        await tx.opinions.put(job.company_id, job.incident_id, opinion, now=now)
        if opinion.use is Use.CLASSIFY:
            await weigh(tx, job.incident_id, opinion, now=now)
    await show(tx, incident, at=now)

"""What happened before the demo began: some days on which one check came and went, through the engine itself, and a
repair that somebody agreed to."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from bot.core import Core
from bot.demo.presets import PAST, recovery_of
from engine.access import Actor, Via
from engine.company import Company, User
from engine.incident import Incident, IncidentStatus
from engine.operations.ingest import Delivery, ingest
from integrations.sources import generic
from runbooks.operations import request
from runbooks.run import Approval, RunStatus, StepName, TargetResult, TargetStatus
from storage.transaction import Transaction

DAYS_AGO = (7, 6, 5, 3, 2, 1)
"""One day was left out."""
AHEAD = timedelta(minutes=1)
"""The evening says it again so long after the start."""
_LATE = (-2, 3, 0, 4, -3, 1)
_LASTED = (11, 12, 9, 13, 12, 10)
"""Minutes, day by day: no job begins on the second, or takes as long as ever."""


REPAIRED = timedelta(days=6, hours=3)
"""How long ago nginx was made to read its configuration again, and helped."""


async def live_through(core: Core, company: Company, now: datetime) -> None:
    """Send the company's past in, each alert at its own time."""

    async def say(alert: dict[str, Any], at: datetime) -> None:
        one = Delivery(company_id=company.id, alerts=tuple(generic.parse([alert], {})))
        await core.write(lambda tx: ingest(tx, [one], at))

    for ago, late, lasted in zip(DAYS_AGO, _LATE, _LASTED, strict=True):
        begins = now + AHEAD - timedelta(days=ago) + timedelta(minutes=late)
        await say(PAST[company.slug], begins)
        await say(recovery_of(PAST[company.slug]), begins + timedelta(minutes=lasted))


async def repaired(core: Core, company: Company, incident: Incident, *, asker: User, approver: User) -> None:
    """A run of last week as it is kept: planned by the product, agreed to, verified."""
    at = core.clock.now() - REPAIRED
    then = replace(incident, status=IncidentStatus.NEW)
    asking = Actor(user=asker, via=Via.SLACK)

    async def write(tx: Transaction) -> None:
        run = request.plan(
            then,
            core.catalogue.get("restart-nginx"),
            {"mode": "reload"},
            ["globex-app-01"],
            context=await tx.companies.context(company.id),
            actor=asking,
            now=at,
            reason="a new certificate",
        )
        (target,) = run.targets
        done = TargetResult(
            cloud_ref=target.cloud_ref,
            asset_name=target.asset_name,
            status=TargetStatus.SUCCEEDED,
            exit_code=0,
            stdout="nginx is active and listens on port 80.",
        )
        agreed = at + timedelta(minutes=4)
        tx.runs.add(
            replace(
                run,
                incident_id=None,
                status=RunStatus.SUCCEEDED,
                step=StepName.VERIFY,
                decided_by=approver.id,
                decided_by_name=approver.name,
                decided_at=agreed,
                approvals=(Approval(by=approver.id, name=approver.name, at=agreed),),
                started_at=agreed,
                finished_at=agreed + timedelta(seconds=9),
                results=(done,),
                verify_results=(done,),
                outcome=done.stdout,
            )
        )

    await core.write(write)

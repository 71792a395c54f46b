"""How far a runbook may go at a company: by itself, with how many people's agreement, where and how often."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from engine import hours
from engine.company import Autonomy, Company, CompanyContext
from engine.errors import Refused
from engine.incident import Incident
from engine.suppression import QuietKind, hush
from runbooks.run import Run
from runbooks.runbook import Risk, Runbook

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What holds for one runbook at one company. `approvals` people have to agree; 0: nobody is asked.

    `own` says that the mode was set for this runbook itself, not only for the company."""

    mode: Autonomy
    approvals: int
    own: bool
    hours: str
    most_targets: int
    runs_per_hour: int


def policy_of(company: Company, runbook: Runbook) -> Policy:
    return policy_for(company, runbook.id, runbook.risk)


def policy_for(company: Company, runbook_id: str, risk: Risk) -> Policy:
    """The runbook's own rule where there is one, else the company's."""
    mode, count = company.value("runbooks").get(runbook_id, (company.autonomy.value, None))
    usual = 0 if risk is Risk.LOW else 1
    return Policy(
        mode=Autonomy(mode),
        approvals=max(usual, count or 0),
        own=runbook_id in company.value("runbooks"),
        hours=company.value("run_hours"),
        most_targets=company.value("run_targets"),
        runs_per_hour=company.value("runs_per_hour"),
    )


def why_not_by_itself(
    policy: Policy, risk: Risk, incident: Incident, context: CompanyContext, now: datetime
) -> str | None:
    """Why the system may not ask for this by itself now, in words for the incident's story; None when it may."""
    company = context.company
    if risk is Risk.HIGH:
        return "high risk is never asked for by itself"
    if policy.mode is not Autonomy.ACT:
        return f"{company.name} lets it {policy.mode.value} only"
    if policy.approvals > 0:
        return None  # asking is harmless at any hour: a person decides
    held = hush(incident, context, now)
    if held is not None and held.rule is not None and held.rule.kind is QuietKind.MAINTENANCE:
        return f"{held.rule.label} is on ({held.rule.reason[:80]}), so people are at work there"
    open_hours = hours.read(policy.hours)
    if open_hours is not None and not open_hours.open_at(now):
        return f"it is outside the hours in which runbooks may run by themselves ({open_hours.text})"
    return None


def check_size(policy: Policy, company: Company, count: int) -> None:
    """Raises Refused when a run would touch more machines than the company allows at once."""
    if count > policy.most_targets:
        raise Refused(
            f"{count} machines are more than {company.name} allows in one run ({policy.most_targets}).",
            hint="Split it, or let an admin raise `run_targets`.",
            code="too_many_targets",
        )


def check_rate(run: Run, most: int, started: int, oldest: datetime | None) -> None:
    """`started` runs of the company began within the last hour, the first of them at `oldest`. Raises Refused."""
    if started >= most:
        free = f" The next may start at {oldest + HOUR:%H:%M} UTC." if oldest else ""
        raise Refused(
            f"{run.label} did not start: {started} runs began here within the last hour, and {most} may.{free}",
            hint="Wait, or let an admin raise `runs_per_hour`.",
            code="too_many_runs",
        )

"""Breaking the glass: when a run may start though nobody agreed, because nobody who could agree can be reached."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from engine.alert import Severity
from engine.company import Company, CompanyContext, User
from engine.errors import Refused
from engine.incident import Incident
from runbooks.approvals import REMIND, TTL, deciders, needed
from runbooks.custom import CUSTOM
from runbooks.run import Run, RunStatus
from runbooks.runbook import Risk

SHORTEST_REASON = 20
UNANSWERED = TTL - REMIND
"""After this long those who could decide were called once more; who has not answered then is not there."""
STILL_LOOKS = REMIND
"""Whoever said that they look at it is there for this long."""
STILL_SAID = timedelta(hours=24)
"""How long somebody's no to this runbook in this incident is an answer."""
STILL_ASKED = timedelta(hours=1)
"""How long a request that expired without any answer shows that nobody is there."""
AGAIN = timedelta(hours=24)
"""How often those who have to sign are reminded."""


def registered(company: Company, run: Run) -> bool:
    """Is this runbook one of those that may be started so at this company?"""
    return run.runbook_id != CUSTOM and run.runbook_id in company.value("break_glass")


def reachable(run: Run, context: CompanyContext, now: datetime) -> tuple[User, ...]:
    """Who could decide about it and would see that they are asked: linked to a chat, at work, not on leave; and where a
    plan says who is on call now, those of its people whose turn it is."""
    off_duty = context.off_duty(now)
    return tuple(
        user
        for user in deciders(run, context.people)
        if (user.slack_user or user.teams_user)
        and user.available
        and not user.on_leave(now)
        and user.id not in off_duty
    )


def why_not(
    run: Run,
    *,
    context: CompanyContext,
    incident: Incident | None,
    earlier: Sequence[Run],
    now: datetime,
) -> str | None:
    """Why this waiting run may not start without an approval, in words; None when it may. `earlier` are the other runs
    of its incident."""
    if not registered(context.company, run):
        return f"{run.title} is not registered for it at {context.company.name}"
    if run.risk is Risk.LOW or needed(run) is None:
        return "it needs nobody's approval"
    if incident is None or not incident.open or incident.severity is not Severity.CRITICAL:
        return "that is for open critical incidents only"
    answer = _answered(run, earlier, now)
    if answer:
        return answer
    there = reachable(run, context, now)
    if there and not unanswered(run, earlier, now):
        names = ", ".join(user.name for user in there[:4])
        at = run.requested_at + UNANSWERED
        return f"{names} can be reached; if nobody has answered, it is possible from {at:%H:%M} UTC on"
    return None


def _answered(run: Run, earlier: Sequence[Run], now: datetime) -> str | None:
    """Somebody who could decide has done something about it: so they are there."""
    if run.approvals:
        return f"{run.approvals[-1].name} agreed, so approvers can be reached"
    looks = [one for one in run.looking if now - one.at < STILL_LOOKS]
    if looks:
        return f"{looks[-1].name} looks at it"
    for one in _same(run, earlier):
        said = one.decided_at is not None and now - one.decided_at < STILL_SAID
        if one.status is RunStatus.REJECTED and said:
            return f"{one.decided_by_name} said no to it"
    return None


def unanswered(run: Run, earlier: Sequence[Run], now: datetime) -> bool:
    """Everybody who could decide was asked and called once more, and nobody did anything about it."""
    if now - run.requested_at >= UNANSWERED:
        return True
    return any(
        one.status is RunStatus.EXPIRED
        and not one.approvals
        and not one.looking
        and one.finished_at is not None
        and now - one.finished_at < STILL_ASKED
        for one in _same(run, earlier)
    )


def _same(run: Run, earlier: Sequence[Run]) -> list[Run]:
    return [one for one in earlier if one.runbook_id == run.runbook_id and one.id != run.id]


def check_reason(reason: str) -> str:
    """The reason as it is kept. Raises Refused when it is too short to be one."""
    said = " ".join(reason.split())
    if len(said) < SHORTEST_REASON:
        raise Refused(
            f"A reason of at least {SHORTEST_REASON} characters is needed.",
            hint="Say what is at stake and whom you tried to reach.",
            code="invalid",
        )
    return said

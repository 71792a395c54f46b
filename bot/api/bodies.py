"""What the REST interface gives, as models: the answers, the OpenAPI document and `--json` come from here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from engine.alert import AlertStatus, Severity, StoredAlert
from engine.audit import TimelineEntry
from engine.company import Autonomy, Company, User
from engine.incident import Incident, IncidentStatus
from engine.priority import priority
from engine.sla import ClockKind, ClockState, SlaClock
from runbooks.run import Run, RunStatus, TargetResult, TargetStatus
from runbooks.runbook import Risk


class Body(BaseModel):
    model_config = ConfigDict(frozen=True)


class PersonBody(Body):
    id: int
    name: str
    email: str


class SlaBody(Body):
    """One promise: when it is due, and how it stands."""

    kind: ClockKind
    state: ClockState
    due_at: datetime
    met_at: datetime | None
    breached_at: datetime | None


class TermBody(Body):
    name: str
    points: int


class PriorityBody(Body):
    """`score` is the sum of its terms."""

    score: int
    terms: list[TermBody]


class IncidentBody(Body):
    """`id` is as people say it, `INC-42`; `count` is every alert, `firing` those unresolved."""

    id: str
    company: str
    title: str
    asset: str
    severity: Severity
    status: IncidentStatus
    category: str
    opened_at: datetime
    last_alert_at: datetime
    count: int
    firing: int
    reopened: int
    tools: list[str]
    assignee: PersonBody | None
    claimed_at: datetime | None
    recovered_at: datetime | None
    resolved_at: datetime | None
    resolved_by: str
    resolution: str
    correlation_key: str
    priority: PriorityBody
    sla: list[SlaBody]
    snoozed_until: datetime | None
    waiting_since: datetime | None
    waiting_for: str
    last_action: str
    held: int
    merged_into: str | None
    related: list[str]
    cause: str
    cause_confidence: float | None
    flapping: str | None
    rhythm: str
    unlike: str
    revision: int


class JoinedBody(Body):
    """A further problem that an incident holds, why, and the name by which it can be split out again."""

    part: str
    asset: str
    signature: str
    reason: str
    at: datetime
    came_from: str | None


class AlertBody(Body):
    """`asset_name` and `title` are the sender's words; `asset`, `signature` and `severity` are normalised. `held_by` is
    the silence or window that kept it back."""

    alert_id: str
    company: str
    incident_id: str | None
    asset_name: str
    asset: str
    title: str
    signature: str
    severity: Severity
    status: AlertStatus
    message: str
    tool_source: str
    dedup_key: str | None
    correlation_key: str
    labels: dict[str, str]
    link: str | None
    held_by: int | None
    count: int
    first_at: datetime
    last_at: datetime
    occurred_at: datetime | None


class StoryBody(Body):
    """One line of an incident's story; `body` is long output."""

    at: datetime
    kind: str
    actor: str
    text: str
    body: str


class RunSummary(Body):
    run_id: str
    runbook: str
    title: str
    risk: Risk
    status: RunStatus
    requested_by: str
    requested_at: datetime
    outcome: str


class IncidentDetail(IncidentBody):
    """One incident with all that belongs to it. A client viewer gets it without story, runs and inner reasons."""

    opened_reason: str
    assigned_reason: str
    joined: list[JoinedBody]
    alerts: list[AlertBody]
    story: list[StoryBody]
    runs: list[RunSummary]


class IncidentList(Body):
    """Newest first."""

    incidents: list[IncidentBody]


class CompanyBody(Body):
    """`open` counts the open incidents by severity."""

    slug: str
    name: str
    timezone: str
    autonomy: Autonomy
    window_minutes: int
    reopen_window_minutes: int
    slack_channel: str | None
    teams_conversation: str | None
    cloud: str | None
    clouds: list[str]
    open: dict[str, int]


class CompanyList(Body):
    companies: list[CompanyBody]


class TargetBody(Body):
    asset: str
    cloud_ref: str
    platform: str
    region: str


class ResultBody(Body):
    """What one step did on one machine."""

    asset: str
    cloud_ref: str
    status: TargetStatus
    exit_code: int | None
    stdout: str
    stderr: str
    detail: str
    note: str


class RunBody(RunSummary):
    """One execution of a runbook. `digest` is what an approval is bound to: everything that would happen."""

    company: str
    incident_id: str | None
    runbook_version: int
    parameters: dict[str, str]
    targets: list[TargetBody]
    cloud_provider: str
    cloud_account: str
    script: str
    verify_script: str
    digest: str
    reason: str
    expires_at: datetime | None
    decided_by: str
    decided_at: datetime | None
    decision_note: str
    started_at: datetime | None
    finished_at: datetime | None
    cancel_requested_at: datetime | None
    waiting: str
    error: str
    results: list[ResultBody]
    verify_results: list[ResultBody]


class RunAccepted(Body):
    """`approved` starts by itself; `pending_approval` waits for one of `deciders` until `expires_at`."""

    run_id: str
    status: RunStatus
    risk: Risk
    digest: str
    expires_at: datetime | None
    deciders: list[PersonBody]


def person_body(user: User | None) -> PersonBody | None:
    return PersonBody(id=user.id, name=user.name, email=user.email) if user else None


def incident_body(
    incident: Incident,
    *,
    company: str,
    people: Mapping[int, User],
    clocks: Sequence[SlaClock],
    now: datetime,
) -> IncidentBody:
    rank, course = priority(incident, now), incident.course
    flaps = course.flaps
    assignee = people.get(incident.assignee_id) if incident.assignee_id is not None else None
    return IncidentBody(
        id=incident.label,
        company=company,
        asset=incident.asset_name,
        tools=list(incident.tools),
        assignee=person_body(assignee),
        priority=PriorityBody(
            score=rank.score, terms=[TermBody(name=name, points=points) for name, points in rank.terms]
        ),
        sla=[
            SlaBody(
                kind=clock.kind,
                state=clock.state(now),
                due_at=clock.due_at,
                met_at=clock.met_at,
                breached_at=clock.breached_at,
            )
            for clock in clocks
        ],
        merged_into=f"INC-{incident.merged_into}" if incident.merged_into is not None else None,
        related=[f"INC-{one}" for one in incident.related],
        cause_confidence=incident.confidence / 100 if incident.cause and incident.confidence else None,
        flapping=flaps.text if flaps is not None else None,
        rhythm=course.rhythm,
        unlike=course.unlike,
        **{name: getattr(incident, name) for name in _SAME_IN_INCIDENT},
    )


_SAME_IN_INCIDENT = (
    *("title", "severity", "status", "category", "opened_at", "last_alert_at", "count", "firing", "reopened"),
    *("claimed_at", "recovered_at", "resolved_at", "resolved_by", "resolution", "correlation_key", "held"),
    *("snoozed_until", "waiting_since", "waiting_for", "last_action", "cause", "revision"),
)


def alert_body(alert: StoredAlert, *, company: str) -> AlertBody:
    return AlertBody(
        alert_id=alert.id,
        company=company,
        incident_id=f"INC-{alert.incident_id}" if alert.incident_id is not None else None,
        tool_source=alert.tool,
        labels=dict(alert.labels),
        **{name: getattr(alert, name) for name in _SAME_IN_ALERT},
    )


_SAME_IN_ALERT = (
    *("asset_name", "asset", "title", "signature", "severity", "status", "message"),
    *("dedup_key", "correlation_key", "link", "held_by", "count", "first_at", "last_at", "occurred_at"),
)


def story_body(entry: TimelineEntry) -> StoryBody:
    return StoryBody(at=entry.at, kind=entry.kind.value, actor=entry.actor, text=entry.text, body=entry.body)


def company_body(company: Company, *, counts: Mapping[str, int]) -> CompanyBody:
    return CompanyBody(
        slug=company.slug,
        name=company.name,
        timezone=company.timezone,
        autonomy=company.autonomy,
        window_minutes=int(company.window.total_seconds() // 60),
        reopen_window_minutes=int(company.reopen_window.total_seconds() // 60),
        slack_channel=company.slack_channel,
        teams_conversation=company.teams_conversation,
        cloud=company.clouds[0].provider if company.clouds else None,
        clouds=[cloud.provider for cloud in company.clouds],
        open=dict(counts),
    )


def _summary(run: Run) -> dict[str, Any]:
    return {
        "run_id": run.id,
        "runbook": run.runbook_id,
        "title": run.title,
        "risk": run.risk,
        "status": run.status,
        "requested_by": run.requested_by_name,
        "requested_at": run.requested_at,
        "outcome": run.outcome,
    }


def run_summary(run: Run) -> RunSummary:
    return RunSummary(**_summary(run))


def run_body(run: Run, *, company: str) -> RunBody:
    return RunBody(
        **_summary(run),
        company=company,
        incident_id=f"INC-{run.incident_id}" if run.incident_id is not None else None,
        parameters=dict(run.parameters),
        targets=[
            TargetBody(
                asset=one.asset_name, cloud_ref=one.cloud_ref, platform=one.platform.value, region=one.region
            )
            for one in run.targets
        ],
        cloud_provider=run.provider.value,
        cloud_account=run.account,
        decided_by=run.decided_by_name,
        results=[_result(one) for one in run.results],
        verify_results=[_result(one) for one in run.verify_results],
        **{name: getattr(run, name) for name in _SAME_IN_RUN},
    )


_SAME_IN_RUN = (
    *("runbook_version", "script", "verify_script", "digest", "reason", "expires_at", "decided_at"),
    *("decision_note", "started_at", "finished_at", "cancel_requested_at", "waiting", "error"),
)


def _result(result: TargetResult) -> ResultBody:
    return ResultBody(
        asset=result.asset_name,
        cloud_ref=result.cloud_ref,
        status=result.status,
        exit_code=result.exit_code,
        stdout=result.stdout,
        stderr=result.stderr,
        note=result.note,
        detail=result.detail,
    )

"""An incident, what people work on, and its state machine: every transition returns a new one or refuses.

new → assigned → in_progress → resolved → closed, and back from resolved or closed by reopening.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from engine.alert import Severity, normal_signature, worst
from engine.changing import changed
from engine.errors import Refused
from engine.track import Track


class IncidentStatus(StrEnum):
    NEW = "new"
    ASSIGNED = "assigned"
    IN_PROGRESS = "in_progress"
    RESOLVED = "resolved"
    CLOSED = "closed"


TEST_TOOL, TEST_SIGNATURE = "alert-whisperer", "Test alert"
"""Who says a test alert, and what it says is wrong."""
OPEN_STATUSES = (IncidentStatus.NEW, IncidentStatus.ASSIGNED, IncidentStatus.IN_PROGRESS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """`count` is every alert sent, `firing` how many distinct alerts are still unresolved, `held` how many further
    problems it holds beside its own. `cause` is the asset it probably began with, in words, where that is believed.
    `track` is what its key has been doing, packed: see `engine.track`.

    `revision` grows by one at every save and is the compare-and-set of all writers.
    """

    id: int
    company_id: int
    correlation_key: str
    title: str
    asset: str
    asset_name: str
    signature: str
    category: str
    severity: Severity
    status: IncidentStatus
    opened_at: datetime
    last_alert_at: datetime
    opened_reason: str
    count: int = 1
    firing: int = 1
    tools: tuple[str, ...] = ()
    critical_asset: bool = False
    assignee_id: int | None = None
    assigned_reason: str = ""
    claimed_at: datetime | None = None
    recovered_at: datetime | None = None
    resolved_at: datetime | None = None
    resolved_by: str = ""
    resolution: str = ""
    closed_at: datetime | None = None
    reopened: int = 0
    last_action: str = ""
    last_action_at: datetime | None = None
    snoozed_until: datetime | None = None
    snoozed_by: str | None = None
    waiting_since: datetime | None = None
    """Since when the client is waited for, and `waiting_for` what: its clocks stand still."""
    waiting_for: str = ""
    held: int = 0
    merged_into: int | None = None
    related: tuple[int, ...] = ()
    cause: str = ""
    confidence: int = 0
    """How much of the belief `cause` holds, in hundredths."""
    asked_at: datetime | None = None
    """When people were asked whether it is over, because monitoring said nothing of it any more."""
    track: str = ""
    risk: int = 0
    """How its promises stood when they were looked at last: 0 good, 1 about to break, 2 broken."""
    revision: int = 0

    @property
    def label(self) -> str:
        return f"INC-{self.id}"

    @property
    def open(self) -> bool:
        return self.status in OPEN_STATUSES

    @property
    def test(self) -> bool:
        """Made by a test of the way alerts take: it makes no promise and calls nobody."""
        return self.tools == (TEST_TOOL,) and self.signature == normal_signature(TEST_SIGNATURE)

    @property
    def course(self) -> Track:
        """What its key has been doing: flapping, and in which rounds."""
        if self.track:
            return Track.unpack(self.track)
        return Track.first(self.opened_at.timestamp(), self.severity)

    @property
    def touched(self) -> bool:
        """A person has taken it: monitoring alone no longer closes it."""
        return self.claimed_at is not None


def attach(
    incident: Incident, *, severity: Severity, tool: str, times: int, newly_firing: bool, now: datetime
) -> Incident:
    """Another alert of the same problem: counted, and the worst severity stays."""
    return changed(
        incident,
        count=incident.count + times,
        firing=incident.firing + int(newly_firing),
        severity=worst(incident.severity, severity),
        tools=incident.tools if tool in incident.tools else (*incident.tools, tool),
        last_alert_at=max(incident.last_alert_at, now),
        recovered_at=None,
    )


def recover(incident: Incident, *, ended: int, now: datetime, flapping: bool = False) -> Incident:
    """`ended` of its alerts stopped firing. With none left it has recovered; untouched, that resolves it, unless it
    is flapping: then it is over when it has been quiet."""
    firing = max(0, incident.firing - ended)
    if firing:
        return replace(incident, firing=firing)
    recovered = replace(incident, firing=0, recovered_at=incident.recovered_at or now)
    if incident.touched or flapping or not incident.open:
        return recovered
    return resolve(recovered, by="monitoring", note="Monitoring reports recovery.", now=now)


def assign(incident: Incident, *, user_id: int, reason: str) -> Incident:
    _must_be_open(incident)
    status = IncidentStatus.ASSIGNED if incident.status is IncidentStatus.NEW else incident.status
    return replace(incident, assignee_id=user_id, assigned_reason=reason, status=status)


def reassign(incident: Incident, *, user_id: int, reason: str) -> Incident:
    """Hand it to somebody else, who has not said anything yet: back to assigned, in nobody's hands."""
    _must_be_open(incident)
    return replace(
        incident,
        assignee_id=user_id,
        assigned_reason=reason,
        status=IncidentStatus.ASSIGNED,
        claimed_at=None,
    )


def claim(incident: Incident, *, user_id: int, now: datetime) -> Incident:
    _must_be_open(incident)
    return replace(
        incident,
        assignee_id=user_id,
        status=IncidentStatus.IN_PROGRESS,
        claimed_at=now,
        assigned_reason="claimed",
    )


def unclaim(incident: Incident) -> Incident:
    _must_be_open(incident)
    return replace(incident, assignee_id=None, assigned_reason="", status=IncidentStatus.NEW, claimed_at=None)


def resolve(incident: Incident, *, by: str, note: str, now: datetime) -> Incident:
    _must_be_open(incident)
    return replace(
        incident,
        status=IncidentStatus.RESOLVED,
        resolved_at=now,
        resolved_by=by,
        resolution=note,
        firing=0,
        snoozed_until=None,
        snoozed_by=None,
        waiting_since=None,
        waiting_for="",
    )


def wait(incident: Incident, *, reason: str, now: datetime) -> Incident:
    """The client has to do or say something first."""
    _must_be_open(incident)
    return replace(incident, waiting_since=incident.waiting_since or now, waiting_for=reason)


def waited(incident: Incident) -> Incident:
    return replace(incident, waiting_since=None, waiting_for="")


def snooze(incident: Incident, *, until: datetime, by: str) -> Incident:
    """Nobody is reminded of it for a time; its clocks run on."""
    _must_be_open(incident)
    return replace(incident, snoozed_until=until, snoozed_by=by)


def wake(incident: Incident) -> Incident:
    return replace(incident, snoozed_until=None, snoozed_by=None)


def reopen(incident: Incident, *, now: datetime) -> Incident:
    """Back to work under the same number; it keeps its owner."""
    if incident.open:
        raise Refused(f"{incident.label} is open already.", code="stale")
    status = IncidentStatus.NEW
    if incident.assignee_id is not None:
        status = IncidentStatus.IN_PROGRESS if incident.claimed_at else IncidentStatus.ASSIGNED
    return replace(
        incident,
        status=status,
        resolved_at=None,
        resolved_by="",
        resolution="",
        closed_at=None,
        recovered_at=None,
        reopened=incident.reopened + 1,
        last_alert_at=max(incident.last_alert_at, now),
    )


def acted(incident: Incident, *, what: str, now: datetime) -> Incident:
    """The card's last line: what happened last, and by whom."""
    return replace(incident, last_action=what, last_action_at=now)


def duration(incident: Incident) -> timedelta | None:
    return incident.resolved_at - incident.opened_at if incident.resolved_at else None


def _must_be_open(incident: Incident) -> None:
    if incident.open:
        return
    by = f" by {incident.resolved_by}" if incident.resolved_by else ""
    raise Refused(
        f"{incident.label} was already resolved{by}.",
        hint="Reopen it first if it is not fixed.",
        code="stale",
    )

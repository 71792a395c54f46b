"""A transaction in memory, and a small company, for the operations of runbooks."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from engine.access import Actor, Via
from engine.alert import Severity, StoredAlert
from engine.audit import AuditEntry, AuditKind, TimelineEntry
from engine.cloud import Cloud
from engine.company import Asset, Autonomy, Company, CompanyContext, Role, User
from engine.errors import Conflict
from engine.incident import Incident, IncidentStatus
from engine.jobs import Job
from engine.notice import Transport
from engine.ports import CardWanted
from engine.sla import SlaClock
from runbooks.run import Run, RunStatus

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ACCOUNT = "222222222222"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/AlertWhisperer"
CLOUD = Cloud(role_arn=ROLE, external_id="acme-1234", region="eu-central-1")

KIM = User(id=1, name="Kim", email="kim@msp.example", role=Role.TECHNICIAN, companies=frozenset({7}))
LEE = User(id=2, name="Lee", email="lee@acme.example", role=Role.COMPANY_ADMIN, companies=frozenset({7}))
MAX = User(id=3, name="Max", email="max@msp.example", role=Role.MSP_ADMIN)
ANA = User(id=4, name="Ana", email="ana@msp.example", role=Role.MSP_ADMIN)
VIC = User(id=5, name="Vic", email="vic@acme.example", role=Role.CLIENT_VIEWER, companies=frozenset({7}))
OUT = User(id=6, name="Out", email="out@msp.example", role=Role.COMPANY_ADMIN, companies=frozenset({8}))
PEOPLE = (KIM, LEE, MAX, ANA, VIC, OUT)

WEB = Asset(
    id=1,
    company_id=7,
    name="acme-web-01",
    platform="Ubuntu 24.04",
    cloud_ref="i-0a11",
    labels={"service": "nginx"},
)
DB = Asset(
    id=2, company_id=7, name="acme-db-01", platform="linux", cloud_ref="i-0b22", labels={"service": "mysql"}
)
WIN = Asset(id=3, company_id=7, name="acme-win-01", platform="Windows Server 2022", cloud_ref="i-0c33")
BARE = Asset(id=4, company_id=7, name="acme-nas", platform="")
ASSETS = (WEB, DB, WIN, BARE)

ACME = Company(
    id=7, slug="acme", name="Acme Corp", slack_channel="C0ACME", clouds=(CLOUD,), autonomy=Autonomy.ACT
)
DISK = Incident(
    id=42,
    company_id=7,
    correlation_key="acme-web-01|disk full",
    title="Disk full on acme-web-01",
    asset="acme-web-01",
    asset_name="acme-web-01",
    signature="disk full",
    category="disk",
    severity=Severity.HIGH,
    status=IncidentStatus.NEW,
    opened_at=NOW,
    last_alert_at=NOW,
    opened_reason="new",
)


def acting(user: User) -> Actor:
    return Actor(user=user, via=Via.SLACK)


@dataclass
class _Companies:
    found: dict[int, CompanyContext]

    async def context(self, company_id: int) -> CompanyContext:
        return self.found[company_id]


@dataclass
class _Users:
    found: dict[int, User]

    async def get(self, user_id: int) -> User | None:
        return self.found.get(user_id)


@dataclass
class _Incidents:
    found: dict[int, Incident]

    async def get(self, incident_id: int) -> Incident | None:
        return self.found.get(incident_id)

    async def save(self, before: Incident, after: Incident) -> Incident:
        if self.found[before.id].revision != before.revision:
            raise Conflict
        self.found[before.id] = replace(after, revision=before.revision + 1)
        return self.found[before.id]


@dataclass
class _Runs:
    found: dict[str, Run] = field(default_factory=dict)

    async def get(self, run_id: str) -> Run | None:
        return self.found.get(run_id)

    def add(self, run: Run) -> None:
        self.found[run.id] = run

    async def save(self, before: Run, after: Run) -> Run:
        if self.found[before.id].revision != before.revision:
            raise Conflict
        self.found[before.id] = replace(after, revision=before.revision + 1)
        return self.found[before.id]

    async def of_incident(self, incident_id: int) -> Sequence[Run]:
        return [run for run in reversed(self.found.values()) if run.incident_id == incident_id]

    async def take_turn(self, company_id: int, *, since: datetime) -> tuple[int, datetime | None]:
        let_go = [
            run.decided_at
            for run in self.found.values()
            if run.company_id == company_id
            and run.decided_at is not None
            and run.decided_at > since
            and (run.status is RunStatus.APPROVED or run.started_at is not None)
        ]
        return len(let_go), min(let_go, default=None)

    async def active_on(self, company_id: int, runbook_id: str, cloud_ref: str) -> Run | None:
        for run in self.found.values():
            here = any(target.cloud_ref == cloud_ref for target in run.targets)
            if (
                run.company_id == company_id
                and run.runbook_id == runbook_id
                and here
                and not run.status.finished
            ):
                return run
        return None


@dataclass
class _Cards:
    found: list[CardWanted] = field(default_factory=list)

    async def of_incidents(self, incident_ids: Collection[int], kind: str) -> Sequence[CardWanted]:
        return [card for card in self.found if card.incident_id in incident_ids and card.kind == kind]

    def want(self, card: CardWanted) -> None:
        self.found.append(card)

    async def pressed(self, card_ids: Collection[str], *, now: datetime) -> None:
        self.pressed_ids = set(card_ids)


@dataclass
class _Jobs:
    """The last due time of each job that was put."""

    found: dict[Job, datetime] = field(default_factory=dict)

    def put(self, job: Job, *, due_at: datetime) -> None:
        self.found[job] = due_at

    def kinds(self) -> set[str]:
        return {job.kind for job in self.found}


@dataclass
class _Timeline:
    found: list[TimelineEntry] = field(default_factory=list)

    def add(self, entry: TimelineEntry) -> None:
        self.found.append(entry)


@dataclass
class _Audit:
    found: list[AuditEntry] = field(default_factory=list)

    def add(self, entry: AuditEntry) -> None:
        self.found.append(entry)

    def kinds(self) -> list[AuditKind]:
        return [entry.kind for entry in self.found]


@dataclass
class _Clocks:
    found: list[SlaClock] = field(default_factory=list)

    async def of(self, incident_id: int) -> Sequence[SlaClock]:
        return [clock for clock in self.found if clock.incident_id == incident_id]

    def put(self, clock: SlaClock) -> None:
        self.found = [
            clock if (old.incident_id, old.kind) == (clock.incident_id, clock.kind) else old
            for old in self.found
        ]


@dataclass
class _Alerts:
    """No alert of the incident fires any more."""

    async def firing_of(self, incident_id: int) -> Sequence[StoredAlert]:
        return ()


@dataclass
class Memory:
    """Everything the operations read and write, with what they wrote to look at."""

    company: Company = ACME
    assets: tuple[Asset, ...] = ASSETS
    people: tuple[User, ...] = PEOPLE
    incident: Incident = DISK

    def __post_init__(self) -> None:
        others = CompanyContext(
            company=replace(ACME, id=8, slug="beta", name="Beta"), assets=(), people=PEOPLE
        )
        self.ways = frozenset[Transport]()
        self.companies: Any = _Companies({7: self.context, 8: others})
        self.users: Any = _Users({user.id: user for user in self.people})
        self.incidents: Any = _Incidents({self.incident.id: self.incident})
        self.runs: Any = _Runs()
        self.cards: Any = _Cards()
        self.cards.want(
            CardWanted(
                company_id=7,
                incident_id=42,
                kind="incident",
                subject="42",
                platform="slack",
                channel="C0ACME",
            )
        )
        self.jobs: Any = _Jobs()
        self.timeline: Any = _Timeline()
        self.audit: Any = _Audit()
        self.clocks: Any = _Clocks()
        self.alerts: Any = _Alerts()
        self.deliveries: Any = None
        self.quiet: Any = None
        self.channels: Any = None
        self.storms: Any = None
        self.grouping: Any = None
        self.knowledge: Any = None
        self.pictures: Any = None

    @property
    def context(self) -> CompanyContext:
        return CompanyContext(company=self.company, assets=self.assets, people=self.people)

    def change(self, **changes: Any) -> None:
        """Change the directory or the company, as an admin would."""
        for name, value in changes.items():
            setattr(self, name, value)
        self.companies.found[7] = self.context
        self.users.found = {user.id: user for user in self.people}

    def due(self, kind: str) -> datetime | None:
        return next((at for job, at in self.jobs.found.items() if job.kind == kind), None)

    def said(self) -> str:
        return self.timeline.found[-1].text if self.timeline.found else ""

    def labels(self, values: Mapping[str, str]) -> None:
        self.change(assets=(replace(WEB, labels=values), *ASSETS[1:]))


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)

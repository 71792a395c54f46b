"""Who may do what: one table of role × verb, by company. Deny by default. Source: PRODUCT, §7."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from engine.company import Role, User
from engine.incident import Incident


class Via(StrEnum):
    """The door an act came through."""

    SLACK = "slack"
    TEAMS = "teams"
    API = "api"
    CLI = "cli"
    PHONE = "phone"
    WEBHOOK = "webhook"
    ENGINE = "engine"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a person of the directory, or the system itself (`user` is None)."""

    user: User | None
    via: Via
    label: str = ""

    @property
    def name(self) -> str:
        return self.user.name if self.user else self.label or "Alert Whisperer"

    @property
    def id(self) -> int | None:
        return self.user.id if self.user else None

    @property
    def system(self) -> bool:
        return self.user is None


SYSTEM = Actor(user=None, via=Via.ENGINE)


class Verb(StrEnum):
    SEE = "see"
    CLAIM = "claim"
    UNCLAIM = "unclaim"
    ASSIGN = "assign"
    NOTE = "note"
    ESCALATE = "escalate"
    RESOLVE = "resolve"
    REOPEN = "reopen"
    MERGE = "merge"
    SNOOZE = "snooze"
    HOLD = "hold"
    SILENCE = "silence"
    MAINTAIN = "maintain"
    RUN_LOW = "run_low"
    REQUEST_RUN = "request_run"
    APPROVE_MEDIUM = "approve_medium"
    APPROVE_HIGH = "approve_high"
    CANCEL_RUN = "cancel_run"
    COMPANY_SETTINGS = "company_settings"
    MSP_SETTINGS = "msp_settings"
    AUDIT = "audit"
    INQUIRE = "inquire"
    READ_ARTICLE = "read_article"
    WRITE_ARTICLE = "write_article"
    SHARE_ARTICLE = "share_article"


_WORK = frozenset(
    {Verb.SEE, Verb.CLAIM, Verb.UNCLAIM, Verb.ASSIGN, Verb.NOTE, Verb.RESOLVE, Verb.REOPEN}
    | {Verb.MERGE, Verb.ESCALATE}
    | {Verb.SNOOZE, Verb.HOLD, Verb.SILENCE}
    | {Verb.RUN_LOW, Verb.REQUEST_RUN, Verb.CANCEL_RUN}
    | {Verb.INQUIRE, Verb.READ_ARTICLE, Verb.WRITE_ARTICLE}
)
GRANTS: dict[Role, frozenset[Verb]] = {
    Role.TECHNICIAN: _WORK,
    Role.COMPANY_ADMIN: _WORK | {Verb.APPROVE_MEDIUM, Verb.COMPANY_SETTINGS, Verb.AUDIT, Verb.MAINTAIN},
    Role.MSP_ADMIN: frozenset(Verb),
    Role.CLIENT_VIEWER: frozenset({Verb.SEE}),
}
_HUMAN = {
    Verb.SILENCE: "silence alerts",
    Verb.MAINTAIN: "plan maintenance",
    Verb.APPROVE_MEDIUM: "approve medium-risk runs",
    Verb.APPROVE_HIGH: "approve high-risk runs",
    Verb.COMPANY_SETTINGS: "change company settings",
    Verb.MSP_SETTINGS: "change MSP settings",
    Verb.REQUEST_RUN: "ask for runbooks",
    Verb.RUN_LOW: "run runbooks",
    Verb.AUDIT: "read the audit",
    Verb.CANCEL_RUN: "cancel runs",
    Verb.INQUIRE: "ask about incidents",
    Verb.READ_ARTICLE: "read the knowledge base",
    Verb.WRITE_ARTICLE: "write for the knowledge base",
    Verb.SHARE_ARTICLE: "share an article with all companies",
}
_ROLE_NAMES = {
    Role.TECHNICIAN: "technicians",
    Role.COMPANY_ADMIN: "company admins",
    Role.MSP_ADMIN: "MSP admins",
    Role.CLIENT_VIEWER: "client viewers",
}


@dataclass(frozen=True, slots=True)
class Allowed:
    pass


@dataclass(frozen=True, slots=True)
class Denied:
    """`foreign` means the person may not even know that the thing exists: answer as if it did not."""

    reason: str
    roles: tuple[Role, ...] = ()
    foreign: bool = False


def may(actor: Actor, verb: Verb, company_id: int, incident: Incident | None = None) -> Allowed | Denied:
    """Decide one act of one actor in one company.

    An incident narrows technicians to their own and to those that nobody has claimed yet: an assignment by routing
    is an offer, a claim is a hand on it.
    """
    if actor.system:
        return Allowed()
    user = actor.user
    assert user is not None
    if not user.works_for(company_id):
        return Denied("not yours", foreign=True)
    if verb not in GRANTS[user.role]:
        roles = tuple(role for role in Role if verb in GRANTS[role])
        names = " and ".join(_ROLE_NAMES[role] for role in roles)
        return Denied(f"Only {names} can {_HUMAN.get(verb, verb.value)} here.", roles)
    others = incident is not None and incident.touched and incident.assignee_id not in (None, user.id)
    if incident is not None and others and user.role is Role.TECHNICIAN and verb not in _OTHERS_TOO:
        could = (Role.COMPANY_ADMIN, Role.MSP_ADMIN)
        return Denied(f"{incident.label} is in somebody else's hands.", could)
    return Allowed()


_OTHERS_TOO = frozenset({Verb.SEE, Verb.CLAIM})  # a late claim gets the better answer: who has it since when


def who_could(people: Sequence[User], verb: Verb, company_id: int) -> tuple[User, ...]:
    """The people of a company's directory who may do this, company admins before MSP admins."""
    able = [user for user in people if user.works_for(company_id) and verb in GRANTS[user.role]]
    return tuple(sorted(able, key=lambda user: (user.role is Role.MSP_ADMIN, user.id)))

"""Who may do what: every role × verb × company × owner, spelled out once more and compared."""

from __future__ import annotations

import itertools

import pytest

from engine.access import SYSTEM, Allowed, Denied, Verb, may, who_could
from engine.company import Role, User
from engine.incident import Incident, IncidentStatus
from tests import given
from tests.clock import START
from tests.engine.test_incident import an_incident

HERE, ELSEWHERE = 1, 2
WORK = {Verb.SEE, Verb.CLAIM, Verb.UNCLAIM, Verb.ASSIGN, Verb.NOTE, Verb.RESOLVE, Verb.REOPEN}
WORK |= {Verb.MERGE, Verb.ESCALATE}
ARTICLES = {Verb.INQUIRE, Verb.READ_ARTICLE, Verb.WRITE_ARTICLE}
QUIET = {Verb.SNOOZE, Verb.HOLD, Verb.SILENCE}
RUNS = {Verb.RUN_LOW, Verb.REQUEST_RUN, Verb.CANCEL_RUN}
EXPECTED: dict[Role, set[Verb]] = {
    Role.CLIENT_VIEWER: {Verb.SEE},
    Role.TECHNICIAN: WORK | RUNS | QUIET | ARTICLES,
    Role.COMPANY_ADMIN: WORK
    | RUNS
    | QUIET
    | ARTICLES
    | {Verb.APPROVE_MEDIUM, Verb.COMPANY_SETTINGS, Verb.AUDIT, Verb.MAINTAIN},
    Role.MSP_ADMIN: set(Verb),
}


def _user(role: Role, number: int = 1, company: int = HERE) -> User:
    companies = () if role is Role.MSP_ADMIN else (company,)
    return given.a_user(f"U{number}", role, id=number, companies=companies)


@pytest.mark.parametrize(("role", "verb"), list(itertools.product(Role, Verb)))
def test_every_role_and_verb_at_home(role: Role, verb: Verb) -> None:
    decision = may(given.actor(_user(role)), verb, HERE)
    assert isinstance(decision, Allowed) == (verb in EXPECTED[role])
    if isinstance(decision, Denied):
        assert not decision.foreign and decision.reason.startswith("Only ")
        assert set(decision.roles) == {one for one in Role if verb in EXPECTED[one]}


@pytest.mark.parametrize(("role", "verb"), list(itertools.product(Role, Verb)))
def test_a_foreign_company_does_not_exist(role: Role, verb: Verb) -> None:
    decision = may(given.actor(_user(role)), verb, ELSEWHERE)
    if role is Role.MSP_ADMIN:
        assert isinstance(decision, Allowed)
    else:
        assert isinstance(decision, Denied) and decision.foreign and not decision.roles


@pytest.mark.parametrize("verb", Verb)
def test_the_system_may(verb: Verb) -> None:
    assert isinstance(may(SYSTEM, verb, HERE), Allowed)


def _owned(by: int | None, *, claimed: bool) -> Incident:
    status = IncidentStatus.IN_PROGRESS if claimed else IncidentStatus.ASSIGNED
    return an_incident(status, assignee_id=by, claimed_at=START if claimed else None)


@pytest.mark.parametrize(
    ("role", "verb", "owner", "claimed"),
    list(itertools.product(Role, sorted(WORK | RUNS), [1, 99, None], [True, False])),
)
def test_only_technicians_are_kept_off_what_somebody_else_claimed(
    role: Role, verb: Verb, owner: int | None, claimed: bool
) -> None:
    incident = _owned(owner, claimed=claimed)
    decision = may(given.actor(_user(role)), verb, HERE, incident)
    others = owner == 99 and claimed and role is Role.TECHNICIAN and verb not in (Verb.SEE, Verb.CLAIM)
    assert isinstance(decision, Allowed) == (verb in EXPECTED[role] and not others)
    if others:
        assert isinstance(decision, Denied)
        assert decision.roles == (Role.COMPANY_ADMIN, Role.MSP_ADMIN) and "INC-7" in decision.reason


def test_who_could_names_the_companys_own_people_first() -> None:
    people = [
        _user(Role.MSP_ADMIN, 1),
        _user(Role.TECHNICIAN, 2),
        _user(Role.COMPANY_ADMIN, 4),
        _user(Role.COMPANY_ADMIN, 3),
        _user(Role.COMPANY_ADMIN, 5, ELSEWHERE),
    ]
    assert [one.id for one in who_could(people, Verb.APPROVE_MEDIUM, HERE)] == [3, 4, 1]
    assert [one.id for one in who_could(people, Verb.APPROVE_HIGH, HERE)] == [1]

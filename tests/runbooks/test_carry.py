"""Carrying a run on: follow it, verify it, cancel it, and end with what is true."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from engine import incident as incidents
from engine.errors import Ambiguous, Permanent, Transient
from engine.incident import IncidentStatus
from runbooks import run as state
from runbooks.carry_out import Cancel, Poll, Send, act
from runbooks.operations import carry
from runbooks.operations.decide import cancel
from runbooks.operations.finish import pause
from runbooks.ports import Progress
from runbooks.run import RunStatus, StepName, TargetResult, TargetStatus
from tests.runbooks.memory import (
    DISK,
    KIM,
    NOW,
    Memory,
    acting,
    later,
)
from tests.runbooks.provider import (
    FAILED,
    GOING,
    SUCCEEDED,
    Provider,
    over,
    results,
    started,
    turn,
    turns,
    verifying,
)
from tests.runbooks.test_request import LIBRARY, ask


async def test_a_run_that_works_from_start_to_verified() -> None:
    tx, provider = Memory(), Provider(polls=[GOING, over(SUCCEEDED, stdout="8 GB freed", exit_code=0), GOING])
    run = await ask(tx)
    tx.audit.found.clear()
    done = await turns(tx, run.id, provider)
    assert (done.status, done.outcome) == (RunStatus.SUCCEEDED, "fine")
    assert provider.asked == ["start main", *["poll main"] * 2, "start verify", *["poll verify"] * 2]
    assert done.results[0].stdout == "8 GB freed"
    assert done.verify_results[0].stdout == "fine"
    kinds = [kind.value.removeprefix("run.") for kind in tx.audit.kinds()]
    assert kinds == ["starting", "started", "started", "started", "finished"]
    told = [entry for entry in tx.timeline.found if entry.told]
    assert [entry.body for entry in told[-2:]] == ["8 GB freed", "fine"]
    assert tx.incidents.found[42].last_action == "✔ Clean up disk space: fine"
    assert tx.incidents.found[42].open, "monitoring has not confirmed it yet"


@pytest.mark.parametrize(
    ("seen", "status", "words"),
    [
        (
            over(FAILED, exit_code=3, stderr="Not started: df is missing."),
            "failed",
            "df is missing. (exit code 3)",
        ),
        (over(FAILED, exit_code=1), "failed", "exit code 1"),
        (over(FAILED, detail="it could not be delivered"), "failed", "it could not be delivered (failed)"),
        (
            over(TargetStatus.TIMED_OUT, detail="it was stopped"),
            "timed_out",
            "Did not end in time: it was stopped",
        ),
        (over(TargetStatus.CANCELLED), "cancelled", "Cancelled. What it had done by then stays done."),
        (Progress(finished=True, results=()), "unknown", "The provider named no machine"),
    ],
)
async def test_a_script_that_does_not_work_is_not_verified(seen: Progress, status: str, words: str) -> None:
    tx, provider = Memory(), Provider(polls=[seen])
    run = await started(tx)
    done = await turn(tx, run.id, provider)
    assert done.status.value == status
    assert words in done.outcome
    assert provider.asked == ["poll main"]


@pytest.mark.parametrize(
    ("seen", "status", "words"),
    [
        (
            over(FAILED, exit_code=1, stderr="/ is still 93 % full"),
            "failed",
            "the goal is not met: / is still 93 % full",
        ),
        (over(TargetStatus.TIMED_OUT), "unknown", "the check did not end in time"),
        (over(SUCCEEDED, stdout="/ is 61 % full\n\n"), "succeeded", "/ is 61 % full"),
        (over(SUCCEEDED), "succeeded", "verified"),
    ],
)
async def test_the_outcome_is_what_verify_found(seen: Progress, status: str, words: str) -> None:
    tx, provider = Memory(), Provider(polls=[seen])
    run = await verifying(tx)
    await turn(tx, run.id, provider)
    done = await turn(tx, run.id, provider)
    assert done.status.value == status
    assert words in done.outcome


async def test_one_machine_of_several_that_fails_fails_the_run_by_name() -> None:
    tx = Memory()
    run = await ask(tx, targets=["acme-web-01", "acme-db-01"])
    bad = TargetResult(cloud_ref="i-0b22", asset_name="acme-db-01", status=FAILED, exit_code=4, stdout="no")
    provider = Provider(polls=[Progress(finished=True, results=(*results(SUCCEEDED, stdout="ok"), bad))])
    done = await turns(tx, run.id, provider)
    assert (done.status, done.outcome) == (
        RunStatus.FAILED,
        "1 of 2 verified, acme-db-01 failed: no (exit code 4)",
    )
    assert [entry.body for entry in tx.timeline.found if entry.body] == [
        "— acme-web-01 —\nok\n— acme-db-01 —\nno",
        "fine",
    ]
    partly = "ended without an error on 1 of 2, acme-db-01 failed: no (exit code 4), after"
    assert any(partly in entry.text for entry in tx.timeline.found)
    assert [one.asset_name for one in provider.orders[-1].targets] == ["acme-web-01"], "only that was checked"


def _result(name: str, ref: str, status: TargetStatus, **more: Any) -> TargetResult:
    return TargetResult(cloud_ref=ref, asset_name=name, status=status, **more)


@pytest.mark.parametrize(
    ("main", "check", "status", "words"),
    [
        (
            (SUCCEEDED, SUCCEEDED),
            (SUCCEEDED, SUCCEEDED),
            "succeeded",
            "2 of 2 verified. acme-web-01: verified; acme-db-01: verified",
        ),
        ((SUCCEEDED, SUCCEEDED), (SUCCEEDED, FAILED), "failed", "1 of 2 verified, acme-db-01 failed: failed"),
        ((FAILED, FAILED), (), "failed", "acme-web-01 failed: failed; acme-db-01 failed: failed"),
        (
            (SUCCEEDED, TargetStatus.TIMED_OUT),
            (SUCCEEDED,),
            "timed_out",
            "1 of 2 verified, acme-db-01 did not end in time: timed out",
        ),
        (
            (SUCCEEDED, SUCCEEDED),
            (SUCCEEDED, TargetStatus.TIMED_OUT),
            "unknown",
            "1 of 2 verified, acme-db-01 ran, but its check did not end in time: timed out",
        ),
        (
            (SUCCEEDED, TargetStatus.CANCELLED),
            (SUCCEEDED,),
            "cancelled",
            "1 of 2 verified, acme-db-01 was cancelled: cancelled",
        ),
    ],
)
async def test_several_machines_each_have_a_result_of_their_own(
    main: tuple[TargetStatus, ...], check: tuple[TargetStatus, ...], status: str, words: str
) -> None:
    tx = Memory()
    names = (("acme-web-01", "i-0a11"), ("acme-db-01", "i-0b22"))
    run = await ask(tx, targets=[name for name, _ in names])

    def seen(statuses: tuple[TargetStatus, ...]) -> Progress:
        named = zip(names, statuses, strict=False)
        return Progress(finished=True, results=tuple(_result(*name, one) for name, one in named))

    done = await turns(tx, run.id, Provider(polls=[seen(main), *([seen(check)] if check else [])]))
    assert done.status.value == status
    assert words in done.outcome
    assert [one.asset_name for one in done.outcomes] == ["acme-web-01", "acme-db-01"]


async def test_a_success_that_monitoring_confirmed_already_resolves_the_incident() -> None:
    claimed = incidents.claim(DISK, user_id=KIM.id, now=NOW)
    tx = Memory(incident=incidents.recover(claimed, ended=1, now=NOW))
    run = await ask(tx)
    assert (await turns(tx, run.id, Provider())).status is RunStatus.SUCCEEDED
    after = tx.incidents.found[42]
    assert (after.status, after.resolved_by) == (IncidentStatus.RESOLVED, "Alert Whisperer")
    assert after.resolution == "Clean up disk space fixed it and monitoring confirms. fine"


async def test_a_verify_step_may_be_sent_again_for_it_changes_nothing() -> None:
    tx, provider = Memory(), Provider(starts=[Transient("away"), Ambiguous("lost")], finds=[None, None, None])
    run = await verifying(tx)
    for _ in range(2):
        waits = await turn(tx, run.id, provider)
        assert (waits.status, tx.due("poll_run")) == (RunStatus.VERIFYING, later(5))
    done = await turn(tx, run.id, provider)
    assert done.reference["verify"] == {"command_id": "c-verify"}
    assert provider.asked[-2:] == ["find verify", "start verify"]


async def test_a_verify_step_that_cannot_be_sent_leaves_the_outcome_open() -> None:
    tx, provider = Memory(), Provider(starts=[Permanent("acme-web-01 is offline.")])
    run = await verifying(tx)
    done = await turn(tx, run.id, provider)
    assert done.status is RunStatus.UNKNOWN
    assert "It ran, but could not be verified. acme-web-01 is offline." in done.outcome


async def test_asking_grows_rarer() -> None:
    tx, provider = Memory(), Provider(polls=[GOING] * 9)
    run = await started(tx)
    waits = []
    for seconds in (0, 1, 6, 18, 60):
        await turn(tx, run.id, provider, now=later(seconds))
        due = tx.due("poll_run")
        assert due is not None
        waits.append((due - later(seconds)).total_seconds())
    assert waits == [0.5, 0.5, 1, 3, 5]
    assert pause(replace(run, step_started_at=None), NOW) == timedelta(seconds=0.5)


async def test_a_poll_that_shows_nothing_new_writes_nothing_but_its_next() -> None:
    tx, provider = Memory(), Provider(polls=[GOING, GOING])
    run = await started(tx)
    first = await turn(tx, run.id, provider)
    assert first.waiting == "Running on acme-web-01"
    second = await turn(tx, run.id, provider)
    assert second.revision == first.revision
    assert tx.jobs.kinds() == {"poll_run"}


@pytest.mark.parametrize("poll", [GOING, Transient("away")])
async def test_what_never_ends_is_given_to_a_person(poll: Any) -> None:
    tx, provider = Memory(), Provider(polls=[poll] * 3)
    run = await started(tx)
    assert not (await turn(tx, run.id, provider)).status.finished
    done = await turn(tx, run.id, provider, now=later(300 + 15 * 60 + 1))
    assert done.status is RunStatus.UNKNOWN


async def test_a_run_that_may_not_be_looked_at_any_more_is_given_to_a_person() -> None:
    tx, provider = Memory(), Provider(polls=[Permanent("The role is gone.")])
    run = await started(tx)
    done = await turn(tx, run.id, provider)
    assert (done.status, "The role is gone." in done.outcome) == (RunStatus.UNKNOWN, True)


async def test_a_running_one_is_cancelled_at_the_provider() -> None:
    tx = Memory()
    provider = Provider(cancels=[Transient("away"), None], polls=[over(TargetStatus.CANCELLED)])
    run = await started(tx)
    assert await carry.next_cancel(tx, run.id) is None
    await cancel(tx, run.id, actor=acting(KIM), now=NOW)
    for due in (later(5), None):
        tx.jobs.found.clear()
        step = await carry.next_cancel(tx, run.id)
        assert isinstance(step, Cancel)
        await carry.settle(tx, run.id, await act(provider, step), now=NOW)
        assert tx.due("cancel_run") == due
    done = await turn(tx, run.id, provider)
    assert (done.status, done.outcome) == (
        RunStatus.CANCELLED,
        "Cancelled by Kim. What it had done by then stays done.",
    )


async def test_a_cancel_while_starting_follows_the_start() -> None:
    tx = Memory()
    run = await ask(tx)
    await carry.next_step(tx, run.id, catalogue=LIBRARY, now=NOW)
    await cancel(tx, run.id, actor=acting(KIM), now=NOW)
    assert await carry.next_cancel(tx, run.id) is None
    tx.jobs.found.clear()
    await carry.mark_started(tx, run.id, {"command_id": "c"}, now=NOW)
    assert tx.jobs.kinds() >= {"cancel_run", "poll_run"}


async def test_a_cancel_before_a_retry_ends_it() -> None:
    tx = Memory()
    run = await ask(tx)
    step = await carry.next_step(tx, run.id, catalogue=LIBRARY, now=NOW)
    assert isinstance(step, Send)
    await cancel(tx, run.id, actor=acting(KIM), now=NOW)
    await carry.settle(tx, run.id, await act(Provider(starts=[Transient("away")]), step), now=NOW)
    assert tx.runs.found[run.id].outcome == "Cancelled by Kim before it started."


async def test_a_late_answer_to_an_older_step_changes_nothing() -> None:
    tx, provider = Memory(), Provider()
    run = await started(tx)
    old = await carry.next_step(tx, run.id, catalogue=LIBRARY, now=NOW)
    assert isinstance(old, Poll)
    late = await act(provider, old)
    await turn(tx, run.id, provider)  # somebody else carried it on to verify
    before = tx.runs.found[run.id]
    assert before.step is StepName.VERIFY
    assert await carry.settle(tx, run.id, late, now=NOW) is None
    assert tx.runs.found[run.id] == before
    assert await carry.settle(tx, "missing", late, now=NOW) is None
    assert await carry.next_step(tx, "missing", catalogue=LIBRARY, now=NOW) is None


async def test_a_second_reference_for_the_same_step_is_not_taken() -> None:
    tx = Memory()
    run = await started(tx)
    assert await carry.mark_started(tx, run.id, {"command_id": "other"}, now=NOW) is None
    assert tx.runs.found[run.id].reference["main"] == {"command_id": "c-main"}


def test_every_unfinished_status_has_somebody_who_moves_it_on() -> None:
    waiting: Sequence[RunStatus] = state.ACTIVE_STATUSES
    assert {status.value for status in waiting} == {
        "pending_approval",
        "approved",
        "starting",
        "running",
        "verifying",
    }


@pytest.mark.parametrize(
    ("status", "ends"),
    [
        (RunStatus.APPROVED, RunStatus.VOID),
        (RunStatus.STARTING, RunStatus.UNKNOWN),
        (RunStatus.RUNNING, RunStatus.UNKNOWN),
        (RunStatus.VERIFYING, RunStatus.UNKNOWN),
        (RunStatus.PENDING_APPROVAL, RunStatus.PENDING_APPROVAL),
        (RunStatus.SUCCEEDED, RunStatus.SUCCEEDED),
    ],
)
async def test_a_run_that_nobody_carries_on_ends_and_says_so(status: RunStatus, ends: RunStatus) -> None:
    tx = Memory()
    run = await ask(tx)
    tx.runs.found[run.id] = replace(run, status=status)
    await carry.abandon(tx, run.id, "nothing here can run commands", now=NOW)
    done = tx.runs.found[run.id]
    assert done.status is ends
    assert ("nothing here can run commands" in done.outcome) is (status is not ends)

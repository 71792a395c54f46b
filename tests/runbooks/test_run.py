"""A run moves only along its arrows, and a stored run is the run that was stored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import Refused
from runbooks import run as state
from runbooks.run import NEXT, Run, RunStatus, StepName, Target, TargetResult, TargetStatus, pack, unpack
from runbooks.runbook import Platform, Risk
from tests.runbooks.memory import NOW, later

TARGET = Target(asset_name="acme-web-01", cloud_ref="i-0a11", platform=Platform.LINUX, region="eu-central-1")
RUN = Run(
    id="01run",
    company_id=7,
    incident_id=42,
    runbook_id="disk-clean-up",
    runbook_version=1,
    title="Clean up disk space",
    risk=Risk.HIGH,
    parameters={"days": "7"},
    targets=(TARGET,),
    account="222222222222",
    region="eu-central-1",
    script="true",
    verify_script="true",
    timeout=timedelta(seconds=60),
    status=RunStatus.PENDING_APPROVAL,
    reason="asked",
    requested_by=1,
    requested_by_name="Kim",
    requested_at=NOW,
)


def at(status: RunStatus, **changes: object) -> Run:
    return replace(RUN, status=status, **changes)  # type: ignore[arg-type]


MOVES: dict[str, tuple[Callable[[Run], Run], RunStatus]] = {
    "approve": (lambda run: state.approve(run, by=3, name="Max", now=NOW), RunStatus.APPROVED),
    "reject": (lambda run: state.reject(run, by=3, name="Max", note="no", now=NOW), RunStatus.REJECTED),
    "expire": (lambda run: state.expire(run, now=NOW), RunStatus.EXPIRED),
    "start": (lambda run: state.start(run, now=NOW), RunStatus.STARTING),
    "put back": (lambda run: state.put_back(run, waiting="throttled"), RunStatus.APPROVED),
    "verify": (lambda run: state.verify(run, now=NOW), RunStatus.VERIFYING),
} | {
    f"end {status}": (lambda run, status=status: state.end(run, status, outcome="x", now=NOW), status)
    for status in RunStatus
    if status.finished
}


@given(st.sampled_from(list(MOVES)), st.sampled_from(list(RunStatus)))
def test_only_the_arrows_are_open(name: str, status: RunStatus) -> None:
    move, to = MOVES[name]
    if to in NEXT[status]:
        assert move(at(status)).status is to
        return
    with pytest.raises(Refused) as refused:
        move(at(status))
    assert "Clean up disk space on acme-web-01" in refused.value.reason
    assert refused.value.code == "stale"


def test_the_ends_are_ends() -> None:
    ends = {
        "succeeded",
        "failed",
        "timed_out",
        "cancelled",
        "unknown",
        "rejected",
        "expired",
        "superseded",
        "void",
    }
    assert {status.value for status in RunStatus if status.finished} == ends


def test_a_run_that_never_started_cannot_succeed() -> None:
    for status in RunStatus:
        allowed = RunStatus.SUCCEEDED in NEXT[status]
        assert allowed is (status is RunStatus.VERIFYING)


def test_the_way_of_a_run_that_works() -> None:
    run = state.approve(RUN, by=3, name="Max", now=later(5))
    run = state.start(run, now=later(6))
    run = state.begin(run, {"command_id": "c1"}, now=later(7))
    assert (run.status, run.step, run.reference) == (
        RunStatus.RUNNING,
        StepName.MAIN,
        {"main": {"command_id": "c1"}},
    )
    run = state.observe(run, (result(TargetStatus.SUCCEEDED, stdout="done"),))
    run = state.begin(state.announce(state.verify(run, now=later(9))), {"command_id": "c2"}, now=later(9))
    assert run.status is RunStatus.VERIFYING
    assert run.reference == {"main": {"command_id": "c1"}, "verify": {"command_id": "c2"}}
    run = state.observe(run, (result(TargetStatus.SUCCEEDED, stdout="fine"),))
    run = state.end(run, RunStatus.SUCCEEDED, outcome="fine", now=later(12))
    assert run.results[0].stdout == "done"
    assert run.verify_results[0].stdout == "fine"
    assert run.duration == timedelta(seconds=6)


@pytest.mark.parametrize("status", [RunStatus.PENDING_APPROVAL, RunStatus.APPROVED])
def test_cancelling_before_anything_was_sent_ends_it(status: RunStatus) -> None:
    run = state.ask_to_cancel(at(status), name="Kim", now=NOW)
    assert (run.status, run.finished_at) == (RunStatus.CANCELLED, NOW)


@pytest.mark.parametrize("status", [RunStatus.STARTING, RunStatus.RUNNING, RunStatus.VERIFYING])
def test_cancelling_later_is_a_wish(status: RunStatus) -> None:
    run = state.ask_to_cancel(at(status), name="Kim", now=NOW)
    assert (run.status, run.cancel_requested_at, run.cancel_requested_by) == (status, NOW, "Kim")
    with pytest.raises(Refused):
        state.ask_to_cancel(run, name="Lee", now=NOW)


@pytest.mark.parametrize("status", [status for status in RunStatus if status.finished])
def test_a_finished_run_cannot_be_cancelled(status: RunStatus) -> None:
    with pytest.raises(Refused):
        state.ask_to_cancel(at(status), name="Kim", now=NOW)


def test_nothing_is_observed_of_a_run_that_does_not_run() -> None:
    with pytest.raises(Refused):
        state.observe(at(RunStatus.APPROVED), ())


def result(status: TargetStatus, **more: object) -> TargetResult:
    return TargetResult(cloud_ref="i-0a11", asset_name="acme-web-01", status=status, **more)  # type: ignore[arg-type]


@given(st.integers(500, 3000), st.integers(0, 6000))
def test_output_stays_inside_its_limit_and_keeps_both_ends(limit: int, length: int) -> None:
    text = "a" + "b" * length + "z"
    run = at(RunStatus.RUNNING, output_limit=limit)
    kept = state.observe(run, (result(TargetStatus.FAILED, stdout=text, stderr=text),)).results[0]
    assert len(kept.stdout) <= limit
    assert len(kept.stderr) <= limit
    assert (kept.stdout[0], kept.stdout[-1]) == ("a", "z")
    assert (kept.stdout == text) is (len(text) <= limit)


def test_a_stored_run_comes_back_as_it_was() -> None:
    full = replace(
        RUN,
        status=RunStatus.VERIFYING,
        step=StepName.VERIFY,
        decided_by=3,
        decided_at=NOW,
        reference={"main": {"command_id": "c", "sent_at": "2026-11-23T12:00:00+00:00"}, "verify": {}},
        results=(result(TargetStatus.SUCCEEDED, exit_code=0, stdout="ü'\"\n\u2028", stderr="e", detail="d"),),
        timeout=timedelta(minutes=90, seconds=1),
        revision=4,
    )
    assert unpack(pack(full)) == full
    assert pack(full)["status"] == "verifying"

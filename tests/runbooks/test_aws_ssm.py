"""The executor with the real boto3 against the sandbox's AWS: assumed roles, real scripts on pretend machines."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from engine.cloud import Cloud as Place
from engine.errors import Ambiguous, Permanent, Transient
from runbooks import catalogue
from runbooks.carry_out import Lost, Send, Sent, act
from runbooks.operations import carry
from runbooks.run import RunStatus, StepName, TargetStatus
from runbooks.runbook import Platform, script_for, validate_parameters
from tests.runbooks.aws import (
    EXTERNAL_ID,
    GONE,
    OFF,
    REGION,
    ROLE,
    WEB,
    WIN,
    Cloud,
    on,
    order,
)
from tests.runbooks.memory import ACME, ASSETS, CLOUD, NOW, Memory
from tests.runbooks.test_request import ask

LIBRARY = catalogue.load()

BREAKS: dict[str, tuple[str | None, dict[str, object]]] = {
    "disk-clean-up": ("fill-disk", {"threshold_percent": 80}),
    "log-rotation": (None, {"limit_mb": 50}),
    "restart-service": ("stop-unit:nginx", {"unit": "nginx", "grace_seconds": 2}),
    "clear-memory-cache": ("memory-pressure", {}),
}


@pytest.mark.parametrize("runbook_id", list(BREAKS))
async def test_each_shipped_runbook_mends_a_broken_machine_and_verifies_it(
    cloud: Cloud, runbook_id: str
) -> None:
    how, given = BREAKS[runbook_id]
    if how:
        cloud.aws.break_machine(WEB, how)
    runbook = LIBRARY.get(runbook_id)
    values = validate_parameters(runbook, given)
    check = order(step=StepName.VERIFY, script=script_for(runbook, Platform.LINUX, values, verify=True))
    before = (await cloud.carry_out(replace(check, run_id="01before"))).results[0]
    assert (before.status, before.exit_code) == (TargetStatus.FAILED, 1), before

    ran = (await cloud.carry_out(order(script_for(runbook, Platform.LINUX, values)))).results[0]
    assert (ran.status, ran.exit_code, ran.stderr) == (TargetStatus.SUCCEEDED, 0, ""), ran
    assert "Before" in ran.stdout
    assert "After" in ran.stdout
    after = (await cloud.carry_out(check)).results[0]
    assert (after.status, after.exit_code) == (TargetStatus.SUCCEEDED, 0), after


async def test_a_script_that_fails_gives_code_and_output(cloud: Cloud) -> None:
    result = (await cloud.carry_out(order("echo out; echo err >&2; exit 4"))).results[0]
    assert (result.status, result.exit_code, result.detail) == (TargetStatus.FAILED, 4, "")
    assert (result.stdout, result.stderr) == ("out\n", "err")


async def test_the_wrong_external_id_gives_a_clear_line(cloud: Cloud) -> None:
    with pytest.raises(Permanent) as refused:
        await cloud.executor.start(order(cloud=Place(role_arn=ROLE, external_id="somebody-elses")))
    assert str(refused.value) == (
        f"AWS refused to assume {ROLE}: wrong external id or missing trust. Check the role's trust policy."
    )
    assert cloud.commands == []


async def test_a_lost_reply_is_found_again_and_nothing_is_sent_twice(cloud: Cloud) -> None:
    cloud.fault("SendCommand", "lost_reply")
    with pytest.raises(Ambiguous):
        await cloud.executor.start(order())
    reference = await cloud.executor.find(order())
    assert reference is not None
    assert (await cloud.until_over(order(), reference)).results[0].stdout.strip() == "hello"
    assert len(cloud.commands) == 1


async def test_a_lost_reply_carried_out_is_one_command_and_one_reference(cloud: Cloud) -> None:
    cloud.fault("SendCommand", "lost_reply")
    outcome = await act(cloud.executor, Send(order=order(), look_first=False))
    assert isinstance(outcome, Sent)
    again = await act(cloud.executor, Send(order=order(), look_first=True))
    assert again == outcome
    assert len(cloud.commands) == 1


async def test_a_reset_before_anything_happened_is_not_found_and_not_sent_again(cloud: Cloud) -> None:
    cloud.fault("SendCommand", "reset")
    outcome = await act(cloud.executor, Send(order=order(), look_first=False))
    assert isinstance(outcome, Lost)
    assert cloud.commands == []


async def test_the_main_step_is_not_mistaken_for_the_verify_step_or_another_run(cloud: Cloud) -> None:
    await cloud.executor.start(order())
    assert await cloud.executor.find(order(step=StepName.VERIFY)) is None
    assert await cloud.executor.find(order(run_id="01kb0000000000000000000001")) is None


async def test_throttling_is_no_failure_and_sends_nothing(cloud: Cloud) -> None:
    cloud.fault("SendCommand", "error", error="ThrottlingException", status=400)
    with pytest.raises(Transient) as slow:
        await cloud.executor.start(order())
    assert not isinstance(slow.value, Ambiguous)
    assert slow.value.retry_after == timedelta(seconds=5)
    assert cloud.commands == []
    assert (await cloud.carry_out(order())).results[0].status is TargetStatus.SUCCEEDED


async def test_a_fault_of_aws_after_sending_is_ambiguous(cloud: Cloud) -> None:
    cloud.fault("SendCommand", "status", status=500)
    with pytest.raises(Ambiguous):
        await cloud.executor.start(order())


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (
            on("acme-web-02", OFF),
            f"acme-web-02 ({OFF}) is offline: AWS lost the connection to its agent since",
        ),
        (on("acme-web-05", GONE), f"acme-web-05 ({GONE}) is offline: its agent is inactive, the machine is"),
        (
            on("gone", "i-0a11000000000dead"),
            "is not managed by Systems Manager in 222222222222, eu-central-1",
        ),
        (on("acme-win-01", WIN), "is a windows machine, the inventory says linux"),
    ],
)
async def test_a_machine_that_cannot_take_commands_is_named(
    cloud: Cloud, target: dict[str, Any], words: str
) -> None:
    with pytest.raises(Permanent) as refused:
        await cloud.executor.start(order(**target))
    assert words in str(refused.value)
    assert cloud.commands == []


async def test_a_running_script_is_cancelled(cloud: Cloud) -> None:
    reference = await cloud.executor.start(order("sleep 30"))
    for _ in range(100):
        if (await cloud.executor.poll(order(), reference)).waiting_text.startswith("Running on"):
            break
        await asyncio.sleep(0.1)
    await cloud.executor.cancel(order(), reference)
    seen = await cloud.until_over(order(), reference)
    assert seen.results[0].status is TargetStatus.CANCELLED


async def test_long_output_is_cut_by_aws_and_said_so(cloud: Cloud) -> None:
    result = (await cloud.carry_out(order("head -c 40000 /dev/zero | tr '\\0' x"))).results[0]
    assert len(result.stdout) >= 24_000
    assert result.note == "output cut by AWS at 24,000 characters"


async def test_one_assumed_session_serves_a_whole_run_and_no_other_persons(cloud: Cloud) -> None:
    await asyncio.gather(*(cloud.executor.find(order()) for _ in range(4)))
    before = len(cloud.executor.sessions)
    await cloud.executor.find(order(session_name="aw-other-Ana"))
    assert (before, len(cloud.executor.sessions)) == (1, 2)


async def test_without_a_network_nothing_was_sent(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1/aws")
    with pytest.raises(Transient) as away:
        await cloud.executor.start(order())
    assert not isinstance(away.value, Ambiguous)
    assert "could not be reached" in str(away.value)


async def test_without_credentials_of_our_own_it_says_so(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(Permanent, match="no AWS credentials of its own"):
        await cloud.executor.start(order())


async def test_from_the_request_to_the_verified_outcome(cloud: Cloud) -> None:
    """The whole line: asked for, carried on step by step, and the outcome is what verify found on the machine."""
    cloud.aws.break_machine(WEB, "fill-disk")
    place = replace(CLOUD, role_arn=ROLE, external_id=EXTERNAL_ID, region=REGION)
    tx = Memory(company=replace(ACME, clouds=(place,)), assets=(replace(ASSETS[0], cloud_ref=WEB),))
    run = await ask(tx, "disk-clean-up", {"threshold_percent": 80})
    for _ in range(100):
        step = await carry.next_step(tx, run.id, catalogue=LIBRARY, now=NOW)
        if step is None:
            break
        await carry.settle(tx, run.id, await act(cloud.executor, step), now=NOW)
        await asyncio.sleep(0.1)
    done = tx.runs.found[run.id]
    assert done.status is RunStatus.SUCCEEDED, done
    assert done.outcome.startswith("/ is ")
    assert done.outcome.endswith(" % full, the limit is 80 %.")
    assert "Removing what is old" in done.results[0].stdout
    assert [command.comment for command in cloud.commands] == [f"aw {run.id} main", f"aw {run.id} verify"]

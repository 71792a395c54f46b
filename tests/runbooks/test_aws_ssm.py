"""The executor with the real boto3 against the sandbox's AWS: assumed roles, real scripts on pretend machines."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from engine.cloud import Cloud as Place
from engine.errors import Ambiguous, Permanent, Transient
from runbooks import catalogue
from runbooks.carry_out import Lost, Send, Sent, act
from runbooks.executors.aws_ssm import AwsSsm
from runbooks.operations import carry
from runbooks.ports import Order, Progress
from runbooks.run import RunStatus, StepName, Target, TargetStatus
from runbooks.runbook import Platform, script_for, validate_parameters
from sandbox.aws.app import mount
from sandbox.aws.world import AwsWorld
from sandbox.faults import Fault
from sandbox.world import Account, AwsConfig, HomeAccount, Instance, World, WorldConfig
from tests.runbooks.memory import ACME, ASSETS, CLOUD, NOW, Memory
from tests.runbooks.test_request import ask

LIBRARY = catalogue.load()
ACCOUNT, REGION, EXTERNAL_ID = "222222222222", "eu-central-1", "aw-acme-7f3a"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/AlertWhisperer"
WEB, OFF, WIN = "i-0a1100000000000a1", "i-0a1100000000000a2", "i-0a1100000000000a3"


CONFIG = AwsConfig(
    home=HomeAccount(
        account="111111111111", access_key_id="AKIAIOSFODNN7EXAMPLE", secret_access_key="s" * 40
    ),
    accounts=(
        Account(
            id=ACCOUNT,
            name="Acme",
            region=REGION,
            role_arn=ROLE,
            external_id=EXTERNAL_ID,
            instances=(
                Instance(id=WEB, name="acme-web-01"),
                Instance(id=OFF, name="acme-web-02", ping="ConnectionLost"),
                Instance(id=WIN, name="acme-win-01", platform="Windows", template="windows-server"),
            ),
        ),
    ),
)


@dataclass
class Cloud:
    aws: AwsWorld
    executor: AwsSsm

    def fault(self, method: str, do: str, **more: Any) -> None:
        service = "sts" if method == "AssumeRole" else "ssm"
        self.aws.faults.add(Fault(service=service, method=method, do=do, **more))

    @property
    def commands(self) -> list[Any]:
        return list(self.aws.commands)

    async def until_over(self, order: Order, reference: Mapping[str, Any]) -> Progress:
        for _ in range(200):
            seen = await self.executor.poll(order, reference)
            if seen.finished:
                return seen
            await asyncio.sleep(0.1)
        raise AssertionError("the command does not end")

    async def carry_out(self, order: Order) -> Progress:
        return await self.until_over(order, await self.executor.start(order))


@pytest.fixture
async def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Cloud]:
    world = World(WorldConfig(bot_url="http://127.0.0.1:9", root=tmp_path / "world", aws=CONFIG))
    app = web.Application()
    mount(app, world)
    runner = web.AppRunner(app)
    await runner.setup()
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    await web.SockSite(runner, listener).start()
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{listener.getsockname()[1]}/aws")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s" * 40)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    executor = AwsSsm(looks=(0, 0.2, 0.4))
    assert world.aws is not None
    yield Cloud(world.aws, executor)
    executor.close()
    await runner.cleanup()


def order(script: str = "echo hello", **changes: Any) -> Order:
    target = Target(asset_name="acme-web-01", cloud_ref=WEB, platform=Platform.LINUX, region=REGION)
    values: dict[str, Any] = {
        "run_id": "01kb0000000000000000000000",
        "step": StepName.MAIN,
        "executor": "aws_ssm",
        "account": ACCOUNT,
        "cloud": Place(role_arn=ROLE, external_id=EXTERNAL_ID, region=REGION),
        "region": REGION,
        "session_name": "aw-01kb0000000000000000000000-Max",
        "session_tags": {"aw-approved-by": "Max"},
        "approver": "Max",
        "targets": (target,),
        "platform": Platform.LINUX,
        "script": f"#!/bin/bash\n{script}",
        "timeout": timedelta(seconds=60),
    }
    return Order(**values | changes)


def on(name: str, ref: str, platform: Platform = Platform.LINUX) -> dict[str, Any]:
    target = Target(asset_name=name, cloud_ref=ref, platform=platform, region=REGION)
    return {"targets": (target,), "platform": platform}


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
        (on("acme-web-02", OFF), f"acme-web-02 ({OFF}) is offline"),
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
    assert result.detail == "output cut by AWS at 24,000 characters"


async def test_one_assumed_session_serves_a_whole_run_and_no_other_persons(cloud: Cloud) -> None:
    await asyncio.gather(*(cloud.executor.find(order()) for _ in range(4)))
    before = len(cloud.executor._sessions)
    await cloud.executor.find(order(session_name="aw-other-Ana"))
    assert (before, len(cloud.executor._sessions)) == (1, 2)


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

"""The Azure executor against the sandbox's Azure: real scripts on pretend machines, and every refusal in words."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engine.errors import Ambiguous, Permanent, Transient
from engine.identifiers import new_id
from runbooks import catalogue
from runbooks.carry_out import Lost, Send, Sent, act
from runbooks.executors.azure import AzureRunCommand, name_of
from runbooks.executors.azure_arm import AzureApp
from runbooks.executors.gcp import REASON, GcpRefusal
from runbooks.operations import carry
from runbooks.operations.decide import cancel
from runbooks.run import RunStatus, StepName, TargetStatus
from runbooks.runbook import Platform
from sandbox.azure.commands import Pace
from tests.runbooks.azure import (
    CLIENT,
    OTHER,
    OTHER_TENANT,
    PLACE,
    SECRET,
    SUBSCRIPTION,
    TENANT,
    Azure,
    order,
    ref,
)
from tests.runbooks.memory import ACME, ASSETS, KIM, NOW, Memory, acting
from tests.runbooks.test_request import ask

LIBRARY = catalogue.load()


async def test_a_script_runs_and_gives_code_and_output(azure: Azure) -> None:
    good = (await azure.carry_out(order("echo out; echo err >&2"))).results[0]
    assert (good.status, good.exit_code, good.stdout, good.stderr) == (
        TargetStatus.SUCCEEDED,
        0,
        "out\n",
        "err\n",
    )
    (first,) = azure.commands()
    bad = (await azure.carry_out(order("echo no; exit 4", run_id="01other"))).results[0]
    assert (bad.status, bad.exit_code, bad.detail) == (TargetStatus.FAILED, 4, "")
    assert first.tags == {"aw-run": "01kb0000000000000000000000", "aw-approved-by": "Max"}


async def test_several_machines_each_have_a_result(azure: Azure) -> None:
    both = order('hostname; [ "$(hostname)" = acme-vm-01 ]', "acme-vm-01", "acme-vm-02")
    seen = await azure.carry_out(both)
    assert [(one.asset_name, one.status, one.stdout) for one in seen.results] == [
        ("acme-vm-01", TargetStatus.SUCCEEDED, "acme-vm-01\n"),
        ("acme-vm-02", TargetStatus.FAILED, "acme-vm-02\n"),
    ]


async def test_a_second_start_of_the_same_step_adopts_the_first(azure: Azure) -> None:
    first = await azure.executor.start(order("sleep 1; echo once"))
    assert await azure.executor.find(order()) is not None
    again = await azure.executor.start(order("sleep 1; echo once"))
    seen = await azure.until_over(order(), again)
    assert (seen.results[0].stdout, first["name"]) == ("once\n", again["name"])
    assert azure.executions == 1
    assert await azure.executor.find(order(step=StepName.VERIFY)) is None


@pytest.mark.parametrize("do", ["lost_reply", "status"])
async def test_an_answer_that_is_lost_is_looked_up(azure: Azure, do: str) -> None:
    azure.fault("PutRunCommand", do)
    outcome = await act(azure.executor, Send(order=order(), look_first=False))
    if do == "lost_reply":
        assert isinstance(outcome, Sent)
        assert (await azure.until_over(order(), outcome.reference)).results[0].stdout == "hello\n"
        assert azure.executions == 1
    else:
        assert isinstance(outcome, Lost)
        assert azure.executions == 0


async def test_a_doubt_that_cannot_be_looked_up_stays_a_doubt(azure: Azure) -> None:
    azure.fault("PutRunCommand", "lost_reply")
    azure.fault("GetRunCommand", "error", error="ResourceNotFound", status=404)  # before the attempt
    azure.fault("GetRunCommand", "ratelimited")
    with pytest.raises(Ambiguous):
        await azure.executor.start(order())
    assert await azure.executor.find(order()) is not None


async def test_a_refusal_on_one_machine_is_its_result_and_no_other_ones(azure: Azure) -> None:
    both = order("echo fine", "acme-vm-01", "acme-vm-02")
    azure.fault("PutRunCommand", "error", error="Conflict", status=409)
    seen = await azure.carry_out(both)
    assert sorted(one.status for one in seen.results) == [TargetStatus.FAILED, TargetStatus.SUCCEEDED]
    bad = next(one for one in seen.results if one.status is TargetStatus.FAILED)
    assert bad.detail.startswith("Azure is changing that machine just now")
    assert azure.executions == 1


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("gone",), f"gone (gone) is not there in subscription {SUBSCRIPTION}. Correct the inventory."),
        (
            ("acme-off",),
            "acme-off (acme-off) is switched off (deallocated) in Azure. Start it, then run it again.",
        ),
        (
            ("acme-deaf",),
            "acme-deaf (acme-deaf) cannot take commands: its Azure VM agent is not ready. Restart it.",
        ),
        (
            ("acme-win",),
            "acme-win (acme-win) is a windows machine, the inventory says linux: correct it there.",
        ),
    ],
)
async def test_a_machine_that_cannot_take_commands_is_named(
    azure: Azure, names: tuple[str, ...], words: str
) -> None:
    with pytest.raises(Permanent) as refused:
        await azure.executor.start(order("true", "acme-vm-01", *names))
    assert str(refused.value) == words
    assert azure.executions == 0


ON_A_CARD = 200
"""Characters of an outcome on an incident's card."""

VM = "Microsoft.Compute/virtualMachines"


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (f"{VM}/read", f"may not do {VM}/read in subscription {SUBSCRIPTION}"),
        (f"{VM}/runCommands/read", f"may not do {VM}/runCommands/read"),
        (f"{VM}/runCommands/write", f"may not do {VM}/runCommands/write"),
    ],
)
async def test_a_missing_permission_is_named(azure: Azure, action: str, words: str) -> None:
    azure.world.denied[SUBSCRIPTION].add(action)
    with pytest.raises(Permanent) as refused:
        await azure.executor.start(order())
    assert words in str(refused.value)
    assert str(refused.value).endswith(": assign the role of `aw company access` there.")
    assert len(str(refused.value)) <= ON_A_CARD


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"secret": "wrong"}, "does not accept AZURE_CLIENT_SECRET"),
        ({"client_id": "somebody"}, "unknown in the tenant"),
        ({"client_id": ""}, "set AZURE_CLIENT_ID and AZURE_CLIENT_SECRET"),
    ],
)
async def test_an_application_that_may_not_sign_in(azure: Azure, change: dict[str, str], words: str) -> None:
    ours = AzureApp(
        client_id=CLIENT, secret=SECRET, authority=f"{azure.url}/login", management=f"{azure.url}/arm"
    )
    executor = AzureRunCommand(replace(ours, **change))
    try:
        with pytest.raises(Permanent, match=words):
            await executor.start(order())
    finally:
        await executor.close()


@pytest.mark.parametrize(
    ("cloud", "account", "target", "words"),
    [
        (replace(PLACE, tenant_id="0" * 36), SUBSCRIPTION, ref("acme-vm-01"), "There is no Azure tenant"),
        (
            replace(PLACE, tenant_id=OTHER_TENANT),
            SUBSCRIPTION,
            ref("acme-vm-01"),
            "belongs to another tenant",
        ),
        (PLACE, SUBSCRIPTION, ref("globex-vm", "g", OTHER), "acme-vm-01 is not in subscription"),
        (PLACE, OTHER, ref("globex-vm", "g", OTHER), f"The company has no subscription {OTHER}"),
        (PLACE, SUBSCRIPTION, ref("x", "nowhere"), "is not there in subscription"),
    ],
)
async def test_another_tenants_machine_is_never_reached(
    azure: Azure, cloud: Any, account: str, target: str, words: str
) -> None:
    one = replace(order().targets[0], cloud_ref=target)
    with pytest.raises(Permanent, match=words):
        await azure.executor.start(order(cloud=cloud, account=account, targets=(one,)))
    assert azure.executions == 0


async def test_throttling_is_no_failure_and_says_when_to_come_back(azure: Azure) -> None:
    azure.fault("PutRunCommand", "ratelimited", retry_after=7)
    with pytest.raises(Transient) as slow:
        await azure.executor.start(order())
    assert not isinstance(slow.value, Ambiguous)
    assert slow.value.retry_after == timedelta(seconds=7)
    assert azure.executions == 0
    assert (await azure.carry_out(order())).results[0].status is TargetStatus.SUCCEEDED


async def test_a_token_that_has_run_out_is_replaced(azure: Azure) -> None:
    reference = await azure.executor.start(order())
    azure.world.now = lambda: datetime.now(UTC) + timedelta(hours=2)
    with pytest.raises(Transient, match="had run out"):
        await azure.executor.poll(order(), reference)
    assert (await azure.until_over(order(), reference)).results[0].status is TargetStatus.SUCCEEDED


async def test_a_script_that_is_too_long_never_leaves(azure: Azure) -> None:
    with pytest.raises(Permanent, match="too long for Azure"):
        await azure.executor.start(order("#" * 70_000))


async def test_a_version_that_azure_no_longer_speaks_is_said(
    azure: Azure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandbox.azure.app.VERSIONS", ("2030-01-01",))
    with pytest.raises(Permanent, match="no longer speaks the version"):
        await azure.executor.start(order())


async def test_a_time_limit_stops_it(azure: Azure) -> None:
    azure.world.pace = Pace(time_scale=0.01)
    result = (await azure.carry_out(order("sleep 30"))).results[0]
    assert (result.status, result.detail) == (TargetStatus.TIMED_OUT, "it was stopped after its time limit")


async def test_the_end_of_long_output_is_kept_and_said_so(azure: Azure) -> None:
    result = (await azure.carry_out(order("seq 1 5000"))).results[0]
    assert result.stdout.endswith("4999\n5000\n")
    assert result.note == "Azure keeps the last 4,096 bytes of output only"


async def test_a_run_is_cancelled_and_what_ended_keeps_its_result(azure: Azure) -> None:
    both = order('[ "$(hostname)" = acme-vm-01 ] || sleep 30', "acme-vm-01", "acme-vm-02")
    reference = await azure.executor.start(both)
    for _ in range(100):
        seen = await azure.executor.poll(both, reference)
        if [one.status.finished for one in seen.results] == [True, False] and azure.executions == 2:
            break
        await asyncio.sleep(0.05)
    assert seen.waiting_text == "Running on acme-vm-02"
    await azure.executor.cancel(both, reference)
    done = await azure.until_over(replace(both, cancelled=True), reference)
    assert [one.status for one in done.results] == [TargetStatus.SUCCEEDED, TargetStatus.CANCELLED]


async def test_run_commands_of_former_days_are_taken_away(azure: Azure) -> None:
    old = order(run_id=new_id(datetime.now(UTC) - timedelta(days=2)))
    new = order(run_id=new_id(datetime.now(UTC)))
    await azure.carry_out(old)
    await azure.carry_out(new)
    await azure.carry_out(replace(new, step=StepName.VERIFY))
    await asyncio.sleep(0.3)
    assert sorted(azure.world.vm("acme-vm-01").commands) == sorted(
        (name_of(new), name_of(replace(new, step=StepName.VERIFY)))
    )


async def test_what_never_appears_was_not_started(azure: Azure) -> None:
    reference = await azure.executor.start(order())
    azure.world.vm("acme-vm-01").commands.clear()
    assert not (await azure.executor.poll(order(), reference)).finished
    late = {**reference, "sent_at": (datetime.now(UTC) - timedelta(minutes=2)).isoformat()}
    result = (await azure.executor.poll(order(), late)).results[0]
    assert (result.status, result.detail) == (
        TargetStatus.FAILED,
        "Azure has no such run command: it was not started",
    )


async def test_without_a_network_nothing_was_sent() -> None:
    nowhere = AzureApp(
        client_id=CLIENT, secret=SECRET, authority="http://127.0.0.1:1", management="http://127.0.0.1:1"
    )
    executor = AzureRunCommand(nowhere)
    try:
        with pytest.raises(Transient, match="could not be reached") as away:
            await executor.start(order())
        assert not isinstance(away.value, Ambiguous)
    finally:
        await executor.close()


def _in_azure() -> Memory:
    asset = replace(ASSETS[0], cloud_ref=ref("acme-vm-01"))
    return Memory(company=replace(ACME, clouds=(PLACE,)), assets=(asset,))


async def test_from_the_request_to_the_verified_outcome(azure: Azure) -> None:
    azure.world.vm("acme-vm-01").machine.break_("fill-disk")
    tx = _in_azure()
    run = await ask(tx, "disk-clean-up", {"threshold_percent": 80})
    for _ in range(200):
        step = await carry.next_step(tx, run.id, catalogue=LIBRARY, now=NOW)
        if step is None:
            break
        await carry.settle(tx, run.id, await act(azure.executor, step), now=NOW)
        await asyncio.sleep(0.05)
    done = tx.runs.found[run.id]
    assert (done.status, done.executor) == (RunStatus.SUCCEEDED, "azure"), done
    assert done.outcome.endswith(" % full, the limit is 80 %.")
    assert azure.executions == 2, "the script and its check, once each"


async def test_a_cancelled_run_ends_as_cancelled(azure: Azure) -> None:
    tx = _in_azure()
    run = await ask(tx)
    step = await carry.next_step(tx, run.id, catalogue=LIBRARY, now=NOW)
    assert isinstance(step, Send)
    slow = replace(step, order=replace(step.order, script="#!/bin/bash\nsleep 30"))
    await carry.settle(tx, run.id, await act(azure.executor, slow), now=NOW)
    await cancel(tx, run.id, actor=acting(KIM), now=NOW)
    stop = await carry.next_cancel(tx, run.id)
    assert stop is not None
    await carry.settle(tx, run.id, await act(azure.executor, stop), now=NOW)
    for _ in range(100):
        poll = await carry.next_step(tx, run.id, catalogue=LIBRARY, now=NOW)
        if poll is None:
            break
        await carry.settle(tx, run.id, await act(azure.executor, poll), now=NOW)
        await asyncio.sleep(0.05)
    done = tx.runs.found[run.id]
    assert (done.status, done.outcome) == (
        RunStatus.CANCELLED,
        "Cancelled by Kim. What it had done by then stays done.",
    )


async def test_powershell_goes_to_a_windows_machine(azure: Azure) -> None:
    result = (await azure.carry_out(order("true", "acme-win", platform=Platform.WINDOWS))).results[0]
    (command,) = azure.commands("acme-win")
    assert command.executions == 1
    assert result.status in (TargetStatus.SUCCEEDED, TargetStatus.FAILED)  # pwsh may not be on this host
    assert TENANT != OTHER_TENANT


async def test_nothing_runs_in_google_cloud_and_it_says_why() -> None:
    outcome = await act(GcpRefusal(), Send(order=order(), look_first=False))
    assert getattr(outcome, "why", "") == REASON
    assert await GcpRefusal().find(order()) is None

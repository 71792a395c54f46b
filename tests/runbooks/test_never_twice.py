"""Whatever goes wrong between us and a cloud, and wherever this program is killed: no script is started twice.

AW_TEST_TROUBLES sets how many troubled runs are tried; a failure names the seed of its run.
"""

from __future__ import annotations

import os
import random
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.effects import SEND_WITHIN
from bot.worker import RUN_LEASE
from runbooks.carry_out import Denied, Lost, NotSent, Send, Sent, Unclear, act
from runbooks.executors.azure import AzureRunCommand, name_of
from runbooks.executors.azure_arm import AzureApp
from tests.runbooks import aws as amazon
from tests.runbooks import azure as microsoft
from tests.runbooks.aws import Cloud
from tests.runbooks.azure import Azure

TROUBLES = int(os.environ.get("AW_TEST_TROUBLES", "10"))
WAYS = ("lost_reply", "reset", "status", "ratelimited")
AZURE_CALLS = ("SignIn", "GetVirtualMachine", "ListRunCommands", "GetRunCommand", *["PutRunCommand"] * 4)
AWS_CALLS = ("AssumeRole", "DescribeInstanceInformation", "ListCommands", *["SendCommand"] * 4)
ENDS = (Sent, NotSent, Unclear, Lost, Denied)


async def _start(executor: Any, order: Any, dice: random.Random) -> Any:
    """What a worker does with one start: again while nothing was taken, and looked up after a kill."""
    killed = False
    for _ in range(8):
        outcome = await act(executor, Send(order=order, look_first=killed))
        assert isinstance(outcome, ENDS)
        if (
            dice.random() < 0.3
        ):  # killed between the call and the commit: what came of it is not known any more
            killed = True
            continue
        if isinstance(outcome, NotSent):
            continue
        if isinstance(outcome, Unclear):
            killed = True
            continue
        return outcome
    return outcome


@pytest.mark.parametrize("seed", range(TROUBLES))
async def test_in_azure(azure: Azure, seed: int) -> None:
    dice = random.Random(seed)
    names = ("acme-vm-01", "acme-vm-02")[: dice.choice((1, 2))]
    order = microsoft.order("true", *names, run_id=f"01trouble{seed:05}")
    for _ in range(dice.randint(1, 4)):
        azure.fault(dice.choice(AZURE_CALLS), dice.choice(WAYS), times=dice.choice((1, 1, 2)))
    outcome = await _start(azure.executor, order, dice)
    azure.world.faults.clear()
    if isinstance(outcome, Sent):
        reference = dict(outcome.reference) | {"sent_at": "2020-01-01T00:00:00+00:00"}
        await azure.until_over(order, reference)
    for name in names:
        assert [one.executions for one in azure.commands(name)] in ([], [1]), (seed, name)
        assert {one.name for one in azure.commands(name)} <= {name_of(order)}


@pytest.mark.parametrize("seed", range(TROUBLES))
async def test_in_aws(cloud: Cloud, seed: int) -> None:
    dice = random.Random(seed)
    order = amazon.order("true", run_id=f"01trouble{seed:05}")
    for _ in range(dice.randint(1, 3)):
        cloud.fault(dice.choice(AWS_CALLS), dice.choice(WAYS), times=dice.choice((1, 1, 2)))
    outcome = await _start(cloud.executor, order, dice)
    cloud.aws.faults.clear()
    sent = [one for one in cloud.commands if one.comment == order.comment]
    assert len(sent) <= 1, seed
    if isinstance(outcome, Sent):
        assert len(sent) == 1, seed


async def test_two_workers_that_both_believe_it_is_theirs(azure: Azure) -> None:
    """A lease that ran out while its holder was only slow: the second one adopts what the first began."""
    ours = AzureApp(
        client_id=microsoft.CLIENT,
        secret=microsoft.SECRET,
        authority=f"{azure.url}/login",
        management=f"{azure.url}/arm",
    )
    second = AzureRunCommand(ours)
    try:
        order = microsoft.order("echo once")
        reference = await azure.executor.start(order)
        again = await second.start(replace(order))
        assert again["name"] == reference["name"]
        await azure.until_over(order, again)
    finally:
        await second.close()
    assert azure.executions == 1


async def test_who_stood_still_for_too_long_sends_nothing(azure: Azure, cloud: Cloud) -> None:
    """Somebody else has taken over meanwhile, has looked for the command, and may have told people that it is gone."""
    late = time.monotonic() - 0.001
    for executor, order in ((azure.executor, microsoft.order()), (cloud.executor, amazon.order())):
        outcome = await act(executor, Send(order=replace(order, send_by=late), look_first=False))
        assert isinstance(outcome, NotSent)
        assert "took too long" in outcome.why
    assert azure.executions == 0
    assert cloud.commands == []


def test_a_start_is_sent_before_anybody_can_take_it_over() -> None:
    assert timedelta(seconds=SEND_WITHIN) < RUN_LEASE

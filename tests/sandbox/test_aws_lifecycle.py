"""The life of a command: Pending, InProgress, and each of its ends, with the output as the real service cuts it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandbox.aws.commands import Pace, Status, summary
from tests.sandbox.aws_fixtures import (
    APP,
    AWAY,
    DB,
    WEB,
    WINDOWS,
    Cloud,
    call,
    cloud,
    ended,
    gone,
    grown,
    send,
    until,
)


@pytest.fixture
async def aws(tmp_path: Path) -> AsyncIterator[Cloud]:
    async with cloud(tmp_path) as made:
        yield made


async def test_a_script_succeeds_with_its_output(aws: Cloud) -> None:
    got = await aws.run("echo out; echo err >&2; pwd", Comment="RUN-1", Parameters={
        "commands": ["echo out; echo err >&2", "pwd"], "workingDirectory": ["/var/log"], "executionTimeout": ["9"],
    })  # fmt: skip

    assert (got["Status"], got["StatusDetails"], got["ResponseCode"]) == ("Success", "Success", 0)
    assert (got["StandardOutputContent"], got["StandardErrorContent"]) == ("out\n/var/log\n", "err\n")
    assert (got["Comment"], got["PluginName"]) == ("RUN-1", "aws:runShellScript")
    assert got["ExecutionStartDateTime"] < got["ExecutionEndDateTime"]


async def test_a_script_fails_with_its_exit_code(aws: Cloud) -> None:
    got = await aws.run("#!/bin/bash\nset -euo pipefail\necho before\nexit 7")

    assert (got["Status"], got["StatusDetails"], got["ResponseCode"]) == ("Failed", "Failed", 7)
    assert got["StandardOutputContent"] == "before\n"
    assert got["StandardErrorContent"] == "failed to run commands: exit status 7"


async def test_it_is_pending_then_in_progress_and_shows_no_output_until_it_ends(aws: Cloud) -> None:
    ssm = await aws.ssm()
    sent = await send(ssm, "echo early; sleep 1; echo late", WEB)
    assert (sent["Status"], sent["StatusDetails"]) == ("Pending", "Pending")

    running = await until(ssm, sent["CommandId"], WEB, ("InProgress",))

    assert (running["StandardOutputContent"], running["ResponseCode"]) == ("", -1)
    (listed,) = (await call(ssm.list_commands, CommandId=sent["CommandId"]))["Commands"]
    assert (listed["Status"], listed["CompletedCount"]) == ("InProgress", 0)
    got = await ended(ssm, sent["CommandId"])
    assert got["StandardOutputContent"] == "early\nlate\n"


async def test_output_is_cut_where_aws_cuts_it(aws: Cloud) -> None:
    ssm = await aws.ssm()
    script = "#!/bin/bash\nhead -c 30000 /dev/zero | tr '\\0' o; head -c 9000 /dev/zero | tr '\\0' e >&2"
    sent = await send(ssm, script, WEB)

    got = await ended(ssm, sent["CommandId"])

    assert got["StandardOutputContent"] == "o" * 24_000
    assert got["StandardErrorContent"] == "e" * 8_000
    answer = await call(ssm.list_command_invocations, CommandId=sent["CommandId"], Details=True)
    (plugin,) = answer["CommandInvocations"][0]["CommandPlugins"]
    assert plugin["Output"] == "o" * 2_500


async def test_endless_output_is_kept_bounded(aws: Cloud) -> None:
    got = await aws.run("#!/bin/bash\nyes | head -c 50000000; echo end >&2")

    assert got["Status"] == "Success"
    assert got["StandardErrorContent"] == "end\n"
    (command,) = aws.world.commands
    assert len(command.invocations[WEB].stdout) == 48_000


async def test_the_short_output_of_a_listing_carries_both_streams(aws: Cloud) -> None:
    ssm = await aws.ssm()
    sent = await send(ssm, "echo fine; echo bad >&2", WEB)
    await ended(ssm, sent["CommandId"])

    answer = await call(ssm.list_command_invocations, CommandId=sent["CommandId"], Details=True)

    (plugin,) = answer["CommandInvocations"][0]["CommandPlugins"]
    assert plugin["Output"] == "fine\n\n----------ERROR-------\nbad\n"
    assert (plugin["Status"], plugin["ResponseCode"]) == ("Success", 0)
    plain = await call(ssm.list_command_invocations, CommandId=sent["CommandId"])
    assert plain["CommandInvocations"][0]["CommandPlugins"] == []


async def test_cancelling_kills_the_script_and_all_it_started(aws: Cloud) -> None:
    ssm = await aws.ssm()
    sent = await send(ssm, "echo begun; (setsid sleep 4711 &) ; sleep 4711", WEB)
    await until(ssm, sent["CommandId"], WEB, ("InProgress",))
    assert await grown("sleep 4711", 2)

    await call(ssm.cancel_command, CommandId=sent["CommandId"])

    got = await ended(ssm, sent["CommandId"])
    assert (got["Status"], got["StatusDetails"], got["ResponseCode"]) == ("Cancelled", "Cancelled", 137)
    assert got["StandardOutputContent"] == "begun\n"
    assert await gone("sleep 4711")


async def test_cancelling_after_the_end_changes_nothing(aws: Cloud) -> None:
    ssm = await aws.ssm()
    sent = await send(ssm, "true", WEB)
    await ended(ssm, sent["CommandId"])

    await call(ssm.cancel_command, CommandId=sent["CommandId"])

    assert (await ended(ssm, sent["CommandId"]))["Status"] == "Success"


async def test_a_script_past_its_execution_timeout_is_killed(aws: Cloud) -> None:
    got = await aws.run("echo begun; sleep 4712", seconds=1)

    assert (got["Status"], got["StatusDetails"], got["ResponseCode"]) == (
        "TimedOut",
        "ExecutionTimedOut",
        137,
    )
    assert got["StandardOutputContent"] == "begun\n"
    assert await gone("sleep 4712")


async def test_an_agent_that_is_away_never_picks_it_up(aws: Cloud) -> None:
    aws.world.pace = Pace(aws.world.pace.listed_after, aws.world.pace.picked_up_after, time_scale=0.02)
    ssm = await aws.ssm()
    sent = await send(ssm, "true", AWAY, TimeoutSeconds=30)

    assert (await until(ssm, sent["CommandId"], AWAY, ("Pending",)))["ResponseCode"] == -1
    got = await ended(ssm, sent["CommandId"], AWAY)

    assert (got["Status"], got["StatusDetails"], got["ResponseCode"]) == ("TimedOut", "DeliveryTimedOut", -1)
    assert got["ExecutionStartDateTime"] == ""
    (listed,) = (await call(ssm.list_commands, CommandId=sent["CommandId"]))["Commands"]
    assert (listed["Status"], listed["DeliveryTimedOutCount"]) == ("TimedOut", 1)


async def test_an_agent_that_comes_back_in_time_runs_it(aws: Cloud) -> None:
    ssm = await aws.ssm()
    sent = await send(ssm, "echo back", AWAY)
    await until(ssm, sent["CommandId"], AWAY, ("Pending",))

    aws.world.break_machine(AWAY, "online")

    assert (await ended(ssm, sent["CommandId"], AWAY))["StandardOutputContent"] == "back\n"


async def test_an_agent_that_goes_away_reports_when_it_is_back(aws: Cloud) -> None:
    ssm = await aws.ssm()
    sent = await send(ssm, "sleep 0.3; echo done", WEB)
    await until(ssm, sent["CommandId"], WEB, ("InProgress",))
    aws.world.break_machine(WEB, "offline")
    await asyncio.sleep(0.6)
    assert (await until(ssm, sent["CommandId"], WEB, ("InProgress",)))["StandardOutputContent"] == ""

    aws.world.break_machine(WEB, "online")

    assert (await ended(ssm, sent["CommandId"]))["StandardOutputContent"] == "done\n"


async def test_a_waiting_command_is_cancelled_without_being_started(aws: Cloud) -> None:
    ssm = await aws.ssm()
    sent = await send(ssm, "touch /tmp/started", AWAY)
    await until(ssm, sent["CommandId"], AWAY, ("Pending",))

    await call(ssm.cancel_command, CommandId=sent["CommandId"], InstanceIds=[AWAY])

    got = await ended(ssm, sent["CommandId"], AWAY)
    assert (got["Status"], got["ResponseCode"]) == ("Cancelled", -1)
    aws.world.break_machine(AWAY, "online")
    assert (await aws.run("ls /tmp", AWAY))["StandardOutputContent"].split() == [
        "systemd-private-1f0c", "upload-7f3a.part",
    ]  # fmt: skip


async def test_one_machine_after_the_other_and_none_after_an_error(aws: Cloud) -> None:
    ssm = await aws.ssm()
    sent = await send(ssm, "exit 1", WEB, DB, APP, MaxConcurrency="1")

    details = []
    for machine in (WEB, DB, APP):
        got = await ended(ssm, sent["CommandId"], machine)
        details.append((got["Status"], got["StatusDetails"]))

    assert sorted(details) == [("Cancelled", "Terminated"), ("Cancelled", "Terminated"), ("Failed", "Failed")]
    (listed,) = (await call(ssm.list_commands, CommandId=sent["CommandId"]))["Commands"]
    assert (listed["Status"], listed["ErrorCount"], listed["CompletedCount"]) == ("Failed", 1, 3)


async def test_powershell_is_run_or_honestly_refused(aws: Cloud) -> None:
    got = await aws.run("Write-Output 'hello'", WINDOWS, document="AWS-RunPowerShellScript")

    if got["Status"] == "Success":
        assert got["StandardOutputContent"].strip() == "hello"
    else:
        assert (got["Status"], got["ResponseCode"], got["StandardOutputContent"]) == ("Failed", 1, "")
        assert "PowerShell (pwsh) is not installed on the host of this sandbox" in got["StandardErrorContent"]


async def test_what_happens_to_a_machine_is_published(aws: Cloud) -> None:
    await aws.run("true", Comment="RUN-5")

    told = [aws.told.get_nowait() for _ in range(aws.told.qsize())]

    seen = [(one["type"], one["machine"]["id"], one["machine"]["last_command"]["status"]) for one in told]
    assert seen == [("machine", WEB, "InProgress"), ("machine", WEB, "Success")]
    assert told[-1]["machine"]["last_command"]["comment"] == "RUN-5"


async def test_stopping_the_world_kills_what_runs_and_removes_the_machines(tmp_path: Path) -> None:
    async with cloud(tmp_path) as aws:
        ssm = await aws.ssm()
        sent = await send(ssm, "sleep 4713", WEB)
        await until(ssm, sent["CommandId"], WEB, ("InProgress",))

    assert await gone("sleep 4713")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("parts", "whole"),
    [
        ("Pending Pending", "Pending"),
        ("Pending Success", "InProgress"),
        ("InProgress Failed", "InProgress"),
        ("Success Success", "Success"),
        ("Success Failed Cancelled", "Failed"),
        ("Success TimedOut Failed", "TimedOut"),
        ("Success Cancelled", "Cancelled"),
        ("Cancelling Success", "Cancelling"),
    ],
)
def test_a_command_s_status_sums_up_its_machines(parts: str, whole: str) -> None:
    assert summary([Status(part) for part in parts.split()]) == whole

"""Systems Manager refuses what the real one refuses, finds what was sent, and fails as scripted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError

from sandbox.aws.commands import Pace
from sandbox.aws.throttle import Rate
from sandbox.faults import Fault
from tests.sandbox.aws_fixtures import APP, AWAY, DB, WEB, WINDOWS, Cloud, call, cloud, ended, refused, send


@pytest.fixture
async def aws(tmp_path: Path) -> AsyncIterator[Cloud]:
    async with cloud(tmp_path) as made:
        yield made


GOOD: dict[str, Any] = {
    "InstanceIds": [WEB],
    "DocumentName": "AWS-RunShellScript",
    "Parameters": {"commands": ["true"]},
}
FIFTY_ONE = [f"i-{number:017d}" for number in range(51)]


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"InstanceIds": ["i-0ffffffffffffffff"]}, "InvalidInstanceId"),
        ({"InstanceIds": []}, "InvalidInstanceId"),
        ({"InstanceIds": ["web-01"]}, "ValidationException"),
        ({"InstanceIds": FIFTY_ONE}, "ValidationException"),
        ({"InstanceIds": [WEB, WEB]}, "DuplicateInstanceId"),
        ({"InstanceIds": [WEB, WINDOWS]}, "UnsupportedPlatformType"),
        ({"DocumentName": "AWS-RunAnything"}, "InvalidDocument"),
        ({"DocumentName": "no spaces please"}, "ValidationException"),
        ({"DocumentVersion": "7"}, "InvalidDocumentVersion"),
        ({"Parameters": {}}, "InvalidParameters"),
        ({"Parameters": {"commands": []}}, "InvalidParameters"),
        ({"Parameters": {"commands": ["true"], "timeout": ["5"]}}, "InvalidParameters"),
        ({"Parameters": {"commands": ["true"], "executionTimeout": ["soon"]}}, "InvalidParameters"),
        ({"Parameters": {"commands": ["true"], "executionTimeout": ["172801"]}}, "InvalidParameters"),
        ({"Parameters": {"commands": ["true"], "workingDirectory": ["/a", "/b"]}}, "InvalidParameters"),
        ({"Parameters": {"commands": ["echo {{ ssm:secret }}"]}}, "InvalidParameters"),
        ({"Parameters": {"commands": ["x" * 70_000]}}, "MaxDocumentSizeExceeded"),
        ({"Comment": "x" * 101}, "ValidationException"),
        ({"TimeoutSeconds": 2_592_001}, "ValidationException"),
        ({"MaxConcurrency": "none"}, "ValidationException"),
        ({"MaxErrors": "-1"}, "ValidationException"),
        ({"NotificationConfig": {"NotificationType": "Command"}}, "ValidationException"),
    ],
)
async def test_a_command_is_refused_and_nothing_is_sent(
    aws: Cloud, changed: dict[str, Any], code: str
) -> None:
    ssm = await aws.ssm()

    assert (await refused(ssm.send_command, **GOOD | changed))[:2] == (code, 400)
    assert aws.world.commands == []


async def test_one_target_is_one_target(aws: Cloud) -> None:
    sent = (await call((await aws.ssm()).send_command, **GOOD))["Command"]

    assert sent["TargetCount"] == 1
    assert sent["InstanceIds"] == [WEB]
    assert [list(command.invocations) for command in aws.world.commands] == [[WEB]]


async def test_unmanaged_machines_are_named_in_the_refusal(aws: Cloud) -> None:
    _, _, message = await refused(
        (await aws.ssm()).send_command, **GOOD | {"InstanceIds": [WEB, "i-0ffffffffffffffff"]}
    )

    assert message == "Instances [[i-0ffffffffffffffff]] not in a valid state for account 222222222222"


async def test_an_operation_that_is_not_offered_says_so(aws: Cloud) -> None:
    assert (await refused((await aws.ssm()).describe_document, Name="AWS-RunShellScript"))[0] == (
        "UnknownOperationException"
    )


async def test_a_new_command_is_not_there_for_a_moment(aws: Cloud) -> None:
    aws.world.pace = Pace(listed_after=timedelta(seconds=2), picked_up_after=timedelta(seconds=0.02))
    ssm = await aws.ssm()
    sent = await send(ssm, "echo early", WEB)
    which = {"CommandId": sent["CommandId"], "InstanceId": WEB}

    assert (await refused(ssm.get_command_invocation, **which))[:2] == ("InvocationDoesNotExist", 400)
    assert (await call(ssm.list_commands))["Commands"] == []
    assert (await call(ssm.list_command_invocations, CommandId=sent["CommandId"]))["CommandInvocations"] == []
    assert (await ended(ssm, sent["CommandId"]))["StandardOutputContent"] == "early\n"


async def test_a_command_is_found_by_its_comment(aws: Cloud) -> None:
    ssm = await aws.ssm()
    since = (datetime.now(UTC) - timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    for comment, machine in (("RUN-1", WEB), ("RUN-2", WEB), ("RUN-3", DB)):
        sent = await send(ssm, "true", machine, Comment=comment)
        await ended(ssm, sent["CommandId"], machine)

    async def comments(**arguments: Any) -> list[str]:
        return [one["Comment"] for one in (await call(ssm.list_commands, **arguments))["Commands"]]

    assert await comments(InstanceId=WEB, Filters=[{"key": "InvokedAfter", "value": since}]) == [
        "RUN-2",
        "RUN-1",
    ]
    assert await comments(Filters=[{"key": "InvokedBefore", "value": since}]) == []
    assert await comments(Filters=[{"key": "Status", "value": "Success"}]) == ["RUN-3", "RUN-2", "RUN-1"]
    assert await comments(Filters=[{"key": "ExecutionStage", "value": "Executing"}]) == []
    assert await comments(Filters=[{"key": "DocumentName", "value": "AWS-RunPowerShellScript"}]) == []
    first = await call(ssm.list_commands, MaxResults=2)
    rest = await call(ssm.list_commands, MaxResults=2, NextToken=first["NextToken"])
    assert [one["Comment"] for one in first["Commands"] + rest["Commands"]] == ["RUN-3", "RUN-2", "RUN-1"]
    assert "NextToken" not in rest


@pytest.mark.parametrize(
    ("operation", "arguments", "code"),
    [
        ("list_commands", {"NextToken": "nonsense"}, "InvalidNextToken"),
        ("list_commands", {"Filters": [{"key": "Colour", "value": "red"}]}, "InvalidFilterKey"),
        ("list_commands", {"CommandId": "0" * 36}, "InvalidCommandId"),
        ("list_commands", {"MaxResults": 51}, "ValidationException"),
        ("cancel_command", {"CommandId": "0" * 36}, "InvalidCommandId"),
        ("get_command_invocation", {"CommandId": "0" * 36, "InstanceId": WEB}, "InvocationDoesNotExist"),
        (
            "describe_instance_information",
            {"Filters": [{"Key": "Colour", "Values": ["red"]}]},
            "InvalidFilterKey",
        ),
        ("describe_instance_information", {"MaxResults": 51}, "ValidationException"),
        (
            "describe_instance_information",
            {"Filters": [{"Key": "InstanceIds", "Values": ["web"]}]},
            "InvalidInstanceInformationFilterValue",
        ),
    ],
)
async def test_a_question_is_refused(
    aws: Cloud, operation: str, arguments: dict[str, Any], code: str
) -> None:
    assert (await refused(getattr(await aws.ssm(), operation), **arguments))[:2] == (code, 400)


async def test_machines_are_described_page_by_page_and_by_filter(aws: Cloud) -> None:
    ssm = await aws.ssm()

    async def ids(*wanted: dict[str, Any]) -> list[str]:
        pages = ssm.get_paginator("describe_instance_information").paginate(
            Filters=list(wanted), PaginationConfig={"PageSize": 5}
        )
        answers = await asyncio.to_thread(list, pages)
        return [one["InstanceId"] for answer in answers for one in answer["InstanceInformationList"]]

    assert await ids() == [WEB, DB, APP, WINDOWS, AWAY]
    assert await ids({"Key": "PingStatus", "Values": ["ConnectionLost"]}) == [AWAY]
    assert await ids({"Key": "PlatformTypes", "Values": ["Windows"]}) == [WINDOWS]
    assert await ids({"Key": "InstanceIds", "Values": [DB, "i-0ffffffffffffffff"]}) == [DB]
    assert await ids({"Key": "tag:Name", "Values": ["acme-app-01"]}) == [APP]
    aws.world.break_machine(WEB, "offline")
    answer = await call(ssm.describe_instance_information, Filters=[{"Key": "InstanceIds", "Values": [WEB]}])
    (seen,) = answer["InstanceInformationList"]
    assert (seen["PingStatus"], seen["ComputerName"], seen["PlatformType"]) == (
        "ConnectionLost", "acme-web-01", "Linux",
    )  # fmt: skip


async def test_too_many_calls_are_throttled_and_the_sdk_s_retries_get_through(aws: Cloud) -> None:
    aws.world.rates["ListCommands"] = Rate(per_second=4, burst=1)
    ssm = await aws.ssm()

    await call(ssm.list_commands)

    assert await refused(ssm.list_commands) == ("ThrottlingException", 400, "Rate exceeded")
    await call((await aws.ssm(attempts=5)).list_commands)


async def test_a_lost_reply_leaves_the_command_sent(aws: Cloud) -> None:
    ssm = await aws.ssm()
    aws.world.faults.add(Fault(service="ssm", method="SendCommand", do="lost_reply"))

    with pytest.raises(ConnectionClosedError):
        await call(ssm.send_command, **GOOD | {"Comment": "RUN-9"})

    assert [command.comment for command in aws.world.commands] == ["RUN-9"]
    await ended(ssm, aws.world.commands[0].id)


async def test_a_reset_connection_leaves_nothing(aws: Cloud) -> None:
    ssm = await aws.ssm()
    aws.world.faults.add(Fault(service="ssm", method="SendCommand", do="reset"))

    with pytest.raises(ConnectionClosedError):
        await call(ssm.send_command, **GOOD)

    assert aws.world.commands == []


@pytest.mark.parametrize(
    ("fault", "code", "status"),
    [
        ({"do": "status", "status": 503}, "InternalFailure", 503),
        ({"do": "ratelimited"}, "ThrottlingException", 400),
        ({"do": "error", "error": "AccessDeniedException"}, "AccessDeniedException", 403),
    ],
)
async def test_a_scripted_refusal_comes_once(
    aws: Cloud, fault: dict[str, Any], code: str, status: int
) -> None:
    ssm = await aws.ssm()
    aws.world.faults.add(Fault(service="ssm", method="ListCommands", **fault))

    assert (await refused(ssm.list_commands))[:2] == (code, status)
    assert (await call(ssm.list_commands))["Commands"] == []


async def test_a_slow_answer_comes_and_a_hanging_one_does_not(aws: Cloud) -> None:
    ssm = await aws.ssm()
    aws.world.faults.add(Fault(service="ssm", method="ListCommands", do="slow", seconds=0.3))
    began = time.monotonic()
    await call(ssm.list_commands)
    assert time.monotonic() - began >= 0.3

    given = (await aws.assume())["Credentials"]
    impatient = aws.client(
        "ssm", key_id=given["AccessKeyId"], secret=given["SecretAccessKey"], token=given["SessionToken"],
        read_timeout=0.3,
    )  # fmt: skip
    aws.world.faults.add(Fault(service="ssm", method="ListCommands", do="hang", seconds=1))
    with pytest.raises(ReadTimeoutError):
        await call(impatient.list_commands)


async def test_faults_of_sts_speak_its_protocol(aws: Cloud) -> None:
    aws.world.faults.add(Fault(service="sts", method="GetCallerIdentity", do="ratelimited"))

    assert (await refused(aws.client("sts").get_caller_identity))[:2] == ("Throttling", 400)

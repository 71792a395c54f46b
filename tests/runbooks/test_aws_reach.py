"""Several machines, long output, names and permissions: the executor against the sandbox's AWS."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from engine.errors import Permanent, Transient
from runbooks.executors.aws_ssm import AwsSsm
from runbooks.ports import Order, Progress
from runbooks.run import Target, TargetStatus
from runbooks.runbook import Platform
from tests.runbooks.aws import (
    ACCOUNT,
    PLACE,
    REGION,
    ROLE,
    SECOND,
    WEB,
    Cloud,
    order,
)

LONG = "seq 1 30000; seq 1 9000 >&2"


@pytest.mark.parametrize(
    "place", [{"output_bucket": "acme-output", "output_prefix": "/aw/"}, {"output_log_group": "/acme/output"}]
)
async def test_long_output_is_read_from_where_the_company_keeps_it(
    cloud: Cloud, place: dict[str, str]
) -> None:
    result = (await cloud.carry_out(order(LONG, cloud=replace(PLACE, **place)))).results[0]
    assert (result.status, result.note) == (TargetStatus.SUCCEEDED, "")
    assert result.stdout.split() == [str(number) for number in range(1, 30_001)]
    assert result.stderr.split()[-1] == "9000"


@pytest.mark.parametrize(
    ("place", "denied", "why"),
    [
        ({"output_bucket": "somewhere-else"}, "", "There is no such bucket"),
        ({"output_log_group": "nowhere"}, "", "its instance role may lack logs:PutLogEvents"),
        ({"output_bucket": "acme-output"}, "s3:GetObject", f"{ROLE} may not call s3:GetObject"),
        ({"output_log_group": "/acme/output"}, "logs:GetLogEvents", "may not call logs:GetLogEvents"),
    ],
)
async def test_long_output_that_cannot_be_read_is_said_and_no_failure(
    cloud: Cloud, place: dict[str, str], denied: str, why: str
) -> None:
    cloud.aws.roles[ROLE].denied.add(denied)
    result = (await cloud.carry_out(order(LONG, cloud=replace(PLACE, **place)))).results[0]
    assert (result.status, len(result.stdout)) == (TargetStatus.SUCCEEDED, 24_000)
    assert result.note.startswith("output cut by AWS at 24,000 characters; the rest could not be read: ")
    assert why in result.note


def both(script: str = "echo hello") -> Order:
    targets = (
        Target(asset_name="acme-web-01", cloud_ref=WEB, platform=Platform.LINUX, region=REGION),
        Target(
            asset_name="acme-web-03",
            cloud_ref=f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/{SECOND}",
            platform=Platform.LINUX,
            region=REGION,
        ),
    )
    return order(script, targets=targets)


async def test_several_machines_are_one_command_and_have_a_result_each(cloud: Cloud) -> None:
    seen = await cloud.carry_out(both('hostname; [ "$(hostname)" = acme-web-01 ]'))
    assert [(one.asset_name, one.status, one.exit_code) for one in seen.results] == [
        ("acme-web-01", TargetStatus.SUCCEEDED, 0),
        ("acme-web-03", TargetStatus.FAILED, 1),
    ]
    assert [one.stdout for one in seen.results] == ["acme-web-01\n", "acme-web-03\n"]
    assert len(cloud.commands) == 1


async def test_the_client_sees_who_is_behind_a_run(cloud: Cloud) -> None:
    await cloud.executor.find(order())
    (session,) = [one for one in cloud.aws.identities.known if one.is_session]
    assert dict(session.tags) == {"aw-approved-by": "Max"}
    assert session.source_identity == "Max"
    assert session.arn.endswith("/aw-01kb0000000000000000000000-Max")


@pytest.mark.parametrize(
    ("denied", "left"),
    [
        ({"sts:TagSession"}, ((), "Max")),
        ({"sts:SetSourceIdentity"}, ((("aw-approved-by", "Max"),), "")),
        ({"sts:TagSession", "sts:SetSourceIdentity"}, ((), "")),
    ],
)
async def test_a_role_that_allows_no_names_is_used_without_them(
    cloud: Cloud, denied: set[str], left: tuple[Any, str]
) -> None:
    cloud.aws.roles[ROLE].denied.update(denied)
    assert await cloud.executor.find(order()) is None
    (session,) = [one for one in cloud.aws.identities.known if one.is_session]
    assert (session.tags, session.source_identity) == left
    assert set(cloud.executor.sessions.refuses(ROLE)) == denied


@pytest.mark.parametrize(
    "call", ["DescribeInstanceInformation", "SendCommand", "ListCommandInvocations", "GetCommandInvocation"]
)
async def test_a_missing_permission_is_named(cloud: Cloud, call: str) -> None:
    cloud.aws.roles[ROLE].denied.add(f"ssm:{call}")
    with pytest.raises(Permanent) as refused:
        await cloud.carry_out(order())
    assert str(refused.value) == (
        f"The role {ROLE} may not call ssm:{call}. Add it to the role's permissions policy."
    )


async def test_a_script_that_is_too_long_is_refused_in_words(cloud: Cloud) -> None:
    with pytest.raises(Permanent, match="too long for AWS Systems Manager"):
        await cloud.executor.start(order("#" * 70_000))


async def test_an_account_that_asks_for_it_is_asked_less_often(cloud: Cloud) -> None:
    reference = await cloud.executor.start(order())
    for _ in range(2):
        cloud.fault("ListCommandInvocations", "ratelimited", times=2)  # the SDK tries twice
        with pytest.raises(Transient, match="slow down"):
            await cloud.executor.poll(order(), reference)
    pace = cloud.executor._paces[ACCOUNT, REGION]
    assert pace.between == 4 / 50
    for _ in range(3):
        await cloud.executor.poll(order(), reference)
    assert pace.between == pytest.approx(1 / 50)


async def test_an_account_is_asked_so_often_and_no_more(cloud: Cloud) -> None:
    slow = AwsSsm(polls_a_second=0.25)
    try:
        reference = await slow.start(order())
        first, *others = await asyncio.gather(
            *(slow.poll(order(), reference) for _ in range(4)), return_exceptions=True
        )
    finally:
        slow.close()
    assert isinstance(first, Progress)
    refused = [one for one in others if isinstance(one, Transient)]
    assert len(refused) == 2
    assert str(refused[0]).startswith(f"Many runs are being followed in {ACCOUNT}")

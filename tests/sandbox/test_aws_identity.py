"""Who may call the pretend Amazon: signatures, the external id, sessions that end, and what a role is granted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from botocore.exceptions import ClientError

from tests.sandbox.aws_fixtures import (
    ACME,
    GLOBEX,
    HOME,
    KEY_ID,
    OTHER,
    ROLE,
    WEB,
    Cloud,
    call,
    cloud,
    refused,
    send,
)


@pytest.fixture
async def aws(tmp_path: Path) -> AsyncIterator[Cloud]:
    async with cloud(tmp_path) as made:
        yield made


async def test_the_home_user_learns_who_it_is(aws: Cloud) -> None:
    answer = await call(aws.client("sts").get_caller_identity)

    assert (answer["Account"], answer["Arn"]) == (HOME, f"arn:aws:iam::{HOME}:user/alert-whisperer")


@pytest.mark.parametrize(
    ("service", "operation", "arguments", "code", "status"),
    [
        ("sts", "get_caller_identity", {}, "SignatureDoesNotMatch", 403),
        ("ssm", "list_commands", {}, "InvalidSignatureException", 400),
        ("sesv2", "get_account", {}, "InvalidSignatureException", 403),
    ],
)
async def test_a_wrong_secret_is_refused_in_each_service_s_words(
    aws: Cloud, service: str, operation: str, arguments: dict[str, Any], code: str, status: int
) -> None:
    client = aws.client(service, secret="not-the-secret")

    assert (await refused(getattr(client, operation), **arguments))[:2] == (code, status)


@pytest.mark.parametrize(
    ("service", "operation", "code", "status"),
    [
        ("sts", "get_caller_identity", "InvalidClientTokenId", 403),
        ("ssm", "list_commands", "UnrecognizedClientException", 400),
        ("sesv2", "get_account", "UnrecognizedClientException", 403),
    ],
)
async def test_an_unknown_key_is_refused(
    aws: Cloud, service: str, operation: str, code: str, status: int
) -> None:
    client = aws.client(service, key_id="AKIANOBODYNOBODYNOBO")

    got = await refused(getattr(client, operation))

    assert got == (code, status, "The security token included in the request is invalid.")


async def test_a_session_s_key_without_its_token_is_refused(aws: Cloud) -> None:
    given = (await aws.assume())["Credentials"]
    client = aws.client("ssm", key_id=given["AccessKeyId"], secret=given["SecretAccessKey"])

    assert (await refused(client.list_commands))[0] == "UnrecognizedClientException"


async def test_a_tampered_body_and_an_unsigned_request_are_refused(aws: Cloud) -> None:
    captured: dict[str, Any] = {}
    client = aws.client("sts")
    client.meta.events.register("before-send", lambda request, **_: captured.update(request=request))
    await call(client.get_caller_identity)
    signed = captured["request"]
    headers = {
        name: value.decode() if isinstance(value, bytes) else value
        for name, value in signed.headers.items()
        if name != "Content-Length"
    }
    async with ClientSession() as session:
        async with session.post(signed.url, data=signed.body, headers=headers) as answer:
            assert answer.status == 200
        body = b"Action=AssumeRole&Version=2011-06-15"
        async with session.post(signed.url, data=body, headers=headers) as answer:
            assert answer.status == 403
            assert "<Code>SignatureDoesNotMatch</Code>" in await answer.text()
        async with session.post(signed.url, data=signed.body) as answer:
            assert answer.status == 403
            assert "<Code>MissingAuthenticationToken</Code>" in await answer.text()


async def test_a_signature_of_ten_minutes_ago_is_refused(aws: Cloud) -> None:
    aws.world.now = lambda: datetime.now(UTC) + timedelta(minutes=10)

    code, _, message = await refused(aws.client("sts").get_caller_identity)

    assert code == "SignatureDoesNotMatch"
    assert message.startswith("Signature expired: ")


async def test_a_query_string_and_odd_characters_are_part_of_the_signature(aws: Cloud) -> None:
    # no such operation, and yet the signature over path and query has to be right to be told so
    client = aws.client("sesv2")

    code, status, message = await refused(client.list_email_identities, NextToken="a b+c/é~*", PageSize=3)

    assert (code, status) == ("NotFoundException", 404)
    assert "does not offer" in message


async def test_a_role_is_assumed_with_its_external_id(aws: Cloud) -> None:
    answer = await aws.assume(DurationSeconds=900, Tags=[{"Key": "aw-approved-by", "Value": "Maria Röck"}])

    assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{ACME}:assumed-role/AlertWhisperer/kim+RUN-7"
    left = answer["Credentials"]["Expiration"] - datetime.now(UTC)
    assert timedelta(seconds=880) < left <= timedelta(seconds=900)
    kept = aws.world.identities.find(answer["Credentials"]["AccessKeyId"])
    assert kept is not None
    assert kept.tags == (("aw-approved-by", "Maria Röck"),)


@pytest.mark.parametrize(
    "changed",
    [
        {"ExternalId": None},
        {"ExternalId": "aw-acme-7f3a92"},
        {"RoleArn": f"arn:aws:iam::{ACME}:role/Administrator"},
        {"RoleArn": f"arn:aws:iam::{GLOBEX}:role/AlertWhisperer"},
    ],
)
async def test_a_role_is_not_assumed_otherwise(aws: Cloud, changed: dict[str, Any]) -> None:
    with pytest.raises(ClientError) as caught:
        await aws.assume(**changed)

    said = caught.value.response
    assert said["Error"]["Code"] == "AccessDenied"
    assert said["ResponseMetadata"]["HTTPStatusCode"] == 403
    arn = changed.get("RoleArn", ROLE)
    assert said["Error"]["Message"] == (
        f"User: arn:aws:iam::{HOME}:user/alert-whisperer is not authorized to perform: sts:AssumeRole "
        f"on resource: {arn}"
    )


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"DurationSeconds": 3601}, "exceeds the MaxSessionDuration"),
        ({"DurationSeconds": 43201}, "less than or equal to 43200"),
        ({"RoleSessionName": "two words"}, "'roleSessionName' failed to satisfy constraint"),
        ({"RoleSessionName": "x" * 65}, "length less than or equal to 64"),
        ({"ExternalId": "no spaces"}, "'externalId' failed to satisfy constraint"),
        ({"Tags": [{"Key": f"k{n}", "Value": ""} for n in range(51)]}, "'tags' failed to satisfy"),
        ({"Tags": [{"Key": "a", "Value": "<"}]}, "'tags.1.member.value' failed"),
    ],
)
async def test_what_is_malformed_is_a_validation_error(
    aws: Cloud, changed: dict[str, Any], words: str
) -> None:
    with pytest.raises(ClientError) as caught:
        await aws.assume(**changed)

    assert caught.value.response["Error"]["Code"] == "ValidationError"
    assert words in caught.value.response["Error"]["Message"]


async def test_a_session_ends(aws: Cloud) -> None:
    given = (await aws.assume(DurationSeconds=900))["Credentials"]
    keys = {
        "key_id": given["AccessKeyId"],
        "secret": given["SecretAccessKey"],
        "token": given["SessionToken"],
    }
    ssm = aws.client("ssm", **keys)
    await call(ssm.list_commands)
    session = aws.world.identities.find(given["AccessKeyId"])
    assert session is not None
    aws.world.identities.add(replace(session, expires_at=datetime.now(UTC)))

    code, status, _ = await refused(ssm.list_commands)

    assert (code, status) == ("ExpiredTokenException", 400)
    assert (await refused(aws.client("sts", **keys).get_caller_identity))[:2] == ("ExpiredToken", 403)


async def test_a_session_cannot_assume_further_nor_send_mail(aws: Cloud) -> None:
    given = (await aws.assume())["Credentials"]
    keys = {
        "key_id": given["AccessKeyId"],
        "secret": given["SecretAccessKey"],
        "token": given["SessionToken"],
    }

    assert (await call(aws.client("sts", **keys).get_caller_identity))["Account"] == ACME
    code, _, _ = await refused(
        aws.client("sts", **keys).assume_role,
        RoleArn=ROLE,
        RoleSessionName="again",
        ExternalId="aw-acme-7f3a91",
    )
    assert code == "AccessDenied"
    code, status, _ = await refused(aws.client("sesv2", **keys).get_account)
    assert (code, status) == ("AccessDeniedException", 403)


async def test_the_home_user_may_not_touch_machines(aws: Cloud) -> None:
    code, status, message = await refused(aws.client("ssm").list_commands)

    assert (code, status) == ("AccessDeniedException", 400)
    assert "is not authorized to perform: ssm:ListCommands" in message


async def test_accounts_and_regions_do_not_see_each_other(aws: Cloud) -> None:
    ssm = await aws.ssm()
    shown = (await call(ssm.describe_instance_information))["InstanceInformationList"]
    assert OTHER not in {one["InstanceId"] for one in shown}
    assert (await refused(ssm.send_command, InstanceIds=[OTHER], DocumentName="AWS-RunShellScript",
                          Parameters={"commands": ["id"]}))[0] == "InvalidInstanceId"  # fmt: skip
    sent = await send(ssm, "true", WEB)

    elsewhere = await aws.ssm(region="us-east-1")

    assert (await call(elsewhere.describe_instance_information))["InstanceInformationList"] == []
    assert (await refused(elsewhere.list_commands, CommandId=sent["CommandId"]))[0] == "InvalidCommandId"


def test_credentials_do_not_show_when_printed() -> None:
    from sandbox.aws.identities import Identity

    shown = repr(
        Identity(account=HOME, arn="arn", user_id="u", access_key_id=KEY_ID, secret_access_key="s3cr3t")
    )

    assert "s3cr3t" not in shown

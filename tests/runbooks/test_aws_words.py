"""Whatever AWS or the network says becomes one of our errors, in words a person can act on."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from botocore import exceptions as theirs

from engine.errors import Ambiguous, Permanent, Transient
from runbooks.executors.aws_session import source_identity, translated
from runbooks.executors.aws_ssm import AwsSsm
from runbooks.executors.aws_words import STATES, detail_of, refusal, unfit, was_cut, without_agents_line
from runbooks.ports import Order
from runbooks.run import StepName, TargetStatus
from tests.runbooks.memory import ACCOUNT, CLOUD, ROLE
from tests.runbooks.test_run import TARGET

ORDER = Order(
    run_id="01run",
    step=StepName.MAIN,
    executor="aws_ssm",
    account=ACCOUNT,
    cloud=CLOUD,
    approver="Max",
    region="eu-central-1",
    session_name="aw-01run-Max",
    session_tags={},
    targets=(TARGET,),
    platform=TARGET.platform,
    script="true",
    timeout=timedelta(seconds=60),
)


@pytest.mark.parametrize(
    ("call", "code", "status", "kind", "words"),
    [
        (
            "AssumeRole",
            "AccessDenied",
            403,
            Permanent,
            f"AWS refused to assume {ROLE}: wrong external id or missing",
        ),
        ("AssumeRole", "InvalidClientTokenId", 403, Permanent, "AWS does not accept our own AWS credentials"),
        ("AssumeRole", "ValidationError", 400, Permanent, "did not understand this program: “said”"),
        ("AssumeRole", "RegionDisabledException", 403, Permanent, "region is switched off"),
        ("AssumeRole", "Throttling", 400, Transient, "slow down"),
        ("SendCommand", "ThrottlingException", 400, Transient, "slow down"),
        ("SendCommand", "Whatever", 429, Transient, "slow down"),
        ("SendCommand", "InternalServerError", 500, Ambiguous, "a fault of its own"),
        ("SendCommand", "", 503, Ambiguous, "a fault of its own"),
        ("SendCommand", "AccessDeniedException", 400, Permanent, f"{ROLE} may not call ssm:SendCommand"),
        ("SendCommand", "InvalidInstanceId", 400, Permanent, "acme-web-01 (i-0a11) cannot take commands"),
        ("SendCommand", "UnsupportedPlatformType", 400, Permanent, "platform in the inventory"),
        ("SendCommand", "MaxDocumentSizeExceeded", 400, Permanent, "too long"),
        ("SendCommand", "InvalidDocument", 400, Permanent, "command document in 222222222222, eu-central-1"),
        ("ListCommands", "InternalServerError", 500, Transient, "a fault of its own"),
        ("ListCommands", "ExpiredTokenException", 400, Transient, "had run out"),
        (
            "ListCommands",
            "UnrecognizedClientException",
            400,
            Permanent,
            "AWS does not accept our session in 222222222222",
        ),
        ("CancelCommand", "InvalidCommandId", 400, Permanent, "does not know this command"),
    ],
)
def test_an_answer_of_aws(call: str, code: str, status: int, kind: type[Exception], words: str) -> None:
    error = refusal(call, code, "said.", status, ORDER, sending=call == "SendCommand")
    assert type(error) is kind
    assert words in str(error)


def test_throttling_says_when_to_come_back() -> None:
    error = refusal("SendCommand", "ThrottlingException", "", 400, ORDER, sending=True)
    assert isinstance(error, Transient)
    assert error.retry_after == timedelta(seconds=5)


URL = {"endpoint_url": "https://ssm.example"}


@pytest.mark.parametrize(
    ("error", "sending", "reading"),
    [
        (theirs.ReadTimeoutError(**URL), Ambiguous, Transient),
        (theirs.ConnectionClosedError(**URL), Ambiguous, Transient),
        (theirs.HTTPClientError(error="reset"), Ambiguous, Transient),
        (theirs.ConnectTimeoutError(**URL), Transient, Transient),
        (theirs.EndpointConnectionError(**URL), Transient, Transient),
        (theirs.ProxyConnectionError(proxy_url="http://proxy"), Transient, Transient),
        (theirs.NoCredentialsError(), Permanent, Permanent),
        (
            theirs.PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"),
            Permanent,
            Permanent,
        ),
        (theirs.ParamValidationError(report="bad"), Permanent, Permanent),
        (theirs.InvalidRegionError(region_name="no where"), Permanent, Permanent),
        (theirs.SSLError(**URL, error="bad certificate"), Ambiguous, Permanent),
        (theirs.IncompleteReadError(actual_bytes=1, expected_bytes=2), Ambiguous, Transient),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_silence_after_sending_is_ambiguous_and_before_it_is_not(
    error: Exception, sending: type[Exception], reading: type[Exception]
) -> None:
    assert type(translated(error, "SendCommand", sending=True)) is sending
    assert type(translated(error, "ListCommands", sending=False)) is reading


@pytest.mark.parametrize(
    "change",
    [
        {"account": "333333333333"},
        {"cloud": replace(CLOUD, role_arn="")},
        {"cloud": replace(CLOUD, role_arn="not an arn")},
        {"cloud": replace(CLOUD, external_id="")},
        {"targets": ()},
        {"targets": (TARGET,) * 51},
    ],
    ids=str,
)
async def test_an_order_that_does_not_fit_never_reaches_aws(change: dict[str, Any]) -> None:
    executor = AwsSsm()
    try:
        with pytest.raises(Permanent):
            await executor.start(replace(ORDER, **change))
    finally:
        executor.close()


def test_the_states_of_aws() -> None:
    known = {"Pending", "InProgress", "Delayed", "Success", "Cancelled", "TimedOut", "Failed", "Cancelling"}
    assert set(STATES) == known
    assert STATES["Cancelling"] is TargetStatus.IN_PROGRESS


@pytest.mark.parametrize("text", ["DeliveryTimedOut", "Delivery Timed Out", "delivery timed out"])
def test_details_are_read_with_and_without_spaces(text: str) -> None:
    assert detail_of(text) == "the agent on the machine never picked it up"
    assert detail_of("Failed") == ""


def test_a_cut_output_is_known() -> None:
    assert [was_cut("x" * size, 24_000) for size in (0, 23_999, 24_000)] == [False, False, True]
    assert was_cut("x\n---Output truncated---", 24_000)


@pytest.mark.parametrize(
    ("stderr", "own"),
    [
        ("no space\nfailed to run commands: exit status 1", "no space"),
        ("failed to run commands: exit status 127\n", ""),
        (
            "failed to run commands: exit status 1\nand more",
            "failed to run commands: exit status 1\nand more",
        ),
        ("", ""),
    ],
)
def test_the_agents_own_line_does_not_hide_what_the_script_said(stderr: str, own: str) -> None:
    assert without_agents_line(stderr) == own


def test_the_aws_client_is_not_loaded_before_it_is_used() -> None:
    code = (
        "import sys, runbooks.executors.aws_ssm as one; one.AwsSsm().close(); "
        "print(sorted(name for name in sys.modules if name.split('.')[0] in ('boto3', 'botocore')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("details", "words"),
    [
        ("DeliveryTimedOut", "never picked it up"),
        ("ExecutionTimedOut", "stopped after its time limit"),
        ("Undeliverable", "could not be delivered"),
        ("Terminated", "stopped it before"),
        ("InvalidPlatform", "another platform"),
        ("AccessDenied", "not allowed"),
        ("NoInstancesInTag", "no machine"),
        ("RateExceeded", "too many commands"),
        ("Incomplete", "not run on every machine"),
    ],
)
def test_every_detail_of_aws_has_words(details: str, words: str) -> None:
    assert words in detail_of(details)


@pytest.mark.parametrize(
    ("ping", "words"),
    [
        (
            "ConnectionLost",
            "is offline: AWS lost the connection to its agent. Start it or its agent, then run it again.",
        ),
        (
            "Inactive",
            "is offline: its agent is inactive, the machine is switched off or was taken out. "
            "Start it or its agent, then run it again.",
        ),
        (
            "SomethingNew",
            "is offline: AWS has not heard from its agent. Start it or its agent, then run it again.",
        ),
    ],
)
def test_how_a_machine_is_away(ping: str, words: str) -> None:
    assert unfit(TARGET, {"PingStatus": ping}, ORDER) == f"acme-web-01 (i-0a11) {words}"


@pytest.mark.parametrize(
    ("person", "identity"),
    [("Max", "Max"), ("Zoë Müller", "Zo-M-ller"), ("小林", ""), ("x" * 80, "x" * 64), ("", "")],
)
def test_a_person_as_a_source_identity(person: str, identity: str) -> None:
    assert source_identity(person) == identity

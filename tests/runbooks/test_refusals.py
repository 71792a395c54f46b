"""Every refusal that the pretend AWS and Azure know reads well on the card: no code names, and what to do.

The refusals are read from the sandbox's own source, so that a new one cannot be left out of this table.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import sandbox
from bot.cards.incident import cut
from engine.errors import AlertWhispererError, Ambiguous, Permanent, Transient
from runbooks.executors import azure_arm
from runbooks.executors.aws_words import refusal
from runbooks.executors.azure_arm import Answer
from tests.runbooks import aws as amazon
from tests.runbooks import azure as microsoft

SOURCES = Path(sandbox.__file__).parent
CARD = 200
"""Characters of an outcome that the card shows."""

WHAT_TO_DO = re.compile(
    r"\b(Check|[Cc]orrect|Shorten|[Ss]tart|Restart|Run it again|Report|Add|Take one away|Switch it on|Look|assign|"
    r"update this|needs|may lack|has to consent|make a new one|replaced)\b"
)
CODE_NAME = re.compile(r"\b[A-Z][a-z]+(?:[A-Z][a-z]+)+\b")
PROPER = re.compile(
    r"arn:[\w:/-]+|\b(?:ssm|s3|logs):\w+|\bMicrosoft\.[\w/]+|\bAmazonSSMManagedInstanceCore\b"
)
"""What a person has to look for, spelled as it is there: a role, actions in a permissions policy, a policy."""

NEVER_ASKED = {"InvocationDoesNotExist"}
"""Answers that are no refusals: it is only asked again."""

MAIL_ONLY = "ses.py"


def codes(folder: str) -> Iterator[str]:
    """Each code with which a service of the sandbox refuses, by its source."""
    for path in sorted((SOURCES / folder).glob("*.py")):
        if path.name == MAIL_ONLY:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or getattr(node.func, "id", "") not in ("Refusal", "_Words"):
                continue
            for given in [*node.args, *(one.value for one in node.keywords)]:
                for leaf in ast.walk(given):
                    if isinstance(leaf, ast.Constant) and re.fullmatch(
                        r"(?:[A-Z][a-z0-9]+){2,}", str(leaf.value)
                    ):
                        yield str(leaf.value)


AWS = sorted(set(codes("aws")) - NEVER_ASKED)
AZURE = sorted(set(codes("azure")))


def well_said(error: AlertWhispererError, *, code: str) -> None:
    text = cut(str(error), CARD)
    assert text == str(error), f"{len(text)} characters do not fit the card: {error}"
    assert text.endswith((".", "”."))
    assert code not in text
    assert CODE_NAME.findall(PROPER.sub("", text)) == []
    if isinstance(error, Permanent):
        assert WHAT_TO_DO.search(text), f"does not say what to do: {text}"


def test_the_table_is_whole() -> None:
    for code in (
        "InvalidInstanceId",
        "MaxDocumentSizeExceeded",
        "ThrottlingException",
        "AccessDenied",
        "ValidationException",
    ):
        assert code in AWS
    for code in ("AuthorizationFailed", "ResourceNotFound", "OperationNotAllowed", "TooManyRequests"):
        assert code in AZURE


@pytest.mark.parametrize(
    "call", ["AssumeRole", "DescribeInstanceInformation", "SendCommand", "CancelCommand", "GetObject"]
)
@pytest.mark.parametrize("code", AWS)
def test_what_aws_refuses(code: str, call: str) -> None:
    status = 500 if code == "InternalFailure" else 400
    error = refusal(call, code, "said by AWS.", status, amazon.order(), sending=call == "SendCommand")
    assert isinstance(error, Permanent | Transient | Ambiguous)
    well_said(error, code=code)


MESSAGES = {
    "AuthorizationFailed": "The client does not have authorization to perform action "
    "'Microsoft.Compute/virtualMachines/runCommands/write' over scope '/subscriptions/x' or the scope is invalid.",
}


@pytest.mark.parametrize("sending", [True, False])
@pytest.mark.parametrize("code", AZURE)
def test_what_azure_refuses(code: str, sending: bool) -> None:
    status = {"TooManyRequests": 429, "InternalServerError": 500, "ExpiredAuthenticationToken": 401}.get(
        code, 400
    )
    status = 401 if code.startswith("InvalidAuthentication") else status
    answer = Answer(status, code, MESSAGES.get(code, "said by Azure."), None)
    well_said(azure_arm.refusal(answer, microsoft.PLACE, sending=sending), code=code)


SIGN_IN: list[tuple[int, Any]] = [
    (401, "AADSTS7000215: Invalid client secret provided."),
    (401, "AADSTS7000222: The provided client secret keys are expired."),
    (400, "AADSTS700016: Application was not found in the directory."),
    (400, "AADSTS90002: Tenant not found."),
    (429, "slow"),
]


@pytest.mark.parametrize(("status", "text"), SIGN_IN)
def test_why_azure_lets_nobody_sign_in(status: int, text: str) -> None:
    error = azure_arm._no_token(status, {"error_description": text}, microsoft.TENANT)
    assert "AADSTS" not in str(error)
    well_said(error, code="AADSTS")

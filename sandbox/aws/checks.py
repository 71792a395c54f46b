"""What Systems Manager checks of a request before it does anything."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Collection, Mapping
from typing import Any

from sandbox.aws.machine import Shell
from sandbox.aws.wire import Refusal, violation

DOCUMENTS = {"AWS-RunShellScript": Shell.SH, "AWS-RunPowerShellScript": Shell.POWERSHELL}
LARGEST_DOCUMENT = 65_536
"""Bytes of a command document with its parameters filled in."""

INSTANCE_ID = re.compile(r"i-(\w{8}|\w{17})|mi-\w{17}")
_DOCUMENT = re.compile(r"[a-zA-Z0-9_\-.:/]{3,128}")
_EXECUTION_TIMEOUT = re.compile(r"[1-9]\d{0,5}")
_AMOUNT = re.compile(r"[1-9]\d*|[1-9]\d?%|100%")
_ERRORS = re.compile(r"0|[1-9]\d*|\d%|[1-9]\d%|100%")
_PARAMETER_STORE = re.compile(r"\{\{\s*ssm(-secure)?:")
_NOT_OFFERED = (
    "Targets", "DocumentHash", "ServiceRoleArn", "NotificationConfig", "AlarmConfiguration",
)  # fmt: skip


def text(body: Mapping[str, Any], name: str, *, required: bool = False, most: int | None = None) -> str:
    """A string member of a request; empty when it is not there."""
    value = body.get(name)
    field = name[:1].lower() + name[1:]
    if value is None:
        if required:
            raise violation(field, "null", "not be null")
        return ""
    if not isinstance(value, str):
        raise Refusal("SerializationException", f"{name} is not a string")
    if most is not None and len(value) > most:
        raise violation(field, value, f"have length less than or equal to {most}")
    return value


def number(body: Mapping[str, Any], name: str, least: int, most: int, default: int) -> int:
    value = body.get(name, default)
    field = name[:1].lower() + name[1:]
    if not isinstance(value, int) or isinstance(value, bool):
        raise Refusal("SerializationException", f"{name} is not a number")
    if value < least:
        raise violation(field, value, f"have value greater than or equal to {least}")
    if value > most:
        raise violation(field, value, f"have value less than or equal to {most}")
    return value


def instance_ids(body: Mapping[str, Any]) -> list[str]:
    """Member InstanceIds: well-formed, at most 50, none twice."""
    ids = _strings(body.get("InstanceIds") or [], "InstanceIds")
    if len(ids) > 50:
        raise violation("instanceIds", f"[{', '.join(ids)}]", "have length less than or equal to 50")
    for one in ids:
        if not INSTANCE_ID.fullmatch(one):
            raise violation(
                "instanceIds", f"[{one}]", f"satisfy regular expression pattern: {INSTANCE_ID.pattern}"
            )
    if len(set(ids)) < len(ids):
        raise Refusal("DuplicateInstanceId", "You can't specify an instance ID in more than one association.")
    return ids


def document(body: Mapping[str, Any]) -> tuple[str, Shell]:
    """The name of the document without its ARN, and the shell it runs."""
    name = text(body, "DocumentName", required=True)
    if not _DOCUMENT.fullmatch(name):
        raise violation("documentName", name, f"satisfy regular expression pattern: {_DOCUMENT.pattern}")
    short = name.rsplit("document/", 1)[-1]
    if short not in DOCUMENTS:
        raise Refusal("InvalidDocument", f"Document with name {name} does not exist.")
    if text(body, "DocumentVersion") not in ("", "$DEFAULT", "$LATEST", "1"):
        raise Refusal("InvalidDocumentVersion", "The document version is not valid or does not exist.")
    return short, DOCUMENTS[short]


def parameters(body: Mapping[str, Any]) -> tuple[dict[str, list[str]], int]:
    """Member Parameters of the two run-script documents, and its executionTimeout in seconds."""
    given = body.get("Parameters") or {}
    if not isinstance(given, Mapping):
        raise Refusal("SerializationException", "Parameters is not a map")
    checked = {name: _strings(values, name) for name, values in given.items()}
    unknown = sorted(set(checked) - {"commands", "workingDirectory", "executionTimeout"})
    if unknown:
        raise Refusal(
            "InvalidParameters", f"Parameters: [{', '.join(unknown)}] are not defined in the document"
        )
    if not checked.get("commands"):
        raise Refusal("InvalidParameters", "Parameters: [commands] are required and were not given a value")
    for name in ("workingDirectory", "executionTimeout"):
        if len(checked.get(name, [])) > 1:
            raise Refusal("InvalidParameters", f"Parameter {name} is a String and takes one value")
    if any(_PARAMETER_STORE.search(value) for values in checked.values() for value in values):
        raise Refusal("InvalidParameters", "Parameter Store has no parameter of that name in this account.")
    if sum(len(value.encode()) + 4 for values in checked.values() for value in values) > LARGEST_DOCUMENT:
        raise Refusal("MaxDocumentSizeExceeded", "The size limit of a document is 64 KB.")
    timeout = checked.get("executionTimeout", ["3600"])[0]
    if not _EXECUTION_TIMEOUT.fullmatch(timeout) or int(timeout) > 172_800:
        raise Refusal(
            "InvalidParameters", f"Parameter executionTimeout: {timeout} is not a number of 1 to 172800"
        )
    return checked, int(timeout)


def rate_limits(body: Mapping[str, Any]) -> tuple[str, str]:
    """MaxConcurrency and MaxErrors, as given or as the service's defaults."""
    concurrency, errors = text(body, "MaxConcurrency") or "50", text(body, "MaxErrors") or "0"
    if not _AMOUNT.fullmatch(concurrency):
        raise violation(
            "maxConcurrency", concurrency, f"satisfy regular expression pattern: {_AMOUNT.pattern}"
        )
    if not _ERRORS.fullmatch(errors):
        raise violation("maxErrors", errors, f"satisfy regular expression pattern: {_ERRORS.pattern}")
    return concurrency, errors


def output_place(body: Mapping[str, Any]) -> tuple[str, str, str]:
    """Where output goes beside the API: (bucket, key prefix, log group), each empty when it does not."""
    bucket, prefix = text(body, "OutputS3BucketName", most=63), text(body, "OutputS3KeyPrefix", most=500)
    if bucket and len(bucket) < 3:
        raise violation("outputS3BucketName", bucket, "have length greater than or equal to 3")
    logs = body.get("CloudWatchOutputConfig") or {}
    if not isinstance(logs, Mapping):
        raise Refusal("SerializationException", "CloudWatchOutputConfig is not an object")
    group = text(logs, "CloudWatchLogGroupName", most=512) if logs.get("CloudWatchOutputEnabled") else ""
    return bucket, prefix.strip("/"), group


def offered(body: Mapping[str, Any]) -> None:
    """Refuses what this pretend service does not do, rather than ignoring it."""
    asked = [name for name in _NOT_OFFERED if body.get(name)]
    if asked:
        raise Refusal(
            "ValidationException", f"This sandbox does not offer {', '.join(asked)} of SendCommand."
        )


def filters(
    body: Mapping[str, Any], member: str, key: str, values: str, known: Collection[str]
) -> list[tuple[str, list[str]]]:
    """A list of filters as (key, values); refuses keys that are not known. `values` names a string or a list."""
    found: list[tuple[str, list[str]]] = []
    for one in body.get(member) or []:
        name, wanted = one.get(key, ""), one.get(values) or []
        if name not in known and not name.startswith("tag:"):
            raise Refusal("InvalidFilterKey", f"The specified filter key is not valid: {name}")
        found.append((name, [wanted] if isinstance(wanted, str) else _strings(wanted, values)))
    return found


def page(
    body: Mapping[str, Any], items: list[Any], least: int, default: int
) -> tuple[list[Any], dict[str, str]]:
    """The page asked for, and the member NextToken when there is more."""
    size = number(body, "MaxResults", least, 50, default)
    token, start = text(body, "NextToken"), 0
    if token:
        try:
            start = int(base64.urlsafe_b64decode(token.encode()).decode().removeprefix("from:"))
        except (binascii.Error, ValueError):
            raise Refusal("InvalidNextToken", "The specified token is not valid.") from None
    end = start + size
    more = (
        {"NextToken": base64.urlsafe_b64encode(f"from:{end}".encode()).decode()} if end < len(items) else {}
    )
    return items[start:end], more


def _strings(values: object, name: str) -> list[str]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise Refusal("SerializationException", f"{name} is not a list of strings")
    return list(values)

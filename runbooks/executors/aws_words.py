"""What AWS says, in words for a tired technician: error codes and states of Systems Manager."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from engine.errors import AlertWhispererError, Ambiguous, Permanent, Transient
from runbooks.ports import Order
from runbooks.run import Target, TargetStatus

SLOW_DOWN = timedelta(seconds=5)
STDOUT_CUT = 24_000
STDERR_CUT = 8_000

_THROTTLED = frozenset(
    [
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestThrottled",
        "RequestThrottledException",
        "RateExceeded",
        "RequestLimitExceeded",
        "TooManyRequestsException",
        "PriorRequestNotComplete",
        "LimitExceededException",
        "SlowDown",
    ]
)
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized"})
_STALE_SESSION = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
_OUR_KEYS = frozenset(
    [
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "SignatureDoesNotMatch",
        "InvalidAccessKeyId",
        "IncompleteSignature",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "AuthFailure",
    ]
)


def refusal(
    call: str, code: str, message: str, status: int, order: Order, *, sending: bool
) -> AlertWhispererError:
    """The error behind an answer of AWS to `call`; `sending`: the call starts something on a machine."""
    assuming = call == "AssumeRole"
    if code in _THROTTLED or status == 429:
        return Transient("AWS asks us to slow down; trying again in a moment.", retry_after=SLOW_DOWN)
    if status >= 500 or code in ("InternalServerError", "InternalFailure", "ServiceUnavailable"):
        text = f"AWS has a fault of its own ({call}: {code})."
        return Ambiguous(text) if sending else Transient(text)
    if assuming and code in _DENIED:
        return Permanent(
            f"AWS refused to assume {order.cloud.role_arn}: wrong external id or missing trust. "
            "Check the role's trust policy."
        )
    if code in _STALE_SESSION:
        return Transient(f"The AWS session for {order.account} had run out; taking a new one.")
    if code in _OUR_KEYS:
        whose = "Our own AWS credentials are" if assuming else f"The AWS session for {order.account} is"
        return Permanent(f"{whose} not accepted ({code}).")
    if code in _DENIED and call == "GetObject":  # also the answer for what is not there
        return Permanent(
            f"The role {order.cloud.role_arn} may not call s3:GetObject there, or the machine has put nothing there: "
            "its instance role needs s3:PutObject."
        )
    if code in _DENIED:
        return Permanent(
            f"The role {order.cloud.role_arn} may not call {_PREFIX.get(call, 'ssm')}:{call}. "
            "Add it to the role's permissions policy."
        )
    known = _KNOWN.get(code)
    if known:
        return Permanent(known.format(machines=machines(order), place=f"{order.account}, {order.region}"))
    said = f": {message[:200].rstrip('.')}" if message else ""
    return Permanent(f"AWS refused {call} ({code or status}){said}.")


_PREFIX = {"GetLogEvents": "logs"}

_KNOWN = {
    "NoSuchBucket": "There is no such bucket for the output.",
    "NoSuchKey": "The machine has not put its output there; its instance role may lack s3:PutObject.",
    "ResourceNotFoundException": "The machine has not put its output there; its instance role may lack "
    "logs:PutLogEvents.",
    "InvalidInstanceId": "{machines} cannot take commands in {place}: "
    "not running, or not managed by Systems Manager.",
    "DuplicateInstanceId": "{machines}: the same machine was named twice.",
    "InvalidDocument": "AWS does not know the command document in {place}.",
    "UnsupportedPlatformType": "{machines} in {place}: the platform in the inventory is not the machine's.",
    "MaxDocumentSizeExceeded": "The script is too long for AWS Systems Manager.",
    "RegionDisabledException": "The region is switched off in {place}.",
    "PackedPolicyTooLarge": "The names of the people behind this run are too long for an AWS session.",
    "InvalidCommandId": "AWS does not know this command (any more) in {place}.",
}


def machines(order: Order) -> str:
    return ", ".join(f"{target.asset_name} ({target.cloud_ref})" for target in order.targets[:5])


def unfit(target: Target, known: Mapping[str, Any] | None, order: Order) -> str | None:
    """Why this machine cannot take a command; `known`: what DescribeInstanceInformation says of it, if anything."""
    name = f"{target.asset_name} ({target.cloud_ref})"
    if known is None:
        return (
            f"{name} is not managed by Systems Manager in {order.account}, {order.region}: "
            "it is not there, has no agent, or its instance role lacks AmazonSSMManagedInstanceCore."
        )
    if known.get("PingStatus") != "Online":
        last = known.get("LastPingDateTime")
        since = f" since {last.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if isinstance(last, datetime) else ""
        how = _PINGS.get(str(known.get("PingStatus")), "AWS has not heard from its agent")
        return f"{name} is offline: {how}{since}."
    platform = str(known.get("PlatformType", "")).lower()
    if platform and platform != target.platform.value:
        return f"{name} is a {platform} machine, the inventory says {target.platform.value}."
    return None


_PINGS = {
    "ConnectionLost": "AWS lost the connection to its agent",
    "Inactive": "its agent is inactive, the machine is switched off or was taken out",
}

STATES = {
    "Pending": TargetStatus.PENDING,
    "Delayed": TargetStatus.PENDING,
    "InProgress": TargetStatus.IN_PROGRESS,
    "Cancelling": TargetStatus.IN_PROGRESS,
    "Success": TargetStatus.SUCCEEDED,
    "Cancelled": TargetStatus.CANCELLED,
    "TimedOut": TargetStatus.TIMED_OUT,
    "Failed": TargetStatus.FAILED,
}
"""Systems Manager's status of one invocation → ours. An unknown one counts as under way."""

_DETAILS = {
    "deliverytimedout": "the agent on the machine never picked it up",
    "executiontimedout": "it was stopped after its time limit",
    "undeliverable": "it could not be delivered to the machine",
    "terminated": "AWS stopped it before it reached the machine",
    "invalidplatform": "the machine is of another platform",
    "accessdenied": "the machine or the role is not allowed to run it",
    "rateexceeded": "too many commands at once in this account",
    "noinstancesintag": "no machine carries that tag",
    "incomplete": "it did not run on every machine",
}


def detail_of(status_details: str) -> str:
    """Words for a StatusDetails (AWS prints some with spaces), empty when the exit code says it all."""
    return _DETAILS.get(status_details.replace(" ", "").lower(), "")


_AGENTS_OWN_LINE = re.compile(r"\n?failed to run commands: exit status -?\d+\s*\Z")


def without_agents_line(stderr: str) -> str:
    """What the script itself wrote: the agent adds a line with the exit code, which we know already."""
    return _AGENTS_OWN_LINE.sub("", stderr)


def was_cut(text: str, limit: int) -> bool:
    """AWS kept only the beginning of what the script printed."""
    return len(text) >= limit or "---output truncated---" in text[-100:].lower()

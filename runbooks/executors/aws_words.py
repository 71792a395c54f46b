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
        "MissingAuthenticationTokenException",
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
        text = "AWS has a fault of its own just now."
        return Ambiguous(text) if sending else Transient(text)
    if assuming and code in _DENIED:
        return Permanent(
            f"AWS refused to assume {order.cloud.role_arn}: wrong external id or missing trust. "
            "Check the role's trust policy."
        )
    if code in _STALE_SESSION:
        return Transient(f"The AWS session for {order.account} had run out; taking a new one.")
    if code in _OUR_KEYS:
        whose = "our own AWS credentials" if assuming else f"our session in {order.account}"
        return Permanent(
            f"AWS does not accept {whose}: the key is wrong or was replaced, or this machine's clock is off. "
            "Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and the time."
        )
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
    said = message[:80].rstrip(". ") or code or str(status)
    if code in _OUR_FAULT or code.startswith("Invalid"):
        return Permanent(f"AWS did not understand this program: “{said}”. Report it to whoever runs it.")
    return Permanent(
        f"AWS refused it: “{said}” ({code or status}, {call}). Look it up in AWS's documentation."
    )


_OUR_FAULT = frozenset(
    [
        "ValidationException",
        "ValidationError",
        "SerializationException",
        "MalformedInput",
        "UnknownOperationException",
        "RequestEntityTooLarge",
        "NotFoundException",
        "NotImplemented",
    ]
)


_PREFIX = {"GetLogEvents": "logs"}

_KNOWN = {
    "NoSuchBucket": "There is no such bucket for the output: correct it in the company's settings.",
    "NoSuchKey": "The machine has not put its output there; its instance role may lack s3:PutObject.",
    "ResourceNotFoundException": "The machine has not put its output there; its instance role may lack "
    "logs:PutLogEvents.",
    "InvalidInstanceId": "{machines} cannot take commands in {place}: start it, and see that Systems Manager lists it.",
    "DuplicateInstanceId": "{machines}: the same machine was named twice. Take one away in the inventory.",
    "InvalidDocument": "AWS does not know the command document in {place}. Check the region in the inventory.",
    "UnsupportedPlatformType": "{machines}: the platform in the inventory is not the machine's. Correct it there.",
    "MaxDocumentSizeExceeded": "The script is too long for AWS Systems Manager. Shorten it.",
    "RegionDisabledException": "The region is switched off in {place}. Switch it on there, or correct the inventory.",
    "PackedPolicyTooLarge": "The names of the people behind this run are too long for an AWS session. Shorten one.",
    "InvalidCommandId": "AWS does not know this command (any more) in {place}. Look at the machine itself.",
}


def machines(order: Order) -> str:
    """Their names, as many as a card has room for."""
    names = [f"{target.asset_name} ({target.cloud_ref})" for target in order.targets[:2]]
    more = len(order.targets) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")


def unfit(target: Target, known: Mapping[str, Any] | None, order: Order) -> str | None:
    """Why this machine cannot take a command; `known`: what DescribeInstanceInformation says of it, if anything."""
    name = f"{target.asset_name} ({target.cloud_ref})"
    if known is None:
        return (
            f"{name} is not managed by Systems Manager in {order.account}, {order.region}. Check that it is there, "
            "that its agent runs, and that its role has AmazonSSMManagedInstanceCore."
        )
    if known.get("PingStatus") != "Online":
        last = known.get("LastPingDateTime")
        since = f" since {last.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if isinstance(last, datetime) else ""
        how = _PINGS.get(str(known.get("PingStatus")), "AWS has not heard from its agent")
        return f"{name} is offline: {how}{since}. Start it or its agent, then run it again."
    platform = str(known.get("PlatformType", "")).lower()
    if platform and platform != target.platform.value:
        return (
            f"{name} is a {platform} machine, the inventory says {target.platform.value}: correct it there."
        )
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

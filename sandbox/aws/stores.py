"""What keeps output that is too long for Systems Manager: buckets (S3) and log groups (CloudWatch Logs) of accounts.

Sources: the API references of GetObject and GetLogEvents. Agents write here, and the company's role reads.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from sandbox.aws.commands import Command, Invocation
from sandbox.aws.identities import Identity, unauthorized
from sandbox.aws.wire import Refusal

TARGET_PREFIX = "Logs_20140328."
_EVENTS_A_PAGE = 4_000


class Stores:
    """By account. A machine may write to every bucket and group of its account, and to no other."""

    def __init__(self) -> None:
        self.buckets: dict[str, tuple[str, dict[str, bytes]]] = {}
        self.groups: dict[tuple[str, str], dict[str, list[str]]] = {}

    def add_bucket(self, account: str, name: str) -> None:
        self.buckets[name] = (account, {})

    def add_group(self, account: str, name: str) -> None:
        self.groups[account, name] = {}

    def keep(self, command: Command, invocation: Invocation) -> None:
        """What the agent does with the output of one invocation; silent about a place that is not there."""
        account, objects = self.buckets.get(command.bucket, ("", {}))
        streams = self.groups.get((command.account, command.log_group))
        for name, text in (("stdout", invocation.stdout), ("stderr", invocation.stderr)):
            if not text:
                continue
            if account == command.account:
                objects[command.key_of(invocation.machine.id, name)] = text.encode()
            if streams is not None:
                streams[command.stream_of(invocation.machine.id, name)] = text.splitlines()

    def get_object(self, caller: Identity, path: str) -> bytes:
        bucket, _, key = path.partition("/")
        account, objects = self.buckets.get(bucket, ("", {}))
        if not account:
            raise Refusal("NoSuchBucket", "The specified bucket does not exist", 404)
        if account != caller.account:
            raise Refusal("AccessDenied", unauthorized(caller.arn, "s3:GetObject", f"{bucket}/{key}"), 403)
        if key not in objects:
            raise Refusal("NoSuchKey", "The specified key does not exist.", 404)
        return objects[key]

    def get_log_events(self, caller: Identity, raw: bytes) -> dict[str, Any]:
        try:
            body = json.loads(raw)
        except ValueError:
            raise Refusal("SerializationException", "The body is not JSON.") from None
        streams = self.groups.get((caller.account, body.get("logGroupName", "")))
        if streams is None:
            raise Refusal("ResourceNotFoundException", "The specified log group does not exist.")
        lines = streams.get(body.get("logStreamName", ""))
        if lines is None:
            raise Refusal("ResourceNotFoundException", "The specified log stream does not exist.")
        start = _start(body.get("nextToken", ""))
        page = lines[start : start + _EVENTS_A_PAGE]
        events = [{"timestamp": 0, "message": line, "ingestionTime": 0} for line in page]
        return {
            "events": events,
            "nextForwardToken": "f/" + base64.b64encode(str(start + len(page)).encode()).decode(),
            "nextBackwardToken": "b/" + base64.b64encode(str(start).encode()).decode(),
        }


def _start(token: str) -> int:
    if not token:
        return 0
    try:
        return int(base64.b64decode(token.removeprefix("f/")).decode())
    except (binascii.Error, ValueError):
        raise Refusal("InvalidParameterException", "The specified nextToken is invalid.") from None

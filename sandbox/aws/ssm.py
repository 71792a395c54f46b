"""Systems Manager, Run Command: each account and region on its own, with the refusals and the timing of the real one.

Sources: the Systems Manager API reference (SendCommand, GetCommandInvocation, ListCommands, ListCommandInvocations,
CancelCommand, DescribeInstanceInformation) and "Understanding command statuses" in its user guide.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.aws import checks
from sandbox.aws.commands import Command, Dispatch, Invocation, Pace, Status
from sandbox.aws.machine import Machine, Platform, Shell
from sandbox.aws.throttle import Throttle
from sandbox.aws.wire import Refusal, violation

TARGET_PREFIX = "AmazonSSM."
STDOUT_MOST, STDERR_MOST, PLUGIN_MOST = 24_000, 8_000, 2_500
_ERROR_RULER = "\n----------ERROR-------\n"
_COMMAND_FILTERS = ("InvokedAfter", "InvokedBefore", "Status", "ExecutionStage", "DocumentName")
_INSTANCE_FILTERS = (
    "InstanceIds", "PingStatus", "PlatformTypes", "AgentVersion", "ResourceType", "ActivationIds", "IamRole",
    "AssociationStatus", "tag-key",
)  # fmt: skip
AGENT_VERSION = "3.3.3050.0"

Body = Mapping[str, Any]


class Ssm:
    """The service in one account and region. `commands` may be looked at; `pace` and `throttle` may be changed."""

    def __init__(
        self,
        machines: Mapping[str, Machine],
        dispatch: Dispatch,
        pace: Callable[[], Pace],
        throttle: Throttle,
        now: Callable[[], datetime],
        *,
        account: str,
        region: str,
    ) -> None:
        self.patches: dict[str, dict[str, Any]] = {}
        """What Patch Manager found at its last scan, by instance id; without an entry it never scanned."""
        self.commands: list[Command] = []
        self._machines = machines
        self._dispatch = dispatch
        self._pace = pace
        self._throttle = throttle
        self._now = now
        self._account = account
        self._region = region
        self._operations: dict[str, Callable[[Body], dict[str, Any]]] = {
            "SendCommand": self._send_command,
            "GetCommandInvocation": self._get_command_invocation,
            "ListCommands": self._list_commands,
            "ListCommandInvocations": self._list_command_invocations,
            "CancelCommand": self._cancel_command,
            "DescribeInstanceInformation": self._describe_instance_information,
            "DescribeInstancePatchStates": self._describe_instance_patch_states,
        }

    def answer(self, operation: str, raw: bytes) -> dict[str, Any]:
        """The answer to one operation, whose JSON body is `raw`."""
        work = self._operations.get(operation)
        if work is None:
            raise Refusal("UnknownOperationException", f"This sandbox does not offer {operation}.")
        self._throttle.take(operation)
        try:
            body = json.loads(raw or b"{}")
        except ValueError:
            raise Refusal("SerializationException", "The body is not JSON.") from None
        if not isinstance(body, Mapping):
            raise Refusal("SerializationException", "The body is not an object.")
        return work(body)

    def _send_command(self, body: Body) -> dict[str, Any]:
        ids = checks.instance_ids(body)
        comment = checks.text(body, "Comment", most=100)
        delivery = checks.number(body, "TimeoutSeconds", 30, 2_592_000, 3600)
        concurrency, errors = checks.rate_limits(body)
        checks.offered(body)
        bucket, prefix, log_group = checks.output_place(body)
        name, shell = checks.document(body)
        if not ids:
            raise Refusal("InvalidInstanceId", "InstanceIds must name at least one instance.")
        parameters, execution = checks.parameters(body)
        unmanaged = [one for one in ids if one not in self._machines]
        if unmanaged:
            raise Refusal(
                "InvalidInstanceId",
                f"Instances [[{', '.join(unmanaged)}]] not in a valid state for account {self._account}",
            )
        if shell is Shell.SH and any(self._machines[one].platform is Platform.WINDOWS for one in ids):
            raise Refusal(
                "UnsupportedPlatformType",
                f"The document {name} does not support the platform type of the instance: Windows",
            )
        now = self._now()
        command = Command(
            account=self._account,
            region=self._region,
            document=name,
            shell=shell,
            comment=comment,
            parameters=parameters,
            instance_ids=ids,
            requested_at=now,
            listed_at=now + self._pace().listed_after,
            delivery_seconds=delivery,
            execution_seconds=execution,
            max_concurrency=concurrency,
            max_errors=errors,
            document_version=checks.text(body, "DocumentVersion"),
            invocations={one: Invocation(self._machines[one]) for one in ids},
            bucket=bucket,
            prefix=prefix,
            log_group=log_group,
        )
        self.commands.append(command)
        self._dispatch.send(command)
        return {"Command": _command_json(command)}

    def _listed(self) -> list[Command]:
        """The commands that may be seen already, newest first."""
        now = self._now()
        return [command for command in reversed(self.commands) if command.listed_at <= now]

    def _get_command_invocation(self, body: Body) -> dict[str, Any]:
        command_id = checks.text(body, "CommandId", required=True, most=36)
        instance_id = checks.text(body, "InstanceId", required=True)
        plugin = checks.text(body, "PluginName")
        command = next((one for one in self._listed() if one.id == command_id), None)
        if command is None or instance_id not in command.invocations:
            raise Refusal("InvocationDoesNotExist", "")
        if plugin and plugin != command.plugin:
            raise Refusal("InvalidPluginName", f"The command has no plugin {plugin}.")
        invocation = command.invocations[instance_id]
        finished = invocation.status.finished
        return {
            "CommandId": command.id,
            "InstanceId": instance_id,
            "Comment": command.comment,
            "DocumentName": command.document,
            "DocumentVersion": command.document_version or "$DEFAULT",
            "PluginName": command.plugin,
            "ResponseCode": invocation.response_code if finished else -1,
            "ExecutionStartDateTime": _iso(invocation.started_at),
            "ExecutionElapsedTime": _elapsed(invocation),
            "ExecutionEndDateTime": _iso(invocation.ended_at) if invocation.started_at else "",
            "Status": invocation.status,
            "StatusDetails": invocation.details,
            "StandardOutputContent": invocation.stdout[:STDOUT_MOST] if finished else "",
            "StandardOutputUrl": self._url(command, instance_id, "stdout"),
            "StandardErrorContent": invocation.stderr[:STDERR_MOST] if finished else "",
            "StandardErrorUrl": self._url(command, instance_id, "stderr"),
            "CloudWatchOutputConfig": {
                "CloudWatchLogGroupName": command.log_group,
                "CloudWatchOutputEnabled": bool(command.log_group),
            },
        }

    def _url(self, command: Command, instance_id: str, stream: str) -> str:
        """Where the agent puts it, said whether or not it could."""
        if not command.bucket:
            return ""
        key = command.key_of(instance_id, stream)
        return f"https://s3.{self._region}.amazonaws.com/{command.bucket}/{key}"

    def _selected(self, body: Body) -> list[Command]:
        """The listed commands that CommandId, InstanceId and Filters of a request let through."""
        command_id, instance_id = checks.text(body, "CommandId", most=36), checks.text(body, "InstanceId")
        wanted = checks.filters(body, "Filters", "key", "value", _COMMAND_FILTERS)
        found = self._listed()
        if command_id:
            found = [one for one in found if one.id == command_id]
            if not found and all(one.id != command_id for one in self.commands):
                raise Refusal("InvalidCommandId", f"The command {command_id} does not exist.")
        if instance_id:
            found = [one for one in found if instance_id in one.invocations]
        for key, (value, *_) in wanted:
            found = [one for one in found if _passes(one, key, value)]
        return found

    def _list_commands(self, body: Body) -> dict[str, Any]:
        commands, more = checks.page(body, self._selected(body), 1, 50)
        return {"Commands": [_command_json(one) for one in commands], **more}

    def _list_command_invocations(self, body: Body) -> dict[str, Any]:
        instance_id, details = checks.text(body, "InstanceId"), bool(body.get("Details"))
        pairs = [
            (command, invocation)
            for command in self._selected(body)
            for invocation in command.invocations.values()
            if not instance_id or invocation.machine.id == instance_id
        ]
        shown, more = checks.page(body, pairs, 1, 50)
        return {"CommandInvocations": [_invocation_json(*pair, details=details) for pair in shown], **more}

    def _cancel_command(self, body: Body) -> dict[str, Any]:
        command_id = checks.text(body, "CommandId", required=True, most=36)
        ids = checks.instance_ids(body)
        command = next((one for one in self.commands if one.id == command_id), None)
        if command is None:
            raise Refusal("InvalidCommandId", f"The command {command_id} does not exist.")
        if any(one not in command.invocations for one in ids):
            raise Refusal("InvalidInstanceId", f"Instances [{', '.join(ids)}] are not part of the command.")
        for one in ids or command.invocations:
            self._dispatch.cancel(command.invocations[one])
        return {}

    def _describe_instance_patch_states(self, body: Body) -> dict[str, Any]:
        ids = checks.instance_ids(body)
        if not ids:
            raise violation("instanceIds", "null", "not be null")
        scanned = [(one, self.patches[one]) for one in ids if one in self.patches and one in self._machines]
        size = checks.number(body, "MaxResults", 10, 100, 50)
        shown, more = checks.page({**body, "MaxResults": min(size, 50)}, scanned, 10, 50)
        states = [
            {
                "InstanceId": one,
                "PatchGroup": "",
                "BaselineId": "pb-0c10e65780EXAMPLE",
                "OperationStartTime": self._now(),
                "OperationEndTime": self._now(),
                "Operation": "Scan",
                "InstalledCount": 0,
                "MissingCount": 0,
                "FailedCount": 0,
                **state,
            }
            for one, state in shown
        ]
        return {"InstancePatchStates": states, **more}

    def _describe_instance_information(self, body: Body) -> dict[str, Any]:
        wanted = checks.filters(body, "Filters", "Key", "Values", _INSTANCE_FILTERS)
        wanted += checks.filters(body, "InstanceInformationFilterList", "key", "valueSet", _INSTANCE_FILTERS)
        if body.get("Filters") and body.get("InstanceInformationFilterList"):
            raise Refusal(
                "ValidationException", "Filters and InstanceInformationFilterList exclude each other."
            )
        found = sorted(self._machines.values(), key=lambda machine: machine.id)
        for key, values in wanted:
            if key == "InstanceIds" and not all(re.fullmatch(r"m?i-\w{8,17}", value) for value in values):
                raise Refusal(
                    "InvalidInstanceInformationFilterValue", "The specified filter value is not valid."
                )
            found = [machine for machine in found if _instance_value(machine, key) in values]
        shown, more = checks.page(body, found, 5, 10)
        return {
            "InstanceInformationList": [_instance_json(machine, self._now()) for machine in shown],
            **more,
        }


def _passes(command: Command, key: str, value: str) -> bool:
    if key in ("InvokedAfter", "InvokedBefore"):
        try:
            bound = datetime.fromisoformat(value.replace("Z", "+00:00"))
        except ValueError:
            raise Refusal("ValidationException", f"{value} is not a timestamp") from None
        bound = bound if bound.tzinfo else bound.replace(tzinfo=UTC)
        return command.requested_at >= bound if key == "InvokedAfter" else command.requested_at < bound
    if key == "ExecutionStage":
        return (value == "Complete") == command.status.finished
    return value == (command.document if key == "DocumentName" else command.status)


def _instance_value(machine: Machine, key: str) -> str:
    plain = {
        "InstanceIds": machine.id,
        "PingStatus": machine.ping.value,
        "PlatformTypes": machine.platform.value,
        "AgentVersion": AGENT_VERSION,
        "ResourceType": "EC2Instance",
        "tag:Name": machine.name,
        "tag-key": "Name",
    }
    return plain.get(key, "")


def _instance_json(machine: Machine, now: datetime) -> dict[str, Any]:
    return {
        "InstanceId": machine.id,
        "PingStatus": machine.ping,
        "LastPingDateTime": now if machine.online.is_set() else machine.last_ping_at,
        "AgentVersion": AGENT_VERSION,
        "IsLatestVersion": True,
        "PlatformType": machine.platform,
        "PlatformName": machine.template.platform_name,
        "PlatformVersion": machine.template.platform_version,
        "ResourceType": "EC2Instance",
        "IPAddress": "10.0.4.7",
        "ComputerName": machine.name,
        "SourceId": machine.id,
        "SourceType": "AWS::EC2::Instance",
    }


def _command_json(command: Command) -> dict[str, Any]:
    status = command.status
    return {
        "CommandId": command.id,
        "DocumentName": command.document,
        "DocumentVersion": command.document_version or "$DEFAULT",
        "Comment": command.comment,
        "ExpiresAfter": command.requested_at
        + timedelta(seconds=command.delivery_seconds + command.execution_seconds),
        "Parameters": command.parameters,
        "InstanceIds": command.instance_ids,
        "Targets": [],
        "RequestedDateTime": command.requested_at,
        "Status": status,
        "StatusDetails": status,
        "MaxConcurrency": command.max_concurrency,
        "MaxErrors": command.max_errors,
        "TargetCount": len(command.invocations),
        "CompletedCount": command.count(Status.SUCCESS, Status.FAILED, Status.TIMED_OUT, Status.CANCELLED),
        "ErrorCount": command.count(Status.FAILED, Status.TIMED_OUT),
        "DeliveryTimedOutCount": sum(
            one.details == "DeliveryTimedOut" for one in command.invocations.values()
        ),
        "TimeoutSeconds": command.delivery_seconds,
    }


def _invocation_json(command: Command, invocation: Invocation, *, details: bool) -> dict[str, Any]:
    return {
        "CommandId": command.id,
        "InstanceId": invocation.machine.id,
        "InstanceName": invocation.machine.name,
        "Comment": command.comment,
        "DocumentName": command.document,
        "DocumentVersion": command.document_version or "$DEFAULT",
        "RequestedDateTime": command.requested_at,
        "Status": invocation.status,
        "StatusDetails": invocation.details,
        "StandardOutputUrl": "",
        "StandardErrorUrl": "",
        "CommandPlugins": [_plugin_json(command, invocation)] if details else [],
    }


def _plugin_json(command: Command, invocation: Invocation) -> dict[str, Any]:
    finished = invocation.status.finished
    output = invocation.stdout
    if invocation.stderr:
        output += _ERROR_RULER + invocation.stderr
    status = Status.IN_PROGRESS if invocation.status is Status.CANCELLING else invocation.status
    plugin: dict[str, Any] = {
        "Name": command.plugin,
        "Status": status,
        "StatusDetails": invocation.details,
        "ResponseCode": invocation.response_code if finished else -1,
        "Output": output[:PLUGIN_MOST] if finished else "",
        "StandardOutputUrl": "",
        "StandardErrorUrl": "",
    }
    if invocation.started_at is not None:
        plugin["ResponseStartDateTime"] = invocation.started_at
        if invocation.ended_at is not None:
            plugin["ResponseFinishDateTime"] = invocation.ended_at
    return plugin


def _iso(at: datetime | None) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z" if at else ""


def _elapsed(invocation: Invocation) -> str:
    if invocation.started_at is None or invocation.ended_at is None:
        return ""
    return f"PT{(invocation.ended_at - invocation.started_at).total_seconds():.3f}S"

"""What a company's role lets us do, found out without changing anything: readings, and calls about what does not exist.

A call about a command that nobody sent is answered "no such command" by who may call, and "access denied" to who may
not. Sending a command cannot be tried that way. boto3, blocking.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from engine.cloud import Cloud
from engine.errors import AlertWhispererError, Permanent
from runbooks.executors.aws_session import Sessions
from runbooks.ports import Order
from runbooks.run import StepName
from runbooks.runbook import Platform

NOBODYS = "00000000-0000-0000-0000-000000000000"
"""The id of a command that nobody sent."""

_PAGES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """`why_not`: empty for what may be done."""

    action: str
    why_not: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionProof:
    """What was found in one region. `machines`: what DescribeInstanceInformation says, by instance id. `unnamed`: what
    the trust policy does not allow of naming people."""

    proofs: tuple[Proof, ...]
    machines: Mapping[str, Mapping[str, Any]]
    unnamed: tuple[str, ...] = ()


def idle(cloud: Cloud, region: str) -> Order:
    """An order to do nothing: whose account it is, and who asks."""
    return Order(
        run_id="verify",
        step=StepName.MAIN,
        executor="aws_ssm",
        account=cloud.account,
        cloud=cloud,
        region=region,
        session_name="aw-verify",
        session_tags={"aw-run": "verify"},
        approver="aw-verify",
        targets=(),
        platform=Platform.LINUX,
        script="",
        timeout=timedelta(),
    )


def prove(cloud: Cloud, region: str) -> RegionProof:
    """Raises Transient or Permanent when the role cannot be assumed at all."""
    sessions = Sessions(named=True, connections=4)
    order = idle(cloud, region)
    try:
        ssm = sessions.of(order).reader
        machines, listing = _machines(sessions, order)
        some = next(iter(machines), "i-00000000000000000")
        probes: list[tuple[str, str, Callable[..., Any], tuple[str, ...], dict[str, Any]]] = [
            ("ssm", "ListCommands", ssm.list_commands, (), {"MaxResults": 1}),
            (
                "ssm",
                "ListCommandInvocations",
                ssm.list_command_invocations,
                ("InvalidCommandId",),
                {"CommandId": NOBODYS},
            ),
            (
                "ssm",
                "GetCommandInvocation",
                ssm.get_command_invocation,
                ("InvocationDoesNotExist", "InvalidCommandId", "InvalidInstanceId"),
                {"CommandId": NOBODYS, "InstanceId": some},
            ),
            (
                "ssm",
                "CancelCommand",
                ssm.cancel_command,
                ("InvalidCommandId", "InvalidInstanceId"),
                {"CommandId": NOBODYS},
            ),
            (
                "ssm",
                "DescribeInstancePatchStates",
                ssm.describe_instance_patch_states,
                ("InvalidInstanceId",),
                {"InstanceIds": [some]},
            ),
        ]
        if cloud.output_log_group:
            place = {"logGroupName": cloud.output_log_group, "logStreamName": f"{NOBODYS}/none"}
            logs = sessions.other(order, "logs")
            probes.append(
                ("logs", "GetLogEvents", logs.get_log_events, ("ResourceNotFoundException",), place)
            )
        found = [listing]
        for service, call, method, absent, arguments in probes:
            found.append(_proof(f"{service}:{call}", sessions, order, method, absent, arguments))
        return RegionProof(proofs=tuple(found), machines=machines, unnamed=sessions.refuses(cloud.role_arn))
    finally:
        sessions.close()


def patch_states(cloud: Cloud, region: str, instance_ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """What Patch Manager found at its last scan, by instance id; machines it never scanned are not there. Raises
    Transient or Permanent."""
    sessions = Sessions(named=True, connections=4)
    order = idle(cloud, region)
    found: dict[str, Mapping[str, Any]] = {}
    try:
        ssm = sessions.of(order).reader
        for start in range(0, len(instance_ids), 50):
            some = list(instance_ids[start : start + 50])
            answer = sessions.call(
                order,
                "DescribeInstancePatchStates",
                ssm.describe_instance_patch_states,
                InstanceIds=some,
                MaxResults=50,
            )
            found |= {one["InstanceId"]: one for one in answer["InstancePatchStates"]}
        return found
    finally:
        sessions.close()


def machines_in(cloud: Cloud, region: str) -> Mapping[str, Mapping[str, Any]]:
    """What Systems Manager knows in a region, by instance id. Raises Transient or Permanent."""
    sessions = Sessions(named=True, connections=4)
    try:
        found, proof = _machines(sessions, idle(cloud, region))
    finally:
        sessions.close()
    if proof.why_not:
        raise Permanent(proof.why_not)
    return found


def _machines(sessions: Sessions, order: Order) -> tuple[dict[str, Mapping[str, Any]], Proof]:
    found: dict[str, Mapping[str, Any]] = {}
    action = "ssm:DescribeInstanceInformation"
    more: dict[str, Any] = {}
    method = sessions.of(order).reader.describe_instance_information
    try:
        for _ in range(_PAGES):
            answer = sessions.call(order, "DescribeInstanceInformation", method, MaxResults=50, **more)
            found |= {one["InstanceId"]: one for one in answer["InstanceInformationList"]}
            if not answer.get("NextToken"):
                break
            more = {"NextToken": answer["NextToken"]}
    except AlertWhispererError as error:
        return found, Proof(action=action, why_not=str(error))
    return found, Proof(action=action)


def _proof(
    action: str,
    sessions: Sessions,
    order: Order,
    method: Callable[..., Any],
    absent: tuple[str, ...],
    arguments: Mapping[str, Any],
) -> Proof:
    try:
        sessions.call(order, action.partition(":")[2], method, absent=absent, **arguments)
    except AlertWhispererError as error:
        return Proof(action=action, why_not=str(error))
    return Proof(action=action)

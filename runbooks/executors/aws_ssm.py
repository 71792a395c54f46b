"""Runs scripts on EC2 and on-premises machines through AWS Systems Manager, in the company's own account.

boto3 blocks, so every call is made in one bounded pool of threads, and boto3 is imported only when the
first call is. SendCommand has no idempotency token: it is tried once, with the run id in its Comment, and
looked up by that. The endpoints and our own credentials come from where boto3 itself looks for them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from engine.cloud import place_of
from engine.errors import Permanent, Transient
from runbooks.executors import aws_output
from runbooks.executors import aws_words as words
from runbooks.executors.aws_session import Session, Sessions
from runbooks.ports import Order, Progress
from runbooks.run import Target, TargetResult, TargetStatus
from runbooks.runbook import Platform

T = TypeVar("T")

DOCUMENTS = {Platform.LINUX: "AWS-RunShellScript", Platform.WINDOWS: "AWS-RunPowerShellScript"}
MOST_TARGETS = 50
DELIVERY = timedelta(seconds=60)
"""How long AWS may try to hand the command to the agent (AWS takes no less than 30 s)."""

POLLS_A_SECOND = 2.0
"""How often one account and region is asked how its commands stand, whatever the number of runs there."""

_LONGEST_TURN = 5.0
_SLOWEST = 8.0
"""Seconds between two looks at an account that asks us to slow down."""

_LISTED_AFTER = timedelta(seconds=20)
"""ListCommandInvocations is eventually consistent: for this long a missing command is no news."""

_LOOK_BACK = timedelta(days=1)
_LOOK_PAGES = 20


@dataclass(slots=True)
class _Pace:
    """How often one account and region is asked: less often after each time that it was too often."""

    between: float
    next_at: float = 0.0


class AwsSsm:
    """An `Executor`. `session_tags`: also name the people in session tags and source identity, which a company's role
    should allow (`sts:TagSession`, `sts:SetSourceIdentity` in its trust policy); where it does not, and always, the
    session name carries run and person all the same. `looks`: seconds to wait before each look-up of a command that
    may have been taken. `polls_a_second`: for each account and region.
    """

    def __init__(
        self,
        *,
        session_tags: bool = True,
        looks: tuple[float, ...] = (0, 1, 3, 6),
        threads: int = 16,
        polls_a_second: float = POLLS_A_SECOND,
    ) -> None:
        self._looks = looks
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="aws")
        self.sessions = Sessions(named=session_tags, connections=threads)
        self._between = 1 / polls_a_second
        self._paces: dict[tuple[str, str], _Pace] = {}

    def close(self) -> None:
        """Ends the threads and the connections. Calls under way are not waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self.sessions.close()

    async def start(self, order: Order) -> Mapping[str, Any]:
        """Checks that every machine can take a command, then sends it once. Returns its id and time."""
        return await self._in_thread(self._start, order)

    async def find(self, order: Order) -> Mapping[str, Any] | None:
        """Looks for a command whose Comment names this order, a few times, for AWS lists new ones late."""
        for wait in self._looks:
            await asyncio.sleep(wait)
            found = await self._in_thread(self._find, order)
            if found is not None:
                return found
        return None

    async def poll(self, order: Order, reference: Mapping[str, Any]) -> Progress:
        await self._turn_to_poll(order)
        pace = self._paces[order.account, order.region]
        try:
            seen = await self._in_thread(self._poll, order, reference)
        except Transient as error:
            if error.retry_after == words.SLOW_DOWN:
                pace.between = min(_SLOWEST, pace.between * 2)
            raise
        pace.between = max(self._between, pace.between / 2)
        return seen

    async def cancel(self, order: Order, reference: Mapping[str, Any]) -> None:
        await self._in_thread(self._cancel, order, reference)

    async def _turn_to_poll(self, order: Order) -> None:
        """Waits for this account's turn. Raises Transient when that would be long."""
        now = asyncio.get_running_loop().time()
        pace = self._paces.setdefault((order.account, order.region), _Pace(self._between))
        at = max(now, pace.next_at)
        if at - now > _LONGEST_TURN:
            raise Transient(
                f"Many runs are being followed in {order.account}; asking again in a moment.",
                retry_after=timedelta(seconds=_LONGEST_TURN),
            )
        pace.next_at = at + pace.between
        await asyncio.sleep(at - now)

    async def _in_thread(self, work: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work, *args)

    # In a thread from here on.

    def _start(self, order: Order) -> dict[str, Any]:
        _check(order)
        session = self.sessions.of(order)
        self._check_machines(session, order)
        seconds = int(order.timeout.total_seconds())
        order.still_ours()
        answer = self.sessions.call(
            order,
            "SendCommand",
            session.sender.send_command,
            sending=True,
            InstanceIds=[instance_of(target) for target in order.targets],
            DocumentName=DOCUMENTS[order.platform],
            Comment=order.comment,
            TimeoutSeconds=int(DELIVERY.total_seconds()),
            MaxConcurrency=str(MOST_TARGETS),
            MaxErrors=str(MOST_TARGETS),  # one machine that fails says nothing about the others
            Parameters={"commands": order.script.split("\n"), "executionTimeout": [str(seconds)]},
            **aws_output.asked_for(order.cloud),
        )
        return _reference(answer["Command"])

    def _check_machines(self, session: Session, order: Order) -> None:
        """Says clearly which machine AWS cannot reach, instead of letting a command wait for its timeout."""
        ids = [instance_of(target) for target in order.targets]
        known: dict[str, Mapping[str, Any]] = {}
        more: dict[str, Any] = {}
        while True:
            answer = self.sessions.call(
                order,
                "DescribeInstanceInformation",
                session.reader.describe_instance_information,
                Filters=[{"Key": "InstanceIds", "Values": ids}],
                **more,
            )
            known |= {one["InstanceId"]: one for one in answer["InstanceInformationList"]}
            if not answer.get("NextToken"):
                break
            more = {"NextToken": answer["NextToken"]}
        faults = [
            fault
            for target in order.targets
            if (fault := words.unfit(target, known.get(instance_of(target)), order))
        ]
        if faults:
            raise Permanent(" ".join(faults[:5]))

    def _find(self, order: Order) -> dict[str, Any] | None:
        session = self.sessions.of(order)
        since = (datetime.now(UTC) - _LOOK_BACK).strftime("%Y-%m-%dT%H:%M:%SZ")
        more: dict[str, Any] = {}
        for _ in range(_LOOK_PAGES):
            answer = self.sessions.call(
                order,
                "ListCommands",
                session.reader.list_commands,
                InstanceId=instance_of(order.targets[0]),
                Filters=[{"key": "InvokedAfter", "value": since}],
                MaxResults=50,
                **more,
            )
            for command in answer["Commands"]:
                if command.get("Comment") == order.comment:
                    return _reference(command)
            if not answer.get("NextToken"):
                return None
            more = {"NextToken": answer["NextToken"]}
        return None

    def _poll(self, order: Order, reference: Mapping[str, Any]) -> Progress:
        session = self.sessions.of(order)
        said = self._invocations(session, order, reference)
        states = [_state(said.get(instance_of(target))) for target in order.targets]
        over = all(state.finished for state in states)
        results = tuple(
            self._result(session, order, reference, target, state)
            if over
            else TargetResult(cloud_ref=target.cloud_ref, asset_name=target.asset_name, status=state)
            for target, state in zip(order.targets, states, strict=True)
        )
        finished = all(result.status.finished for result in results)
        waiting = "" if finished else _waiting(results, said, reference)
        return Progress(finished=finished, results=results, waiting_text=waiting)

    def _invocations(
        self, session: Session, order: Order, reference: Mapping[str, Any]
    ) -> dict[str, Mapping[str, Any]]:
        """What AWS says of the command on each machine, by instance id."""
        said: dict[str, Mapping[str, Any]] = {}
        more: dict[str, Any] = {}
        while True:
            answer = self.sessions.call(
                order,
                "ListCommandInvocations",
                session.reader.list_command_invocations,
                CommandId=reference["command_id"],
                MaxResults=MOST_TARGETS,
                **more,
            )
            said |= {one["InstanceId"]: one for one in answer["CommandInvocations"]}
            if not answer.get("NextToken"):
                return said
            more = {"NextToken": answer["NextToken"]}

    def _result(
        self,
        session: Session,
        order: Order,
        reference: Mapping[str, Any],
        target: Target,
        status: TargetStatus,
    ) -> TargetResult:
        """The result on one machine, with its whole output."""
        answer = self.sessions.call(
            order,
            "GetCommandInvocation",
            session.reader.get_command_invocation,
            absent=("InvocationDoesNotExist",),
            CommandId=reference["command_id"],
            InstanceId=instance_of(target),
        )
        if answer is None:  # listed already, its output not yet
            return TargetResult(
                cloud_ref=target.cloud_ref, asset_name=target.asset_name, status=TargetStatus.IN_PROGRESS
            )
        stdout, stderr, note = aws_output.whole(self.sessions, order, answer)
        code = answer.get("ResponseCode", -1)
        return TargetResult(
            cloud_ref=target.cloud_ref,
            asset_name=target.asset_name,
            status=words.STATES.get(answer["Status"], status),
            exit_code=code if code >= 0 else None,
            stdout=stdout,
            stderr=words.without_agents_line(stderr),
            detail=words.detail_of(answer.get("StatusDetails", "")),
            note=note,
        )

    def _cancel(self, order: Order, reference: Mapping[str, Any]) -> None:
        session = self.sessions.of(order)
        self.sessions.call(
            order, "CancelCommand", session.reader.cancel_command, CommandId=reference["command_id"]
        )


def _check(order: Order) -> None:
    parts = order.cloud.role_arn.split(":")
    if len(parts) < 6 or parts[4] != order.account:
        raise Permanent(f"The role {order.cloud.role_arn or '(none)'} is not in account {order.account}.")
    if not order.cloud.external_id:
        raise Permanent(f"There is no external id for account {order.account}.")
    if not 1 <= len(order.targets) <= MOST_TARGETS:
        raise Permanent(f"{len(order.targets)} targets: AWS takes 1 to {MOST_TARGETS} in one command.")


def instance_of(target: Target) -> str:
    """The instance id, which the inventory may hold as a whole ARN."""
    place = place_of(target.cloud_ref)
    return place.name if place is not None else target.cloud_ref


def _state(invocation: Mapping[str, Any] | None) -> TargetStatus:
    if invocation is None:
        return TargetStatus.PENDING
    return words.STATES.get(invocation["Status"], TargetStatus.IN_PROGRESS)


def _reference(command: Mapping[str, Any]) -> dict[str, Any]:
    sent_at = command.get("RequestedDateTime") or datetime.now(UTC)
    return {"command_id": command["CommandId"], "sent_at": sent_at.astimezone(UTC).isoformat()}


def _waiting(results: tuple[TargetResult, ...], said: Mapping[str, Any], reference: Mapping[str, Any]) -> str:
    """What it waits for, in words."""
    since = datetime.now(UTC) - datetime.fromisoformat(reference["sent_at"])
    pending = [one.asset_name for one in results if one.status is TargetStatus.PENDING]
    running = [one.asset_name for one in results if one.status is TargetStatus.IN_PROGRESS]
    if not said:
        return "" if since < _LISTED_AFTER else "AWS does not list the command yet"
    if pending and since > _LISTED_AFTER:
        return f"The agent on {', '.join(pending[:3])} has not picked it up yet"
    return f"Running on {', '.join(running[:3])}" if running else "Waiting for the agent"

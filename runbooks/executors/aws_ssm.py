"""Runs scripts on EC2 and on-premises machines through AWS Systems Manager, in the company's own account.

boto3 blocks, so every call is made in one bounded pool of threads, and boto3 is imported only when the
first call is. SendCommand has no idempotency token: it is tried once, with the run id in its Comment, and
looked up by that. The endpoints and our own credentials come from where boto3 itself looks for them.
"""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from engine.errors import AlertWhispererError, Ambiguous, Permanent, Transient
from runbooks.executors import aws_words as words
from runbooks.ports import Order, Progress
from runbooks.run import Target, TargetResult, TargetStatus
from runbooks.runbook import Platform

T = TypeVar("T")

DOCUMENTS = {Platform.LINUX: "AWS-RunShellScript", Platform.WINDOWS: "AWS-RunPowerShellScript"}
MOST_TARGETS = 50
DELIVERY = timedelta(seconds=60)
"""How long AWS may try to hand the command to the agent (AWS takes no less than 30 s)."""

SESSION = timedelta(hours=1)
"""The longest session that AWS gives to a role assumed from another role."""

_RENEW_BEFORE = timedelta(minutes=5)
_LISTED_AFTER = timedelta(seconds=20)
"""ListCommandInvocations is eventually consistent: for this long a missing command is no news."""

_REMEMBERED_SESSIONS = 128
_LOOK_BACK = timedelta(days=1)
_LOOK_PAGES = 20
_SESSION_NAME_LIMIT = 64


@dataclass(frozen=True, slots=True)
class _Session:
    """Clients of one assumed role. `sender` never retries by itself; `reader` may."""

    sender: Any
    reader: Any
    renew_at: datetime

    def close(self) -> None:
        """Closes idle connections; a call under way in another thread ends as it would have."""
        self.sender.close()
        self.reader.close()


class AwsSsm:
    """An `Executor`. `session_tags`: also name the people in session tags, which every company's role must
    then allow (`sts:TagSession` in its trust policy); without, the session name carries run and person all
    the same. `looks`: seconds to wait before each look-up of a command that may have been taken.
    """

    def __init__(
        self, *, session_tags: bool = False, looks: tuple[float, ...] = (0, 1, 3, 6), threads: int = 16
    ) -> None:
        self._session_tags = session_tags
        self._looks = looks
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="aws")
        self._threads = threads
        self._lock = threading.Lock()
        self._boto: Any = None
        self._sts: dict[str, Any] = {}
        self._sessions: OrderedDict[tuple[str, str, str, str], _Session] = OrderedDict()

    def close(self) -> None:
        """Ends the threads and the connections. Calls under way are not waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            for session in self._sessions.values():
                session.close()
            for client in self._sts.values():
                client.close()
            self._sessions.clear()
            self._sts.clear()

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
        return await self._in_thread(self._poll, order, reference)

    async def cancel(self, order: Order, reference: Mapping[str, Any]) -> None:
        await self._in_thread(self._cancel, order, reference)

    async def _in_thread(self, work: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work, *args)

    # In a thread from here on.

    def _start(self, order: Order) -> dict[str, Any]:
        _check(order)
        session = self._session(order)
        self._check_machines(session, order)
        seconds = int(order.timeout.total_seconds())
        answer = self._call(
            order,
            "SendCommand",
            session.sender.send_command,
            sending=True,
            InstanceIds=[target.cloud_ref for target in order.targets],
            DocumentName=DOCUMENTS[order.platform],
            Comment=order.comment,
            TimeoutSeconds=int(DELIVERY.total_seconds()),
            Parameters={"commands": order.script.split("\n"), "executionTimeout": [str(seconds)]},
        )
        return _reference(answer["Command"])

    def _check_machines(self, session: _Session, order: Order) -> None:
        """Says clearly which machine AWS cannot reach, instead of letting a command wait for its timeout."""
        ids = [target.cloud_ref for target in order.targets]
        known: dict[str, Mapping[str, Any]] = {}
        more: dict[str, Any] = {}
        while True:
            answer = self._call(
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
            if (fault := words.unfit(target, known.get(target.cloud_ref), order))
        ]
        if faults:
            raise Permanent(" ".join(faults[:5]))

    def _find(self, order: Order) -> dict[str, Any] | None:
        session = self._session(order)
        since = (datetime.now(UTC) - _LOOK_BACK).strftime("%Y-%m-%dT%H:%M:%SZ")
        more: dict[str, Any] = {}
        for _ in range(_LOOK_PAGES):
            answer = self._call(
                order,
                "ListCommands",
                session.reader.list_commands,
                InstanceId=order.targets[0].cloud_ref,
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
        session = self._session(order)
        answer = self._call(
            order,
            "ListCommandInvocations",
            session.reader.list_command_invocations,
            CommandId=reference["command_id"],
            MaxResults=MOST_TARGETS,
        )
        said = {one["InstanceId"]: one for one in answer["CommandInvocations"]}
        states = {
            target.cloud_ref: words.STATES.get(said[target.cloud_ref]["Status"], TargetStatus.IN_PROGRESS)
            if target.cloud_ref in said
            else TargetStatus.PENDING
            for target in order.targets
        }
        results = tuple(
            self._result(session, order, reference, target, states[target.cloud_ref])
            for target in order.targets
        )
        finished = all(result.status.finished for result in results)
        waiting = "" if finished else _waiting(results, said, reference)
        return Progress(finished=finished, results=results, waiting_text=waiting)

    def _result(
        self,
        session: _Session,
        order: Order,
        reference: Mapping[str, Any],
        target: Target,
        status: TargetStatus,
    ) -> TargetResult:
        """The result on one machine, with its output once it is over there."""
        result = TargetResult(cloud_ref=target.cloud_ref, asset_name=target.asset_name, status=status)
        if not status.finished:
            return result
        answer = self._call(
            order,
            "GetCommandInvocation",
            session.reader.get_command_invocation,
            absent=("InvocationDoesNotExist",),
            CommandId=reference["command_id"],
            InstanceId=target.cloud_ref,
        )
        if answer is None:  # listed already, its output not yet
            return TargetResult(
                cloud_ref=target.cloud_ref, asset_name=target.asset_name, status=TargetStatus.IN_PROGRESS
            )
        stdout, stderr = answer.get("StandardOutputContent", ""), answer.get("StandardErrorContent", "")
        notes = (words.detail_of(answer.get("StatusDetails", "")), words.cut_note(stdout, stderr))
        code = answer.get("ResponseCode", -1)
        return TargetResult(
            cloud_ref=target.cloud_ref,
            asset_name=target.asset_name,
            status=words.STATES.get(answer["Status"], status),
            exit_code=code if code >= 0 else None,
            stdout=stdout,
            stderr=words.without_agents_line(stderr),
            detail="; ".join(note for note in notes if note),
        )

    def _cancel(self, order: Order, reference: Mapping[str, Any]) -> None:
        session = self._session(order)
        self._call(order, "CancelCommand", session.reader.cancel_command, CommandId=reference["command_id"])

    def _session(self, order: Order) -> _Session:
        """Clients that act as the company's role in the name of this run, until shortly before expiry."""
        key = (order.cloud.role_arn, order.cloud.external_id, order.session_name, order.region)
        with self._lock:
            kept = self._sessions.get(key)
            if kept is not None and datetime.now(UTC) < kept.renew_at:
                self._sessions.move_to_end(key)
                return kept
            sts = self._client_of_sts(order.region)
        tags = [{"Key": name, "Value": value} for name, value in order.session_tags.items()]
        named: dict[str, Any] = {"Tags": tags} if self._session_tags and tags else {}
        answer = self._call(
            order,
            "AssumeRole",
            sts.assume_role,
            RoleArn=order.cloud.role_arn,
            RoleSessionName=order.session_name[:_SESSION_NAME_LIMIT],
            ExternalId=order.cloud.external_id,
            DurationSeconds=int(SESSION.total_seconds()),
            **named,
        )
        given = answer["Credentials"]
        with self._lock:
            session = _Session(
                sender=self._client("ssm", order.region, attempts=1, credentials=given),
                reader=self._client("ssm", order.region, attempts=2, credentials=given),
                renew_at=given["Expiration"].astimezone(UTC) - _RENEW_BEFORE,
            )
            replaced = [self._sessions.pop(key, None)]
            self._sessions[key] = session
            while len(self._sessions) > _REMEMBERED_SESSIONS:
                replaced.append(self._sessions.popitem(last=False)[1])
        for old in replaced:
            if old is not None:
                old.close()
        return session

    def _forget(self, order: Order) -> None:
        with self._lock:
            self._sessions.pop(
                (order.cloud.role_arn, order.cloud.external_id, order.session_name, order.region), None
            )

    def _client_of_sts(self, region: str) -> Any:
        if region not in self._sts:
            self._sts[region] = self._client("sts", region, attempts=2)
        return self._sts[region]

    def _client(
        self, name: str, region: str, *, attempts: int, credentials: Mapping[str, Any] | None = None
    ) -> Any:
        """A client; made under the lock: boto3's clients are safe in threads, its sessions are not."""
        import boto3.session
        from botocore.config import Config

        if self._boto is None:
            self._boto = boto3.session.Session()
        keys: dict[str, str] = {}
        if credentials is not None:
            keys = {
                "aws_access_key_id": credentials["AccessKeyId"],
                "aws_secret_access_key": credentials["SecretAccessKey"],
                "aws_session_token": credentials["SessionToken"],
            }
        config = Config(
            connect_timeout=3,
            read_timeout=5,
            max_pool_connections=self._threads,
            retries={"mode": "standard", "total_max_attempts": attempts},
        )
        return self._boto.client(name, region_name=region, config=config, **keys)

    def _call(
        self,
        order: Order,
        name: str,
        method: Callable[..., Any],
        *,
        sending: bool = False,
        absent: tuple[str, ...] = (),
        **arguments: Any,
    ) -> Any:
        """One call; every failure as one of our own errors. A code in `absent` gives None."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return method(**arguments)
        except ClientError as error:
            said = error.response.get("Error", {})
            code = str(said.get("Code", ""))
            if code in absent:
                return None
            if name != "AssumeRole" and code in ("ExpiredToken", "ExpiredTokenException"):
                self._forget(order)
            status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
            message = str(said.get("Message", ""))
            raise words.refusal(name, code, message, status, order, sending=sending) from error
        except BotoCoreError as error:
            raise translated(error, name, sending=sending) from error


def translated(error: Exception, call: str, *, sending: bool) -> AlertWhispererError:
    """Our error for one that botocore raised without an answer from AWS."""
    from botocore import exceptions as theirs

    if isinstance(
        error, theirs.NoCredentialsError | theirs.PartialCredentialsError | theirs.CredentialRetrievalError
    ):
        return Permanent("This program has no AWS credentials of its own, so it cannot act in any account.")
    if isinstance(error, theirs.ParamValidationError):
        return Permanent(f"AWS would not take {call}: {error}")
    never_left = (theirs.EndpointConnectionError, theirs.ConnectTimeoutError, theirs.ProxyConnectionError)
    if isinstance(error, never_left):
        return Transient(f"AWS could not be reached ({call}: {type(error).__name__}).")
    if isinstance(error, theirs.UnknownRegionError | theirs.InvalidRegionError):
        return Permanent(f"AWS could not be called ({call}): {error}")
    if isinstance(error, theirs.SSLError) and not sending:
        return Permanent(f"AWS could not be called ({call}): {error}")
    text = f"AWS did not answer {call} ({type(error).__name__})."
    return Ambiguous(text) if sending else Transient(text)


def _check(order: Order) -> None:
    parts = order.cloud.role_arn.split(":")
    if len(parts) < 6 or parts[4] != order.account:
        raise Permanent(f"The role {order.cloud.role_arn or '(none)'} is not in account {order.account}.")
    if not order.cloud.external_id:
        raise Permanent(f"There is no external id for account {order.account}.")
    if not 1 <= len(order.targets) <= MOST_TARGETS:
        raise Permanent(f"{len(order.targets)} targets: AWS takes 1 to {MOST_TARGETS} in one command.")


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

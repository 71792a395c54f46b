"""Run Command: a command, its invocation on each machine, and the life of one from Pending to its end."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from sandbox.aws.isolation import Outcome
from sandbox.aws.machine import Machine, Shell

KILLED = 137
"""ResponseCode of a script that the agent stopped."""


class Status(StrEnum):
    PENDING = "Pending"
    IN_PROGRESS = "InProgress"
    SUCCESS = "Success"
    FAILED = "Failed"
    TIMED_OUT = "TimedOut"
    CANCELLING = "Cancelling"
    CANCELLED = "Cancelled"

    @property
    def finished(self) -> bool:
        return self in (Status.SUCCESS, Status.FAILED, Status.TIMED_OUT, Status.CANCELLED)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast the pretend service is. `listed_after`: until then a new command is not found when asked for.
    `picked_up_after`: the agent starts it. `time_scale`: its timeouts last that part of what was asked for."""

    listed_after: timedelta = timedelta(seconds=0.4)
    picked_up_after: timedelta = timedelta(seconds=0.25)
    time_scale: float = 1.0


@dataclass(slots=True, eq=False)
class Invocation:
    """A command on one machine. `response_code` −1: it was not started there, or has not ended."""

    machine: Machine
    status: Status = Status.PENDING
    details: str = "Pending"
    response_code: int = -1
    stdout: str = ""
    stderr: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    stop: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True, eq=False)
class Command:
    """One SendCommand."""

    account: str
    region: str
    document: str
    shell: Shell
    comment: str
    parameters: dict[str, list[str]]
    instance_ids: list[str]
    requested_at: datetime
    listed_at: datetime
    delivery_seconds: int
    execution_seconds: int
    max_concurrency: str
    max_errors: str
    document_version: str
    invocations: dict[str, Invocation]
    bucket: str = ""
    prefix: str = ""
    log_group: str = ""
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def script(self) -> str:
        return "\n".join(self.parameters["commands"]) + "\n"

    @property
    def directory(self) -> str:
        return (self.parameters.get("workingDirectory") or [""])[0]

    @property
    def keep(self) -> int:
        """Characters of each output that the agent brings: more where they have a place beside the API."""
        return 2_000_000 if self.bucket or self.log_group else 48_000

    def key_of(self, instance_id: str, stream: str) -> str:
        """The object in S3 that the agent writes."""
        name = self.plugin.replace(":", "")
        return "/".join(filter(None, (self.prefix, self.id, instance_id, name, f"0.{name}", stream)))

    def stream_of(self, instance_id: str, stream: str) -> str:
        """The stream in CloudWatch Logs that the agent writes."""
        return f"{self.id}/{instance_id}/{self.plugin.replace(':', '-')}/{stream}"

    @property
    def plugin(self) -> str:
        return "aws:runShellScript" if self.shell is Shell.SH else "aws:runPowerShellScript"

    @property
    def status(self) -> Status:
        return summary(one.status for one in self.invocations.values())

    def count(self, *statuses: Status) -> int:
        return sum(one.status in statuses for one in self.invocations.values())

    def limit(self, text: str) -> int:
        """A MaxConcurrency or MaxErrors, given as a number or as a part of the targets."""
        return len(self.invocations) * int(text[:-1]) // 100 if text.endswith("%") else int(text)


def summary(statuses: Iterable[Status]) -> Status:
    """The status of a command from those of its invocations: the worst, once all have ended."""
    seen = set(statuses)
    if Status.CANCELLING in seen:
        return Status.CANCELLING
    if all(status.finished for status in seen):
        order = (Status.TIMED_OUT, Status.FAILED, Status.CANCELLED, Status.SUCCESS)
        return next(status for status in order if status in seen)
    return Status.PENDING if seen == {Status.PENDING} else Status.IN_PROGRESS


class Dispatch:
    """Carries commands to the machines' agents. `changed` is called with a machine whose state may have changed, `keep`
    with output that may have a place beside the API."""

    def __init__(
        self,
        now: Callable[[], datetime],
        pace: Callable[[], Pace],
        changed: Callable[[Machine], None],
        keep: Callable[[Command, Invocation], None],
    ) -> None:
        self._keep = keep
        self._now = now
        self._pace = pace
        self._changed = changed
        self._tasks: set[asyncio.Task[None]] = set()

    def send(self, command: Command) -> None:
        slots = asyncio.Semaphore(max(1, command.limit(command.max_concurrency)))
        for invocation in command.invocations.values():
            task = asyncio.create_task(self._carry(command, invocation, slots))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def cancel(self, invocation: Invocation) -> None:
        if not invocation.status.finished:
            invocation.status, invocation.details = Status.CANCELLING, "Cancelling"
            invocation.stop.set()

    async def close(self) -> None:
        """Ends all that runs."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        for ended in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended

    async def _carry(self, command: Command, invocation: Invocation, slots: asyncio.Semaphore) -> None:
        pace = self._pace()
        await _first(asyncio.sleep(pace.picked_up_after.total_seconds()), invocation.stop.wait())
        async with slots:
            failed = command.count(Status.FAILED, Status.TIMED_OUT)
            if failed and failed > command.limit(command.max_errors) and not invocation.stop.is_set():
                self._end(command, invocation, Status.CANCELLED, "Terminated", -1)
                return
            machine = invocation.machine
            patience = command.delivery_seconds * pace.time_scale
            if not await _first(machine.online.wait(), invocation.stop.wait(), seconds=patience):
                self._end(command, invocation, Status.TIMED_OUT, "DeliveryTimedOut", -1)
                return
            if invocation.stop.is_set():
                self._end(command, invocation, Status.CANCELLED, "Cancelled", -1)
                return
            invocation.status, invocation.details = Status.IN_PROGRESS, "InProgress"
            invocation.started_at = self._now()
            self._tell(command, invocation)
            seconds = command.execution_seconds * pace.time_scale
            outcome = await machine.run(
                command.script,
                command.shell,
                directory=command.directory,
                seconds=seconds,
                stop=invocation.stop,
                keep=command.keep,
            )
            if not await _first(machine.online.wait(), seconds=seconds + patience):
                self._end(command, invocation, Status.TIMED_OUT, "ExecutionTimedOut", -1)
                return
            self._report(command, invocation, outcome)

    def _report(self, command: Command, invocation: Invocation, outcome: Outcome) -> None:
        invocation.stdout, invocation.stderr = outcome.stdout, outcome.stderr
        self._keep(command, invocation)
        if outcome.exit_code == 0:
            self._end(command, invocation, Status.SUCCESS, "Success", 0)
        elif outcome.timed_out:
            self._end(command, invocation, Status.TIMED_OUT, "ExecutionTimedOut", KILLED)
        elif invocation.stop.is_set():
            self._end(command, invocation, Status.CANCELLED, "Cancelled", KILLED)
        else:
            code = KILLED if outcome.exit_code is None else outcome.exit_code
            invocation.stderr += f"failed to run commands: exit status {code}"
            self._end(command, invocation, Status.FAILED, "Failed", code)

    def _end(self, command: Command, invocation: Invocation, status: Status, details: str, code: int) -> None:
        invocation.status, invocation.details, invocation.response_code = status, details, code
        invocation.ended_at = self._now()
        self._tell(command, invocation)

    def _tell(self, command: Command, invocation: Invocation) -> None:
        code = invocation.response_code
        invocation.machine.last_command = {
            "id": command.id,
            "comment": command.comment,
            "status": invocation.status.value,
            "details": invocation.details,
            "exit_code": code if code >= 0 else None,
            "started_at": invocation.started_at.isoformat() if invocation.started_at else None,
            "ended_at": invocation.ended_at.isoformat() if invocation.ended_at else None,
        }
        self._changed(invocation.machine)


async def _first(*waits: Awaitable[object], seconds: float | None = None) -> bool:
    """Waits for the first of several; False when `seconds` were over before."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        done, _ = await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        return bool(done)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

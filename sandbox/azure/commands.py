"""Managed Run Command: one resource on a machine, from Pending to its end, and the script that it really runs.

Sources: the REST reference of Virtual Machine Run Commands and "Run scripts in your VM by using managed Run Commands".
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.aws.machine import Machine, Shell

KEPT = 4_096
"""Bytes of each output that the instance view shows: the last ones."""


@dataclass(frozen=True, slots=True)
class Pace:
    """`picked_up_after`: until then a command is pending. `gone_after`: a deleted one is still seen. `time_scale`: time
    limits last that part of what was asked for."""

    picked_up_after: timedelta = timedelta(seconds=0.2)
    gone_after: timedelta = timedelta(seconds=0.2)
    time_scale: float = 1.0


@dataclass(slots=True, eq=False)
class RunCommand:
    """`executions`: how often its script was started; more than once is what nobody may cause."""

    name: str
    location: str
    script: str
    timeout: int
    tags: dict[str, str]
    provisioning: str = "Creating"
    state: str = "Pending"
    exit_code: int = 0
    output: str = ""
    error: str = ""
    message: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    executions: int = 0
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def finished(self) -> bool:
        return self.state in ("Succeeded", "Failed", "TimedOut", "Canceled")

    def document(self, path: str, *, view: bool) -> dict[str, Any]:
        properties: dict[str, Any] = {
            "source": {"script": self.script},
            "asyncExecution": True,
            "timeoutInSeconds": self.timeout,
            "treatFailureAsDeploymentFailure": False,
            "provisioningState": self.provisioning,
        }
        if view:
            properties["instanceView"] = {
                "executionState": self.state,
                "executionMessage": self.message,
                "exitCode": self.exit_code,
                "output": _end_of(self.output),
                "error": _end_of(self.error),
                **({"startTime": self.started_at.isoformat()} if self.started_at else {}),
                **({"endTime": self.ended_at.isoformat()} if self.ended_at else {}),
            }
        return {
            "id": f"{path}/runCommands/{self.name}",
            "name": self.name,
            "type": "Microsoft.Compute/virtualMachines/runCommands",
            "location": self.location,
            "tags": self.tags,
            "properties": properties,
        }

    async def carry_out(self, machine: Machine, shell: Shell, pace: Pace) -> None:
        """What the extension on the machine does with it."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.stop.wait(), pace.picked_up_after.total_seconds())
        if self.stop.is_set():
            self._end("Canceled")
            return
        self.state, self.provisioning, self.started_at = "Running", "Succeeded", datetime.now(UTC)
        self.executions += 1
        outcome = await machine.run(
            self.script,
            shell,
            directory="/",
            seconds=self.timeout * pace.time_scale,
            stop=self.stop,
            keep=2_000_000,
        )
        self.output, self.error = outcome.stdout, outcome.stderr
        if outcome.timed_out:
            self.message = "Command execution timed out."
            self._end("TimedOut", -1)
        elif outcome.exit_code == 0:
            self._end("Succeeded")
        elif self.stop.is_set():
            self._end("Canceled", -1)
        else:
            self.message = "Execution completed"
            self._end("Failed", -1 if outcome.exit_code is None else outcome.exit_code)

    def _end(self, state: str, code: int = 0) -> None:
        self.state, self.exit_code, self.ended_at = state, code, datetime.now(UTC)
        self.provisioning = "Succeeded"


def _end_of(text: str) -> str:
    return text.encode()[-KEPT:].decode(errors="ignore")

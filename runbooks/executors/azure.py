"""Runs scripts on Azure virtual machines through managed Run Command, in the company's own subscription.

Each run-command resource is named after the run and its step. Before one is made Azure is asked whether it is there, so
that a second try adopts what the first one began and nothing runs twice. Deleting one stops it; old ones of ours are
taken away when a machine is used again, for Azure allows few of them on one machine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from engine.cloud import Place, Provider, place_of
from engine.errors import AlertWhispererError, Ambiguous, Permanent, Transient
from engine.identifiers import floor_of
from runbooks.executors.azure_arm import VIEW, Arm, AzureApp
from runbooks.ports import Order, Progress
from runbooks.run import Target, TargetResult, TargetStatus

MOST_TARGETS = 50
LONGEST_SCRIPT = 64 * 1024
"""Characters of a script; AWS takes no more either."""

LONGEST_RUN = timedelta(minutes=90)
KEPT_OUTPUT = 4_096
"""Azure keeps this much of the end of each output."""

_AT_ONCE = 8
_SEEN_AFTER = timedelta(seconds=60)
"""For this long a run command that is not there may still appear."""

_KEPT_FOR = timedelta(days=1)
_PREFIX = "aw-"


@dataclass(frozen=True, slots=True)
class _Machine:
    """A virtual machine that can take a command: its path at Azure, and where it is."""

    target: Target
    path: str
    location: str


class AzureRunCommand:
    """An `Executor`."""

    def __init__(self, app: AzureApp) -> None:
        self.arm = Arm(app)

    async def close(self) -> None:
        await self.arm.close()

    async def start(self, order: Order) -> Mapping[str, Any]:
        """Checks that every machine can take a command, then makes one run command on each, once."""
        _check(order)
        slots = asyncio.Semaphore(_AT_ONCE)
        machines = await _together(self._machine(order, target, slots) for target in order.targets)
        faults = [one for one in machines if isinstance(one, str)]
        if faults:
            raise Permanent(" ".join(faults[:5]))
        fit = [one for one in machines if isinstance(one, _Machine)]
        for machine in fit:
            await self._tidy(order, machine)
        results = await asyncio.gather(*(self._put(order, one, slots) for one in fit), return_exceptions=True)
        return _reference(order, dict(zip((one.target.cloud_ref for one in fit), results, strict=True)))

    async def find(self, order: Order) -> Mapping[str, Any] | None:
        """The run commands of this order, if Azure has one of them; where there is none, it was not started."""
        found = await _together(self._command(order, target) for target in order.targets)
        return _reference(order, {}) if any(one is not None for one in found) else None

    async def poll(self, order: Order, reference: Mapping[str, Any]) -> Progress:
        slots = asyncio.Semaphore(_AT_ONCE)

        async def result(target: Target) -> TargetResult:
            why = reference.get("not_taken", {}).get(target.cloud_ref)
            if why:
                return _plain(target, TargetStatus.FAILED, detail=why)
            async with slots:
                return _result(order, target, reference, await self._command(order, target))

        results = tuple(await _together(result(target) for target in order.targets))
        finished = all(one.status.finished for one in results)
        return Progress(
            finished=finished, results=results, waiting_text="" if finished else _waiting(results)
        )

    async def cancel(self, order: Order, reference: Mapping[str, Any]) -> None:
        """Deletes what has not ended; what has ended keeps its result."""
        for target in order.targets:
            command = await self._command(order, target)
            if command is not None and not _status(command).finished:
                await self.arm.delete(order.cloud, _path(order, target))

    async def _machine(self, order: Order, target: Target, slots: asyncio.Semaphore) -> _Machine | str:
        """The machine, or why it cannot take a command."""
        name = f"{target.asset_name} ({_place(target).name})"
        async with slots:
            found = await self.arm.get(order.cloud, target.cloud_ref, VIEW, absent=True)
        if found is None:
            return f"{name} is not there in subscription {order.account}. Correct the inventory."
        said = found.get("properties", {})
        kind = str(said.get("storageProfile", {}).get("osDisk", {}).get("osType", "")).lower()
        if kind and kind != order.platform.value:
            return f"{name} is a {kind} machine, the inventory says {order.platform.value}: correct it there."
        view = said.get("instanceView", {})
        power = _code(view.get("statuses", ()), "PowerState/")
        if power != "running":
            how = _POWER.get(power, power or "in an unknown state")
            return f"{name} is {how} in Azure. Start it, then run it again."
        agent = [one.get("displayStatus", "") for one in view.get("vmAgent", {}).get("statuses", ())]
        if agent and "Ready" not in agent:
            return f"{name} cannot take commands: its Azure VM agent is {agent[0].lower() or 'silent'}. Restart it."
        return _Machine(target, target.cloud_ref, str(found.get("location", "")))

    async def _tidy(self, order: Order, machine: _Machine) -> None:
        """Takes away our run commands of former days. What Azure will not take away now, it will another time."""
        floor = _PREFIX + floor_of(datetime.now(UTC) - _KEPT_FOR)
        path = f"{machine.path}/runCommands"
        for one in await self.arm.pages(order.cloud, path):
            name = str(one.get("name", ""))
            ours = name.startswith(_PREFIX) and order.run_id not in name
            if ours and len(name) > len(floor) and name < floor:
                await self.arm.delete(order.cloud, f"{path}/{name}")

    async def _put(self, order: Order, machine: _Machine, slots: asyncio.Semaphore) -> None:
        """One run command. Raises Ambiguous when it may have been taken and cannot be seen."""
        async with slots:
            if await self._command(order, machine.target) is not None:
                return
            body = {
                "location": machine.location,
                "tags": {"aw-run": order.run_id, "aw-approved-by": order.approver[:256]},
                "properties": {
                    "source": {"script": order.script},
                    "asyncExecution": True,
                    "treatFailureAsDeploymentFailure": False,
                    "timeoutInSeconds": int(min(order.timeout, LONGEST_RUN).total_seconds()),
                },
            }
            order.still_ours()
            try:
                await self.arm.put(order.cloud, _path(order, machine.target), body)
            except Ambiguous as doubt:
                if not await self._is_there(order, machine.target):
                    raise doubt

    async def _command(self, order: Order, target: Target) -> Mapping[str, Any] | None:
        found: Mapping[str, Any] | None = await self.arm.get(
            order.cloud, _path(order, target), VIEW, absent=True
        )
        return found

    async def _is_there(self, order: Order, target: Target) -> bool:
        """Whether Azure shows it; not being able to ask is no yes."""
        try:
            return await self._command(order, target) is not None
        except (Transient, Permanent):
            return False


async def _together(calls: Any) -> list[Any]:
    """The results of all; the first failure once all have ended."""
    results = await asyncio.gather(*calls, return_exceptions=True)
    for one in results:
        if isinstance(one, BaseException):
            raise one
    return list(results)


def _check(order: Order) -> None:
    if not 1 <= len(order.targets) <= MOST_TARGETS:
        raise Permanent(f"{len(order.targets)} targets: one run takes 1 to {MOST_TARGETS}.")
    for target in order.targets:
        place = place_of(target.cloud_ref)
        if place is None or place.provider is not Provider.AZURE or place.account != order.account.lower():
            raise Permanent(f"{target.asset_name} is not in subscription {order.account}.")
    if order.cloud.account != order.account:
        raise Permanent(f"The company has no subscription {order.account}.")
    if len(order.script) > LONGEST_SCRIPT:
        raise Permanent("The script is too long for Azure's Run Command. Shorten it.")


def name_of(order: Order) -> str:
    """How this step is found again at Azure."""
    return f"{_PREFIX}{order.run_id}-{order.step.value}"


def _path(order: Order, target: Target) -> str:
    return f"{target.cloud_ref}/runCommands/{name_of(order)}"


def _place(target: Target) -> Place:
    place = place_of(target.cloud_ref)
    assert place is not None  # _check made sure of it
    return place


def _reference(order: Order, results: Mapping[str, BaseException | None]) -> dict[str, Any]:
    """What was begun. Nowhere begun: the reason is raised, and a doubt before a refusal."""
    failed = {ref: one for ref, one in results.items() if isinstance(one, BaseException)}
    for one in failed.values():
        if isinstance(one, Ambiguous) or not isinstance(one, AlertWhispererError):
            raise one
    if failed and len(failed) == len(results):
        raise _foremost([one for one in failed.values() if isinstance(one, AlertWhispererError)])
    return {
        "name": name_of(order),
        "sent_at": datetime.now(UTC).isoformat(),
        "not_taken": {ref: str(one) for ref, one in failed.items()},
    }


def _foremost(errors: Sequence[AlertWhispererError]) -> AlertWhispererError:
    """One that trying again may mend, if there is one."""
    return next((one for one in errors if isinstance(one, Transient)), errors[0])


_STATES = {
    "Unknown": TargetStatus.PENDING,
    "Pending": TargetStatus.PENDING,
    "Running": TargetStatus.IN_PROGRESS,
    "Succeeded": TargetStatus.SUCCEEDED,
    "Failed": TargetStatus.FAILED,
    "TimedOut": TargetStatus.TIMED_OUT,
    "Canceled": TargetStatus.CANCELLED,
}
"""Azure's executionState → ours. An unknown one counts as under way."""

_POWER = {
    "deallocated": "switched off (deallocated)",
    "deallocating": "being switched off",
    "stopped": "stopped",
    "stopping": "being stopped",
    "starting": "just starting",
}


def _status(command: Mapping[str, Any]) -> TargetStatus:
    said = command.get("properties", {})
    if said.get("provisioningState") == "Deleting":
        return TargetStatus.IN_PROGRESS
    view = said.get("instanceView") or {}
    status = _STATES.get(str(view.get("executionState", "Unknown")), TargetStatus.IN_PROGRESS)
    if status is TargetStatus.PENDING and said.get("provisioningState") == "Failed":
        return TargetStatus.FAILED
    if status is TargetStatus.SUCCEEDED and view.get("exitCode"):
        return TargetStatus.FAILED
    return status


def _result(
    order: Order, target: Target, reference: Mapping[str, Any], command: Mapping[str, Any] | None
) -> TargetResult:
    if command is None:
        if order.cancelled:
            return _plain(target, TargetStatus.CANCELLED)
        if datetime.now(UTC) - datetime.fromisoformat(reference["sent_at"]) < _SEEN_AFTER:
            return _plain(target, TargetStatus.PENDING)
        return _plain(target, TargetStatus.FAILED, detail="Azure has no such run command: it was not started")
    status = _status(command)
    if not status.finished:
        return _plain(target, status)
    view = command.get("properties", {}).get("instanceView") or {}
    stdout, stderr, code = str(view.get("output") or ""), str(view.get("error") or ""), view.get("exitCode")
    cut = len(stdout.encode()) >= KEPT_OUTPUT or len(stderr.encode()) >= KEPT_OUTPUT
    ran = status in (TargetStatus.SUCCEEDED, TargetStatus.FAILED) and isinstance(code, int)
    detail = {
        TargetStatus.TIMED_OUT: "it was stopped after its time limit",
        TargetStatus.FAILED: "" if ran and code else str(view.get("executionMessage") or "")[:300],
    }
    return TargetResult(
        cloud_ref=target.cloud_ref,
        asset_name=target.asset_name,
        status=status,
        exit_code=code if ran else None,
        stdout=stdout,
        stderr=stderr,
        detail=detail.get(status, ""),
        note=f"Azure keeps the last {KEPT_OUTPUT:,} bytes of output only" if cut else "",
    )


def _plain(target: Target, status: TargetStatus, *, detail: str = "") -> TargetResult:
    return TargetResult(
        cloud_ref=target.cloud_ref, asset_name=target.asset_name, status=status, detail=detail
    )


def _code(statuses: Sequence[Mapping[str, Any]], prefix: str) -> str:
    codes = [str(one.get("code", "")) for one in statuses]
    return next((code.removeprefix(prefix).lower() for code in codes if code.startswith(prefix)), "")


def _waiting(results: Sequence[TargetResult]) -> str:
    running = [one.asset_name for one in results if one.status is TargetStatus.IN_PROGRESS]
    if running:
        return f"Running on {', '.join(running[:3])}"
    pending = [one.asset_name for one in results if one.status is TargetStatus.PENDING]
    return f"The agent on {', '.join(pending[:3])} has not picked it up yet"

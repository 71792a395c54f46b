"""The pretend Azure as one object: its tenants' subscriptions, their machines, and who is signed in."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sandbox.aws.ground import lay
from sandbox.aws.machine import Machine, Ping, Platform, Shell
from sandbox.azure.commands import Pace, RunCommand
from sandbox.azure.config import AzureConfig, AzureVm, Subscription
from sandbox.faults import Faults

ACTIONS = (
    "Microsoft.Compute/virtualMachines/read",
    "Microsoft.Compute/virtualMachines/runCommands/read",
    "Microsoft.Compute/virtualMachines/runCommands/write",
    "Microsoft.Compute/virtualMachines/runCommands/delete",
    "Microsoft.Authorization/permissions/read",
)
"""What our application may do in a subscription, unless the test says otherwise."""

TOKEN_LASTS = timedelta(hours=1)


@dataclass(slots=True, eq=False)
class Vm:
    config: AzureVm
    subscription: Subscription
    machine: Machine
    power: str
    commands: dict[str, RunCommand] = field(default_factory=dict)
    removed: list[RunCommand] = field(default_factory=list)

    @property
    def path(self) -> str:
        return (
            f"/subscriptions/{self.subscription.id}/resourceGroups/{self.config.resource_group}"
            f"/providers/Microsoft.Compute/virtualMachines/{self.config.name}"
        )

    def document(self, *, view: bool) -> dict[str, Any]:
        kind = "Windows" if self.machine.platform is Platform.WINDOWS else "Linux"
        properties: dict[str, Any] = {
            "vmId": self.machine.id,
            "provisioningState": "Succeeded",
            "storageProfile": {"osDisk": {"osType": kind}},
        }
        if view:
            agent = {
                "code": f"ProvisioningState/{'succeeded' if self.config.agent == 'Ready' else 'Unavailable'}"
            }
            properties["instanceView"] = {
                "vmAgent": {
                    "vmAgentVersion": "2.9",
                    "statuses": [agent | {"displayStatus": self.config.agent}],
                },
                "statuses": [
                    {"code": "ProvisioningState/succeeded", "displayStatus": "Provisioning succeeded"},
                    {"code": f"PowerState/{self.power}", "displayStatus": f"VM {self.power}"},
                ],
            }
        return {
            "id": self.path,
            "name": self.config.name,
            "type": "Microsoft.Compute/virtualMachines",
            "location": self.config.location,
            "properties": properties,
        }


class AzureWorld:
    """`root`: the host folder in which start() makes the folder "azure". Tests may set `pace`, `now`, `denied` (actions
    by subscription) and `burst` (calls at once before Azure throttles) at any time."""

    def __init__(self, config: AzureConfig, root: Path | str, faults: Faults) -> None:
        self.config = config
        self.faults = faults
        self.pace = Pace()
        self.asked: set[str] = set()
        """The actions that were needed so far."""
        self.now: Callable[[], datetime] = lambda: datetime.now(UTC)
        self.denied: dict[str, set[str]] = {one.id: set() for one in config.subscriptions}
        self.burst = 200
        self.vms: dict[str, Vm] = {}
        self._tokens: dict[str, tuple[str, datetime]] = {}
        self._calls: list[float] = []
        self._root = Path(root).absolute() / "azure"
        self._tasks: set[asyncio.Task[None]] = set()
        self._started = False

    async def start(self) -> None:
        """Makes the machines and finds out how this host can isolate scripts. A second call does nothing."""
        if self._started:
            return
        self._started = True
        ground = lay(self._root)
        for subscription in self.config.subscriptions:
            for one in subscription.vms:
                machine = Machine(
                    ground,
                    identifier=f"vm-{len(self.vms)}-{one.name}",
                    name=one.name,
                    account=subscription.id,
                    region=one.location,
                    platform=Platform(one.platform),
                    ping=Ping.ONLINE,
                    template=one.template,
                )
                machine.build()
                vm = Vm(one, subscription, machine, one.power)
                self.vms[vm.path.lower()] = vm
        probe = self._root / "scripts" / "probe.sh"
        probe.write_text("#!/bin/sh\n")
        for vm in list(self.vms.values())[:1]:
            await ground.isolation.probe(vm.machine.room(probe))

    async def stop(self) -> None:
        if not self._started:
            return
        self._started = False
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        shutil.rmtree(self._root)

    def vm(self, name: str) -> Vm:
        """The machine of that name. Raises StopIteration for none."""
        return next(vm for vm in self.vms.values() if vm.config.name == name)

    def sign_in(self, tenant: str) -> tuple[str, int]:
        """A new token for this tenant, and the seconds that it lasts."""
        token = f"eyJ0eXAi.{secrets.token_urlsafe(24)}"
        self._tokens[token] = (tenant.lower(), self.now() + TOKEN_LASTS)
        return token, int(TOKEN_LASTS.total_seconds())

    def signed_in(self, token: str) -> tuple[str, bool] | None:
        """(the tenant, whether it has expired) of a token; None for one that was never given."""
        known = self._tokens.get(token)
        return None if known is None else (known[0], known[1] <= self.now())

    def throttled(self) -> bool:
        """Counts a call; True when there were too many in the last second."""
        now = time.monotonic()
        self._calls = [at for at in self._calls if at > now - 1]
        if len(self._calls) >= self.burst:
            return True
        self._calls.append(now)
        return False

    def begin(self, vm: Vm, command: RunCommand) -> None:
        shell = Shell.POWERSHELL if vm.machine.platform is Platform.WINDOWS else Shell.SH
        vm.commands[command.name] = command
        self._go_on(command.carry_out(vm.machine, shell, self.pace))

    def remove(self, vm: Vm, command: RunCommand) -> None:
        """Stops it if it runs; it is gone a moment later."""
        command.provisioning = "Deleting"
        command.stop.set()

        async def go() -> None:
            await asyncio.sleep(self.pace.gone_after.total_seconds())
            if vm.commands.get(command.name) is command:
                vm.removed.append(vm.commands.pop(command.name))

        self._go_on(go())

    def _go_on(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

"""The sandbox's Azure behind the executor, and orders for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from engine.cloud import Cloud
from runbooks.executors.azure import AzureRunCommand
from runbooks.executors.azure_arm import AzureApp
from runbooks.ports import Order, Progress
from runbooks.run import StepName, Target
from runbooks.runbook import Platform
from sandbox.azure.app import mount
from sandbox.azure.commands import RunCommand
from sandbox.azure.config import AzureConfig, AzureVm, Subscription
from sandbox.azure.world import AzureWorld
from sandbox.faults import Fault
from sandbox.world import World, WorldConfig

TENANT, OTHER_TENANT = "11111111-2222-3333-4444-555555555555", "99999999-2222-3333-4444-555555555555"
SUBSCRIPTION = "01234567-89ab-cdef-0123-456789abcdef"
OTHER = "76543210-89ab-cdef-0123-456789abcdef"
CLIENT, SECRET = "0c1d2e3f-0000-1111-2222-333344445555", "s3cret~value"
PLACE = Cloud(provider="azure", tenant_id=TENANT, subscription_id=SUBSCRIPTION)

CONFIG = AzureConfig(
    client_id=CLIENT,
    client_secret=SECRET,
    subscriptions=(
        Subscription(
            id=SUBSCRIPTION,
            tenant_id=TENANT,
            vms=(
                AzureVm(name="acme-vm-01", resource_group="acme-prod"),
                AzureVm(name="acme-vm-02", resource_group="acme-prod"),
                AzureVm(name="acme-off", resource_group="acme-prod", power="deallocated"),
                AzureVm(name="acme-deaf", resource_group="acme-prod", agent="Not Ready"),
                AzureVm(
                    name="acme-win", resource_group="acme-prod", platform="Windows", template="windows-server"
                ),
            ),
        ),
        Subscription(id=OTHER, tenant_id=OTHER_TENANT, vms=(AzureVm(name="globex-vm", resource_group="g"),)),
    ),
)


def ref(name: str, group: str = "acme-prod", subscription: str = SUBSCRIPTION) -> str:
    return (
        f"/subscriptions/{subscription}/resourceGroups/{group}"
        f"/providers/Microsoft.Compute/virtualMachines/{name}"
    )


def order(script: str = "echo hello", *names: str, **changes: Any) -> Order:
    platform = changes.pop("platform", Platform.LINUX)
    targets = tuple(
        Target(asset_name=name, cloud_ref=ref(name), platform=platform, region="")
        for name in names or ("acme-vm-01",)
    )
    values: dict[str, Any] = {
        "run_id": "01kb0000000000000000000000",
        "step": StepName.MAIN,
        "executor": "azure",
        "account": SUBSCRIPTION,
        "cloud": PLACE,
        "region": "",
        "session_name": "aw-01kb-Max",
        "session_tags": {},
        "approver": "Max",
        "targets": targets,
        "platform": platform,
        "script": f"#!/bin/bash\n{script}",
        "timeout": timedelta(seconds=60),
    }
    return Order(**values | changes)


@dataclass
class Azure:
    world: AzureWorld
    executor: AzureRunCommand
    url: str

    def fault(self, method: str, do: str, **more: Any) -> None:
        self.world.faults.add(Fault(service="azure", method=method, do=do, **more))

    def commands(self, name: str = "acme-vm-01") -> list[RunCommand]:
        vm = self.world.vm(name)
        return [*vm.commands.values(), *vm.removed]

    @property
    def executions(self) -> int:
        return sum(one.executions for vm in self.world.vms.values() for one in self.commands(vm.config.name))

    async def until_over(self, order: Order, reference: Mapping[str, Any]) -> Progress:
        for _ in range(200):
            seen = await self.executor.poll(order, reference)
            if seen.finished:
                return seen
            await asyncio.sleep(0.05)
        raise AssertionError("the command does not end")

    async def carry_out(self, order: Order) -> Progress:
        return await self.until_over(order, await self.executor.start(order))


@pytest.fixture
async def azure(tmp_path: Path) -> AsyncIterator[Azure]:
    whole = World(WorldConfig(bot_url="http://127.0.0.1:9", root=tmp_path / "world", azure=CONFIG))
    assert whole.azure is not None
    app = web.Application()
    mount(app, whole)
    async with TestServer(app, host="127.0.0.1") as server:
        url = str(server.make_url("/azure"))
        ours = AzureApp(client_id=CLIENT, secret=SECRET, authority=f"{url}/login", management=f"{url}/arm")
        executor = AzureRunCommand(ours)
        yield Azure(whole.azure, executor, url)
        await executor.close()

"""The pretend Azure refuses what the real one refuses, with its codes and statuses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from sandbox.azure.app import MOST_COMMANDS, mount
from sandbox.azure.commands import Pace
from sandbox.azure.config import AzureConfig, AzureVm, Subscription
from sandbox.azure.world import AzureWorld
from sandbox.world import BadWorld, World, WorldConfig

TENANT, ELSE = "11111111-2222-3333-4444-555555555555", "99999999-2222-3333-4444-555555555555"
SUB, OTHER = "01234567-89ab-cdef-0123-456789abcdef", "76543210-89ab-cdef-0123-456789abcdef"
CONFIG = AzureConfig(
    client_id="client",
    client_secret="secret",
    subscriptions=(
        Subscription(
            id=SUB,
            tenant_id=TENANT,
            vms=(
                AzureVm(name="vm-1", resource_group="prod"),
                AzureVm(name="vm-off", resource_group="prod", power="deallocated"),
            ),
        ),
        Subscription(id=OTHER, tenant_id=ELSE),
    ),
)
VM = f"/subscriptions/{SUB}/resourceGroups/prod/providers/Microsoft.Compute/virtualMachines/vm-1"
VERSION = {"api-version": "2024-07-01"}


@dataclass
class Azure:
    world: AzureWorld
    url: str
    http: aiohttp.ClientSession
    token: str = ""

    async def sign_in(self, tenant: str = TENANT, **form: str) -> tuple[int, dict[str, Any]]:
        given = {
            "grant_type": "client_credentials",
            "client_id": "client",
            "client_secret": "secret",
            "scope": "https://management.azure.com/.default",
        } | form
        async with self.http.post(f"{self.url}/login/{tenant}/oauth2/v2.0/token", data=given) as answer:
            return answer.status, await answer.json()

    async def call(
        self, method: str, path: str, body: Any = None, query: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self.token}"}
        params = VERSION if query is None else query
        async with self.http.request(
            method, f"{self.url}/arm{path}", json=body, params=params, headers=headers
        ) as answer:
            said = await answer.json() if answer.content_type == "application/json" else None
            return answer.status, said

    async def refused(self, method: str, path: str, body: Any = None, **more: Any) -> tuple[int, str]:
        status, said = await self.call(method, path, body, **more)
        return status, said["error"]["code"]

    async def run(self, name: str, script: str = "echo hi", **changes: Any) -> tuple[int, Any]:
        properties = {"source": {"script": f"#!/bin/sh\n{script}"}, "asyncExecution": True, **changes}
        body = {"location": "germanywestcentral", "properties": properties}
        return await self.call("PUT", f"{VM}/runCommands/{name}", body)

    async def view(self, name: str) -> dict[str, Any]:
        query = VERSION | {"$expand": "instanceView"}
        _, said = await self.call("GET", f"{VM}/runCommands/{name}", query=query)
        found: dict[str, Any] = said["properties"]["instanceView"]
        return found

    async def ended(self, name: str) -> dict[str, Any]:
        for _ in range(200):
            view = await self.view(name)
            if view["executionState"] not in ("Pending", "Running"):
                return view
            await asyncio.sleep(0.02)
        raise AssertionError(f"{name} does not end")


@pytest.fixture
async def azure(tmp_path: Path) -> AsyncIterator[Azure]:
    whole = World(WorldConfig(bot_url="http://127.0.0.1:9", root=tmp_path, azure=CONFIG))
    assert whole.azure is not None
    whole.azure.pace = Pace(timedelta(seconds=0.02), timedelta(seconds=0.02))
    app = web.Application()
    mount(app, whole)
    async with TestServer(app, host="127.0.0.1") as server, aiohttp.ClientSession() as http:
        made = Azure(whole.azure, str(server.make_url("/azure")), http)
        made.token = (await made.sign_in())[1]["access_token"]
        yield made


@pytest.mark.parametrize(
    ("tenant", "form", "status", "code"),
    [
        ("0" * 8, {}, 400, "AADSTS90002"),
        (TENANT, {"client_id": "somebody"}, 400, "AADSTS700016"),
        (TENANT, {"client_secret": "wrong"}, 401, "AADSTS7000215"),
        (TENANT, {"scope": "https://graph.microsoft.com/.default"}, 400, "AADSTS70011"),
        (TENANT, {"grant_type": "password"}, 400, "AADSTS70011"),
    ],
)
async def test_who_may_not_sign_in(
    azure: Azure, tenant: str, form: dict[str, str], status: int, code: str
) -> None:
    got, said = await azure.sign_in(tenant, **form)
    assert (got, code in said["error_description"]) == (status, True)


async def test_a_run_command_from_pending_to_its_end(azure: Azure) -> None:
    status, made = await azure.run("one", "echo out; echo err >&2; exit 3")
    assert (status, made["properties"]["provisioningState"]) == (201, "Creating")
    assert "instanceView" not in made["properties"]
    view = await azure.ended("one")
    assert (view["executionState"], view["exitCode"]) == ("Failed", 3)
    assert (view["output"], view["error"]) == ("out\n", "err\n")
    _, listed = await azure.call("GET", f"{VM}/runCommands")
    assert [one["name"] for one in listed["value"]] == ["one"]
    assert (await azure.call("DELETE", f"{VM}/runCommands/one"))[0] == 202
    await asyncio.sleep(0.1)
    assert await azure.refused("GET", f"{VM}/runCommands/one") == (404, "ResourceNotFound")
    assert (await azure.call("DELETE", f"{VM}/runCommands/one"))[0] == 204


async def test_making_one_again_runs_it_again(azure: Azure) -> None:
    """What makes it dangerous to send a PUT twice."""
    await azure.run("one")
    await azure.ended("one")
    assert (await azure.run("one"))[0] == 200
    await azure.ended("one")
    assert azure.world.vm("vm-1").commands["one"].executions == 2


async def test_one_that_runs_cannot_be_made_again(azure: Azure) -> None:
    await azure.run("one", "sleep 5")
    assert (await azure.run("one"))[1]["error"]["code"] == "Conflict"


async def test_deleting_stops_it_and_a_time_limit_too(azure: Azure) -> None:
    await azure.run("slow", "sleep 30", timeoutInSeconds=1)
    assert (await azure.ended("slow"))["executionState"] == "TimedOut"
    await azure.run("long", "sleep 30")
    await asyncio.sleep(0.2)
    await azure.call("DELETE", f"{VM}/runCommands/long")
    await asyncio.sleep(0.5)
    (gone,) = azure.world.vm("vm-1").removed
    assert gone.state == "Canceled"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", VM.replace("vm-1", "nobody"), 404, "ResourceNotFound"),
        ("GET", VM.replace("/prod/", "/nowhere/"), 404, "ResourceGroupNotFound"),
        ("GET", VM.replace(SUB, "0" * 36), 404, "SubscriptionNotFound"),
        ("GET", f"/subscriptions/{OTHER}/providers/Microsoft.Compute/virtualMachines", 401,
         "InvalidAuthenticationTokenTenant"),
        ("POST", VM, 405, "MethodNotAllowed"),
        ("GET", f"/subscriptions/{SUB}/providers/Microsoft.Storage/storageAccounts", 404, "InvalidResource"),
    ],
)  # fmt: skip
async def test_what_is_not_there(azure: Azure, method: str, path: str, status: int, code: str) -> None:
    assert await azure.refused(method, path) == (status, code)


@pytest.mark.parametrize(
    ("name", "changes", "status", "code"),
    [
        ("a b", {}, 400, "InvalidParameter"),
        ("one", {"location": "westeurope"}, 409, "InvalidResourceLocation"),
        ("one", {"script": ""}, 400, "InvalidParameter"),
        ("one", {"script": "#" * 300_000}, 413, "RequestContentTooLarge"),
        ("one", {"timeout": 0}, 400, "InvalidParameter"),
    ],
)
async def test_a_command_that_cannot_be(
    azure: Azure, name: str, changes: dict[str, Any], status: int, code: str
) -> None:
    body = {
        "location": changes.get("location", "germanywestcentral"),
        "properties": {
            "source": {"script": changes.get("script", "true")},
            "timeoutInSeconds": changes.get("timeout", 60),
        },
    }
    assert await azure.refused("PUT", f"{VM}/runCommands/{name}", body) == (status, code)
    assert azure.world.vm("vm-1").commands == {}


async def test_a_machine_that_is_off_and_one_that_has_too_many(azure: Azure) -> None:
    body = {"location": "germanywestcentral", "properties": {"source": {"script": "true"}}}
    off = VM.replace("vm-1", "vm-off")
    assert await azure.refused("PUT", f"{off}/runCommands/one", body) == (409, "OperationNotAllowed")
    for number in range(MOST_COMMANDS):
        await azure.run(f"n{number}", "true")
    assert (await azure.run("more"))[1]["error"]["code"] == "OperationNotAllowed"


async def test_versions_tokens_permissions_and_too_many_calls(azure: Azure) -> None:
    assert await azure.refused("GET", VM, query={}) == (400, "MissingApiVersionParameter")
    old = {"api-version": "2015-01-01"}
    assert await azure.refused("GET", VM, query=old) == (400, "InvalidApiVersionParameter")
    azure.world.denied[SUB].add("Microsoft.Compute/virtualMachines/read")
    assert await azure.refused("GET", VM) == (403, "AuthorizationFailed")
    azure.world.burst = 1
    await azure.call("GET", f"{VM}/runCommands")
    assert await azure.refused("GET", f"{VM}/runCommands") == (429, "TooManyRequests")
    azure.world.now = lambda: datetime.now(UTC) + timedelta(hours=2)
    assert await azure.refused("GET", VM) == (401, "ExpiredAuthenticationToken")
    azure.token = "made-up"
    assert await azure.refused("GET", VM) == (401, "InvalidAuthenticationToken")


def test_a_world_that_cannot_be_is_refused() -> None:
    world = {"bot": {"url": "http://127.0.0.1:9"}, "root": "/tmp/nowhere"}
    with pytest.raises(BadWorld, match=r"azure.subscriptions\[0\]: tenant_id is missing"):
        World.load(
            world | {"azure": {"client_id": "c", "client_secret": "s", "subscriptions": [{"id": SUB}]}}
        )

"""`aw company access`, `aw company verify` and `aw asset patches` against the pretend clouds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.fernet import Fernet

from sandbox.aws.app import mount as mount_aws
from sandbox.aws.world import AwsWorld
from sandbox.azure.app import mount as mount_azure
from sandbox.azure.world import AzureWorld
from sandbox.world import World, WorldConfig
from tests.bot.shell import Said, Shell
from tests.runbooks import aws as amazon
from tests.runbooks import azure as microsoft

KEY = Fernet.generate_key().decode()


@dataclass
class Access:
    """The command line beside both clouds, called in a thread."""

    shell: Shell
    aws: AwsWorld
    azure: AzureWorld

    async def run(self, *words: str) -> Said:
        return await asyncio.to_thread(self.shell, *words)

    async def done(self, *words: str) -> Any:
        return await asyncio.to_thread(self.shell.done, *words)

    async def verified(self) -> tuple[int, list[dict[str, str]]]:
        said = await self.run("company", "verify", "acme", "--json")
        return said.code, said.json["findings"]


def faults(found: list[dict[str, str]]) -> list[str]:
    assert all(one["mend"] for one in found if one["outcome"] == "bad")
    return [f"{one['subject']}: {one['text']}" for one in found if one["outcome"] == "bad"]


@pytest.fixture
async def access(tmp_path: Path) -> AsyncIterator[Access]:
    whole = World(
        WorldConfig(
            bot_url="http://127.0.0.1:9", root=tmp_path / "w", aws=amazon.CONFIG, azure=microsoft.CONFIG
        )
    )
    assert whole.aws is not None and whole.azure is not None
    app = web.Application()
    mount_aws(app, whole)
    mount_azure(app, whole)
    async with TestServer(app, host="127.0.0.1") as server:
        url = str(server.make_url("/")).rstrip("/")
        settings = {
            "AW_DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path / 'aw.db'}",
            "AW_SECRET_KEY": KEY,
            "AWS_ENDPOINT_URL": f"{url}/aws",
            "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "s" * 40,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AZURE_CLIENT_ID": microsoft.CLIENT,
            "AZURE_CLIENT_SECRET": microsoft.SECRET,
            "AW_AZURE_URL": f"{url}/azure",
        }
        made = Access(Shell(tmp_path, settings), whole.aws, whole.azure)
        role = ("--aws-role-arn", amazon.ROLE, "--aws-external-id", amazon.EXTERNAL_ID)
        await made.done("company", "add", "acme", "--cloud", "aws", *role, "--aws-region", amazon.REGION)
        await made.done(
            "asset", "add", "acme", "acme-web-01", "--platform", "linux", "--cloud-ref", amazon.WEB
        )
        yield made


async def test_a_whole_company_is_proven_without_anything_changing(access: Access) -> None:
    azure = ("--tenant", microsoft.TENANT, "--subscription", microsoft.SUBSCRIPTION)
    await access.done("company", "cloud", "add", "acme", "azure", *azure)
    vm = microsoft.ref("acme-vm-01")
    await access.done("asset", "add", "acme", "acme-vm-01", "--platform", "linux", "--cloud-ref", vm)
    code, found = await access.verified()
    assert (code, faults(found)) == (0, [])
    texts = " ".join(one["text"] for one in found)
    assert f"{amazon.ROLE} lets us in, and only with its external id" in texts
    assert "Systems Manager knows 5 machines, 3 online" in texts
    assert "cannot be tried without running something" in texts
    assert "Azure shows 5 virtual machines" in texts
    assert access.aws.commands == []
    assert not any(vm.commands for vm in access.azure.vms.values())
    shown = await access.run("company", "verify", "acme")
    assert (shown.code, "Access is proven as far as it can be." in shown.out) == (0, True)


async def test_a_role_that_needs_no_external_id_is_a_fault(access: Access) -> None:
    access.aws.roles[amazon.ROLE].denied.add("external id")
    code, found = await access.verified()
    assert code == 1
    assert faults(found) == [f"AWS role of acme: {amazon.ROLE} lets us in without any external id"]


async def test_missing_permissions_are_found_before_they_are_needed(access: Access) -> None:
    calls = ("DescribeInstanceInformation", "GetCommandInvocation", "ListCommands", "CancelCommand")
    access.aws.roles[amazon.ROLE].denied.update(f"ssm:{call}" for call in calls)
    code, found = await access.verified()
    assert code == 1
    for call in calls:
        assert f"may not call ssm:{call}" in " ".join(faults(found))


async def test_what_may_be_missing_is_said_and_is_no_fault(access: Access) -> None:
    access.aws.roles[amazon.ROLE].denied.update({"sts:TagSession", "ssm:DescribeInstancePatchStates"})
    code, found = await access.verified()
    assert (code, faults(found)) == (0, [])
    said = " ".join(one["text"] for one in found if one["outcome"] == "off")
    assert "sts:TagSession not allowed: the approver stands in the session's name only" in said
    assert "may not call ssm:DescribeInstancePatchStates" in said


async def test_machines_that_are_away_or_unknown_are_named(access: Access) -> None:
    for name, ref in (("away", amazon.OFF), ("gone", "i-0a11000000000dead")):
        await access.done("asset", "add", "acme", name, "--platform", "linux", "--cloud-ref", ref)
    code, found = await access.verified()
    assert code == 1
    assert faults(found) == [
        f"away: {amazon.OFF} is ConnectionLost",
        "gone: i-0a11000000000dead is not managed by Systems Manager",
    ]


async def test_azure_that_grants_too_little(access: Access) -> None:
    azure = ("--tenant", microsoft.TENANT, "--subscription", microsoft.SUBSCRIPTION)
    await access.done("company", "cloud", "add", "acme", "azure", *azure)
    write = "Microsoft.Compute/virtualMachines/runCommands/write"
    access.azure.denied[microsoft.SUBSCRIPTION].add(write)
    off = microsoft.ref("acme-off")
    await access.done("asset", "add", "acme", "acme-off", "--platform", "linux", "--cloud-ref", off)
    code, found = await access.verified()
    assert code == 1
    assert faults(found) == [
        f"Azure subscription {microsoft.SUBSCRIPTION}: we may not do {write}",
        "acme-off: it is not running in Azure",
    ]


async def test_without_any_cloud_nothing_can_run(access: Access) -> None:
    await access.done("company", "add", "globex")
    said = await access.run("company", "verify", "globex")
    assert (said.code, "none is configured" in said.out) == (1, True)


async def test_a_template_is_printed_with_the_companys_own_ids(access: Access) -> None:
    printed = await access.run("company", "access", "acme")
    assert printed.code == 0
    assert f'Default: "{amazon.EXTERNAL_ID}"' in printed.out
    assert 'Default: "arn:aws:iam::111111111111:user/alert-whisperer"' in printed.out
    terraform = await access.done("company", "access", "acme", "--format", "terraform")
    assert f'"{amazon.EXTERNAL_ID}"' in terraform["text"]
    refused = await access.run("company", "access", "acme", "--format", "azure")
    assert (refused.code, "has no such account" in refused.err) == (1, True)


async def test_patches_as_patch_manager_found_them(access: Access) -> None:
    for name, ref in (("acme-web-03", amazon.SECOND), ("acme-win-01", amazon.WIN)):
        await access.done("asset", "add", "acme", name, "--platform", "linux", "--cloud-ref", ref)
    patches = access.aws.ssm(amazon.ACCOUNT, amazon.REGION).patches
    patches[amazon.WEB] = {"MissingCount": 4, "SecurityNonCompliantCount": 2, "InstalledCount": 100}
    patches[amazon.SECOND] = {"InstalledCount": 104}
    found = await access.done("asset", "patches", "acme")
    assert [(one["asset"], one["state"], one["missing"]) for one in found] == [
        ("acme-web-01", "not compliant", 4),
        ("acme-web-03", "compliant", 0),
        ("acme-win-01", "never scanned", None),
    ]
    access.aws.roles[amazon.ROLE].denied.add("ssm:DescribeInstancePatchStates")
    said = await access.run("asset", "patches", "acme")
    assert (said.code, "may not call ssm:DescribeInstancePatchStates" in said.err) == (1, True)


async def test_machines_are_discovered_and_added_once(access: Access) -> None:
    azure = ("--tenant", microsoft.TENANT, "--subscription", microsoft.SUBSCRIPTION)
    await access.done("company", "cloud", "add", "acme", "azure", *azure)
    seen = {one["name"]: one for one in await access.done("asset", "discover", "acme")}
    assert (seen["acme-web-01"]["asset"], seen["acme-web-03"]["asset"]) == ("acme-web-01", None)
    assert (seen["acme-web-02"]["state"], seen["acme-win-01"]["platform"]) == ("ConnectionLost", "windows")
    assert not any(one["added"] for one in seen.values())
    added = await access.done("asset", "discover", "acme", "--add")
    assert sum(one["added"] for one in added) == 9
    again = await access.done("asset", "discover", "acme", "--add")
    assert all(one["asset"] and not one["added"] for one in again)
    listed = {one["name"]: one for one in await access.done("asset", "list", "acme")}
    assert listed["acme-vm-01"]["cloud_ref"] == microsoft.ref("acme-vm-01")
    access.aws.roles[amazon.ROLE].denied.add("ssm:DescribeInstanceInformation")
    said = await access.run("asset", "discover", "acme")
    assert (said.code, "may not call ssm:DescribeInstanceInformation" in said.err) == (1, True)


async def test_aw_check_reaches_azure_too(access: Access) -> None:
    azure = ("--tenant", microsoft.TENANT, "--subscription", microsoft.SUBSCRIPTION)
    await access.done("company", "cloud", "add", "acme", "azure", *azure)

    async def said() -> dict[str, dict[str, str]]:
        found = (await access.run("check", "--json")).json["findings"]
        return {one["subject"]: one for one in found}

    seen = (await said())["Azure subscription of acme"]
    assert (seen["outcome"], seen["text"]) == (
        "good",
        f"{microsoft.SUBSCRIPTION} shows 5 virtual machines",
    )
    access.azure.denied[microsoft.SUBSCRIPTION].add("Microsoft.Compute/virtualMachines/read")
    seen = (await said())["Azure subscription of acme"]
    assert (seen["outcome"], seen["mend"]) == ("bad", "`aw company verify acme` says more.")

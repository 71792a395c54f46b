"""Several machines in one run, and a company whose machines are in two clouds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine.cloud import Cloud
from engine.company import Asset
from engine.operations import directory
from runbooks.run import RunStatus
from tests.conftest import SECRET_KEY
from tests.harness import CLI, Harness, harness, shown
from tests.outside import SUBSCRIPTION, TENANT, VM, WIDE
from tests.scenarios.test_runs_in_trouble import ended


@pytest.fixture
async def h(chat: str, database_url: str, tmp_path: Path) -> AsyncIterator[Harness]:
    folder = tmp_path / "machines"
    async with harness(database_url, SECRET_KEY, folder, wide=True, chats=(chat,)) as made:
        yield made


async def widen(h: Harness) -> None:
    """Acme's inventory has all of its machines, and its cloud in Azure."""

    async def write(tx):
        acme = await tx.companies.by_slug("acme")
        azure = Cloud(provider="azure", tenant_id=TENANT, subscription_id=SUBSCRIPTION)
        changed = replace(acme, clouds=(*acme.clouds, azure))
        await directory.change_company(tx, changed, actor=CLI, now=h.clock.now())
        for name, ref in {**WIDE, "acme-vm-01": VM}.items():
            region = "eu-central-1" if name in WIDE else ""
            asset = Asset(id=0, company_id=acme.id, name=name, platform="linux", cloud_ref=ref, region=region)
            await directory.add_asset(tx, asset, actor=CLI, now=h.clock.now())

    await h.write(write)


async def test_three_machines_are_one_approval_and_one_of_them_fails(h: Harness):
    await widen(h)
    h.aws.break_machine(WIDE["acme-web-03"], "break-unit:nginx")
    await h.fire("acme", "Service nginx down")
    await h.card("acme", saying="Service nginx down")
    await h.command(
        "kim", "acme", "/aw run restart-service 1 on acme-web-01, acme-web-02, acme-web-03 unit=nginx"
    )
    card = await h.card("acme", kind="approval", saying="Approve “Restart a service”")
    assert (
        "3 machines: acme-web-01, acme-web-02, acme-web-03 · AWS account 222222222222 · eu-central-1"
        in shown(card)
    )
    await h.press("lee", card, "approve")
    run = await ended(h)
    assert (run.status, run.outcome) == (
        RunStatus.FAILED,
        "2 of 3 verified, acme-web-03 failed: The restart of nginx failed; it is failed. (exit code 1)",
    )
    assert [one.asset_name for one in run.verify_results] == ["acme-web-01", "acme-web-02"]
    card = await h.card("acme", saying="2 of 3 verified, acme-web-03 failed")
    assert "The restart of nginx failed" in shown(card)
    assert [len(one.instance_ids) for one in h.aws.commands] == [3, 2], "one command a step"


async def test_a_machine_in_azure_is_mended_there(h: Harness):
    await widen(h)
    azure = h.world.azure
    assert azure is not None
    azure.vm("acme-vm-01").machine.break_("fill-disk")
    await h.fire("acme", "Disk / 97% full", asset_name="acme-vm-01")
    run = await ended(h)
    assert (run.status, run.executor, run.account) == (RunStatus.SUCCEEDED, "azure", SUBSCRIPTION)
    card = await h.card("acme", saying="% full, the limit is")
    assert "acme-vm-01" in shown(card)
    assert h.aws.commands == []


async def test_what_azure_refuses_is_read_on_the_card(h: Harness):
    await widen(h)
    azure = h.world.azure
    assert azure is not None
    azure.denied[SUBSCRIPTION].add("Microsoft.Compute/virtualMachines/runCommands/write")
    await h.fire("acme", "Disk / 97% full", asset_name="acme-vm-01")
    run = await ended(h)
    assert run.status is RunStatus.FAILED
    card = await h.card("acme", saying="may not do")
    assert "Microsoft.Compute/virtualMachines/runCommands/write" in shown(card)
    assert "assign the role of aw company access there" in shown(card)

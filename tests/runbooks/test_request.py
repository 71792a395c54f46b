"""Asking for a run: who may, on what, and what follows from the risk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from engine import incident as incidents
from engine.access import SYSTEM, Actor
from engine.audit import AuditKind, TimelineKind
from engine.cloud import Cloud
from engine.company import Autonomy
from engine.errors import NotFound, Refused
from engine.jobs import ExpireApproval, StartRun, SyncCard
from runbooks import catalogue
from runbooks.approvals import digest
from runbooks.operations.request import consider, request
from runbooks.run import Run, RunStatus
from tests.runbooks.memory import ACME, CLOUD, DB, DISK, KIM, LEE, NOW, OUT, VIC, WEB, Memory, acting

LIBRARY = catalogue.load()


async def ask(
    tx: Memory,
    runbook: str = "disk-clean-up",
    parameters: dict[str, object] | None = None,
    targets: Sequence[str] | None = None,
    *,
    actor: Actor | None = None,
    reason: str = "",
) -> Run:
    return await request(
        tx,
        tx.incidents.found[42],
        LIBRARY.get(runbook),
        parameters or {},
        targets,
        context=tx.context,
        actor=actor or acting(KIM),
        now=NOW,
        reason=reason,
    )


async def test_low_risk_starts_at_once() -> None:
    tx = Memory()
    run = await ask(tx, reason="disk is full")
    assert run.status is RunStatus.APPROVED
    assert run.expires_at is None
    assert tx.due("start_run") == NOW
    assert tx.audit.kinds() == [AuditKind.RUN_REQUESTED, AuditKind.RUN_APPROVED]
    assert tx.said() == "▶ Clean up disk space on acme-web-01 runs for Kim (low risk). Why: disk is full."
    assert tx.incidents.found[42].last_action == "Clean up disk space started for Kim"
    assert SyncCard(company_id=7, card_id="incident:42:slack") in tx.jobs.found
    assert not await tx.cards.of_incidents([42], "approval")


@pytest.mark.parametrize(
    ("runbook", "who"),
    [("clear-memory-cache", "a company admin or an MSP admin"), ("restart-service", "an MSP admin")],
)
async def test_more_than_low_risk_waits_for_an_approval(runbook: str, who: str) -> None:
    tx = Memory(company=replace(ACME, teams_conversation="19:acme"))
    run = await ask(tx, runbook)
    assert run.status is RunStatus.PENDING_APPROVAL
    assert run.expires_at == NOW + timedelta(minutes=30)
    assert tx.jobs.found[ExpireApproval(company_id=7, run_id=run.id)] == run.expires_at
    assert StartRun(company_id=7, run_id=run.id) not in tx.jobs.found
    cards = await tx.cards.of_incidents([42], "approval")
    assert {(card.platform, card.channel, card.subject, card.in_thread) for card in cards} == {
        ("slack", "C0ACME", run.id, True),
        ("teams", "19:acme", run.id, True),
    }
    assert {SyncCard(company_id=7, card_id=card.id) for card in cards} <= set(tx.jobs.found)
    assert tx.audit.kinds() == [AuditKind.RUN_REQUESTED]
    assert who in tx.said()
    assert tx.timeline.found[-1].kind is TimelineKind.APPROVAL


async def test_the_run_says_exactly_what_would_happen() -> None:
    tx = Memory()
    run = await ask(tx, "restart-service", {"grace_seconds": 5})
    assert dict(run.parameters) == {"unit": "nginx", "grace_seconds": "5"}  # the unit is the asset's label
    assert run.script.startswith("#!/bin/bash\nexport AW_UNIT=nginx\nexport AW_GRACE_SECONDS=5\n")
    assert run.script.endswith(LIBRARY.get("restart-service").platforms[run.platform].script)
    assert (run.account, run.region, run.targets[0].cloud_ref) == ("222222222222", "eu-central-1", "i-0a11")
    assert run.digest == digest(run)
    proof = tx.audit.found[0]
    assert proof.detail["digest"] == run.digest
    assert proof.detail["targets"] == ["i-0a11"]
    assert (proof.actor, proof.via, proof.detail["incident"]) == ("Kim", "slack", "INC-42")


async def test_on_windows_the_script_is_powershell() -> None:
    tx = Memory()
    run = await ask(tx, "restart-service", {"unit": "W3SVC"}, ["ACME-WIN-01"])
    assert run.script.startswith("$env:AW_UNIT = 'W3SVC'\n")


async def test_several_machines_of_one_kind_are_one_run() -> None:
    run = await ask(Memory(), "disk-clean-up", {}, ["acme-web-01", "acme-db-01", "i-0a11"])
    assert [target.asset_name for target in run.targets] == ["acme-web-01", "acme-db-01"]


async def test_labels_that_differ_are_asked_for() -> None:
    with pytest.raises(Refused, match="unit: is needed"):
        await ask(Memory(), "restart-service", {}, ["acme-web-01", "acme-db-01"])


@pytest.mark.parametrize(
    ("runbook", "parameters", "targets", "code"),
    [
        ("disk-clean-up", {}, ["someone-elses-01"], "unknown_target"),
        ("disk-clean-up", {}, ["acme-nas"], "incomplete_target"),
        ("disk-clean-up", {}, ["acme-win-01"], "wrong_platform"),
        ("restart-service", {"unit": "x"}, ["acme-web-01", "acme-win-01"], "mixed_targets"),
        ("disk-clean-up", {}, [f"web-{n}" for n in range(51)], "too_many_targets"),
        ("disk-clean-up", {"log_days": "-1"}, None, "bad_parameters"),
        ("disk-clean-up", {"mount": "/$(id)"}, None, "bad_parameters"),
    ],
)
async def test_what_cannot_run_is_refused_and_leaves_nothing_behind(
    runbook: str, parameters: dict[str, object], targets: list[str] | None, code: str
) -> None:
    tx = Memory()
    with pytest.raises(Refused) as refused:
        await ask(tx, runbook, parameters, targets)
    assert refused.value.code == code
    assert not tx.runs.found
    assert not tx.jobs.found
    assert not tx.audit.found


async def test_the_target_is_the_inventorys_never_the_alerts() -> None:
    evil = replace(DISK, asset_name="i-0evil", asset="i-0evil", title="acme-web-01", signature="acme-web-01")
    with pytest.raises(Refused) as refused:
        await ask(Memory(incident=evil))
    assert refused.value.code == "unknown_target"


@pytest.mark.parametrize(
    "cloud",
    [None, replace(CLOUD, role_arn=""), replace(CLOUD, external_id=""), replace(CLOUD, provider="azure")],
)
async def test_without_a_cloud_account_nothing_runs(cloud: Any) -> None:
    with pytest.raises(Refused) as refused:
        await ask(Memory(company=replace(ACME, clouds=(cloud,) if cloud else ())))
    assert refused.value.code == "no_cloud"


async def test_a_machine_in_another_region_is_reached_there() -> None:
    tx = Memory(assets=(replace(WEB, region="us-east-1"), DB))
    assert (await ask(tx)).region == "us-east-1"
    with pytest.raises(Refused, match="one region"):
        await ask(tx, targets=["acme-web-01", "acme-db-01"])


async def test_an_incident_that_is_over_needs_no_runs() -> None:
    with pytest.raises(Refused, match="INC-42 is not open"):
        await ask(Memory(incident=incidents.resolve(DISK, by="Kim", note="", now=NOW)))


async def test_the_same_runbook_does_not_run_twice_on_one_machine() -> None:
    tx = Memory()
    await ask(tx, "restart-service")
    with pytest.raises(Refused) as refused:
        await ask(tx, "restart-service", actor=acting(LEE))
    assert refused.value.code == "already_active"
    assert "waits for an approval on acme-web-01 already (INC-42): asked for by Kim" in refused.value.reason
    await ask(tx, "restart-service", {"unit": "mysql"}, ["acme-db-01"])


async def test_who_may_ask() -> None:
    with pytest.raises(Refused) as viewer:
        await ask(Memory(), actor=acting(VIC))
    assert viewer.value.code == "denied"
    assert set(viewer.value.who) == {1, 2, 3, 4}
    with pytest.raises(NotFound):
        await ask(Memory(), actor=acting(OUT))
    claimed = incidents.claim(DISK, user_id=LEE.id, now=NOW)
    with pytest.raises(Refused, match="in somebody else's hands"):
        await ask(Memory(incident=claimed), actor=acting(KIM))


async def test_the_system_asks_for_low_risk_only_and_only_where_it_may_act() -> None:
    with pytest.raises(Refused):
        await ask(Memory(), "restart-service", actor=SYSTEM)
    with pytest.raises(Refused):
        await ask(Memory(company=replace(ACME, autonomy=Autonomy.PROPOSE)), actor=SYSTEM)


async def test_a_new_incident_is_mended_by_itself() -> None:
    tx = Memory()
    run = await consider(tx, 42, tx.context, LIBRARY, NOW)
    assert run is not None
    assert (run.runbook_id, run.requested_by, run.status) == ("disk-clean-up", None, RunStatus.APPROVED)
    assert "Acme Corp lets low risk run" in run.reason
    assert await consider(tx, 42, tx.context, LIBRARY, NOW) is None, "the same job may come twice"
    assert len(tx.runs.found) == 1


WINDOWS_MEMORY = replace(
    DISK, category="memory", signature="memory usage high", asset="acme-win-01", asset_name="acme-win-01"
)


@pytest.mark.parametrize(
    "tx",
    [
        Memory(company=replace(ACME, autonomy=Autonomy.OBSERVE)),
        Memory(company=replace(ACME, autonomy=Autonomy.PROPOSE)),
        Memory(incident=replace(DISK, category="service", signature="service nginx down")),
        Memory(incident=incidents.resolve(DISK, by="Kim", note="", now=NOW)),
        Memory(incident=WINDOWS_MEMORY),
    ],
    ids=["observe", "propose", "high risk", "over", "not for windows"],
)
async def test_a_new_incident_is_left_to_people(tx: Memory) -> None:
    assert await consider(tx, 42, tx.context, LIBRARY, NOW) is None
    assert not tx.runs.found
    assert not tx.timeline.found


async def test_what_would_have_fitted_but_cannot_run_is_said_in_the_story() -> None:
    tx = Memory(incident=replace(DISK, asset="unknown-01", asset_name="unknown-01"))
    assert await consider(tx, 42, tx.context, LIBRARY, NOW) is None
    assert "Clean up disk space would fit but did not run by itself" in tx.said()
    assert not tx.timeline.found[-1].told


async def test_an_incident_that_is_gone_is_no_error() -> None:
    tx = Memory()
    assert await consider(tx, 4711, tx.context, LIBRARY, NOW) is None


async def test_what_is_medium_is_asked_for_by_itself_and_waits_for_an_admin() -> None:
    tx = Memory(incident=replace(DISK, category="memory", signature="memory high"))
    run = await consider(tx, 42, tx.context, LIBRARY, NOW)
    assert run is not None
    assert run.runbook_id == "clear-memory-cache"
    assert run.status is RunStatus.PENDING_APPROVAL
    assert run.requested_by is None


SUBSCRIPTION = "01234567-89ab-cdef-0123-456789abcdef"
VM = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/acme-prod/providers/Microsoft.Compute/virtualMachines/acme-vm-01"
IN_AZURE = Cloud(provider="azure", tenant_id=SUBSCRIPTION, subscription_id=SUBSCRIPTION)
SECOND = replace(CLOUD, role_arn="arn:aws:iam::555555555555:role/AlertWhisperer")


async def test_the_executor_is_chosen_by_where_the_machine_is() -> None:
    company = replace(ACME, clouds=(CLOUD, IN_AZURE))
    tx = Memory(company=company, assets=(replace(WEB, cloud_ref=VM), DB))
    run = await ask(tx)
    assert (run.executor, run.account, run.region) == ("azure", SUBSCRIPTION, "")
    with pytest.raises(Refused, match="one account; these are in AWS account 222222222222 and Azure"):
        await ask(tx, targets=["acme-web-01", "acme-db-01"])
    assert (await ask(Memory(company=company))).executor == "aws_ssm"


@pytest.mark.parametrize(
    ("cloud_ref", "clouds", "code", "words"),
    [
        ("i-0a11", (CLOUD, SECOND), "incomplete_target", "several accounts: 222222222222, 555555555555"),
        (VM, (CLOUD,), "no_cloud", f"no Azure subscription {SUBSCRIPTION} configured"),
        ("i-0a11", (IN_AZURE,), "no_cloud", "no AWS account configured"),
        ("arn:aws:ec2:eu-west-1:999999999999:instance/i-0a11", (CLOUD,), "no_cloud", "account 999999999999"),
        (
            "projects/acme-prod/zones/a/instances/web",
            (CLOUD,),
            "no_executor",
            "is in Google Cloud. Google Cloud has",
        ),
        ("srv-01.acme.example", (CLOUD,), "incomplete_target", "which no known cloud uses"),
    ],
)
async def test_a_machine_whose_account_is_not_certain_is_refused(
    cloud_ref: str, clouds: tuple[Cloud, ...], code: str, words: str
) -> None:
    tx = Memory(company=replace(ACME, clouds=clouds), assets=(replace(WEB, cloud_ref=cloud_ref), DB))
    with pytest.raises(Refused, match=words) as refused:
        await ask(tx)
    assert refused.value.code == code


async def test_a_whole_arn_says_account_and_region() -> None:
    arn = "arn:aws:ec2:eu-west-1:555555555555:instance/i-0a11"
    tx = Memory(company=replace(ACME, clouds=(CLOUD, SECOND)), assets=(replace(WEB, cloud_ref=arn), DB))
    run = await ask(tx)
    assert (run.account, run.region, run.targets[0].cloud_ref) == ("555555555555", "eu-west-1", arn)

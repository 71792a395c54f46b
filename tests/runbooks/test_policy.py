"""How far a runbook may go at a company: by itself, where, how often, with whose agreement."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from engine.audit import AuditKind
from engine.company import configured
from engine.errors import Refused
from engine.operations import configure
from engine.schedule import between
from engine.setting import SETTINGS, Origin
from engine.suppression import MaintenanceWindow, Scope
from runbooks.operations import carry
from runbooks.operations.decide import approve
from runbooks.operations.request import consider, request
from runbooks.run import Run, RunStatus
from runbooks.runbook import Runbook
from tests import given
from tests.given import World
from tests.runbooks.memory import ACME, ANA, KIM, LEE, MAX, NOW, Memory, acting, later
from tests.runbooks.test_request import LIBRARY, ask
from tests.runbooks.test_stored_runs import asked


async def asked_on(tx: Any, world: World, incident: int, runbook: Runbook) -> Run:
    return await request(
        tx,
        await tx.incidents.get(incident),
        runbook,
        {},
        context=await tx.companies.context(world.acme.id),
        actor=given.actor(world.root),
        now=world.core.clock.now(),
        reason="test",
    )


def having(**settings: Any) -> Memory:
    return Memory(company=configured(ACME, **settings))


async def considered(tx: Memory) -> Run | None:
    return await consider(tx, 42, tx.context, LIBRARY, NOW)


@pytest.mark.parametrize(
    ("autonomy", "rules", "runs"),
    [
        ("act", {}, True),
        ("act", {"disk-clean-up": "propose"}, False),
        ("act", {"disk-clean-up": "observe"}, False),
        ("propose", {}, False),
        ("propose", {"disk-clean-up": "act"}, True),
        ("observe", {"disk-clean-up": "act"}, True),
    ],
)
async def test_a_runbooks_own_rule_counts_before_the_companys(
    autonomy: str, rules: dict[str, str], runs: bool
) -> None:
    run = await considered(having(autonomy=autonomy, runbooks=rules))
    assert (run is not None and run.runbook_id == "disk-clean-up") is runs


async def test_outside_its_hours_nothing_runs_by_itself_and_the_story_says_why() -> None:
    tx = having(run_hours="UTC; mon-fri 18:00-23:00")
    assert await considered(tx) is None
    assert "outside the hours" in tx.said()
    assert (await ask(tx)).status is RunStatus.APPROVED, "a person may at any hour"


async def test_a_run_touches_no_more_machines_than_the_company_allows() -> None:
    tx = having(run_targets=1)
    with pytest.raises(Refused, match=r"2 machines are more than Acme Corp allows in one run \(1\)"):
        await ask(tx, targets=["acme-web-01", "acme-db-01"])


async def test_a_low_risk_runbook_can_be_made_to_ask_somebody() -> None:
    tx = having(runbooks={"disk-clean-up": "propose/1"})
    run = await ask(tx)
    assert (run.status, run.approvals_needed) == (RunStatus.PENDING_APPROVAL, 1)
    with pytest.raises(Refused) as refused:
        await approve(tx, run.id, run.digest, actor=acting(KIM), catalogue=LIBRARY, now=NOW)
    assert refused.value.who == (LEE.id, MAX.id, ANA.id)
    done = await approve(tx, run.id, run.digest, actor=acting(LEE), catalogue=LIBRARY, now=NOW)
    assert done.status is RunStatus.APPROVED


async def test_two_have_to_agree_and_the_same_one_twice_is_one() -> None:
    tx = having(runbooks={"restart-service": "propose/2"})
    run = await ask(tx, "restart-service")
    for _ in range(2):
        once = await approve(tx, run.id, run.digest, actor=acting(MAX), catalogue=LIBRARY, now=NOW)
        assert (once.status, len(once.approvals)) == (RunStatus.PENDING_APPROVAL, 1)
    assert tx.due("start_run") is None
    assert tx.said().endswith("1 more has to agree.")
    both = await approve(tx, run.id, run.digest, actor=acting(ANA), catalogue=LIBRARY, now=NOW)
    assert (both.status, both.decided_by_name) == (RunStatus.APPROVED, "Max and Ana")
    assert tx.due("start_run") == NOW
    assert tx.audit.kinds().count(AuditKind.RUN_APPROVED) == 2


async def test_one_of_two_who_lost_the_right_stops_the_start() -> None:
    tx = having(runbooks={"restart-service": "propose/2"})
    run = await ask(tx, "restart-service")
    for user in (MAX, ANA):
        await approve(tx, run.id, run.digest, actor=acting(user), catalogue=LIBRARY, now=NOW)
    tx.change(people=tuple(replace(one, role=KIM.role) if one is MAX else one for one in tx.people))
    assert await carry.mark_starting(tx, run.id, catalogue=LIBRARY, now=later(5)) is None
    assert tx.runs.found[run.id].outcome == "Void: Max, who approved it, may no longer do so."


async def test_a_second_request_of_the_same_run_needs_as_many_as_were_shown() -> None:
    tx = having(runbooks={"restart-service": "propose/2"})
    run = await ask(tx, "restart-service")
    tx.runs.found[run.id] = replace(run, approvals_needed=1)
    done = await approve(tx, run.id, run.digest, actor=acting(MAX), catalogue=LIBRARY, now=NOW)
    assert done.status is RunStatus.VOID


async def test_during_maintenance_people_are_at_work() -> None:
    window = MaintenanceWindow(
        id=3,
        company_id=7,
        scope=Scope(asset="acme-web-01"),
        schedule=between(NOW - timedelta(hours=1), NOW + timedelta(hours=1)),
        reason="disk swap",
        by="Ada",
        by_id=9,
        created_at=NOW,
        confirmed_at=NOW,
    )
    tx = Memory()
    calm = replace(tx.context, quiet=(window,))
    assert await consider(tx, 42, calm, LIBRARY, NOW) is None
    assert "maintenance 3 is on (disk swap), so people are at work there" in tx.said()


async def test_no_more_runs_start_within_an_hour_than_the_company_allows(world: World) -> None:
    """Exactly, also when many are asked for at once."""
    core = world.core
    where = configure.Where(Origin.COMPANY, "acme")
    root = given.actor(world.root)
    await core.write(
        lambda tx: configure.put(tx, where, SETTINGS["runs_per_hour"], 3, actor=root, now=core.clock.now())
    )

    async def machine(number: int) -> Any:
        await core.write(lambda tx: given.asset(tx, world.acme, f"app-{number}"))
        answer = await world.tell(given.alert(f"app-{number}", "Disk / 97% full"))
        incident = given.number(given.results(answer)[0]["incident_id"])
        return await core.write(lambda tx: asked_on(tx, world, incident, core.catalogue.get("disk-clean-up")))

    answers = await asyncio.gather(*(machine(number) for number in range(8)), return_exceptions=True)
    assert sum(isinstance(one, Run) for one in answers) == 3
    refused = [one for one in answers if isinstance(one, Refused)]
    assert {one.code for one in refused} == {"too_many_runs"}
    assert len(refused) == 5


async def test_one_run_of_a_runbook_on_a_machine_also_when_many_ask_at_once(world: World) -> None:
    answers = await asyncio.gather(
        *(asked(world, "restart-service", unit="nginx") for _ in range(12)), return_exceptions=True
    )
    assert sum(isinstance(one, Run) for one in answers) == 1
    assert {one.code for one in answers if isinstance(one, Refused)} == {"already_active"}
    assert not [one for one in answers if not isinstance(one, Run | Refused)]


def test_the_rules_are_read_as_they_are_said() -> None:
    kind = SETTINGS["runbooks"]
    kept = kind.read("Restart-Service = propose / 2, disk-clean-up=act")
    assert kept == {"disk-clean-up": "act", "restart-service": "propose/2"}
    assert kind.read(kind.words(kept)) == kept
    assert kind.kind.typed(kept) == {"disk-clean-up": ("act", None), "restart-service": ("propose", 2)}
    for wrong in ("disk-clean-up", "a=maybe", "a=act/9", "a=act,a=propose", "a=act/0"):
        with pytest.raises(Refused, match="cannot be runbooks"):
            kind.read(wrong)

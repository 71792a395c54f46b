"""From alerts to incidents, on a real database: what opens, what joins, what ends, and what the sender is told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from engine.alert import AlertStatus, Severity
from engine.incident import Incident, IncidentStatus
from engine.operations import respond
from engine.operations.ingest import ingest
from engine.sla import ClockKind, SlaClock
from storage.audit import StoredEntry
from storage.prepared import Prepared
from storage.tables import alerts as alerts_table
from storage.tables import jobs as jobs_table
from tests import given
from tests.clock import START, TestClock
from tests.given import World, number, recovery, results
from tests.given import alert as says

pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


async def incident(world: World, label: object) -> Incident:
    found = await world.core.read(lambda tx: tx.incidents.get(number(str(label))))
    assert found is not None
    return found


async def clocks(world: World, incident: Incident) -> dict[ClockKind, SlaClock]:
    return {one.kind: one for one in await world.core.read(lambda tx: tx.clocks.of(incident.id))}


async def story(world: World, incident: Incident) -> list[str]:
    lines = await world.core.read(lambda tx: tx.timeline.of_incident(incident.id))
    return [line.kind.value for line in lines]


async def proofs(world: World, incident: Incident) -> list[str]:
    found: list[StoredEntry] = list(
        await world.core.read(lambda tx: tx.audit.of_subject(incident.company_id, incident.label))
    )
    return [one.entry.kind.value for one in reversed(found)]


async def jobs(world: World) -> set[str]:
    async with world.core.database.reading() as tx:
        return set((await tx.connection.execute(sa.select(jobs_table.c.key))).scalars())


async def opened(world: World) -> list[Incident]:
    return list(await world.core.read(lambda tx: tx.incidents.listed(company_ids=None, open_only=None)))


async def test_a_new_problem_opens_an_incident_with_its_clocks_card_and_owner(world: World) -> None:
    (said,) = results(await world.tell(says(link="https://grafana.example/d/1")))
    assert said["is_new"] and not said["deduplicated"] and said["suppressed_by"] is None
    assert said["sla_due"] == (START + timedelta(minutes=30)).isoformat()
    found = await incident(world, said["incident_id"])
    assert (found.status, found.assignee_id, found.severity) == (
        IncidentStatus.ASSIGNED,
        world.kim.id,
        Severity.CRITICAL,
    )
    assert (found.asset, found.category, found.count, found.firing) == ("web-01", "disk", 1, 1)
    assert found.assigned_reason.startswith("Kim: linux ✓") and "the tool says" in found.opened_reason
    assert set(await clocks(world, found)) == set(ClockKind)
    assert await story(world, found) == ["opened"]
    assert await proofs(world, found) == ["incident.opened"]
    assert await jobs(world) == {
        f"card:incident:{found.id}:slack",
        f"sla:{found.id}",
        f"consider:{found.id}",
    }


async def test_a_critical_asset_is_marked_by_any_of_its_names(world: World) -> None:
    (said,) = results(await world.tell(says("DB-01.acme.example:5432", "replication lag")))
    found = await incident(world, said["incident_id"])
    assert found.critical_asset and found.asset_name == "db-01"


async def test_the_same_again_is_counted_and_says_so(world: World, clock: TestClock) -> None:
    first = results(await world.tell(says(signature="Disk / 93% full")))[0]
    clock.advance(minutes=5)
    again = results(await world.tell(says(signature="Disk / 97% full")))[0]
    assert again["incident_id"] == first["incident_id"] and again["alert_id"] == first["alert_id"]
    assert again["deduplicated"] and not again["is_new"]
    found = await incident(world, first["incident_id"])
    assert (found.count, found.firing, found.last_alert_at) == (2, 1, START + timedelta(minutes=5))
    kept = await world.core.read(lambda tx: tx.alerts.get(str(first["alert_id"])))
    assert kept is not None and (kept.count, kept.first_at) == (2, START)


async def test_the_same_words_of_another_company_are_another_incident(world: World) -> None:
    here = results(await world.tell(says()))[0]["incident_id"]
    there = results(await world.tell(says(), company=world.globex))[0]["incident_id"]
    assert here != there
    assert (await incident(world, there)).assignee_id == world.eve.id


async def test_one_problem_from_two_tools_is_one_incident_that_waits_for_both(world: World) -> None:
    first = results(await world.tell(says(tool="zabbix")))[0]
    second = results(await world.tell(says(tool="prometheus")))[0]
    assert second["incident_id"] == first["incident_id"] and second["alert_id"] != first["alert_id"]
    found = await incident(world, first["incident_id"])
    assert found.tools == ("zabbix", "prometheus") and found.firing == 2
    await world.tell(recovery(tool="zabbix"))
    assert (await incident(world, first["incident_id"])).open
    await world.tell(recovery(tool="prometheus"))
    assert not (await incident(world, first["incident_id"])).open


async def test_recovery_closes_what_no_person_touched(world: World, clock: TestClock) -> None:
    label = results(await world.tell(says()))[0]["incident_id"]
    clock.advance(minutes=3)
    said = results(await world.tell(recovery()))[0]
    assert said["incident_id"] == label and "recovery of" in said["reason"] and said["sla_due"] is None
    found = await incident(world, label)
    assert (found.status, found.resolved_by, found.resolved_at) == (
        IncidentStatus.RESOLVED,
        "monitoring",
        clock.now(),
    )
    assert all(one.met_at == clock.now() for one in (await clocks(world, found)).values())
    assert await story(world, found) == ["opened", "resolved"]
    assert await proofs(world, found) == ["incident.opened", "incident.resolved"]


async def test_recovery_asks_the_owner_of_what_was_claimed(world: World, clock: TestClock) -> None:
    label = results(await world.tell(says()))[0]["incident_id"]
    kim = given.actor(world.kim)
    await world.core.write(lambda tx: respond.claim(tx, number(label), actor=kim, now=clock.now()))
    await world.tell(recovery())
    found = await incident(world, label)
    assert found.status is IncidentStatus.IN_PROGRESS and found.recovered_at == clock.now()
    assert (await clocks(world, found))[ClockKind.RESOLUTION].met_at is None
    assert (await story(world, found))[-1] == "recovered"
    await world.tell(recovery())
    assert (await story(world, found)).count("recovered") == 1, "asked once, however often it is said"


async def test_a_recovery_of_nothing_is_kept_and_quiet(world: World) -> None:
    (said,) = results(await world.tell(recovery()))
    assert said["incident_id"] is None and not said["is_new"]
    assert await opened(world) == [] and await jobs(world) == set()
    kept = await world.core.read(lambda tx: tx.alerts.get(str(said["alert_id"])))
    assert kept is not None and kept.status is AlertStatus.RESOLVED


async def test_a_recovery_is_known_by_the_tools_key_whatever_its_text(world: World) -> None:
    label = results(await world.tell(says(dedup_key="evt-9")))[0]["incident_id"]
    said = results(await world.tell(recovery("web-01", "OK: all is well", dedup_key="evt-9")))[0]
    assert said["incident_id"] == label and not (await incident(world, label)).open


async def test_a_recovery_under_another_key_ends_nothing(world: World) -> None:
    label = results(await world.tell(says(dedup_key="sda"), says(dedup_key="sdb")))[0]["incident_id"]
    assert (await incident(world, label)).firing == 2
    await world.tell(recovery(dedup_key="sdc"))
    assert (await incident(world, label)).firing == 2
    await world.tell(recovery(dedup_key="sda"))
    assert (await incident(world, label)).firing == 1
    await world.tell(recovery(dedup_key="sda"))
    assert (await incident(world, label)).open, "the same recovery twice counts once"
    await world.tell(recovery(dedup_key="sdb"))
    assert not (await incident(world, label)).open


async def test_a_recovery_without_a_key_ends_all_that_its_tool_said(world: World) -> None:
    label = results(await world.tell(says(dedup_key="1"), says(dedup_key="2"), says(tool="zabbix")))[0][
        "incident_id"
    ]
    await world.tell(recovery())
    assert (await incident(world, label)).firing == 1
    await world.tell(recovery(tool="generic"))
    assert not (await incident(world, label)).open


@pytest.mark.parametrize(("minutes", "same"), [(59, True), (60, True), (61, False)])
async def test_what_comes_back_keeps_its_number_inside_the_window(
    world: World, clock: TestClock, minutes: int, same: bool
) -> None:
    label = results(await world.tell(says()))[0]["incident_id"]
    await world.tell(recovery())
    clock.advance(minutes=minutes)
    again = results(await world.tell(says()))[0]
    assert (again["incident_id"] == label) == same and again["is_new"] != same
    found = await incident(world, again["incident_id"])
    assert found.open and found.reopened == int(same) and found.firing == 1
    if same:
        assert found.assignee_id == world.kim.id
        assert await proofs(world, found) == ["incident.opened", "incident.resolved", "incident.reopened"]
        due = (await clocks(world, found))[ClockKind.RESOLUTION].due_at
        assert due == START + timedelta(hours=4, minutes=minutes), "the quiet time does not count"


async def test_after_a_person_resolved_it_all_that_fires_again_is_waited_for(
    world: World, clock: TestClock
) -> None:
    label = results(await world.tell(says(dedup_key="a"), says(dedup_key="b")))[0]["incident_id"]
    ada = given.actor(world.ada)
    await world.core.write(lambda tx: respond.resolve(tx, number(label), actor=ada, now=clock.now()))
    clock.advance(minutes=5)
    await world.tell(says(dedup_key="a"))
    await world.tell(says(dedup_key="b"))
    assert (await incident(world, label)).firing == 2
    await world.tell(recovery(dedup_key="a"))
    assert (await incident(world, label)).open
    await world.tell(recovery(dedup_key="b"))
    assert not (await incident(world, label)).open


async def test_a_worse_severity_shortens_the_clocks_from_the_same_start(
    world: World, clock: TestClock
) -> None:
    label = results(await world.tell(says(severity_word="low")))[0]["incident_id"]
    clock.advance(minutes=10)
    said = results(await world.tell(says(severity_word="critical")))[0]
    assert said["sla_due"] == (START + timedelta(minutes=30)).isoformat()
    found = await incident(world, label)
    assert found.severity is Severity.CRITICAL and "incident.severity_raised" in await proofs(world, found)
    await world.tell(says(severity_word="info"))
    assert (await incident(world, label)).severity is Severity.CRITICAL


async def test_information_that_becomes_serious_gets_its_clocks_then(world: World, clock: TestClock) -> None:
    said = results(await world.tell(says(severity_word="info")))[0]
    found = await incident(world, said["incident_id"])
    assert said["sla_due"] is None and await clocks(world, found) == {}
    clock.advance(hours=10)
    await world.tell(says(severity_word="critical"))
    due = {kind: one.due_at - clock.now() for kind, one in (await clocks(world, found)).items()}
    assert due == {ClockKind.RESPONSE: timedelta(minutes=30), ClockKind.RESOLUTION: timedelta(hours=4)}
    assert f"sla:{found.id}" in await jobs(world)


async def test_what_came_and_went_within_one_delivery_is_on_record(world: World) -> None:
    label = results(await world.tell(says(), recovery()))[0]["incident_id"]
    found = await incident(world, label)
    assert not found.open and found.last_action == "Resolved by recovery"
    assert await story(world, found) == ["opened", "resolved"]
    assert await proofs(world, found) == ["incident.opened", "incident.resolved"]
    assert all(one.met_at is not None for one in (await clocks(world, found)).values())
    again = results(await world.tell(says()))[0]["incident_id"]
    assert again == label
    assert (await incident(world, label)).assignee_id == world.kim.id, (
        "what comes back without an owner gets one"
    )


async def test_a_flap_within_one_delivery_ends_open(world: World) -> None:
    label = results(await world.tell(says(), recovery(), says()))[0]["incident_id"]
    found = await incident(world, label)
    assert found.open and (found.firing, found.reopened, found.count) == (1, 1, 2)
    await world.tell(recovery(), says(), recovery())
    found = await incident(world, label)
    assert found.open and (found.firing, found.reopened) == (0, 2)  # by now it flaps: over when it is quiet


async def test_a_repeated_delivery_gets_its_first_answer(world: World) -> None:
    first = await world.tell(says(), ids=["d-1"])
    again = await world.tell(says(), ids=["d-1"])
    assert again.replayed and not first.replayed and again.body == first.body
    assert (await incident(world, results(first)[0]["incident_id"])).count == 1
    other = await world.tell(says(), ids=["d-1"], company=world.globex)
    assert not other.replayed, "ids of different companies have nothing to do with each other"


async def test_a_repeat_is_known_by_any_of_its_names(world: World) -> None:
    first = await world.tell(says(), ids=["id-1", "sig-1"])
    again = await world.tell(says(), ids=["id-2", "sig-1"])
    assert again.replayed and again.body == first.body


async def test_a_repeat_in_the_same_batch_gets_the_same_answer(world: World) -> None:
    twice = [given.delivery(world.acme, says(), ids=["d-1"]) for _ in range(3)]
    first, *others = await world.core.write(lambda tx: ingest(tx, twice, world.core.clock.now()))
    assert not first.replayed and all(one.replayed and one.body == first.body for one in others)
    assert (await incident(world, results(first)[0]["incident_id"])).count == 1


async def test_an_empty_delivery_is_accepted(world: World) -> None:
    assert (await world.tell()).body == {"accepted": 0, "results": []}


async def test_critical_ones_are_given_out_first_and_the_load_is_shared(world: World) -> None:
    async def third(tx: object) -> object:
        return await given.technician(tx, world.acme, name="Lee", skills={"linux"})  # type: ignore[arg-type]

    await world.core.write(third)
    said = results(await world.tell(says(severity_word="low"), says("db-01"), says("db-01", "cpu load")))
    low, first, second = [(await incident(world, one["incident_id"])).assignee_id for one in said]
    assert first == world.kim.id and second != first
    assert low in (first, second)


def counting(call: Any, asked: list[object]) -> Any:
    async def counted(*given: Any, **more: Any) -> Any:
        asked.append(1)
        return await call(*given, **more)

    return counted


async def test_a_batch_reads_and_writes_with_few_statements(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many alerts and open incidents there are: the number of statements does not grow with them."""

    async def counted(alerts: int) -> int:
        asked: list[object] = []
        sa.event.listen(sa.Engine, "before_cursor_execute", note := lambda *_: asked.append(1))
        with monkeypatch.context() as patched:
            for name in ("rows", "many"):
                patched.setattr(Prepared, name, counting(getattr(Prepared, name), asked))
            await world.tell(*(says(f"m-{index}") for index in range(alerts)))
        sa.event.remove(sa.Engine, "before_cursor_execute", note)
        assert len(asked) > 5
        return len(asked)

    small, large = await counted(5), await counted(200)
    repeated = await counted(200)
    assert large <= small + 12 and repeated <= small + 12
    async with world.core.database.reading() as tx:
        total = (await tx.connection.execute(sa.select(sa.func.sum(alerts_table.c.count)))).scalar_one()
    assert total == 405

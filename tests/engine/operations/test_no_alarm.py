"""What raises no alarm: notices, and the word that a tool has no data."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from engine.alert import Alert, AlertStatus, Severity, StoredAlert
from engine.incident import IncidentStatus
from tests import given
from tests.clock import TestClock
from tests.engine.operations.test_ingest import incident, story
from tests.given import World, recovery, results

NOTICE, NO_DATA = AlertStatus.NOTICE, AlertStatus.NO_DATA


def says(status: AlertStatus = AlertStatus.FIRING, **changes: Any) -> Alert:
    return given.alert(status=status, **changes)


async def kept(world: World, said: dict[str, Any]) -> StoredAlert:
    found = await world.core.read(lambda tx: tx.alerts.get(str(said["alert_id"])))
    assert found is not None
    return found


@pytest.mark.parametrize("status", [NOTICE, NO_DATA])
async def test_alone_it_is_kept_and_quiet(world: World, status: AlertStatus) -> None:
    (said,) = results(await world.tell(says(status)))
    assert said["incident_id"] is None and not said["is_new"] and said["reason"]
    assert (await kept(world, said)).status is status
    assert await world.core.read(lambda tx: tx.incidents.listed(company_ids=[world.acme.id])) == []


async def test_a_notice_is_never_more_than_info_and_touches_nothing(world: World, clock: TestClock) -> None:
    (first,) = results(await world.tell(says()))
    before = await incident(world, first["incident_id"])
    clock.advance(minutes=1)
    (said,) = results(await world.tell(says(NOTICE, severity_word="critical")))
    assert said["incident_id"] is None and (await kept(world, said)).severity is Severity.INFO
    assert await incident(world, first["incident_id"]) == before


@pytest.mark.parametrize("key", [None, "trigger-7"])
async def test_no_data_leaves_open_what_is_open_and_is_told_once(
    world: World, clock: TestClock, key: str | None
) -> None:
    (first,) = results(await world.tell(says(dedup_key=key)))
    label = first["incident_id"]
    clock.advance(minutes=1)
    other = "no data from web-01" if key else "Disk / 93% full"
    for _ in range(2):
        (said,) = results(await world.tell(says(NO_DATA, signature=other, dedup_key=key)))
        assert said["incident_id"] == label and not said["is_new"] and "no data" in said["reason"]
        clock.advance(minutes=1)
    found = await incident(world, label)
    assert found.open and (found.count, found.firing) == (1, 1)
    assert found.last_alert_at == clock.now() - timedelta(minutes=3), "nothing was heard of it since"
    assert "no data" in found.last_action
    assert await story(world, found) == ["opened", "alert"]
    beside = await kept(world, said)
    assert beside.status is NO_DATA and beside.count == 2 and beside.id != first["alert_id"]
    assert (await kept(world, first)).status is AlertStatus.FIRING


@pytest.mark.parametrize("key", [None, "trigger-7"])
async def test_after_no_data_the_recovery_still_ends_it(world: World, key: str | None) -> None:
    (first,) = results(await world.tell(says(dedup_key=key)))
    await world.tell(says(NO_DATA, dedup_key=key))
    await world.tell(recovery(dedup_key=key))
    assert (await incident(world, first["incident_id"])).status is IncidentStatus.RESOLVED


async def test_no_data_and_recovery_in_one_delivery(world: World) -> None:
    said = results(
        await world.tell(says(dedup_key="k"), says(NO_DATA, dedup_key="k"), recovery(dedup_key="k"))
    )
    assert len({one["incident_id"] for one in said}) == 1
    found = await incident(world, said[0]["incident_id"])
    assert not found.open and await story(world, found) == ["opened", "alert", "resolved"]


async def test_no_data_brings_nothing_back(world: World) -> None:
    (first,) = results(await world.tell(says()))
    await world.tell(recovery())
    (said,) = results(await world.tell(says(NO_DATA)))
    assert said["incident_id"] is None and not (await incident(world, first["incident_id"])).open


async def test_the_stand_in_for_an_asset_that_no_tool_named_is_said(world: World) -> None:
    note = "the rule names no host; its folder stands in"
    (said,) = results(await world.tell(given.alert("Acme", asset_note=note)))
    assert (await incident(world, said["incident_id"])).opened_reason.endswith(note)

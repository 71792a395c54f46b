"""Every tool's recovery closes what its alert opened: the recorded bodies, through the engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.alert import AlertStatus
from integrations import SOURCES
from tests.clock import TestClock
from tests.given import World
from tests.integrations.test_golden import COLLECTIONS, parsed, truths


def pairs(tool: str) -> list[tuple[Path, dict[str, Any], dict[str, Any]]]:
    """The alerts and the recoveries that are said to be the same, where both stand alone in their body."""
    found = []
    for folder in COLLECTIONS:
        every = {case["case"]: case for case in truths(folder) if case["tool"] == tool}
        for case in every.values():
            if len(case["alerts"]) == 1 and case["alerts"][0]["status"] == "resolved":
                known = (every[name] for name in case["alerts"][0]["dedup_same_as"])
                found += [(folder, one, case) for one in known if len(one["alerts"]) == 1]
    return found


@pytest.mark.parametrize("tool", [tool for tool in sorted(SOURCES) if pairs(tool)])
async def test_a_recovery_closes_what_its_alert_opened(world: World, clock: TestClock, tool: str) -> None:
    for folder, before, after in pairs(tool):
        (alert,), (end,) = parsed(folder, before), parsed(folder, after)
        if alert.status is not AlertStatus.FIRING:
            continue
        await world.tell(alert)
        clock.advance(minutes=2)
        await world.tell(end)
        still = await world.core.read(lambda tx: tx.incidents.listed(company_ids=[world.acme.id]))
        assert not [one for one in still if one.open], f"{before['case']} is open after {after['case']}"
        clock.advance(hours=3)

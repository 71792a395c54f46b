"""Every recorded body goes through the real server, one after another into one company, as its senders would post it.

What is stored must be what is true, and a recovery must find the alert that fired, among everything else that is open.
The bodies are those of `tests/integrations`; the larger collection beside the repository is used where it lies there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.alert import AlertStatus, StoredAlert
from tests.harness import Harness
from tests.integrations.test_golden import COLLECTIONS, headers_of, truths

pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


async def posted(h: Harness, folder: Path, case: dict[str, Any]) -> tuple[int, list[dict[str, Any]]]:
    file = folder / case["file"]
    headers = headers_of(file) | {"X-API-Key": h.keys["acme"]}
    url = f"{h.url}/api/webhooks/{case['tool']}"
    async with h.session.post(url, data=file.read_bytes(), headers=headers) as answer:
        body = await answer.json()
    return answer.status, body.get("results", []) if isinstance(body, dict) else []


async def stored(h: Harness, alert_id: str) -> StoredAlert:
    found: StoredAlert | None = await h.read(lambda tx: tx.alerts.get(alert_id))
    assert found is not None
    return found


_ALSO = {"no_data": {"firing", "info"}}
"""That there is no data may be an alarm where a customer asked for it; it is never a recovery."""


def _firing_first(case: dict[str, Any]) -> bool:
    return bool(case["alerts"]) and all(one["status"] == "resolved" for one in case["alerts"])


@pytest.mark.parametrize("folder", COLLECTIONS, ids=["own", "beside"])
async def test_bodies_of_every_tool_in_one_company(h: Harness, folder: Path):
    if not truths(folder):
        pytest.skip(f"the larger collection does not lie at {folder}")
    faults: list[str] = []
    seen: dict[tuple[str, str], list[tuple[StoredAlert, dict[str, Any]]]] = {}
    every = sorted(truths(folder), key=_firing_first)
    for case in every:
        name = f"{case['tool']} {case['case']}"
        status, results = await posted(h, folder, case)
        if status not in case.get("http", [202]):
            faults.append(f"{name}: answered {status}")
            continue
        kept = [(await stored(h, one["alert_id"]), one) for one in results]
        seen[(case["tool"], case["case"])] = kept
        for (alert, said), true in zip(kept, case["alerts"], strict=False):
            right = {true["status"], *true.get("status_ok", ()), *_ALSO.get(true["status"], ())}
            if alert.status.value not in right:
                faults.append(f"{name}: stored as {alert.status}, not {true['status']}")
            if alert.status is AlertStatus.RESOLVED and said["is_new"]:
                faults.append(f"{name}: a recovery opened {said['incident_id']}")
            faults += [
                f"{name}: is not found to be {other}"
                for other in true.get("dedup_same_as", ())
                if not any(
                    _same(alert, said, *one) for one in seen.get((case["tool"], other), [(alert, said)])
                )
            ]
    assert not faults, "\n".join(faults)
    assert len(seen) > 100


def _same(one: StoredAlert, said: dict[str, Any], other: StoredAlert, heard: dict[str, Any]) -> bool:
    same_incident = said["incident_id"] is not None and said["incident_id"] == heard["incident_id"]
    same_key = one.dedup_key is not None and one.dedup_key == other.dedup_key
    return same_incident or same_key or one.correlation_key == other.correlation_key

"""Runs by REST: the same tiers, approvals and digests as a button."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from tests import given
from tests.bot.rest import Rest, serving
from tests.given import World

EXECUTE = "/api/msp/runbooks/{}/execute"


@pytest.fixture
async def rest(world: World) -> AsyncIterator[Rest]:
    async with serving(world.core) as client:
        yield client


async def fire(world: World, signature: str) -> str:
    (result,) = given.results(await world.tell(given.alert(signature=signature)))
    return str(result["incident_id"])


async def restart(rest: Rest, world: World, **body: Any) -> dict[str, Any]:
    label = await fire(world, "Service nginx down")
    body = {"incident_id": label, "parameters": {"unit": "nginx"}, "targets": ["web-01"], **body}
    said: dict[str, Any] = await rest.post(world.kim, EXECUTE.format("restart-service"), body, status=202)
    return said


async def test_a_low_risk_run_is_approved_at_once(rest: Rest, world: World) -> None:
    label = await fire(world, "Disk / 93% full")
    said = await rest.post(world.kim, EXECUTE.format("Disk-Clean-Up"), {"incident_id": label}, status=202)
    assert said["status"] == "approved"
    run = await rest.get(world.kim, f"/api/msp/runs/{said['run_id']}")
    assert (run["status"], run["risk"], run["incident_id"], run["company"]) == (
        "approved",
        "low",
        label,
        "acme",
    )
    assert run["targets"][0]["asset"] == "web-01"
    assert "find" in run["script"]
    assert (await rest.get(world.kim, f"/api/incidents/{label}"))["runs"][0]["run_id"] == said["run_id"]


async def test_a_high_risk_run_waits_for_somebody_else_who_may(rest: Rest, world: World) -> None:
    said = await restart(rest, world)
    assert said["status"] == "pending_approval"
    assert [one["name"] for one in said["deciders"]] == ["Root"]
    path, digest = f"/api/msp/runs/{said['run_id']}", said["digest"]
    assert (await rest.post(world.kim, f"{path}/approve", {"digest": digest}, status=403))["who"] == ["Root"]
    await rest.post(world.ada, f"{path}/approve", {"digest": digest}, status=403)
    wrong = await rest.post(world.root, f"{path}/approve", {"digest": "0" * 64}, status=409)
    assert wrong["code"] == "digest_changed"
    await rest.post(world.root, f"{path}/approve", {}, status=422)
    assert (await rest.post(world.root, f"{path}/approve", {"digest": digest}))["status"] == "approved"
    assert (await rest.post(world.root, f"{path}/approve", {"digest": digest}))["decided_by"] == "Root"
    await rest.post(world.root, f"{path}/reject", {"note": "no"}, status=409)


async def test_nobody_approves_their_own_request(rest: Rest, world: World) -> None:
    label = await fire(world, "Service nginx down")
    body = {"incident_id": label, "parameters": {"unit": "nginx"}}
    said = await rest.post(world.root, EXECUTE.format("restart-service"), body, status=202)
    path = f"/api/msp/runs/{said['run_id']}/approve"
    refused = await rest.post(world.root, path, {"digest": said["digest"]}, status=403)
    assert refused["code"] == "own_request"


async def test_a_run_is_rejected_with_a_reason_or_cancelled(rest: Rest, world: World) -> None:
    said = await restart(rest, world)
    rejected = await rest.post(world.root, f"/api/msp/runs/{said['run_id']}/reject", {"note": "not tonight"})
    assert (rejected["status"], rejected["decision_note"]) == ("rejected", "not tonight")
    again = await restart(rest, world)
    cancelled = await rest.post(world.kim, f"/api/msp/runs/{again['run_id']}/cancel")
    assert cancelled["status"] == "cancelled"


@pytest.mark.parametrize(
    ("runbook", "changes", "status"),
    [
        ("restart-service", {"incident_id": "INC-x"}, 422),
        ("restart-service", {"incident_id": 4711}, 404),
        ("restart-everything", {}, 404),
        ("restart-service", {"cloud_provider": "azure"}, 422),
        ("restart-service", {"targets": ["nowhere-01"]}, 422),
        ("restart-service", {"targets": [], "surprise": 1}, 422),
        ("restart-service", {"parameters": {"unit": "nginx; reboot"}}, 422),
        ("restart-service", {"parameters": {"unit": ["nginx"]}}, 422),
    ],
)
@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_a_request_that_cannot_be_is_refused(
    rest: Rest, world: World, runbook: str, changes: dict[str, Any], status: int
) -> None:
    label = await fire(world, "Service nginx down")
    body = {"incident_id": label, "parameters": {"unit": "nginx"}} | changes
    said = await rest.post(world.kim, EXECUTE.format(runbook), body, status=status)
    assert said["detail"]
    assert (await rest.get(world.kim, f"/api/incidents/{label}"))["runs"] == []


async def test_the_cloud_may_be_named_when_it_is_the_right_one(rest: Rest, world: World) -> None:
    assert (await restart(rest, world, cloud_provider="AWS"))["status"] == "pending_approval"


async def test_a_custom_script_waits_like_every_high_risk_run(rest: Rest, world: World) -> None:
    label = await fire(world, "Service nginx down")
    values = {"script": "nginx -t\nsystemctl restart nginx", "check": "systemctl is-active nginx"}
    body = {"incident_id": label, "parameters": values, "cloud_provider": "aws"}
    said = await rest.post(world.kim, EXECUTE.format("custom-script"), body, status=202)
    assert (said["status"], said["risk"]) == ("pending_approval", "high")
    run = await rest.get(world.root, f"/api/msp/runs/{said['run_id']}")
    assert run["script"] == f"#!/bin/bash\n{values['script']}"
    wrong = {"incident_id": label, "parameters": {**values, "script": "echo {{x}}"}}
    refused = await rest.post(world.kim, EXECUTE.format("custom-script"), wrong, status=422)
    assert "{{" in refused["detail"]


async def test_break_glass_by_rest_has_the_same_conditions_and_is_signed_by_another(
    rest: Rest, world: World
) -> None:
    said = await restart(rest, world)
    path, body = f"/api/msp/runs/{said['run_id']}", {"digest": said["digest"], "reason": "x" * 19}
    await rest.post(world.kim, f"{path}/break-glass", body, status=422)
    body["reason"] = "the shop is down and nobody answers"
    refused = await rest.post(world.kim, f"{path}/break-glass", body, status=409)
    assert refused["code"] == "glass" and "not registered" in refused["detail"]
    setting = {"value": "restart-service"}
    await rest.put(world.ada, "/api/companies/acme/settings/break_glass", setting, status=403)
    await rest.put(world.root, "/api/companies/acme/settings/break_glass", setting)
    refused = await rest.post(world.kim, f"{path}/break-glass", body, status=409)
    assert "Root can be reached" in refused["detail"]

    async def unlink(tx: Any) -> None:
        await tx.users.change(replace(await tx.users.get(world.root.id), slack_user=None))

    await world.core.write(unlink)
    await rest.post(world.eve, f"{path}/break-glass", body, status=404)
    await rest.post(world.vera, f"{path}/break-glass", body, status=403)
    assert (await rest.post(world.kim, f"{path}/break-glass", body))["status"] == "approved"
    (review,) = (await rest.get(world.ada, "/api/msp/reviews"))["reviews"]
    assert (review["run_id"], review["signed_by"], review["company"]) == (said["run_id"], "", "acme")
    assert (await rest.get(world.eve, "/api/msp/reviews"))["reviews"] == []
    await rest.get(world.vera, "/api/msp/reviews", status=403)
    await rest.get(world.eve, "/api/msp/reviews?company=acme", status=404)
    await rest.post(world.root, f"{path}/review", {"note": " "}, status=422)
    await rest.post(world.kim, f"{path}/review", {"note": "mine"}, status=403)
    assert (await rest.post(world.root, f"{path}/review", {"note": "fine"}))["signed_by"] == "Root"
    assert (await rest.get(world.root, "/api/msp/reviews"))["reviews"] == []
    (review,) = (await rest.get(world.root, "/api/msp/reviews?open_only=false"))["reviews"]
    assert review["note"] == "fine"


async def test_a_rejection_needs_a_reason(rest: Rest, world: World) -> None:
    said = await restart(rest, world)
    path = f"/api/msp/runs/{said['run_id']}/reject"
    for body in ({}, {"note": ""}, {"reason": "  "}):
        await rest.post(world.root, path, body, status=422)
    assert (await rest.get(world.kim, f"/api/msp/runs/{said['run_id']}"))["status"] == "pending_approval"


async def test_how_far_a_runbook_may_go_is_read_and_set(rest: Rest, world: World) -> None:
    path = "/api/companies/acme/runbooks/restart-service/policy"
    found = await rest.get(world.ada, path)
    assert (found["mode"], found["own"], found["approvals"], found["break_glass"]) == ("act", False, 1, False)
    after = await rest.put(world.ada, path, {"mode": "propose", "approvals": 2})
    assert (after["mode"], after["own"], after["approvals"]) == ("propose", True, 2)
    assert (await rest.get(world.root, path))["approvals"] == 2
    assert (await rest.put(world.root, path, {"approvals": 3}))["mode"] == "propose"
    assert not (await rest.put(world.root, path, {"mode": "company"}))["own"]
    await rest.put(world.kim, path, {"mode": "act"}, status=403)
    await rest.put(world.eve, path, {"mode": "act"}, status=404)
    for body in ({"mode": "maybe"}, {"approvals": 9}, {"hours": "always"}):
        await rest.put(world.root, path, body, status=422)
    await rest.get(world.root, "/api/companies/acme/runbooks/no-such/policy", status=404)

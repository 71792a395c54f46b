"""The REST interface: who sees what, who may do what, and what is said otherwise."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from engine.audit import AuditKind
from engine.company import User
from tests import given
from tests.bot.rest import Rest, serving
from tests.clock import TestClock
from tests.given import World


@pytest.fixture
async def rest(world: World) -> AsyncIterator[Rest]:
    async with serving(world.core) as client:
        yield client


async def fire(world: World, signature: str = "Disk / 93% full", asset: str = "web-01") -> str:
    answer = await world.tell(given.alert(asset, signature))
    return str(given.results(answer)[0]["incident_id"])


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic a2ltOng=", "Bearer aw_x", "Bearer a.b.c", "token x"]
)
async def test_without_a_good_token_nobody_gets_in(rest: Rest, header: str) -> None:
    async with rest.client.get("/api/incidents", headers={"Authorization": header}) as answer:
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert answer.content_type == "application/problem+json"


async def test_a_token_that_has_expired_is_refused(rest: Rest, world: World, clock: TestClock) -> None:
    token = await rest.token(world.kim, ttl=timedelta(minutes=5))
    clock.advance(minutes=6)
    async with rest.client.get("/api/companies", headers={"Authorization": f"Bearer {token}"}) as answer:
        assert answer.status == 401


async def test_an_incident_in_full(rest: Rest, world: World) -> None:
    label = await fire(world)
    said = await rest.get(world.root, f"/api/incidents/{label}")
    assert said["id"] == label
    assert said["company"] == "acme"
    assert (said["asset"], said["severity"], said["status"]) == ("web-01", "critical", "assigned")
    assert said["assignee"]["name"] == "Kim"
    assert {clock["kind"] for clock in said["sla"]} == {"response", "resolution"}
    assert said["priority"]["score"] == sum(term["points"] for term in said["priority"]["terms"])
    assert [line["kind"] for line in said["story"]] == ["opened"]
    number = label.removeprefix("INC-")
    for spelling in (number, f"inc-{number}", f"inc{number}"):
        assert (await rest.get(world.root, f"/api/incidents/{spelling}"))["id"] == label


async def test_an_alert_as_the_engine_sees_it(rest: Rest, world: World) -> None:
    alert = given.alert("WEB-01.acme.example", dedup_key="k1", labels={"mount": "/"}, message="93 %")
    (result,) = given.results(await world.tell(alert))
    said = await rest.get(world.vera, f"/api/alerts/{result['alert_id']}")
    wanted = {
        "asset_name": "WEB-01.acme.example",
        "asset": "web-01",
        "signature": "disk # full",
        "severity": "critical",
        "message": "93 %",
        "tool_source": "prometheus",
        "status": "firing",
        "dedup_key": "k1",
        "correlation_key": "web-01|disk # full",
        "labels": {"mount": "/"},
        "incident_id": result["incident_id"],
    }
    assert {name: said[name] for name in wanted} == wanted


async def test_a_foreign_thing_is_as_unknown_as_a_missing_one(rest: Rest, world: World) -> None:
    (result,) = given.results(await world.tell(given.alert()))
    label, alert_id = result["incident_id"], result["alert_id"]
    run = await rest.post(
        world.kim, "/api/msp/runbooks/disk-clean-up/execute", {"incident_id": label}, status=202
    )
    for foreign, missing in (
        (f"/api/incidents/{label}", "/api/incidents/INC-99999"),
        (f"/api/alerts/{alert_id}", "/api/alerts/zzz"),
        (f"/api/msp/runs/{run['run_id']}", "/api/msp/runs/zzz"),
        ("/api/incidents?company=acme", "/api/incidents?company=zzz"),
    ):
        one = await rest.get(world.eve, foreign, status=404)
        other = await rest.get(world.eve, missing, status=404)
        assert {**one, "detail": ""} == {**other, "detail": ""}
        assert "Acme" not in str(one)
    for verb in ("claim", "unclaim", "resolve", "reopen"):
        await rest.post(world.eve, f"/api/incidents/{label}/{verb}", status=404)
    await rest.post(world.eve, f"/api/incidents/{label}/note", {"text": "hello"}, status=404)
    body = {"incident_id": label}
    await rest.post(world.eve, "/api/msp/runbooks/disk-clean-up/execute", body, status=404)
    for verb, said in (("reject", {"note": "no"}), ("cancel", None)):
        await rest.post(world.eve, f"/api/msp/runs/{run['run_id']}/{verb}", said, status=404)


async def test_companies_are_those_of_the_asker(rest: Rest, world: World) -> None:
    async def slugs(user: User) -> list[str]:
        return [one["slug"] for one in (await rest.get(user, "/api/companies"))["companies"]]

    await fire(world)
    assert await slugs(world.root) == ["acme", "globex"]
    assert await slugs(world.kim) == ["acme"]
    assert await slugs(world.eve) == ["globex"]
    said = await rest.get(world.vera, "/api/companies")
    assert said["companies"][0]["open"] == {"critical": 1}
    assert "AlertWhisperer" not in str(said)


async def test_a_technician_lists_their_own_and_what_nobody_has_claimed(rest: Rest, world: World) -> None:
    mine, others, free = [await fire(world, name) for name in ("Disk full", "CPU high", "Memory high")]
    await rest.post(world.kim, f"/api/incidents/{mine}/claim")
    await rest.post(world.bob, f"/api/incidents/{others}/claim")

    async def labels(user: User, query: str = "") -> set[str]:
        return {one["id"] for one in (await rest.get(user, f"/api/incidents{query}"))["incidents"]}

    assert await labels(world.kim) == {mine, free}
    assert await labels(world.bob) == {others, free}
    assert await labels(world.ada) == await labels(world.root) == {mine, others, free}
    assert await labels(world.eve) == set()
    assert await labels(world.kim, "?mine=true") >= {mine}
    assert await labels(world.root, "?status=in_progress&company=ACME") == {mine, others}
    await rest.post(world.kim, f"/api/incidents/{mine}/resolve", {"text": "removed old logs"})
    assert await labels(world.root, "?status=open") == {others, free}
    assert await labels(world.root, "?status=resolved") == {mine}
    assert await labels(world.root, "?limit=1") == {free}


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
@pytest.mark.parametrize("query", ["?status=broken", "?limit=0", "?limit=501", "?limit=x", "?colour=red"])
async def test_a_list_that_cannot_be_asked_for_says_why(rest: Rest, world: World, query: str) -> None:
    await rest.get(world.root, f"/api/incidents{query}", status=422)


async def test_an_incident_from_claim_to_reopened(rest: Rest, world: World, clock: TestClock) -> None:
    path = f"/api/incidents/{await fire(world)}"
    claimed = await rest.post(world.kim, f"{path}/claim")
    assert (claimed["status"], claimed["assignee"]["name"]) == ("in_progress", "Kim")
    assert (await rest.post(world.kim, f"{path}/claim"))["revision"] == claimed["revision"]
    late = await rest.post(world.bob, f"{path}/claim", status=409)
    assert late["detail"].startswith("Kim claimed this")
    assert late["who"] == ["Kim"]
    noted = await rest.post(world.kim, f"{path}/note", {"text": "old logs"})
    assert noted["story"][-1]["text"] == "old logs"
    handed = await rest.post(world.kim, f"{path}/assign", {"to": "bob@msp.example"})
    assert handed["assignee"]["name"] == "Bob"
    given_back = await rest.post(world.bob, f"{path}/unclaim", {"reason": "on the road"})
    assert given_back["assignee"]["name"] == "Kim"
    clock.advance(minutes=3)
    done = await rest.post(world.kim, f"{path}/resolve", {"text": "removed them"})
    assert (done["status"], done["resolution"]) == ("resolved", "removed them")
    assert {one["state"] for one in done["sla"]} == {"met"}
    again = await rest.post(world.kim, f"{path}/reopen", {"reason": "came back"})
    assert (again["reopened"], again["resolved_at"]) == (1, None)


async def test_a_client_viewer_sees_the_safe_face_and_does_nothing(rest: Rest, world: World) -> None:
    label = await fire(world)
    await rest.post(world.kim, f"/api/incidents/{label}/note", {"text": "the client broke it again"})
    seen = await rest.get(world.vera, f"/api/incidents/{label}")
    assert seen["id"] == label
    assert (seen["story"], seen["runs"], seen["opened_reason"]) == ([], [], "")
    refused = await rest.post(world.vera, f"/api/incidents/{label}/claim", status=403)
    assert "Kim" in refused["who"]
    body = {"incident_id": label}
    await rest.post(world.vera, "/api/msp/runbooks/disk-clean-up/execute", body, status=403)
    run = await rest.post(world.kim, "/api/msp/runbooks/disk-clean-up/execute", body, status=202)
    await rest.get(world.vera, f"/api/msp/runs/{run['run_id']}", status=403)
    proofs = [one async for one in _chain(world)]
    assert [kind for kind in proofs if kind is AuditKind.REFUSED] == [AuditKind.REFUSED] * 2


async def _chain(world: World) -> AsyncIterator[AuditKind]:
    async with world.core.database.reading() as tx:
        async for one in tx.audit.chain(world.acme.id):
            yield one.entry.kind


async def test_someone_elses_incident_is_not_a_technicians_to_resolve(rest: Rest, world: World) -> None:
    label = await fire(world)
    await rest.post(world.kim, f"/api/incidents/{label}/claim")
    refused = await rest.post(world.bob, f"/api/incidents/{label}/resolve", status=403)
    assert refused["who"][0] == "Kim"
    assert refused["code"] == "denied"
    assert (await rest.post(world.ada, f"/api/incidents/{label}/resolve"))["resolved_by"] == "Ada"


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_words_that_make_no_sense_are_named(rest: Rest, world: World) -> None:
    label = await fire(world)
    note = f"/api/incidents/{label}/note"
    assert (await rest.post(world.kim, note, {}, status=422))["errors"][0]["field"] in ("text", "note")
    said = await rest.post(world.kim, note, {"text": "x", "colour": "red"}, status=422)
    assert said["errors"][0]["field"] == "colour"
    await rest.post(world.kim, note, ["text"], status=422)
    await rest.post(world.kim, note, {"text": "x" * 3001}, status=422)
    await rest.post(world.kim, f"/api/incidents/{label}/assign", {"to": "nobody@msp.example"}, status=422)
    headers = {"Authorization": f"Bearer {await rest.token(world.kim)}"}
    async with rest.client.post(note, data=b"{", headers=headers) as answer:
        assert answer.status == 400
    for path in ("/api/incidents/INC-x", "/api/incidents/99999999999999999999", "/api/incidents/٣"):
        await rest.get(world.kim, path, status=404)

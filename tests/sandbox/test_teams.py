"""The pretend Teams refuses what the real one refuses, with its codes and statuses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import pytest
from aiohttp.test_utils import TestServer

from sandbox.app import create
from sandbox.teams.issuer import SCOPE
from sandbox.teams.refusals import LARGEST
from sandbox.teams.world import TeamsWorld
from sandbox.world import BadWorld, World

CHANNEL = "19:acme@thread.tacv2"
TEAM = "19:team@thread.tacv2"
CONFIG: dict[str, Any] = {
    "app_id": "app",
    "app_secret": "secret",
    "tenant_id": "tenant",
    "people": [
        *({"id": f"p{number}", "name": f"P{number}", "email": f"p{number}@x.example"} for number in range(5)),
        {"id": "away", "name": "Away", "email": "away@x.example", "installed": False},
    ],
    "channels": [
        {"id": TEAM, "name": "General", "team": TEAM, "members": ["p0"]},
        {"id": CHANNEL, "name": "acme", "team": TEAM, "members": [f"p{number}" for number in range(5)]},
    ],
}
TEXT = {"type": "message", "text": "hello"}


@dataclass
class Teams:
    world: TeamsWorld
    url: str
    http: aiohttp.ClientSession
    headers: dict[str, str] = field(default_factory=dict)

    async def sign_in(self, tenant: str = "tenant", **changes: str) -> tuple[int, Any]:
        form = {
            "grant_type": "client_credentials",
            "client_id": "app",
            "client_secret": "secret",
            "scope": SCOPE,
        }
        async with self.http.post(
            f"{self.url}/teams/login/{tenant}/oauth2/v2.0/token", data=form | changes
        ) as said:
            return said.status, await said.json()

    async def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any, Any]:
        address = f"{self.url}/teams/amer/v3/{path}"
        async with self.http.request(method, address, json=body, headers=self.headers) as said:
            text = await said.text()
            return said.status, await said.json() if text else {}, said.headers

    async def post(self, activity: Any, path: str = f"conversations/{CHANNEL}/activities") -> tuple[int, Any]:
        status, body, _ = await self.call("POST", path, activity)
        return status, body

    async def thread(self, activity: Any = TEXT, **changes: Any) -> tuple[int, Any]:
        about = {"channel": {"id": CHANNEL}, "tenant": {"id": "tenant"}}
        whole = {"isGroup": True, "channelData": about, "activity": activity, **changes}
        return await self.post(whole, "conversations")


@pytest.fixture
async def teams(tmp_path: Path) -> AsyncIterator[Teams]:
    world = World.load({"bot": {"url": "http://127.0.0.1:1"}, "root": str(tmp_path), "teams": CONFIG})
    assert world.teams is not None
    async with TestServer(create(world)) as server, aiohttp.ClientSession() as http:
        made = Teams(world.teams, str(server.make_url("/")).rstrip("/"), http)
        status, body = await made.sign_in()
        assert status == 200
        made.headers["Authorization"] = f"Bearer {body['access_token']}"
        yield made


async def test_who_may_sign_in(teams: Teams):
    for tenant, changes, number in (
        ("elsewhere", {}, 90002),
        ("tenant", {"client_id": "other"}, 700016),
        ("tenant", {"client_secret": "wrong"}, 7000215),
        ("tenant", {"scope": "https://graph.microsoft.com/.default"}, 70011),
        ("tenant", {"grant_type": "password"}, 70003),
    ):
        status, body = await teams.sign_in(tenant, **changes)
        assert status >= 400 and body["error_codes"] == [number]
    assert (await teams.sign_in("botframework.com"))[0] == 200
    teams.headers["Authorization"] = "Bearer made-up"
    assert (await teams.post(TEXT))[0] == 401


async def test_its_tokens_are_checked_by_anybody_with_its_keys(teams: Teams):
    async with teams.http.get(f"{teams.url}/teams/.well-known/openidconfiguration") as said:
        metadata = await said.json()
    async with teams.http.get(metadata["jwks_uri"]) as said:
        (key,) = (await said.json())["keys"]
    token = teams.world.issuer.token(teams.world.service_url)
    claims = jwt.decode(token, jwt.PyJWK(key).key, ["RS256"], audience="app", issuer=metadata["issuer"])
    assert claims["serviceurl"] == teams.world.service_url and key["endorsements"] == ["msteams"]
    teams.world.issuer.rotate()
    async with teams.http.get(metadata["jwks_uri"]) as said:
        assert (await said.json())["keys"][0]["kid"] != key["kid"]


def card(*body: Any, **changes: Any) -> dict[str, Any]:
    content = {"type": "AdaptiveCard", "version": "1.5", "body": list(body), **changes}
    kind = "application/vnd.microsoft.card.adaptive"
    return {"type": "message", "attachments": [{"contentType": kind, "content": content}]}


BLOCK = {"type": "TextBlock", "text": "x", "id": "one"}
BAD: list[tuple[Any, int, str]] = [
    ({"type": "event"}, 400, "BadSyntax"),
    ({"type": "message"}, 400, "BadSyntax"),
    ({"type": "message", "text": "x" * (LARGEST // 2)}, 413, "MessageSizeTooBig"),
    (card(version="1.6"), 400, "BadSyntax"),
    (card({"type": "Section"}), 400, "BadSyntax"),
    (card({"type": "TextBlock"}), 400, "BadSyntax"),
    (card(BLOCK, BLOCK), 400, "BadSyntax"),
    (card({"type": "ActionSet", "actions": [{"type": "Action.Http"}]}), 400, "BadSyntax"),
    (card({"type": "ActionSet", "actions": [{"type": "Action.Execute", "title": "x"}]}), 400, "BadSyntax"),
    (card(BLOCK, msteams={"entities": [{"type": "mention", "text": "<at>x</at>"}]}), 400, "BadArgument"),
]


@pytest.mark.parametrize(("activity", "status", "code"), BAD)
async def test_what_it_does_not_take(teams: Teams, activity: Any, status: int, code: str):
    for said in (await teams.post(activity), await teams.thread(activity)):
        assert (said[0], said[1]["error"]["code"]) == (status, code)
    assert not teams.world.messages(CHANNEL)


async def test_threads_edits_and_what_is_not_there(teams: Teams):
    status, made = await teams.thread(card(BLOCK))
    assert status == 201 and made["id"] == f"{CHANNEL};messageid={made['activityId']}"
    place = f"conversations/{made['id'].replace(';', '%3B')}/activities"
    status, reply = await teams.post(TEXT, f"{place}/some-random-uuid")
    assert status == 201
    (first,) = teams.world.messages(CHANNEL)
    assert [one.id for one in teams.world.replies(first)] == [reply["id"]]
    assert (await teams.call("PUT", f"{place}/{reply['id']}", TEXT))[0] == 200
    assert (await teams.call("DELETE", f"{place}/{reply['id']}"))[0] == 200
    assert (await teams.call("PUT", f"{place}/{reply['id']}", TEXT))[0] == 404
    assert await teams.post({**card(BLOCK), "text": "both"}) == (201, {}), "two messages, neither named"
    theirs = teams.world.state.post(teams.world.state.conversations[CHANNEL], "p0", TEXT)
    assert (await teams.call("PUT", f"conversations/{CHANNEL}/activities/{theirs.id}", TEXT))[0] == 403
    assert (await teams.post(TEXT, "conversations/19:no@thread.tacv2/activities"))[0] == 404
    assert (await teams.thread(channelData={"channel": {"id": CHANNEL}, "tenant": {"id": "x"}}))[0] == 400
    teams.world.state.conversations[CHANNEL].blocked = True
    assert (await teams.thread())[1]["error"]["code"] == "MessageWritesBlocked"


async def test_who_can_be_written_to(teams: Teams):
    async def open_with(*accounts: str) -> tuple[int, Any]:
        members = [{"id": one} for one in accounts]
        return await teams.post({"isGroup": False, "tenantId": "tenant", "members": members}, "conversations")

    status, made = await open_with("29:p1")
    assert status == 201 and (await open_with("29:p1"))[1] == made
    assert (await open_with("29:away"))[0] == 403
    assert (await open_with("p1@x.example"))[0] == 400
    assert (await open_with("29:p1", "29:p2"))[0] == 400


async def test_members_come_in_pages_and_the_general_channel_has_no_name(teams: Teams):
    _, page, _ = await teams.call("GET", f"conversations/{CHANNEL}/pagedmembers?pageSize=3")
    assert len(page["members"]) == 3
    more = f"conversations/{CHANNEL}/pagedmembers?pageSize=3&continuationToken={page['continuationToken']}"
    _, rest, _ = await teams.call("GET", more)
    assert [one["aadObjectId"] for one in rest["members"]] == ["p3", "p4"] and "continuationToken" not in rest
    assert (await teams.call("GET", f"conversations/{TEAM}/members/29:p4"))[0] == 404
    _, found, _ = await teams.call("GET", f"teams/{TEAM}/conversations")
    assert [one["name"] for one in found["conversations"]] == [None, "acme"]
    assert (await teams.call("GET", f"teams/{TEAM}"))[1]["channelCount"] == 2
    assert (await teams.call("GET", "teams/none"))[0] == 404


async def test_too_much_at_once_is_turned_away(teams: Teams):
    answers = [await teams.call("POST", f"conversations/{CHANNEL}/activities", TEXT) for _ in range(9)]
    assert [status for status, _, _ in answers].count(201) in (7, 8)
    status, body, headers = answers[-1]
    assert status == 429 and body["error"]["code"] == "TooManyRequests" and int(headers["Retry-After"]) >= 1


def test_a_wrong_world_is_named(tmp_path: Path):
    with pytest.raises(BadWorld, match=r"teams\.people\[0\]: email is missing"):
        World.load(
            {
                "bot": {"url": "http://x"},
                "root": str(tmp_path),
                "teams": CONFIG | {"people": [{"id": "a", "name": "b"}]},
            }
        )

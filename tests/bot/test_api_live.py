"""The live feed: what happens reaches those who may see it, whichever replica did it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from bot.api import live
from engine.identifiers import floor_of, new_id
from tests import given
from tests.bot.rest import Rest, serving
from tests.clock import START, TestClock
from tests.given import World


@pytest.fixture
async def rest(world: World, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rest]:
    monkeypatch.setattr(live, "LOOK_EVERY", 0.05)
    async with serving(world.core) as client:
        yield client


async def heard(socket: aiohttp.ClientWebSocketResponse, count: int) -> list[dict[str, Any]]:
    return [await socket.receive_json(timeout=5) for _ in range(count)]


async def listen(rest: Rest, user: Any) -> aiohttp.ClientWebSocketResponse:
    headers = {"Authorization": f"Bearer {await rest.token(user)}"}
    return await rest.client.ws_connect("/api/ws", headers=headers)


async def silent(socket: aiohttp.ClientWebSocketResponse) -> bool:
    try:
        await socket.receive(timeout=0.4)
    except TimeoutError:
        return True
    return False


async def test_a_new_incident_a_repeat_and_a_claim_are_heard_in_order(rest: Rest, world: World) -> None:
    await world.tell(given.alert("old-01", "Old news"))
    socket = await listen(rest, world.root)
    await world.tell(given.alert())
    first = await heard(socket, 2)
    assert [one["type"] for one in first] == ["alert_received", "incident_created"]
    assert first[0]["alert"]["incident_id"] == first[1]["incident"]["id"]
    await world.tell(given.alert())
    again = await heard(socket, 2)
    assert [one["type"] for one in again] == ["alert_received", "incident_updated"]
    assert again[1]["incident"]["count"] == 2
    await rest.post(world.kim, f"/api/incidents/{first[1]['incident']['id']}/claim")
    (claimed,) = await heard(socket, 1)
    assert (claimed["type"], claimed["incident"]["status"]) == ("incident_updated", "in_progress")
    assert await silent(socket)
    await socket.close()


async def test_nobody_hears_of_another_company(rest: Rest, world: World) -> None:
    mine, foreign = await listen(rest, world.kim), await listen(rest, world.eve)
    await world.tell(given.alert())
    assert len(await heard(mine, 2)) == 2
    assert await silent(foreign)
    await mine.close()
    await foreign.close()


async def test_a_technician_hears_no_more_of_what_a_colleague_has_claimed(rest: Rest, world: World) -> None:
    socket = await listen(rest, world.bob)
    (result,) = given.results(await world.tell(given.alert()))
    assert len(await heard(socket, 2)) == 2
    await rest.post(world.kim, f"/api/incidents/{result['incident_id']}/claim")
    await world.tell(given.alert())
    assert await silent(socket)
    await socket.close()


async def test_a_revoked_token_hears_no_more(rest: Rest, world: World) -> None:
    socket = await listen(rest, world.kim)
    core = world.core
    await core.write(lambda tx: tx.tokens.revoke(now=core.clock.now(), user_id=world.kim.id))
    message = await socket.receive(timeout=5)
    assert message.type is aiohttp.WSMsgType.CLOSE


async def test_a_browser_offers_its_token_as_a_subprotocol(rest: Rest, world: World) -> None:
    protocols = ("bearer", await rest.token(world.root))
    async with rest.client.ws_connect("/api/ws", protocols=protocols) as socket:
        assert socket.protocol == "bearer"
        await world.tell(given.alert())
        assert len(await heard(socket, 2)) == 2


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_without_a_token_there_is_nothing_to_hear(rest: Rest) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await rest.client.ws_connect("/api/ws")
    assert refused.value.status == 401


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_a_server_that_stops_lets_its_listeners_go(world: World) -> None:
    async with serving(world.core) as rest:
        socket = await listen(rest, world.root)
        server = rest.client.server
        stopping = asyncio.create_task(server.close())
        assert (await socket.receive(timeout=3)).type is aiohttp.WSMsgType.CLOSE
        await asyncio.wait_for(stopping, 3)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_a_listener_that_is_too_slow_is_let_go(world: World) -> None:
    waiting: asyncio.Queue[live.Message | None] = asyncio.Queue(2)
    listener = live.Listener("", given.actor(world.root), waiting)
    for _ in range(3):
        live._tell(listener, live.Message({}, world.acme.id, None))
    assert waiting.get_nowait() is None
    assert waiting.empty()


def test_the_floor_of_a_moment_is_below_its_ids_and_above_earlier_ones() -> None:
    clock = TestClock()
    for _ in range(50):
        before, after = new_id(clock.now() - timedelta(milliseconds=1)), new_id(clock.now())
        assert before < floor_of(clock.now()) <= after
        clock.advance(hours=7, milliseconds=13)
    assert len(floor_of(START)) == 26

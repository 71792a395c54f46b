"""The panel and the evening: alerts over HTTP with the key, as a monitoring tool sends them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from sandbox.app import create
from sandbox.world import BadWorld, World
from tests.sandbox.conftest import eventually, served

PRESETS = [
    {"id": "disk", "title": "Disk full", "alerts": [{"signature": "disk"}]},
    {"id": "storm", "title": "A storm", "alerts": [{"signature": "a"}, {"signature": "b"}], "count": 10},
    {"id": "drip", "title": "Drip", "alerts": [{"signature": "c"}], "count": 3, "over_seconds": 0.3},
    {"id": "nothing", "title": "Nothing", "alerts": []},
    {
        "id": "broken",
        "title": "Broken",
        "alerts": [{"signature": "down"}],
        "breaks": [{"instance": "i-1", "how": "stop-unit:nginx"}],
    },
]


@dataclass
class Bot:
    """A bot that keeps what it is sent. `answers`: statuses for the next posts, then 202."""

    ready: bool = True
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    got: list[tuple[dict[str, str], Any]] = field(default_factory=list)

    async def readyz(self, _: web.Request) -> web.Response:
        return web.Response(status=200 if self.ready else 503)

    async def take(self, request: web.Request) -> web.Response:
        self.got.append((dict(request.headers), await request.json()))
        status, headers = self.answers.pop(0) if self.answers else (202, {})
        return web.json_response({"accepted": 1}, status=status, headers=headers)


@pytest.fixture
async def bot() -> Bot:
    return Bot()


@dataclass
class Panel:
    world: World
    address: str
    session: aiohttp.ClientSession

    async def send(self, preset: str, company: str = "acme") -> tuple[int, Any]:
        body = {"company": company, "preset": preset}
        async with self.session.post(f"{self.address}/_sandbox/alert", json=body) as answer:
            return answer.status, await answer.json()


@pytest.fixture
async def panel(bot: Bot, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Panel]:
    door = web.Application()
    door.router.add_get("/readyz", bot.readyz)
    door.router.add_post("/alerts", bot.take)
    inside, url = await served(door)
    sender = {
        "company": "acme",
        "name": "Acme",
        "url": f"{url}/alerts",
        "api_key": "aw_key",
        "presets": PRESETS,
    }
    evening = getattr(request, "param", [])
    world = World.load({"bot": {"url": url}, "senders": [sender], "evening": evening, "root": str(tmp_path)})
    world.senders.pause = 0.01
    outside, address = await served(create(world))
    async with aiohttp.ClientSession() as session:
        yield Panel(world, address, session)
    await outside.cleanup()
    await inside.cleanup()


async def test_a_press_on_the_panel_posts_the_alert_with_the_key(bot: Bot, panel: Panel):
    assert await panel.send("disk") == (200, {"status": 202, "answer": {"accepted": 1}})
    [(headers, alert)] = bot.got
    assert (headers["X-API-Key"], alert) == ("aw_key", {"signature": "disk"})
    assert len(headers["X-Delivery-ID"]) == 36


async def test_a_storm_sends_every_alert_under_its_own_delivery(bot: Bot, panel: Panel):
    await panel.send("storm")
    await eventually(lambda: len(bot.got) == 20)
    assert len({headers["X-Delivery-ID"] for headers, _ in bot.got}) == 20
    assert sorted(alert["signature"] for _, alert in bot.got) == ["a"] * 10 + ["b"] * 10


async def test_alerts_may_come_one_after_the_other(bot: Bot, panel: Panel):
    await panel.send("drip")
    assert len(bot.got) == 1
    await asyncio.sleep(0.15)
    assert len(bot.got) == 2
    await eventually(lambda: len(bot.got) == 3)


async def test_what_was_not_taken_is_sent_again_under_the_same_delivery(bot: Bot, panel: Panel):
    bot.answers = [(503, {"Retry-After": "0"}), (429, {})]
    assert (await panel.send("disk"))[1]["status"] == 202
    assert len(bot.got) == 3
    assert len({headers["X-Delivery-ID"] for headers, _ in bot.got}) == 1


async def test_a_refusal_is_shown_and_not_repeated(bot: Bot, panel: Panel):
    bot.answers = [(401, {})]
    assert (await panel.send("disk"))[1]["status"] == 401
    assert len(bot.got) == 1


async def test_a_bot_that_is_away_is_said_to_be(bot: Bot, tmp_path: Path):
    sender = {
        "company": "acme",
        "name": "Acme",
        "url": "http://127.0.0.1:9/x",
        "api_key": "k",
        "presets": PRESETS,
    }
    world = World.load({"bot": {"url": "http://127.0.0.1:9"}, "senders": [sender], "root": str(tmp_path)})
    world.senders.pause = 0.001
    sent = await world.senders.send(*world.senders.preset("acme", "disk"))
    await world.senders.close()
    assert sent.status == 0 and "cannot be reached" in sent.answer["error"]


async def test_what_is_not_there_cannot_be_sent(panel: Panel):
    assert await panel.send("flood") == (404, {"error": "acme has no preset flood"})
    assert (await panel.send("disk", "globex"))[0] == 404
    assert (await panel.send("nothing"))[1]["status"] == 0
    async with panel.session.post(f"{panel.address}/_sandbox/alert", data=b"{") as answer:
        assert answer.status == 400


async def test_a_machine_breaks_before_its_monitor_speaks(bot: Bot, panel: Panel):
    said: list[tuple[str, str, int]] = []

    class Machines:
        def break_machine(self, instance: str, how: str) -> None:
            said.append((instance, how, len(bot.got)))

    panel.world._aws = Machines()  # type: ignore[assignment]
    await panel.send("broken")
    assert said == [("i-1", "stop-unit:nginx", 0)] and len(bot.got) == 1


EVENING = [
    {"after_seconds": 0.2, "company": "acme", "preset": "disk"},
    {"after_seconds": 0, "company": "acme", "preset": "broken"},
]


@pytest.mark.parametrize("panel", [EVENING], indirect=True)
async def test_the_evening_begins_when_the_bot_is_ready(bot: Bot, panel: Panel):
    await eventually(lambda: len(bot.got) == 2)
    assert [alert["signature"] for _, alert in bot.got] == ["down", "disk"]


@pytest.mark.parametrize("panel", [EVENING], indirect=True)
async def test_the_evening_waits_for_a_bot_that_is_not(bot: Bot, panel: Panel):
    bot.ready = False
    bot.got.clear()
    panel.world.senders.begin()
    await asyncio.sleep(0.4)
    before = len(bot.got)
    bot.ready = True
    await eventually(lambda: len(bot.got) >= before + 2)


def test_an_evening_of_what_is_not_there_is_refused(tmp_path: Path):
    evening = [{"after_seconds": 1, "company": "acme", "preset": "flood"}]
    world = World.load({"bot": {"url": "http://x"}, "evening": evening, "root": str(tmp_path)})
    with pytest.raises(BadWorld, match="acme has no preset flood"):
        create(world)

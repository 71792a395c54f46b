"""A pretend workspace on a port, a real slack-bolt app on another, and a real slack-sdk client between them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.app import create
from sandbox.slack.workspace import Workspace
from sandbox.world import World

TOKEN, APP_TOKEN, SECRET = "xoxb-sandbox", "xapp-sandbox", "s" * 32
KIM, LEE, EVE, BOT = "U0KIM", "U0LEE", "U0EVE", "U0AWBOT"
ACME, GLOBEX, QUIET, SECRET_ROOM, OLD = "C0ACME", "C0GLOBEX", "C0QUIET", "C0SECRET", "C0OLD"


def slack_config(**more: Any) -> dict[str, Any]:
    everybody = [KIM, LEE, BOT]
    bot = {
        "user_id": BOT,
        "bot_id": "B0AWBOT",
        "app_id": "A0AWBOT",
        "name": "Alert Whisperer",
        "token": TOKEN,
    }
    return {
        "team": {"id": "T0MSP", "name": "Northwind MSP"},
        "bot": bot | more.pop("bot", {}),
        "app_token": None,
        "signing_secret": SECRET,
        "rate_limits": False,
        "users": [
            {
                "id": KIM,
                "name": "kim",
                "real_name": "Kim Reyes",
                "email": "kim@msp.example",
                "tz": "Europe/Vienna",
            },
            {
                "id": LEE,
                "name": "lee",
                "real_name": "Lee Admin",
                "email": "lee@msp.example",
                "label": "MSP admin",
            },
            {
                "id": EVE,
                "name": "eve",
                "real_name": "Eve Guest",
                "email": "eve@else.example",
                "is_restricted": True,
                "team_id": "T0ELSE",
            },
        ],
        "channels": [
            {"id": ACME, "name": "aw-acme", "topic": "Acme Corp", "members": everybody},
            {"id": GLOBEX, "name": "aw-globex", "topic": "Globex", "members": everybody},
            {"id": QUIET, "name": "quiet", "members": [KIM]},
            {"id": SECRET_ROOM, "name": "secret", "is_private": True, "members": [KIM]},
            {"id": OLD, "name": "old", "is_archived": True, "members": everybody},
        ],
        **more,
    }


@dataclass
class Desk:
    """`app`: the real slack-bolt app that the world talks to. `requests`: what reached it, before Bolt saw it."""

    world: World
    address: str
    client: AsyncWebClient
    session: aiohttp.ClientSession
    app: AsyncApp
    slack_server: web.AppRunner
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answer_instead: Callable[[], web.StreamResponse] | None = None

    @property
    def slack(self) -> Workspace:
        return self.world.slack

    async def refusal(self, method: str, **arguments: Any) -> dict[str, Any]:
        """What Slack answers to a call that it refuses."""
        with pytest.raises(SlackApiError) as caught:
            await self.client.api_call(method, json=arguments)
        data = caught.value.response.data
        assert isinstance(data, dict)
        return data

    async def why(self, method: str, **arguments: Any) -> str:
        return str((await self.refusal(method, **arguments))["error"])

    async def post(self, **more: Any) -> dict[str, Any]:
        """A message of the bot's in Acme's channel; as it stands there."""
        arguments = {"channel": ACME, "text": "hello", **more}
        ts = (await self.client.chat_postMessage(**arguments))["ts"]
        found = self.slack.state.find(ts)
        assert found is not None
        return self.slack.state.shown(*found)

    async def page(self, verb: str, path: str, /, **body: Any) -> Any:
        """A call of the page's API: the body of its answer."""
        given: dict[str, Any] = {"params": body} if verb == "GET" else {"json": body}
        async with self.session.request(verb, f"{self.address}/_sandbox/{path}", **given) as answer:
            text = await answer.text()
            assert answer.status == 200, text
            return await answer.json()


async def served(app: web.Application) -> tuple[web.AppRunner, str]:
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}"


@asynccontextmanager
async def desk_of(root: Path, **slack: Any) -> AsyncIterator[Desk]:
    """A workspace configured so, the app, and the client."""
    door = web.Application()
    holder: list[Desk] = []

    async def events(request: web.Request) -> web.StreamResponse:
        desk = holder[0]
        desk.requests.append((dict(request.headers), await request.read()))
        if desk.answer_instead is not None:
            return desk.answer_instead()
        return await to_aiohttp_response(await desk.app.async_dispatch(await to_bolt_request(request)))

    door.router.add_post("/slack/events", events)
    runner, bot_url = await served(door)
    world = World.load({"bot": {"url": bot_url}, "slack": slack_config(**slack), "root": str(root)})
    outside, address = await served(create(world))
    async with aiohttp.ClientSession() as session:
        client = AsyncWebClient(TOKEN, base_url=f"{address}/slack/api/", session=session, retry_handlers=[])
        app = AsyncApp(client=client, signing_secret=SECRET)
        holder.append(Desk(world, address, client, session, app, outside))
        world.slack.settle = 0.4
        await client.api_test()  # the world learns its own address
        world.slack.calls.clear()
        yield holder[0]
    await outside.cleanup()
    await runner.cleanup()


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk_of(tmp_path) as desk:
        yield desk


async def eventually(look: Callable[[], Any], within: float = 5.0) -> Any:
    """What `look` finds, as soon as it finds something."""
    end = asyncio.get_running_loop().time() + within
    found = look()
    while not found:
        assert asyncio.get_running_loop().time() < end, "it never came"
        await asyncio.sleep(0.01)
        found = look()
    return found


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text}


def section(text: str = "hello", **more: Any) -> dict[str, Any]:
    return {"type": "section", "text": mrkdwn(text), **more}


def button(action_id: str = "aw:go", **more: Any) -> dict[str, Any]:
    return {"type": "button", "action_id": action_id, "text": plain("Go"), "value": "1", **more}


def field_of(name: str = "note", **element: Any) -> dict[str, Any]:
    control = {"type": "plain_text_input", "action_id": name, **element}
    return {"type": "input", "block_id": name, "label": plain(name), "element": control}


def modal(*blocks: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "type": "modal",
        "callback_id": "form",
        "title": plain("Form"),
        "submit": plain("Send"),
        "blocks": list(blocks or (field_of(),)),
        **more,
    }

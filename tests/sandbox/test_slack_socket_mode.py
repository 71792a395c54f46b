"""Socket Mode with slack-bolt's own client: hello, envelopes and their acknowledgements, and a fresh connection."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_sdk.web.async_client import AsyncWebClient

from tests.sandbox.conftest import (
    ACME,
    APP_TOKEN,
    BOT,
    KIM,
    Desk,
    button,
    desk_of,
    eventually,
    modal,
    section,
)


@asynccontextmanager
async def connected(root: Path) -> AsyncIterator[tuple[Desk, AsyncSocketModeHandler]]:
    async with desk_of(root, app_token=APP_TOKEN) as desk:
        web_client = AsyncWebClient(APP_TOKEN, base_url=f"{desk.address}/slack/api/", session=desk.session)
        handler = AsyncSocketModeHandler(desk.app, APP_TOKEN, web_client=web_client, ping_interval=1)
        await handler.connect_async()
        assert desk.slack.socket_mode is not None
        await eventually(lambda: desk.slack.socket_mode and desk.slack.socket_mode.connected)
        try:
            yield desk, handler
        finally:
            await handler.close_async()


async def test_everything_goes_through_the_connection(tmp_path: Path):
    async with connected(tmp_path) as (desk, _):
        heard: list[str] = []

        @desk.app.command("/aw")
        async def command(ack: Any, command: dict[str, Any]) -> None:
            await ack(text=f"you said {command['text']}")

        @desk.app.action("aw:go")
        async def go(ack: Any, body: dict[str, Any]) -> None:
            await ack()
            await desk.client.views_open(trigger_id=body["trigger_id"], view=modal())

        @desk.app.view("form")
        async def sent(ack: Any) -> None:
            await ack(response_action="errors", errors={"note": "no"})

        @desk.app.event("app_mention")
        async def mentioned(event: dict[str, Any]) -> None:
            heard.append(event["text"])

        seen = await desk.slack.command(KIM, ACME, "/aw status")
        assert seen is not None and seen["text"] == "you said status"
        card = await desk.post(blocks=[{"type": "actions", "elements": [button()]}])
        view = await desk.slack.press(KIM, card, "aw:go")
        assert view is not None and view["type"] == "modal"
        answer = await desk.slack.submit(KIM, view["id"], {"note": "x"})
        assert answer == {"response_action": "errors", "errors": {"note": "no"}}
        await desk.slack.mention(KIM, ACME, f"<@{BOT}> hello")
        assert await eventually(lambda: heard) == [f"<@{BOT}> hello"]
        assert desk.requests == [], "nothing came by HTTP"


async def test_a_connection_is_asked_to_come_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sandbox.slack.socket_mode.GRACE", 0.05)
    async with connected(tmp_path) as (desk, _):

        @desk.app.command("/aw")
        async def command(ack: Any) -> None:
            await ack(text="still here")

        assert desk.slack.socket_mode is not None
        await desk.slack.socket_mode.refresh()
        await eventually(lambda: desk.slack.socket_mode and desk.slack.socket_mode.connected, 15)
        seen = await desk.slack.command(KIM, ACME, "/aw")
        assert seen is not None and seen["text"] == "still here"
        opened = [call.method for call in desk.slack.calls].count("apps.connections.open")
        assert opened == 2


async def test_without_a_connection_the_address_is_used(tmp_path: Path):
    async with connected(tmp_path) as (desk, handler):
        await handler.close_async()
        await eventually(lambda: desk.slack.socket_mode and not desk.slack.socket_mode.connected)
        await desk.slack.command(KIM, ACME, "/aw")
        assert len(desk.requests) == 1


async def test_the_wire_is_slacks(tmp_path: Path):
    async with desk_of(tmp_path, app_token=APP_TOKEN) as desk:
        assert desk.slack.socket_mode is not None
        address = desk.slack.socket_mode.address(desk.address)
        async with desk.session.ws_connect(address) as socket:
            hello = await socket.receive_json()
            assert (hello["type"], hello["num_connections"]) == ("hello", 1)
            assert hello["connection_info"] == {"app_id": "A0AWBOT"}
            assert hello["debug_info"]["approximate_connection_time"] > 3600
            desk.slack.interactions.event_pauses = (0.0,)
            await eventually(lambda: desk.slack.socket_mode and desk.slack.socket_mode.connected)

            async def answer() -> dict[str, Any]:
                envelope: dict[str, Any] = await socket.receive_json()
                assert envelope["accepts_response_payload"] is True
                await socket.send_str("not json")
                await socket.send_json({"envelope_id": "unknown"})
                payload = {"text": "here", "blocks": [section()]}
                await socket.send_json({"envelope_id": envelope["envelope_id"], "payload": payload})
                return envelope

            import asyncio

            answering = asyncio.create_task(answer())
            seen = await desk.slack.command(KIM, ACME, "/aw")
            envelope = await answering
            assert (envelope["type"], envelope["payload"]["command"]) == ("slash_commands", "/aw")
            assert seen is not None and seen["text"] == "here"
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await desk.session.ws_connect(address)  # each address is good for one connection

"""Scenarios read like the product: `await h.fire("acme", "disk full")`, `await h.card(1)`, `await h.press(…)`.

Everything is real but the world: the server on a port, its worker, a database, slack_bolt and boto3; the sandbox
answers for Slack and AWS on loopback, in this process.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import sqlalchemy as sa
from aiohttp import web
from pydantic import SecretStr

from bot.app import Running, running
from bot.clock import DatabaseClock
from bot.settings import Settings
from engine.company import User
from sandbox import app as sandbox_app
from sandbox.aws.world import AwsWorld
from sandbox.world import World
from storage.tables import jobs
from storage.transaction import Transaction
from tests.outside import (
    APP_TOKEN,
    AZURE_CLIENT,
    AZURE_SECRET,
    BOT_TOKEN,
    CHAT_IDS,
    COMPANIES,
    SIGNING_SECRET,
    aws_environment,
    teams_settings,
    world_config,
)
from tests.ports import free_port
from tests.provision import CLI, provision
from tests.teams import TeamsHands, begin
from tests.waits import eventually

__all__ = ["CLI", "Harness", "ShiftedClock", "delivery_id", "eventually", "free_port", "harness", "shown"]


class ShiftedClock(DatabaseClock):
    """The database's time, moved on when a test says so: `clock.shift += …`. Whoever waits for a time looks again."""

    def __init__(self) -> None:
        super().__init__()
        self._shift = timedelta(0)
        self.moved: Callable[[], None] = lambda: None

    @property
    def shift(self) -> timedelta:
        return self._shift

    @shift.setter
    def shift(self, shift: timedelta) -> None:
        self._shift = shift
        self.moved()

    def now(self) -> datetime:
        return super().now() + self.shift


@dataclass
class Harness:
    """One world and one replica. `start` and `stop` are for tests of restarts."""

    world: World
    settings: Settings
    clock: ShiftedClock
    session: aiohttp.ClientSession
    world_url: str
    keys: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    users: dict[str, User] = field(default_factory=dict)
    bot: Running | None = None
    _stack: AsyncExitStack | None = None

    @property
    def aws(self) -> AwsWorld:
        assert self.world.aws is not None
        return self.world.aws

    @property
    def teams(self) -> TeamsHands:
        """What can be seen and done in Teams; `harness(…, teams=True)`."""
        assert self.world.teams is not None
        return TeamsHands(self.world.teams)

    @property
    def core(self) -> Any:
        assert self.bot is not None
        return self.bot.core

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.settings.aw_port}"

    async def start(self) -> None:
        self._stack = AsyncExitStack()
        self.bot = await self._stack.enter_async_context(running(self.settings, clock=self.clock))
        await self.clock.agree(self.bot.core.database)
        self.clock.moved = self.bot.core.nudge.set

    async def stop(self) -> None:
        if self._stack is not None:
            await self._stack.aclose()
            self._stack = None

    async def write(self, act: Callable[[Transaction], Awaitable[Any]]) -> Any:
        return await self.core.write(act)

    async def read(self, look: Callable[[Transaction], Awaitable[Any]]) -> Any:
        return await self.core.read(look)

    async def post(
        self, company: str, body: Any, *, tool: str = "alerts", headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        data = body if isinstance(body, bytes) else orjson.dumps(body)
        given = {"X-API-Key": self.keys[company], "Content-Type": "application/json", **(headers or {})}
        async with self.session.post(f"{self.url}/api/webhooks/{tool}", data=data, headers=given) as answer:
            return answer.status, await answer.json(content_type=None)

    async def fire(self, company: str, signature: str = "Disk / 97% full", **changes: Any) -> dict[str, Any]:
        """One alert through the front door; its result."""
        body = {
            "asset_name": COMPANIES[company][4],
            "signature": signature,
            "severity": "critical",
            "message": "Something is wrong.",
            "tool_source": "zabbix",
            **changes,
        }
        status, answer = await self.post(company, body)
        assert status == 202, answer
        result: dict[str, Any] = answer["results"][0]
        return result

    def messages(self, company: str) -> list[dict[str, Any]]:
        return [one for one in self.world.slack.messages(COMPANIES[company][1]) if one.get("metadata")]

    def cards(self, company: str, kind: str = "incident") -> list[dict[str, Any]]:
        """The cards in a company's channel (its threads included for other kinds)."""
        channel = COMPANIES[company][1]
        top = self.messages(company)
        every = top + [
            reply
            for one in top
            for reply in self.world.slack.replies(channel, one["ts"])[1:]
            if reply.get("metadata")
        ]
        return [one for one in every if one["metadata"]["event_payload"]["kind"] == kind]

    async def card(
        self, company: str, *, kind: str = "incident", saying: str = "", count: int = 1
    ) -> dict[str, Any]:
        """The newest card of that kind, once there are `count` and it says that."""

        def look() -> dict[str, Any] | None:
            found = self.cards(company, kind)
            if len(found) < count:
                return None
            return next((one for one in reversed(found) if saying in shown(one)), None)

        newest: dict[str, Any] = await eventually(
            look,
            what=f"{kind} card in {company} saying {saying!r}",
            seen=lambda: [shown(one) for one in self.cards(company, kind)],
        )
        return newest

    async def thread(self, company: str, *, saying: str) -> dict[str, Any]:
        """Our reply in any of the company's threads that says that."""
        channel = COMPANIES[company][1]

        def replies() -> list[dict[str, Any]]:
            return [
                reply
                for one in self.messages(company)
                for reply in self.world.slack.replies(channel, one["ts"])[1:]
                if "bot_id" in reply
            ]

        found: dict[str, Any] = await eventually(
            lambda: next((one for one in replies() if saying in shown(one)), None),
            what=f"thread of {company} saying {saying!r}",
            seen=lambda: [shown(one) for one in replies()],
        )
        return found

    async def press(
        self, who: str, message: dict[str, Any], action_id: str, *, option: str | None = None
    ) -> Any:
        return await self.world.slack.press(CHAT_IDS[who], message, action_id, option=option)

    async def command(self, who: str, company: str, text: str) -> Any:
        chat_id = CHAT_IDS[who]
        return await self.world.slack.command(chat_id, COMPANIES[company][1], text)

    async def modal(self, who: str) -> dict[str, Any]:
        """The newest modal that is open for this person."""
        chat_id = CHAT_IDS[who]

        def look() -> dict[str, Any] | None:
            found = self.world.slack.views_of(chat_id)
            return found[-1] if found else None

        view: dict[str, Any] = await eventually(look, what=f"modal for {who}")
        return view

    async def whispered(self, who: str, saying: str) -> dict[str, Any]:
        """What only this person sees, once it says that."""
        chat_id = CHAT_IDS[who]
        found: dict[str, Any] = await eventually(
            lambda: next((one for one in self.world.slack.ephemerals(chat_id) if saying in shown(one)), None),
            what=f"whisper to {who} saying {saying!r}",
            seen=lambda: [shown(one) for one in self.world.slack.ephemerals(chat_id)],
        )
        return found

    async def settled(self, company: str, *, within: float) -> None:
        """Until the database knows where the company's first card is."""

        async def known(tx: Transaction) -> bool:
            card = await tx.cards.get("incident:1:slack")
            return card is not None and card.ref is not None

        await eventually(
            lambda: self.read(known), what=f"{company}'s card, settled within {within} s", within=within
        )

    async def quiet(self, seconds: float = 0.4) -> None:
        """Until no job is due or under way, and a little longer."""
        due: list[str] = []

        async def look(tx: Transaction) -> list[str]:
            found = sa.select(jobs.c.key).where(jobs.c.due_at <= self.core.clock.now())
            return list((await tx.connection.execute(found)).scalars())

        async def idle() -> bool:
            due[:] = await self.read(look)
            if not due:
                await asyncio.sleep(seconds / 2)
                due[:] = await self.read(look)
            return not due

        await eventually(idle, what="an end of what is due", seen=lambda: due)


def shown(message: dict[str, Any]) -> str:
    """All the text of a message, as far as a person would read it."""

    def texts(part: Any) -> list[str]:
        if isinstance(part, dict):
            own = [part["text"]] if isinstance(part.get("text"), str) else []
            return own + [text for name, value in part.items() if name != "metadata" for text in texts(value)]
        return [text for one in part for text in texts(one)] if isinstance(part, list) else []

    return "\n".join([*texts(message.get("blocks") or []), message.get("text", "")])


@asynccontextmanager
async def harness(
    database_url: str,
    secret_key: str,
    folder: Path,
    *,
    socket_mode: bool = False,
    rate_limits: bool = False,
    wide: bool = False,
    teams: bool = False,
) -> AsyncIterator[Harness]:
    """A world on a port, a replica on another, two companies and their people, ready to be used."""
    port = free_port()
    async with AsyncExitStack() as stack:
        config = world_config(
            folder,
            bot_url=f"http://127.0.0.1:{port}",
            socket_mode=socket_mode,
            rate_limits=rate_limits,
            wide=wide,
            teams=teams,
        )
        world = World.load(config)
        runner = web.AppRunner(sandbox_app.create(world), shutdown_timeout=1)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        address = f"http://127.0.0.1:{runner.addresses[0][1]}"
        stack.enter_context(aws_environment(address))
        settings = Settings(
            aw_database_url=database_url,
            aw_secret_key=SecretStr(secret_key),
            aw_port=port,
            slack_bot_token=SecretStr(BOT_TOKEN),
            slack_signing_secret=SecretStr(SIGNING_SECRET),
            slack_app_token=SecretStr(APP_TOKEN if socket_mode else ""),
            slack_api_url=f"{address}/slack/api/",
            azure_client_id=AZURE_CLIENT if wide else "",
            azure_client_secret=SecretStr(AZURE_SECRET if wide else ""),
            aw_azure_url=f"{address}/azure" if wide else "",
            **teams_settings(address) if teams else {},
        )
        session = await stack.enter_async_context(aiohttp.ClientSession())
        h = Harness(world=world, settings=settings, clock=ShiftedClock(), session=session, world_url=address)
        await h.start()
        stack.push_async_callback(h.stop)
        await provision(h, teams=teams)
        if world.teams is not None:
            await begin(world.teams, address)
            await h.quiet(0.1)
        yield h


def delivery_id() -> str:
    return secrets.token_hex(8)

"""Scenarios read like the product: `await h.fire("acme", "disk full")`, `await h.card("acme")`, `await h.press(…)`.

Everything is real but the world: the server on a port, its worker, a database, slack_bolt and boto3; the sandbox
answers for Slack, Teams and AWS on loopback, in this process. What people see and do goes by a hand (tests/hands),
which says it in Slack's words or in Teams'.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
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
from engine.operations import directory
from sandbox import app as sandbox_app
from sandbox.aws.world import AwsWorld
from sandbox.world import World
from storage.tables import jobs
from storage.transaction import Transaction
from tests.hands import slack, teams
from tests.hands.post import Hand, OpenForm, Post
from tests.outside import (
    APP_TOKEN,
    AZURE_CLIENT,
    AZURE_SECRET,
    BOT_TOKEN,
    COMPANIES,
    PEOPLE,
    SIGNING_SECRET,
    aws_environment,
    teams_settings,
    world_config,
)
from tests.ports import free_port
from tests.provision import CLI, provision
from tests.teams import TeamsHands
from tests.waits import eventually

__all__ = [
    "CLI",
    "Harness",
    "Post",
    "ShiftedClock",
    "delivery_id",
    "eventually",
    "free_port",
    "harness",
    "shown",
]


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


HANDS: dict[str, Callable[[World], Hand]] = {"slack": slack.SlackHand, "teams": teams.TeamsHand}


@dataclass
class Harness:
    """One world and one replica. `start` and `stop` are for tests of restarts."""

    world: World
    settings: Settings
    clock: ShiftedClock
    session: aiohttp.ClientSession
    world_url: str
    hand: Hand
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
        """What can be seen and done in Teams alone; `harness(…, chats=("slack", "teams"))` or `("teams",)`."""
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

    def messages(self, company: str) -> list[Post]:
        """The cards in a company's channel, or the MSP's (`msp`), without threads."""
        return [one for one in self.hand.posts(company) if one.kind]

    def replies(self, company: str) -> list[Post]:
        return self.hand.replies(company)

    def cards(self, company: str, kind: str = "incident") -> list[Post]:
        """The cards of that kind, what stands in threads included."""
        return [one for one in (*self.messages(company), *self.replies(company)) if one.kind == kind]

    async def card(self, company: str, *, kind: str = "incident", saying: str = "", count: int = 1) -> Post:
        """The newest card of that kind, once there are `count` and it says that."""

        def look() -> Post | None:
            found = self.cards(company, kind)
            if len(found) < count:
                return None
            return next((one for one in reversed(found) if saying in one.text), None)

        newest: Post = await eventually(
            look,
            what=f"{kind} card in {company} saying {saying!r}",
            seen=lambda: [one.text for one in self.cards(company, kind)],
        )
        return newest

    async def thread(self, company: str, *, saying: str) -> Post:
        """The reply in any of the company's threads that says that."""
        return await self._saying(lambda: self.replies(company), f"a thread of {company}", saying)

    async def whispered(self, who: str, saying: str) -> Post:
        """The answer that only this person sees, once it says that."""
        return await self._saying(lambda: self.hand.whispers(who), f"a whisper to {who}", saying)

    async def answered(self, who: str, saying: str) -> Post:
        """What this person reads when something was done at their word."""
        return await self._saying(lambda: self.hand.answers(who), f"an answer to {who}", saying)

    async def told(self, who: str, saying: str) -> Post:
        """The notice to this person alone that says that."""
        return await self._saying(lambda: self.direct(who), f"a notice to {who}", saying)

    def direct(self, who: str) -> list[Post]:
        return self.hand.direct(who)

    async def _saying(self, look: Callable[[], list[Post]], what: str, saying: str) -> Post:
        found: Post = await eventually(
            lambda: next((one for one in look() if saying in one.text), None),
            what=f"{what} saying {saying!r}",
            seen=lambda: [one.text for one in look()],
        )
        return found

    async def press(self, who: str, post: Post, verb: str, *, value: str | None = None) -> None:
        """The button of that act, also behind ⋯. `value`: of one that was changed on its way, or is gone."""
        await self.hand.press(who, post, verb, value=value)

    async def command(self, who: str, company: str, text: str) -> Post | None:
        """Words to the bot in a channel, and the first answer that comes."""
        return await self.hand.command(who, company, text.removeprefix("/aw").strip())

    async def form(self, who: str) -> OpenForm:
        """The form that is open for this person."""
        found: OpenForm = await eventually(lambda: self.hand.form(who), what=f"a form for {who}")
        return found

    async def submit(self, who: str, **values: str) -> str:
        """Fill in the form that is open or opens, and send it; what the person then reads, "" when it closed."""
        await self.form(who)
        return await self.hand.submit(who, values)

    async def unlink(self, who: str) -> None:
        """This person has no account in chat any more."""

        async def act(tx: Transaction) -> None:
            user = await tx.users.get(self.users[who].id)
            assert user is not None
            changed = replace(user, slack_user=None, teams_user=None)
            await directory.change_user(tx, changed, actor=CLI, now=self.clock.now())

        await self.write(act)

    async def settled(self, company: str, *, within: float) -> None:
        """Until the database knows where the company's first card is."""

        async def known(tx: Transaction) -> bool:
            card = await tx.cards.get(f"incident:1:{self.hand.name}")
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


def shown(seen: Post | OpenForm | Mapping[str, Any] | None) -> str:
    """All the text of it, as far as a person would read it."""
    if seen is None:
        return ""
    return seen.text if isinstance(seen, Post | OpenForm) else slack.shown(seen)


@asynccontextmanager
async def harness(
    database_url: str,
    secret_key: str,
    folder: Path,
    *,
    socket_mode: bool = False,
    rate_limits: bool = False,
    wide: bool = False,
    chats: Sequence[str] = ("slack",),
) -> AsyncIterator[Harness]:
    """A world on a port, a replica on another, two companies and their people, ready to be used. `chats`: where they
    are; scenarios look and act in the first."""
    port = free_port()
    async with AsyncExitStack() as stack:
        config = world_config(
            folder,
            bot_url=f"http://127.0.0.1:{port}",
            socket_mode=socket_mode,
            rate_limits=rate_limits,
            wide=wide,
            teams="teams" in chats,
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
            aw_public_url=f"http://127.0.0.1:{port}",
            slack_bot_token=SecretStr(BOT_TOKEN if "slack" in chats else ""),
            slack_signing_secret=SecretStr(SIGNING_SECRET),
            slack_app_token=SecretStr(APP_TOKEN if socket_mode else ""),
            slack_api_url=f"{address}/slack/api/",
            azure_client_id=AZURE_CLIENT if wide else "",
            azure_client_secret=SecretStr(AZURE_SECRET if wide else ""),
            aw_azure_url=f"{address}/azure" if wide else "",
            **teams_settings(address) if "teams" in chats else {},
        )
        session = await stack.enter_async_context(aiohttp.ClientSession())
        h = Harness(
            world=world,
            settings=settings,
            clock=ShiftedClock(),
            session=session,
            world_url=address,
            hand=HANDS[chats[0]](world),
        )
        await h.start()
        stack.push_async_callback(h.stop)
        await provision(h, chats=chats)
        if world.teams is not None:
            await teams.begin(world.teams, address, [*COMPANIES, "msp"], list(PEOPLE))
        yield h


def delivery_id() -> str:
    return secrets.token_hex(8)

"""Two replicas in processes of their own, and the ways in which a run is decided through them: REST with a token, a
press in Slack with its signature, or straight at the handler behind every door."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import orjson
from aiohttp import web

from bot import tokens
from bot.actions.runs import Approve, BreakGlass
from bot.core import Core
from bot.settings import child_environment
from engine.access import SYSTEM, Via
from engine.company import User

SIGNING_SECRET = "s" * 32


@dataclass
class Replica:
    process: Process
    url: str


@dataclass
class Replicas:
    """Both of them, the tokens of people, and a pretend Slack that hears what pressers are told."""

    core: Core
    session: aiohttp.ClientSession
    slack_url: str
    both: tuple[Replica, ...] = ()
    heard: dict[str, asyncio.Future[str]] = field(default_factory=dict)
    said: deque[str] = field(default_factory=lambda: deque(maxlen=100))
    """The end of what both have logged."""
    _tokens: dict[int, str] = field(default_factory=dict)
    _numbers: Any = field(default_factory=count)

    async def token(self, user: User) -> str:
        if user.id not in self._tokens:
            now, ttl = self.core.clock.now(), timedelta(days=2)
            minted = await self.core.write(lambda tx: tokens.create(tx, user, ttl=ttl, actor=SYSTEM, now=now))
            self._tokens[user.id] = minted.token
        return self._tokens[user.id]

    async def rest(self, replica: Replica, user: User, act: Approve | BreakGlass) -> str:
        """The code of the refusal, or `done`."""
        word, body = "approve", {"digest": act.digest}
        if isinstance(act, BreakGlass):
            word, body = "break-glass", body | {"reason": act.text or ""}
        headers = {"Authorization": f"Bearer {await self.token(user)}"}
        url = f"{replica.url}/api/msp/runs/{act.run}/{word}"
        status, said = await self.sent(url, body, headers)
        return "done" if status == 200 else str(said.get("code") or status)

    async def sent(self, url: str, body: Any, headers: Mapping[str, str] | None = None) -> tuple[int, Any]:
        """The answer; again, as it asks for, when a busy database could not take it."""
        while True:
            async with self.session.post(url, json=body, headers=headers) as answer:
                said = await answer.json(content_type=None)
                if answer.status != 503:
                    return answer.status, said
            await asyncio.sleep(1)

    async def slack(self, replica: Replica, chat_id: str, act: Approve, channel: str) -> str:
        """A press in that channel; what the presser is told. Only for what is refused: else nothing is said."""
        mark = str(next(self._numbers))
        told = self.heard[mark] = asyncio.get_running_loop().create_future()
        payload = {
            "type": "block_actions",
            "user": {"id": chat_id, "team_id": "T0MSP"},
            "team": {"id": "T0MSP"},
            "channel": {"id": channel},
            "message": {"ts": "1.2", "thread_ts": "1.1"},
            "response_url": f"{self.slack_url}/told/{mark}",
            "trigger_id": f"t-{mark}",
            "actions": [{"type": "button", "action_id": f"aw:{act.verb}", "value": act.pack()}],
        }
        data = urlencode({"payload": orjson.dumps(payload).decode()}).encode()
        async with self.session.post(
            f"{replica.url}/slack/events", data=data, headers=signed(data)
        ) as answer:
            assert answer.status in (200, 404), await answer.text()  # 404: too late for Slack, but it is told
        try:
            return await asyncio.wait_for(told, 120)
        finally:
            del self.heard[mark]

    async def start(self, replica: Replica, run_id: str) -> None:
        """Its worker takes the run up."""
        status, said = await self.sent(f"{replica.url}/start/{run_id}", None)
        assert status == 200, said

    async def hand(
        self,
        replica: Replica,
        user: User | None,
        act: Approve | BreakGlass,
        *,
        via: Via,
        company: int | None,
    ) -> str:
        told = {
            "verb": act.verb,
            "value": act.pack(),
            "user": user.id if user else None,
            "via": via.value,
            "company": company,
            "answers": {"text": act.text} if isinstance(act, BreakGlass) else None,
        }
        status, said = await self.sent(f"{replica.url}/press", told)
        assert status == 200, said
        return str(said["code"])


def signed(data: bytes) -> dict[str, str]:
    at = str(int(time.time()))
    basis = b"v0:" + at.encode() + b":" + data
    mac = hmac.new(SIGNING_SECRET.encode(), basis, hashlib.sha256).hexdigest()
    return {
        "X-Slack-Request-Timestamp": at,
        "X-Slack-Signature": f"v0={mac}",
        "Content-Type": "application/x-www-form-urlencoded",
    }


@asynccontextmanager
async def running(core: Core, ledger: Path) -> AsyncIterator[Replicas]:
    """Two processes on the core's database, which write into the ledger what they send."""
    async with aiohttp.ClientSession() as session:
        replicas = Replicas(core, session, "")
        runner = web.AppRunner(_slack(replicas), access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        replicas.slack_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        environment = child_environment(
            {
                "AW_DATABASE_URL": core.settings.aw_database_url,
                "AW_SECRET_KEY": core.settings.aw_secret_key.get_secret_value(),
                "SLACK_BOT_TOKEN": "xoxb-test",
                "SLACK_SIGNING_SECRET": SIGNING_SECRET,
                "SLACK_API_URL": f"{replicas.slack_url}/api/",
            }
        )
        processes: list[Process] = []
        listening: list[asyncio.Task[None]] = []
        try:
            for _ in range(2):
                processes.append(await _process(environment, ledger))
            ports = await asyncio.gather(*(_port(one) for one in processes))
            pairs = zip(processes, ports, strict=True)
            replicas.both = tuple(Replica(one, f"http://127.0.0.1:{port}") for one, port in pairs)
            listening = [asyncio.create_task(_listen(one, replicas.said)) for one in processes]
            yield replicas
        finally:
            for one in processes:
                if one.returncode is None:
                    one.kill()
                await one.wait()
            await asyncio.gather(*listening)
            await runner.cleanup()


async def _process(environment: Mapping[str, str], ledger: Path) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.runbooks.replica_process", str(ledger)),
        env=dict(environment),
        stdin=PIPE,
        stdout=PIPE,
    )


async def _port(process: Process) -> int:
    assert process.stdout is not None
    while line := await asyncio.wait_for(process.stdout.readline(), 120):
        if line.strip().isdigit():
            return int(line)
    raise AssertionError("the replica has ended")


async def _listen(process: Process, said: deque[str]) -> None:
    """A pipe that nobody reads is full one day, and stops who writes into it."""
    assert process.stdout is not None
    while line := await process.stdout.readline():
        said.append(line.decode(errors="replace").rstrip())


def _slack(replicas: Replicas) -> web.Application:
    """Who the bot is, that nobody is known beyond the directory, and what pressers are told."""

    async def api(request: web.Request) -> web.Response:
        if request.path.endswith("users.info"):
            return web.json_response({"ok": True, "user": {"profile": {}, "team_id": "T0MSP"}})
        return web.json_response({"ok": True, "bot_id": "B0", "user_id": "U0BOT", "team_id": "T0MSP"})

    async def told(request: web.Request) -> web.Response:
        said = (await request.json()).get("text", "")
        replicas.heard[request.match_info["mark"]].set_result(said)
        return web.Response()

    app = web.Application()
    app.add_routes([web.route("*", "/api/{method}", api), web.post("/told/{mark}", told)])
    return app

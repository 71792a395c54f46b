"""`python -m benchmarks.storm`: 10,000 alerts of one company, and what its channel and everybody else see of it.

The server is a process of its own; the pretend Slack, which refuses what comes too soon, and the senders share this
one. `--alerts` sets how many alerts, `--database` where (default a new SQLite file).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from pydantic import SecretStr
from rich.console import Console
from rich.table import Table

from bot import app as product
from bot.settings import Settings
from engine.access import Actor, Via
from engine.company import Company
from engine.operations import directory
from sandbox import app as sandbox_app
from sandbox.world import World
from storage.transaction import Transaction
from tests.outside import BOT_TOKEN, SIGNING_SECRET, world_config

OTHERS = 160
"""Companies that have one incident each: before the storm, or in it."""
IDLE = 40
CONNECTIONS = 16
STORM = "C0STORM"
WRITES = ("chat.postMessage", "chat.update")


def an_alert(number: int) -> dict[str, Any]:
    """500 assets × 20 signatures, all different; the third is the first critical one."""
    return {
        "asset_name": f"host-{number % 500}",
        "signature": f"check {'abcdefghijklmnopqrst'[number // 500 % 20]} failed",
        "severity": ("high", "warning", "critical", "low")[number % 4],
        "message": "a message of the usual length, which says what was measured and what the limit is: 91 of 90",
        "tool_source": "bench",
    }


async def serve(url: str, slack: str, ai: str = "") -> None:
    """A replica with its companies, until it is killed; their keys are its first line. `ai` is where its model is."""
    settings = Settings(
        aw_database_url=url,
        aw_port=0,
        slack_bot_token=SecretStr(BOT_TOKEN),
        slack_signing_secret=SecretStr(SIGNING_SECRET),
        slack_api_url=slack,
        anthropic_api_key=SecretStr("model-key" if ai else ""),
        anthropic_base_url=ai,
    )
    async with product.running(settings, executors={}) as replica:
        core, keys = replica.core, []
        for place in range(OTHERS + 1):
            channel = STORM if place == 0 else f"C0OTHER{place}"
            company = Company(
                id=0, slug=f"c{place}", name=f"Company {place}", slack_channel=channel, rate_limit=10**9
            )

            async def provision(tx: Transaction, company: Company = company) -> str:
                actor = Actor(user=None, via=Via.CLI)
                made = await directory.add_company(
                    tx, company, with_hmac=False, actor=actor, now=core.clock.now()
                )
                return made.api_key

            keys.append(await core.write(provision))
        print(json.dumps({"port": replica.port, "keys": keys}), flush=True)
        await asyncio.Event().wait()


@dataclass
class Scene:
    """The pretend workspace, the server and its keys; the first company is the one of the storm."""

    world: World
    session: aiohttp.ClientSession
    address: str
    keys: list[str]

    async def send(self, company: int, alert: dict[str, Any]) -> int:
        headers = {"X-API-Key": self.keys[company]}
        async with self.session.post(self.address, json=alert, headers=headers) as answer:
            await answer.read()
            return answer.status

    def writes(self, channel: str) -> list[tuple[float, str]]:
        """(when, what it said) of every write into a channel."""
        return [
            (call.at.timestamp(), str(call.args.get("text", "")))
            for call in self.world.slack.calls
            if call.method in WRITES and call.args.get("channel") == channel
        ]

    async def card(self, company: int) -> float:
        """Milliseconds from one alert of a company that is not in the storm to its card."""
        began = time.time()
        await self.send(company, an_alert(company))
        for _ in range(30_000):
            found = self.writes(f"C0OTHER{company}")
            if found:
                return (found[0][0] - began) * 1000
            await asyncio.sleep(0.002)
        raise SystemExit(f"company {company} got no card")


@asynccontextmanager
async def scene(database: str, ai: str = "") -> AsyncIterator[Scene]:
    with tempfile.TemporaryDirectory() as folder:
        config = world_config(Path(folder) / "machines", bot_url="http://127.0.0.1:1", rate_limits=True)
        one = config["slack"]["channels"][0]
        config["slack"]["channels"] = [
            one | {"id": channel, "name": channel.lower()}
            for channel in (STORM, *(f"C0OTHER{place}" for place in range(1, OTHERS + 1)))
        ]
        world = World.load(config)
        runner = web.AppRunner(sandbox_app.create(world), access_log=None, shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        slack = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/api/"
        url = database or f"sqlite+aiosqlite:///{folder}/storm.db"
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.storm", "--serve", url, slack, *([ai] if ai else [])),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={name: value for name, value in os.environ.items() if not name.startswith(("AW_", "SLACK_"))},
            limit=1024 * 1024,
        )
        assert process.stdout is not None
        try:
            while not (line := await process.stdout.readline()).startswith(b"{"):
                if not line:
                    raise SystemExit("the server did not start")
            told = json.loads(line)
            async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
                address = f"http://127.0.0.1:{told['port']}/api/webhooks/alerts"
                yield Scene(world, session, address, told["keys"])
        finally:
            process.kill()
            await process.wait()
            await runner.cleanup()


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    alerts: int
    accepted_in: float
    refused: int
    first_critical: float
    writes: list[float]
    shown_after: float
    messages: int
    slowed: int
    idle: list[float]
    meanwhile: list[float]


async def measure(
    alerts: int, database: str, *, ai: str = "", halfway: Callable[[], Awaitable[None]] | None = None
) -> Result:
    """`halfway` is done once when half of the storm has been sent."""
    async with scene(database, ai) as here:
        idle = []
        for company in range(1, IDLE + 1):
            idle.append(await here.card(company))
            await asyncio.sleep(0.05)
        sent: dict[str, float] = {}
        began = time.time()
        numbers = iter(range(alerts))
        refused = 0

        async def sender() -> None:
            nonlocal refused
            for number in numbers:
                if number == alerts // 2 and halfway is not None:
                    await halfway()
                if number % 4 == 2:
                    sent.setdefault("critical", time.time())
                refused += await here.send(0, an_alert(number)) != 202

        async def others() -> list[float]:
            found = []
            for company in range(IDLE + 1, OTHERS + 1):
                if storming.done():
                    break
                found.append(await here.card(company))
                await asyncio.sleep(0.05)
            return found

        storming = asyncio.gather(*(sender() for _ in range(CONNECTIONS)))
        meanwhile = await others()
        await storming
        accepted_in = time.time() - began
        words = f"{alerts:,} alerts"
        for _ in range(1200):
            if words in here.writes(STORM)[-1][1]:
                break
            await asyncio.sleep(0.05)
        found = here.writes(STORM)
        critical = next(at for at, text in found if text.startswith("INC-") and "· critical ·" in text)
        return Result(
            alerts=alerts,
            accepted_in=accepted_in,
            refused=refused,
            first_critical=critical - sent["critical"],
            writes=[at - began for at, _ in found],
            shown_after=next((at - began for at, text in found if words in text), float("nan")),
            messages=len([one for one in here.world.slack.messages(STORM) if one.get("metadata")]),
            slowed=here.world.slack.limits.refused,
            idle=sorted(idle),
            meanwhile=sorted(meanwhile),
        )


def table(result: Result) -> Table:
    over = max(count - at for count, at in enumerate(result.writes, 1))
    shown = Table("storm", "figure", "goal")
    rate = result.alerts / result.accepted_in
    shown.add_row(f"{result.alerts:,} accepted in", f"{result.accepted_in:.1f} s ({rate:,.0f}/s)", "< 5 s")
    shown.add_row("not accepted", str(result.refused), "0")
    shown.add_row("messages in the channel", str(result.messages), "≤ 3")
    shown.add_row("chat writes until every alert is shown", str(len(result.writes)), "≤ 20")
    shown.add_row("… at most ahead of the seconds elapsed", f"{over:+.1f}", "≤ +2")
    shown.add_row("every alert shown after", f"{result.shown_after:.1f} s", "")
    shown.add_row("first critical card", f"{result.first_critical * 1000:.0f} ms", "< 1 s")
    shown.add_row("Slack had to refuse", str(result.slowed), "0")
    idle, meanwhile = quantiles(result.idle), quantiles(result.meanwhile)
    shown.add_row("another company's card, idle", "p50 {:.0f}, p99 {:.0f} ms".format(*idle), "15, 50 ms")
    words = "p50 {:.0f}, p99 {:.0f} ms ({:.1f} ×)".format(*meanwhile, meanwhile[1] / idle[1])
    shown.add_row(f"… in the storm ({len(result.meanwhile)} of them)", words, "≤ 5 × the idle p99")
    return shown


def quantiles(sorted_values: list[float]) -> tuple[float, float]:
    return sorted_values[len(sorted_values) // 2], sorted_values[int(len(sorted_values) * 0.99)]


async def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.storm", description=__doc__)
    parser.add_argument("--alerts", type=int, default=10_000)
    parser.add_argument("--database", default="")
    parser.add_argument("--serve", nargs="+", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        await serve(*given.serve)
        return
    Console(width=120).print(table(await measure(given.alerts, given.database)))


if __name__ == "__main__":
    asyncio.run(main())

"""A replica for measuring, in a process of its own: `durable` is the product, `ceiling` answers after key and
validation only, as the same server would if it stored nothing."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from aiohttp import web

from bot import app as product
from bot.ingest import Intake
from bot.settings import Settings
from engine.access import Actor, Via
from engine.company import Company
from engine.operations import directory
from engine.operations.ingest import Answer, Delivery
from storage.transaction import Transaction


class Ceiling(Intake):
    """Takes everything and keeps nothing."""

    async def submit(self, delivery: Delivery) -> Answer:
        results = [{"alert_id": "", "incident_id": None, "reason": ""} for _ in delivery.alerts]
        return Answer(body={"accepted": len(results), "results": results})


async def main(mode: str, url: str, port: int) -> None:
    settings = Settings(aw_database_url=url, aw_port=port)
    intake_of = Ceiling if mode == "ceiling" else Intake
    async with product.running(settings, executors={}, intake_of=intake_of) as replica:

        async def provision(tx: Transaction) -> str:
            company = Company(id=0, slug="bench", name="Bench", rate_limit=10**9)
            actor = Actor(user=None, via=Via.CLI)
            now = replica.core.clock.now()
            return (await directory.add_company(tx, company, with_hmac=False, actor=actor, now=now)).api_key

        key = await replica.core.write(provision)
        print(f"ready {replica.port} {key}", flush=True)
        await asyncio.Event().wait()


def bare(port: int) -> None:
    """aiohttp alone, answering 202: what the machine allows."""

    async def answer(request: web.Request) -> web.Response:
        await request.read()
        return web.json_response({"accepted": 1}, status=202)

    async def serve() -> None:
        app = web.Application()
        app.router.add_post("/api/webhooks/alerts", answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        address: Any = runner.addresses[0]
        print(f"ready {address[1]} none", flush=True)
        await asyncio.Event().wait()

    asyncio.run(serve())


if __name__ == "__main__":
    if sys.argv[1] == "bare":
        bare(0)
    else:
        asyncio.run(main(sys.argv[1], sys.argv[2], 0))

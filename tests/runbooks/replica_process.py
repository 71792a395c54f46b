"""A replica in a process of its own: the product's doors on a port, and the step with which its worker would take up a
run, whose sending is a line in a ledger that all replicas write. `replicas.py` starts it.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

import aiohttp
import orjson
from aiohttp import web

from bot import settings
from bot.actions.every import unpack
from bot.app import build
from bot.clock import DatabaseClock
from bot.core import Core
from bot.handlers.dispatch import handle
from bot.ingest import Intake
from bot.place import Place
from bot.slack import app as slack_app
from engine.access import Actor, Via
from engine.errors import AlertWhispererError, Refused
from runbooks.catalogue import load
from runbooks.operations import carry
from storage.database import Database
from storage.secrets import Vault
from storage.transaction import Transaction


def pressed(core: Core) -> web.RouteDef:
    """What a door hands to the one handler behind all of them, without the door: whoever, from wherever."""

    async def press(request: web.Request) -> web.Response:
        told = orjson.loads(await request.read())
        act = unpack(told["verb"], told["value"])
        if told.get("answers"):
            act = act.filled(told["answers"])

        async def who(tx: Transaction) -> Any:
            return await tx.users.get(told["user"]) if told["user"] else None

        actor = Actor(user=await core.read(who), via=Via(told["via"]), label="nobody")
        try:
            await handle(core, act, actor=actor, place=Place(company_id=told["company"]))
        except Refused as refused:
            return web.json_response({"code": refused.code or "refused"})
        except AlertWhispererError as error:
            return web.json_response({"code": type(error).__name__})
        return web.json_response({"code": "done"})

    return web.post("/press", press)


def taken_up(core: Core, ledger: int) -> web.RouteDef:
    async def start(request: web.Request) -> web.Response:
        run_id = request.match_info["run"]
        step = await core.write(
            lambda tx: carry.mark_starting(tx, run_id, catalogue=core.catalogue, now=core.clock.now())
        )
        if step is not None and not step.look_first:
            os.write(ledger, f"{run_id}\n".encode())
        return web.json_response({})

    return web.post("/start/{run}", start)


async def main(ledger: str) -> None:
    chosen = settings.read()
    database = Database(chosen.aw_database_url, Vault(chosen.secret_keys()))
    clock = DatabaseClock()
    await clock.agree(database)
    core = Core(settings=chosen, database=database, clock=clock, catalogue=load(chosen.aw_runbook_dir))
    async with aiohttp.ClientSession() as session:
        file = os.open(ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        routes = [*slack_app.Slack(core, session).routes(), pressed(core), taken_up(core, file)]
        app = build(core, Intake(core), routes, worker_healthy=lambda: True)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        print(runner.addresses[0][1], flush=True)
        await parted()
        os._exit(0)


async def parted() -> None:
    """Until whoever started this has gone: a replica must not outlive its test."""
    await asyncio.to_thread(sys.stdin.buffer.read)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))

"""The composition root: every part of one replica, made once, started in order, stopped in the reverse order."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import aiohttp
import structlog
from aiohttp import web

from bot import api
from bot import web as basics
from bot.clock import Clock, DatabaseClock
from bot.clouds.azure import azure_app
from bot.core import Core
from bot.doors import files, problems, webhooks
from bot.doors import ses as ses_door
from bot.doors import twilio as twilio_door
from bot.ingest import Intake
from bot.notices.senders import ways
from bot.ports import Chat
from bot.settings import Settings, WrongSetting
from bot.shift import calendar
from bot.ticker import Ticker
from bot.worker import Worker
from runbooks import catalogue as runbook_catalogue
from runbooks.executors.aws_ssm import AwsSsm
from runbooks.executors.azure import AzureRunCommand
from runbooks.executors.gcp import GcpRefusal
from runbooks.ports import Executor
from storage.database import Database
from storage.secrets import Vault

log = structlog.get_logger()
LARGEST_BODY = 1024 * 1024
IDLE = 75.0
"""Seconds that a connection may stand open without a whole request: above the 60 of most load balancers, so that it
is they who close."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """One replica that runs: where it listens, and what tests and the command line may ask of it."""

    core: Core
    port: int
    worker: Worker
    chats: Mapping[str, Chat]


async def open_core(settings: Settings, clock: Clock | None = None) -> Core:
    """The database, migrated and in agreement about the time, and the runbooks. Raises WrongSetting."""
    database = Database(settings.aw_database_url, Vault(settings.secret_keys()))
    database.ways = ways(settings)
    await database.migrate()
    if clock is None:
        clock = DatabaseClock(settings.pace)
        await clock.agree(database)
    try:
        catalogue = runbook_catalogue.load(settings.aw_runbook_dir)
    except runbook_catalogue.InvalidCatalogue as error:
        raise WrongSetting(f"The runbooks cannot be used:\n{error}") from error
    return Core(settings=settings, database=database, clock=clock, catalogue=catalogue)


@asynccontextmanager
async def running(
    settings: Settings,
    *,
    clock: Clock | None = None,
    executors: Mapping[str, Executor] | None = None,
    intake_of: Callable[[Core], Intake] = Intake,
) -> AsyncIterator[Running]:
    """A whole replica: doors, worker, metronome. Leaving the block stops it and loses nothing.

    What is not given is the product's own; tests and benchmarks give what they need.
    """
    async with AsyncExitStack() as stack:
        core = await open_core(settings, clock)
        stack.push_async_callback(core.database.close)
        chats: dict[str, Chat] = {}
        routes: list[web.RouteDef] = []
        if settings.slack_on:
            session = await stack.enter_async_context(aiohttp.ClientSession(trust_env=True))
            routes += await _slack(core, session, chats, stack)
        else:
            log.info("Slack is off: SLACK_BOT_TOKEN is not set")
        if core.mailer is not None:
            stack.callback(core.mailer.close)
        else:
            log.info("E-mail is off: AW_EMAIL_FROM is not set")
        if settings.aw_ses_topic:
            routes += ses_door.routes(core)
        if settings.teams_on:
            session = await stack.enter_async_context(aiohttp.ClientSession(trust_env=True))
            routes += _teams(core, session, chats, stack)
        else:
            log.info("Teams is off", not_set=", ".join(settings.teams_missing))
        if core.twilio is not None:
            stack.push_async_callback(core.twilio.close)
            routes += twilio_door.routes(core)
        else:
            log.info(
                "SMS and calls are off: TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN and TWILIO_FROM are not all set"
            )
        if executors is None:
            executors = _executors(settings, stack)
        stack.push_async_callback(core.desk.close)
        if not core.desk.models:
            log.info("AI is off: the rules speak for themselves", AW_AI=settings.aw_ai)
        worker = Worker(core, chats, executors)
        working = asyncio.create_task(worker.run(), name="worker")
        stack.push_async_callback(_ended, working)
        stack.callback(worker.stop)
        ticker = Ticker(core)
        ticker.start()
        stack.callback(ticker.stop)
        intake = intake_of(core)
        await intake.start()
        stack.push_async_callback(intake.stop)
        app = build(core, intake, routes, worker_healthy=lambda: worker.healthy and not working.done())
        port = await _listen(app, settings, stack)
        yield Running(core=core, port=port, worker=worker, chats=chats)


def _executors(settings: Settings, stack: AsyncExitStack) -> dict[str, Executor]:
    """One for each provider; what a company's machines need is known only when something is to run there."""
    ssm, azure = AwsSsm(), AzureRunCommand(azure_app(settings))
    stack.callback(ssm.close)
    stack.push_async_callback(azure.close)
    return {"aws_ssm": ssm, "azure": azure, "gcp": GcpRefusal()}


async def _slack(
    core: Core, session: aiohttp.ClientSession, chats: dict[str, Chat], stack: AsyncExitStack
) -> list[web.RouteDef]:
    from bot.slack.app import Slack

    settings = core.settings
    signed = bool(settings.slack_signing_secret.get_secret_value())
    if not signed and not settings.socket_mode:
        raise WrongSetting(
            "SLACK_SIGNING_SECRET is not set, so nothing from Slack could be trusted. "
            "Set it, or set SLACK_APP_TOKEN to use Socket Mode."
        )
    slack = Slack(core, session)
    stack.push_async_callback(slack.close)
    await slack.connect()
    chats["slack"] = slack.chat
    return slack.routes() if signed else []


def _teams(
    core: Core, session: aiohttp.ClientSession, chats: dict[str, Chat], stack: AsyncExitStack
) -> list[web.RouteDef]:
    try:
        from bot.teams.app import Teams
    except ModuleNotFoundError as error:
        raise WrongSetting(
            f"Teams is set up, but {error.name} is not installed. Install alert-whisperer[teams]."
        ) from error

    teams = Teams(core, session)
    stack.push_async_callback(teams.close)
    chats["teams"] = teams.chat
    return teams.routes()


def build(
    core: Core, intake: Intake, routes: list[web.RouteDef], *, worker_healthy: Callable[[], bool]
) -> web.Application:
    """The aiohttp application with every door of this installation."""
    app = web.Application(middlewares=[problems.middleware], client_max_size=LARGEST_BODY)
    app.add_routes(basics.routes(core, worker_healthy=worker_healthy))
    app.add_routes(webhooks.routes(core, intake))
    api.attach(app, core)
    app.add_routes(calendar.routes(core))
    app.add_routes(files.routes(core))
    app.add_routes(routes)
    return app


async def _listen(app: web.Application, settings: Settings, stack: AsyncExitStack) -> int:
    # bodies stay as they were sent: aiohttp would inflate a gzip bomb before any door sees it
    # no access log: addresses may hold keys
    runner = web.AppRunner(
        app,
        access_log=None,
        handle_signals=False,
        shutdown_timeout=10,
        auto_decompress=False,
        keepalive_timeout=IDLE,
    )
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    site = web.TCPSite(runner, settings.aw_host, settings.aw_port)
    try:
        await site.start()
    except OSError as error:
        raise WrongSetting(
            f"{settings.aw_host}:{settings.aw_port} cannot be listened on: {error.strerror}. Choose another AW_PORT."
        ) from error
    return int(runner.addresses[0][1])


async def _ended(task: asyncio.Task[None]) -> None:
    await asyncio.wait({task}, timeout=15)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def serve(settings: Settings, *, ready: Callable[[Running], None] | None = None) -> None:
    """Run one replica until SIGINT or SIGTERM. Raises WrongSetting when it cannot start."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with running(settings) as replica:
        log.info("ready", address=f"http://{settings.aw_host}:{replica.port}")
        if ready is not None:
            ready(replica)
        await stop.wait()
        log.info("stopping")

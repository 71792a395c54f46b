"""The pretend world as one aiohttp application on one port: Slack, Amazon, Azure, the page and the panel."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import asdict
from functools import partial
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from sandbox.slack import files, responses
from sandbox.slack.page_api import FaultsApi, PageApi
from sandbox.slack.workspace import Workspace
from sandbox.world import World

PAGE = Path(__file__).parent / "page"
LARGEST_BODY = 64 << 20
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: http: https:; frame-src 'self'; connect-src 'self' ws:",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def create(world: World) -> web.Application:
    """The world behind its addresses. Starting it makes the machines and, once the bot is ready, begins the evening;
    stopping it leaves nothing running."""
    app = web.Application(client_max_size=LARGEST_BODY)
    faults = FaultsApi(world)
    app.router.add_post("/_sandbox/faults", faults.add)
    app.router.add_delete("/_sandbox/faults", faults.clear)
    if world.config.slack is not None:
        _mount_slack(app, world)
    if world.config.aws is not None:
        from sandbox.aws.app import mount

        mount(app, world)
    else:
        app.router.add_get("/_sandbox/machines", partial(_none_of, "machines"))
        app.router.add_get("/_sandbox/mail", partial(_none_of, "mails"))
    if world.config.azure is not None:
        from sandbox.azure.app import mount as mount_azure

        mount_azure(app, world)
    if world.config.teams is not None:
        from sandbox.teams.app import mount as mount_teams

        mount_teams(app, world)
        app.router.add_get("/teams", partial(_page, "teams.html"))
    if world.twilio is not None:
        from sandbox.twilio import mount as mount_twilio

        mount_twilio(app, world.twilio)
    else:
        app.router.add_get("/_sandbox/phones", partial(_none_of, "messages"))
    if world.config.model_key:
        from sandbox.ai.demo import mount as mount_model

        mount_model(app, world.config.model_key)
    else:
        app.router.add_get("/_sandbox/model", partial(_none_of, "models"))
    app.router.add_post("/_sandbox/alert", world.senders.asked)
    app.router.add_get("/_sandbox/clock", partial(_clock, world))
    app.cleanup_ctx.append(partial(_evening, world))
    app.router.add_get("/", partial(_page, "index.html"))
    if PAGE.is_dir():
        app.router.add_static("/static", PAGE)
    return app


async def _page(name: str, _request: web.Request) -> web.StreamResponse:
    if not (PAGE / name).is_file():
        raise web.HTTPNotFound(text="this copy of the sandbox has no page")
    return web.FileResponse(PAGE / name, headers=_HEADERS)


async def _clock(world: World, _request: web.Request) -> web.Response:
    return web.json_response(asdict(world.config.clock))


async def _none_of(name: str, _request: web.Request) -> web.Response:
    return web.json_response({name: []})


def _mount_slack(app: web.Application, world: World) -> None:
    workspace = world.slack
    state = workspace.state

    async def respond(request: web.Request) -> web.Response:
        return await responses.respond(state, request)

    async def receive(request: web.Request) -> web.Response:
        return await files.receive(state, request)

    async def give(request: web.Request) -> web.Response:
        return files.give(state, request)

    app.middlewares.append(_learn_address(workspace))
    app.router.add_route("*", "/slack/api/{method}", workspace.api.call)
    app.router.add_post("/slack/response/{token}", respond)
    app.router.add_post("/slack/files/upload/{ticket}", receive)
    app.router.add_get("/slack/files/{file}/{name}", give)
    if workspace.socket_mode is not None:
        app.router.add_get("/slack/socket/{ticket}", workspace.socket_mode.connect)
    PageApi(world).mount(app)

    async def close(_: web.Application) -> None:
        await workspace.close()

    app.on_shutdown.append(close)


def _learn_address(workspace: Workspace) -> Middleware:
    """Addresses that this world gives out begin as it was itself addressed."""

    @web.middleware
    async def learn(request: web.Request, handler: Handler) -> web.StreamResponse:
        workspace.interactions.origin = str(request.url.origin())
        return await handler(request)

    return learn


async def _evening(world: World, _app: web.Application) -> AsyncIterator[None]:
    world.senders.begin()
    yield
    await world.senders.close()

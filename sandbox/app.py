"""The sandbox as one aiohttp application on one port: Slack, Amazon, the page, the panel."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from sandbox.slack import api, files
from sandbox.slack.page_api import PageApi
from sandbox.slack.socket_mode import SocketMode
from sandbox.world import World

PAGE = Path(__file__).parent / "page"
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: http: https:; frame-src 'self'; connect-src 'self' ws:",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def create(world: World) -> web.Application:
    """The world behind its addresses. Starting it starts the machines; stopping it leaves nothing."""
    app = web.Application(client_max_size=32 << 20)
    if world.config.slack is not None:
        _mount_slack(app, world)
    if world.config.aws is not None:
        from sandbox.aws.app import mount

        mount(app, world)
    if world.config.senders:
        app.router.add_post("/_sandbox/alert", world.senders.send)
        app.cleanup_ctx.append(partial(_evening, world))
    app.router.add_get("/", _page)
    if PAGE.is_dir():
        app.router.add_static("/static", PAGE)
    return app


async def _page(_request: web.Request) -> web.StreamResponse:
    return web.FileResponse(PAGE / "index.html", headers=_HEADERS)


def _mount_slack(app: web.Application, world: World) -> None:
    workspace = world.slack
    web_api = api.WebApi(workspace)
    if workspace.config.app_token:
        workspace.interactions.socket_mode = SocketMode(workspace)
        app.router.add_get("/slack/socket/{ticket}", workspace.interactions.socket_mode.connect)

    async def respond(request: web.Request) -> web.Response:
        return await api.respond(workspace, request)

    async def upload(request: web.Request) -> web.Response:
        return await files.upload(workspace, request)

    async def download(request: web.Request) -> web.Response:
        return files.download(workspace, request)

    app.router.add_post("/slack/api/{method}", web_api.call)
    app.router.add_get("/slack/api/{method}", web_api.call)
    app.router.add_post("/slack/response/{token}", respond)
    app.router.add_post("/slack/files/{file}", upload)
    app.router.add_get("/slack/files/{file}", download)
    app.add_routes(PageApi(world).routes())
    app.cleanup_ctx.append(partial(_slack_life, world))
    app.middlewares.append(_address_learner(world))


def _address_learner(world: World) -> Middleware:
    """The world gives out addresses of its own (uploads, answers, sockets): they begin as the last caller's did."""

    @web.middleware
    async def learn(request: web.Request, handler: Handler) -> web.StreamResponse:
        world.slack.base_url = f"http://{request.host}"
        return await handler(request)

    return learn


async def _slack_life(world: World, _app: web.Application) -> AsyncIterator[None]:
    yield
    interactions = world.slack.interactions
    if interactions.socket_mode is not None:
        await interactions.socket_mode.close()
    await interactions.close()


async def _evening(world: World, _app: web.Application) -> AsyncIterator[None]:
    world.senders.begin()
    yield
    await world.senders.end()

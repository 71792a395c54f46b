"""The HTTP face of the pretend Teams: the connector, the issuer's keys, and the sign-in of bots, under /teams."""

from __future__ import annotations

from aiohttp import web
from aiohttp.typedefs import Handler

from sandbox.faults import Do
from sandbox.teams.page_api import PageApi
from sandbox.world import World

PREFIX = "/teams"


def mount(app: web.Application, world: World) -> None:
    teams = world.teams
    if teams is None:
        return
    issuer = teams.issuer

    async def metadata(request: web.Request) -> web.Response:
        fault = world.faults.take("teams", "metadata")
        if fault is not None and fault.do is Do.STATUS:
            return web.Response(status=fault.status)
        return web.json_response(issuer.metadata(f"{request.url.origin()}{PREFIX}"))

    async def keys(_request: web.Request) -> web.Response:
        return web.json_response(issuer.jwks())

    async def sign_in(request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        status, body = issuer.sign_in(request.match_info["tenant"], form)
        return web.json_response(body, status=status)

    @web.middleware
    async def learn(request: web.Request, handler: Handler) -> web.StreamResponse:
        teams.origin = str(request.url.origin())
        return await handler(request)

    async def close(_: web.Application) -> None:
        await teams.close()

    app.middlewares.append(learn)
    app.router.add_get(f"{PREFIX}/.well-known/openidconfiguration", metadata)
    app.router.add_get(f"{PREFIX}/.well-known/keys", keys)
    PageApi(world, teams).mount(app)
    app.router.add_post(f"{PREFIX}/login/{{tenant}}/oauth2/v2.0/token", sign_in)
    app.add_routes(teams.connector.routes())
    app.on_shutdown.append(close)

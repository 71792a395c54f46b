"""Every address of the REST interface."""

from __future__ import annotations

from aiohttp import web

from bot.api import (
    articles,
    asks,
    board,
    clouds,
    companies,
    incidents,
    live,
    outbreaks,
    policies,
    quiet,
    reports,
    reviews,
    rotations,
    runs,
    settings,
    time,
)
from bot.api.door import handler
from bot.core import Core

ENDPOINTS = (
    *companies.ENDPOINTS,
    *clouds.ENDPOINTS,
    *incidents.ENDPOINTS,
    *board.ENDPOINTS,
    *asks.ENDPOINTS,
    *rotations.ENDPOINTS,
    *articles.ENDPOINTS,
    *quiet.ENDPOINTS,
    *runs.ENDPOINTS,
    *reviews.ENDPOINTS,
    *policies.ENDPOINTS,
    *reports.ENDPOINTS,
    *settings.ENDPOINTS,
    *time.ENDPOINTS,
    *outbreaks.ENDPOINTS,
)


def attach(app: web.Application, core: Core) -> None:
    """Put the REST interface on a server; those who listen are let go when it stops."""
    feed = live.Feed(core)
    app.add_routes(routes(core, feed))
    app.on_shutdown.append(feed.close)


def routes(core: Core, feed: live.Feed | None = None) -> list[web.RouteDef]:
    from bot.openapi import document

    async def openapi(_request: web.Request) -> web.Response:
        return web.json_response(document(core.settings.public_url))

    found = [web.route(one.method, one.path, handler(core, one)) for one in ENDPOINTS]
    return [*found, live.route(core, feed or live.Feed(core)), web.get("/openapi.json", openapi)]

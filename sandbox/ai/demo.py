"""The pretend model of the demo at /ai, and the switch on the page that takes it away and brings it back."""

from __future__ import annotations

from aiohttp import web

from sandbox.ai.app import ModelServices, Turn
from sandbox.ai.pretend import answer

PREFIX = "/ai"
NAME = "pretend-model"
_OVERLOADED = Turn(status=529)


def mount(app: web.Application, key: str) -> None:
    """Adds /ai and /_sandbox/model: GET says whether it answers, POST {"up": …} switches it."""
    services = ModelServices(key=key, chosen=answer)
    services.mount(app, PREFIX)

    def told() -> web.Response:
        return web.json_response({"models": [{"name": NAME, "up": services.chosen is answer}]})

    async def look(_: web.Request) -> web.Response:
        return told()

    async def switch(request: web.Request) -> web.Response:
        try:
            up = (await request.json())["up"]
        except (ValueError, TypeError, KeyError):
            return web.json_response({"error": 'say {"up": true} or false'}, status=400)
        services.chosen = answer if up else lambda _: _OVERLOADED
        return told()

    app.router.add_get("/_sandbox/model", look)
    app.router.add_post("/_sandbox/model", switch)

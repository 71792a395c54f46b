"""Whatever a handler raises leaves as a problem document with the right status."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from bot.doors import problems
from engine.errors import Conflict, NotFound, Permanent, Refused, Transient

RAISED: dict[str, tuple[Exception, int]] = {
    "refused": (Refused("No.", hint="Ask Kim."), 409),
    "denied": (Refused("Not yours.", code="denied"), 403),
    "missing": (NotFound("There is no such thing."), 404),
    "conflict": (Conflict(), 409),
    "transient": (Transient("Later.", retry_after=timedelta(seconds=7.2)), 503),
    "permanent": (Permanent("Never."), 500),
    "gone": (ConnectionResetError("database"), 503),
    "unforeseen": (RuntimeError("secret detail"), 500),
    "too-large": (web.HTTPRequestEntityTooLarge(max_size=1, actual_size=2), 413),
    "framing": (web.RequestPayloadError("broken"), 400),
}


@pytest.fixture
async def client() -> AsyncIterator[TestClient[web.Request, web.Application]]:
    async def fail(request: web.Request) -> web.Response:
        raise RAISED[request.match_info["how"]][0]

    async def moved(_request: web.Request) -> web.Response:
        raise web.HTTPFound("/elsewhere")

    app = web.Application(middlewares=[problems.middleware])
    app.add_routes([web.get("/raise/{how}", fail), web.get("/moved", moved)])
    async with TestClient(TestServer(app, host="127.0.0.1")) as made:
        yield made


@pytest.mark.parametrize("how", RAISED)
async def test_each_error_has_its_status_and_says_why(client, how: str):
    async with client.get(f"/raise/{how}") as answer:
        body = await answer.json(content_type=problems.CONTENT_TYPE)
    assert (answer.status, body["status"]) == (RAISED[how][1], RAISED[how][1])
    assert body["title"] and "secret" not in str(body)
    assert ("Retry-After" in answer.headers) == (answer.status == 503)
    assert ("code" in body) == (answer.status == 500)


async def test_words_and_hints_for_people_are_kept(client):
    async with client.get("/raise/refused") as answer:
        body = await answer.json(content_type=None)
    assert (body["detail"], body["hint"]) == ("No.", "Ask Kim.")
    async with client.get("/raise/transient") as answer:
        assert answer.headers["Retry-After"] == "8"


async def test_unknown_addresses_and_methods_are_problems_too(client):
    for method, path, status in (("GET", "/nowhere", 404), ("POST", "/moved", 405)):
        async with client.request(method, path) as answer:
            assert (answer.status, answer.content_type) == (status, problems.CONTENT_TYPE)
            assert (answer.headers.get("Allow") == "GET,HEAD") == (status == 405)


async def test_a_redirection_is_no_problem(client):
    async with client.get("/moved", allow_redirects=False) as answer:
        assert answer.status == 302 and answer.headers["Location"] == "/elsewhere"

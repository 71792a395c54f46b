"""Addresses that others name lead nowhere inside, however they are written; what is had is small."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st

from bot import outside
from engine.errors import Permanent, Transient


@pytest.mark.parametrize(
    "url",
    [
        "http://calendar.example/x.ics",
        "ftp://calendar.example/x.ics",
        "file:///etc/passwd",
        "https://",
        "",
        "https://kim:secret@calendar.example/x.ics",
        "https://127.0.0.1/x.ics",
        "https://10.1.2.3/x.ics",
        "https://169.254.169.254/latest/meta-data",
        "https://192.168.0.1:8443/",
        "https://[::1]/",
        "https://[fe80::1]/",
        "https://[fd00::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::a00:1]/",
        "https://[2002:7f00:1::]/",
        "https://0.0.0.0/",
        "https://224.0.0.1/",
        "https://255.255.255.255/",
        "https://100.64.0.1/",
    ],
)
async def test_it_is_not_even_tried(url):
    with pytest.raises(Permanent):
        await outside.get(url)


@pytest.mark.parametrize("host", ["localhost", "2130706433", "0x7f000001", "127.1", "017700000001"])
async def test_a_name_that_leads_inside_leads_nowhere(host):
    with pytest.raises((Transient, Permanent)):
        await outside.get(f"https://{host}/x.ics")


@given(st.ip_addresses())
def test_what_is_public_is_global(address):
    if outside.is_public(str(address)):
        assert address.is_global and not address.is_multicast
        assert not address.is_loopback and not address.is_private and not address.is_link_local


@pytest.fixture
async def server() -> AsyncIterator[TestServer]:
    app = web.Application()

    async def away(_request: web.Request) -> web.Response:
        raise web.HTTPFound("/good")

    async def large(_request: web.Request) -> web.Response:
        return web.Response(body=b"x" * (outside.LARGEST + 1))

    async def good(_request: web.Request) -> web.Response:
        return web.Response(body=b"here")

    async def down(_request: web.Request) -> web.Response:
        return web.Response(status=503)

    app.add_routes(
        [web.get("/away", away), web.get("/large", large), web.get("/good", good), web.get("/down", down)]
    )
    made = TestServer(app)
    async with made:
        yield made


async def test_a_host_of_ones_own_may_be_asked_when_it_is_named(server):
    ours = {"127.0.0.1"}
    assert await outside.get(str(server.make_url("/good")), allowed=ours) == b"here"
    with pytest.raises(Permanent, match="begins with https"):
        await outside.get(str(server.make_url("/good")))
    with pytest.raises(Permanent, match="It answered 302"):
        await outside.get(str(server.make_url("/away")), allowed=ours)
    with pytest.raises(Permanent, match="too large"):
        await outside.get(str(server.make_url("/large")), allowed=ours)
    with pytest.raises(Transient, match="It answered 503"):
        await outside.get(str(server.make_url("/down")), allowed=ours)
    with pytest.raises(Permanent, match="It answered 404"):
        await outside.get(str(server.make_url("/nothing")), allowed=ours)

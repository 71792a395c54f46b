"""Raw sockets against a whole replica: what is framed oddly, large, slow or cut off is refused or harmless."""

from __future__ import annotations

import asyncio
import gzip
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import orjson
import pytest

from bot import app
from bot.app import Running, running
from bot.doors import webhooks
from bot.settings import Settings
from engine.access import SYSTEM
from engine.operations import directory
from tests import given
from tests.bot.front import ALERT

BODY = orjson.dumps(ALERT)
pytestmark = pytest.mark.parametrize("backend", ["sqlite"])


@dataclass
class Wire:
    replica: Running
    key: str

    def head(self, *lines: str, target: str = "/api/webhooks/alerts", version: str = "HTTP/1.1") -> bytes:
        whole = [f"POST {target} {version}", "Host: x", f"X-API-Key: {self.key}", *lines]
        return "\r\n".join(whole).encode("latin-1") + b"\r\n\r\n"

    async def said(self, *parts: bytes, pause: float = 0.0, within: float = 5.0) -> bytes:
        """Everything that is answered to these pieces until the connection ends, or is quiet for a moment."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.replica.port)
        answer = b""
        try:
            async with asyncio.timeout(within):
                for part in parts:
                    writer.write(part)
                    await writer.drain()
                    await asyncio.sleep(pause)
                while more := await asyncio.wait_for(reader.read(65536), 0.5 if answer else within):
                    answer += more
        except (TimeoutError, ConnectionError):
            pass
        finally:
            writer.close()
            await asyncio.gather(writer.wait_closed(), return_exceptions=True)
        return answer

    async def statuses(self, *parts: bytes, pause: float = 0.0, within: float = 5.0) -> list[int]:
        answer = await self.said(*parts, pause=pause, within=within)
        return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3}) ", answer)]

    async def ended(self, *parts: bytes) -> bytes:
        """Send these, a twentieth of a second apart, and then nothing: the first line with which we are let go."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.replica.port)
        try:
            for part in parts:
                writer.write(part)
                await asyncio.sleep(0.05)
            return await asyncio.wait_for(reader.readline(), 10)
        except ConnectionError:
            return b""
        finally:
            writer.transport.abort()

    async def well(self) -> None:
        """It answers others at once, and takes their alerts."""
        began = time.monotonic()
        async with (
            aiohttp.ClientSession(f"http://127.0.0.1:{self.replica.port}") as session,
            session.get("/healthz") as alive,
            session.post("/api/webhooks/alerts", data=BODY, headers={"X-API-Key": self.key}) as taken,
        ):
            assert (alive.status, taken.status) == (200, 202)
        assert time.monotonic() - began < 2


@pytest.fixture
async def wire(settings: Settings) -> AsyncIterator[Wire]:
    async with running(settings.model_copy(update={"aw_port": 0}), executors={}) as replica:
        core = replica.core
        issued = await core.write(
            lambda tx: directory.add_company(
                tx,
                given.a_company("acme", slack_channel=None),
                with_hmac=False,
                actor=SYSTEM,
                now=core.clock.now(),
            )
        )
        yield Wire(replica, issued.api_key)


def chunk(data: bytes, extension: bytes = b"") -> bytes:
    return b"%x%s\r\n%s\r\n" % (len(data), extension, data)


HELD = "Content-Length: 5"
CHUNKED = "Transfer-Encoding: chunked"
REFUSED: dict[str, tuple[tuple[str, ...], bytes]] = {
    "two lengths": (("Content-Length: 5", "Content-Length: 6"), b"hello!"),
    "two equal lengths": (("Content-Length: 5", "Content-Length: 5"), b"hello"),
    "a list of lengths": (("Content-Length: 5, 5",), b"hello"),
    "a negative length": (("Content-Length: -5",), b"hello"),
    "a length with a sign": (("Content-Length: +5",), b"hello"),
    "a length in hex": (("Content-Length: 0x5",), b"hello"),
    "length and chunks": ((HELD, CHUNKED), b"0\r\n\r\n"),
    "chunks and length": ((CHUNKED, HELD), b"0\r\n\r\n"),
    "chunks twice": ((CHUNKED, CHUNKED), b"0\r\n\r\n"),
    "chunks not last": (("Transfer-Encoding: chunked, identity",), b"0\r\n\r\n"),
    "unknown coding": (("Transfer-Encoding: xchunked",), b"0\r\n\r\n"),
    "a chunk's size is no number": ((CHUNKED,), b"zz\r\nhello\r\n0\r\n\r\n"),
    "a chunk's size is negative": ((CHUNKED,), b"-5\r\nhello\r\n0\r\n\r\n"),
    "a chunk's size is huge": ((CHUNKED,), b"ffffffffffffffffff\r\nhello\r\n0\r\n\r\n"),
    "a chunk is longer than it says": ((CHUNKED,), b"2\r\nhello\r\n0\r\n\r\n"),
    "a space before the colon": (("Transfer-Encoding : chunked", HELD), b"hello"),
    "a folded header": (("X-A: a\r\n b", HELD), b"hello"),
    "a header without a name": ((": x", HELD), b"hello"),
    "a NUL in a header": (("X-A: a\x00b", HELD), b"hello"),
    "a NUL in a name": (("X\x00A: a", HELD), b"hello"),
    "a bare return in a header": (("X-A: a\rX-B: b", HELD), b"hello"),
    "5,000 headers": (tuple(f"X-{number}: {number}" for number in range(5000)), b""),
    "a header of a megabyte": (("X-A: " + "a" * 1_000_000,), b""),
    "a name of a megabyte": (("a" * 1_000_000 + ": x",), b""),
    "an expectation nobody has": (("Expect: miracles", HELD), b"hello"),
    "a body that is compressed": (("Content-Encoding: gzip", HELD), b"hello"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_odd_framing_is_refused_and_what_follows_is_no_request(wire: Wire, name: str):
    lines, body = REFUSED[name]
    smuggled = wire.head(f"Content-Length: {len(BODY)}") + BODY
    found = await wire.statuses(wire.head(*lines) + body + smuggled, within=3)
    assert found and 400 <= found[0] < 500, found
    well_framed = name in ("an expectation nobody has", "a body that is compressed")
    assert found[1:] in ([], [202]) if well_framed else len(found) == 1, "what is behind it was never read"
    await wire.well()


@pytest.mark.alone
async def test_a_gzip_bomb_stays_packed(wire: Wire):
    bomb = gzip.compress(b"[" + b"0," * 50_000_000)
    began = time.process_time()
    for lines in (
        ("Content-Encoding: gzip",),
        ("Content-Encoding: gzip, gzip",),
        ("Content-Encoding: deflate",),
    ):
        found = await wire.statuses(wire.head(*lines, f"Content-Length: {len(bomb)}"), bomb)
        assert found[0] == 415
    assert time.process_time() - began < 2
    await wire.well()


@pytest.mark.parametrize(
    ("target", "version", "statuses"),
    [
        ("/api/webhooks/alerts", "HTTP/1.0", {202}),
        ("http://x/api/webhooks/alerts", "HTTP/1.1", {202, 400, 404}),
        ("//x/api/webhooks/alerts", "HTTP/1.1", {202, 400, 404}),
        ("*", "HTTP/1.1", {400, 404, 405}),
        ("/api/webhooks/../webhooks/alerts", "HTTP/1.1", {202, 400, 404}),
        ("/api/webhooks/al\x00erts", "HTTP/1.1", {400, 404}),
        ("/api/webhooks/%00", "HTTP/1.1", {400, 404}),
        ("/api/webhooks/alerts#x", "HTTP/1.1", {202, 400, 404}),
        ("/api/webhooks/" + "a" * 60_000, "HTTP/1.1", {400, 404, 414}),
        ("/api/webhooks/alerts", "HTTP/3.7", {400, 505}),
        ("/api/webhooks/alerts", "ICY/1.1", {400}),
    ],
)
async def test_odd_targets_and_versions(wire: Wire, target: str, version: str, statuses: set[int]):
    sent = wire.head(f"Content-Length: {len(BODY)}", target=target, version=version) + BODY
    found = await wire.statuses(sent)
    assert found and found[0] in statuses - {505}, found
    await wire.well()


async def test_what_is_framed_well_is_taken_however_it_comes(wire: Wire):
    whole = wire.head(f"Content-Length: {len(BODY)}") + BODY
    assert await wire.statuses(*(bytes([one]) for one in whole)) == [202]
    assert await wire.statuses(wire.head(CHUNKED) + chunk(BODY[:9]) + chunk(BODY[9:]) + b"0\r\n\r\n") == [202]
    extended = wire.head(CHUNKED) + chunk(BODY, b";a=b;c") + b"0;x\r\nX-Trailer: t\r\n\r\n"
    assert (await wire.statuses(extended))[0] in (202, 400)
    waiting = wire.head("Expect: 100-continue", f"Content-Length: {len(BODY)}")
    assert await wire.statuses(waiting, BODY, pause=0.05) == [100, 202]
    assert await wire.statuses(whole * 20) == [202] * 20
    await wire.well()


async def test_size_and_depth_have_an_end(wire: Wire):
    large = b'{"asset_name":"a","signature":"' + b"x" * webhooks.LARGEST + b'"}'
    assert (await wire.statuses(wire.head(f"Content-Length: {webhooks.LARGEST + 1}")))[0] == 413
    assert (await wire.statuses(wire.head(CHUNKED), chunk(large), b"0\r\n\r\n"))[0] == 413

    def nested(depth: int) -> bytes:
        return b'{"asset_name":"a","signature":"b","x":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"

    for depth, status in ((32, 202), (33, 400)):
        body = nested(depth)
        assert await wire.statuses(wire.head(f"Content-Length: {len(body)}") + body) == [status], depth
    await wire.well()


@pytest.mark.alone
async def test_who_says_nothing_or_too_slowly_is_let_go_and_holds_up_nobody(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(app, "IDLE", 0.6)
    monkeypatch.setattr(webhooks, "SLOWEST", 0.6)
    async with running(settings.model_copy(update={"aw_port": 0}), executors={}) as replica:
        core = replica.core
        issued = await core.write(
            lambda tx: directory.add_company(
                tx,
                given.a_company("acme", slack_channel=None),
                with_hmac=False,
                actor=SYSTEM,
                now=core.clock.now(),
            )
        )
        wire = Wire(replica, issued.api_key)
        start = wire.head(f"Content-Length: {len(BODY)}")
        slow = [
            *(wire.ended() for _ in range(100)),
            *(wire.ended(start[:40], *(start[n : n + 1] for n in range(40, 60))) for _ in range(50)),
            *(wire.ended(start, *(BODY[n : n + 1] for n in range(20))) for _ in range(50)),
            *(wire.ended(wire.head(CHUNKED), *(chunk(b"x") for _ in range(20))) for _ in range(50)),
        ]
        under_way = asyncio.gather(*slow)
        for _ in range(5):
            await wire.well()
            await asyncio.sleep(0.1)
        assert set(await under_way) <= {b"", b"HTTP/1.1 408 Request Timeout\r\n"}
        await wire.well()


async def test_who_hangs_up_harms_nobody(wire: Wire):
    start = wire.head("Content-Length: 500")
    for part in (b"", b"P", start[:50], start, start + b"{"):
        for _ in range(20):
            _, writer = await asyncio.open_connection("127.0.0.1", wire.replica.port)
            writer.write(part)
            transport = writer.transport
            await asyncio.sleep(0)
            transport.abort()
    await wire.well()

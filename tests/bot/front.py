"""The front door on a real aiohttp server, with a company that has a key, for tests that knock."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import io
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson
import sqlalchemy as sa
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from multidict import CIMultiDict, CIMultiDictProxy

from bot.core import Core
from bot.doors import problems, webhooks
from bot.doors.sender import Door
from bot.ingest import Intake
from engine.access import SYSTEM
from engine.operations import directory
from engine.operations.directory import Issued
from storage.transaction import Transaction
from tests import given

ALERT = {"asset_name": "web-01", "signature": "Disk full", "severity": "critical"}


@dataclass(frozen=True)
class Answered:
    status: int
    headers: CIMultiDictProxy[str]
    body: Any

    @property
    def results(self) -> list[dict[str, Any]]:
        assert self.status == 202, self.body
        found: list[dict[str, Any]] = self.body["results"]
        return found


@dataclass
class Front:
    core: Core
    intake: Intake
    door: Door
    client: TestClient[web.Request, web.Application]
    acme: Issued
    signed: Issued
    """A company whose requests must be signed."""

    async def post(
        self,
        body: Any = ALERT,
        *,
        tool: str = "alerts",
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        method: str = "POST",
    ) -> Answered:
        """What the door answers; every refusal must be a problem document, and never a 5xx unless asked for."""
        data: Any = body if isinstance(body, bytes) else orjson.dumps(body)
        if len(data) >= webhooks.LARGEST:
            data = io.BytesIO(data)  # aiohttp wants large ones as files
        sent = CIMultiDict({"X-API-Key": self.acme.api_key if key is None else key})
        sent.update(headers or {})
        async with self.client.request(method, f"/api/webhooks/{tool}", data=data, headers=sent) as answer:
            said = await answer.json(content_type=None)
            if answer.status >= 400:
                assert answer.content_type == "application/problem+json"
                assert said["status"] == answer.status and said["title"]
            return Answered(answer.status, answer.headers, said)

    async def raw(self, sent: bytes, *, within: float = 5.0, hang_up: bool = True) -> bytes:
        """The first line of the answer to these bytes; unless told otherwise, nothing can follow them."""
        assert isinstance(self.client.server, TestServer)
        reader, writer = await asyncio.open_connection("127.0.0.1", self.client.server.port)
        try:
            writer.write(sent)
            await writer.drain()
            if hang_up and writer.can_write_eof():
                writer.write_eof()
            return await asyncio.wait_for(reader.readline(), within)
        finally:
            writer.close()
            await asyncio.gather(writer.wait_closed(), return_exceptions=True)

    async def many(self, sent: bytes, times: int) -> Counter[tuple[int, bool]]:
        """The same request so many times on one connection, without waiting between: how often each status came, and
        whether as a repeat."""
        assert isinstance(self.client.server, TestServer)
        reader, writer = await asyncio.open_connection("127.0.0.1", self.client.server.port)
        try:
            writer.write(sent * times)
            found: Counter[tuple[int, bool]] = Counter()
            for _ in range(times):
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                await reader.readexactly(int(head.partition(b"content-length:")[2].split()[0]))
                found[(int(head.split()[1]), b"idempotent-replayed: true" in head)] += 1
            return found
        finally:
            writer.close()
            await asyncio.gather(writer.wait_closed(), return_exceptions=True)

    def signature(
        self, body: bytes, *, secret: str | None = None, shift: int = 0, **more: str
    ) -> dict[str, str]:
        stamp = str(int(self.core.clock.now().timestamp()) + shift)
        chosen = secret or self.signed.hmac_secret or ""
        digest = hmac.new(chosen.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        return {"X-Timestamp": stamp, "X-Signature": f"sha256={digest}", **more}

    async def incidents(self) -> int:
        return await count(self.core, "incidents")

    async def alerts(self) -> int:
        return await count(self.core, "alerts")


async def count(core: Core, table: str) -> int:
    async def look(tx: Transaction) -> int:
        statement = sa.select(sa.func.count()).select_from(sa.table(table))
        return int((await tx.connection.execute(statement)).scalar_one())

    return await core.read(look)


async def company(core: Core, slug: str, *, with_hmac: bool = False, **changes: Any) -> Issued:
    return await core.write(
        lambda tx: directory.add_company(
            tx, given.a_company(slug, **changes), with_hmac=with_hmac, actor=SYSTEM, now=core.clock.now()
        )
    )


@asynccontextmanager
async def standing(
    core: Core, *, most_waiting: int = 20_000, names: tuple[str, str] = ("acme", "signed")
) -> AsyncIterator[Front]:
    """`names` are those of its two companies; several on one database need different ones."""
    intake = Intake(core, most_waiting=most_waiting)
    await intake.start()
    app = web.Application(middlewares=[problems.middleware], client_max_size=webhooks.LARGEST)
    door = Door(core, intake.note_use)
    app.add_routes(webhooks.routes(core, intake, door))
    acme = await company(core, names[0])
    signed = await company(core, names[1], with_hmac=True)
    async with TestClient(TestServer(app, host="127.0.0.1")) as client:
        yield Front(core, intake, door, client, acme, signed)
    await intake.stop()

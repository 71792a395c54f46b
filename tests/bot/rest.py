"""A REST client for tests: the interface on a real aiohttp server, called as one person of the test's world."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from bot import api, tokens
from bot.core import Core
from engine.access import SYSTEM
from engine.company import User

Client = TestClient[web.Request, web.Application]


@dataclass
class Rest:
    core: Core
    client: Client

    async def token(self, user: User, *, ttl: timedelta = timedelta(days=1)) -> str:
        minted = await self.core.write(
            lambda tx: tokens.create(tx, user, ttl=ttl, actor=SYSTEM, now=self.core.clock.now())
        )
        return minted.token

    async def call(
        self, user: User | None, method: str, path: str, body: Any = None, *, status: int = 200
    ) -> Any:
        """The JSON of the answer, which must have that status."""
        headers = {"Authorization": f"Bearer {await self.token(user)}"} if user else {}
        async with self.client.request(method, path, json=body, headers=headers) as answer:
            said = await answer.json(content_type=None)
            assert answer.status == status, said
            kind = "application/problem+json" if status >= 400 else "application/json"
            assert answer.content_type == kind
            return said

    async def get(self, user: User | None, path: str, *, status: int = 200) -> Any:
        return await self.call(user, "GET", path, status=status)

    async def post(self, user: User | None, path: str, body: Any = None, *, status: int = 200) -> Any:
        return await self.call(user, "POST", path, body, status=status)

    async def put(self, user: User | None, path: str, body: Any = None, *, status: int = 200) -> Any:
        return await self.call(user, "PUT", path, body, status=status)


@asynccontextmanager
async def serving(core: Core) -> AsyncIterator[Rest]:
    app = web.Application()
    api.attach(app, core)
    async with TestClient(TestServer(app)) as client:
        yield Rest(core, client)

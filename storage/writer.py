"""SQLite's one writer: statements run where they are called, only the commit, which waits for the disk, does not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import sqlalchemy as sa

from storage import dialect
from storage.connection import InlineConnection

LONGEST_WAIT = 15.0
"""Seconds that a transaction waits for another process to end its own."""


class Writer:
    """Transactions of this process, one at a time; other processes are waited for."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._turn = asyncio.Lock()
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="commit")

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[InlineConnection]:
        async with self._turn:
            with self._engine.connect() as connection:
                begun = await self._begin(connection)
                try:
                    yield InlineConnection(connection)
                except BaseException:
                    begun.rollback()
                    raise
                await self._commit(begun)

    async def _begin(self, connection: sa.Connection) -> sa.RootTransaction:
        until = time.monotonic() + LONGEST_WAIT
        while True:
            try:
                return connection.begin()
            except sa.exc.OperationalError as error:
                if not dialect.is_locked(error) or time.monotonic() > until:
                    raise
            await asyncio.sleep(0.005)

    async def _commit(self, begun: sa.RootTransaction) -> None:
        """Durable when it returns. Whoever is cancelled meanwhile still waits: a commit cannot be called back, and the
        connection is not free before it has ended."""
        committing = asyncio.get_running_loop().run_in_executor(self._disk, begun.commit)
        cancelled = False
        while not committing.done():
            try:
                await asyncio.shield(committing)
            except asyncio.CancelledError:
                if committing.cancelled():
                    raise
                cancelled = True
            except sa.exc.SQLAlchemyError:
                break
        error = committing.exception()
        if error is not None:
            if begun.is_active:
                begun.rollback()
            raise error
        if cancelled:
            raise asyncio.CancelledError

    def close(self) -> None:
        self._disk.shutdown()
        self._engine.dispose()

"""What a transaction writes and reads through: SQLAlchemy for what is rare, the driver itself for what is hot."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

Values = Sequence[Any]


class Connection(Protocol):
    """An open connection inside a transaction. `fetch` and `run` take the driver's own SQL and values as it wants
    them (`storage.prepared` makes both)."""

    @property
    def dialect(self) -> Any: ...
    async def execute(self, statement: Any, parameters: Any = None, /) -> Any: ...
    async def exec_driver_sql(self, statement: str, parameters: Any = None, /) -> Any: ...
    async def run_sync(self, act: Callable[..., Any], /, *arguments: Any) -> Any: ...

    async def fetch(self, statement: str, values: Values, /) -> Sequence[Values]:
        """Every row the statement returns."""

    async def run(self, statement: str, rows: Sequence[Values], /) -> int:
        """Execute it for each row; how many rows were touched, or -1 where the driver does not say."""


class InlineConnection:
    """SQLite on the caller's own thread, with the awaitable face of the others; nothing here ever suspends."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._driver: sqlite3.Connection = connection.connection.dbapi_connection  # type: ignore[assignment]

    @property
    def dialect(self) -> Any:
        return self._connection.dialect

    async def execute(self, statement: Any, parameters: Any = None, /) -> sa.CursorResult[Any]:
        return self._connection.execute(statement, parameters)

    async def exec_driver_sql(self, statement: str, parameters: Any = None, /) -> sa.CursorResult[Any]:
        return self._connection.exec_driver_sql(statement, parameters)

    async def run_sync(self, act: Callable[..., Any], /, *arguments: Any) -> Any:
        return act(self._connection, *arguments)

    async def fetch(self, statement: str, values: Values, /) -> Sequence[Values]:
        try:
            return self._driver.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise self._told(statement, values, error) from error

    async def run(self, statement: str, rows: Sequence[Values], /) -> int:
        try:
            if len(rows) == 1:
                return self._driver.execute(statement, rows[0]).rowcount
            return self._driver.executemany(statement, rows).rowcount
        except sqlite3.Error as error:
            raise self._told(statement, rows[0], error) from error

    @staticmethod
    def _told(statement: str, values: Values, error: sqlite3.Error) -> BaseException:
        """The same error as everywhere else: what `storage.dialect` can judge."""
        return sa.exc.DBAPIError.instance(statement, tuple(values), error, sqlite3.Error)


class DriverConnection:
    """An AsyncConnection, and asyncpg's own connection below it for the hot statements."""

    def __init__(self, connection: AsyncConnection, driver: Any) -> None:
        self._connection = connection
        self._driver = driver

    @classmethod
    async def of(cls, connection: AsyncConnection) -> DriverConnection:
        return cls(connection, (await connection.get_raw_connection()).driver_connection)

    @property
    def dialect(self) -> Any:
        return self._connection.dialect

    def begin(self) -> AbstractAsyncContextManager[Any]:
        """The driver's own transaction, for a connection that SQLAlchemy leaves alone (AUTOCOMMIT)."""
        begun: AbstractAsyncContextManager[Any] = self._driver.transaction()
        return begun

    async def execute(self, statement: Any, parameters: Any = None, /) -> Any:
        return await self._connection.execute(statement, parameters)

    async def exec_driver_sql(self, statement: str, parameters: Any = None, /) -> Any:
        return await self._connection.exec_driver_sql(statement, parameters)

    async def run_sync(self, act: Callable[..., Any], /, *arguments: Any) -> Any:
        return await self._connection.run_sync(act, *arguments)

    async def fetch(self, statement: str, values: Values, /) -> Sequence[Values]:
        rows: Sequence[Values] = await self._driver.fetch(statement, *values)
        return rows

    async def run(self, statement: str, rows: Sequence[Values], /) -> int:
        if len(rows) > 1:
            await self._driver.executemany(statement, rows)
            return -1
        return int((await self._driver.execute(statement, *rows[0])).rpartition(" ")[2])


class PlainConnection(DriverConnection):
    """An AsyncConnection alone, for readers: SQLite's have a thread each."""

    def __init__(self, connection: AsyncConnection) -> None:
        super().__init__(connection, None)

    async def fetch(self, statement: str, values: Values, /) -> Sequence[Values]:
        result = await self._connection.exec_driver_sql(statement, tuple(values))
        return result.all()

    async def run(self, statement: str, rows: Sequence[Values], /) -> int:
        raise TypeError(f"a reading transaction writes nothing: {statement[:40]}, {len(rows)} rows")

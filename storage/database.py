"""One open database: its engine, its migrations, its clock, and transactions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import sqlalchemy as sa

from engine.notice import Transport
from storage import dialect
from storage.companies import ContextCache
from storage.connection import Connection, DriverConnection, PlainConnection
from storage.pictures import Pictures, PictureStore
from storage.secrets import Vault
from storage.transaction import Transaction
from storage.writer import Writer

MIGRATIONS = Path(__file__).parent / "migrations"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
silence: ContextVar[timedelta | None] = ContextVar("silence", default=None)
"""How long a transaction may say nothing, for whoever's are short: PostgreSQL ends it then, so that what a process has
locked that stands still is free as soon as what it had leased. Unset, `storage.dialect.STANDS_STILL` holds."""


def _dumps(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()


class Database:
    """Opened once per process, closed once. SQLite takes one writer at a time, so writers queue here, not in SQLite
    (`storage.writer`)."""

    def __init__(self, url: str, vault: Vault) -> None:
        self.engine = dialect.open_engine(url, json_dumps=_dumps, json_loads=orjson.loads)
        self.vault = vault
        self.ways = frozenset({Transport.CHAT})
        """How people can be told things here; whoever opens it says what else is set up."""
        self.sqlite = dialect.is_sqlite(self.engine)
        self._contexts = ContextCache()
        self._pictures = PictureStore()
        self._committing = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        self._reading = dialect.snapshots(self.engine)
        self._writer: Writer | None = None
        if self.sqlite:
            self._writer = Writer(
                dialect.open_writer(self.engine, json_dumps=_dumps, json_loads=orjson.loads)
            )

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Everything inside commits together, or nothing does. When the block ends without error, it is durable."""
        pictures = Pictures(self._pictures)
        committed = False
        try:
            async with self._writing() as connection:
                tx = Transaction(
                    connection, self._contexts, pictures, self.vault, writing=True, ways=self.ways
                )
                yield tx
                await tx.flush()
            committed = True
        finally:
            pictures.ended(committed=committed)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Transaction]:
        """Everything as it was at one moment; it locks nothing and can write nothing."""
        async with self._reading.connect() as connection, connection.begin() as begun:
            plain = PlainConnection(connection)
            yield Transaction(
                plain, self._contexts, Pictures(self._pictures), self.vault, writing=False, ways=self.ways
            )
            await begun.rollback()

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[Connection]:
        """A connection inside a transaction that commits when the block ends without error."""
        if self._writer is not None:
            async with self._writer.begin() as inline:
                yield inline
            return
        async with self._committing.connect() as connection:
            linked = await DriverConnection.of(connection)
            async with linked.begin():
                if (most := silence.get()) is not None:
                    await linked.fetch(dialect.END_WHEN_SILENT, (str(most // timedelta(milliseconds=1)),))
                yield linked

    async def now(self) -> datetime:
        """The database's own time: what leases, timers and expiries are measured by."""
        async with self.engine.connect() as connection:
            microseconds = (await connection.execute(dialect.clock(self.engine.dialect.name))).scalar_one()
        return _EPOCH + timedelta(microseconds=int(microseconds))

    async def migrate(self, to: str = "head") -> None:
        """Bring the schema to this version. Safe to run from several replicas at once, and twice; nothing is loaded
        when there is nothing to do. An older version than this may be named for an empty database."""
        if await self.schema_version() == (newest_version() if to == "head" else to):
            return
        from alembic.config import Config
        from alembic.runtime.environment import EnvironmentContext
        from alembic.script import ScriptDirectory

        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        script = ScriptDirectory.from_config(config)

        def upgrade(connection: sa.Connection) -> None:
            def steps(revision: Any, _context: Any) -> Any:
                return script._upgrade_revs(to, revision)

            with EnvironmentContext(config, script, fn=steps, destination_rev=to) as environment:
                environment.configure(connection=connection, target_metadata=None)
                environment.run_migrations()

        async with self._writing() as connection:
            if not self.sqlite:
                await connection.execute(sa.text("SELECT pg_advisory_xact_lock(4127001)"))
            await connection.run_sync(upgrade)

    async def schema_version(self) -> str | None:
        """The revision of the schema as it is, or None for an empty database."""

        def current(connection: sa.Connection) -> str | None:
            if not sa.inspect(connection).has_table("alembic_version"):
                return None
            revision: str | None = connection.execute(
                sa.text("SELECT version_num FROM alembic_version")
            ).scalar()
            return revision

        async with self.engine.connect() as connection:
            return await connection.run_sync(current)

    async def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        await self.engine.dispose()


def newest_version() -> str:
    """The newest revision this program knows: the number in front of its newest migration's file name."""
    return max(path.name.split("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))

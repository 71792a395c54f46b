"""The database itself: its schema and migrations, its promise to keep what it accepted, its words for trouble."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy.exc import DBAPIError

from storage import dialect
from storage.database import Database, newest_version, silence
from storage.secrets import Vault
from storage.tables import companies, metadata
from tests import given
from tests.clock import START

ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
ON_POSTGRESQL = pytest.mark.parametrize("backend", ["postgresql"], indirect=True)


async def test_the_migrations_make_what_the_tables_say(database: Database) -> None:
    """But for the words that are searched: each database keeps those in a way of its own."""

    def differences(connection: sa.Connection) -> list[Any]:
        options = {
            "compare_type": True,
            "compare_server_default": True,
            "include_name": lambda name, kind, _: kind != "table" or not name.startswith("article_words"),
        }
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))

    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_partial_and_unique_indexes_are_as_the_tables_say(database: Database) -> None:
    """Autogenerate does not compare what makes an index partial."""

    def named(connection: sa.Connection) -> dict[str, tuple[bool, bool]]:
        found = {}
        for name in metadata.tables:
            for index in sa.inspect(connection).get_indexes(name):
                options = index.get("dialect_options", {})
                partial = any(key.endswith("_where") and value is not None for key, value in options.items())
                found[str(index["name"])] = (bool(index["unique"]), partial)
        return found

    wanted = {
        str(index.name): (bool(index.unique), index.dialect_options["sqlite"]["where"] is not None)
        for one in metadata.tables.values()
        for index in one.indexes
    }
    async with database.engine.connect() as connection:
        there = await connection.run_sync(named)
    assert {name: there.get(name) for name in wanted} == wanted


async def test_an_empty_database_has_no_version_and_migrating_twice_is_migrating_once(
    empty_database_url: str, vault: Vault
) -> None:
    database = Database(empty_database_url, vault)
    try:
        assert await database.schema_version() is None
        for _ in range(2):
            await database.migrate()
            assert await database.schema_version() == newest_version()
    finally:
        await database.close()


async def test_several_replicas_may_migrate_at_once(empty_database_url: str, vault: Vault) -> None:
    replicas = [Database(empty_database_url, vault) for _ in range(4)]
    try:
        await asyncio.gather(*(one.migrate() for one in replicas))
        assert {await one.schema_version() for one in replicas} == {newest_version()}
        async with replicas[0].transaction() as tx:
            assert (await given.company(tx)).id == 1
    finally:
        for one in replicas:
            await one.close()


async def test_what_is_read_together_is_of_one_moment(database: Database) -> None:
    """A card that is composed while somebody writes says one thing, not half of each."""
    async with database.reading() as tx:
        assert await tx.companies.by_slug("acme") is None
        async with database.transaction() as other:
            await given.company(other, "acme", now=START)
        assert await tx.companies.by_slug("acme") is None
    async with database.reading() as tx:
        assert await tx.companies.by_slug("acme") is not None


async def test_every_table_can_be_spread_by_company() -> None:
    without = {name for name, one in metadata.tables.items() if "company_id" not in one.columns}
    assert without == {"companies"}


@ON_SQLITE
async def test_sqlite_keeps_what_it_accepted(database: Database) -> None:
    async def pragma(tx: Any, name: str) -> Any:
        return (await tx.connection.exec_driver_sql(f"PRAGMA {name}")).scalar()

    for opening in (database.transaction, database.reading):
        async with opening() as tx:
            assert await pragma(tx, "journal_mode") == "wal"
            assert await pragma(tx, "synchronous") == 2, "FULL: the commit waits for the disk"
            assert await pragma(tx, "foreign_keys") == 1
    async with database.reading() as tx:
        assert await pragma(tx, "busy_timeout") == 15000


@pytest.mark.alone
@ON_SQLITE
async def test_a_writer_waits_for_another_process_and_stops_nobody_meanwhile(database: Database) -> None:
    """The command line may be writing to the same file."""
    other = sqlite3.connect(str(database.engine.url.database), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    async def write() -> None:
        async with database.transaction() as tx:
            await given.company(tx, "late", now=START)

    writing = asyncio.create_task(write())
    began = time.monotonic()
    await asyncio.sleep(0.1)
    assert time.monotonic() - began < 0.5 and not writing.done()
    other.execute("ROLLBACK")
    other.close()
    await asyncio.wait_for(writing, timeout=5)
    async with database.reading() as tx:
        assert await tx.companies.by_slug("late")


@ON_SQLITE
async def test_a_cancelled_commit_is_over_before_the_next_begins(database: Database) -> None:
    async def write(slug: str) -> None:
        async with database.transaction() as tx:
            await given.company(tx, slug, now=START)

    for turn in range(20):
        task = asyncio.create_task(write(f"one-{turn}"))
        await asyncio.sleep(0.0005 * (turn % 5))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await write(f"two-{turn}")
    async with database.reading() as tx:
        slugs = {company.slug for company in await tx.companies.all()}
    assert slugs >= {f"two-{turn}" for turn in range(20)}


@ON_POSTGRESQL
async def test_postgresql_keeps_what_it_accepted(database: Database) -> None:
    async with database.transaction() as tx:
        for name in ("synchronous_commit", "fsync"):
            assert (await tx.connection.exec_driver_sql(f"SHOW {name}")).scalar() == "on"


async def test_its_clock_is_the_time(database: Database) -> None:
    before = await database.now()
    assert abs(before - datetime.now(UTC)) < timedelta(seconds=2)
    assert await database.now() >= before


async def test_times_come_back_to_the_microsecond_and_in_order(database: Database) -> None:
    moments = [
        datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        START + timedelta(microseconds=1),
        datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    ]
    async with database.transaction() as tx:
        for index, moment in enumerate(moments):
            await given.company(tx, f"c-{index}", now=moment)
        statement = sa.select(companies.c.created_at).order_by(companies.c.created_at)
        assert list((await tx.connection.execute(statement)).scalars()) == moments


async def test_a_time_without_its_zone_is_refused(database: Database) -> None:
    naive = START.replace(tzinfo=None)

    async def add() -> None:
        async with database.transaction() as tx:
            await given.company(tx, now=naive)

    with pytest.raises((sa.exc.StatementError, TypeError)):
        await add()


async def test_readers_see_whole_transactions_only(database: Database) -> None:
    async with database.transaction() as tx:
        await given.company(tx, "acme")
        async with database.reading() as view:
            assert await view.companies.all() == []
    async with database.reading() as view:
        assert len(await view.companies.all()) == 1


async def test_writers_queue_and_none_is_lost(database: Database) -> None:
    async with database.transaction() as tx:
        acme = await given.company(tx)

    async def touch() -> None:
        async with database.transaction() as tx:
            await tx.companies.touch(acme.id)

    await asyncio.gather(*(touch() for _ in range(30)))
    async with database.reading() as tx:
        found = await tx.companies.get(acme.id)
    assert found is not None and found.version == 30


async def test_another_kind_of_database_is_refused() -> None:
    with pytest.raises(ValueError, match="must be SQLite or PostgreSQL, not mysql"):
        dialect.open_engine("mysql://root@127.0.0.1/x", json_dumps=str, json_loads=str)


async def _fails(database: Database, statement: str) -> BaseException:
    with pytest.raises(DBAPIError) as failed:
        async with database.engine.connect() as connection:
            await connection.exec_driver_sql(statement)
    return failed.value


async def test_a_mistake_in_a_statement_is_neither_retried_nor_waited_for(database: Database) -> None:
    error = await _fails(database, "SELECT no_such_thing")
    assert not dialect.is_retryable(error) and not dialect.is_gone(error) and not dialect.is_duplicate(error)


async def test_a_second_row_with_the_same_name_is_a_duplicate(database: Database) -> None:
    async def twice() -> None:
        async with database.transaction() as tx:
            await given.company(tx, "acme")
            await given.company(tx, "acme", slack_channel=None)

    with pytest.raises(DBAPIError) as failed:
        await twice()
    assert dialect.is_duplicate(failed.value)
    assert not dialect.is_retryable(failed.value) and not dialect.is_gone(failed.value)


@ON_SQLITE
async def test_a_busy_file_may_be_tried_again(database: Database, database_url: str, vault: Vault) -> None:
    other = Database(database_url, vault)
    try:
        async with database.transaction() as tx:
            await given.company(tx)
            with pytest.raises(DBAPIError) as failed:  # noqa: PT012 - the second statement is what fails
                async with other.engine.connect() as connection:
                    await connection.exec_driver_sql("PRAGMA busy_timeout = 10")
                    await connection.exec_driver_sql("DELETE FROM companies")
        assert dialect.is_retryable(failed.value) and not dialect.is_gone(failed.value)
    finally:
        await other.close()


@ON_SQLITE
async def test_a_file_that_cannot_be_opened_is_gone(tmp_path: Path, vault: Vault, backend: str) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/no/such/folder/x.db", vault)
    try:
        with pytest.raises(DBAPIError) as failed:
            await database.now()
        assert dialect.is_gone(failed.value)
        await asyncio.sleep(0.1)  # the driver's thread says good-bye to the loop before it may close
    finally:
        await database.close()


@ON_SQLITE
async def test_a_full_disk_is_gone_until_there_is_room(database: Database) -> None:
    async with database.transaction() as tx:
        pages = (await tx.connection.exec_driver_sql("PRAGMA page_count")).scalar()

    async def fill() -> None:
        async with database.transaction() as tx:
            await tx.connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
            await given.company(tx, name="x" * 1_000_000)

    with pytest.raises(DBAPIError) as failed:
        await fill()
    assert dialect.is_gone(failed.value) and not dialect.is_retryable(failed.value)


@ON_POSTGRESQL
async def test_of_a_deadlock_one_may_be_tried_again(database: Database) -> None:
    async with database.transaction() as tx:
        await given.company(tx, "one")
        await given.company(tx, "two")
    met = asyncio.Barrier(2)

    async def lock(first: int, second: int) -> None:
        async with database.transaction() as tx:
            await tx.connection.exec_driver_sql("SET LOCAL deadlock_timeout = '50ms'")
            await tx.companies.touch(first)
            await met.wait()
            await tx.companies.touch(second)

    ended = await asyncio.gather(lock(1, 2), lock(2, 1), return_exceptions=True)
    (error,) = [one for one in ended if one is not None]
    assert dialect.is_retryable(error) and not dialect.is_duplicate(error)


@ON_POSTGRESQL
async def test_a_connection_that_the_server_ended_is_gone(database: Database) -> None:
    with pytest.raises(DBAPIError) as failed:  # noqa: PT012 - the statement after the end is what fails
        async with database.engine.connect() as connection, database.engine.connect() as other:
            number = (await connection.exec_driver_sql("SELECT pg_backend_pid()")).scalar()
            await other.exec_driver_sql(f"SELECT pg_terminate_backend({number})")
            await connection.exec_driver_sql("SELECT 1")
    assert dialect.is_gone(failed.value)
    assert await database.now() > START


@ON_POSTGRESQL
@pytest.mark.parametrize("short", [False, True], ids=["any", "a job's"])
async def test_who_stands_still_in_a_transaction_holds_up_the_others_for_moments(
    database: Database, database_url: str, vault: Vault, monkeypatch: pytest.MonkeyPatch, short: bool
) -> None:
    """A process may be stopped (SIGSTOP, a frozen machine) while it has rows locked."""
    async with database.transaction() as tx:
        acme = await given.company(tx)
    if not short:
        monkeypatch.setattr(dialect, "STANDS_STILL", timedelta(milliseconds=200))
    still = Database(database_url, vault)
    try:
        token = silence.set(timedelta(milliseconds=200) if short else None)
        with pytest.raises(Exception) as failed:  # noqa: PT011, PT012 - SQLAlchemy's or the driver's: both are judged
            async with still.transaction() as tx:
                await tx.companies.touch(acme.id)
                async with asyncio.timeout(5), database.transaction() as other:
                    await other.companies.touch(acme.id)
                await tx.companies.touch(acme.id)
        silence.reset(token)
        assert dialect.is_gone(failed.value) and not dialect.is_duplicate(failed.value)
        async with still.transaction() as tx:
            found = await tx.companies.get(acme.id)
        assert found is not None and found.version == 1, (
            "the other's change, and not the one that stood still"
        )
    finally:
        await still.close()


@ON_POSTGRESQL
async def test_connections_that_the_server_ended_are_given_to_nobody(database: Database) -> None:
    """Also where only the driver itself was spoken to, of which SQLAlchemy learns nothing."""
    async with database.transaction() as tx:
        acme = await given.company(tx)
    held = [database.transaction() for _ in range(4)]
    for one in held:
        await one.__aenter__()
    for one in held:
        await one.__aexit__(None, None, None)
    other = await asyncpg.connect(database.engine.url.set(drivername="postgresql").render_as_string(False))
    ended = await other.fetch(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await other.close()
    assert len(ended) >= 4
    await asyncio.sleep(0.1)
    for _ in range(len(ended) + 1):
        async with database.transaction() as tx:
            await tx.companies.touch(acme.id)


@ON_POSTGRESQL
async def test_a_server_that_does_not_answer_is_gone(vault: Vault, backend: str) -> None:
    database = Database("postgresql+asyncpg://postgres@127.0.0.1:1/nobody", vault)
    try:
        with pytest.raises(OSError) as failed:  # noqa: PT011 - the words are the system's
            await database.now()
        assert dialect.is_gone(failed.value) and not dialect.is_retryable(failed.value)
    finally:
        await database.close()

"""What tests share: a migrated, empty database on SQLite and on PostgreSQL, a clock that stands still, and a core."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Coroutine, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet
from hypothesis import settings as generated
from pydantic import SecretStr

from bot.core import Core
from bot.settings import Settings
from runbooks.catalogue import Catalogue, load
from storage.database import Database
from storage.secrets import Vault
from tests import given
from tests.clock import TestClock
from tests.postgres import Cluster

SECRET_KEY = Fernet.generate_key().decode()
BACKENDS = ("sqlite", "postgresql")
generated.register_profile("here", deadline=None)  # a busy machine is no fault of the code
generated.load_profile("here")


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """Run it to its end on a loop of its own, leaving the test's loop alone."""
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        return runner.run(work)


async def _migrated(url: str) -> None:
    database = Database(url, Vault([SECRET_KEY]))
    try:
        await database.migrate()
    finally:
        await database.close()


# Whoever is still connected goes first: what an earlier test left behind must not write into the next one's rows.
EMPTY = """
DO $$
DECLARE one record;
BEGIN
  PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid();
  FOR one IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version' LOOP
    EXECUTE format('DELETE FROM %I', one.tablename);
  END LOOP;
  PERFORM setval(format('%I', sequencename)::regclass, 1, false) FROM pg_sequences WHERE schemaname = 'public';
END $$
"""


@dataclass
class PostgresServer:
    """A server on which each test has a migrated, empty database to itself."""

    url: str
    """`postgresql+asyncpg://…` of its maintenance database."""
    template: str = f"aw_template_{os.getpid()}"
    _numbers: Iterator[int] = field(default_factory=count)
    _shared: str | None = None

    def url_of(self, name: str) -> str:
        return sa.engine.make_url(self.url).set(database=name).render_as_string(hide_password=False)

    async def execute(self, *statements: str, database: str | None = None) -> None:
        address = self.url_of(database) if database else self.url
        connection = await asyncpg.connect(address.replace("+asyncpg", ""))
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    def create(self, template: str | None = None) -> str:
        """The name of a new database: a copy of the template, or empty."""
        name = f"aw_test_{os.getpid()}_{next(self._numbers)}"
        run(self.execute(f"CREATE DATABASE {name} TEMPLATE {template or 'template0'}"))
        return name

    def drop(self, name: str) -> None:
        run(self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))

    def forget(self) -> None:
        """Leave nothing behind."""
        for name in (self._shared, self.template):
            if name is not None:
                self.drop(name)

    def emptied(self) -> str:
        """The name of the one migrated database that tests take turns with, empty as on its first day: ten times
        quicker than making another."""
        if self._shared is None:
            self._shared = self.create(self.template)
        else:
            run(self.execute(EMPTY, database=self._shared))
        return self._shared


@pytest.fixture(scope="session")
def vault() -> Vault:
    return Vault([SECRET_KEY])


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return load()


def a_cluster(processes: int = 1) -> Cluster:
    """A throw-away cluster that runs."""
    if (why := Cluster.missing()) is not None:
        pytest.fail(why)
    cluster = Cluster(processes=processes)
    cluster.start()
    return cluster


CLUSTER = pytest.StashKey[Cluster]()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """The processes of one run have one cluster between them; each makes databases of its own name there."""
    stash = node.config.stash
    if not os.environ.get("AW_TEST_POSTGRES_URL"):
        if CLUSTER not in stash:
            stash[CLUSTER] = a_cluster(node.config.option.numprocesses)
        node.workerinput["postgres"] = stash[CLUSTER].url()


def pytest_unconfigure(config: pytest.Config) -> None:
    if CLUSTER in config.stash:
        config.stash[CLUSTER].stop()


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> Iterator[PostgresServer]:
    """The server of AW_TEST_POSTGRES_URL, else a throw-away cluster. Started when the first test asks for it, or
    before several processes begin."""
    shared = getattr(request.config, "workerinput", {}).get("postgres", "")
    given_url = os.environ.get("AW_TEST_POSTGRES_URL", "") or shared
    cluster = None
    if not given_url:
        cluster = a_cluster()
        given_url = cluster.url()
    server = PostgresServer(given_url)
    run(server.execute(f"CREATE DATABASE {server.template} TEMPLATE template0"))
    run(_migrated(server.url_of(server.template)))
    yield server
    server.forget()
    if cluster is not None:
        cluster.stop()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "template.db"
    run(_migrated(f"sqlite+aiosqlite:///{path}"))
    return path


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    """Which database: a test that asks for one runs on both, unless it is parametrised over `backend` itself."""
    return str(request.param)


def _fresh(backend: str, request: pytest.FixtureRequest, *, migrated: bool) -> Iterator[str]:
    if backend == "sqlite":
        path = request.getfixturevalue("tmp_path") / "alert-whisperer.db"
        if migrated:
            shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite+aiosqlite:///{path}"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    if migrated:
        yield server.url_of(server.emptied())
        return
    name = server.create()
    yield server.url_of(name)
    server.drop(name)


@pytest.fixture
def database_url(backend: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a migrated, empty database of this test's own."""
    yield from _fresh(backend, request, migrated=True)


@pytest.fixture
def empty_database_url(backend: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a database without any table."""
    yield from _fresh(backend, request, migrated=False)


@pytest.fixture
async def database(database_url: str, vault: Vault) -> AsyncIterator[Database]:
    opened = Database(database_url, vault)
    yield opened
    await opened.close()


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture
def settings(database_url: str) -> Settings:
    return Settings(aw_database_url=database_url, aw_secret_key=SecretStr(SECRET_KEY))


@pytest.fixture
def core(settings: Settings, database: Database, clock: TestClock, catalogue: Catalogue) -> Core:
    return Core(settings=settings, database=database, clock=clock, catalogue=catalogue)


@pytest.fixture
async def world(core: Core) -> given.World:
    return await given.world(core)

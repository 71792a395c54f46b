"""A command's way to the database: opened by the settings, made when it is new, closed at the end."""

from __future__ import annotations

import getpass
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

from engine.access import Actor, Via
from engine.errors import AlertWhispererError, Permanent

if TYPE_CHECKING:
    from bot.core import Core
    from bot.settings import Settings
    from storage.database import Database

Result = TypeVar("Result")

_NEWER = "The database is of version {}, newer than this program ({})."


def settings() -> Settings:
    from bot.settings import read

    return read()


def with_core(act: Callable[[Core], Awaitable[Result]]) -> Result:
    """Run a command's work on an open database and give its result. Raises errors fit for a person to read."""

    import asyncio

    async def work() -> Result:
        async with _core() as core:
            return await act(core)

    return asyncio.run(work())


async def migrated() -> str:
    """Bring the schema to this version; its name."""
    from storage.database import newest_version

    async with _database(settings()) as database:
        version = await database.schema_version()
        if version is not None and version > newest_version():
            raise Permanent(_NEWER.format(version, newest_version()))
        await database.migrate()
    return newest_version()


@asynccontextmanager
async def _core() -> AsyncIterator[Core]:
    from bot.clock import DatabaseClock
    from bot.core import Core
    from runbooks.catalogue import Catalogue

    chosen = settings()
    async with _database(chosen) as database:
        await ready(database)
        clock = DatabaseClock(chosen.pace)
        await clock.agree(database)
        yield Core(settings=chosen, database=database, clock=clock, catalogue=Catalogue(()))


@asynccontextmanager
async def _database(chosen: Settings) -> AsyncIterator[Database]:
    from storage.database import Database
    from storage.secrets import Vault

    database = Database(chosen.aw_database_url, Vault(chosen.secret_keys()))
    try:
        yield database
    except Exception as error:
        import asyncio

        await asyncio.sleep(0.1)  # a driver's thread that could not connect still reports to this loop
        raise in_words(error) or error from error
    finally:
        await database.close()


async def ready(database: Database) -> None:
    """Make the schema when the database is empty. Raises Permanent for one that is not of this version."""
    from storage.database import newest_version

    version, newest = await database.schema_version(), newest_version()
    if version is None:
        await database.migrate()
    elif version < newest:
        raise Permanent(f"The database is of version {version}, this program of {newest}: run `aw migrate`.")
    elif version > newest:
        raise Permanent(_NEWER.format(version, newest))


def in_words(error: Exception) -> AlertWhispererError | None:
    """What a person is told about a database that cannot be used; None for anything else."""
    from storage import dialect

    if isinstance(error, AlertWhispererError) or not (
        dialect.is_gone(error) or dialect.is_retryable(error) or type(error).__module__.startswith("asyncpg")
    ):
        return None
    cause = getattr(error, "orig", None) or error
    return Permanent(f"The database cannot be used: {' '.join(str(cause).split()) or type(cause).__name__}")


def operator() -> Actor:
    """Who acts on the command line: whoever may read the database and its key may do everything."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container without a user name
        name = "operator"
    return Actor(user=None, via=Via.CLI, label=f"{name} (command line)")

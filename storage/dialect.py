"""The only place that knows SQLite from PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import StaticPool
from sqlalchemy.types import TypeDecorator

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_RETRYABLE_SQLSTATES = {"40001", "40P01", "55P03"}  # serialisation failure, deadlock, lock not available
_UNIQUE_VIOLATION = "23505"
_GONE_SQLSTATES = {"25P03", "57P01", "57P02", "57P03", "08000", "08001", "08003", "08004", "08006", "53300"}


def microseconds(at: datetime) -> int:
    """Since 1970: how a Moment is kept."""
    return (at - _EPOCH) // _MICROSECOND


class Moment(TypeDecorator[datetime]):
    """An aware UTC time, kept as whole microseconds since 1970: the same order and arithmetic on both databases."""

    impl = sa.BigInteger
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], int | None]:
        return lambda value: None if value is None else microseconds(value)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None]:
        return lambda value: None if value is None else _EPOCH + timedelta(0, 0, int(value))


class Span(TypeDecorator[timedelta]):
    """A duration in whole microseconds."""

    impl = sa.BigInteger
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[timedelta | None], int | None]:
        return lambda value: None if value is None else value // _MICROSECOND

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], timedelta | None]:
        return lambda value: None if value is None else timedelta(0, 0, int(value))


Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""An id that counts up: SQLite only does that for INTEGER PRIMARY KEY."""


STANDS_STILL = timedelta(seconds=15)
"""A transaction that says nothing for so long is ended by PostgreSQL: its process stands still, and others wait for
what it has locked. Ours never wait for the outside; what lies between two statements is thinking, at most about one
batch of alerts: a second or two, on a machine that is very busy five."""


END_WHEN_SILENT = "SELECT set_config('idle_in_transaction_session_timeout', $1, true)"
"""PostgreSQL's: the same for this transaction alone, after so many milliseconds."""


def open_engine(url: str, *, json_dumps: Any, json_loads: Any) -> AsyncEngine:
    """The engine for a `sqlite+aiosqlite://` or `postgresql+asyncpg://` address. Raises ValueError for any other."""
    parsed = sa.engine.make_url(url)
    backend = parsed.get_backend_name()
    options: dict[str, Any] = {"json_serializer": json_dumps, "json_deserializer": json_loads}
    if backend == "sqlite":
        engine = create_async_engine(
            parsed, connect_args={"timeout": 15}, pool_size=6, max_overflow=4, **options
        )
        event.listen(engine.sync_engine, "connect", _sqlite_connect)
        event.listen(engine.sync_engine, "begin", _sqlite_begin)
        return engine
    if backend == "postgresql":
        settings = {
            "application_name": "alert-whisperer",
            "jit": "off",
            "idle_in_transaction_session_timeout": str(STANDS_STILL // timedelta(milliseconds=1)),
        }
        connect = {"timeout": 5, "command_timeout": 30, "server_settings": settings}
        engine = create_async_engine(
            parsed, connect_args=connect, pool_size=10, max_overflow=10, pool_timeout=10, **options
        )
        event.listen(engine.sync_engine, "checkout", _postgresql_checkout)
        return engine
    raise ValueError(f"the database must be SQLite or PostgreSQL, not {backend}")


def open_writer(engine: AsyncEngine, *, json_dumps: Any, json_loads: Any) -> sa.Engine:
    """SQLite's one writing connection, without a thread between: its statements take microseconds, the way to a
    thread and back takes longer. It never waits for a lock; who opens a transaction tries again (`is_locked`)."""
    options: dict[str, Any] = {"json_serializer": json_dumps, "json_deserializer": json_loads}
    writer = sa.create_engine(
        engine.url.set(drivername="sqlite"),
        connect_args={"timeout": 0, "check_same_thread": False},
        poolclass=StaticPool,
        **options,
    )
    event.listen(writer, "connect", _writer_connect)
    event.listen(writer, "begin", _writer_begin)
    return writer


def snapshots(engine: AsyncEngine) -> AsyncEngine:
    """The same, for transactions that see one moment: what SQLite's are by themselves."""
    if is_sqlite(engine):
        return engine
    return engine.execution_options(isolation_level="REPEATABLE READ")


def is_sqlite(engine: AsyncEngine) -> bool:
    return engine.dialect.name == "sqlite"


def _postgresql_checkout(connection: Any, _record: Any, _proxy: Any) -> None:
    """One that the server ended is replaced before anybody gets it. What goes through the driver itself tells
    SQLAlchemy nothing of its end, so it would be handed out again and again."""
    if connection.driver_connection.is_closed():
        raise sa.exc.DisconnectionError("the server ended this connection")


def _sqlite_connect(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions begin where we say, not where the driver guesses
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "busy_timeout=15000",
        "cache_size=-8000",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _writer_connect(connection: Any, record: Any) -> None:
    _sqlite_connect(connection, record)
    connection.execute("PRAGMA busy_timeout=0")


def _writer_begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _sqlite_begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def insert(dialect_name: str, table: sa.Table) -> Any:
    """An INSERT that knows ON CONFLICT, in the words of the database at hand."""
    return sqlite.insert(table) if dialect_name == "sqlite" else postgresql.insert(table)


def any_of(dialect_name: str, column: Any, name: str) -> Any:
    """The column is one of a list that is bound as one value, so that the statement is the same for any length."""
    if dialect_name == "sqlite":
        given = sa.func.json_each(sa.bindparam(name, type_=sa.JSON())).table_valued("value")
        return column.in_(sa.select(given.c.value))
    return column == sa.any_(sa.bindparam(name, type_=postgresql.ARRAY(column.type)))


def pairs(dialect_name: str, name: str, first: Any, second: Any) -> Any:
    """A list of pairs, bound by `bound_pairs`, as something to join with: its columns are `first` and `second`, of the
    types of the columns given."""
    if dialect_name == "sqlite":
        given = sa.func.json_each(sa.bindparam(name, type_=sa.JSON())).table_valued("value")
        parts = [
            sa.type_coerce(sa.func.json_extract(given.c.value, f"$[{place}]"), column.type).label(label)
            for place, (label, column) in enumerate((("first", first), ("second", second)))
        ]
        return sa.select(*parts).subquery(name)
    lists = [
        sa.bindparam(f"{name}_{label}", type_=postgresql.ARRAY(column.type))
        for label, column in (("first", first), ("second", second))
    ]
    return sa.func.unnest(*lists).table_valued("first", "second", name=name).render_derived()


def bound_pairs(dialect_name: str, name: str, given: Sequence[tuple[Any, Any]]) -> dict[str, Any]:
    if dialect_name == "sqlite":
        return {name: given}
    return {f"{name}_first": [one for one, _ in given], f"{name}_second": [other for _, other in given]}


_INGEST = 4127002


def taking_turns(dialect_name: str, number: Any) -> list[Any]:
    """Columns that, read, make transactions of one company come one after another until they end. An advisory lock: the
    company's row stays free for everybody else. SQLite has one writer anyway."""
    if dialect_name == "sqlite":
        return []
    return [sa.cast(sa.func.pg_advisory_xact_lock(_INGEST, sa.cast(number, sa.Integer)), sa.Text)]


def takes_columns(dialect_name: str) -> bool:
    """Many rows go in best as one list a column (PostgreSQL), not one execution a row (SQLite)."""
    return dialect_name == "postgresql"


def given_rows(dialect_name: str, columns: Mapping[str, Any]) -> Any:
    """Rows that are bound by `bound_rows`, as something to select from; their columns have these names and types."""
    if dialect_name == "sqlite":
        given = sa.func.json_each(sa.bindparam("given_rows", type_=sa.Text())).table_valued("value")
        parts = [
            sa.type_coerce(sa.func.json_extract(given.c.value, f"$[{place}]"), type_).label(name)
            for place, (name, type_) in enumerate(columns.items())
        ]
        return sa.select(*parts).where(sa.true())  # without a WHERE, SQLite takes ON CONFLICT for a join
    lists = [sa.bindparam(f"given_{name}", type_=postgresql.ARRAY(type_)) for name, type_ in columns.items()]
    table = sa.func.unnest(*lists).table_valued(*columns, name="given").render_derived()
    return sa.select(*(sa.type_coerce(table.c[name], type_).label(name) for name, type_ in columns.items()))


def bound_rows(dialect_name: str, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """The rows' values, converted already, under the names of `given_rows`."""
    if dialect_name == "sqlite":
        return {"given_rows": orjson.dumps(rows).decode()}
    return {
        f"given_{name}": list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)
    }


def searchable(dialect_name: str) -> list[str]:
    """What makes the words of articles searchable: an FTS5 table, or a column of tsvector with its index. Both hold
    words that were made alike before, so that they find the same."""
    if dialect_name == "sqlite":
        return ["CREATE VIRTUAL TABLE article_words USING fts5(title, problem, fix)"]
    return [
        "CREATE TABLE article_words (id bigint PRIMARY KEY, words tsvector NOT NULL)",
        "CREATE INDEX ix_article_words ON article_words USING gin (words)",
    ]


def put_words(dialect_name: str) -> list[sa.TextClause]:
    """Statements that take `id`, `title`, `problem` and `fix` and make those the words of that article."""
    if dialect_name == "sqlite":
        return [
            sa.text("DELETE FROM article_words WHERE rowid = :id"),
            sa.text(
                "INSERT INTO article_words (rowid, title, problem, fix) VALUES (:id, :title, :problem, :fix)"
            ),
        ]
    weighed = " || ".join(
        f"setweight(to_tsvector('simple', :{name}), '{weight}')"
        for name, weight in (("title", "A"), ("fix", "B"), ("problem", "C"))
    )
    return [
        sa.text(
            f"INSERT INTO article_words (id, words) VALUES (:id, {weighed}) "  # noqa: S608 - words of ours only
            "ON CONFLICT (id) DO UPDATE SET words = excluded.words"
        )
    ]


def found_words(dialect_name: str) -> sa.TextualSelect:
    """The articles with the words of `query`, as (id, rank): the smaller the better."""
    if dialect_name == "sqlite":
        text = (
            "SELECT rowid AS id, bm25(article_words, 4.0, 1.0, 2.0) AS rank FROM article_words "
            "WHERE article_words MATCH :query"
        )
    else:
        text = (
            "SELECT id, -ts_rank(words, query) AS rank FROM article_words, to_tsquery('simple', :query) query "
            "WHERE words @@ query"
        )
    return sa.text(text).columns(id=sa.BigInteger, rank=sa.Float)


def word_query(dialect_name: str, words: Sequence[str], *, every: bool) -> str:
    """What `found_words` takes for these words (letters and digits only), each the beginning of one."""
    if dialect_name == "sqlite":
        return (" AND " if every else " OR ").join(f'"{word}" *' for word in words)
    return (" & " if every else " | ").join(f"'{word}':*" for word in words)


def least(dialect_name: str, first: Any, second: Any) -> Any:
    return sa.func.min(first, second) if dialect_name == "sqlite" else sa.func.least(first, second)


def greatest(dialect_name: str, first: Any, second: Any) -> Any:
    return sa.func.max(first, second) if dialect_name == "sqlite" else sa.func.greatest(first, second)


def clock(dialect_name: str) -> sa.TextClause:
    """The database's own time in microseconds since 1970."""
    if dialect_name == "sqlite":
        return sa.text("SELECT CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER)")
    return sa.text("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint")


CLAIM = """
WITH due AS {materialised} (
  SELECT id, company_id, due_at FROM jobs
  WHERE due_at <= :now AND (leased_until IS NULL OR leased_until <= :now){kinds}{busy}
  ORDER BY due_at, id LIMIT :look {lock}
), turns AS (
  SELECT id, due_at, row_number() OVER (PARTITION BY company_id ORDER BY due_at, id) AS turn FROM due
)
UPDATE jobs SET leased_until = :until, wanted_at = NULL, attempts = attempts + 1
WHERE id IN (SELECT id FROM turns WHERE turn <= :each ORDER BY turn, due_at, id LIMIT :most)
RETURNING id, company_id, key, kind, payload, due_at, leased_until, generation, attempts
"""


def claim_jobs(dialect_name: str, kinds: Collection[str] = (), busy: Collection[int] = ()) -> sa.TextClause:
    """One statement that leases due jobs to its caller, each to one caller only: at most `each` of a company, from the
    `look` jobs that are due longest, and none of the `busy` companies.

    PostgreSQL skips rows that another replica is leasing; SQLite has one writer at a time and needs no lock.
    """
    postgres = dialect_name == "postgresql"
    text = CLAIM.format(
        materialised="MATERIALIZED",
        kinds=" AND kind IN :kinds" if kinds else "",
        busy=" AND company_id NOT IN :busy" if busy else "",
        lock="FOR UPDATE SKIP LOCKED" if postgres else "",
    )
    given: list[Any] = [
        sa.bindparam(name, expanding=True) for name, used in (("kinds", kinds), ("busy", busy)) if used
    ]
    return sa.text(text).bindparams(*given)


def _state(error: BaseException) -> str | None:
    """PostgreSQL's own code for what went wrong, whether SQLAlchemy or the driver itself says it."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    state: str | None = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
    return state


def is_duplicate(error: BaseException) -> bool:
    return isinstance(error, IntegrityError) or _state(error) == _UNIQUE_VIOLATION


def is_retryable(error: BaseException) -> bool:
    """A deadlock, a serialisation failure or a busy database: the same transaction may succeed if run again."""
    return _state(error) in _RETRYABLE_SQLSTATES or is_locked(error)


def is_locked(error: BaseException) -> bool:
    """Another process is writing to this SQLite file at the moment."""
    return isinstance(error, DBAPIError) and "database is locked" in str(error.orig)


def is_gone(error: BaseException) -> bool:
    """The database cannot be reached or does not take writes now: nothing was stored, and later may be better."""
    if isinstance(error, (ConnectionError, TimeoutError, OSError)):
        return True
    if isinstance(error, sa.exc.TimeoutError) or _state(error) in _GONE_SQLSTATES:
        return True
    if type(error).__module__.startswith("asyncpg.") and type(error).__name__ == "InterfaceError":
        return True
    if not isinstance(error, DBAPIError):
        return False
    text = str(error.orig)
    return (
        error.connection_invalidated
        or any(
            words in text
            for words in ("disk is full", "disk I/O error", "unable to open", "connection is closed")
        )
        or isinstance(error, sa.exc.InterfaceError)
    )

"""Statements of the hot path: built and compiled once, then only bound.

SQLAlchemy Core builds, caches and binds very well, and costs a tenth of a millisecond and more for each execution.
Where every alert passes that is most of the time, so those statements are kept as the driver's own SQL with the column
types' own conversions beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from storage import dialect

if TYPE_CHECKING:
    from storage.transaction import Transaction

Convert = Callable[[Any], Any]
Values = Mapping[str, Any]


def _converting(types: Sequence[Any], words: Any) -> list[tuple[int, Convert]]:
    """(place, conversion) of those values that the driver does not take as they are."""
    made = [type_.dialect_impl(words).bind_processor(words) for type_ in types]
    return [(place, one) for place, one in enumerate(made) if one is not None]


def _picking(names: Sequence[str]) -> Callable[[Values], Sequence[Any]]:
    if not names:
        return lambda _values: ()
    if len(names) == 1:
        return lambda values: (values[names[0]],)
    return itemgetter(*names)


class _Compiled:
    """One statement in the words of one dialect."""

    def __init__(self, statement: Any, words: Any, given: Sequence[str]) -> None:
        compiled: Any = statement.compile(dialect=words, column_keys=list(given) or None)
        self.sql = str(compiled)
        self.names: Sequence[str] = tuple(compiled.positiontup or ())
        binds = [compiled.binds[name] for name in self.names]
        self.fixed = {
            name: bind.effective_value
            for name, bind in zip(self.names, binds, strict=True)
            if not bind.required
        }
        self._pick = _picking(self.names)
        self._bind = _converting([bind.type for bind in binds], words)
        columns: Any = statement.exported_columns if compiled.effective_returning else ()
        if isinstance(statement, sa.Select):
            columns = statement.selected_columns
        made = [column.type.dialect_impl(words).result_processor(words, None) for column in columns]
        self._back = [(place, one) for place, one in enumerate(made) if one is not None]

    def bound(self, values: Values) -> tuple[Any, ...]:
        found = list(self._pick({**self.fixed, **values} if self.fixed else values))
        for place, convert in self._bind:
            found[place] = convert(found[place])
        return tuple(found)

    def read(self, rows: Sequence[Any]) -> list[list[Any]]:
        back = self._back
        found = []
        for row in rows:
            values = list(row)
            for place, convert in back:
                if values[place] is not None:
                    values[place] = convert(values[place])
            found.append(values)
        return found


class Prepared:
    """A statement that `build` makes for a dialect's name. `given` are the column names of an INSERT."""

    def __init__(self, build: Callable[[str], Any], *, given: Sequence[str] = ()) -> None:
        self._build = build
        self._given = given
        self._made: dict[str, _Compiled] = {}

    def made_for(self, tx: Transaction) -> _Compiled:
        made = self._made.get(tx.dialect)
        if made is None:
            made = _Compiled(self._build(tx.dialect), tx.connection.dialect, self._given)
            self._made[tx.dialect] = made
        return made

    async def rows(self, tx: Transaction, **values: Any) -> list[list[Any]]:
        """The rows it returns, each a list in the order of its columns, as Python values."""
        made = self.made_for(tx)
        return made.read(await tx.connection.fetch(made.sql, made.bound(values)))

    async def many(self, tx: Transaction, rows: Sequence[Values]) -> int:
        """Execute it for each row; how many were touched, or -1 where the driver does not say."""
        made = self.made_for(tx)
        return await tx.connection.run(made.sql, [made.bound(row) for row in rows])


class Bulk:
    """Many rows in one statement: `build(dialect name, rows)` makes it from rows that look like a table with these
    columns, or, where `rows` is None, as a statement for a single row (SQLite is faster with those)."""

    def __init__(self, columns: Mapping[str, Any], build: Callable[[str, Any], Any]) -> None:
        self._names = tuple(columns)
        self._types = [columns[name] for name in self._names]
        self._single = Prepared(lambda dialect_name: build(dialect_name, None), given=self._names)
        self._whole = Prepared(
            lambda dialect_name: build(dialect_name, dialect.given_rows(dialect_name, columns))
        )
        self._pick = _picking(self._names)
        self._bind: dict[str, list[tuple[int, Convert]]] = {}

    async def run(self, tx: Transaction, rows: Sequence[Values]) -> int:
        """How many rows were touched."""
        if not dialect.takes_columns(tx.dialect):
            return await self._single.many(tx, rows)
        made = self._whole.made_for(tx)
        return await tx.connection.run(made.sql, [self._bound(tx, made, rows)])

    async def rows(self, tx: Transaction, rows: Sequence[Values]) -> list[list[Any]]:
        """What the statement returns, in no particular order."""
        made = self._whole.made_for(tx)
        return made.read(await tx.connection.fetch(made.sql, self._bound(tx, made, rows)))

    def _bound(self, tx: Transaction, made: _Compiled, rows: Sequence[Values]) -> tuple[Any, ...]:
        bind = self._bind.get(tx.dialect)
        if bind is None:
            bind = self._bind[tx.dialect] = _converting(self._types, tx.connection.dialect)
        converted: list[list[Any]] = []
        for row in rows:
            values = list(self._pick(row))
            for place, convert in bind:
                values[place] = convert(values[place])
            converted.append(values)
        given = dialect.bound_rows(tx.dialect, self._names, converted)
        return tuple(given[name] if name in given else made.fixed[name] for name in made.names)


def inserted(table: sa.Table, names: Sequence[str], finish: Callable[[str, Any], Any]) -> Bulk:
    """Rows of these columns into the table; `finish(dialect name, statement)` says what happens on a conflict."""

    def build(dialect_name: str, rows: Any) -> Any:
        statement = dialect.insert(dialect_name, table)
        if rows is not None:
            statement = statement.from_select(names, rows, include_defaults=False)
        return finish(dialect_name, statement)

    return Bulk({name: table.c[name].type for name in names}, build)


def upsert(table: sa.Table, *, keep: Sequence[str]) -> Bulk:
    """Insert rows; where the primary key exists, take over every column but `keep` and the key itself."""
    names = [column.name for column in table.columns]
    key = [column.name for column in table.primary_key.columns]

    def finish(_dialect_name: str, statement: Any) -> Any:
        taken = {name: statement.excluded[name] for name in names if name not in (*key, *keep)}
        return statement.on_conflict_do_update(index_elements=key, set_=taken)

    return inserted(table, names, finish)


def added(table: sa.Table) -> Bulk:
    """Plain inserts of whole rows."""
    return inserted(table, [column.name for column in table.columns], lambda _, statement: statement)

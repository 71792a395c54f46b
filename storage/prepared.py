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


class _Compiled:
    """One statement in the words of one dialect."""

    def __init__(self, statement: Any, words: Any, given: Sequence[str]) -> None:
        compiled: Any = statement.compile(dialect=words, column_keys=list(given) or None)
        self.sql = str(compiled)
        names: Sequence[str] = tuple(compiled.positiontup or ())
        binds = compiled.binds
        self._fixed = {name: binds[name].effective_value for name in names if not binds[name].required}
        self._pick = itemgetter(*names) if len(names) > 1 else lambda values: (values[names[0]],)
        binding = [binds[name].type.dialect_impl(words).bind_processor(words) for name in names]
        self._bind: Sequence[tuple[int, Convert]] = [
            (at, one) for at, one in enumerate(binding) if one is not None
        ]
        columns: Any = statement.exported_columns if compiled.effective_returning else ()
        if isinstance(statement, sa.Select):
            columns = statement.selected_columns
        types_back = [column.type.dialect_impl(words) for column in columns]
        made = [type_.result_processor(words, None) for type_ in types_back]
        self._back: Sequence[tuple[int, Convert]] = [
            (at, one) for at, one in enumerate(made) if one is not None
        ]

    def bound(self, values: Mapping[str, Any]) -> tuple[Any, ...]:
        found = list(self._pick({**self._fixed, **values} if self._fixed else values))
        for at, convert in self._bind:
            found[at] = convert(found[at])
        return tuple(found)

    def read(self, rows: Sequence[Any]) -> list[list[Any]]:
        back = self._back
        found = []
        for row in rows:
            values = list(row)
            for at, convert in back:
                if values[at] is not None:
                    values[at] = convert(values[at])
            found.append(values)
        return found


class Prepared:
    """A statement that `build` makes for a dialect's name. `given` are the column names of an INSERT."""

    def __init__(self, build: Callable[[str], Any], *, given: Sequence[str] = ()) -> None:
        self._build = build
        self._given = given
        self._made: dict[str, _Compiled] = {}

    def _for(self, tx: Transaction) -> _Compiled:
        made = self._made.get(tx.dialect)
        if made is None:
            made = _Compiled(self._build(tx.dialect), tx.connection.dialect, self._given)
            self._made[tx.dialect] = made
        return made

    async def rows(self, tx: Transaction, **values: Any) -> list[list[Any]]:
        """The rows it returns, each a list in the order of its columns, as Python values."""
        made = self._for(tx)
        return made.read(await tx.connection.fetch(made.sql, made.bound(values)))

    async def run(self, tx: Transaction, values: Mapping[str, Any]) -> int:
        """Execute it once; how many rows it touched."""
        made = self._for(tx)
        return await tx.connection.run(made.sql, [made.bound(values)])

    async def many(self, tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> int:
        """Execute it for each row; how many were touched, or -1 where the driver does not say."""
        made = self._for(tx)
        return await tx.connection.run(made.sql, [made.bound(row) for row in rows])


def upsert(table: sa.Table, *, keep: Sequence[str]) -> Prepared:
    """Insert rows; where the primary key exists, take over every column but `keep` and the key itself."""
    names = [column.name for column in table.columns]
    key = [column.name for column in table.primary_key.columns]

    def build(dialect_name: str) -> Any:
        statement = dialect.insert(dialect_name, table)
        taken = {name: statement.excluded[name] for name in names if name not in (*key, *keep)}
        return statement.on_conflict_do_update(index_elements=key, set_=taken)

    return Prepared(build, given=names)

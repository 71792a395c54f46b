"""Articles of the knowledge base: kept, and found by their words on both databases alike."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import sqlalchemy as sa

from engine.article import SHARED, Article, alike, tokens, wanted
from engine.errors import Conflict
from storage import dialect
from storage.article_tables import articles as table

if TYPE_CHECKING:
    from storage.transaction import Transaction

_THERE = table.c.retired_at.is_(None)
_LIKE_IT = 12
"""So many that share a word with a problem are looked at more closely."""


class Articles:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def get(self, article_id: int) -> Article | None:
        found = await self._chosen(sa.select(table).where(table.c.id == article_id))
        return found[0] if found else None

    async def of_incident(self, company_id: int, incident_id: int) -> Article | None:
        same = (table.c.company_id == company_id, table.c.incident_id == incident_id)
        found = await self._chosen(sa.select(table).where(*same, _THERE))
        return found[0] if found else None

    async def add(self, article: Article) -> Article:
        values = {name: value for name, value in asdict(article).items() if name != "id"}
        statement = sa.insert(table).values(**values).returning(table.c.id)
        number = int((await self._tx.connection.execute(statement)).scalar_one())
        made = replace(article, id=number)
        await self._index(made)
        return made

    async def change(self, before: Article, after: Article) -> Article:
        """Raises Conflict when it is not as it was read any more."""
        saved = replace(after, revision=before.revision + 1)
        values = {name: value for name, value in asdict(saved).items() if name != "id"}
        same = (table.c.id == before.id, table.c.revision == before.revision)
        done = await self._tx.connection.execute(sa.update(table).where(*same).values(**values))
        if done.rowcount != 1:
            raise Conflict
        await self._index(saved)
        return saved

    async def _index(self, article: Article) -> None:
        words = {name: " ".join(tokens(getattr(article, name))) for name in ("title", "problem", "fix")}
        for statement in dialect.put_words(self._tx.dialect):
            await self._tx.connection.execute(statement, {"id": article.id, **words})

    async def newest(self, company_ids: Collection[int], *, most: int) -> Sequence[Article]:
        statement = sa.select(table).where(table.c.company_id.in_(sorted(company_ids)), _THERE)
        return await self._chosen(
            statement.order_by(table.c.updated_at.desc(), table.c.id.desc()).limit(most)
        )

    async def search(self, company_ids: Collection[int], text: str, *, most: int) -> Sequence[Article]:
        """Those with every word, best first; where there is none, those with any."""
        words = wanted(text)
        for every in (True, False):
            found = await self._with(company_ids, words, every=every, most=most)
            if found:
                return found
        return []

    async def like(self, company_id: int, signature: str, title: str, *, most: int) -> Sequence[Article]:
        """What the company, or all, know of such a problem: the same signature first, then most of the same words."""
        ids = (company_id, SHARED)
        statement = sa.select(table).where(
            table.c.company_id.in_(ids), table.c.signature == signature, _THERE
        )
        newest = statement.order_by(table.c.company_id.desc(), table.c.updated_at.desc()).limit(most)
        found = await self._chosen(newest) if signature else []
        if len(found) < most:
            near = await self._with(ids, wanted(title), every=False, most=_LIKE_IT)
            known = {one.id for one in found}
            found += [one for one in near if one.id not in known and alike(title, one)]
        return found[:most]

    async def _with(
        self, company_ids: Collection[int], words: Sequence[str], *, every: bool, most: int
    ) -> list[Article]:
        if not words:
            return []
        found = dialect.found_words(self._tx.dialect).subquery("found")
        statement = (
            sa.select(table)
            .join(found, found.c.id == table.c.id)
            .where(table.c.company_id.in_(sorted(company_ids)), _THERE)
            .order_by(found.c.rank, table.c.id.desc())
            .limit(most)
        )
        query = dialect.word_query(self._tx.dialect, words, every=every)
        return await self._chosen(statement, query=query)

    async def _chosen(self, statement: sa.Select[tuple[object, ...]], **bound: str) -> list[Article]:
        rows = await self._tx.connection.execute(statement, bound)
        return [Article(**row._mapping) for row in rows]

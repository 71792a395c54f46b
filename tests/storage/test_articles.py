"""Articles are found by their words, the same ones on both databases, and only where they may be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.article import SHARED, Article
from engine.errors import Conflict
from storage.database import Database
from tests.clock import START


def article(title: str, fix: str = "It was restarted.", **changes: Any) -> Article:
    values: dict[str, Any] = {
        "id": 0,
        "company_id": 1,
        "title": title,
        "problem": "",
        "fix": fix,
        "author": "Kim",
        "updated_by": "Kim",
        "created_at": START,
        "updated_at": START,
    }
    return Article(**values | changes)


KEPT = (
    article(
        "Disk of the mail server full", "Deleted old spool files under /var/spool.", signature="disk full"
    ),
    article("Nginx does not start", "The certificate path was wrong in nginx.conf."),
    article("Größe der Datenbank", "VACUUM FULL half; Öffnungszeiten beachtet."),
    article("Printer queue hangs", "Restarted the spooler service.", company_id=2),
    article("Disk full on any server", "Rotate the logs.", company_id=SHARED, signature="disk full"),
)


@pytest.fixture
async def kept(database: Database) -> Database:
    async with database.transaction() as tx:
        for one in KEPT:
            await tx.articles.add(one)
    return database


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("disk full", [1, 5]),
        ("DISK  spool", [1]),
        ("nginx.conf", [2]),
        ("certif path", [2]),
        ("größe", [3]),
        ("öffnungszeiten VACUUM", [3]),
        ("printer", []),
        ("spooler", []),
        ("full moon certificate", [1, 2, 3, 5]),
        ('"', []),
        ("' OR 1=1 --", []),
        ("NEAR(disk full) AND *", [1, 3, 5]),
        ("title: disk", [1, 5]),
        ("", []),
    ],
)
async def test_words_find_the_same_on_both_databases(kept: Database, text: str, found: list[int]):
    async with kept.reading() as tx:
        seen = await tx.articles.search([1, SHARED], text, most=10)
    assert sorted(one.id for one in seen) == found


async def test_the_best_comes_first_and_no_more_than_wanted(kept: Database):
    async with kept.reading() as tx:
        assert (await tx.articles.search([1, SHARED], "nginx start", most=10))[0].id == 2
        assert len(await tx.articles.search([1, SHARED], "full", most=1)) == 1


async def test_what_is_like_a_problem_is_the_same_signature_then_the_same_words(kept: Database):
    async with kept.reading() as tx:
        same = await tx.articles.like(1, "disk full", "Something else", most=5)
        assert [one.id for one in same] == [1, 5], "one's own before what is shared"
        words = await tx.articles.like(1, "other", "Nginx does not start on web-02", most=5)
        assert [one.id for one in words] == [2]
        assert not await tx.articles.like(1, "other", "Nginx is slow", most=5), "one word is not enough"
        assert [one.id for one in await tx.articles.like(2, "disk full", "x", most=5)] == [5]


async def test_what_is_changed_is_found_by_its_new_words_only(kept: Database):
    async with kept.transaction() as tx:
        before = await tx.articles.get(2)
        assert before is not None
        await tx.articles.change(
            before, replace(before, title="Apache does not start", fix="Port was taken.")
        )
    async with kept.reading() as tx:
        assert not await tx.articles.search([1], "nginx", most=5)
        assert [one.id for one in await tx.articles.search([1], "apache", most=5)] == [2]
    async with kept.transaction() as tx:
        with pytest.raises(Conflict):
            await tx.articles.change(before, before)


async def test_what_is_retired_is_not_found(kept: Database):
    async with kept.transaction() as tx:
        before = await tx.articles.get(1)
        assert before is not None
        await tx.articles.change(before, replace(before, retired_at=START))
    async with kept.reading() as tx:
        assert not await tx.articles.search([1], "spool", most=5)
        assert [one.id for one in await tx.articles.newest([1], most=5)] == [3, 2]

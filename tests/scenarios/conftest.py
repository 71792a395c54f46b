"""Each scenario has a world and a replica of its own, in Slack on SQLite and in Teams on PostgreSQL.

A mark says what is different: `only("slack", why="…")` for what the other does not have, `every_pair` for what may
depend on both. With AW_EVERY_PAIR=1 every scenario runs in each chat on each database.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from itertools import product
from pathlib import Path

import pytest

from tests.conftest import BACKENDS, SECRET_KEY
from tests.harness import HANDS, Harness, harness

DIAGONAL = tuple(zip(HANDS, BACKENDS, strict=True))
EVERY = tuple(product(HANDS, BACKENDS))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "pair" not in metafunc.fixturenames:
        return
    test = metafunc.definition
    all_of_them = os.environ.get("AW_EVERY_PAIR") or test.get_closest_marker("every_pair")
    pairs = list(EVERY if all_of_them else DIAGONAL)
    only = test.get_closest_marker("only")
    if only is not None:
        chat = only.args[0]
        assert only.kwargs["why"], f"{test.name} says nothing of why it runs in {chat} only"
        pairs = [pair for pair in EVERY if pair[0] == chat]
    if any("backend" in mark.args[0] for mark in test.iter_markers("parametrize")):
        pairs = list({chat: (chat, BACKENDS[0]) for chat, _ in pairs}.values())
    metafunc.parametrize("pair", pairs, ids=["-".join(pair) for pair in pairs])


@pytest.fixture
def chat(pair: tuple[str, str]) -> str:
    """Where people are."""
    return pair[0]


@pytest.fixture
def backend(pair: tuple[str, str], request: pytest.FixtureRequest) -> str:
    """Which database."""
    return str(getattr(request, "param", pair[1]))


@pytest.fixture
async def h(chat: str, database_url: str, tmp_path: Path) -> AsyncIterator[Harness]:
    async with harness(database_url, SECRET_KEY, tmp_path / "machines", chats=(chat,)) as made:
        yield made

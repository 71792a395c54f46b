"""Each scenario has a world and a replica of its own, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conftest import SECRET_KEY
from tests.harness import Harness, harness


@pytest.fixture
async def h(database_url: str, tmp_path: Path) -> AsyncIterator[Harness]:
    async with harness(database_url, SECRET_KEY, tmp_path / "machines") as made:
        yield made

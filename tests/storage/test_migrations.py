"""What earlier versions wrote is what this one reads."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import sqlalchemy as sa

from engine.sla import ClockKind
from storage import dialect
from storage.database import Database
from storage.secrets import Vault
from tests.clock import START


@pytest.fixture
async def empty(empty_database_url: str, vault: Vault) -> AsyncIterator[Database]:
    """A database without any tables."""
    opened = Database(empty_database_url, vault)
    yield opened
    await opened.close()


async def test_a_pause_that_was_a_sum_becomes_a_stretch_of_that_length(empty: Database) -> None:
    await empty.migrate("0010")
    old = sa.table(
        "sla_clocks",
        sa.column("incident_id", sa.BigInteger()),
        sa.column("company_id", sa.BigInteger()),
        sa.column("kind", sa.Text()),
        *(sa.column(name, dialect.Moment()) for name in ("started_at", "due_at")),
        *(sa.column(name, dialect.Span()) for name in ("target", "warn_before", "paused")),
    )
    hour = timedelta(hours=1)
    row = {
        "incident_id": 7,
        "company_id": 1,
        "kind": "response",
        "started_at": START,
        "due_at": START + 3 * hour,
        "target": 2 * hour,
        "warn_before": hour / 2,
    }
    rows = [row | {"paused": hour}, row | {"kind": "resolution", "paused": 0 * hour}]
    async with empty.engine.begin() as connection:
        await connection.execute(sa.insert(old), rows)
    await empty.migrate()
    async with empty.transaction() as tx:
        found = {clock.kind: clock for clock in await tx.clocks.of(7)}
    assert found[ClockKind.RESPONSE].due_at == START + 3 * hour
    assert found[ClockKind.RESPONSE].pauses == ((START, START + hour),)
    assert found[ClockKind.RESOLUTION].due_at == START + 2 * hour

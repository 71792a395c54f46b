"""What earlier versions wrote is what this one reads."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from engine.cloud import Cloud
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


_SPANS = ("window", "reopen_window")
_TARGETS = {
    "critical": [1800, 14400],
    "high": [7200, 28800],
    "medium": [28800, 86400],
    "low": [86400, 172800],
}
_FEWER = {"critical": [900, 14400], "high": [7200, 28800], "medium": [28800, 86400]}


async def test_what_a_companys_columns_held_becomes_its_own_settings(empty: Database) -> None:
    """Only what differs from the defaults: the rest is inherited from then on."""
    plain: dict[str, Any] = {
        **dict.fromkeys(("slug", "name"), "plain"),
        "autonomy": "act",
        "timezone": "UTC",
        "window": timedelta(minutes=15),
        "reopen_window": timedelta(hours=1),
        "rate_limit": 1000,
        "burst": 9000,
        "created_at": START,
        "sla": {"targets": _TARGETS, "warning": 1800},
    }
    changed = plain | {
        **dict.fromkeys(("slug", "name"), "changed"),
        "timezone": "Europe/Vienna",
        "window": timedelta(minutes=5),
        "burst": 0,
        "sla": {"targets": _FEWER, "warning": 600, "hours": "", "around_the_clock": ["critical"]},
    }
    kinds: dict[str, Any] = dict.fromkeys(_SPANS, dialect.Span()) | {
        "sla": dialect.Json,
        "created_at": dialect.Moment(),
    }
    await empty.migrate("0012")
    old = sa.table("companies", *(sa.column(name, kinds.get(name)) for name in plain))
    async with empty.engine.begin() as connection:
        await connection.execute(sa.insert(old), [plain, changed])
    await empty.migrate()
    async with empty.transaction() as tx:
        found = {one.slug: one for one in await tx.companies.all()}
    assert found["plain"].layers.company == {}
    assert found["changed"].layers.company == {
        "timezone": "Europe/Vienna",
        "window": 300,
        "burst": 0,
        "sla_warning": 600,
        "sla_around_the_clock": ["critical"],
        "sla_critical_response": 900,
        "sla_low_response": 0,
        "sla_low_resolution": 0,
    }
    assert found["changed"].window == timedelta(minutes=5)


async def test_the_one_cloud_of_a_company_is_the_first_of_several(empty: Database) -> None:
    await empty.migrate("0009")
    spans, texts = ("window", "reopen_window"), ("slug", "name", "autonomy", "timezone")
    old = sa.table(
        "companies",
        *(sa.column(name, sa.Text()) for name in texts),
        *(sa.column(name, dialect.Span()) for name in spans),
        *(sa.column(name, dialect.Json) for name in ("sla", "cloud")),
        sa.column("created_at", dialect.Moment()),
        sa.column("rate_limit", sa.Integer()),
    )
    cloud = {
        "provider": "aws",
        "role_arn": "arn:aws:iam::123456789012:role/x",
        "external_id": "e1",
        "region": "r",
    }
    row = {
        "autonomy": "act",
        "timezone": "UTC",
        "created_at": START,
        "rate_limit": 1000,
        **dict.fromkeys(spans, timedelta(minutes=15)),
        "sla": {"targets": _TARGETS, "warning": 900},
    }
    rows = [
        row | {"slug": "in", "name": "In", "cloud": cloud},
        row | {"slug": "out", "name": "Out", "cloud": None},
    ]
    async with empty.engine.begin() as connection:
        await connection.execute(sa.insert(old), rows)
    await empty.migrate()
    async with empty.transaction() as tx:
        found = {one.slug: one.clouds for one in await tx.companies.all()}
    assert found == {"in": (Cloud(**cloud),), "out": ()}

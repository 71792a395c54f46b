"""Transactions through the core: committed once, run again after a lost race, and the worker is woken."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from bot.core import TRIES, Core
from engine.errors import Conflict, Refused
from storage.transaction import Transaction
from tests import given


async def test_a_write_commits_and_wakes_the_worker(core: Core) -> None:
    stored = await core.write(lambda tx: given.company(tx, "acme"))
    assert core.nudge.is_set()
    assert await core.read(lambda tx: tx.companies.by_slug("acme")) == stored


async def test_a_write_that_raises_leaves_nothing_behind_and_wakes_nobody(core: Core) -> None:
    async def half(tx: Transaction) -> None:
        await given.company(tx, "acme")
        raise Refused("changed my mind")

    with pytest.raises(Refused, match="changed my mind"):
        await core.write(half)
    assert not core.nudge.is_set()
    assert await core.read(lambda tx: tx.companies.by_slug("acme")) is None


async def test_a_lost_race_is_run_again_in_a_fresh_transaction(core: Core) -> None:
    tries = 0

    async def second_time_lucky(tx: Transaction) -> str:
        nonlocal tries
        tries += 1
        await given.company(tx, f"try-{tries}")
        if tries == 1:
            raise Conflict
        return "won"

    assert await core.write(second_time_lucky) == "won"
    assert [one.slug for one in await core.read(lambda tx: tx.companies.all())] == ["try-2"]


async def test_a_duplicate_row_counts_as_a_lost_race(core: Core) -> None:
    await core.write(lambda tx: given.company(tx, "acme"))
    tries = 0

    async def meets_a_duplicate_once(tx: Transaction) -> None:
        nonlocal tries
        tries += 1
        await given.company(tx, "acme" if tries == 1 else "globex", slack_channel=f"C-{tries}")

    await core.write(meets_a_duplicate_once)
    assert tries == 2


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_one_that_keeps_losing_is_told_so(core: Core) -> None:
    tries = 0

    async def always(_tx: Transaction) -> None:
        nonlocal tries
        tries += 1
        raise Conflict("still somebody else's")

    with pytest.raises(Conflict, match="still somebody else's"):
        await core.write(always)
    assert tries == TRIES


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_a_duplicate_that_never_goes_away_is_raised(core: Core) -> None:
    await core.write(lambda tx: given.company(tx, "acme"))
    with pytest.raises(IntegrityError):
        await core.write(lambda tx: given.company(tx, "acme"))


async def test_a_mistake_of_ours_is_not_tried_again(core: Core) -> None:
    tries = 0

    async def wrong(tx: Transaction) -> None:
        nonlocal tries
        tries += 1
        await tx.connection.execute(sa.text("SELECT no_such_column FROM companies"))

    with pytest.raises(sa.exc.DBAPIError):
        await core.write(wrong)
    assert tries == 1


async def test_reading_cannot_write(core: Core) -> None:
    await core.read(lambda tx: given.company(tx, "acme"))
    assert await core.read(lambda tx: tx.companies.all()) == []

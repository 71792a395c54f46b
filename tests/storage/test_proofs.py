"""What is kept for proof: chains that cannot be edited unseen, secrets that cannot be read, answers that repeat."""

from __future__ import annotations

import asyncio
import random

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet

from engine.access import SYSTEM
from engine.audit import GENESIS, AuditKind, TimelineEntry, TimelineKind, entry, link
from engine.identifiers import new_id
from storage.audit import key_name
from storage.database import Database
from storage.secrets import Vault
from storage.tables import audit_entries, audit_heads
from storage.transaction import Transaction
from tests.clock import START, TestClock


def add(tx: Transaction, company_id: int, *subjects: str) -> None:
    for subject in subjects:
        detail = {"text": "é\n🔥", "n": 3, "list": [1, {"b": None, "a": True}]}
        tx.audit.add(
            entry(
                AuditKind.INCIDENT_NOTED,
                company_id=company_id,
                actor=SYSTEM,
                subject=subject,
                now=START,
                **detail,
            )
        )


async def sound(database: Database, company_id: int) -> bool:
    """The chain recomputed from what is stored, up to its head."""
    keys = {key_name(key): key for key in database.vault.derived("audit")}
    previous, seq = GENESIS, 0
    async with database.reading() as tx:
        async for stored in tx.audit.chain(company_id, page=3):
            name, _, digest = stored.hash.partition(":")
            seq += 1
            if stored.seq != seq or name not in keys:
                return False
            if link(keys[name], previous, stored.entry, seq) != digest:
                return False
            previous = stored.hash
        return await tx.audit.head(company_id) == (seq, previous)


@pytest.fixture
async def chained(database: Database) -> Database:
    """Eight entries of company 1 in three transactions, between those of others."""
    for first in (1, 4, 7):
        async with database.transaction() as tx:
            add(tx, 1, *(f"INC-{number}" for number in range(first, min(first + 3, 9))))
            add(tx, 0, "acme")
    return database


async def test_each_company_has_a_chain_of_its_own_without_a_gap(chained: Database) -> None:
    async with chained.reading() as tx:
        assert await tx.audit.companies() == [0, 1]
        assert [one.seq async for one in tx.audit.chain(1, page=3)] == list(range(1, 9))
        assert [one.entry.subject async for one in tx.audit.chain(0)] == ["acme"] * 3
        assert [one.seq for one in await tx.audit.of_subject(1, "INC-4")] == [4]
        assert await tx.audit.head(404) == (0, GENESIS)
    assert await sound(chained, 0) and await sound(chained, 1)


TAMPERS = {
    "a word": "UPDATE audit_entries SET actor = 'Eve' WHERE company_id = 1 AND seq = 4",
    "a time": "UPDATE audit_entries SET at = at + 1 WHERE company_id = 1 AND seq = 8",
    "a detail": "UPDATE audit_entries SET detail = '{}' WHERE company_id = 1 AND seq = 1",
    "one taken out": "DELETE FROM audit_entries WHERE company_id = 1 AND seq = 4",
    "the end cut off": "DELETE FROM audit_entries WHERE company_id = 1 AND seq > 6",
    "the head moved": "UPDATE audit_heads SET seq = 6 WHERE company_id = 1",
    "the head renamed": "UPDATE audit_heads SET hash = 'x' WHERE company_id = 1",
    "all gone": "DELETE FROM audit_entries WHERE company_id = 1",
    "one moved": "UPDATE audit_entries SET seq = 99 WHERE company_id = 1 AND seq = 8",
    "a hash": "UPDATE audit_entries SET hash = 'x' WHERE company_id = 1 AND seq = 2",
}


@pytest.mark.parametrize("statement", TAMPERS.values(), ids=TAMPERS.keys())
async def test_an_edit_behind_its_back_is_found(chained: Database, statement: str) -> None:
    async with chained.transaction() as tx:
        assert (await tx.connection.exec_driver_sql(statement)).rowcount
    assert not await sound(chained, 1)
    assert await sound(chained, 0), "and only there"


async def test_it_takes_the_key_to_write_a_link(chained: Database, database_url: str) -> None:
    forger = Database(database_url, Vault([Fernet.generate_key().decode()]))
    try:
        async with forger.transaction() as tx:
            add(tx, 1, "forged")
    finally:
        await forger.close()
    assert not await sound(chained, 1)


async def test_the_chain_goes_on_after_the_key_was_rotated(chained: Database, database_url: str) -> None:
    old = chained.vault
    fresh = Fernet.generate_key().decode()
    rotated = Database(database_url, Vault([fresh, *(key.decode() for key in old._raw)]))
    try:
        async with rotated.transaction() as tx:
            add(tx, 1, "INC-9")
        assert await sound(rotated, 1)
        async with rotated.reading() as tx:
            names = {one.hash.partition(":")[0] async for one in tx.audit.chain(1)}
        assert len(names) == 2
    finally:
        await rotated.close()


async def test_many_writers_at_two_replicas_grow_one_chain(
    database: Database, database_url: str, vault: Vault
) -> None:
    second = Database(database_url, vault)
    dice = random.Random(3)

    async def write(where: Database, number: int) -> None:
        async with where.transaction() as tx:
            for company_id in dice.sample([0, 1, 2], 3):
                add(tx, company_id, f"{number}-a", f"{number}-b")

    try:
        await asyncio.gather(*(write((database, second)[number % 2], number) for number in range(20)))
    finally:
        await second.close()
    for company_id in (0, 1, 2):
        assert await sound(database, company_id)
        async with database.reading() as tx:
            assert (await tx.audit.head(company_id))[0] == 40


async def test_a_transaction_that_fails_leaves_no_link(chained: Database) -> None:
    async def half() -> None:
        async with chained.transaction() as tx:
            add(tx, 1, "never")
            await tx.audit.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await half()
    assert await sound(chained, 1)


async def test_every_kind_of_value_in_a_detail_keeps_the_chain_sound(database: Database) -> None:
    from engine.alert import Severity

    async with database.transaction() as tx:
        for detail in ({"old": Severity.LOW}, {"who": None}, {"who": (1, 2)}, {"ü": {"z": 1, "a": "\u2028"}}):
            kind = AuditKind.INCIDENT_SEVERITY
            tx.audit.add(entry(kind, company_id=1, actor=SYSTEM, subject="INC-1", now=START, **detail))
    assert await sound(database, 1)


async def test_a_story_is_told_in_order_and_from_where_one_left_off(
    database: Database, clock: TestClock
) -> None:
    lines = [
        TimelineEntry(
            id=new_id(clock.now()),
            company_id=1,
            incident_id=7,
            at=clock.now(),
            kind=TimelineKind.NOTE,
            text=str(number),
            actor="Kim",
            body="out",
            told=number % 2 == 0,
        )
        for number in range(6)
    ]
    async with database.transaction() as tx:
        for line in lines:
            tx.timeline.add(line)
    async with database.reading() as tx:
        assert await tx.timeline.of_incident(7) == lines
        assert await tx.timeline.of_incident(7, told_only=True, after=lines[2].id) == [lines[4]]
        assert await tx.timeline.of_incident(7, most=2) == lines[:2]
        assert await tx.timeline.of_incident(8) == []


async def test_the_tables_of_proof_have_no_other_way_in(database: Database) -> None:
    """Their keys are company and place: two entries cannot share one."""
    async with database.transaction() as tx:
        add(tx, 1, "INC-1")
    async with database.reading() as tx:
        (row,) = (await tx.connection.execute(sa.select(audit_entries))).all()
        (head,) = (await tx.connection.execute(sa.select(audit_heads))).all()
    assert (row.company_id, row.seq, row.hash) == (head.company_id, head.seq, head.hash)
    with pytest.raises(sa.exc.IntegrityError):
        async with database.engine.begin() as connection:
            await connection.execute(sa.insert(audit_entries), [dict(row._mapping)])


class TestVault:
    def test_what_is_sealed_opens_and_says_nothing(self) -> None:
        vault = Vault([Fernet.generate_key().decode()])
        sealed = vault.seal(b"hunter2")
        assert vault.open(sealed) == b"hunter2" and b"hunter2" not in sealed
        assert vault.seal(b"hunter2") != sealed

    def test_after_a_rotation_the_old_still_opens_and_the_new_seals(self) -> None:
        old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
        before, rotated = Vault([old]), Vault([new, old])
        assert rotated.open(before.seal(b"x")) == b"x"
        assert Vault([new]).open(rotated.seal(b"x")) == b"x"
        with pytest.raises(ValueError, match="not in AW_SECRET_KEY"):
            Vault([new]).open(before.seal(b"x"))

    def test_keys_for_other_purposes_differ_and_follow_the_ring(self) -> None:
        old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
        ring = Vault([new, old])
        assert ring.derived("audit") == [Vault([new]).derived("audit")[0], Vault([old]).derived("audit")[0]]
        assert len({*ring.derived("audit"), *ring.derived("token")}) == 4
        assert {len(key) for key in ring.derived("audit")} == {32}

    def test_without_a_key_there_is_no_vault(self) -> None:
        with pytest.raises(ValueError, match="at least one key"):
            Vault([])

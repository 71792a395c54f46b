"""Companies, people, keys and tokens in the database, and the context that every replica keeps of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from engine.alert import Severity
from engine.cloud import Cloud
from engine.company import Autonomy, Role
from engine.routing import NOTHING
from engine.sla import SlaPolicy
from storage.database import Database
from storage.secrets import Vault
from tests import given
from tests.clock import START


async def test_a_company_comes_back_as_it_was(database: Database) -> None:
    async with database.transaction() as tx:
        stored = await given.company(
            tx,
            autonomy=Autonomy.OBSERVE,
            timezone="Europe/Vienna",
            window=timedelta(minutes=5),
            reopen_window=timedelta(minutes=7),
            rate_limit=10,
            teams_conversation="19:x@thread.tacv2",
            sla=SlaPolicy(targets={Severity.HIGH: (timedelta(minutes=1), timedelta(hours=2))}),
            clouds=(
                Cloud(role_arn="arn:aws:iam::123456789012:role/x", external_id="e1", region="eu-west-1"),
                Cloud(provider="azure", tenant_id="t", subscription_id="s"),
            ),
        )
    async with database.reading() as tx:
        assert await tx.companies.by_slug("acme") == stored == await tx.companies.get(stored.id)
        assert await tx.companies.by_channel("slack", "C-acme") == stored
        assert await tx.companies.by_channel("teams", "19:x@thread.tacv2") == stored
        assert await tx.companies.by_channel("teams", "C-acme") is None


async def test_a_person_comes_back_as_they_were(database: Database) -> None:
    async with database.transaction() as tx:
        acme = await given.company(tx)
        stored = await given.user(
            tx,
            "Kim",
            Role.TECHNICIAN,
            acme,
            skills={"linux", "network"},
            teams_user="29:x",
            leave_until=START + timedelta(days=2),
            timezone="Asia/Tokyo",
        )
    async with database.reading() as tx:
        assert await tx.users.get(stored.id) == stored
        assert await tx.users.by_email(" KIM@msp.example ") == stored
        assert await tx.users.by_chat("slack", "U-Kim") == stored == await tx.users.by_chat("teams", "29:x")
        assert await tx.users.by_chat("slack", "29:x") is None
        assert await tx.users.loads([stored.id]) == {stored.id: NOTHING}


async def test_archived_companies_are_listed_only_on_demand(database: Database) -> None:
    async with database.transaction() as tx:
        acme = await given.company(tx)
        await tx.companies.change(replace(acme, archived_at=START))
        await given.company(tx, "globex")
    async with database.reading() as tx:
        assert [one.slug for one in await tx.companies.all()] == ["globex"]
        assert [one.slug for one in await tx.companies.all(archived=True)] == ["acme", "globex"]


async def test_a_change_at_one_replica_is_known_at_the_next_look_of_the_other(
    database: Database, database_url: str, vault: Vault
) -> None:
    other = Database(database_url, vault)

    async def seen(where: Database) -> tuple[list[str], list[str], str]:
        async with where.reading() as tx:
            context = await tx.companies.context(acme.id)
        return (
            [one.name for one in context.assets],
            [one.name for one in context.people],
            context.company.name,
        )

    try:
        async with database.transaction() as tx:
            acme = await given.company(tx)
        assert await seen(database) == await seen(other) == ([], [], "Acme")
        async with database.transaction() as tx:
            await given.asset(tx, acme)
        assert await seen(other) == (["web-01"], [], "Acme")
        async with other.transaction() as tx:
            kim = await given.technician(tx, acme)
            await tx.companies.change(replace(acme, name="Acme Ltd"))
        assert await seen(database) == await seen(other) == (["web-01"], ["Kim"], "Acme Ltd")
        async with database.transaction() as tx:
            await tx.users.change(replace(kim, companies=frozenset()))
        assert await seen(other) == (["web-01"], [], "Acme Ltd")
    finally:
        await other.close()


async def test_an_unchanged_context_is_read_once(database: Database) -> None:
    async with database.transaction() as tx:
        acme = await given.company(tx)
    async with database.reading() as tx:
        first = await tx.companies.context(acme.id)
    async with database.reading() as tx:
        assert await tx.companies.context(acme.id) is first


async def test_what_was_rolled_back_is_not_kept_in_the_context(database: Database) -> None:
    """The version it would have had goes to the next change: nobody may take the one for the other."""

    async def half() -> None:
        async with database.transaction() as tx:
            await given.asset(tx, acme, "phantom")
            assert [one.name for one in (await tx.companies.context(acme.id)).assets] == ["phantom"]
            raise ZeroDivisionError

    async with database.transaction() as tx:
        acme = await given.company(tx)
    with pytest.raises(ZeroDivisionError):
        await half()
    async with database.transaction() as tx:
        await given.asset(tx, acme, "real")
    async with database.reading() as tx:
        assert [one.name for one in (await tx.companies.context(acme.id)).assets] == ["real"]


async def test_an_unknown_company_has_no_context(database: Database) -> None:
    async with database.reading() as tx:
        assert await tx.companies.contexts([]) == {} == await tx.companies.contexts([404])
        with pytest.raises(KeyError):
            await tx.companies.context(404)


async def test_keys_rotate_with_an_overlap(database: Database) -> None:
    async with database.transaction() as tx:
        acme = await tx.companies.add(given.a_company(), hmac_secret="shh", now=START)
        globex = await given.company(tx, "globex")
        for key_id, owner in (("old", acme), ("new", acme), ("foreign", globex)):
            await tx.companies.add_key(key_id, owner.id, f"digest-{key_id}", now=START)
        later = START + timedelta(days=1)
        assert await tx.companies.expire_keys(acme.id, at=later, keep="new") == 1
        assert await tx.companies.expire_keys(acme.id, at=later + timedelta(days=1), keep="new") == 0
        await tx.companies.keys_used({"new": later})
    async with database.reading() as tx:
        old, new, foreign = [await tx.companies.key(one) for one in ("old", "new", "foreign")]
        assert await tx.companies.key("unknown") is None
    assert old is not None and new is not None and foreign is not None
    assert (old.expires_at, new.expires_at, foreign.expires_at) == (later, None, None)
    assert new.last_used_at == later and new.company_id == acme.id and not new.archived
    assert new.hmac_sealed is not None and b"shh" not in new.hmac_sealed
    assert database.vault.open(new.hmac_sealed) == b"shh" and foreign.hmac_sealed is None


async def test_tokens_are_revoked_one_by_one_or_by_person(database: Database) -> None:
    async with database.transaction() as tx:
        for name, owner in (("a", 1), ("b", 1), ("c", 2)):
            await tx.tokens.add(name, owner, expires_at=START + timedelta(days=1), now=START)
        assert await tx.tokens.revoke(now=START, token_id="a") == 1
        assert await tx.tokens.revoke(now=START, token_id="a") == 0
        assert await tx.tokens.revoke(now=START, user_id=1) == 1
    async with database.reading() as tx:
        found = {name: await tx.tokens.get(name) for name in "abcd"}
    assert {name: one and one.revoked_at for name, one in found.items()} == {
        "a": START,
        "b": START,
        "c": None,
        "d": None,
    }

"""Bearer tokens: whose they are, how long they hold, and how they end."""

from __future__ import annotations

from datetime import timedelta

import jwt
import pytest
from cryptography.fernet import Fernet

from bot import tokens
from bot.core import Core
from engine.access import Actor, Via
from engine.audit import AuditKind
from engine.errors import Refused
from storage.database import Database
from storage.secrets import Vault
from tests.clock import TestClock
from tests.conftest import SECRET_KEY
from tests.given import World

OPERATOR = Actor(user=None, via=Via.CLI, label="root")


async def mint(world: World, *, ttl: timedelta = timedelta(days=30)) -> tokens.Minted:
    core = world.core
    return await core.write(
        lambda tx: tokens.create(tx, world.kim, ttl=ttl, actor=OPERATOR, now=core.clock.now())
    )


async def verify(core: Core, token: str) -> str:
    return (await core.read(lambda tx: tokens.verify(tx, token, now=core.clock.now()))).name


async def test_a_token_is_its_user_until_it_expires(world: World, clock: TestClock) -> None:
    minted = await mint(world, ttl=timedelta(hours=1))
    assert await verify(world.core, minted.token) == "Kim"
    clock.advance(minutes=59)
    assert await verify(world.core, minted.token) == "Kim"
    clock.advance(minutes=1)
    with pytest.raises(tokens.Unauthorised, match="expired"):
        await verify(world.core, minted.token)


async def test_a_revoked_token_ends_at_once_and_both_are_on_record(world: World) -> None:
    minted, other = await mint(world), await mint(world)
    core = world.core

    async def revoke(what: str) -> int:
        return await core.write(lambda tx: tokens.revoke(tx, what, actor=OPERATOR, now=core.clock.now()))

    assert await revoke(minted.id) == 1
    assert await revoke(minted.id) == 0
    with pytest.raises(tokens.Unauthorised):
        await verify(core, minted.token)
    assert await verify(core, other.token) == "Kim"
    assert await revoke(other.token) == 1
    proofs = await core.read(lambda tx: tx.audit.of_subject(0, world.kim.email))
    kinds = [one.entry.kind for one in proofs]
    assert kinds == [AuditKind.TOKEN_REVOKED] * 2 + [AuditKind.TOKEN_CREATED] * 2
    assert minted.token not in str(proofs)


async def test_all_tokens_of_a_person_end_together(world: World) -> None:
    minted = [await mint(world) for _ in range(3)]
    core = world.core
    ended = await core.write(
        lambda tx: tokens.revoke_all(tx, world.kim, actor=OPERATOR, now=core.clock.now())
    )
    assert ended == 3
    for one in minted:
        with pytest.raises(tokens.Unauthorised):
            await verify(core, one.token)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_a_token_survives_a_new_key_while_the_old_one_is_in_the_ring(
    world: World, database_url: str
) -> None:
    minted = await mint(world)
    now = world.core.clock.now()
    fresh = Fernet.generate_key().decode()
    for keys, holds in (([fresh, SECRET_KEY], True), ([fresh], False)):
        rotated = Database(database_url, Vault(keys))
        try:
            async with rotated.reading() as tx:
                if holds:
                    assert (await tokens.verify(tx, minted.token, now=now)).id == world.kim.id
                else:
                    with pytest.raises(tokens.Unauthorised):
                        await tokens.verify(tx, minted.token, now=now)
        finally:
            await rotated.close()


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
@pytest.mark.parametrize("missing", ["exp", "jti", "sub", "iss"])
async def test_a_token_without_one_of_its_claims_is_worth_nothing(
    world: World, vault: Vault, missing: str
) -> None:
    minted = await mint(world)
    claims = dict(tokens.read(minted.token, vault))
    del claims[missing]
    forged = jwt.encode(claims, vault.derived(tokens.PURPOSE)[0], algorithm=tokens.ALGORITHM)
    with pytest.raises(tokens.Unauthorised):
        await verify(world.core, forged)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_a_token_that_we_did_not_sign_or_not_for_this_person_is_worth_nothing(
    world: World, vault: Vault
) -> None:
    minted = await mint(world)
    key = vault.derived(tokens.PURPOSE)[0]
    claims = dict(tokens.read(minted.token, vault))
    others = [
        jwt.encode(claims, b"k" * 32, algorithm="HS256"),
        jwt.encode(claims, key="", algorithm="none"),
        jwt.encode(claims | {"sub": str(world.root.id)}, key, algorithm="HS256"),
        jwt.encode(claims | {"jti": "0" * 24}, key, algorithm="HS256"),
        jwt.encode(claims, vault.derived("audit")[0], algorithm="HS256"),
        "x" * 5000,
        "",
    ]
    for token in others:
        with pytest.raises(tokens.Unauthorised):
            await verify(world.core, token)


@pytest.mark.parametrize(
    ("text", "ttl"), [("30d", timedelta(days=30)), (" 12H ", timedelta(hours=12)), ("2w", timedelta(weeks=2))]
)
def test_durations_as_people_write_them(text: str, ttl: timedelta) -> None:
    assert tokens.ttl_of(text) == ttl


@pytest.mark.parametrize("text", ["", "30", "0d", "-1d", "999d", "soon", "1e3d"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        tokens.ttl_of(text)

"""The board: what is due soon, of what one may see, by odds that the company's own past gives."""

from __future__ import annotations

import time

import pytest
import sqlalchemy as sa

from bot.actions.incidents import Claim, Details, Resolve, Why
from bot.actions.people import Board
from bot.actions.questions import Home, ListOpen
from bot.cards.card import Said
from bot.handlers.dispatch import handle
from bot.place import Place
from engine.errors import Refused
from engine.odds import ENOUGH
from engine.operations import respond
from tests import given
from tests.bot.rest import serving
from tests.engine.operations.test_respond import do


def words(part) -> str:
    """All that a card says, in one line."""
    if isinstance(part, str):
        return part
    if hasattr(part, "__dataclass_fields__"):
        return " ".join(words(getattr(part, name)) for name in part.__dataclass_fields__)
    return " ".join(map(words, part)) if isinstance(part, list | tuple) else ""


async def asked(world: given.World, user, action=None, company_id=None) -> str:
    reply = await handle(
        world.core, action or Board(), actor=given.actor(user), place=Place(company_id=company_id)
    )
    assert isinstance(reply, Said)
    return words(reply.card)


async def fire(world: given.World, signature: str = "Disk / 93% full", **more) -> int:
    return given.number(
        given.results(await world.tell(given.alert(signature=signature, **more)))[0]["incident_id"]
    )


async def a_past(world: given.World, clock, minutes: int, times: int = ENOUGH) -> None:
    """The same problem, solved after so long each time."""
    for _ in range(times):
        number = await fire(world)
        await do(world, respond.claim, number, world.kim)
        clock.advance(minutes=minutes)
        await do(world, respond.resolve, number, world.kim)
        clock.advance(hours=5)


async def test_by_time_left_while_too_little_is_known_and_says_so(world, clock):
    await fire(world, severity_word="low", signature="CPU high")
    first = await fire(world)
    said = await asked(world, world.kim)
    assert "too little is known of the like of them" in said
    assert said.index(f"INC-{first}") < said.index("INC-1 "), "the critical is due first"
    assert "30 min left; too few like it to tell" in said


async def test_by_the_odds_once_the_past_is_known(world, clock):
    await a_past(world, clock, minutes=280)
    number = await fire(world)
    await do(world, respond.claim, number, world.kim)
    low = await fire(world, severity_word="high", signature="Service nginx down")
    clock.advance(minutes=60)
    said = await asked(world, world.kim)
    assert f"INC-{number} 100 %" in said
    assert f"{ENOUGH} of {ENOUGH} like it (the same problem) took longer than the 3 h left" in said
    assert said.index(f"INC-{number}") < said.index(f"INC-{low}"), "though it is due later"
    for question in (Why(number), Details(number)):
        assert "like it (the same problem)" in await asked(world, world.kim, question, world.acme.id)
        assert "like it" not in await asked(world, world.vera, question, world.acme.id), "not for the client"


async def test_only_what_one_may_see_and_what_is_late_apart(world, clock):
    mine, foreign = await fire(world), given.results(await world.tell(given.alert(), company=world.globex))
    clock.advance(minutes=31)
    said = await asked(world, world.kim)
    assert f"Late already:  INC-{mine} (respond, 1 min over)" in said
    assert foreign[0]["incident_id"] not in said
    assert foreign[0]["incident_id"] in await asked(world, world.root)
    await handle(world.core, Claim(mine), actor=given.actor(world.bob), place=Place())
    assert f"INC-{mine}" not in await asked(world, world.kim), "it is in Bob's hands"
    assert f"INC-{mine}" in await asked(world, world.bob)
    await handle(world.core, Resolve(mine, ""), actor=given.actor(world.bob), place=Place())
    assert "nothing is due" in await asked(world, world.bob)
    with pytest.raises(Refused, match="for those who work on incidents"):
        await asked(world, world.vera)


async def test_by_rest(world, clock):
    await a_past(world, clock, minutes=280)
    number = await fire(world)
    await do(world, respond.claim, number, world.kim)
    async with serving(world.core) as rest:
        said = await rest.get(world.kim, "/api/board?company=acme")
        (due,) = said["due"]
        assert due["incident"]["id"] == f"INC-{number}" and due["promise"] == "resolution"
        assert due["odds"]["late"] == due["odds"]["of"] == ENOUGH and due["odds"]["share"] == 1
        assert due["left_seconds"] == 4 * 3600
        await rest.get(world.vera, "/api/board", status=403)
        await rest.get(world.kim, "/api/board?company=globex", status=404)
        await rest.get(world.kim, "/api/board?limit=0", status=422)


_MANY = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
INSERT INTO incidents SELECT {columns} FROM n, (SELECT * FROM incidents LIMIT 1) AS one
"""
_THEIR_CLOCKS = """
INSERT INTO sla_clocks SELECT {columns} FROM incidents i, sla_clocks c WHERE i.id > 1000 AND c.incident_id = 1
"""


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
@pytest.mark.alone
async def test_among_a_hundred_thousand_it_looks_at_what_it_shows(world, clock):
    await fire(world)

    async def fill(tx) -> None:
        given_row = {"id": "i + 1000", "correlation_key": "'k' || i"}
        names = [row[1] for row in await tx.connection.execute(sa.text("PRAGMA table_info(incidents)"))]
        columns = ", ".join(given_row.get(name, f'one."{name}"') for name in names)
        await tx.connection.execute(sa.text(_MANY.format(columns=columns)))
        names = [row[1] for row in await tx.connection.execute(sa.text("PRAGMA table_info(sla_clocks)"))]
        columns = ", ".join("i.id" if name == "incident_id" else f'c."{name}"' for name in names)
        await tx.connection.execute(sa.text(_THEIR_CLOCKS.format(columns=columns)))

    await world.core.write(fill)
    for user in (world.root, world.kim):
        since = time.perf_counter()
        assert "others are due later" in await asked(world, user)
        assert time.perf_counter() - since < 1.0
    clock.advance(minutes=40)
    since = time.perf_counter()
    assert "Late already" in await asked(world, world.root)
    assert time.perf_counter() - since < 1.0


async def test_a_list_shows_what_is_due_first_and_counts_all(world: given.World, monkeypatch) -> None:
    """However many are open: the oldest may be what is due first."""
    await world.tell(given.alert("core", "Switch dead", severity_word="critical"))
    for number in range(30):
        await world.tell(given.alert(f"box-{number}", "Fan slow", severity_word="low"))
    monkeypatch.setattr("bot.home.view.LOOKED_AT", 3)
    admin = given.actor(world.root)
    reply = await handle(world.core, ListOpen(), actor=admin, place=Place(company_id=world.acme.id))
    assert isinstance(reply, Said)
    said = words(reply.card)
    assert "31 open" in reply.card.summary and "these are the first due 25; 6 more" in said
    assert said.index("Switch dead") < said.index("Fan slow")
    home = await handle(world.core, Home(), actor=admin, place=Place())
    assert isinstance(home, Said) and "Switch dead" in words(home.card)

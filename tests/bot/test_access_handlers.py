"""`/aw who`, `/aw token`, `/aw audit`, `/aw approve` and `/aw reject`: who may what, and who did what."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot import tokens
from bot.actions.incidents import Claim
from bot.actions.people import ReadAudit, Token, Who
from bot.actions.runs import Approve, Decide, Run
from bot.cards import card as cards
from bot.commands import parse
from bot.handlers.dispatch import handle
from bot.place import Place
from bot.tokens import Unauthorised
from engine.access import Actor, Via
from engine.errors import NotFound, Refused
from runbooks.run import RunStatus
from tests import given
from tests.bot.test_cards import text_of


@pytest.fixture
async def number(world: given.World) -> int:
    answer = await world.tell(given.alert(signature="Service nginx down", labels={"service": "nginx"}))
    return given.number(given.results(answer)[0]["incident_id"])


async def act(world: given.World, line: str, user, where: Place | None = None, via: Via = Via.SLACK):
    (action,) = parse(line)
    actor = Actor(user=user, via=via)
    return await handle(world.core, action, actor=actor, place=where or Place(company_id=world.acme.id))


async def said(world: given.World, line: str, user, where: Place | None = None) -> str:
    reply = await act(world, line, user, where)
    assert isinstance(reply, cards.Said)
    return text_of(reply.card)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("who", Who()),
        ("who Acme", Who("acme")),
        ("token", Token()),
        ("token 12h", Token("12h")),
        ("token revoke", Token("revoke")),
        ("audit", ReadAudit()),
        ("audit INC-7", ReadAudit("inc-7")),
        ("approve INC-7", Decide(7, True)),
        ("approve 7 now", Decide(7, True)),
        ("reject 7 not during dinner", Decide(7, False, "not during dinner")),
    ],
)
def test_the_words(typed, meant):
    assert parse(typed) == [meant]
    assert parse("approve", here=7) == [Decide(7, True)]


async def test_who_is_there(world, number):
    away = replace(world.bob, leave_until=world.core.clock.now() + timedelta(days=2))
    await world.core.write(lambda tx: tx.users.change(away))
    await handle(world.core, Claim(number), actor=given.actor(world.kim), place=Place())
    found = await said(world, "who", world.kim)
    assert "5 people work for Acme" in found
    lines = {name: next(row for row in found.splitlines() if name in row) for name in ("Kim", "Bob", "Ada")}
    assert "1 open" in lines["Kim"] and "linux" in lines["Kim"]
    assert "on leave until" in lines["Bob"]
    assert "company admin" in lines["Ada"] and "there" in lines["Ada"]
    assert "Eve" not in found and "Globex" not in found
    with pytest.raises(Refused, match="Only"):
        await act(world, "who", world.vera)
    with pytest.raises(NotFound):
        await act(world, "who globex", world.kim)
    with pytest.raises(Refused, match="Which company"):
        await act(world, "who", world.root, Place())


async def test_a_token_acts_as_its_owner_until_it_ends(world):
    reply = await act(world, "token 12h", world.kim)
    words = text_of(reply.card).replace("`", " ").split()
    token = next(word for word in words if word.count(".") == 2 and len(word) > 60)
    now = world.core.clock.now()

    async def whose(at):
        return await world.core.read(lambda tx: tokens.verify(tx, token, now=at))

    assert (await whose(now)).id == world.kim.id
    with pytest.raises(Unauthorised):
        await whose(now + timedelta(hours=13))
    with pytest.raises(Refused, match="not a duration"):
        await act(world, "token forever", world.kim)
    assert await act(world, "token revoke", world.bob) == cards.Done("You have no token.")
    assert await act(world, "token revoke", world.kim) == cards.Done("1 token of yours ended.")
    with pytest.raises(Unauthorised):
        await whose(now)


async def test_a_token_is_not_said_where_others_read_it(world):
    with pytest.raises(Refused, match="Everybody in this channel") as refused:
        await act(world, "token", world.kim, via=Via.TEAMS)
    assert "personal chat" in refused.value.hint
    assert isinstance(await act(world, "token", world.kim, Place(), via=Via.TEAMS), cards.Said)


async def test_the_audit_is_for_those_who_look_after_the_company(world, number):
    await handle(world.core, Claim(number), actor=given.actor(world.kim), place=Place())
    found = await said(world, "audit", world.ada)
    assert "Kim" in found and f"INC-{number}" in found and "incident claimed" in found
    of_one = await said(world, f"audit INC-{number}", world.ada)
    assert "incident claimed" in of_one
    for user in (world.kim, world.vera):
        for line in ("audit", f"audit INC-{number}"):
            with pytest.raises(Refused):
                await act(world, line, user)
    with pytest.raises(NotFound):
        await act(world, f"audit INC-{number}", world.eve, Place(company_id=world.globex.id))
    await act(world, "token", world.kim)
    assert "token created" in await said(world, "audit msp", world.root, Place())
    with pytest.raises(Refused, match="Only MSP admins"):
        await act(world, "audit msp", world.ada, Place())


async def test_approving_in_words_shows_what_would_run(world, number):
    with pytest.raises(Refused, match="Nothing waits"):
        await act(world, f"approve {number}", world.root)
    asked = Run(number, "restart-service", {"unit": "nginx"})
    await handle(world.core, asked, actor=given.actor(world.kim), place=Place(company_id=world.acme.id))
    reply = await act(world, f"approve {number}", world.root)
    pressed = [
        button.action
        for row in reply.card.elements
        if isinstance(row, cards.Actions)
        for button in row.buttons
    ]
    async with world.core.database.reading() as tx:
        run = (await tx.runs.of_incident(number))[0]
    assert run.status is RunStatus.PENDING_APPROVAL
    assert (
        Approve(run.id, run.digest[: len(next(one.digest for one in pressed if isinstance(one, Approve)))])
        in pressed
    )
    with pytest.raises(Refused, match="Why not"):
        await act(world, f"reject {number}", world.root)
    with pytest.raises(Refused):
        await act(world, f"reject {number} I do not like it", world.kim)
    await act(world, f"reject {number} not during dinner", world.root)
    async with world.core.database.reading() as tx:
        run = await tx.runs.get(run.id)
    assert (run.status, run.decision_note) == (RunStatus.REJECTED, "not during dinner")

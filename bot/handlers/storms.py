"""What is pressed on a storm's board: take it all, give one a card of its own, see the list."""

from __future__ import annotations

from typing import assert_never

from bot import answers
from bot.actions.storms import ClaimAll, SplitOut, StormList
from bot.cards.card import Asked, Done, Field, FieldKind, Form, Reply, Said
from bot.cards.incident import cut
from bot.core import Core
from bot.place import Place
from bot.views import due_times
from engine.access import Actor, Verb
from engine.errors import NotFound, Refused
from engine.operations import storms
from engine.storm import Storm
from storage.transaction import Transaction

LISTED = 25
OFFERED = 100
"""How many options a choice has on the platforms."""


async def handle(core: Core, action: ClaimAll | SplitOut | StormList, place: Place, actor: Actor) -> Reply:
    match action:
        case ClaimAll():
            return await _claim_all(core, action, place, actor)
        case SplitOut(number=None):
            return await core.read(lambda tx: _ask_which(tx, action, place, actor))
        case SplitOut():
            return await _split_out(core, action, place, actor)
        case StormList():
            return await core.read(lambda tx: _listed(core, tx, action, place, actor))
        case _:
            assert_never(action)


async def _found(tx: Transaction, storm_id: str, verb: Verb, place: Place, actor: Actor) -> Storm:
    """The storm, if it may be touched by this person from this channel."""
    storm = await storms.find(tx, storm_id, verb, actor)
    if place.company_id is not None and storm.company_id != place.company_id:
        raise NotFound("There is no such storm here.", hint="`/aw list` shows what is open.")
    return storm


async def _claim_all(core: Core, action: ClaimAll, place: Place, actor: Actor) -> Reply:
    async def act(tx: Transaction) -> tuple[int, bool]:
        await _found(tx, action.storm, Verb.CLAIM, place, actor)
        return await storms.claim_all(tx, action.storm, actor=actor, now=core.clock.now())

    count, more = await core.write(act)
    follow = "; the rest follows now" if more else ""
    return Done(f"{count} incidents are yours{follow}.")


async def _ask_which(tx: Transaction, action: SplitOut, place: Place, actor: Actor) -> Asked:
    storm = await _found(tx, action.storm, Verb.NOTE, place, actor)
    found = await tx.storms.open(storm, deferred=True, most=OFFERED)
    if not found:
        raise Refused("Everything that is open here has a card of its own.", code="stale")
    options = [
        (str(one.id), cut(f"{one.label} · {one.severity} · {one.title} · {one.asset_name}", 75))
        for one in found
    ]
    field = Field(name="number", label="Which one gets a card?", kind=FieldKind.CHOICE, options=options)
    return Asked(Form(title="Split one out", submit="Give it a card", action=action, fields=(field,)))


async def _split_out(core: Core, action: SplitOut, place: Place, actor: Actor) -> Reply:
    async def act(tx: Transaction) -> str:
        await _found(tx, action.storm, Verb.NOTE, place, actor)
        number, now = action.number or 0, core.clock.now()
        return (await storms.split_out(tx, action.storm, number, actor=actor, now=now)).label

    return Done(f"{await core.write(act)} gets a card of its own.")


async def _listed(core: Core, tx: Transaction, action: StormList, place: Place, actor: Actor) -> Reply:
    storm = await _found(tx, action.storm, Verb.SEE, place, actor)
    company = (await tx.companies.context(storm.company_id)).company
    shown = await tx.storms.open(storm, most=LISTED)
    total = (await tx.storms.tally(storm)).open
    people = {user.id: user for user in await tx.users.all()}
    due, now = await due_times(tx, shown), core.clock.now()
    title = f"{company.name}'s storm board"
    return Said(answers.list_card(title, shown, people, due, now, total=total))

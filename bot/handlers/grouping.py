"""Putting incidents together and taking them apart: asked for with a form, done in one transaction."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from bot.actions.incidents import Merge, Split
from bot.cards.card import Asked, Done, Field, FieldKind, Form, Reply
from bot.cards.incident import cut
from bot.core import Core
from bot.place import Place, belongs, look_up
from engine.access import Actor, Verb
from engine.errors import Refused
from engine.incident import Incident
from engine.operations import regroup
from storage.transaction import Transaction

Changing = Callable[[Transaction], Awaitable[Incident]]


async def handle(core: Core, action: Merge | Split, place: Place, actor: Actor) -> Reply:
    match action:
        case Merge(to=None):
            return await _ask_into(core, action, place, actor)
        case Split(part=""):
            return await _ask_part(core, action, place, actor)
        case Merge(incident=number, to=to):
            assert to is not None
            into = to
            merged = await _write(
                core,
                place,
                number,
                lambda tx: regroup.merge(tx, number, into=into, actor=actor, now=core.clock.now()),
            )
            return Done(f"INC-{number} is part of {merged.label} now.")
        case Split(incident=number, part=part):
            out = await _write(
                core,
                place,
                number,
                lambda tx: regroup.split(tx, number, part, actor=actor, now=core.clock.now()),
            )
            return Done(f"{out.label} stands alone again.")


async def _write(core: Core, place: Place, number: int, act: Changing) -> Incident:
    async def write(tx: Transaction) -> Incident:
        await belongs(tx, number, place)
        return await act(tx)

    return await core.write(write)


async def _ask_into(core: Core, action: Merge, place: Place, actor: Actor) -> Asked:
    incident = await look_up(core, action.incident, place, actor, Verb.MERGE)

    async def look(tx: Transaction) -> list[tuple[str, str]]:
        found = await tx.incidents.listed(company_ids=[incident.company_id], most=60)
        others = [one for one in found if one.id != incident.id]
        others.sort(key=lambda one: (one.id not in incident.related, -one.id))
        return [
            (str(one.id), f"{one.label} {cut(one.title, 40)} · {cut(one.asset_name, 24)}") for one in others
        ]

    options = await core.read(look)
    if not options:
        raise Refused("Nothing else is open in this company.", hint="Only open incidents can be merged.")
    field = Field(name="to", label="Which incident is it part of?", kind=FieldKind.CHOICE, options=options)
    return Asked(Form(title=f"Merge {incident.label}", submit="Merge", action=action, fields=(field,)))


async def _ask_part(core: Core, action: Split, place: Place, actor: Actor) -> Asked:
    incident = await look_up(core, action.incident, place, actor, Verb.MERGE)
    parts = await core.read(lambda tx: regroup.parts(tx, incident))
    if not parts:
        raise Refused(f"{incident.label} holds only its own problem.", hint="There is nothing to split out.")
    options = [
        (one.name, cut(f"{one.title}" if one.came_from is None else f"{one.name} {one.title}", 75))
        for one in parts
    ]
    field = Field(name="part", label="What goes out of it?", kind=FieldKind.CHOICE, options=options)
    return Asked(Form(title=f"Split {incident.label}", submit="Split out", action=action, fields=(field,)))

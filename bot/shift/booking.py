"""`/aw time` and its buttons: one's own drafted time, booked by a press."""

from __future__ import annotations

import re
from typing import assert_never

from bot.actions.people import BookAllTime, BookTime, ChangeTime, ShowTime
from bot.cards.card import Asked, Done, Reply, Said
from bot.core import Core
from bot.place import Place, belongs
from bot.shift.time_card import drafts_card, slot_card, slot_form
from engine.access import Actor
from engine.errors import Refused
from engine.identifiers import incident_number
from engine.operations import booking
from engine.operations.booking import Slot
from engine.timesheet import span_words
from storage.transaction import Transaction

Action = ShowTime | BookTime | BookAllTime | ChangeTime
_MINUTES = re.compile(r"(?:(\d{1,3})\s*h(?:ours?)?)?\s*(?:(\d{1,5})\s*(?:m|min|minutes?)?)?", re.IGNORECASE)


def minutes_of(text: str) -> int:
    """`38`, `38 min`, `1 h 20`. Raises Refused."""
    found = _MINUTES.fullmatch(text.strip())
    if found is None or not any(found.groups()):
        raise Refused(
            f"“{text.strip()[:20]}” are no minutes.", hint="Write `38` or `1 h 20`.", code="invalid"
        )
    return int(found[1] or 0) * 60 + int(found[2] or 0)


async def handle(core: Core, action: Action, place: Place, actor: Actor) -> Reply:
    user = actor.user
    if user is None:
        raise Refused("Only people have time to book.", code="denied")
    match action:
        case ShowTime():
            return await _show(core, action.words, place, actor)
        case ChangeTime():
            return slot_form(await _slot(core, action.incident, place, actor))
        case BookTime():
            said = await _book(core, action, place, actor)
        case BookAllTime():
            seen = minutes_of(action.minutes)
            made = await core.write(
                lambda tx: booking.book_all(tx, user.id, seen=seen, actor=actor, now=core.clock.now())
            )
            said = f"{span_words(sum(one.minutes for one in made))} booked."
        case _:
            assert_never(action)
    if isinstance(action, BookTime) and action.sent:
        return Done(said)
    return Said(drafts_card(await _drafts(core, user.id), said=said), instead=True)


async def _show(core: Core, words: str, place: Place, actor: Actor) -> Reply:
    number = incident_number(words) if words else None
    if number is not None:
        return Said(slot_card(await _slot(core, number, place, actor)))
    if words:
        raise Refused(
            f"I do not know “time {words[:20]}”.",
            hint="`/aw time` or `/aw time INC-42`.",
            code="unknown_word",
        )
    assert actor.user is not None
    return Said(drafts_card(await _drafts(core, actor.user.id)))


async def _drafts(core: Core, user_id: int) -> list[Slot]:
    return await core.read(lambda tx: booking.drafts(tx, user_id, now=core.clock.now()))


async def _slot(core: Core, number: int, place: Place, actor: Actor) -> Slot:
    async def look(tx: Transaction) -> Slot:
        await belongs(tx, number, place)
        return (await booking.find_slot(tx, number, actor=actor))[1]

    return await core.read(look)


async def _book(core: Core, action: BookTime, place: Place, actor: Actor) -> str:
    minutes = minutes_of(action.minutes)

    async def act(tx: Transaction) -> int:
        await belongs(tx, action.incident, place)
        seen = None if action.sent else minutes
        entry = await booking.book(
            tx,
            action.incident,
            minutes=minutes,
            seen=seen,
            note=action.text,
            actor=actor,
            now=core.clock.now(),
        )
        return entry.minutes

    return f"{span_words(await core.write(act))} on INC-{action.incident} booked."


async def offer(core: Core, number: int, *, actor: Actor, said: str, form: bool) -> Asked | Said | None:
    """What is drafted, to whoever resolved what was theirs, where time is billed: in the form's place, or as a card."""

    slot = await core.read(lambda tx: booking.slot_of(tx, number))
    mine = slot is not None and slot.drafted.stretch.user_id == actor.id and slot.entry is None
    if slot is None or not mine or slot.company.value("hourly_rate") is None:
        return None
    return slot_form(slot, said=said) if form else Said(slot_card(slot, said=said))

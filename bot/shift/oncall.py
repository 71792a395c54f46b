"""`/aw oncall`: who is on call now and next; `/aw oncall me 2h`: the asker stands in."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bot.actions import OnCall
from bot.cards import Card, Done, Element, Facts, Line, Moment, Reply, Said, Strong, Table, Title, Tone, When
from bot.core import Core
from bot.place import Place
from bot.times import until
from engine.access import Actor
from engine.company import Role
from engine.errors import Refused
from engine.oncall import Rotation, shifts
from engine.operations import oncall
from storage.transaction import Transaction

LOOK_AHEAD = timedelta(days=30)


async def handle(core: Core, action: OnCall, place: Place, actor: Actor) -> Reply:
    words = action.words.split()
    if words and words[0] == "me":
        return await _stand_in(core, words[1:], actor)
    if words:
        raise Refused(
            f"I do not know “oncall {words[0][:20]}”.",
            hint="`/aw oncall` or `/aw oncall me 2h`.",
            code="unknown_word",
        )
    now = core.clock.now()

    async def look(tx: Transaction) -> Card:
        names = {user.id: user.name for user in await tx.users.all()}
        seen = [one for one in await tx.rotations.all() if _seen(one, actor, place)]
        rows = tuple(_row(one, names, now) for one in seen)
        title = "Who is on call" if rows else "No rotation is for you here."
        elements: list[Element] = [Title(Tone.INFO, (Strong(title),))]
        if rows:
            elements.append(Table(("", "now", "until", "then"), rows))
            elements.append(Facts((("/aw oncall me 2h: you stand in for two hours",),)))
        return Card(summary=title, elements=tuple(elements))

    return Said(await core.read(look))


def _seen(rotation: Rotation, actor: Actor, place: Place) -> bool:
    if place.company_id is not None:
        return rotation.serves(place.company_id)
    user = actor.user
    return user is not None and (
        user.role is Role.MSP_ADMIN or any(rotation.serves(one) for one in user.companies)
    )


def _row(rotation: Rotation, names: dict[int, str], now: datetime) -> tuple[Line, ...]:
    coming = shifts(rotation, now, now + LOOK_AHEAD)
    current = next((one for one in coming if one.begin <= now), None)
    following = next((one for one in coming if one.begin > now), None)

    def called(user_id: int | None) -> str:
        return names.get(user_id, "somebody unknown") if user_id is not None else "nobody"

    return (
        (Strong(rotation.name),),
        (called(current.user_id) if current else "nobody has to be",),
        (Moment(current.end, When.DATE_TIME),) if current else ("",),
        (called(following.user_id), " from ", Moment(following.begin, When.DATE_TIME))
        if following
        else ("",),
    )


async def _stand_in(core: Core, words: list[str], actor: Actor) -> Reply:
    """`me 2h [rotation]`, `me until 22:00 [rotation]`"""
    now = core.clock.now()
    zone = actor.user.timezone if actor.user else "UTC"
    found = until(words, now, zone)
    if found is None:
        raise Refused("For how long?", hint="For example `/aw oncall me 2h`.", code="invalid")
    name = " ".join(words[found.words :])
    rotation = await core.write(
        lambda tx: oncall.stand_in(tx, name, actor.user, now, found.at, actor=actor, now=now)
    )
    return Done(
        f"You are on call in {rotation.name} until {found.at.astimezone(ZoneInfo(zone)):%a %H:%M %Z}."
    )

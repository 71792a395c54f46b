"""`/aw oncall`: who is on call now and next; `/aw oncall me 2h`: the asker stands in; `/aw oncall swap @bob`."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bot.actions.people import OnCall
from bot.cards.card import (
    Card,
    Done,
    Element,
    Facts,
    Line,
    Moment,
    Reply,
    Said,
    Strong,
    Table,
    Title,
    Tone,
    When,
)
from bot.core import Core
from bot.place import Place
from bot.shift import calendar, leave_words
from bot.words.times import until
from engine.access import Actor
from engine.errors import Refused
from engine.oncall import Rotation, shifts
from engine.operations import oncall, swap
from engine.schedule import wall
from storage.transaction import Transaction

LOOK_AHEAD = timedelta(days=30)


async def handle(core: Core, action: OnCall, place: Place, actor: Actor) -> Reply:
    words = action.words.split()
    if words and words[0] == "me":
        return await _stand_in(core, words[1:], actor)
    if words and words[0] == "calendar":
        return await _calendar(core, words[1:], actor)
    if words and words[0] == "swap":
        return await _swap(core, words[1:], actor)
    if words:
        raise Refused(
            f"I do not know “oncall {words[0][:20]}”.",
            hint="`/aw oncall`, `/aw oncall me 2h` or `/aw oncall swap @bob`.",
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
    return actor.user is not None and calendar.sees(actor.user, rotation)


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


async def _calendar(core: Core, words: list[str], actor: Actor) -> Reply:
    """`calendar`, `calendar nights`, `calendar off`: the address for one's calendar program."""
    user, now = actor.user, core.clock.now()
    if user is None:
        raise Refused("Only people have calendars.", code="denied")
    if words == ["off"]:
        ended = await core.write(lambda tx: calendar.revoke(tx, user=user, actor=actor, now=now))
        return Done(
            f"{ended} {'address is' if ended == 1 else 'addresses are'} ended."
            if ended
            else "There was none."
        )
    name, address = " ".join(words), core.settings.public_url
    url = await core.write(
        lambda tx: calendar.share(tx, name, user=user, address=address, actor=actor, now=now)
    )
    what = f"the shifts of {name}" if name else "your shifts"
    return Done(
        f"Subscribe to this address to see {what} in your calendar:\n{url}\nWhoever has it can read them; "
        "`/aw oncall calendar off` ends it."
    )


async def _swap(core: Core, words: list[str], actor: Actor) -> Reply:
    """`swap @bob`, `swap @bob fri for tue nights`: my shift of that day against theirs of the other."""
    to = next((int(one[1:]) for one in words if re.fullmatch(r"@\d{1,9}", one)), None)
    if to is None:
        raise Refused("Swap with whom?", hint="For example `/aw oncall swap @bob fri for tue`.", code="which")
    left = [one for one in words if one != f"@{to}"]
    theirs = left[left.index("for") + 1 :] if "for" in left else []
    mine = left[: left.index("for")] if "for" in left else left
    now = core.clock.now()
    today = wall(now, actor.user.timezone if actor.user else "UTC").date()
    on, named = leave_words.day_of(mine, today)
    for_, named_after = leave_words.day_of(theirs, today)
    name = " ".join([*named, *named_after])

    async def act(tx: Transaction) -> tuple[swap.Swap, str]:
        ask, found = await swap.propose(tx, to, name, on=on, for_=for_, actor=actor, now=now)
        asked = await tx.users.get(ask.asked_id)
        return found, asked.name if asked else "They"

    found, asked = await core.write(act)
    return Done(
        f"Asked {asked}: they would take {found.mine_text}, you {found.theirs_text}. The plan stays as it is until "
        "they accept."
    )

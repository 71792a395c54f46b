"""What concerns people and time: calling the next level, and why something is late."""

from __future__ import annotations

from typing import assert_never
from zoneinfo import ZoneInfo

from bot.actions.people import Back, Escalate, ExplainLate, Leave
from bot.cards.card import Done, Reply
from bot.core import Core
from bot.handlers.asking import ask_text
from bot.place import Place, belongs, look_up
from bot.shift import leave_words
from engine.access import Actor, Verb
from engine.incident import Incident
from engine.operations import escalate, leave
from storage.transaction import Transaction

Action = Escalate | ExplainLate | Leave | Back


async def handle(core: Core, action: Action, place: Place, actor: Actor) -> Reply:
    match action:
        case Escalate():
            return await _escalated(core, action, place, actor)
        case ExplainLate():
            return await _explained(core, action, place, actor)
        case Leave():
            return await _left(core, action, actor)
        case Back():
            await core.write(lambda tx: leave.back(tx, actor=actor, now=core.clock.now()))
            return Done("Welcome back. You get incidents again from now on.")
        case _:
            assert_never(action)


async def _left(core: Core, action: Leave, actor: Actor) -> Reply:
    zone = actor.user.timezone if actor.user else "UTC"
    begin, end = leave_words.leave(action.words.split(), core.clock.now(), zone)
    left = await core.write(lambda tx: leave.go(tx, begin, end, actor=actor, now=core.clock.now()))
    form = "%a %Y-%m-%d %H:%M %Z"
    since = "" if not left.begun else " from now"
    if not left.begun:
        since = f" from {begin.astimezone(ZoneInfo(zone)):{form}}"
    text = f"You are on leave{since} until {end.astimezone(ZoneInfo(zone)):{form}} and get nothing meanwhile."
    if left.handed:
        text += f" {left.handed} offered to you went to others."
    if left.kept:
        numbers = ", ".join(one.label for one in left.kept[:10])
        text += f" Still in your hands: {numbers}. `/aw unclaim` or `/aw assign @somebody` gives them on."
    return Done(text)


async def _escalated(core: Core, action: Escalate, place: Place, actor: Actor) -> Reply:
    if action.text is None:
        await look_up(core, action.incident, place, actor, Verb.ESCALATE)
        return ask_text(action, "Escalate", "Escalate", "Why?", optional=True)
    reason = action.text

    async def act(tx: Transaction) -> Incident:
        await belongs(tx, action.incident, place)
        return await escalate.escalate(tx, action.incident, reason=reason, actor=actor, now=core.clock.now())

    incident = await core.write(act)
    return Done(f"The next level of {incident.label} is called.")


async def _explained(core: Core, action: ExplainLate, place: Place, actor: Actor) -> Reply:
    if action.text is None:
        await look_up(core, action.incident, place, actor, Verb.NOTE)
        return ask_text(action, "Why is it late?", "Say so", "What held it up?")
    reason = action.text

    async def act(tx: Transaction) -> Incident:
        await belongs(tx, action.incident, place)
        return await escalate.explain(tx, action.incident, reason, actor=actor, now=core.clock.now())

    incident = await core.write(act)
    return Done(f"Noted on {incident.label}.")

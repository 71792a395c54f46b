"""What concerns people and time: calling the next level, and why something is late."""

from __future__ import annotations

from typing import assert_never

from bot.actions import Escalate, ExplainLate
from bot.asking import ask_text
from bot.cards import Done, Reply
from bot.core import Core
from bot.place import Place, belongs, look_up
from engine.access import Actor, Verb
from engine.incident import Incident
from engine.operations import escalate
from storage.transaction import Transaction

Action = Escalate | ExplainLate


async def handle(core: Core, action: Action, place: Place, actor: Actor) -> Reply:
    match action:
        case Escalate():
            return await _escalated(core, action, place, actor)
        case ExplainLate():
            return await _explained(core, action, place, actor)
        case _:
            assert_never(action)


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

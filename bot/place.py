"""Where something was pressed or typed, and what that allows it to touch."""

from __future__ import annotations

from dataclasses import dataclass

from bot.core import Core
from engine.access import Actor, Verb
from engine.errors import NotFound
from engine.incident import Incident
from engine.operations import respond
from storage.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Place:
    """Where it was pressed or typed: the channel's company, if the channel has one, and the thread's incident."""

    company_id: int | None = None
    incident_id: int | None = None


async def belongs(tx: Transaction, incident_id: int, place: Place) -> None:
    """A button pressed in one company's channel acts on that company only, whatever its value says."""
    if place.company_id is None:
        return
    incident = await tx.incidents.get(incident_id)
    if incident is None or incident.company_id != place.company_id:
        raise NotFound(f"There is no INC-{incident_id} here.", hint="`/aw list` shows what is open.")


async def look_up(core: Core, incident_id: int, place: Place, actor: Actor, verb: Verb) -> Incident:
    """Before a form opens: would it be allowed?"""

    async def look(tx: Transaction) -> Incident:
        await belongs(tx, incident_id, place)
        return await respond.find(tx, incident_id, verb, actor)

    return await core.read(look)

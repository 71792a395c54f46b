"""`/aw approve INC-12` and `/aw reject INC-12 why`: a decision that begins with words instead of a button.

Approving in words alone would approve what nobody has looked at, so the answer is the request itself, with its buttons.
"""

from __future__ import annotations

from bot.actions.runs import Decide
from bot.cards.approval import approval_card
from bot.cards.card import Card, Done, Reply, Said
from bot.core import Core
from bot.place import Place, belongs
from bot.sync import approval_view
from engine.access import Actor, Verb
from engine.errors import Refused
from engine.operations import respond
from runbooks.operations import decide
from runbooks.run import Run, RunStatus
from storage.transaction import Transaction


async def handle(core: Core, action: Decide, place: Place, actor: Actor) -> Reply:
    """Raises Refused."""
    if action.agrees:
        return Said(await core.read(lambda tx: _shown(tx, core, action.incident, place, actor)))
    if not action.text.strip():
        hint = f"For example `/aw reject INC-{action.incident} wait for the backup`."
        raise Refused("Why not? Who asked wants to know.", hint=hint, code="invalid")

    async def write(tx: Transaction) -> Run:
        run = await _waiting(tx, action.incident, place, actor)
        return await decide.reject(tx, run.id, note=action.text, actor=actor, now=core.clock.now())

    rejected = await core.write(write)
    return Done(f"{rejected.title} is rejected.")


async def _shown(tx: Transaction, core: Core, incident: int, place: Place, actor: Actor) -> Card:
    run = await _waiting(tx, incident, place, actor)
    view = await approval_view(tx, core, run.id)
    assert view is not None
    return approval_card(view)


async def _waiting(tx: Transaction, incident: int, place: Place, actor: Actor) -> Run:
    """The one request that waits; of several none is meant."""
    await belongs(tx, incident, place)
    found = await respond.find(tx, incident, Verb.SEE, actor)
    waiting = [run for run in await tx.runs.of_incident(incident) if run.status is RunStatus.PENDING_APPROVAL]
    if not waiting:
        raise Refused(f"Nothing waits for an approval in {found.label}.", code="stale")
    if len(waiting) > 1:
        titles = ", ".join(f"{run.title} on {run.target_names}" for run in waiting)
        raise Refused(
            f"{len(waiting)} requests wait in {found.label}: {titles}.",
            hint="Use the buttons in its thread.",
            code="which",
        )
    return waiting[0]

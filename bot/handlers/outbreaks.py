"""`/aw outbreaks` and the buttons of an outbreak's card: for MSP admins, and not in a company's channel."""

from __future__ import annotations

from bot.actions.storms import DismissOutbreak, ListOutbreaks, ShowOutbreak
from bot.cards.card import Done, Reply, Said
from bot.cards.outbreak import OutbreakView, outbreak_list, outbreak_view, outbreaks_card
from bot.core import Core
from bot.place import Place
from engine.access import Actor
from engine.company import Role
from engine.errors import NotFound, Refused
from engine.operations import outbreaks
from storage.transaction import Transaction

LATEST = 10
Action = ListOutbreaks | ShowOutbreak | DismissOutbreak


async def handle(core: Core, action: Action, actor: Actor, place: Place) -> Reply:
    if place.company_id is not None and actor.user is not None and actor.user.role is Role.MSP_ADMIN:
        # what is whispered here is for the asker alone, but a shared screen is not
        hint = "Ask in the MSP's own channel, or in a direct message."
        raise Refused("Outbreaks are not told in a company's channel.", hint=hint, code="denied")
    now = core.clock.now()
    match action:
        case DismissOutbreak():
            done = await core.write(lambda tx: outbreaks.dismiss(tx, action.outbreak, actor=actor, now=now))
            return Done(f"{done.label} is over.")
        case ShowOutbreak():
            return Said(outbreak_list(await one_of(core, action.outbreak, actor)))
        case ListOutbreaks():
            return Said(outbreaks_card(await latest(core, actor)))


async def one_of(core: Core, number: int, actor: Actor) -> OutbreakView:
    """Raises NotFound, also for those who may not know of it."""
    now = core.clock.now()

    async def look(tx: Transaction) -> OutbreakView | None:
        await outbreaks.find(tx, number, actor)
        return await outbreak_view(tx, number, now=now)

    view = await core.read(look)
    if view is None:
        raise NotFound(f"There is no OUT-{number}.")
    return view


async def latest(core: Core, actor: Actor) -> list[OutbreakView]:
    """Raises Refused for anybody but an MSP admin."""
    if actor.user is None or actor.user.role is not Role.MSP_ADMIN:
        raise Refused("Only MSP admins see across companies.", code="denied")
    now = core.clock.now()

    async def look(tx: Transaction) -> list[OutbreakView]:
        found = [await outbreak_view(tx, one.id, now=now) for one in await tx.outbreaks.latest(most=LATEST)]
        return [one for one in found if one is not None]

    return await core.read(look)

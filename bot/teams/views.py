"""A card as one person sees it: with the buttons that are reserved for its deciders, or as everybody does."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from bot.cards.card import Card, Person
from bot.core import Core
from bot.sync import shown_now
from bot.teams.buttons import Place
from bot.teams.gateway import TeamsChat
from bot.teams.render import content
from engine.access import Actor
from engine.errors import Refused


@dataclass(frozen=True, slots=True)
class View:
    """`mine`: they are one of its deciders."""

    card: Card
    mine: bool


async def view(core: Core, card_id: str, *, channel: str, actor: Actor | None, asked: bool) -> View:
    """`asked`: by a press, not by their client. Raises Refused for who may not decide then, and for a card that is not
    there."""
    found = await shown_now(core, card_id)
    if found is None or (found[0].platform, found[0].channel) != ("teams", channel):
        raise Refused("There is no such card here any more.", hint="Use the newest card.", code="not_found")
    _, card = found
    mine = actor is not None and actor.user is not None and _among(actor.user.teams_user, card.deciders)
    if asked and not mine:
        names = " or ".join(one.name for one in card.deciders[:4])
        reason = f"Only {names} can decide this." if names else "Nobody has to decide this now."
        raise Refused(reason, hint="" if names else "See what the card says.", code="denied")
    return View(card, mine)


async def in_place(chat: TeamsChat, seen: View) -> dict[str, Any]:
    """What stands where the message stands, for this person."""
    place = Place.MINE if seen.mine else Place.MESSAGE
    return content(seen.card, place, await chat.accounts(seen.card))


def alone(seen: View) -> Card:
    """The same as a message for this person alone."""
    return replace(seen.card, card_id="", deciders=())


def _among(account: str | None, people: tuple[Person, ...]) -> bool:
    return account is not None and any(one.teams_user == account for one in people)

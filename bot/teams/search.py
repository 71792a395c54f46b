"""Looking for incidents from any conversation (a message extension): a few of them as cards to put into it.

Whoever looks finds what they may see in lists, and decides themselves to whom they show it: such a card has no buttons
and calls nobody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from bot.cards.card import Actions, Body, Card, Deadlines, Element, Facts, Line, Person, Progress, Title
from bot.cards.incident import cut, incident_card
from bot.core import Core
from bot.questions import companies_of, narrowed
from bot.teams.buttons import Place
from bot.teams.render import CARD, content
from bot.teams.text import label
from bot.views import incident_view
from engine.access import Actor
from engine.company import Company
from engine.identifiers import incident_number
from engine.incident import Incident
from storage.transaction import Transaction

QUERY, COMMAND, LOOKED_FOR = "composeExtension/query", "find", "words"
THUMBNAIL = "application/vnd.microsoft.card.thumbnail"
MOST, LOOKED_AT = 8, 500
"""Results, and the newest incidents that are looked through."""

Block = dict[str, Any]


def wanted(value: Mapping[str, Any]) -> str:
    """What is looked for; empty when the window has only been opened."""
    given = value.get("parameters")
    for one in given if isinstance(given, list) else ():
        if isinstance(one, dict) and one.get("name") == LOOKED_FOR:
            return str(one.get("value") or "").strip()
    return ""


async def search(core: Core, words: str, *, actor: Actor) -> Block:
    """The answer to the query."""
    found = await core.read(lambda tx: _found(tx, core, words, actor))
    if not found:
        nothing = f"No incident of your companies says “{cut(words, 60)}”." if words else "Nothing is open."
        return said(nothing)
    return {"composeExtension": {"type": "result", "attachmentLayout": "list", "attachments": found}}


def said(text: str) -> Block:
    return {"composeExtension": {"type": "message", "text": text}}


async def _found(tx: Transaction, core: Core, words: str, actor: Actor) -> list[Block]:
    companies = {one.id: one for one in await companies_of(tx, actor)}
    number = incident_number(words)
    some = await tx.incidents.listed(
        company_ids=list(companies),
        open_only=None if words else True,
        offered_to=narrowed(actor),
        most=LOOKED_AT,
    )
    fits = [one for one in some if _fits(one, companies[one.company_id], words, number)]
    people = {user.id: user.name for user in await tx.users.all()}
    return [await _result(tx, core, one, companies[one.company_id], people) for one in fits[:MOST]]


def _fits(incident: Incident, company: Company, words: str, number: int | None) -> bool:
    if number is not None and incident.id == number:
        return True
    text = f"{incident.title} {incident.asset_name} {company.name} {company.slug}".lower()
    return all(word in text for word in words.lower().split())


async def _result(
    tx: Transaction, core: Core, incident: Incident, company: Company, people: Mapping[int, str]
) -> Block:
    view = await incident_view(tx, incident.id, catalogue=core.catalogue, now=core.clock.now())
    assert view is not None
    card = bare(incident_card(view))
    owner = people.get(incident.assignee_id or 0, "nobody")
    state = f"in the hands of {owner}" if incident.touched else incident.status.value
    preview = {
        "title": label(card.summary, 120),
        "text": label(f"{company.name} · {incident.asset_name} · {state}", 200),
    }
    attachment = {"contentType": CARD, "content": content(card, Place.DIALOG)}
    return {**attachment, "preview": {"contentType": THUMBNAIL, "content": preview}}


def bare(card: Card) -> Card:
    """To be read only."""
    kept = tuple(_quiet(one) for one in card.elements if not isinstance(one, Actions))
    return replace(card, elements=kept, card_id="", deciders=())


def _quiet(element: Element) -> Element:
    match element:
        case Title() | Body() | Progress():
            return replace(element, line=_named(element.line))
        case Facts():
            return replace(element, items=_all_named(element.items))
        case Deadlines():
            return replace(element, rest=_all_named(element.rest))
        case _:
            return element


def _all_named(lines: Sequence[Line]) -> tuple[Line, ...]:
    return tuple(_named(line) for line in lines)


def _named(line: Line) -> Line:
    return tuple(replace(mark, notify=False) if isinstance(mark, Person) else mark for mark in line)

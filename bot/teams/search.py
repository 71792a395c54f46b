"""Looking for incidents from any conversation (a message extension): a few of them as cards to put into it.

Whoever looks finds what they may see in lists, and decides themselves to whom they show it: such a card acts on nothing
and calls nobody. It is their message, which a bot can never edit, so that the card asks by itself: the clients of
those who may see the incident show it as it is now, and everybody else reads what was put in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bot.actions.incidents import Show
from bot.cards.card import Actions, Body, Card, Deadlines, Element, Facts, Line, Person, Progress, Title
from bot.cards.incident import cut, incident_card
from bot.core import Core
from bot.people import refusal
from bot.questions import companies_of, narrowed, view_of
from bot.teams.answers import refused
from bot.teams.buttons import MOST_VIEWS, Place
from bot.teams.render import CARD, content
from bot.teams.text import label, named
from bot.views import incident_view
from engine.access import Actor
from engine.company import Company
from engine.errors import AlertWhispererError, NotFound, Refused
from engine.identifiers import incident_number
from engine.incident import Incident
from storage.incidents import Words
from storage.transaction import Transaction

QUERY, COMMAND, LOOKED_FOR = "composeExtension/query", "find", "words"
THUMBNAIL = "application/vnd.microsoft.card.thumbnail"
NOW = "incident_now"
"""The verb of who wants to see a card that somebody put in as it is now; it does nothing."""
MOST, MOST_WORDS = 8, 8
"""Results, and words that are looked for."""

Block = dict[str, Any]


def wanted(value: Mapping[str, Any]) -> str:
    """What is looked for; empty when the window has only been opened."""
    given = value.get("parameters")
    for one in given if isinstance(given, list) else ():
        if isinstance(one, dict) and one.get("name") == LOOKED_FOR:
            return str(one.get("value") or "").strip()
    return ""


async def answered(
    core: Core, value: Mapping[str, Any], who: Callable[[], Awaitable[Actor]], *, patience: float
) -> Block:
    """The answer to the query, in time. It may be asked where the bot is not: nothing of that conversation is kept."""
    try:
        async with asyncio.timeout(patience):
            return await search(core, wanted(value), actor=await who())
    except Refused as error:
        return said(refused(await refusal(core, error)))
    except AlertWhispererError as error:
        return said(str(error))
    except TimeoutError:
        return said("That took too long. Try again.")


async def now(core: Core, data: Mapping[str, Any], *, actor: Actor) -> Block:
    """The card as it is now, for somebody who may see it. Raises Refused."""
    number = data.get("incident")
    gone = NotFound("There is no such incident that you may see.", hint="`list` shows what is open.")
    if not isinstance(number, int) or isinstance(number, bool):
        raise gone

    async def look(tx: Transaction) -> Block:
        companies = [one.id for one in await companies_of(tx, actor)]
        incident = await tx.incidents.get(number)
        if incident is None or incident.company_id not in companies:
            raise gone
        view = await view_of(tx, core, incident.id)
        return await _alive(tx, incident, bare(incident_card(view)))

    return await core.read(look)


async def search(core: Core, words: str, *, actor: Actor) -> Block:
    """The answer to the query."""
    found = await core.read(lambda tx: _found(tx, core, words, actor))
    if not found:
        nothing = f"No incident of your companies says “{cut(words, 60)}”." if words else "Nothing is open."
        return said(nothing)
    return {"composeExtension": {"type": "result", "attachmentLayout": "list", "attachments": found}}


def said(text: str) -> Block:
    return {"composeExtension": {"type": "message", "text": named(text)}}


async def _found(tx: Transaction, core: Core, words: str, actor: Actor) -> list[Block]:
    companies = {one.id: one for one in await companies_of(tx, actor)}
    number = incident_number(words)
    some = await tx.incidents.listed(
        company_ids=list(companies),
        open_only=None if words else True,
        offered_to=narrowed(actor),
        saying=Words([(one, _named_so(one, companies)) for one in words.split()[:MOST_WORDS]], number),
        most=MOST,
    )
    people = {user.id: user.name for user in await tx.users.all()}
    return [await _result(tx, core, one, companies[one.company_id], people) for one in some]


def _named_so(word: str, companies: Mapping[int, Company]) -> list[int]:
    return [one.id for one in companies.values() if word.lower() in f"{one.name} {one.slug}".lower()]


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
    attachment = {"contentType": CARD, "content": await _alive(tx, incident, card)}
    return {**attachment, "preview": {"contentType": THUMBNAIL, "content": preview}}


async def _alive(tx: Transaction, incident: Incident, card: Card) -> Block:
    """With a way to see it as it is now; the clients of those who may take it by themselves."""
    made = content(card, Place.DIALOG)
    ask = {
        "type": "Action.Execute",
        "title": "Show how it is now",
        "verb": f"aw:{NOW}",
        "data": {"aw": NOW, "incident": incident.id},
    }
    show = {"aw": Show.verb, "value": Show(incident.id).pack()}
    old = {"type": "Action.Submit", "title": ask["title"], "data": show}
    body = [*made["body"], {"type": "ActionSet", "actions": [{**ask, "fallback": old}]}]
    users = [one for one in await tx.users.all() if one.teams_user and one.works_for(incident.company_id)]
    accounts = list((await tx.teams.accounts([one.teams_user or "" for one in users])).values())
    refresh = {"refresh": {"action": ask, "userIds": sorted(accounts)[:MOST_VIEWS]}} if accounts else {}
    return {**made, "body": body, **refresh}


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

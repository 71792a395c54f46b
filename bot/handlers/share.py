"""`--share`: an answer that everybody in the company's channel may read, and who gave it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from bot.actions.every import Action
from bot.actions.incidents import Details, Show, Why
from bot.actions.people import OnCall
from bot.actions.questions import Share
from bot.cards.card import Facts, Reply, Said, Strong
from bot.core import Core
from bot.place import Place, belongs
from engine.access import Actor
from engine.company import Company
from engine.errors import Refused
from storage.transaction import Transaction


async def handle(
    core: Core, action: Share, place: Place, actor: Actor, answer: Callable[[Action], Awaitable[Reply]]
) -> Reply:
    """`answer` gives what the asker alone would read. Raises Refused where others would read what is not theirs."""
    await core.read(lambda tx: _of_here(tx, action, place))
    reply = await answer(action.of)
    if not isinstance(reply, Said):
        raise Refused("There is nothing to share.", hint="Ask without `--share`.", code="invalid")
    who = actor.user.name if actor.user is not None else "the command line"
    elements = (*reply.card.elements, Facts((("shared by ", Strong(who)),)))
    return Said(replace(reply.card, elements=elements), shared=True)


async def _of_here(tx: Transaction, action: Share, place: Place) -> None:
    company = await tx.companies.get(place.company_id) if place.company_id is not None else None
    if company is None:
        raise Refused(
            "Others would read it here, and this is no company's channel.",
            hint="Share it in the company's own channel, or ask without `--share`.",
            code="denied",
        )
    match action.of:
        case Why() | Details() | Show():
            await belongs(tx, action.of.incident, place)
        case OnCall(words=words):
            _must_be(company, words)
        case _:
            _must_be(company, getattr(action.of, "company", "") or getattr(action.of, "words", ""))


def _must_be(company: Company, name: str) -> None:
    if name and name not in (company.slug, company.name.lower()):
        raise Refused(
            f"Only what is of {company.name} can be shared here.",
            hint="Ask without `--share`: only you read that.",
            code="denied",
        )

"""What was started by break-glass and waits to be signed, as lines and buttons below an answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.actions.runs import SignReview
from bot.cards.card import Actions, Button, Card, Element, Facts, Line, Moment, Strong, When
from bot.cards.incident import cut
from engine.access import Actor, Denied, Verb, may
from engine.company import Company
from runbooks.review import Review
from storage.transaction import Transaction

MOST = 5


async def unsigned(tx: Transaction, companies: Sequence[Company], actor: Actor) -> Sequence[Review]:
    """Those of these companies, for somebody who may ask for runs there: a client's viewers see none."""
    ids = [one.id for one in companies if not isinstance(may(actor, Verb.REQUEST_RUN, one.id), Denied)]
    return await tx.reviews.of(ids) if ids else ()


def with_reviews(card: Card, reviews: Sequence[Review], companies: Sequence[Company], actor: Actor) -> Card:
    """The card with a line for each, and a button for those that the asker may sign."""
    if not reviews:
        return card
    names = {one.id: one.name for one in companies}
    elements: list[Element] = []
    for one in reviews[:MOST]:
        line: Line = (
            Strong("🔨 To be signed: "),
            f"{cut(one.label, 120)} at {names[one.company_id]}, started by break-glass by {one.broken_by_name} ",
            Moment(one.broken_at, When.DATE_TIME),
        )
        elements.append(Facts((line,)))
        may_sign = not isinstance(may(actor, Verb.APPROVE_HIGH, one.company_id), Denied)
        if may_sign and one.broken_by != actor.id:
            elements.append(Actions((Button("Sign the review…", SignReview(one.run_id)),)))
    if len(reviews) > MOST:
        elements.append(Facts(((f"and {len(reviews) - MOST} more to be signed",),)))
    return replace(card, elements=(*card.elements, *elements))

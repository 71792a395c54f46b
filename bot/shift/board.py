"""`/aw board`: what is due soon, by the odds that it will be late; worked out for what is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.actions.people import Board
from bot.cards.card import (
    Body,
    Card,
    Element,
    Facts,
    Line,
    Moment,
    Reply,
    Said,
    Strong,
    Table,
    Title,
    Tone,
    When,
)
from bot.cards.incident import FAR, cut, span_text
from bot.core import Core
from bot.place import Place
from bot.questions import chosen_companies, narrowed
from bot.shift.odds_words import VERBS, odds_text
from engine.access import GRANTS, Actor, Verb
from engine.company import Company, User
from engine.errors import Refused
from engine.incident import Incident
from engine.odds import Due, board
from engine.sla import SlaClock
from storage.transaction import Transaction

LOOKED_AT, SHOWN, LATE_SHOWN = 100, 15, 5
"""How many of those due soonest the odds are worked out for, and how many are shown."""


@dataclass(frozen=True, slots=True)
class BoardView:
    """`due` in the order of the odds; `late` are some that have run out, the latest first. `more`: there are others,
    due later."""

    due: Sequence[Due]
    late: Sequence[tuple[Incident, SlaClock]]
    more: bool


async def handle(core: Core, action: Board, place: Place, actor: Actor) -> Reply:
    async def look(tx: Transaction) -> Card:
        chosen = await chosen_companies(tx, action.company, actor, place.company_id)
        now = core.clock.now()
        view = await board_view(tx, chosen, actor, now=now)
        people = {user.id: user for user in await tx.users.all()}
        return board_card(view, chosen, people, now)

    return Said(await core.read(look))


async def board_view(
    tx: Transaction, companies: Sequence[Company], actor: Actor, *, now: datetime, most: int = SHOWN
) -> BoardView:
    """Raises Refused for those who work on no incidents."""
    if actor.user is None or Verb.CLAIM not in GRANTS[actor.user.role]:
        raise Refused("The board is for those who work on incidents.", code="denied")
    return await board_of(tx, companies, offered_to=narrowed(actor), now=now, most=most)


async def board_of(
    tx: Transaction, companies: Sequence[Company], *, offered_to: int | None, now: datetime, most: int
) -> BoardView:
    ids = [one.id for one in companies]
    soonest = await tx.due.soonest(company_ids=ids, offered_to=offered_to, after=now, most=LOOKED_AT)
    past = await tx.due.ended({one.company_id for one, _ in soonest}, now=now)
    found = board(soonest, past, now)
    late = await tx.due.late(company_ids=ids, offered_to=offered_to, until=now, most=2 * LATE_SHOWN)
    one_each = list({incident.id: (incident, clock) for incident, clock in reversed(late)}.values())[::-1]
    more = len(found) > most or len(soonest) == LOOKED_AT
    return BoardView(found[:most], one_each[:LATE_SHOWN], more)


def why_text(due: Due, now: datetime) -> str:
    if due.odds is not None:
        return odds_text(due.odds)
    return f"{span_text(due.clock.left(now))} left; too few like it to tell"


def board_card(view: BoardView, companies: Sequence[Company], people: dict[int, User], now: datetime) -> Card:
    names = {one.id: one.name for one in companies}
    where = companies[0].name if len(companies) == 1 else "your companies"
    if not view.due and not view.late:
        nothing = f"{where[:1].upper()}{where[1:]}: nothing is due."
        return Card(summary=nothing, elements=(Title(Tone.GOOD, (nothing,)),))
    title = f"Due soon: {where}"
    elements: list[Element] = [Title(Tone.INFO, (Strong(title),))]
    alone = len(companies) == 1
    if view.due:
        rows = tuple(
            _row(one, people, "" if alone else names[one.incident.company_id], now) for one in view.due
        )
        elements.append(Table((), rows))
    if view.late:
        elements.append(Body((Strong("Late already: "), *_late(view.late, now))))
    elements.append(Facts(((_order(view),),)))
    return Card(summary=f"{title}: {len(view.due)} shown", elements=tuple(elements))


def _order(view: BoardView) -> str:
    """By what it is sorted, in words."""
    known = [one for one in view.due if one.odds is not None]
    more = "; others are due later" if view.more else ""
    if not known:
        return f"by the time left: too little is known of the like of them{more}"
    if len(known) == len(view.due):
        return f"by the odds of being late, from how long the like of them took{more}"
    return f"by the odds of being late; what too little is known of counts as even, by the time left{more}"


def _row(due: Due, people: dict[int, User], company: str, now: datetime) -> tuple[Line, ...]:
    incident, owner = due.incident, people.get(due.incident.assignee_id or 0)
    who = f"{owner.name}{'' if incident.touched else ' (not claimed)'}" if owner else "nobody"
    chance = f" {round(100 * due.odds.share)} %" if due.odds is not None else ""
    style = When.DATE_TIME if due.clock.due_at - now > FAR else When.TIME
    where = f" · {cut(company, 30)}" if company else ""
    return (
        (
            Strong(f"{incident.label}{chance}"),
            f" {incident.severity.value} · {cut(incident.title, 60)}{where}",
        ),
        (f"{VERBS[due.clock.kind]} by ", Moment(due.clock.due_at, style), f" · {who}"),
        (why_text(due, now),),
    )


def _late(late: Sequence[tuple[Incident, SlaClock]], now: datetime) -> Line:
    said = [
        f"{incident.label} ({VERBS[clock.kind]}, {span_text(now - clock.due_at)} over)"
        for incident, clock in late
    ]
    return (", ".join(said),)

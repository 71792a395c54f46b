"""The message in which somebody is asked: its buttons go when it is answered or its time is up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot.actions.incidents import Show
from bot.actions.people import AcceptAsk, DeclineAsk
from bot.ai.brief import Case, own_words
from bot.cards.card import (
    Actions,
    Body,
    Button,
    Card,
    Element,
    Facts,
    Line,
    Moment,
    Strong,
    Style,
    Title,
    Tone,
    When,
)
from bot.cards.incident import cut
from engine.analyst import MARK, NAME
from engine.ask import ASK_CARD, Ask, AskKind, AskState, ask_of
from engine.incident import Incident
from engine.operations import swap
from engine.opinion import Opinion, Use
from storage.transaction import Transaction

MOST_LINES = 12
MOST_SUMMED = 3
"""Incidents of one offer that are summed up."""
_TONES = {AskState.ACCEPTED: Tone.GOOD, AskState.OPEN: Tone.WAITING}


@dataclass(frozen=True, slots=True)
class AskView:
    ask: Ask
    asker: str
    incidents: Sequence[Incident]
    companies: Mapping[int, str]
    swap: swap.Swap | None = None
    so_far: Mapping[int, Opinion] = field(default_factory=dict)
    """How an incident that is handed off stands, in a few marked lines."""


async def ask_view(tx: Transaction, subject: str) -> AskView | None:
    ask = await tx.asks.get(ask_of(subject))
    if ask is None:
        return None
    asker, asked = await tx.users.get(ask.asker_id), await tx.users.get(ask.asked_id)
    found = await tx.incidents.get_many(ask.incidents)
    theirs = [
        found[one]
        for one in ask.incidents
        if one in found and asked and asked.works_for(found[one].company_id)
    ]
    names = {one: (await tx.companies.context(one)).company.name for one in {it.company_id for it in theirs}}
    about = await swap.of(tx, ask) if ask.kind is AskKind.SWAP else None
    name = asker.name if asker else "Somebody"
    handed = theirs[:MOST_SUMMED] if ask.kind is AskKind.HANDOFF and ask.open else ()
    so_far = {one.id: said for one in handed if (said := await _so_far(tx, one)) is not None}
    return AskView(ask, name, theirs, names, about, so_far)


async def _so_far(tx: Transaction, incident: Incident) -> Opinion | None:
    """A model's words where it has said some, else the rules' own."""
    known = await tx.opinions.of(incident.company_id, incident.id)
    found = next((one for one in known if one.use is Use.HANDOFF), None)
    if found is not None:
        return found
    context = await tx.companies.context(incident.company_id)
    case = Case(
        incident=incident,
        company=context.company,
        asset=context.asset_called(incident.asset_name),
        alerts=await tx.alerts.of_incident(incident.id),
        before=await tx.incidents.times_before(incident.company_id, incident.correlation_key, incident.id),
        story=await tx.timeline.of_incident(incident.id),
    )
    return own_words(case, Use.HANDOFF)


def ask_card(view: AskView) -> Card:
    ask = view.ask
    title = _TITLES[ask.kind](view)
    elements: list[Element] = []
    elements.append(
        Title(_TONES.get(ask.state, Tone.INFO) if not _urgent(ask) else Tone.CRITICAL, (Strong(title),))
    )
    if ask.text:
        elements.append(Body((ask.text,), quoted=True))
    elements.extend(_about(view))
    if ask.open:
        elements.extend(_open(view))
    else:
        elements.append(Facts(((ask.outcome,),)))
    label = view.incidents[0].label if len(view.incidents) == 1 else ""
    summary = title if ask.open else f"{title}: {ask.outcome}"
    return Card(summary=cut(summary, 280), elements=tuple(elements), kind=ASK_CARD, incident=label)


def _urgent(ask: Ask) -> bool:
    return ask.kind is AskKind.PAGE and ask.open


def _handoff(view: AskView) -> str:
    count = len(view.ask.incidents)
    return f"{view.asker} hands {'1 incident' if count == 1 else f'{count} incidents'} off to you"


def _page(view: AskView) -> str:
    return f"{view.asker} pages you"


def _swap(view: AskView) -> str:
    return f"{view.asker} wants to swap shifts with you"


_TITLES = {AskKind.HANDOFF: _handoff, AskKind.PAGE: _page, AskKind.SWAP: _swap}


def _about(view: AskView) -> list[Element]:
    rows: list[Element] = []
    for one in view.incidents[:MOST_LINES]:
        rows.append(Body(_line(one, view.companies)))
        if (said := view.so_far.get(one.id)) is not None:
            sign = MARK if said.model == NAME else "🤖"
            rows += [Body((f"{sign} " + "\n".join(said.lines),), quoted=True), Facts(((said.by,),))]
    if len(view.incidents) > MOST_LINES:
        rows.append(Facts(((f"and {len(view.incidents) - MOST_LINES} more",),)))
    if view.swap is not None:
        rows.append(
            Body((f"You take {view.swap.mine_text}; {view.asker} takes yours, {view.swap.theirs_text}.",))
        )
    return rows


def _line(incident: Incident, companies: Mapping[int, str]) -> Line:
    where = companies.get(incident.company_id, "")
    what = f"{cut(incident.title, 80)} on {cut(incident.asset_name, 40)}"
    return (Strong(incident.label), f" · {incident.severity.value} · {cut(where, 40)} · {what}")


def _open(view: AskView) -> list[Element]:
    ask = view.ask
    if ask.kind is AskKind.PAGE:
        buttons = (Button("I have heard it", AcceptAsk(ask.id), Style.PRIMARY),)
        more = tuple(Button("Show it", Show(one.id)) for one in view.incidents[:1])
        return [Actions((*buttons, *more)), Facts((("it comes again until you press",),))]
    until: Line = ("until ", Moment(ask.expires_at), f"; then it stays with {view.asker}")
    if ask.kind is AskKind.SWAP:
        until = ("until ", Moment(ask.expires_at, When.DATE_TIME), "; then the plan stays as it is")
    accept = Button("Accept", AcceptAsk(ask.id), Style.PRIMARY)
    return [Actions((accept, Button("Decline", DeclineAsk(ask.id)))), Facts((until,))]

"""The card that one person meets first."""

from __future__ import annotations

from collections.abc import Sequence

from bot.actions.incidents import Show
from bot.actions.people import Board, ShowTime
from bot.actions.questions import Help, Mine, ShowGuide, Status
from bot.answers import row
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
    Table,
    Title,
    Tone,
)
from bot.cards.incident import cut
from bot.home.view import HomeView
from engine.access import GRANTS, Verb
from engine.incident import Incident
from engine.receipt import counted
from engine.timesheet import span_words
from runbooks.run import Run

MOST = 5
SHOWN = 4
"""Lines of each part, and incidents that have a button."""


def home_card(view: HomeView) -> Card:
    """Own work first, then what waits for their word, then what is late soon."""
    works = Verb.CLAIM in GRANTS[view.user.role]
    title = _summary(view) if works else f"{counted(view.open_count, 'open incident')} at your companies."
    elements: list[Element] = [Title(_tone(view), (Strong(view.user.name), f": {title}"))]
    if works:
        elements += _part("Offered to you", view, view.offered)
        elements += _part("In your hands", view, view.mine)
    elements += _approvals(view.approvals)
    if works:
        elements += _part("Due within the hour, and not yours", view, view.soon)
    if view.unbooked:
        elements.append(Facts(((f"{span_words(view.unbooked)} of your time are not booked yet",),)))
    elements.append(Facts(((_companies(view),),)))
    elements.append(_buttons(view, works=works))
    return Card(summary=f"{view.user.name}: {title}", elements=tuple(elements))


def _summary(view: HomeView) -> str:
    parts = [
        f"{counted(len(some), 'incident')} {what}"
        for some, what in ((view.offered, "offered to you"), (view.mine, "in your hands"))
        if some
    ]
    if view.approvals:
        parts.append(f"{counted(len(view.approvals), 'request')} for you to decide")
    if view.soon:
        parts.append(f"{len(view.soon)} due within the hour")
    return f"{', '.join(parts)}." if parts else "nothing waits for you."


def _tone(view: HomeView) -> Tone:
    waits = [*view.offered, *view.mine, *view.soon]
    if any(view.due[one.id] < view.now for one in waits if one.id in view.due):
        return Tone.CRITICAL
    if view.offered or view.approvals:
        return Tone.WAITING
    return Tone.INFO if waits else Tone.GOOD


def _part(title: str, view: HomeView, some: Sequence[Incident]) -> list[Element]:
    if not some:
        return []
    rows = tuple(row(one, view.people, view.due, view.now) for one in some[:MOST])
    more: list[Element] = [Facts(((f"{len(some) - MOST} more",),))] if len(some) > MOST else []
    return [Body((Strong(title),)), Table((), rows), *more]


def _approvals(runs: Sequence[Run]) -> list[Element]:
    if not runs:
        return []
    rows = tuple(_request(run) for run in runs[:MOST])
    more: list[Element] = [Facts(((f"{len(runs) - MOST} more",),))] if len(runs) > MOST else []
    return [Body((Strong("For you to decide, in the incident's thread"),)), Table((), rows), *more]


def _request(run: Run) -> tuple[Line, ...]:
    where = f"INC-{run.incident_id}" if run.incident_id is not None else "by itself"
    ends: Line = ("expires ", Moment(run.expires_at)) if run.expires_at else ("",)
    return (
        (Strong(cut(run.label, 80)),),
        (where,),
        (f"{run.risk.value} risk, asked for by {run.requested_by_name}",),
        ends,
    )


def _companies(view: HomeView) -> str:
    names = ", ".join(one.name for one in view.companies[:6])
    more = f" and {len(view.companies) - 6} more" if len(view.companies) > 6 else ""
    return f"You see {names}{more}." if names else "You see no company yet: an MSP admin adds you to one."


def _buttons(view: HomeView, *, works: bool) -> Actions:
    first = list(dict.fromkeys(one.id for one in (*view.offered, *view.mine, *view.soon)))[:SHOWN]
    asks = [Button("My incidents", Mine()), Button("What is due", Board())] if works else []
    if view.unbooked:
        asks.append(Button("Book my time", ShowTime()))
    ways = (*asks, Button("My companies", Status()), Button("Help", Help()))
    shows = (Button(f"Show INC-{number}", Show(number)) for number in first)
    return Actions(ways, (*shows, Button("Guides", ShowGuide())))

"""The one row of buttons on an open incident's card: only what is possible now; the rest behind ⋯."""

from __future__ import annotations

from bot.actions.incidents import (
    Assign,
    Claim,
    Details,
    Hold,
    Merge,
    Note,
    Resolve,
    Resume,
    Snooze,
    Split,
    Unclaim,
    Why,
)
from bot.actions.people import Escalate
from bot.actions.runs import Cancel, Run
from bot.cards.card import Actions, Button, Style
from bot.views import IncidentView
from runbooks.run import RunStatus


def incident_buttons(view: IncidentView) -> Actions:
    incident, number = view.incident, view.incident.id
    buttons: list[Button] = []
    if not incident.touched:
        buttons.append(Button("Claim", Claim(number), Style.PRIMARY))
    active = view.run if view.run is not None and not view.run.status.finished else None
    if active is not None:
        label = "Withdraw run" if active.status is RunStatus.PENDING_APPROVAL else "Stop run"
        buttons.append(Button(label, Cancel(active.id), confirm=f"Stop “{active.title}”?"))
    elif view.best is not None and not helped(view):
        title = view.best.title if len(view.best.title) <= 40 else f"{view.best.title[:39]}…"
        buttons.append(Button(f"Run ▸ {title}", Run(number, view.best.id)))
    buttons.append(Button("Snooze", Snooze(number)))
    done = helped(view) or (incident.touched and incident.recovered_at is not None)
    buttons.append(
        Button("Resolve", Resolve(number), Style.PRIMARY if done and incident.touched else Style.PLAIN)
    )
    more = [
        Button("Escalate", Escalate(number)),
        Button("Add a note", Note(number)),
        Button("Reassign", Assign(number)),
    ]
    if incident.waiting_since is not None:
        more.append(Button("The client has answered", Resume(number)))
    else:
        more.append(Button("Wait for the client", Hold(number)))
    if incident.touched:
        more.append(Button("Not me: give it back", Unclaim(number)))
    elif view.fits and active is None and (len(view.fits) > 1 or helped(view)):
        more.append(Button("Run a runbook", Run(number)))
    more.append(Button("Split…", Split(number)) if incident.held else Button("Merge into…", Merge(number)))
    more += [Button("Why this card?", Why(number)), Button("Details", Details(number))]
    return Actions(tuple(buttons), tuple(more))


def helped(view: IncidentView) -> bool:
    """The newest run met its goal, by its own check, and was no mere look."""
    return view.run is not None and view.run.status is RunStatus.SUCCEEDED and not view.run.looks

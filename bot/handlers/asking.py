"""What an act still needs, asked for with a form; only of those who may do it."""

from __future__ import annotations

from bot.actions.incidents import Assign, Hold, Note, Resolve, Unclaim
from bot.actions.people import Escalate, ExplainLate
from bot.actions.runs import BreakGlass, Reject, SignReview
from bot.articles.draft import draft
from bot.cards.card import Asked, Field, FieldKind, Form
from bot.core import Core
from bot.place import Place, look_up
from engine.access import Actor, Verb, who_could
from engine.errors import Refused
from engine.incident import Incident
from engine.operations import respond
from engine.opinion import Use
from engine.routing import NOTHING
from storage.transaction import Transaction


async def ask(
    core: Core, action: Note | Resolve | Unclaim | Hold | Assign, place: Place, actor: Actor
) -> Asked:
    match action:
        case Unclaim():
            await look_up(core, action.incident, place, actor, Verb.UNCLAIM)
            return ask_text(action, "Give it back", "Give back", "Why not you?", optional=True)
        case Note():
            await look_up(core, action.incident, place, actor, Verb.NOTE)
            return ask_text(action, "Add a note", "Add note", "What did you see or do?")
        case Resolve():
            incident = await look_up(core, action.incident, place, actor, Verb.RESOLVE)
            return await _ask_what_fixed_it(core, action, incident)
        case Hold():
            await look_up(core, action.incident, place, actor, Verb.HOLD)
            return ask_text(action, "Wait for the client", "Wait", "What do they have to do?", optional=True)
        case Assign():
            return await _ask_whom(core, action, place, actor)


async def _ask_what_fixed_it(core: Core, action: Resolve, incident: Incident) -> Asked:
    """With a draft in it, where there is something to make one of; marked, and theirs to change."""
    found = await draft(core, incident, Use.DRAFT)
    note = found.lines[0][: respond.NOTE_LIMIT] if found is not None else ""
    field = Field(
        name="text",
        label="What fixed it?",
        kind=FieldKind.LONG_TEXT,
        optional=True,
        most=respond.NOTE_LIMIT,
        value=note,
        hint=found.by if found is not None else "",
    )
    return Asked(Form(title="Resolve", submit="Resolve", action=action, fields=(field,)))


def ask_text(
    action: Note | Resolve | Unclaim | Hold | Reject | Escalate | ExplainLate | BreakGlass | SignReview,
    title: str,
    submit: str,
    label: str,
    *,
    optional: bool = False,
) -> Asked:
    field = Field(
        name="text", label=label, kind=FieldKind.LONG_TEXT, optional=optional, most=respond.NOTE_LIMIT
    )
    return Asked(Form(title=title, submit=submit, action=action, fields=(field,)))


async def _ask_whom(core: Core, action: Assign, place: Place, actor: Actor) -> Asked:
    incident = await look_up(core, action.incident, place, actor, Verb.ASSIGN)

    async def look(tx: Transaction) -> list[tuple[str, str]]:
        context = await tx.companies.context(incident.company_id)
        now = core.clock.now()
        could = who_could(context.people, Verb.CLAIM, incident.company_id)
        able = [user for user in could if not user.on_leave(now) or user.id == actor.id]
        loads = await tx.users.loads([user.id for user in able])
        ordered = sorted(
            able,
            key=lambda user: (user.role.value != "technician", loads.get(user.id, NOTHING).weight, user.id),
        )
        return [(str(user.id), f"{user.name} ({loads.get(user.id, NOTHING).open} open)") for user in ordered]

    options = await core.read(look)
    if not options:
        raise Refused("Nobody who works for this company is there.", hint="An admin can add people.")
    field = Field(name="to", label="Who takes it?", kind=FieldKind.CHOICE, options=options)
    return Asked(Form(title=f"Reassign {incident.label}", submit="Assign", action=action, fields=(field,)))

"""Action → who → may → transaction → reply. Buttons, commands, forms and mentions all end here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, assert_never

from bot import questions
from bot.actions import (
    Action,
    Approve,
    Assign,
    Cancel,
    Claim,
    Details,
    Help,
    ListOpen,
    Mine,
    Note,
    Reject,
    Reopen,
    Resolve,
    Run,
    Show,
    Status,
    Unclaim,
    WhoAmI,
    Why,
)
from bot.cards import Asked, Done, Field, FieldKind, Form, Reply
from bot.core import Core
from bot.incident_card import cut
from engine.access import Actor, Verb, who_could
from engine.audit import AuditKind, entry
from engine.errors import NotFound, Refused
from engine.incident import Incident
from engine.operations import respond
from runbooks.approvals import ASKS
from runbooks.operations import decide, request
from runbooks.run import RunStatus
from runbooks.runbook import Parameter as RunbookParameter
from runbooks.runbook import Runbook, validate_parameters
from storage.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Place:
    """Where it was pressed or typed: the channel's company, if the channel has one, and the thread's incident."""

    company_id: int | None = None
    incident_id: int | None = None


async def handle(core: Core, action: Action, *, actor: Actor, place: Place) -> Reply:
    """Do it, or ask for what is missing. Raises Refused; a refusal of a press is audited."""
    try:
        return await _handle(core, action, actor=actor, place=place)
    except Refused as refused:
        if refused.code in ("denied", "own_request", "not_found"):
            await _prove_refusal(core, action, actor, refused)
        raise


async def _handle(core: Core, action: Action, *, actor: Actor, place: Place) -> Reply:
    match action:
        case Help() | Status() | ListOpen() | Mine() | WhoAmI() | Why() | Details() | Show():
            return await questions.answer(core, action, actor=actor, company_id=place.company_id)
        case Claim():
            return await _on_incident(core, action.incident, place, actor, respond.claim, "{} is yours.")
        case Unclaim(text=None):
            await _look(core, action.incident, place, actor, Verb.UNCLAIM)
            return _ask_text(action, "Give it back", "Give back", "Why not you?", optional=True)
        case Unclaim():
            return await _on_incident(
                core, action.incident, place, actor, respond.unclaim, "{} went on.", reason=action.text or ""
            )
        case Note(text=None):
            await _look(core, action.incident, place, actor, Verb.NOTE)
            return _ask_text(action, "Add a note", "Add note", "What did you see or do?")
        case Note():
            return await _on_incident(
                core, action.incident, place, actor, respond.note, "Noted on {}.", action.text
            )
        case Resolve(text=None):
            await _look(core, action.incident, place, actor, Verb.RESOLVE)
            return _ask_text(action, "Resolve", "Resolve", "What fixed it?", optional=True)
        case Resolve():
            return await _on_incident(
                core,
                action.incident,
                place,
                actor,
                respond.resolve,
                "{} is resolved.",
                text=action.text or "",
            )
        case Reopen():
            return await _on_incident(
                core,
                action.incident,
                place,
                actor,
                respond.reopen,
                "{} is open again.",
                reason=action.text or "",
            )
        case Assign(to=None):
            return await _ask_whom(core, action, place, actor)
        case Assign():
            return await _on_incident(
                core, action.incident, place, actor, respond.assign, "{} is handed over.", to=action.to
            )
        case Run():
            return await _run(core, action, place, actor)
        case Approve():
            return await _approve(core, action, actor)
        case Reject(text=None):
            return _ask_text(action, "Reject the run", "Reject", "Why not?", optional=True)
        case Reject():
            await core.write(
                lambda tx: decide.reject(
                    tx, action.run, note=action.text or "", actor=actor, now=core.clock.now()
                )
            )
            return Done("Rejected.")
        case Cancel():
            await core.write(lambda tx: decide.cancel(tx, action.run, actor=actor, now=core.clock.now()))
            return Done("Being stopped.")
        case _:
            assert_never(action)


async def _on_incident(
    core: Core,
    incident_id: int,
    place: Place,
    actor: Actor,
    operation: Callable[..., Any],
    said: str,
    *given: Any,
    **named: Any,
) -> Reply:
    async def act(tx: Transaction) -> Incident:
        await _belongs(tx, incident_id, place)
        incident: Incident = await operation(
            tx, incident_id, *given, actor=actor, now=core.clock.now(), **named
        )
        return incident

    incident = await core.write(act)
    return Done(said.format(incident.label))


async def _belongs(tx: Transaction, incident_id: int, place: Place) -> None:
    """A button pressed in one company's channel acts on that company only, whatever its value says."""
    if place.company_id is None:
        return
    incident = await tx.incidents.get(incident_id)
    if incident is None or incident.company_id != place.company_id:
        raise NotFound(f"There is no INC-{incident_id} here.", hint="`/aw list` shows what is open.")


async def _look(core: Core, incident_id: int, place: Place, actor: Actor, verb: Verb) -> Incident:
    """Before a form opens: would it be allowed?"""

    async def look(tx: Transaction) -> Incident:
        await _belongs(tx, incident_id, place)
        return await respond.find(tx, incident_id, verb, actor)

    return await core.read(look)


def _ask_text(
    action: Note | Resolve | Unclaim | Reject, title: str, submit: str, label: str, *, optional: bool = False
) -> Asked:
    field = Field(
        name="text", label=label, kind=FieldKind.LONG_TEXT, optional=optional, most=respond.NOTE_LIMIT
    )
    return Asked(Form(title=title, submit=submit, action=action, fields=(field,)))


async def _ask_whom(core: Core, action: Assign, place: Place, actor: Actor) -> Asked:
    incident = await _look(core, action.incident, place, actor, Verb.ASSIGN)

    async def look(tx: Transaction) -> list[tuple[str, str]]:
        context = await tx.companies.context(incident.company_id)
        able = who_could(context.people, Verb.CLAIM, incident.company_id)
        loads = await tx.users.loads([user.id for user in able])
        ordered = sorted(
            able, key=lambda user: (user.role.value != "technician", loads.get(user.id, 0), user.id)
        )
        return [(str(user.id), f"{user.name} ({loads.get(user.id, 0)} open)") for user in ordered]

    options = await core.read(look)
    if not options:
        raise Refused("Nobody else works for this company.", hint="An admin can add people.")
    field = Field(name="to", label="Who takes it?", kind=FieldKind.CHOICE, options=options)
    return Asked(Form(title=f"Reassign {incident.label}", submit="Assign", action=action, fields=(field,)))


async def _run(core: Core, action: Run, place: Place, actor: Actor) -> Reply:
    runbook = core.catalogue.get(action.runbook) if action.runbook else None
    verb = ASKS[runbook.risk] if runbook else Verb.REQUEST_RUN
    incident = await _look(core, action.incident, place, actor, verb)
    if runbook is None:
        return await _ask_which(core, action, incident)
    missing = await _missing(core, runbook, incident, action)
    if missing:
        return Asked(_parameter_form(action, runbook, missing))

    async def act(tx: Transaction) -> RunStatus:
        await _belongs(tx, action.incident, place)
        fresh = await respond.find(tx, action.incident, verb, actor)
        context = await tx.companies.context(fresh.company_id)
        run = await request.request(
            tx,
            fresh,
            runbook,
            dict(action.parameters or {}),
            context=context,
            actor=actor,
            now=core.clock.now(),
            reason=f"asked for by {actor.name}",
        )
        return run.status

    status = await core.write(act)
    if status is RunStatus.PENDING_APPROVAL:
        return Done(f"{runbook.title} now waits for an approval; the request is in the thread.")
    return Done(f"{runbook.title} is starting.")


async def _ask_which(core: Core, action: Run, incident: Incident) -> Asked:
    view = await core.read(lambda tx: questions.view_of(tx, core, incident.id))
    fits = [one.id for one in view.fits]
    others = [one for one in core.catalogue.all() if one.id not in fits]
    shown = [*view.fits, *others]
    options = [(one.id, f"{cut(one.title, 45)} ({one.risk.value} risk)") for one in shown]
    field = Field(name="runbook", label="Which runbook?", kind=FieldKind.CHOICE, options=options)
    return Asked(
        Form(title=f"Run on {cut(incident.label, 16)}", submit="Next", action=action, fields=(field,))
    )


async def _missing(
    core: Core, runbook: Runbook, incident: Incident, action: Run
) -> list[tuple[RunbookParameter, str]]:
    """The parameters that nobody has given a value yet, each with the best guess; [] when all are known."""
    if action.parameters is not None:
        return []

    async def labels(tx: Transaction) -> tuple[dict[str, str], dict[str, str]]:
        context = await tx.companies.context(incident.company_id)
        asset = context.asset_called(incident.asset_name)
        alerts = await tx.alerts.of_incident(incident.id)
        said = {name: value for alert in alerts for name, value in alert.labels.items()}
        ours = dict(asset.labels) if asset else {}
        return ours, {**said, **ours}

    ours, known = await core.read(
        labels
    )  # what an alert says is a guess that a person sees, never a value by itself
    try:
        validate_parameters(runbook, {}, labels=ours)
    except Refused:
        return [
            (one, known.get(one.label or one.name) or known.get(one.name) or one.default or "")
            for one in runbook.parameters
        ]
    return []


def _parameter_form(action: Run, runbook: Runbook, missing: list[tuple[RunbookParameter, str]]) -> Form:
    fields = []
    for parameter, guess in missing:
        kind = FieldKind.CHOICE if parameter.kind == "enum" else FieldKind.TEXT
        options = [(value, value) for value in parameter.values] if parameter.kind == "enum" else []
        fields.append(
            Field(
                name=parameter.name,
                label=parameter.name.replace("_", " ").capitalize(),
                hint=parameter.description,
                kind=kind,
                value=guess,
                options=options,
                most=256,
            )
        )
    intro = (f"{runbook.description} ", f"Risk: {runbook.risk.value}. ", f"Undo: {runbook.undo}")
    return Form(title=cut(runbook.title, 24), submit="Run", action=action, fields=tuple(fields), intro=intro)


async def _approve(core: Core, action: Approve, actor: Actor) -> Reply:
    run = await core.write(
        lambda tx: decide.approve(
            tx, action.run, action.digest, actor=actor, catalogue=core.catalogue, now=core.clock.now()
        )
    )
    if run.status is RunStatus.VOID:
        raise Refused(f"{run.label} was not started: {run.outcome}", hint="Ask for it again.", code="void")
    return Done(f"Approved: {run.label}.")


async def _prove_refusal(core: Core, action: Action, actor: Actor, refused: Refused) -> None:
    """A refused act is part of the record, in the company it was aimed at."""
    number = getattr(action, "incident", None)
    run_id = getattr(action, "run", None)

    async def act(tx: Transaction) -> None:
        company_id, subject = 0, run_id or (f"INC-{number}" if number else action.verb)
        if number is not None and (incident := await tx.incidents.get(number)) is not None:
            company_id = incident.company_id
        if run_id is not None and (run := await tx.runs.get(run_id)) is not None:
            company_id = run.company_id
        tx.audit.add(
            entry(
                AuditKind.REFUSED,
                company_id=company_id,
                actor=actor,
                subject=subject,
                now=core.clock.now(),
                verb=action.verb,
                why=refused.reason,
            )
        )

    await core.write(act)

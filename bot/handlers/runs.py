"""Asking for a run, and deciding about one."""

from __future__ import annotations

from typing import assert_never

from bot import questions
from bot.actions.runs import Again, Approve, BreakGlass, Cancel, Looking, OnRun, Reject, Run, SignReview
from bot.cards.card import Asked, Done, Field, FieldKind, Form, Reply
from bot.cards.incident import cut
from bot.core import Core
from bot.handlers.asking import ask_text
from bot.place import Place, belongs, look_up
from engine.access import Actor, Verb
from engine.errors import NotFound, Refused
from engine.incident import Incident
from engine.operations import respond
from runbooks.approvals import ASKS
from runbooks.break_glass import SHORTEST_REASON
from runbooks.custom import CUSTOM, runbook_of, typed
from runbooks.operations import break_glass, decide, request
from runbooks.run import Run as RunRecord
from runbooks.run import RunStatus
from runbooks.runbook import Parameter as RunbookParameter
from runbooks.runbook import Platform, Runbook, platform_of, validate_parameters
from storage.transaction import Transaction


async def decided(core: Core, action: OnRun, place: Place, actor: Actor) -> Reply:
    if not isinstance(action, SignReview):  # what is to be signed is listed everywhere
        await core.read(lambda tx: _is_here(tx, action, place, actor))
    match action:
        case Looking():
            await core.write(lambda tx: decide.look(tx, action.run, actor=actor, now=core.clock.now()))
            return Done("The others see that you look at it.")
        case Again():
            run = await core.write(lambda tx: _again(tx, core, action.run, actor))
            return Done(_asked_for(run.title, run.status))
        case Approve():
            return await _approve(core, action, actor)
        case BreakGlass(text=None):
            label = f"Why without an approval? At least {SHORTEST_REASON} characters; all admins read it."
            return ask_text(action, "Break the glass", "Start it now", label)
        case BreakGlass():
            return await _break_glass(core, action, actor)
        case SignReview(text=None):
            return ask_text(action, "Sign the review", "Sign", "What did you find?")
        case SignReview():
            note = action.text or ""
            await core.write(
                lambda tx: break_glass.sign(tx, action.run, note=note, actor=actor, now=core.clock.now())
            )
            return Done("Signed.")
        case Reject(text=None):
            return ask_text(action, "Reject the run", "Reject", "Why not?")
        case Reject():
            note = action.text or ""
            await core.write(
                lambda tx: decide.reject(tx, action.run, note=note, actor=actor, now=core.clock.now())
            )
            return Done("Rejected.")
        case Cancel():
            await core.write(lambda tx: decide.cancel(tx, action.run, actor=actor, now=core.clock.now()))
            return Done("Being stopped.")
        case _:
            assert_never(action)


async def _is_here(tx: Transaction, action: OnRun, place: Place, actor: Actor) -> None:
    """A button pressed in one company's channel acts on that company's runs only, whoever presses it."""
    run = await decide.find(tx, action.run, actor)
    if place.company_id not in (None, run.company_id):
        raise NotFound("There is no such run.", hint="Press it in the channel of its company.")


async def asked_for(core: Core, action: Run, place: Place, actor: Actor) -> Reply:
    if action.runbook == CUSTOM and action.parameters is None:
        incident = await look_up(core, action.incident, place, actor, Verb.REQUEST_RUN)
        return await _ask_script(core, action, incident)
    runbook = _named(core, action)
    verb = ASKS[runbook.risk] if runbook else Verb.REQUEST_RUN
    incident = await look_up(core, action.incident, place, actor, verb)
    if runbook is None:
        return await _ask_which(core, action, incident)
    missing = [] if runbook.id == CUSTOM else await _missing(core, runbook, incident, action)
    if missing:
        return Asked(_parameter_form(action, runbook, missing))

    async def act(tx: Transaction) -> RunStatus:
        await belongs(tx, action.incident, place)
        fresh = await respond.find(tx, action.incident, verb, actor)
        context = await tx.companies.context(fresh.company_id)
        run = await request.request(
            tx,
            fresh,
            runbook,
            {} if runbook.id == CUSTOM else dict(action.parameters or {}),
            action.targets or None,
            context=context,
            actor=actor,
            now=core.clock.now(),
            reason=" ".join(action.reason.split()),
        )
        return run.status

    status = await core.write(act)
    return Done(_asked_for(runbook.title, status))


def _asked_for(title: str, status: RunStatus) -> str:
    if status is RunStatus.PENDING_APPROVAL:
        return f"{title} now waits for an approval; the request is in the thread."
    return f"{title} is starting."


async def _again(tx: Transaction, core: Core, run_id: str, actor: Actor) -> RunRecord:
    """The same runbook, values and machines, decided anew in every respect."""
    before = await decide.find(tx, run_id, actor)
    if not before.status.finished or before.incident_id is None:
        raise Refused(f"{before.label} is not over.", hint="Look at the newest card.", code="stale")
    incident = await respond.find(tx, before.incident_id, ASKS[before.risk], actor)
    return await request.request(
        tx,
        incident,
        runbook_of(before, core.catalogue),
        dict(before.parameters),
        [target.asset_name for target in before.targets],
        context=await tx.companies.context(incident.company_id),
        actor=actor,
        now=core.clock.now(),
        reason=before.reason,
    )


def _named(core: Core, action: Run) -> Runbook | None:
    if action.runbook == CUSTOM:
        return typed(action.parameters or {})
    return core.catalogue.get(action.runbook) if action.runbook else None


async def _ask_script(core: Core, action: Run, incident: Incident) -> Asked:
    context = await core.read(lambda tx: tx.companies.context(incident.company_id))
    asset = context.asset_called(action.targets[0] if action.targets else incident.asset_name)
    platform = (platform_of(asset.platform) if asset else None) or Platform.LINUX
    options = [(platform.value, _SHELLS[platform])]
    options += [(one.value, _SHELLS[one]) for one in Platform if one is not platform]
    fields = (
        Field(name="platform", label="Written for", kind=FieldKind.CHOICE, options=options),
        Field(name="script", label="Script", kind=FieldKind.LONG_TEXT, most=3000),
        Field(
            name="check",
            label="How do we see that it helped?",
            hint="A command that changes nothing and ends with 0 only when the goal is met.",
            kind=FieldKind.LONG_TEXT,
            most=3000,
        ),
    )
    intro = ("High risk: an MSP admin sees every line of it before it runs.",)
    form = Form(
        title="Custom script",
        submit="Ask for it",
        action=action,
        fields=(*fields, *_machines(action), _why(action)),
        intro=intro,
    )
    return Asked(form)


_SHELLS = {Platform.LINUX: "Linux (bash)", Platform.WINDOWS: "Windows (PowerShell)"}


async def _ask_which(core: Core, action: Run, incident: Incident) -> Asked:
    view = await core.read(lambda tx: questions.view_of(tx, core, incident.id))
    fits = [one.id for one in view.fits]
    others = [one for one in core.catalogue.all() if one.id not in fits]
    shown = [*view.fits, *others]
    options = [(one.id, f"{cut(one.title, 45)} ({one.risk.value} risk)") for one in shown]
    options.append((CUSTOM, "Custom script… (high risk)"))
    field = Field(name="runbook", label="Which runbook?", kind=FieldKind.CHOICE, options=options)
    return Asked(
        Form(
            title=f"Run on {cut(incident.label, 16)}",
            submit="Next",
            action=action,
            fields=(field, *_machines(action), _why(action)),
        )
    )


def _machines(action: Run) -> tuple[Field, ...]:
    """The machines that were named, in the form too: what a form comes back with is all that is known then."""
    if not action.targets:
        return ()
    names = ", ".join(action.targets)
    return (Field(name="targets", label="On which machines?", kind=FieldKind.TEXT, value=names, most=2000),)


def _why(action: Run) -> Field:
    hint = "Whoever has to agree reads it."
    return Field(name="reason", label="Why?", hint=hint, value=action.reason, optional=True, most=200)


async def _missing(
    core: Core, runbook: Runbook, incident: Incident, action: Run
) -> list[tuple[RunbookParameter, str]]:
    """The parameters that nobody has given a value yet, each with the best guess; [] when all are known."""
    if action.parameters is not None:
        return []

    async def labels(tx: Transaction) -> tuple[dict[str, str], dict[str, str]]:
        context = await tx.companies.context(incident.company_id)
        named = [context.asset_called(name) for name in action.targets or (incident.asset_name,)]
        assets = [one for one in named if one is not None]
        alerts = await tx.alerts.of_incident(incident.id)
        said = {name: value for alert in alerts for name, value in alert.labels.items()}
        ours = request.shared_labels(assets) if assets else {}
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
    return Form(
        title=cut(runbook.title, 24),
        submit="Run",
        action=action,
        fields=(*fields, *_machines(action), _why(action)),
        intro=intro,
    )


async def _approve(core: Core, action: Approve, actor: Actor) -> Reply:
    run = await core.write(
        lambda tx: decide.approve(
            tx, action.run, action.digest, actor=actor, catalogue=core.catalogue, now=core.clock.now()
        )
    )
    if run.status is RunStatus.VOID:
        raise Refused(f"{run.label} was not started: {run.outcome}", hint="Ask for it again.", code="void")
    return Done(f"Approved: {run.label}.")


async def _break_glass(core: Core, action: BreakGlass, actor: Actor) -> Reply:
    run = await core.write(
        lambda tx: break_glass.break_glass(
            tx,
            action.run,
            action.digest,
            reason=action.text or "",
            actor=actor,
            catalogue=core.catalogue,
            now=core.clock.now(),
        )
    )
    if run.status is RunStatus.VOID:
        raise Refused(f"{run.label} was not started: {run.outcome}", hint="Ask for it again.", code="void")
    return Done(f"{run.label} is starting; all admins are told, and one of them has to sign it.")

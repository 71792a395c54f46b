"""Incidents by REST: lists, one in full, and what people do to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from bot.actions.every import Action
from bot.actions.incidents import Assign, Claim, Hold, Merge, Note, Reopen, Resolve, Resume, Split, Unclaim
from bot.actions.people import Escalate, ExplainLate
from bot.api.bodies import (
    IncidentBody,
    IncidentDetail,
    IncidentList,
    JoinedBody,
    alert_body,
    incident_body,
    run_summary,
    story_body,
)
from bot.api.companies import company_seen, seen_ids
from bot.api.door import Ask, Endpoint
from bot.api.requests import (
    AssignRequest,
    EmptyRequest,
    IncidentQuery,
    MergeRequest,
    NoteRequest,
    ReasonRequest,
    Request,
    ResolveRequest,
    SplitRequest,
    number_of,
)
from bot.handlers.dispatch import handle
from bot.place import Place
from engine.access import Actor, Verb
from engine.company import Role
from engine.errors import NotFound, Refused
from engine.incident import Incident, IncidentStatus
from engine.operations import regroup, respond
from storage.transaction import Transaction

_ALL = ("open", "all")


async def listed(ask: Ask) -> IncidentList:
    query: IncidentQuery = ask.query
    status = query.status.strip().lower()
    if status not in (*_ALL, *IncidentStatus):
        known = ", ".join((*_ALL, *(one.value for one in IncidentStatus)))
        raise Refused(f"There is no status “{status[:40]}”.", hint=f"There are {known}.", code="invalid")
    user = ask.actor.user
    assert user is not None

    async def look(tx: Transaction) -> IncidentList:
        company = await company_seen(tx, query.company, ask.actor) if query.company else None
        found = await tx.incidents.listed(
            company_ids=[company.id] if company else seen_ids(ask.actor),
            open_only=True if status == "open" else None,
            status=status if status not in _ALL else None,
            assignee_id=user.id if query.mine else None,
            offered_to=user.id if user.role is Role.TECHNICIAN else None,
            most=query.limit,
        )
        return IncidentList(incidents=await bodies(tx, found, ask))

    return await ask.core.read(look)


async def bodies(tx: Transaction, found: Sequence[Incident], ask: Ask) -> list[IncidentBody]:
    clocks = await tx.clocks.of_many([one.id for one in found])
    people = {user.id: user for user in await tx.users.all()}
    slugs = {one.id: one.slug for one in await tx.companies.all(archived=True)}
    now = ask.core.clock.now()
    return [
        incident_body(
            one, company=slugs[one.company_id], people=people, clocks=clocks.get(one.id, ()), now=now
        )
        for one in found
    ]


async def shown(ask: Ask) -> IncidentDetail:
    return await ask.core.read(lambda tx: _detail(tx, _number(ask), ask))


async def _detail(tx: Transaction, number: int, ask: Ask) -> IncidentDetail:
    incident = await respond.find(tx, number, Verb.SEE, ask.actor)
    (plain,) = await bodies(tx, [incident], ask)
    inner = not client(ask.actor)
    alerts = await tx.alerts.of_incident(incident.id)
    return IncidentDetail(
        **dict(plain),
        opened_reason=incident.opened_reason if inner else "",
        assigned_reason=incident.assigned_reason if inner else "",
        joined=[
            JoinedBody(
                part=regroup.part_name(one),
                asset=one.asset,
                signature=one.signature,
                reason=one.reason if inner else "",
                at=one.at,
                came_from=f"INC-{one.came_from}" if one.came_from is not None else None,
            )
            for one in await tx.grouping.joined(incident.id)
        ],
        alerts=[alert_body(one, company=plain.company) for one in alerts],
        story=[story_body(one) for one in await tx.timeline.of_incident(incident.id)] if inner else [],
        runs=[run_summary(one) for one in await tx.runs.of_incident(incident.id)] if inner else [],
    )


def client(actor: Actor) -> bool:
    """A client viewer sees the client-safe face: no story, no runs, no inner reasons."""
    return actor.user is not None and actor.user.role is Role.CLIENT_VIEWER


def _number(ask: Ask) -> int:
    number = number_of(ask.path["id"])
    if number is None:
        raise NotFound(f"There is no incident “{ask.path['id'][:40]}”.")
    return number


def _doing(make: Callable[[int, Any], Action]) -> Callable[[Ask], Any]:
    """The act that a button of the same verb does; the answer is the incident after it."""

    async def act(ask: Ask) -> IncidentDetail:
        number = _number(ask)
        await handle(ask.core, make(number, ask.body), actor=ask.actor, place=Place())
        return await ask.core.read(lambda tx: _detail(tx, number, ask))

    return act


async def assigned(ask: Ask) -> IncidentDetail:
    number, wanted = _number(ask), str(ask.body.to).strip()

    async def look(tx: Transaction) -> int | None:
        await respond.find(tx, number, Verb.ASSIGN, ask.actor)
        if wanted.isascii() and wanted.isdigit():
            return int(wanted[:18])
        user = await tx.users.by_email(wanted)
        return user.id if user else None

    to = await ask.core.read(look)
    if to is None:
        text = "That person does not work for this company."
        raise Refused(text, hint="Pick one of its technicians.", code="invalid")
    await handle(ask.core, Assign(incident=number, to=to), actor=ask.actor, place=Place())
    return await ask.core.read(lambda tx: _detail(tx, number, ask))


def _verb(name: str, summary: str, body: type[Request], act: Callable[[Ask], Any]) -> Endpoint:
    return Endpoint(
        method="POST",
        path=f"/api/incidents/{{id}}/{name}",
        name=f"{name}Incident",
        summary=summary,
        act=act,
        answer=IncidentDetail,
        body=body,
    )


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/api/incidents",
        name="listIncidents",
        summary="The incidents you may see, newest first",
        act=listed,
        answer=IncidentList,
        query=IncidentQuery,
    ),
    Endpoint(
        method="GET",
        path="/api/incidents/{id}",
        name="getIncident",
        summary="One incident with its alerts, story and runs",
        act=shown,
        answer=IncidentDetail,
    ),
    _verb("claim", "Take an incident", EmptyRequest, _doing(lambda number, _: Claim(incident=number))),
    _verb(
        "unclaim",
        "Give an incident back: it goes to the next best technician",
        ReasonRequest,
        _doing(lambda number, body: Unclaim(incident=number, text=body.reason)),
    ),
    _verb(
        "resolve",
        "Say that it is fixed; both clocks stop",
        ResolveRequest,
        _doing(lambda number, body: Resolve(incident=number, text=body.text)),
    ),
    _verb(
        "note",
        "Add a note to an incident's story",
        NoteRequest,
        _doing(lambda number, body: Note(incident=number, text=body.text)),
    ),
    _verb(
        "hold",
        "Wait for the client: its clocks stand still",
        ReasonRequest,
        _doing(lambda number, body: Hold(incident=number, text=body.reason)),
    ),
    _verb(
        "resume",
        "The client has answered: its clocks run on",
        ReasonRequest,
        _doing(lambda number, body: Resume(incident=number, text=body.reason)),
    ),
    _verb(
        "escalate",
        "Call the next level of its chain at once",
        ReasonRequest,
        _doing(lambda number, body: Escalate(incident=number, text=body.reason)),
    ),
    _verb(
        "late",
        "Say why a promise was broken",
        ReasonRequest,
        _doing(lambda number, body: ExplainLate(incident=number, text=body.reason)),
    ),
    _verb(
        "reopen",
        "Open a resolved incident again under its number",
        ReasonRequest,
        _doing(lambda number, body: Reopen(incident=number, text=body.reason)),
    ),
    _verb(
        "merge",
        "Make the incident part of another open one of its company",
        MergeRequest,
        _doing(lambda number, body: Merge(incident=number, to=number_of(str(body.into)) or 0)),
    ),
    _verb(
        "split",
        "Take a part out of an incident: `INC-7` that was merged into it, or a problem by its name in `joined`",
        SplitRequest,
        _doing(lambda number, body: Split(incident=number, part=body.part)),
    ),
    _verb("assign", "Hand an incident to somebody", AssignRequest, assigned),
)

"""Runs by REST: ask for one, look at it, decide about it. The same tiers and approvals as a button."""

from __future__ import annotations

from bot.actions.runs import Approve, Cancel, Reject
from bot.actions.runs import Run as AskForRun
from bot.api.bodies import RunAccepted, RunBody, person_body, run_body
from bot.api.door import Ask, Endpoint
from bot.api.requests import ApproveRequest, EmptyRequest, ExecuteRequest, RejectRequest, number_of
from bot.handlers.dispatch import handle
from bot.place import Place
from engine.access import Denied, Verb, may
from engine.audit import AuditKind, entry
from engine.errors import NotFound, Refused
from engine.operations import respond
from runbooks.approvals import deciders
from runbooks.custom import CUSTOM, typed
from runbooks.operations import decide, request
from runbooks.run import Run
from storage.transaction import Transaction


async def execute(ask: Ask) -> RunAccepted:
    """Ask for a run. A refusal for want of rights is part of the record, as it is for a button."""
    body: ExecuteRequest = ask.body
    number = number_of(body.incident_id)
    if number is None:
        raise Refused(
            f"“{body.incident_id}” is not an incident.", hint="Write `INC-42` or 42.", code="invalid"
        )
    try:
        return await ask.core.write(lambda tx: _request(tx, ask, body, number))
    except Refused as refused:
        if refused.code in ("denied", "not_found"):
            await _prove_refusal(ask, number, refused)
        raise


async def _request(tx: Transaction, ask: Ask, body: ExecuteRequest, number: int) -> RunAccepted:
    core = ask.core
    incident = await respond.find(tx, number, Verb.SEE, ask.actor)
    custom = ask.path["id"] == CUSTOM
    runbook = typed(body.parameters) if custom else core.catalogue.get(ask.path["id"])
    context = await tx.companies.context(incident.company_id)
    run = await request.request(
        tx,
        incident,
        runbook,
        {} if custom else {name: _text(value) for name, value in body.parameters.items()},
        body.targets or None,
        context=context,
        actor=ask.actor,
        now=core.clock.now(),
        reason=body.reason or f"asked for by {ask.actor.name}",
    )
    _check_provider(run, body.cloud_provider)
    people = [person_body(user) for user in deciders(run, context.people)]
    return RunAccepted(
        run_id=run.id,
        status=run.status,
        risk=run.risk,
        digest=run.digest,
        expires_at=run.expires_at,
        deciders=[person for person in people if person is not None],
    )


def _text(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _check_provider(run: Run, wanted: str | None) -> None:
    """Raised inside the transaction, so that nothing was asked for."""
    if wanted and wanted.strip().lower() != run.provider:
        text = f"{run.target_names[:200]} is at {run.provider.value}, not at {wanted}."
        raise Refused(text, code="invalid")


async def _prove_refusal(ask: Ask, number: int, refused: Refused) -> None:
    async def act(tx: Transaction) -> None:
        incident = await tx.incidents.get(number)
        company_id = incident.company_id if incident else 0
        detail = {"verb": AskForRun.verb, "runbook": ask.path["id"], "why": refused.reason}
        now = ask.core.clock.now()
        line = entry(
            AuditKind.REFUSED,
            company_id=company_id,
            actor=ask.actor,
            subject=f"INC-{number}",
            now=now,
            **detail,
        )
        tx.audit.add(line)

    await ask.core.write(act)


async def shown(ask: Ask) -> RunBody:
    return await ask.core.read(lambda tx: _shown(tx, ask))


async def _shown(tx: Transaction, ask: Ask) -> RunBody:
    run = await _seen(tx, ask)
    company = await tx.companies.get(run.company_id)
    return run_body(run, company=company.slug if company else "")


async def _seen(tx: Transaction, ask: Ask) -> Run:
    """The run, for those who may ask for runs: a script and its output are not for the client's viewers."""
    run = await decide.find(tx, ask.path["id"], ask.actor)
    answer = may(ask.actor, Verb.REQUEST_RUN, run.company_id)
    if isinstance(answer, Denied):
        if answer.foreign:
            raise NotFound("There is no such run.")
        raise Refused(answer.reason, code="denied")
    return run


async def approved(ask: Ask) -> RunBody:
    act = Approve(run=ask.path["id"], digest=ask.body.digest)
    await handle(ask.core, act, actor=ask.actor, place=Place())
    return await shown(ask)


async def rejected(ask: Ask) -> RunBody:
    act = Reject(run=ask.path["id"], text=ask.body.note)
    await handle(ask.core, act, actor=ask.actor, place=Place())
    return await shown(ask)


async def cancelled(ask: Ask) -> RunBody:
    await handle(ask.core, Cancel(run=ask.path["id"]), actor=ask.actor, place=Place())
    return await shown(ask)


ENDPOINTS = (
    Endpoint(
        method="POST",
        path="/api/msp/runbooks/{id}/execute",
        name="executeRunbook",
        summary="Ask for a run of a runbook on an incident's machines",
        act=execute,
        answer=RunAccepted,
        body=ExecuteRequest,
        status=202,
    ),
    Endpoint(
        method="GET",
        path="/api/msp/runs/{id}",
        name="getRun",
        summary="One run: what it does, where, and how it stands",
        act=shown,
        answer=RunBody,
    ),
    Endpoint(
        method="POST",
        path="/api/msp/runs/{id}/approve",
        name="approveRun",
        summary="Agree to exactly the run with this digest; it starts",
        act=approved,
        answer=RunBody,
        body=ApproveRequest,
    ),
    Endpoint(
        method="POST",
        path="/api/msp/runs/{id}/reject",
        name="rejectRun",
        summary="Say no to a run",
        act=rejected,
        answer=RunBody,
        body=RejectRequest,
    ),
    Endpoint(
        method="POST",
        path="/api/msp/runs/{id}/cancel",
        name="cancelRun",
        summary="Stop a run",
        act=cancelled,
        answer=RunBody,
        body=EmptyRequest,
    ),
)

"""How far a runbook may go at a company, by REST."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from pydantic import Field

from bot.api.bodies import Body
from bot.api.companies import company_seen
from bot.api.door import Ask, Endpoint
from bot.api.requests import Request
from bot.runbook_rules import changed
from engine.company import settled
from engine.operations import configure
from engine.operations.configure import Place, Where
from engine.setting import SETTINGS, Origin
from runbooks.policy import policy_of
from runbooks.runbook import Risk
from storage.transaction import Transaction


class PolicyRequest(Request):
    """`mode` `company`: as the company again. What is left out stays."""

    mode: Literal["observe", "propose", "act", "company"] | None = None
    approvals: int | None = Field(None, ge=1, le=5, description="How many people have to agree")


class PolicyBody(Body):
    """What holds for one runbook. `approvals` people have to agree, 0: nobody is asked; `own`: it was set for this
    runbook itself; `break_glass`: it may start without an approval in an emergency."""

    company: str
    runbook: str
    risk: Risk
    mode: str
    own: bool
    approvals: int
    hours: str
    most_targets: int
    runs_per_hour: int
    break_glass: bool


def _body(ask: Ask, place: Place) -> PolicyBody:
    runbook = ask.core.catalogue.get(ask.path["id"])
    assert place.company is not None
    company = settled(replace(place.company, layers=place.layers))
    found = policy_of(company, runbook)
    return PolicyBody(
        company=company.slug,
        runbook=runbook.id,
        risk=runbook.risk,
        mode=found.mode.value,
        own=found.own,
        approvals=found.approvals,
        hours=SETTINGS["run_hours"].words(found.hours),
        most_targets=found.most_targets,
        runs_per_hour=found.runs_per_hour,
        break_glass=runbook.id in company.value("break_glass"),
    )


async def _place(tx: Transaction, ask: Ask) -> Place:
    company = await company_seen(tx, ask.path["slug"], ask.actor)
    return await configure.place(tx, Where(Origin.COMPANY, company.slug), ask.actor)


async def shown(ask: Ask) -> PolicyBody:
    return _body(ask, await ask.core.read(lambda tx: _place(tx, ask)))


async def put(ask: Ask) -> PolicyBody:
    body: PolicyRequest = ask.body
    runbook, setting = ask.core.catalogue.get(ask.path["id"]), SETTINGS["runbooks"]

    async def write(tx: Transaction) -> PolicyBody:
        place = await _place(tx, ask)
        if body.mode is not None or body.approvals is not None:
            usual = place.now(SETTINGS["autonomy"]).kept
            rules = changed(place.now(setting).kept, runbook.id, body.mode, body.approvals, usual)
            now, where = ask.core.clock.now(), place.where
            _, place = await configure.put(tx, where, setting, rules or None, actor=ask.actor, now=now)
        return _body(ask, place)

    return await ask.core.write(write)


_PATH = "/api/companies/{slug}/runbooks/{id}/policy"
ENDPOINTS = (
    Endpoint(
        method="GET",
        path=_PATH,
        name="showPolicy",
        summary="How far a runbook may go at a company",
        act=shown,
        answer=PolicyBody,
    ),
    Endpoint(
        method="PUT",
        path=_PATH,
        name="putPolicy",
        summary="Change how far a runbook may go at a company, and how many people have to agree",
        act=put,
        answer=PolicyBody,
        body=PolicyRequest,
    ),
)

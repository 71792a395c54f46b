"""Outbreaks across companies by REST: for MSP admins alone."""

from __future__ import annotations

from datetime import datetime

from bot.api.bodies import Body
from bot.api.door import Ask, Endpoint
from bot.cards.outbreak import OutbreakView
from bot.handlers.outbreaks import latest, one_of
from engine.errors import NotFound


class OutbreakIncident(Body):
    incident_id: str
    company: str
    asset: str
    severity: str
    open: bool


class OutbreakBody(Body):
    """`expected`: at how many companies such a thing begins in ten minutes as a rule. `incidents` are the first 500."""

    id: str
    signature: str
    title: str
    began_at: datetime
    last_at: datetime
    over_at: datetime | None
    expected: float
    companies: int
    open: int
    incidents: list[OutbreakIncident]


class OutbreakList(Body):
    outbreaks: list[OutbreakBody]


def outbreak_body(view: OutbreakView) -> OutbreakBody:
    record = view.record
    slugs = {number: company.slug for number, company in view.companies.items()}
    return OutbreakBody(
        id=record.label,
        signature=record.signature,
        title=record.title,
        began_at=record.began_at,
        last_at=record.last_at,
        over_at=record.over_at,
        expected=record.expected,
        companies=view.counts["companies"],
        open=view.counts["open"],
        incidents=[
            OutbreakIncident(
                incident_id=one.label,
                company=slugs.get(one.company_id, ""),
                asset=one.asset_name,
                severity=one.severity.value,
                open=one.open,
            )
            for one in view.incidents
        ],
    )


async def listed(ask: Ask) -> OutbreakList:
    return OutbreakList(outbreaks=[outbreak_body(one) for one in await latest(ask.core, ask.actor)])


async def shown(ask: Ask) -> OutbreakBody:
    return outbreak_body(await one_of(ask.core, number_of(ask.path["id"]), ask.actor))


def number_of(text: str) -> int:
    """Of `OUT-7` or `7`. Raises NotFound."""
    digits = text.upper().removeprefix("OUT-")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 19):
        raise NotFound(f"There is no {text[:20]}.")
    return int(digits)


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/api/outbreaks",
        name="listOutbreaks",
        summary="The same trouble at several companies, the latest first; for MSP admins",
        act=listed,
        answer=OutbreakList,
    ),
    Endpoint(
        method="GET",
        path="/api/outbreaks/{id}",
        name="getOutbreak",
        summary="One outbreak with its incidents; for MSP admins",
        act=shown,
        answer=OutbreakBody,
    ),
)

"""What people ask of one another, by REST: hand-offs, pages, and the answers."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from bot.actions.people import AcceptAsk, DeclineAsk, Handoff, Page
from bot.api.bodies import Body, PersonBody
from bot.api.companies import company_seen
from bot.api.door import Ask, Endpoint
from bot.api.requests import EmptyRequest, IncidentRef, Request, Text, number_of
from bot.handlers.dispatch import handle
from bot.place import Place
from engine.ask import Ask as AskRecord
from engine.ask import AskKind, AskState
from engine.company import User
from engine.errors import NotFound, Refused
from storage.transaction import Transaction


class HandoffRequest(Request):
    """`to` is an e-mail address or the number of a person; without `incidents`, all that is in your name."""

    to: str | int
    incidents: list[IncidentRef] = Field(default_factory=list, max_length=50)
    text: Text = ""


class PageRequest(Request):
    """`to` is a person, or left out for whoever is on call for `company`."""

    to: str | int | None = None
    company: str | None = None
    incident: IncidentRef | None = None
    text: Text = ""


class AskBody(Body):
    """What one person asks of another; `outcome` says what became of it."""

    id: str
    kind: AskKind
    state: AskState
    asker: PersonBody
    asked: PersonBody
    incidents: list[str]
    text: str
    at: datetime
    expires_at: datetime
    settled_at: datetime | None
    outcome: str


class AskList(Body):
    asks: list[AskBody]


async def waiting(ask: Ask) -> AskList:
    """By you and of you."""
    user = ask.actor.user
    assert user is not None

    async def look(tx: Transaction) -> AskList:
        found = [*await tx.asks.open_of(user.id), *await tx.asks.open_by(user.id)]
        return AskList(asks=[await _body(tx, one) for one in found])

    return await ask.core.read(look)


async def handed(ask: Ask) -> AskList:
    body: HandoffRequest = ask.body
    to = await _person(ask, body.to)
    await handle(ask.core, Handoff(to, _numbers(body.incidents), body.text), actor=ask.actor, place=Place())
    return await _made(ask, AskKind.HANDOFF)


async def paged(ask: Ask) -> AskList:
    body: PageRequest = ask.body
    to = await _person(ask, body.to) if body.to is not None else None
    about = _numbers([body.incident])[0] if body.incident is not None else None
    place = Place()
    if to is None:
        if not body.company:
            raise Refused("Page whom?", hint="Name `to`, or a `company` for who is on call.", code="invalid")
        name = body.company
        company = await ask.core.read(lambda tx: company_seen(tx, name, ask.actor))
        place = Place(company_id=company.id)
    page = Page(to, to is None, about, body.text)
    await handle(ask.core, page, actor=ask.actor, place=place)
    return await _made(ask, AskKind.PAGE)


async def accepted(ask: Ask) -> AskBody:
    await handle(ask.core, AcceptAsk(ask.path["id"]), actor=ask.actor, place=Place())
    return await _one(ask)


async def declined(ask: Ask) -> AskBody:
    await handle(ask.core, DeclineAsk(ask.path["id"]), actor=ask.actor, place=Place())
    return await _one(ask)


async def _one(ask: Ask) -> AskBody:
    async def look(tx: Transaction) -> AskBody:
        found = await tx.asks.get(ask.path["id"])
        if found is None:
            raise NotFound("Nobody asked you that.")
        return await _body(tx, found)

    return await ask.core.read(look)


async def _made(ask: Ask, kind: AskKind) -> AskList:
    """Those that were just made: the newest of each person asked."""
    user = ask.actor.user
    assert user is not None

    async def look(tx: Transaction) -> AskList:
        found = {one.asked_id: one for one in await tx.asks.open_by(user.id) if one.kind is kind}
        newest = max((one.at for one in found.values()), default=None)
        return AskList(asks=[await _body(tx, one) for one in found.values() if one.at == newest])

    return await ask.core.read(look)


async def _person(ask: Ask, to: str | int) -> int | None:
    wanted = str(to).strip()
    if wanted.isascii() and wanted.isdigit():
        return int(wanted[:18])

    async def look(tx: Transaction) -> int | None:
        user = await tx.users.by_email(wanted)
        return user.id if user else 0

    return await ask.core.read(look)


def _numbers(given: list[IncidentRef]) -> tuple[int, ...]:
    numbers = [number_of(one) for one in given]
    if None in numbers:
        raise Refused("That is no incident.", hint="Write `INC-42` or 42.", code="invalid")
    return tuple(dict.fromkeys(one for one in numbers if one is not None))


async def _body(tx: Transaction, one: AskRecord) -> AskBody:
    return AskBody(
        id=one.id,
        kind=one.kind,
        state=one.state,
        asker=_who(await tx.users.get(one.asker_id), one.asker_id),
        asked=_who(await tx.users.get(one.asked_id), one.asked_id),
        incidents=[f"INC-{number}" for number in one.incidents],
        text=one.text,
        at=one.at,
        expires_at=one.expires_at,
        settled_at=one.settled_at,
        outcome=one.outcome,
    )


def _who(user: User | None, user_id: int) -> PersonBody:
    return PersonBody(id=user_id, name=user.name if user else "", email=user.email if user else "")


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/api/asks",
        name="listAsks",
        summary="What waits for an answer: of you, and what you asked of others",
        act=waiting,
        answer=AskList,
    ),
    Endpoint(
        method="POST",
        path="/api/handoffs",
        name="offerHandoff",
        summary="Offer incidents to a colleague, who has to accept within five minutes",
        act=handed,
        answer=AskList,
        body=HandoffRequest,
        status=201,
    ),
    Endpoint(
        method="POST",
        path="/api/pages",
        name="pageSomebody",
        summary="An urgent word to one person, or to whoever is on call for a company",
        act=paged,
        answer=AskList,
        body=PageRequest,
        status=201,
    ),
    Endpoint(
        method="POST",
        path="/api/asks/{id}/accept",
        name="acceptAsk",
        summary="Accept a hand-off or a swap; say that a page was heard",
        act=accepted,
        answer=AskBody,
        body=EmptyRequest,
    ),
    Endpoint(
        method="POST",
        path="/api/asks/{id}/decline",
        name="declineAsk",
        summary="Decline a hand-off or a swap",
        act=declined,
        answer=AskBody,
        body=EmptyRequest,
    ),
)

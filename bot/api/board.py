"""What is due soon, by REST."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from bot.api.bodies import Body, IncidentBody
from bot.api.companies import company_seen
from bot.api.door import Ask, Endpoint
from bot.api.incidents import bodies
from bot.api.requests import Request
from bot.questions import companies_of
from bot.shift.board import BoardView, board_view, why_text
from bot.shift.odds_words import odds_text
from engine.sla import ClockKind
from storage.transaction import Transaction


class BoardQuery(Request):
    company: str | None = None
    limit: int = Field(15, ge=1, le=100)


class OddsBody(Body):
    """`late` of the `of` that were `like` it, and open for as long, took longer than what is left."""

    late: int
    of: int
    like: str
    share: float
    text: str


class DueBody(Body):
    """One incident with the promise that is most in danger. Without enough history `odds` is null, and `why` says
    so."""

    incident: IncidentBody
    promise: ClockKind
    due_at: datetime
    left_seconds: int
    odds: OddsBody | None
    why: str


class LateBody(Body):
    incident: IncidentBody
    promise: ClockKind
    due_at: datetime


class BoardBody(Body):
    """`due` by the odds of being late; `late` are some that have run out. `more`: others are due later."""

    due: list[DueBody]
    late: list[LateBody]
    more: bool


async def shown(ask: Ask) -> BoardBody:
    query: BoardQuery = ask.query

    async def look(tx: Transaction) -> BoardBody:
        seen = await companies_of(tx, ask.actor)
        if query.company:
            company = await company_seen(tx, query.company, ask.actor)
            seen = [one for one in seen if one.id == company.id]
        view = await board_view(tx, seen, ask.actor, now=ask.core.clock.now(), most=query.limit)
        return await _body(tx, view, ask)

    return await ask.core.read(look)


async def _body(tx: Transaction, view: BoardView, ask: Ask) -> BoardBody:
    now = ask.core.clock.now()
    due = await bodies(tx, [one.incident for one in view.due], ask)
    late = await bodies(tx, [incident for incident, _ in view.late], ask)
    return BoardBody(
        due=[
            DueBody(
                incident=body,
                promise=one.clock.kind,
                due_at=one.clock.due_at,
                left_seconds=int(one.clock.left(now).total_seconds()),
                odds=OddsBody(
                    late=one.odds.late,
                    of=one.odds.of,
                    like=one.odds.like,
                    share=round(one.odds.share, 3),
                    text=odds_text(one.odds),
                )
                if one.odds
                else None,
                why=why_text(one, now),
            )
            for one, body in zip(view.due, due, strict=True)
        ],
        late=[
            LateBody(incident=body, promise=clock.kind, due_at=clock.due_at)
            for (_, clock), body in zip(view.late, late, strict=True)
        ],
        more=view.more,
    )


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/api/board",
        name="getBoard",
        summary="What is due soon, by the odds that it will be late",
        act=shown,
        answer=BoardBody,
        query=BoardQuery,
    ),
)

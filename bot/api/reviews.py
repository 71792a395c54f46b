"""Break-glass by REST: start a waiting run in an emergency, see what is to be signed, sign it."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from bot.actions.runs import BreakGlass, SignReview
from bot.api.bodies import Body, RunBody
from bot.api.companies import company_seen, seen_ids
from bot.api.door import Ask, Endpoint
from bot.api.requests import Request
from bot.api.runs import shown
from bot.handlers.dispatch import handle
from bot.place import Place
from engine.access import Denied, Verb, may
from engine.errors import NotFound, Refused
from runbooks.break_glass import SHORTEST_REASON
from runbooks.operations import decide
from runbooks.review import Review
from storage.transaction import Transaction


class GlassRequest(Request):
    """`digest` is that of the run as it was read; `reason` is read by all admins."""

    digest: str = Field(min_length=12, max_length=64)
    reason: str = Field(min_length=SHORTEST_REASON, max_length=1000)


class SignRequest(Request):
    note: str = Field(min_length=1, max_length=1000)


class ReviewQuery(Request):
    """`open_only` false: signed ones too, the newest first."""

    company: str | None = None
    open_only: bool = True


class ReviewBody(Body):
    """What was started without an approval; `signed_by` is empty while somebody still has to look at it."""

    run_id: str
    company: str
    incident_id: str | None
    run: str
    reason: str
    broken_by: str
    broken_at: datetime
    signed_by: str
    signed_at: datetime | None
    note: str


class ReviewList(Body):
    reviews: list[ReviewBody]


def _body(review: Review, company: str) -> ReviewBody:
    return ReviewBody(
        run_id=review.run_id,
        company=company,
        incident_id=f"INC-{review.incident_id}" if review.incident_id is not None else None,
        run=review.label,
        reason=review.reason,
        broken_by=review.broken_by_name,
        broken_at=review.broken_at,
        signed_by=review.signed_by_name,
        signed_at=review.signed_at,
        note=review.note,
    )


async def broken(ask: Ask) -> RunBody:
    body: GlassRequest = ask.body
    act = BreakGlass(run=ask.path["id"], digest=body.digest, text=body.reason)
    await handle(ask.core, act, actor=ask.actor, place=Place())
    return await shown(ask)


async def signed(ask: Ask) -> ReviewBody:
    act = SignReview(run=ask.path["id"], text=ask.body.note)
    await handle(ask.core, act, actor=ask.actor, place=Place())

    async def look(tx: Transaction) -> ReviewBody:
        run = await decide.find(tx, ask.path["id"], ask.actor)
        review, company = await tx.reviews.get(run.id), await tx.companies.get(run.company_id)
        if review is None or company is None:
            raise NotFound("There is nothing to sign for that run.")
        return _body(review, company.slug)

    return await ask.core.read(look)


async def listed(ask: Ask) -> ReviewList:
    query: ReviewQuery = ask.query

    async def look(tx: Transaction) -> ReviewList:
        ids = seen_ids(ask.actor)
        seen = {one.id: one.slug for one in await tx.companies.all() if ids is None or one.id in ids}
        if query.company:
            company = await company_seen(tx, query.company, ask.actor)
            seen = {company.id: company.slug}
        allowed = {number for number in seen if not _denied(ask, number)}
        if not allowed:
            raise Refused("Client viewers do not see runs.", code="denied")
        found = await tx.reviews.of(sorted(allowed), open_only=query.open_only)
        return ReviewList(reviews=[_body(one, seen[one.company_id]) for one in found])

    return await ask.core.read(look)


def _denied(ask: Ask, company_id: int) -> bool:
    return isinstance(may(ask.actor, Verb.REQUEST_RUN, company_id), Denied)


ENDPOINTS = (
    Endpoint(
        method="POST",
        path="/api/msp/runs/{id}/break-glass",
        name="breakGlass",
        summary="Start a waiting run of a critical incident without an approval, nobody being there to give one",
        act=broken,
        answer=RunBody,
        body=GlassRequest,
    ),
    Endpoint(
        method="POST",
        path="/api/msp/runs/{id}/review",
        name="signReview",
        summary="Sign what somebody else started by break-glass",
        act=signed,
        answer=ReviewBody,
        body=SignRequest,
    ),
    Endpoint(
        method="GET",
        path="/api/msp/reviews",
        name="listReviews",
        summary="What was started by break-glass and waits to be signed",
        act=listed,
        answer=ReviewList,
        query=ReviewQuery,
    ),
)

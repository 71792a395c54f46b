"""Drafted time by REST: one's own drafts, and booking them."""

from __future__ import annotations

from pydantic import Field

from bot.api.bodies import Body
from bot.api.door import Ask, Endpoint
from bot.api.requests import Request, Text, number_of
from bot.timesheet import document
from engine.operations import booking
from storage.transaction import Transaction


class TimeBody(Body):
    """What is drafted on one incident (`idle_minutes` are left out), and what is booked of it."""

    incident: str
    company: str
    title: str
    asset: str
    technician: str
    minutes: int
    idle_minutes: int
    confirmed: bool
    booked_minutes: int | None
    note: str | None


class TimeList(Body):
    drafts: list[TimeBody]


class BookRequest(Request):
    """`minutes` other than what is drafted (or booked) need a `reason`."""

    minutes: int | None = Field(None, ge=0, le=booking.LONGEST)
    reason: Text = ""


async def waiting(ask: Ask) -> TimeList:
    """Yours."""
    user = ask.actor.user
    assert user is not None

    async def look(tx: Transaction) -> TimeList:
        found = await booking.drafts(tx, user.id, now=ask.core.clock.now())
        return TimeList(drafts=[TimeBody.model_validate(document(one)) for one in found])

    return await ask.core.read(look)


async def booked(ask: Ask) -> TimeBody:
    body: BookRequest = ask.body
    number = number_of(ask.path["id"]) or 0

    async def act(tx: Transaction) -> TimeBody:
        now = ask.core.clock.now()
        await booking.book(tx, number, minutes=body.minutes, note=body.reason, actor=ask.actor, now=now)
        return TimeBody.model_validate(document((await booking.find_slot(tx, number, actor=ask.actor))[1]))

    return await ask.core.write(act)


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/api/time",
        name="listTimeDrafts",
        summary="Your drafted time that is not booked yet",
        act=waiting,
        answer=TimeList,
    ),
    Endpoint(
        method="POST",
        path="/api/incidents/{id}/time",
        name="bookTime",
        summary="Book the drafted time of a resolved incident, or change what is booked",
        act=booked,
        answer=TimeBody,
        body=BookRequest,
    ),
)

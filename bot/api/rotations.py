"""Who is on call, and the plans of it, by REST."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any

from pydantic import Field

from bot.api.bodies import Body, PersonBody
from bot.api.companies import company_seen
from bot.api.door import Ask, Endpoint
from bot.api.requests import EmptyRequest, Request
from bot.shift import calendar
from engine.company import User
from engine.errors import NotFound, Refused
from engine.hours import named_week, named_zone
from engine.oncall import Layer, Rotation, gaps, shifts
from engine.operations import configure, oncall
from engine.operations.asking import worker
from engine.operations.configure import must_run_the_msp
from storage.transaction import Transaction

Name = Annotated[str, Field(min_length=1, max_length=40)]
Who = str | int
AHEAD, SHOWN = timedelta(days=30), 20


class ShiftBody(Body):
    """`person` null: nobody, though somebody should be."""

    begin: datetime
    end: datetime
    person: PersonBody | None


class LayerBody(Body):
    people: list[PersonBody]
    days: int
    start: date
    at: time
    hours: str


class RotationBody(Body):
    """`now` is on call until `until`; `coming` are the shifts of the next 30 days, `gaps` those without anybody in the
    next 7. `companies` empty: all."""

    name: str
    timezone: str
    companies: list[str]
    hours: str
    layers: list[LayerBody]
    now: PersonBody | None
    until: datetime | None
    coming: list[ShiftBody]
    gaps: list[ShiftBody]


class RotationList(Body):
    rotations: list[RotationBody]


class OnCallBody(Body):
    rotation: str
    person: PersonBody
    until: datetime


class OnCallList(Body):
    on_call: list[OnCallBody]


class OnCallQuery(Request):
    company: str


class RotationRequest(Request):
    """`companies` are slugs, empty for all; `timezone` is the MSP's own when left out; `hours` are those in which
    somebody should be on call, empty for always."""

    name: Name
    timezone: str = ""
    companies: list[str] = Field(default_factory=list, max_length=500)
    hours: str = Field("", max_length=300)


class LayerRequest(Request):
    """`people` take turns of `days` from `start` on, handing over at `at`; addresses or numbers, in order."""

    people: list[Who] = Field(min_length=1, max_length=50)
    days: int = Field(7, ge=1, le=60)
    start: date
    at: time = time(9)
    hours: str = Field("", max_length=300)


class StandInRequest(Request):
    person: Who
    begin: datetime
    end: datetime


class ImportRequest(Request):
    """`calendar` is an iCalendar text, or `url` the https address of one. `dry_run` only looks."""

    calendar: str | None = Field(None, max_length=1024 * 1024)
    url: str | None = Field(None, max_length=2000)
    dry_run: bool = False


class TakenInBody(Body):
    rotation: str
    kept: bool
    shifts: list[ShiftBody]


async def listed(ask: Ask) -> RotationList:
    user = worker(ask.actor)

    async def look(tx: Transaction) -> RotationList:
        seen = [one for one in await tx.rotations.all() if calendar.sees(user, one)]
        return RotationList(rotations=[await _body(tx, one, user, ask.core.clock.now()) for one in seen])

    return await ask.core.read(look)


async def on_call(ask: Ask) -> OnCallList:
    query: OnCallQuery = ask.query
    worker(ask.actor)
    now = ask.core.clock.now()

    async def look(tx: Transaction) -> OnCallList:
        company = await company_seen(tx, query.company, ask.actor)
        context = await tx.companies.context(company.id)
        there = context.on_call(now)
        people = {user.id: user for user in context.people}
        found = []
        for rotation in context.rotations:
            current = next((one for one in shifts(rotation, now, now + AHEAD) if one.begin <= now), None)
            if current is not None and current.user_id in there:
                person = _person(people[current.user_id])
                found.append(OnCallBody(rotation=rotation.name, person=person, until=current.end))
        return OnCallList(on_call=found)

    return await ask.core.read(look)


async def made(ask: Ask) -> RotationBody:
    body: RotationRequest = ask.body

    async def act(tx: Transaction) -> None:
        must_run_the_msp(ask.actor)
        ids = [(await company_seen(tx, slug, ask.actor)).id for slug in body.companies]
        plan = Rotation(
            id=0,
            name=body.name.strip(),
            timezone=named_zone(body.timezone or await configure.msp_timezone(tx)),
            companies=frozenset(ids),
            hours=named_week(body.hours),
        )
        await oncall.put(tx, plan, actor=ask.actor, now=ask.core.clock.now())

    await ask.core.write(act)
    return await _one(ask, body.name)


async def layered(ask: Ask) -> RotationBody:
    body: LayerRequest = ask.body

    async def act(tx: Transaction) -> None:
        must_run_the_msp(ask.actor)
        people = tuple([(await _named(tx, one)).id for one in body.people])
        layer = Layer(people, body.days, body.start, body.at.replace(tzinfo=None), named_week(body.hours))
        await oncall.add_layer(tx, ask.path["name"], layer, actor=ask.actor, now=ask.core.clock.now())

    await ask.core.write(act)
    return await _one(ask, ask.path["name"])


async def stood_in(ask: Ask) -> RotationBody:
    body: StandInRequest = ask.body

    async def act(tx: Transaction) -> None:
        rotation = await _seen(tx, ask, ask.path["name"])
        person = await _named(tx, body.person)
        begin, end = (one if one.tzinfo else one.replace(tzinfo=UTC) for one in (body.begin, body.end))
        await oncall.stand_in(
            tx, rotation.name, person, begin, end, actor=ask.actor, now=ask.core.clock.now()
        )

    await ask.core.write(act)
    return await _one(ask, ask.path["name"])


async def taken_in(ask: Ask) -> TakenInBody:
    body: ImportRequest = ask.body
    must_run_the_msp(ask.actor)
    if (body.calendar is None) == (body.url is None):
        raise Refused("Send either `calendar` or `url`.", code="invalid")
    text = (
        body.calendar.encode()
        if body.calendar is not None
        else await calendar.fetched(ask.core, body.url or "")
    )
    found = await calendar.take_in(ask.core, ask.path["name"], text, actor=ask.actor, only_look=body.dry_run)
    shown = [
        ShiftBody(
            begin=one.begin,
            end=one.end,
            person=PersonBody(id=person.id, name=person.name, email=person.email),
        )
        for person, one in found.shifts
    ]
    return TakenInBody(rotation=found.rotation, kept=found.kept, shifts=shown)


async def removed(ask: Ask) -> RotationBody:
    before = await _one(ask, ask.path["name"])
    name = ask.path["name"]
    await ask.core.write(lambda tx: oncall.remove(tx, name, actor=ask.actor, now=ask.core.clock.now()))
    return before


async def _seen(tx: Transaction, ask: Ask, name: str) -> Rotation:
    rotation = await oncall.called(tx, name)
    if not calendar.sees(worker(ask.actor), rotation):
        raise NotFound(f"There is no rotation “{name[:40]}”.")
    return rotation


async def _one(ask: Ask, name: str) -> RotationBody:
    user = worker(ask.actor)

    async def look(tx: Transaction) -> RotationBody:
        return await _body(tx, await _seen(tx, ask, name), user, ask.core.clock.now())

    return await ask.core.read(look)


async def _named(tx: Transaction, who: Who) -> User:
    wanted = str(who).strip()
    number = wanted.isascii() and wanted.isdigit()
    user = await tx.users.get(int(wanted[:18])) if number else await tx.users.by_email(wanted)
    if user is None:
        raise Refused(f"I know nobody called “{wanted[:60]}”.", code="invalid")
    return user


async def _body(tx: Transaction, rotation: Rotation, user: User, now: datetime) -> RotationBody:
    """Companies that the asker does not work for are left out."""
    people = {one.id: one for one in await tx.users.all()}
    slugs = {one.id: one.slug for one in await tx.companies.all() if user.works_for(one.id)}
    coming = [_shift(one, people) for one in shifts(rotation, now, now + AHEAD)[:SHOWN]]
    current = next((one for one in coming if one.begin <= now), None)
    return RotationBody(
        name=rotation.name,
        timezone=rotation.timezone,
        companies=sorted(slugs[one] for one in rotation.companies if one in slugs),
        hours=rotation.hours,
        layers=[
            LayerBody(
                people=[_person(people[who]) for who in one.people if who in people],
                days=one.days,
                start=one.start,
                at=one.at,
                hours=one.hours,
            )
            for one in rotation.layers
        ],
        now=current.person if current else None,
        until=current.end if current else None,
        coming=coming,
        gaps=[_shift(one, people) for one in gaps(rotation, now, now + timedelta(days=7))],
    )


def _shift(one: Any, people: Mapping[int, User]) -> ShiftBody:
    user = people.get(one.user_id) if one.user_id is not None else None
    return ShiftBody(begin=one.begin, end=one.end, person=_person(user) if user is not None else None)


def _person(user: User) -> PersonBody:
    return PersonBody(id=user.id, name=user.name, email=user.email)


def _of(name: str, method: str, path: str, summary: str, act: Any, **more: Any) -> Endpoint:
    given: dict[str, Any] = {"answer": RotationBody} | more
    return Endpoint(method=method, path=f"/api/rotations{path}", name=name, summary=summary, act=act, **given)


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/api/oncall",
        name="getOnCall",
        summary="Who is on call for a company now",
        act=on_call,
        answer=OnCallList,
        query=OnCallQuery,
    ),
    _of("listRotations", "GET", "", "The rotations you may see", listed, answer=RotationList),
    _of("addRotation", "POST", "", "A new rotation, for MSP admins", made, body=RotationRequest, status=201),
    _of(
        "addLayer", "POST", "/{name}/layers", "People who take turns", layered, body=LayerRequest, status=201
    ),
    _of(
        "standIn",
        "POST",
        "/{name}/overrides",
        "Somebody stands in",
        stood_in,
        body=StandInRequest,
        status=201,
    ),
    _of(
        "importShifts",
        "POST",
        "/{name}/import",
        "Take shifts in from a calendar: they go before the layers",
        taken_in,
        answer=TakenInBody,
        body=ImportRequest,
    ),
    _of("removeRotation", "DELETE", "/{name}", "Take one away; it is the answer", removed, body=EmptyRequest),
)

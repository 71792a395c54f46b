"""Silences and maintenance windows by REST."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import Field

from bot.api.bodies import Body
from bot.api.companies import company_seen
from bot.api.door import Ask, Endpoint
from bot.api.requests import EmptyRequest, IncidentRef, Request
from bot.words import times
from engine.alert import Severity
from engine.company import Company
from engine.errors import Refused
from engine.identifiers import incident_number
from engine.operations import silence
from engine.operations.silence import Wish
from engine.receipt import LOOK_BACK, Preview
from engine.schedule import Schedule, between
from engine.suppression import QuietKind, QuietRule, Scope
from storage.transaction import Transaction

Name = Annotated[str, Field(max_length=200)]


class QuietBody(Body):
    """A silence or a maintenance window. `up_to` is the worst severity that it holds; `starts_at` and `ends_at` are
    those of its present or next stretch, `over_at` of its last; `series` is an RRULE, empty for once. That of an
    `incident` holds every problem that the incident holds at the time."""

    id: int
    kind: QuietKind
    company: str
    asset: str
    labels: dict[str, str]
    signature: str
    incident: str | None
    up_to: Severity
    reason: str
    by: str
    created_at: datetime
    active: bool
    starts_at: datetime
    ends_at: datetime
    over_at: datetime
    timezone: str
    series: str
    held: int
    ended_at: datetime | None
    ended_by: str


class QuietList(Body):
    rules: list[QuietBody]


class HeldLine(Body):
    asset: str
    title: str
    severity: Severity
    times: int


class PreviewBody(Body):
    """What the last `days` would have hidden. `critical_still_coming` is not held; `critical` is.
    `only_newest`: there were more alerts than are looked at."""

    days: int
    alerts: int
    critical: int
    critical_still_coming: int
    named: list[str]
    lines: list[HeldLine]
    only_hours_of_series: bool
    only_newest: bool


class AddedQuiet(Body):
    """`rule` is null when only a preview was asked for."""

    rule: QuietBody | None
    preview: PreviewBody


class QuietRequest(Request):
    """What to hold, when and why. `when` of a silence: `2h`, `tomorrow 8am`, or a moment in ISO 8601; of a window:
    `sat 22:00-02:00 weekly`, `2026-12-01 22:00 4h`. Nothing named means the whole company; the number of an `incident`
    all that it holds and what joins it meanwhile."""

    asset: Name = ""
    labels: dict[Annotated[str, Field(min_length=1, max_length=63)], Name] = Field(
        default_factory=dict, max_length=10
    )
    signature: Name = ""
    incident: IncidentRef | None = None
    up_to: Severity | None = None
    when: str = Field(min_length=1, max_length=200)
    reason: str = Field(min_length=1, max_length=300)
    preview: bool = False


def quiet_body(rule: QuietRule, company: str, now: datetime) -> QuietBody:
    schedule = rule.schedule
    stretch = rule.stretch_at(now)
    shown = stretch or schedule.after(now) or schedule.last_ended(now) or schedule.stretches[0]
    return QuietBody(
        id=rule.id,
        kind=rule.kind,
        company=company,
        asset=rule.scope.asset,
        labels=dict(rule.scope.labels),
        signature=rule.scope.signature,
        incident=f"INC-{rule.scope.incident}" if rule.scope.incident is not None else None,
        up_to=rule.scope.ceiling,
        reason=rule.reason,
        by=rule.by,
        created_at=rule.created_at,
        active=stretch is not None,
        starts_at=shown.starts_at,
        ends_at=shown.ends_at,
        over_at=schedule.over_at,
        timezone=schedule.timezone,
        series=schedule.rule,
        held=rule.held,
        ended_at=rule.ended_at,
        ended_by=rule.ended_by,
    )


def preview_body(seen: Preview) -> PreviewBody:
    return PreviewBody(
        days=LOOK_BACK.days,
        alerts=seen.alerts,
        critical=seen.critical,
        critical_still_coming=seen.passed,
        named=list(seen.named),
        lines=[
            HeldLine(asset=one.asset, title=one.title, severity=one.severity, times=one.times)
            for one in seen.lines
        ],
        only_hours_of_series=seen.patterned,
        only_newest=seen.beyond,
    )


async def bodies(
    tx: Transaction, companies: Sequence[Company], kind: QuietKind, now: datetime
) -> list[QuietBody]:
    slugs = {one.id: one.slug for one in companies}
    found = await silence.listed(tx, sorted(slugs), kind)
    return [quiet_body(rule, slugs[rule.company_id], now) for rule in found]


def _listing(kind: QuietKind) -> Any:
    async def act(ask: Ask) -> QuietList:
        async def look(tx: Transaction) -> QuietList:
            company = await company_seen(tx, ask.path["slug"], ask.actor)
            return QuietList(rules=await bodies(tx, [company], kind, ask.core.clock.now()))

        return await ask.core.read(look)

    return act


def _adding(kind: QuietKind) -> Any:
    async def act(ask: Ask) -> AddedQuiet:
        body: QuietRequest = ask.body
        now, days = ask.core.clock.now(), ask.core.settings.aw_silence_max_days

        longest = timedelta(days=days)

        async def look(tx: Transaction) -> tuple[Wish, Company, Preview]:
            company = await company_seen(tx, ask.path["slug"], ask.actor)
            wish = _wish(kind, body, company, now)
            _, seen = await silence.look(tx, wish, longest=longest, actor=ask.actor, now=now)
            return wish, company, seen

        wish, company, seen = await ask.core.read(look)
        if body.preview:
            return AddedQuiet(rule=None, preview=preview_body(seen))
        rule = await ask.core.write(
            lambda tx: silence.add(tx, wish, longest=longest, actor=ask.actor, now=now)
        )
        return AddedQuiet(rule=quiet_body(rule, company.slug, now), preview=preview_body(seen))

    return act


def _wish(kind: QuietKind, body: QuietRequest, company: Company, now: datetime) -> Wish:
    usual = Severity.HIGH if kind is QuietKind.SILENCE else Severity.CRITICAL
    scope = Scope(
        asset=body.asset,
        labels=tuple(sorted(body.labels.items())),
        signature=body.signature,
        incident=_numbered(body.incident),
        ceiling=body.up_to or usual,
    )
    schedule = _schedule(kind, body.when, company.timezone, now)
    return Wish(kind=kind, company_id=company.id, scope=scope, schedule=schedule, reason=body.reason)


def _numbered(incident: str | int | None) -> int | None:
    if incident is None:
        return None
    number = incident_number(str(incident))
    if number is None:
        raise Refused(f"“{str(incident)[:60]}” is no incident.", hint="Write INC-42 or 42.", code="invalid")
    return number


def _schedule(kind: QuietKind, when: str, timezone: str, now: datetime) -> Schedule:
    words = when.split()
    if kind is QuietKind.MAINTENANCE:
        found = times.window(words, now, timezone)
        if found is not None and found[1] == len(words):
            return found[0]
    elif (end := times.until(words, now, timezone)) is not None and end.words == len(words):
        return between(now, end.at)
    elif (moment := _moment(when)) is not None:
        return between(now, moment)
    raise Refused(f"“{when[:60]}” is no time.", hint="See the description of `when`.", code="invalid")


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo is not None else None


def _ending(kind: QuietKind) -> Any:
    async def act(ask: Ask) -> QuietBody:
        number, now = ask.path["id"], ask.core.clock.now()

        async def write(tx: Transaction) -> QuietBody:
            wanted = int(number) if number.isascii() and number.isdigit() and len(number) < 16 else 0
            rule = await silence.end(tx, wanted, kind=kind, actor=ask.actor, now=now)
            company = (await tx.companies.context(rule.company_id)).company
            return quiet_body(rule, company.slug, now)

        return await ask.core.write(write)

    return act


def _endpoints(kind: QuietKind, folder: str, name: str, one: str) -> tuple[Endpoint, ...]:
    many = "silences" if kind is QuietKind.SILENCE else "maintenance windows"
    return (
        Endpoint(
            method="GET",
            path=f"/api/companies/{{slug}}/{folder}",
            name=f"list{name}",
            summary=f"The {many} of a company that are not over",
            act=_listing(kind),
            answer=QuietList,
        ),
        Endpoint(
            method="POST",
            path=f"/api/companies/{{slug}}/{folder}",
            name=f"add{name}",
            summary=f"Add {one}, or see what it would have hidden",
            act=_adding(kind),
            answer=AddedQuiet,
            body=QuietRequest,
        ),
        Endpoint(
            method="POST",
            path=f"/api/{folder}/{{id}}/end",
            name=f"end{name}",
            summary=f"End {one} before its time; what is still broken is heard at once",
            act=_ending(kind),
            answer=QuietBody,
            body=EmptyRequest,
        ),
    )


ENDPOINTS = (
    *_endpoints(QuietKind.SILENCE, "silences", "Silences", "a silence"),
    *_endpoints(QuietKind.MAINTENANCE, "maintenance", "Maintenance", "a maintenance window"),
)

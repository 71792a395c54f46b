"""A company that sends more than it may: what still enters, what is refused, and that it is told once each time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from engine.alert import Alert, Severity
from engine.allowance import WINDOW, Limits, Shut
from engine.classification import judge
from engine.company import Company, CompanyContext
from engine.jobs import EndLimiting
from engine.operations.intake_story import tell_company
from engine.ports import IntakeTransaction


class Request(Protocol):
    """What the limit looks at: who sends, and what is in it."""

    @property
    def company_id(self) -> int: ...
    @property
    def alerts(self) -> Sequence[Alert]: ...


@dataclass(frozen=True, slots=True)
class _Unread:
    """A request in which no alert could be found."""

    company_id: int
    alerts: Sequence[Alert] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnedAway:
    """Refused for now: `wait` whole seconds, after which it is taken if nobody else sends."""

    wait: int
    shut: Shut


async def admit(
    tx: IntakeTransaction,
    requests: Sequence[Request],
    contexts: Mapping[int, CompanyContext],
    now: datetime,
    *,
    urgent: Collection[int] = (),
) -> Mapping[int, TurnedAway]:
    """Which of the requests do not fit any more, by their place. The first fit, and of the rest the critical and the
    urgent ones while the reserve lasts."""
    places: dict[int, list[int]] = {}
    for place, one in enumerate(requests):
        places.setdefault(one.company_id, []).append(place)
    refused: dict[int, TurnedAway] = {}
    for company_id in sorted(places):  # in one order, so that replicas never wait for one another in a circle
        limits = contexts[company_id].company.limits
        here = places[company_id]
        window, taken = await tx.allowances.take(company_id, len(here), limits, now=now)
        if taken == len(here):
            continue
        critical = {place for place in here[taken:] if place in urgent or _critical(requests[place])}
        entering = set(sorted(critical)[: window.reserve_free(limits, now)])
        if entering:
            await tx.allowances.take_reserve(company_id, len(entering))
        shut = window.entered(len(entering)).shut(limits, now)
        for place in here[taken:]:
            if place not in entering:
                refused[place] = TurnedAway(wait=shut.wait(now, critical=place in critical), shut=shut)
    return refused


async def count_refused(
    tx: IntakeTransaction, requests: Mapping[int, int], alerts: Mapping[int, int], now: datetime
) -> None:
    """Count what was refused, by company. The first of an episode is told to the company."""
    for company_id in sorted(requests):
        begins = await tx.allowances.refuse(
            company_id, requests=requests[company_id], alerts=alerts.get(company_id, 0), now=now
        )
        if begins:
            company = (await tx.companies.context(company_id)).company
            tx.jobs.put(EndLimiting(company_id=company_id), due_at=now + WINDOW)
            await tell_company(tx, company_id, _begins(company), now=now)


async def refuse(tx: IntakeTransaction, refused: Sequence[Request], now: datetime) -> None:
    """Count these."""
    requests, alerts = Counter[int](), Counter[int]()
    for one in refused:
        requests[one.company_id] += 1
        alerts[one.company_id] += len(one.alerts)
    await count_refused(tx, requests, alerts, now)


async def admit_one(
    tx: IntakeTransaction, company_id: int, now: datetime, *, urgent: bool = False
) -> TurnedAway | None:
    """A request without an alert; refused, it is counted."""
    contexts = await tx.companies.contexts([company_id])
    refused = (await admit(tx, [_Unread(company_id)], contexts, now, urgent=[0] if urgent else [])).get(0)
    if refused is not None:
        await count_refused(tx, {company_id: 1}, {}, now)
    return refused


async def end_limiting(tx: IntakeTransaction, company_id: int, now: datetime) -> None:
    """Close the episode after a minute without a refusal and say what it cost; look again later otherwise."""
    seen = await tx.allowances.refused(company_id)
    if seen is None or seen.limited_at is None or seen.refused_at is None:
        return
    due_at = seen.refused_at + WINDOW
    if now < due_at or not await tx.allowances.end(seen):
        tx.jobs.put(EndLimiting(company_id=company_id), due_at=max(due_at, now))
        return
    since, until = (f"{at.astimezone(UTC):%H:%M:%S}" for at in (seen.limited_at, seen.refused_at))
    many = "1 request was" if seen.requests == 1 else f"{seen.requests:,} requests were"
    text = f"Within the limit again. {many} refused between {since} and {until} UTC"
    if seen.alerts:
        text += f", with {_counted(seen.alerts, 'alert')} in those that were read"
    await tell_company(
        tx, company_id, f"{text}. What a tool did not send again never got here: look there.", now=now
    )


def _critical(request: Request) -> bool:
    return any(
        judge(severity_word=one.severity_word, signature=one.signature, message=one.message).severity
        is Severity.CRITICAL
        for one in request.alerts
    )


def _begins(company: Company) -> str:
    limits = company.limits
    return (
        f"{company.name} is over its limit of {in_words(limits)}: what is over it is refused, and the tools are told "
        f"when to send again. Critical alerts still enter, up to {limits.reserve} requests a minute. If this is no "
        f"tool gone wild, allow more: `aw company set {company.slug} --rate-limit {min(1000, limits.rate * 2)} "
        f"--burst {max(limits.burst, limits.rate) * 2}`."
    )


def in_words(limits: Limits) -> str:
    words = f"{_counted(limits.rate, 'request')} a minute"
    return f"{words} and {limits.burst:,} more in a storm" if limits.burst else words


def _counted(number: int, noun: str) -> str:
    return f"1 {noun}" if number == 1 else f"{number:,} {noun}s"

"""Reports by REST."""

from __future__ import annotations

from pydantic import Field

from bot.api.bodies import Body
from bot.api.companies import company_seen
from bot.api.door import Ask, Endpoint
from bot.api.requests import Request
from bot.handlers.reports import sees_people
from bot.reports.files import document
from bot.reports.gather import gather, span_of
from engine.company import Company
from storage.transaction import Transaction


class ReportQuery(Request):
    """`days`: `30d`, `4w`, `3m` or a number of days, up to now; 30 when nothing is said."""

    days: str = Field("30d", max_length=12)


class TimesBody(Body):
    """`count` spans; seconds, null of none."""

    count: int
    mean_seconds: float | None
    median_seconds: float | None


class KeptBody(Body):
    """Promises that were decided: in time or not."""

    met: int
    missed: int
    percent: float | None


class SeverityFigures(Body):
    severity: str
    incidents: int
    mtta: TimesBody
    mttr: TimesBody
    response_sla: KeptBody
    resolution_sla: KeptBody


class PersonFigures(Body):
    user_id: int
    name: str
    claimed: int
    resolved: int
    mtta: TimesBody
    mttr: TimesBody
    hands_on_seconds: float


class RunbookFigures(Body):
    runbook: str
    runs: int
    verified: int
    refuted: int
    by_itself: int
    verified_percent: float | None


class NoiseFigures(Body):
    """What people took and that ended without a fix; booked minutes, else drafted; `cost` by currency."""

    incidents: int
    minutes: int
    minutes_without_rate: int
    cost: dict[str, str]


class CheckFigures(Body):
    asset: str
    title: str
    alerts: int
    incidents: int
    hands_on_seconds: float
    noise: NoiseFigures


class DayFigures(Body):
    day: str
    alerts: int
    incidents: dict[str, int]


class ModelFigures(Body):
    """By UTC days; `dollars` is 0 where no price is set (`AW_AI_PRICE`)."""

    model: str
    asked: int
    in_vain: int
    tokens_in: int
    tokens_out: int
    dollars: float


class SeriesFigures(Body):
    """What came back in step in the span, whenever it began."""

    incident: str
    asset: str
    title: str
    rhythm: str


class ReportBody(Body):
    """Of the incidents that were opened in the span. `people` and `ai` are empty for those who are not of the MSP."""

    company: str
    since: str
    until: str
    timezone: str
    alerts: int
    incidents: int
    noise_reduction_percent: float | None
    open: int
    reopened: int
    self_healed: int
    self_healed_percent: float | None
    healed_by_runbook: int
    response_sla: KeptBody
    resolution_sla: KeptBody
    mtta: TimesBody
    mttr: TimesBody
    severities: list[SeverityFigures]
    people: list[PersonFigures]
    runbooks: list[RunbookFigures]
    noisiest: list[CheckFigures]
    days: list[DayFigures]
    booked_minutes: int
    drafted_minutes: int
    noise: NoiseFigures
    held: dict[str, int]
    silent_sources: list[str]
    periodic: list[SeriesFigures]
    ai: list[ModelFigures]


async def shown(ask: Ask) -> ReportBody:
    async def look(tx: Transaction) -> Company:
        return await company_seen(tx, ask.path["company"], ask.actor)

    span = span_of(ask.query.days)
    company = await ask.core.read(look)
    report = await gather(ask.core, company, span)
    return ReportBody.model_validate(document(report, people=sees_people(ask.actor)))


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/api/reports/{company}",
        name="getReport",
        summary="What a company's alerts became, how quickly, and what it cost",
        act=shown,
        answer=ReportBody,
        query=ReportQuery,
    ),
)

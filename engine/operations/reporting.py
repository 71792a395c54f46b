"""Reports that go out by themselves: each once, at its hour, whatever the replicas do."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from engine.company import Company, Reach, Role, User
from engine.notice import REPORTS, Transport
from engine.operations.configure import msp_timezone
from engine.ports import Deliveries, SettingsTransaction
from engine.report_jobs import DeliverReport, MailReport, SendReports
from engine.report_times import ReportTimes
from engine.setting import SETTINGS, Layers, resolve


class ReportTransaction(SettingsTransaction, Protocol):
    @property
    def deliveries(self) -> Deliveries: ...


MSP = 0
"""In the place of a company: the MSP, whose report is over all of them."""
STILL_WANTED = timedelta(hours=12)
"""A report that could not go out at its hour goes out later, up to this long."""


async def times_of(tx: ReportTransaction, company_id: int) -> tuple[ReportTimes | None, str]:
    """When, and on which clock; None when none is wanted."""
    if company_id == MSP:
        layers = Layers(msp=await tx.company_groups.msp())
        return resolve(SETTINGS["report_msp"], layers).value, await msp_timezone(tx)
    company = (await tx.companies.context(company_id)).company
    if company.archived_at is not None:
        return None, "UTC"
    return _times(company)


def _times(company: Company) -> tuple[ReportTimes | None, str]:
    return company.value("report"), company.timezone


def wants(user: User, company_id: int) -> bool:
    """By mail: a company admin their companies', an MSP admin the one over all of them; who asked for it."""
    role = Role.MSP_ADMIN if company_id == MSP else Role.COMPANY_ADMIN
    mine = user.role is role and (company_id == MSP or user.works_for(company_id))
    return mine and user.reach.get(REPORTS) is Reach.ALL


async def _people(tx: ReportTransaction, company_id: int) -> Sequence[User]:
    if company_id == MSP:
        return await tx.users.all()
    return (await tx.companies.context(company_id)).people


async def plan(tx: ReportTransaction, company_id: int, *, now: datetime) -> None:
    _put(tx, company_id, await times_of(tx, company_id), now)


def plan_all(tx: ReportTransaction, companies: Iterable[Company], *, now: datetime) -> None:
    """The same for companies that were read already: nothing more is."""
    for company in companies:
        _put(tx, company.id, _times(company), now)


def _put(
    tx: ReportTransaction, company_id: int, found: tuple[ReportTimes | None, str], now: datetime
) -> None:
    times, zone = found
    if times is not None:
        tx.jobs.put(SendReports(company_id=company_id), due_at=times.next(now, zone))


async def send(tx: ReportTransaction, company_id: int, *, now: datetime) -> None:
    """Have the report made that is due and was not yet; wait for the next."""
    times, zone = await times_of(tx, company_id)
    if times is None:
        return
    at = times.last(now, zone)
    name = f"report:{int(at.timestamp())}"
    if now - at < STILL_WANTED and not await tx.deliveries.answers([(company_id, name)]):
        tx.deliveries.put(company_id, name, {"sent": at.isoformat()}, now=now)
        days, until = times.covers(at, zone)
        job = DeliverReport(company_id=company_id, days=days, until=math.ceil(until.timestamp()))
        tx.jobs.put(job, due_at=now)
        if Transport.EMAIL in tx.ways:
            until_at = math.ceil(until.timestamp())
            for user in [one for one in await _people(tx, company_id) if wants(one, company_id)]:
                mail = MailReport(company_id=company_id, days=days, until=until_at, user_id=user.id)
                tx.jobs.put(mail, due_at=now)
    await plan(tx, company_id, now=now)

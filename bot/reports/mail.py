"""A report by mail: the figures to read, the picture in its place, and the PDF beside."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import parseaddr
from zoneinfo import ZoneInfo

from bot.core import Core
from bot.mail.carry import carry
from bot.mail.compose import Mail, compose
from bot.mail.message import Attached, message
from bot.mail.said import said
from bot.mail.words import MESSAGE, NAME, TITLE, Item
from bot.reports import picture, words
from bot.reports.gather import gather, gather_all
from bot.reports.summary import by_rules
from engine.company import Company, User
from engine.errors import Permanent
from engine.operations.reporting import MSP, wants
from engine.report import Report
from engine.report_jobs import MailReport
from storage.transaction import Transaction

PICTURE = "report-picture"
_PLACES = ("Noisiest", "2nd", "3rd", "4th", "5th")


def report_item(report: Report) -> Item:
    """What the template sees."""
    figures = [
        ("Alerts", f"{report.alerts:,}"),
        ("Incidents", f"{report.incidents:,} ({report.open:,} still open)"),
        ("Noise reduction", words.percent(report.noise_reduction)),
        ("Healed alone", f"{report.self_healed:,} ({words.percent(report.self_healed_percent)})"),
        ("Response SLA", words.kept(report.response)),
        ("Resolution SLA", words.kept(report.resolution)),
        ("MTTA", words.times(report.acknowledge)),
        ("MTTR", words.times(report.resolve)),
    ]
    if report.booked_minutes or report.drafted_minutes:
        figures.append(("Time put in", words.hours(report)))
    if report.noise.minutes:
        figures.append(("Noise cost", words.noise(report.noise)))
    if held := words.held(report):
        figures.append(("Held back", held))
    if report.silent_sources:
        figures.append(("Silent now", ", ".join(report.silent_sources[:5])))
    figures += [("In step", words.in_step(one)) for one in report.series[:3]]
    noisy = [
        (place, f"{one.title} on {one.asset_name}: {words.many(one.alerts, 'alert')}")
        for place, one in zip(_PLACES, report.checks, strict=False)
    ]
    zone = ZoneInfo(report.timezone)
    first, last = report.since.astimezone(zone), (report.until - timedelta(seconds=1)).astimezone(zone)
    return Item(
        kind="report",
        text=said(words.headline(report), TITLE * 2),
        title=said(words.headline(report), TITLE * 2),
        company=said(report.company, NAME),
        opened=f"{first.day} {first:%b} to {last.day} {last:%b %Y}",
        lines=[said(line, MESSAGE) for line in by_rules(report)] if report.incidents else [],
        figures=[(name, said(value, MESSAGE)) for name, value in [*figures, *noisy]],
        message=said(picture.alternative(report), MESSAGE),
        picture=PICTURE,
    )


def report_mail(core: Core, report: Report, *, reader: str) -> Mail:
    sender = parseaddr(core.settings.aw_email_from)
    folder = core.settings.aw_email_template_dir
    return compose(
        "report", [report_item(report)], reader=reader, sender=sender[0] or sender[1], folder=folder
    )


async def send(core: Core, job: MailReport) -> None:
    """At least once; a repeat has the same Message-ID. Raises Transient, Ambiguous, Permanent."""

    async def look(tx: Transaction) -> tuple[Company | None, User | None]:
        return await tx.companies.get(job.company_id), await tx.users.get(job.user_id)

    company, user = await core.read(look)
    if core.mailer is None:
        raise Permanent("no mail is sent any more")
    if user is None or not wants(user, job.company_id):
        return  # changed their mind, or their place, since it was asked for
    until, span = datetime.fromtimestamp(job.until, UTC), timedelta(days=job.days)
    if job.company_id == MSP:
        report, stem = await gather_all(core, span, until=until), "all"
    elif company is not None:
        report, stem = await gather(core, company, span, until=until), company.slug
    else:
        raise Permanent("the company of the report is gone")
    drawn, pdf = await asyncio.to_thread(lambda: (picture.png(report), picture.pdf(report)))
    made = message(
        report_mail(core, report, reader=user.name),
        sender=core.settings.aw_email_from,
        to=user.email,
        name=user.name,
        id=f"report-{job.company_id}-{job.days}-{job.until}-{user.id}",
        now=core.clock.now(),
        picture=(PICTURE, drawn),
        attached=[
            Attached(f"{stem}-{report.since:%Y-%m-%d}-{report.until:%Y-%m-%d}.pdf", "application", "pdf", pdf)
        ],
    )
    await carry(core, made)

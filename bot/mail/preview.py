"""A mail to look at before anybody gets one: about a company's newest incident, or about an example that says so."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import replace
from datetime import datetime, timedelta
from email.utils import parseaddr

from bot.core import Core
from bot.mail.compose import KINDS, Mail, WrongTemplate, compose
from bot.mail.compose import faults as template_faults
from bot.mail.said import said
from bot.mail.words import Item, item
from bot.reports.gather import USUAL, gather
from bot.reports.mail import PICTURE, report_mail
from bot.reports.picture import png
from bot.reports.words import days_words
from bot.views import IncidentView, incident_view
from engine.alert import Severity
from engine.company import Company, CompanyContext, Role, User
from engine.errors import NotFound
from engine.incident import Incident, IncidentStatus
from engine.sla import ClockKind, SlaPolicy, start_clock
from storage.transaction import Transaction

_TEXTS = {
    "assignment": "is yours: Linux ✓, 1 open, knows this company.",
    "warning": "30 min left to resolve it.",
    "breach": "The time to respond to it (30 min) is over. It went to level 2.",
    "escalation": "Nobody answered at level 1 for 15 min: it needs you.",
    "handoff": "Bob hands this over to you: disk grows again, the log rotation is off.",
    "closure": "",
    "notice": "Nobody is on call on Saturday from 18:00.",
    "digest": "is yours: least load.",
}


async def preview(core: Core, kind: str, company: Company) -> tuple[Mail, str]:
    """The mail, and what it is about: `INC-7`, or that it is an example. Raises NotFound, WrongTemplate."""
    if kind not in KINDS:
        raise NotFound(f"There is no mail “{kind[:40]}”.", hint=f"There are: {', '.join(KINDS)}.")
    if kind == "report":
        return await _report(core, company)
    now = core.clock.now()

    async def look(tx: Transaction) -> list[IncidentView]:
        status = IncidentStatus.RESOLVED.value if kind == "closure" else None
        newest = await tx.incidents.listed(company_ids=[company.id], open_only=None, status=status, most=3)
        views = [await incident_view(tx, one.id, catalogue=core.catalogue, now=now) for one in newest]
        return [one for one in views if one is not None]

    views = await core.read(look)
    about = views[0].incident.label if views else "an example: this company has none such"
    views = views or [example(company, now, resolved=kind == "closure")]
    folder = core.settings.aw_email_template_dir
    sender = parseaddr(core.settings.aw_email_from)
    wrong = template_faults(folder, _items(kind, views[:1], company)) if folder else []
    if wrong:
        raise WrongTemplate("\n".join(wrong))
    items = _items(kind, views, company)
    mail = compose(
        kind, items, reader="Kim", sender=sender[0] or sender[1] or "Alert Whisperer", folder=folder
    )
    return mail, about


async def _report(core: Core, company: Company) -> tuple[Mail, str]:
    """With its picture in the HTML itself, so that a browser shows it."""
    report = await gather(core, company, USUAL)
    mail = report_mail(core, report, reader="Kim")
    drawn = base64.b64encode(await asyncio.to_thread(png, report)).decode()
    html = mail.html.replace(f"cid:{PICTURE}", f"data:image/png;base64,{drawn}")
    return replace(mail, html=html), days_words(USUAL.days)


def _items(kind: str, views: list[IncidentView], company: Company) -> list[Item]:
    text, zone = _TEXTS[kind], company.timezone
    if kind == "notice":
        return [Item(kind="notice", text=said(text, 600))]
    level = 2 if kind in ("breach", "escalation") else 0
    some = views if kind == "digest" else views[:1]
    items = [item(one, kind=kind, text=text, zone=zone, level=level) for one in some]
    if kind == "digest":
        items.append(Item(kind="notice", text=said(_TEXTS["notice"], 600)))
    return items


def example(company: Company, now: datetime, *, resolved: bool = False) -> IncidentView:
    """An incident that never was, and says so in its title."""
    opened = now - timedelta(minutes=12)
    kim = User(id=0, name="Kim", email="kim@msp.example", role=Role.TECHNICIAN)
    incident = Incident(
        id=0,
        company_id=company.id,
        correlation_key="example",
        title="Example: disk / 97 % full",
        asset="web-server-01",
        asset_name="web-server-01",
        signature="disk full",
        category="disk",
        severity=Severity.CRITICAL,
        status=IncidentStatus.RESOLVED if resolved else IncidentStatus.ASSIGNED,
        resolved_at=now if resolved else None,
        resolution="Example: old logs deleted, rotation switched on." if resolved else "",
        opened_at=opened,
        last_alert_at=now,
        opened_reason="example",
        count=3,
        assignee_id=0,
    )
    clocks = [
        start_clock(
            policy=SlaPolicy(),
            severity=incident.severity,
            kind=kind,
            incident_id=0,
            company_id=company.id,
            now=opened,
        )
        for kind in ClockKind
    ]
    return IncidentView(
        incident=incident,
        context=CompanyContext(company=company, assets=(), people=(kim,)),
        asset=None,
        assignee=kim,
        clocks=[one for one in clocks if one is not None],
        alerts=(),
        runs=(),
        before=(),
        fits=(),
        now=now,
    )

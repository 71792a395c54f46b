"""Where time runs faster, what else comes once a week comes while one looks: the reports, in chat and by mail."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from engine.access import Actor
from engine.company import Company, Reach, Role
from engine.hours import DAYS
from engine.notice import REPORTS
from engine.operations import configure
from engine.operations.configure import Where, msp_timezone
from engine.setting import SETTINGS, Origin
from storage.transaction import Transaction

REPORT_IN = timedelta(seconds=75)
"""By the clock on the wall."""


async def reports(
    tx: Transaction, companies: Iterable[Company], *, speed: int, actor: Actor, now: datetime
) -> None:
    """Each company's report and the one over all of them are due `REPORT_IN` from now, and their admins want them by
    mail, too."""
    at = now + speed * REPORT_IN
    places = [(Where(Origin.MSP), "report_msp", await msp_timezone(tx))]
    places += [(Where(Origin.COMPANY, one.slug), "report", one.timezone) for one in companies]
    for where, name, timezone in places:
        local, setting = at.astimezone(ZoneInfo(timezone)), SETTINGS[name]
        kept = setting.kind.read(f"weekly {DAYS[local.weekday()]} {local:%H:%M}")
        await configure.put(tx, where, setting, kept, actor=actor, now=now)
    for user in await tx.users.all():
        if user.role in (Role.MSP_ADMIN, Role.COMPANY_ADMIN):
            await tx.users.change(replace(user, reach={**user.reach, REPORTS: Reach.ALL}))

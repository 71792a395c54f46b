"""What happened before the demo began: some days on which one check came and went, through the engine itself."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from bot.core import Core
from bot.demo.presets import PAST, recovery_of
from engine.company import Company
from engine.operations.ingest import Delivery, ingest
from integrations.sources import generic

DAYS_AGO = (7, 6, 5, 3, 2, 1)
"""One day was left out."""
AHEAD = timedelta(minutes=1)
"""The evening says it again so long after the start."""
_LATE = (-2, 3, 0, 4, -3, 1)
_LASTED = (11, 12, 9, 13, 12, 10)
"""Minutes, day by day: no job begins on the second, or takes as long as ever."""


async def live_through(core: Core, company: Company, now: datetime) -> None:
    """Send the company's past in, each alert at its own time."""

    async def say(alert: dict[str, Any], at: datetime) -> None:
        one = Delivery(company_id=company.id, alerts=tuple(generic.parse([alert], {})))
        await core.write(lambda tx: ingest(tx, [one], at))

    for ago, late, lasted in zip(DAYS_AGO, _LATE, _LASTED, strict=True):
        begins = now + AHEAD - timedelta(days=ago) + timedelta(minutes=late)
        await say(PAST[company.slug], begins)
        await say(recovery_of(PAST[company.slug]), begins + timedelta(minutes=lasted))

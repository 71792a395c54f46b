"""The odds that a promise will be broken, in words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.cards.incident import span_text
from engine.incident import Incident
from engine.odds import Odds, odds
from engine.sla import ClockKind, SlaClock
from storage.transaction import Transaction

VERBS = {ClockKind.RESPONSE: "respond", ClockKind.RESOLUTION: "resolve"}


async def odds_lines(
    tx: Transaction, incident: Incident, clocks: Sequence[SlaClock], now: datetime
) -> list[str]:
    """What the past says about each promise of one incident that still runs."""
    running = [one for one in clocks if one.running and one.due_at > now]
    if not incident.open or not running:
        return []
    past = (await tx.due.ended([incident.company_id], now=now))[incident.company_id]
    said = [(clock, odds(incident, clock, past, now)) for clock in running]
    return [f"To {VERBS[clock.kind]} it: {odds_text(found)}." for clock, found in said if found is not None]


def odds_text(found: Odds) -> str:
    """`8 of 11 like it (the same problem) took longer than the 40 min left`"""
    return (
        f"{found.late} of {found.of} like it ({found.like}) took longer than the {span_text(found.left)} left"
    )

"""Incidents of which monitoring says nothing any more, from tools that never say that something is over.

One timer a company, exact: due when the first of its open incidents has been silent for `close_after`, and at the
latest after that time from now, so that nothing has to be put when an incident opens. Tools are learned
(`Sources.never_end`): one that has been heard to send a recovery ends its incidents itself, however long that takes.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from engine.access import SYSTEM
from engine.alert import Severity
from engine.audit import AuditKind, TimelineKind
from engine.company import CompanyContext
from engine.incident import Incident, acted
from engine.incident_jobs import CloseUnheard
from engine.operations import ending
from engine.operations.heartbeats import TOOL as HEARTBEAT
from engine.operations.record import prove, show, tell
from engine.operations.sources import TOOL as RHYTHM
from engine.ports import IntakeTransaction, Transaction
from engine.receipt import span_words
from engine.suppression import resting_until

KNOWN_FOR = timedelta(days=3)
"""A tool that has been heard for less may send its first recovery yet."""
AGAIN = timedelta(hours=1)
"""A sweep has every company looked at so often: new tools, new companies, a setting that many inherit."""
MOST_AT_ONCE = 200
_OURS = frozenset({HEARTBEAT, RHYTHM})
_URGENT = (Severity.CRITICAL, Severity.HIGH)


async def look(tx: IntakeTransaction, company_id: int, now: datetime) -> None:
    """End what nobody has in hand and is not urgent; of the rest ask once. The company's turn is taken first, as by
    those who take alerts in."""
    context = (await tx.companies.contexts({company_id}, alone=True))[company_id]
    company = context.company
    after: timedelta = company.value("close_after")
    if not after or company.archived_at is not None:
        return
    mute = await tx.sources.never_end(company_id, known_since=now - KNOWN_FOR) - _OURS
    due = now + after
    if mute:
        silent = await tx.incidents.unheard(company_id, since=now - after, tools=mute, most=MOST_AT_ONCE)
        rests = [at for one in silent if (at := await _settle(tx, one, context, after, now)) is not None]
        if len(silent) == MOST_AT_ONCE and len(rests) < MOST_AT_ONCE:
            due = now
        first = await tx.incidents.next_unheard(company_id, after=now - after, tools=mute)
        due = min([due, *rests, *([first + after] if first is not None else [])])
    tx.jobs.put(CloseUnheard(company_id=company_id), due_at=due)


async def _settle(
    tx: Transaction, before: Incident, context: CompanyContext, after: timedelta, now: datetime
) -> datetime | None:
    """When to look again, if it is quiet on purpose: what is held says nothing either."""
    rests = resting_until(before, context, now)
    if rests is not None:
        return rests
    span, tools = span_words(after), ", ".join(before.tools)
    if not before.touched and before.severity not in _URGENT:
        note = f"No word from monitoring for {span}; {tools} does not say when something is over."
        told = f"no word from monitoring for {span}, and {tools} does not say when something is over."
        done = await ending.end(
            tx, before, note=note, told=told, now=now, what="Closed: no word from monitoring"
        )
    else:
        done = _ask(tx, before, span, tools, now)
    await show(tx, await tx.incidents.save(before, done), at=now)
    return None


def _ask(tx: Transaction, before: Incident, span: str, tools: str, now: datetime) -> Incident:
    """Its owner, or whoever it is for; without either the channel reads it."""
    stays = "" if before.touched else f" It stays open because it is {before.severity}."
    text = f"No word from monitoring for {span}, and {tools} does not say when something is over.{stays}"
    kind = TimelineKind.ALERT if before.touched else TimelineKind.ASSIGNED
    tell(tx, before, kind, f"{text} Is it over? Resolve it if so.", actor=SYSTEM, now=now)
    prove(tx, before, AuditKind.INCIDENT_UNHEARD, actor=SYSTEM, now=now, span=span, tools=list(before.tools))
    return acted(
        replace(before, asked_at=now), what=f"No word from monitoring for {span}: is it over?", now=now
    )

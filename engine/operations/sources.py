"""Sources that fall silent: what each usually does is learned, its silence is one incident, its next word the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from engine.alert import Alert, AlertStatus, normal_asset
from engine.company import Company
from engine.incident import TEST_TOOL
from engine.intake import Source
from engine.jobs import JudgeSources
from engine.operations.dead_letters import tool_name
from engine.operations.ingest import Answer, Delivery, ingest
from engine.operations.intake_story import show_intake, tell_company
from engine.ports import IntakeTransaction
from engine.rhythm import WEEKS, Rhythm, Unsteady, closed_days, judge, silence_words

TOOL = "rhythm"
LONGEST_NAME = 60
MOST_ASSETS = 32
"""Good news of so many assets is counted in one batch: more at once is no rhythm."""
MOST_JUDGED = 300
_WELL = (AlertStatus.RESOLVED, AlertStatus.NOTICE)
KEPT = timedelta(weeks=WEEKS + 1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HOUR = timedelta(hours=1)


def counted(deliveries: Sequence[Delivery], answers: Sequence[Answer]) -> Counter[tuple[int, str]]:
    """Who spoke how often, by company and source; besides, each asset of which a tool said that all is well, which is
    what jobs say that have to run. Alarms are not counted by asset: what is mended falls silent too."""
    heard: Counter[tuple[int, str]] = Counter()
    well: Counter[tuple[int, str]] = Counter()
    for one, answer in zip(deliveries, answers, strict=True):
        if answer.replayed or answer.turned_away is not None:
            continue
        results: Any = answer.body["results"]
        for alert, result in zip(one.alerts, results, strict=True):
            if alert.tool == TEST_TOOL:
                continue
            tool = alert.tool[:LONGEST_NAME].replace("@", " ")
            heard[(one.company_id, tool)] += 1
            if alert.status in _WELL and result["incident_id"] is None:
                asset = normal_asset(alert.asset_name)[:LONGEST_NAME]
                well[(one.company_id, f"{tool}@{asset}")] += 1
    heard.update(dict(well.most_common(MOST_ASSETS)))
    return heard


def ended(deliveries: Sequence[Delivery], answers: Sequence[Answer]) -> set[tuple[int, str]]:
    """The sources that said of something that it is over, named as `counted` names them."""
    return {
        (one.company_id, alert.tool[:LONGEST_NAME].replace("@", " "))
        for one, answer in zip(deliveries, answers, strict=True)
        if not answer.replayed and answer.turned_away is None
        for alert in one.alerts
        if alert.status is AlertStatus.RESOLVED
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What is known of a company's sources: messages by hour, when each spoke last, and what was learned before.
    `peers` are the days on which others like a source spoke, for the sources that keep working days."""

    company: Company
    counts: Mapping[str, Mapping[int, int]]
    last: Mapping[str, datetime]
    known: Mapping[str, Source]
    peers: Mapping[str, Sequence[frozenset[date]]]

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.company.timezone)


async def history(tx: IntakeTransaction, company_id: int) -> History | None:
    """None for a company that is no more."""
    company = (await tx.companies.context(company_id)).company
    if company.archived_at is not None:
        return None
    known = await tx.sources.of_company(company_id)
    zone = ZoneInfo(company.timezone)
    peers: dict[str, Sequence[frozenset[date]]] = {}
    for tool, source in known.items():
        if source.workdays_only:
            found = await tx.sources.peers(company.timezone, but=(company_id, tool))
            peers[tool] = [frozenset(_date(hour, zone) for hour in hours) for hours in found]
    return History(
        company=company,
        counts=await tx.sources.counts(company_id),
        last=await tx.sources.last_heard(company_id),
        known=known,
        peers=peers,
    )


def _date(hour: int, zone: ZoneInfo) -> date:
    return (_EPOCH + hour * _HOUR).astimezone(zone).date()


def judged(known: History, now: datetime) -> dict[str, Rhythm | Unsteady]:
    """What each source usually does. Takes milliseconds a source and touches nothing: fit for another thread."""
    until = now.astimezone(known.zone).date()
    found = {}
    first = sorted(known.counts, key=lambda tool: ("@" in tool, -len(known.counts[tool])))
    for tool in first[:MOST_JUDGED]:
        counts = known.counts[tool]
        closed = closed_days(known.peers.get(tool, ()), until=until)
        found[tool] = judge(counts, known.zone, closed=closed)
    return found


async def settle(
    tx: IntakeTransaction, seen: History, rhythms: Mapping[str, Rhythm | Unsteady], now: datetime
) -> None:
    """Call what has fallen silent and close what speaks again, each once; look again within the hour."""
    company = seen.company
    known, last = await tx.sources.of_company(company.id), await tx.sources.last_heard(company.id)
    changed = False
    silent = {tool for tool, source in known.items() if source.silent_since is not None}
    for tool, rhythm in rhythms.items():
        if tool not in last:
            continue
        before = known.get(tool)
        after = _learned(before or Source(company_id=company.id, tool=tool), rhythm)
        if after.silent_since is not None and last[tool] > after.silent_since:
            after = replace(after, silent_since=None)
            silent.discard(tool)
            await _say(tx, company, tool, f"{_name(tool)} speaks again.", now, silent=False)
        elif isinstance(rhythm, Rhythm) and last[tool] == seen.last.get(tool) and _over(before, rhythm, now):
            if tool.partition("@")[0] in silent:
                continue  # its whole tool is silent, which has been said
            silent.add(tool)
            after = replace(after, silent_since=last[tool])
            words = silence_words(company.name, _name(tool), rhythm, last[tool], now, seen.zone)
            await _say(tx, company, tool, words, now, silent=True)
        if after != before:
            tx.sources.put(after)
            changed = True
    await tx.sources.forget(company.id, before=now - KEPT)
    if changed:
        await show_intake(tx, company.id, now=now)
    tx.jobs.put(JudgeSources(company_id=company.id), due_at=next_look(company.id, now))


def _over(before: Source | None, rhythm: Rhythm, now: datetime) -> bool:
    """Its time is over and nobody has said so. One that keeps working days is compared with others of its kind first:
    it has to be known as such."""
    if now < rhythm.quiet_at or (before is not None and before.silent_since is not None):
        return False
    return not rhythm.workdays_only or (before is not None and before.workdays_only)


def _learned(source: Source, rhythm: Rhythm | Unsteady) -> Source:
    if isinstance(rhythm, Unsteady):
        return replace(source, words=rhythm.why, workdays_only=False)
    return replace(source, words=f"usually {rhythm.usual}", workdays_only=rhythm.workdays_only)


async def _say(
    tx: IntakeTransaction, company: Company, tool: str, words: str, now: datetime, *, silent: bool
) -> None:
    alert = Alert(
        asset_name=tool.partition("@")[2] or tool,
        signature=f"{_name(tool)} has fallen silent",
        tool=TOOL,
        status=AlertStatus.FIRING if silent else AlertStatus.RESOLVED,
        severity_word="medium",
        message=words,
        dedup_key=tool,
        labels={"source": tool},
    )
    await ingest(tx, [Delivery(company_id=company.id, alerts=(alert,))], now)
    await tell_company(tx, company.id, words, now=now, topic=f"silence|{tool}|{silent}")


def _name(tool: str) -> str:
    """`Veeam`, or `Veeam about db-01`."""
    whole, _, asset = tool.partition("@")
    return f"{tool_name(whole)} about {asset}" if asset else tool_name(whole)


def next_look(company_id: int, now: datetime) -> datetime:
    """Five minutes and some after the next full hour; companies are spread over the following ten minutes."""
    full = _EPOCH + ((now - _EPOCH) // _HOUR + 1) * _HOUR
    return full + timedelta(minutes=5, seconds=company_id * 7 % 600)

"""Learning from a company's history: read what is stored, think beside the loop, keep what came out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from engine.activity import Activity
from engine.aliases import Alias, Sightings, settled
from engine.company import CompanyContext
from engine.identifiers import floor_of
from engine.knowledge import Knowledge, Told, pack, study
from engine.ports import Transaction
from engine.topology import Topology

LOOKS_BACK = timedelta(days=90)
MOST_STUDIED = 20_000
"""The latest alerts of a company that are learned from."""
_EVERY = timedelta(hours=6)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Past:
    context: CompanyContext
    told: Sequence[Told]
    known: Knowledge | None
    aliases: Sequence[Alias]


@dataclass(frozen=True, slots=True)
class Lesson:
    knowledge: Knowledge
    aliases: Sequence[Alias]
    renamed: bool
    """Does an asset go by other names than before?"""


def next_look(company_id: int, now: datetime) -> datetime:
    """Every six hours; companies are spread over an hour."""
    return _EPOCH + ((now - _EPOCH) // _EVERY + 1) * _EVERY + timedelta(seconds=company_id * 61 % 3600)


async def past(tx: Transaction, company_id: int, now: datetime) -> Past | None:
    """None for a company that is no more."""
    context = await tx.companies.context(company_id)
    if context.company.archived_at is not None:
        return None
    told = await tx.knowledge.told(company_id, floor=floor_of(now - LOOKS_BACK), most=MOST_STUDIED)
    known = await tx.knowledge.get(company_id)
    return Past(context, told, known, await tx.knowledge.aliases(company_id))


def learned(seen: Past, now: datetime) -> Lesson:
    """What the past teaches. Takes up to a second and touches nothing: fit for another thread."""
    company = seen.context.company
    activity = Activity(Topology(seen.context.assets), window=company.window.total_seconds())
    names = Sightings()
    floor = study(activity, names, seen.told) or floor_of(now - LOOKS_BACK)
    knowledge = Knowledge(company_id=company.id, floor=floor, learned_at=now, document=pack(activity))
    found = [
        Alias(
            company_id=company.id, name=name, asset=asset, times=evidence.times, tools=tuple(evidence.tools),
            last_at=datetime.fromtimestamp(evidence.at, UTC),
        )
        for name, asset, evidence in names.found(seen.context.listed_names, now.timestamp())
    ]  # fmt: skip
    kept = settled(found, seen.aliases)
    holding = {(one.name, one.asset) for one in seen.aliases if one.holds}
    renamed = any(one.holds != ((one.name, one.asset) in holding) for one in kept)
    return Lesson(knowledge, kept, renamed)


async def settle(tx: Transaction, lesson: Lesson) -> None:
    await tx.knowledge.put(lesson.knowledge)
    await tx.knowledge.put_aliases(lesson.aliases)
    if lesson.renamed:
        await tx.companies.touch(lesson.knowledge.company_id)

"""An incident's thread: every line of its story that is to be told, each once, and what piles up as one line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from bot.budget import Lane, turn
from bot.cards.approval import story_card
from bot.cards.card import Card
from bot.cards.incident import cut
from bot.core import Core
from bot.ports import Chat
from bot.posting import Post, first_post
from engine.access import SYSTEM
from engine.audit import TimelineEntry, TimelineKind
from engine.company import User
from engine.incident import Incident
from engine.jobs import SyncThread
from engine.ports import CardWanted
from runbooks.approvals import deciders
from runbooks.operations.break_glass import called
from storage.cards import StoredCard
from storage.transaction import Transaction

STORY = "story"
LONG_OUTPUT = 2_400
"""Output beyond this goes into the thread as a file, with its beginning and end in the message."""
FOLD_FROM = 4
"""So many lines of monitoring in a row that wait to be told are told as one."""
_FOLDED = (TimelineKind.ALERT, TimelineKind.REOPENED, TimelineKind.RECOVERED, TimelineKind.RESOLVED)


@dataclass(frozen=True, slots=True)
class TextFile:
    name: str
    title: str
    body: bytes
    alt: str = ""


async def sync_thread(core: Core, chats: Mapping[str, Chat], job: SyncThread) -> None:
    """Write every told line that is not in the thread yet, in order, each once."""
    for chat in chats.values():
        async with core.database.reading() as tx:
            pending = await _untold(tx, job.incident_id, chat.name)
        if pending is None:
            continue
        parent, entries, said = pending
        for some in folded([entry for entry in entries if entry.id not in said]):
            await _tell(core, chat, parent, some)
        for entry in entries:
            if _has_file(entry) and _file_of(entry) not in said:
                await _attach(core, chat, parent, entry)


async def _untold(
    tx: Transaction, incident_id: int, platform: str
) -> tuple[StoredCard, list[TimelineEntry], set[str]] | None:
    parent = await tx.cards.stored_of(incident_id, "incident", platform)
    if parent is None or parent.ref is None:
        return None
    said = await tx.cards.posted_subjects(incident_id, STORY, platform)
    told = await tx.timeline.of_incident(incident_id, told_only=True)
    missing = [one for one in told if one.id not in said or (_has_file(one) and _file_of(one) not in said)]
    return parent, missing, said


def folded(entries: Sequence[TimelineEntry]) -> list[list[TimelineEntry]]:
    """The entries in order, those that are told together together: what monitoring alone says, when it is much."""
    lines: list[list[TimelineEntry]] = []
    for by_monitoring, run in groupby(entries, key=_by_monitoring):
        some = list(run)
        lines.extend([some] if by_monitoring and len(some) >= FOLD_FROM else [[entry] for entry in some])
    return lines


def _by_monitoring(entry: TimelineEntry) -> bool:
    return entry.actor == SYSTEM.name and entry.kind in _FOLDED and not entry.body


def _has_file(entry: TimelineEntry) -> bool:
    return len(entry.body) > LONG_OUTPUT


def _file_of(entry: TimelineEntry) -> str:
    return f"{entry.id}.file"


def _wanted(parent: StoredCard, platform: str, subject: str) -> CardWanted:
    return CardWanted(
        company_id=parent.company_id,
        incident_id=parent.incident_id,
        kind=STORY,
        subject=subject,
        platform=platform,
        channel=parent.channel,
        in_thread=True,
    )


async def _attach(core: Core, chat: Chat, parent: StoredCard, entry: TimelineEntry) -> None:
    """The whole output as a file: at least once, and marked as said afterwards."""
    assert parent.ref is not None
    name = f"INC-{parent.incident_id}-output.txt"
    await turn(core, chat.name, parent.channel, parent.company_id, Lane.EDIT)
    file = TextFile(name, entry.text[:80], entry.body.encode())
    await chat.attach(parent.channel, thread=parent.ref, file=file, company_id=parent.company_id)
    wanted = _wanted(parent, chat.name, _file_of(entry))
    await core.write(lambda tx: _said(tx, core, [wanted], "file"))


async def _said(tx: Transaction, core: Core, wanted: Sequence[CardWanted], ref: str) -> None:
    for one in wanted:
        tx.cards.want(one)
    await tx.cards.flush()
    for one in wanted:
        await tx.cards.posted(one.id, ref=ref, shown="file", now=core.clock.now())


async def _tell(core: Core, chat: Chat, parent: StoredCard, entries: Sequence[TimelineEntry]) -> None:
    """One message for these; the first of them gives it its name, so that a later try finds it."""
    entry = entries[0]
    wanted = _wanted(parent, chat.name, entry.id)
    others = [_wanted(parent, chat.name, one.id) for one in entries[1:]]

    async def prepare(tx: Transaction) -> Card | None:
        incident = await tx.incidents.get(parent.incident_id) if parent.incident_id is not None else None
        tx.cards.want(wanted)
        if incident is None:
            return None
        card = story_card(_as_one(entries), incident, await _called(tx, entry, incident))
        return replace(card, card_id=wanted.id)

    card = await core.write(prepare)
    stored = await core.read(lambda tx: tx.cards.get(wanted.id))
    if card is None or stored is None:
        return
    lane = Lane.EDIT if entry.actor == SYSTEM.name else Lane.PRESS
    post = Post(core, chat, stored, card, lane, seen_at=core.clock.now(), thread=parent.ref)
    await first_post(post, afterwards=lambda tx, ref: _said(tx, core, others, ref))


async def _called(tx: Transaction, entry: TimelineEntry, incident: Incident) -> tuple[User, ...]:
    """Who gets the incident by itself after its card was posted, and who could decide about a run that still waits:
    the edit of a card calls nobody."""
    if entry.kind is TimelineKind.REMINDER:
        people = (await tx.companies.context(incident.company_id)).people
        waiting = [run for run in await tx.runs.of_incident(incident.id) if run.reminded_at == entry.at]
        return deciders(waiting[0], people)[:4] if waiting and not waiting[0].status.finished else ()
    if entry.kind is TimelineKind.ESCALATED:
        calls = [one for one in await tx.escalations.of(incident.id) if one.at == entry.at]
        found = [await tx.users.get(user_id) for call in calls for user_id in call.called[:8]]
        return tuple(user for user in found if user is not None)
    if entry.kind is TimelineKind.BREACHED:  # what nobody has in hand is escalated: that line calls
        owner_id = incident.assignee_id if incident.open and incident.touched else None
        owner = await tx.users.get(owner_id) if owner_id is not None else None
        return (owner,) if owner else ()
    if entry.kind is TimelineKind.GLASS:
        return called((await tx.companies.context(incident.company_id)).people, incident.company_id)
    by_itself = entry.kind is TimelineKind.ASSIGNED and entry.actor == SYSTEM.name
    if not by_itself or incident.assignee_id is None or not incident.open or incident.touched:
        return ()
    user = await tx.users.get(incident.assignee_id)
    return (user,) if user else ()


def _as_one(entries: Sequence[TimelineEntry]) -> TimelineEntry:
    """Several lines as one: how many there were, and the newest."""
    if len(entries) == 1:
        return entries[0]
    last = entries[-1]
    return replace(last, text=f"{len(entries)} updates from monitoring; the last: {cut(last.text, 300)}")

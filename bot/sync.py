"""Making chat agree with the database: cards and threads, posted once and edited in place."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace

from bot.approval_card import approval_card, story_card
from bot.cards import Card
from bot.core import Core
from bot.incident_card import incident_card
from bot.intake_card import intake_card, intake_line_card
from bot.ports import Chat, Gone
from bot.views import ApprovalView, incident_view, intake_view
from engine.audit import TimelineEntry
from engine.errors import Permanent
from engine.jobs import SyncCard, SyncThread
from engine.operations.intake_story import INTAKE_CARD, INTAKE_LINE
from engine.operations.intake_story import intake_card as wanted_intake_card
from engine.ports import CardWanted
from runbooks.approvals import deciders
from runbooks.run import RunStatus
from storage.cards import StoredCard
from storage.transaction import Transaction

STORY = "story"
LONG_OUTPUT = 2_400
"""Output beyond this goes into the thread as a file, with its beginning and end in the message."""


async def sync_card(core: Core, chats: Mapping[str, Chat], job: SyncCard) -> None:
    """Post the card if it has not been posted, edit it if it says something else by now."""
    found = await core.read(lambda tx: _composed(tx, core, job.card_id))
    if found is None:
        return
    stored, card, thread = found
    chat = chats.get(stored.platform)
    if chat is None or (stored.in_thread and thread is None):
        return  # a thread's card waits for the incident's: its first post puts this job again
    digest = _digest(chat, card)
    if stored.ref is None:
        await _first_post(core, chat, stored, card, digest, thread)
        return
    if stored.shown == digest:
        return
    try:
        await chat.update(stored.channel, stored.ref, card)
    except Gone:  # somebody deleted it: it is posted anew, and the old place is forgotten
        await core.write(lambda tx: tx.cards.forget_post(stored.id))
        again = replace(stored, ref=None, posting_at=None)
        await _first_post(core, chat, again, card, digest, thread)
        return
    ref = stored.ref
    await core.write(lambda tx: tx.cards.posted(stored.id, ref=ref, shown=digest, now=core.clock.now()))


def _digest(chat: Chat, card: Card) -> str:
    return hashlib.sha256(chat.render(card).encode()).hexdigest()[:32]


async def _first_post(
    core: Core, chat: Chat, stored: StoredCard, card: Card, digest: str, thread: str | None
) -> None:
    now = core.clock.now()
    claimed = await core.write(lambda tx: tx.cards.claim_first_post(stored.id, now=now))
    if claimed is None:
        return
    ref = None
    if (
        claimed.posting_at is not None
    ):  # an earlier try may have arrived unseen, and may say what was true then
        ref = await chat.find(stored.channel, stored.id, since=claimed.posting_at, thread=thread)
        if ref is not None:
            await chat.update(stored.channel, ref, card)
    if ref is None:
        try:
            ref = await chat.post(stored.channel, card, thread=thread)
        except Permanent:
            await core.write(lambda tx: tx.cards.not_posted(stored.id))
            raise
    posted = ref

    async def done(tx: Transaction) -> None:
        await tx.cards.posted(stored.id, ref=posted, shown=digest, now=core.clock.now())
        if not stored.in_thread:
            await _wake_thread(tx, core, stored)

    await core.write(done)


async def _wake_thread(tx: Transaction, core: Core, stored: StoredCard) -> None:
    """The card has its place now: what belongs into its thread can be posted."""
    now = core.clock.now()
    if stored.incident_id is None:
        lines = await tx.cards.unposted(stored.company_id, INTAKE_LINE, stored.platform, stored.channel)
        for card_id in lines:
            tx.jobs.put(SyncCard(company_id=stored.company_id, card_id=card_id), due_at=now)
        return
    tx.jobs.put(SyncThread(company_id=stored.company_id, incident_id=stored.incident_id), due_at=now)
    for card in await tx.cards.of_incidents([stored.incident_id], "approval"):
        tx.jobs.put(SyncCard(company_id=stored.company_id, card_id=card.id), due_at=now)


async def _composed(tx: Transaction, core: Core, card_id: str) -> tuple[StoredCard, Card, str | None] | None:
    """(the stored card, what it should say, the thread it belongs into)."""
    stored = await tx.cards.get(card_id)
    if stored is None:
        return None
    card = await _said(tx, core, stored)
    if card is None:
        return None
    thread = await _thread(tx, stored) if stored.in_thread else None
    return stored, replace(card, card_id=stored.id), thread


async def _said(tx: Transaction, core: Core, stored: StoredCard) -> Card | None:
    """What the card should say now; None when there is nothing left to say."""
    if stored.kind == INTAKE_CARD:
        return intake_card(await intake_view(tx, stored.company_id))
    if stored.kind == INTAKE_LINE:
        line = await tx.intake_lines.get(stored.subject)
        return intake_line_card(line) if line else None
    if stored.kind == "approval":
        approval = await approval_view(tx, core, stored.subject)
        return approval_card(approval) if approval else None
    if stored.kind == "incident" and stored.incident_id is not None:
        view = await incident_view(tx, stored.incident_id, catalogue=core.catalogue, now=core.clock.now())
        return incident_card(view) if view else None
    return None


async def _thread(tx: Transaction, stored: StoredCard) -> str | None:
    """The message that a card belongs below: its incident's, or its company's intake message in that channel."""
    if stored.incident_id is not None:
        parent = await tx.cards.stored_of(stored.incident_id, "incident", stored.platform)
    else:
        wanted = wanted_intake_card(stored.company_id, stored.platform, stored.channel)
        parent = await tx.cards.get(wanted.id)
    return parent.ref if parent else None


async def approval_view(tx: Transaction, core: Core, run_id: str) -> ApprovalView | None:
    run = await tx.runs.get(run_id)
    if run is None:
        return None
    context = await tx.companies.context(run.company_id)
    incident = await tx.incidents.get(run.incident_id) if run.incident_id is not None else None
    known = {runbook.id: runbook for runbook in core.catalogue.all()}
    earlier = await tx.runs.last_finished(run.company_id, run.runbook_id, before=run.id)
    approved = earlier if earlier is not None and earlier.status is not RunStatus.REJECTED else None
    return ApprovalView(
        run=run,
        incident=incident,
        context=context,
        runbook=known.get(run.runbook_id),
        deciders=deciders(run, context.people),
        last_approved=approved,
    )


async def sync_thread(core: Core, chats: Mapping[str, Chat], job: SyncThread) -> None:
    """Write every told line that is not in the thread yet, in order, each once."""
    for chat in chats.values():
        async with core.database.reading() as tx:
            pending = await _untold(tx, job.incident_id, chat.name)
        if pending is None:
            continue
        parent, entries, said = pending
        for entry in entries:
            if entry.id not in said:
                await _tell(core, chat, parent, entry)
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
    await chat.attach(parent.channel, thread=parent.ref, name=name, title=entry.text[:80], text=entry.body)
    wanted = _wanted(parent, chat.name, _file_of(entry))

    async def done(tx: Transaction) -> None:
        tx.cards.want(wanted)
        await tx.cards.flush()
        await tx.cards.posted(wanted.id, ref="file", shown="file", now=core.clock.now())

    await core.write(done)


async def _tell(core: Core, chat: Chat, parent: StoredCard, entry: TimelineEntry) -> None:
    wanted = _wanted(parent, chat.name, entry.id)

    async def prepare(tx: Transaction) -> Card | None:
        incident = await tx.incidents.get(parent.incident_id) if parent.incident_id is not None else None
        tx.cards.want(wanted)
        return replace(story_card(entry, incident), card_id=wanted.id) if incident else None

    card = await core.write(prepare)
    stored = await core.read(lambda tx: tx.cards.get(wanted.id))
    if card is None or stored is None:
        return
    await _first_post(core, chat, stored, card, _digest(chat, card), parent.ref)

"""One message on its way into a channel: a turn is taken for it, it is posted once, and then only edited."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime

from bot.budget import WORKSPACE, Lane, not_yet, slowed, take_turn, turn
from bot.cards.card import Card
from bot.core import Core
from bot.ports import Chat, Gone
from engine.errors import Permanent, Transient
from engine.jobs import SyncCard, SyncThread
from engine.operations.intake_story import INTAKE_LINE
from storage.cards import StoredCard
from storage.transaction import Transaction

Afterwards = Callable[[Transaction, str], Awaitable[None]]
"""What else is written when the message is known to stand there, with its id."""


@dataclass(frozen=True, slots=True)
class Post:
    """What should stand there. `seen_at` is when the card was true: what happened later shows with the next edit."""

    core: Core
    chat: Chat
    stored: StoredCard
    card: Card
    lane: Lane
    seen_at: datetime
    thread: str | None = None

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.chat.render(self.card).encode()).hexdigest()[:32]


async def first_post(post: Post, *, afterwards: Afterwards | None = None) -> None:
    """Post it, unless an earlier try turns out to have arrived."""
    core, chat, stored = post.core, post.chat, post.stored
    claimed = await _claim(post)
    if claimed is None:
        return
    ref = None
    if (
        claimed.posting_at is not None
    ):  # an earlier try may have arrived unseen, and may say what was true then
        ref = await chat.find(stored.channel, stored.id, since=claimed.posting_at, thread=post.thread)
        if ref is not None:
            try:
                await chat.update(stored.channel, ref, post.card)
            except Gone:  # it was found and then deleted
                ref = None
    if ref is None:
        try:
            ref = await chat.post(stored.channel, post.card, thread=post.thread)
        except Permanent:
            await core.write(lambda tx: tx.cards.not_posted(stored.id))
            raise
        except Transient as error:
            await slowed(core, stored.platform, stored.channel, error)
            raise
    posted = ref

    async def done(tx: Transaction) -> None:
        await tx.cards.posted(stored.id, ref=posted, shown=post.digest, now=post.seen_at)
        if not stored.in_thread:
            await _wake_thread(tx, core, stored)
        if afterwards is not None:
            await afterwards(tx, posted)

    await core.write(done)


async def _claim(post: Post) -> StoredCard | None:
    """A turn in the channel and the right to post first, both in one transaction. Raises Transient without a turn."""
    core, stored = post.core, post.stored
    now = core.clock.now()

    async def act(tx: Transaction) -> StoredCard | Transient | None:
        wait = await take_turn(
            tx, stored.platform, stored.channel, stored.company_id, post.lane, edit=False, now=now
        )
        return not_yet(wait) if wait is not None else await tx.cards.claim_first_post(stored.id, now=now)

    claimed = await core.write(act)
    if isinstance(claimed, Transient):
        raise claimed
    return claimed


async def edit(post: Post, *, not_before: datetime | None) -> None:
    """Make the message say what it should, not before that time; somebody deleted it: it is posted anew."""
    core, chat, stored = post.core, post.chat, post.stored
    ref, digest = stored.ref, post.digest
    if ref is None or stored.shown == digest:
        return
    if not_before is not None and core.clock.now() < not_before:
        raise not_yet(not_before - core.clock.now())
    await turn(core, stored.platform, stored.channel, stored.company_id, post.lane, edit=True)
    try:
        await chat.update(stored.channel, ref, post.card)
    except Gone:  # the old place is forgotten
        await core.write(lambda tx: tx.cards.forget_post(stored.id))
        await first_post(replace(post, stored=replace(stored, ref=None, posting_at=None)))
        return
    except Transient as error:
        await slowed(core, stored.platform, WORKSPACE, error)
        raise
    await core.write(lambda tx: tx.cards.posted(stored.id, ref=ref, shown=digest, now=post.seen_at))


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

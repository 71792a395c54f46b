"""Making chat agree with the database: what each card should say now, and whether it is time to say it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from bot.ai.analyse import wanted
from bot.budget import Lane
from bot.cards.approval import approval_card
from bot.cards.card import Card
from bot.cards.incident import incident_card
from bot.cards.intake import intake_card, intake_line_card
from bot.cards.outbreak import outbreak_card, outbreak_view
from bot.cards.storm import storm_card
from bot.cards.storm_view import storm_view
from bot.core import Core
from bot.ports import Chat
from bot.posting import Post, edit, first_post
from bot.shift.ask_card import ask_card, ask_view
from bot.views import ApprovalView, incident_view, intake_view
from engine.ask import ASK_CARD
from engine.jobs import SyncCard
from engine.operations.intake_story import INTAKE_CARD, INTAKE_LINE
from engine.operations.intake_story import intake_card as wanted_intake_card
from engine.outbreak import OUTBREAK_CARD
from engine.storm import STORM_CARD, Storm, pause_of
from runbooks.approvals import deciders
from runbooks.break_glass import why_not
from runbooks.custom import CUSTOM, runbook_of
from runbooks.run import Run, RunStatus
from storage.cards import StoredCard
from storage.transaction import Transaction

IN_A_STORM = timedelta(seconds=20)
"""How long a card of its own stands between edits while a storm is on; a person's edit never waits."""


@dataclass(frozen=True, slots=True)
class _Composed:
    """A card as it should be now. `storm` is the one whose board it is; `pause` how long it stands between edits."""

    stored: StoredCard
    card: Card
    thread: str | None
    storm: Storm | None
    pause: timedelta
    storming: bool


async def sync_card(core: Core, chats: Mapping[str, Chat], job: SyncCard) -> None:
    """Post the card if it has not been posted, edit it if it says something else by now."""
    now = core.clock.now()
    found = await core.read(lambda tx: _composed(tx, core, job.card_id, now))
    if found is None:
        return
    stored = found.stored
    chat = chats.get(stored.platform)
    if chat is None or stored.deferred:
        return  # a deferred one is on its storm's board, which has a job of its own
    if stored.in_thread and found.thread is None:
        await core.write(lambda tx: _surface(tx, core, stored))
        return  # a thread's card waits for the incident's: its first post puts this job again
    post = Post(core, chat, stored, found.card, _lane(found), seen_at=now, thread=found.thread)
    if stored.ref is None:
        asks = stored.kind == "incident" and core.desk.on
        await first_post(post, afterwards=partial(_ask, core, stored) if asks else None)
    else:
        await edit(post, not_before=_not_before(found))
    if found.storm is not None:
        storm = found.storm
        await core.write(lambda tx: tx.storms.save(storm))


def _lane(found: _Composed) -> Lane:
    stored = found.stored
    if stored.kind in ("approval", ASK_CARD) or stored.pressed:
        return Lane.PRESS
    if stored.ref is None:
        return Lane.CARD
    return Lane.STORM if found.storming else Lane.EDIT


def _not_before(found: _Composed) -> datetime | None:
    stored = found.stored
    if stored.pressed or stored.posted_at is None:
        return None
    return stored.posted_at + found.pause


async def _ask(core: Core, stored: StoredCard, tx: Transaction, _ref: str) -> None:
    """The card stands there: a model may be asked about what is on it. In a storm only about the few that do."""
    if stored.incident_id is not None:
        wanted(tx, stored.company_id, stored.incident_id, now=core.clock.now())


async def _surface(tx: Transaction, core: Core, stored: StoredCard) -> None:
    """An approval that a person asked for needs its incident's card, also when that is only on a board so far."""
    if stored.incident_id is None or stored.kind != "approval":
        return
    run = await tx.runs.get(stored.subject)
    parent = await tx.cards.stored_of(stored.incident_id, "incident", stored.platform)
    if run is None or run.requested_by is None or parent is None or not parent.deferred:
        return
    await tx.cards.give_own([parent.id], urgent=True)
    tx.jobs.put(SyncCard(company_id=stored.company_id, card_id=parent.id), due_at=core.clock.now())


async def shown_now(core: Core, card_id: str) -> tuple[StoredCard, Card] | None:
    """A card as it should be now, whatever stands in chat."""
    found = await core.read(lambda tx: _composed(tx, core, card_id, core.clock.now()))
    return (found.stored, found.card) if found is not None else None


async def _composed(tx: Transaction, core: Core, card_id: str, now: datetime) -> _Composed | None:
    stored = await tx.cards.get(card_id)
    if stored is None:
        return None
    storm, pause = None, timedelta(0)
    storming = await tx.channels.storm_on(stored.platform, stored.channel)
    card: Card | None
    if stored.kind == STORM_CARD:
        view = await storm_view(tx, stored.subject, now=now)
        if view is None:
            return None
        storm, card, pause = view.storm, storm_card(view), pause_of(view.storm, now)
    else:
        card = await _said(tx, core, stored)
        pause = IN_A_STORM if storming and stored.kind == "incident" else pause
    if card is None:
        return None
    thread = await _thread(tx, stored) if stored.in_thread else None
    named = replace(card, card_id=stored.id)
    return _Composed(stored, named, thread, storm, pause, storming)


async def _said(tx: Transaction, core: Core, stored: StoredCard) -> Card | None:
    """What the card should say now; None when there is nothing left to say."""
    if stored.kind == INTAKE_CARD:
        return intake_card(await intake_view(tx, stored.company_id))
    if stored.kind == INTAKE_LINE:
        line = await tx.intake_lines.get(stored.subject)
        return intake_line_card(line) if line else None
    if stored.kind == ASK_CARD:
        asked = await ask_view(tx, stored.subject)
        return ask_card(asked) if asked else None
    if stored.kind == OUTBREAK_CARD:
        found = await outbreak_view(tx, int(stored.subject), now=core.clock.now())
        return outbreak_card(found) if found else None
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
    if run.runbook_id == CUSTOM:
        known[CUSTOM] = runbook_of(run, core.catalogue)
    others = await tx.runs.of_incident(incident.id) if incident is not None else ()
    closed = why_not(run, context=context, incident=incident, earlier=others, now=core.clock.now())
    return ApprovalView(
        run=run,
        incident=incident,
        context=context,
        runbook=known.get(run.runbook_id),
        deciders=deciders(run, context.people),
        glass=closed is None,
        review=await tx.reviews.get(run.id) if run.broken_by is not None else None,
        newer=_newer(run, others),
        earlier=await tx.runs.recent(run.company_id, run.runbook_id, before=run.id),
        now=core.clock.now(),
    )


def _newer(run: Run, others: Sequence[Run]) -> Run | None:
    """The request that took the place of a superseded one: the next of its runbook on one of its machines."""
    if run.status is not RunStatus.SUPERSEDED:
        return None
    refs = {one.cloud_ref for one in run.targets}
    later = [
        one
        for one in others
        if one.id > run.id
        and one.runbook_id == run.runbook_id
        and refs & {target.cloud_ref for target in one.targets}
    ]
    return min(later, key=lambda one: one.id, default=None)

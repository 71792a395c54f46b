"""What each kind of job does. One method a kind; the transactions around the outside calls are opened here."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import assert_never

from bot.ai.analyse import analyse
from bot.articles.draft import ask_for_draft
from bot.core import Core
from bot.doors import sns_messages as sns_door
from bot.doors.dead_letters import MOST_OF_A_COMPANY
from bot.notices import deliver as notices
from bot.notices.senders import senders
from bot.ports import Chat
from bot.reports import mail as report_mail
from bot.reports.deliver import deliver
from bot.shift import asks, digest
from bot.sync import sync_card
from bot.threads import sync_thread
from engine import ask
from engine.access import SYSTEM, Actor, Via
from engine.audit import TimelineKind
from engine.errors import Conflict, Permanent, Transient
from engine.incident_jobs import CloseUnheard, DraftText, SetApart
from engine.jobs import (
    AnalyseIncident,
    CancelRun,
    CheckSla,
    ClaimStorm,
    ConfirmTopic,
    ConsiderRunbook,
    EndLimiting,
    ExpireApproval,
    Job,
    JudgeSources,
    LearnHistory,
    MeasureHold,
    PollRun,
    ReleaseChildren,
    RemindApproval,
    StartRun,
    Sweep,
    SyncCard,
    SyncThread,
    TidyRuns,
    TurnQuiet,
    WakeIncident,
    WatchHeartbeat,
    WatchPattern,
    WatchStorm,
)
from engine.operations import (
    answer,
    booking,
    clocks,
    escalate,
    heartbeats,
    learning,
    leave,
    limits,
    oncall,
    outbreaks,
    patterns,
    reporting,
    sources,
    still_down,
    storms,
    unheard,
)
from engine.operations.notify import notify_assigned, notify_closed
from engine.operations.record import tell
from engine.operations.set_apart import set_apart
from engine.operations.silence import GOOD_FOR
from engine.operations.snooze import wake
from engine.operations.turn import turn
from engine.opinion import Use
from engine.people_jobs import (
    BeginLeave,
    BringAsk,
    ChangeShift,
    EndAsk,
    Escalate,
    Notify,
    RemindReview,
    RemindTime,
)
from engine.report import MONITORING
from engine.report_jobs import DeliverReport, MailReport, SendReports
from engine.run_jobs import RecheckRuns
from runbooks import carry_out
from runbooks.operations import break_glass, carry, decide, hold, request
from runbooks.ports import Executor, Order
from storage.notices import KEPT
from storage.transaction import Transaction

KEEP_ANSWERS = timedelta(hours=48)
SEND_WITHIN = 8.0
"""Seconds from taking up a start to sending it: less than a job's lease lasts. A process that stood still for longer
sends nothing, for by then another one has taken over and looks for the command, for longer than a little."""


class Effects:
    def __init__(
        self,
        core: Core,
        chats: Mapping[str, Chat],
        executors: Mapping[str, Executor],
    ) -> None:
        self._core = core
        self._chats = chats
        self._executors = executors
        self._senders = senders(core, chats)

    async def perform(self, job: Job) -> None:
        """Do one job. Raises Transient, Ambiguous or Permanent when the outside did not play along."""
        core, clock = self._core, self._core.clock
        match job:
            case SyncCard():
                await sync_card(core, self._chats, job)
            case SyncThread():
                await sync_thread(core, self._chats, job)
            case CheckSla():
                await core.write(lambda tx: clocks.check(tx, job.incident_id, now=core.clock.now()))
            case AnalyseIncident() | DraftText():
                await self._ask_models(job)
            case ConsiderRunbook():
                await core.write(lambda tx: self._consider(tx, job))
            case TidyRuns():
                await core.write(lambda tx: self._tidy(tx, job.incident_id))
            case ExpireApproval():
                await core.write(lambda tx: decide.expire(tx, job.run_id, now=core.clock.now()))
            case MeasureHold():
                await core.write(lambda tx: hold.measure(tx, job.run_id, now=core.clock.now()))
            case RemindApproval() | RemindReview():
                await core.write(lambda tx: self._remind(tx, job))
            case RecheckRuns():
                await self._recheck()
            case StartRun() | PollRun():
                await self._carry_on(job.run_id)
            case CancelRun():
                await self._cancel(job.run_id)
            case TurnQuiet():
                await self._turn(job)
            case WakeIncident():
                await core.write(lambda tx: wake(tx, job.incident_id, now=core.clock.now()))
            case WatchPattern() | ReleaseChildren() | SetApart() | CloseUnheard():
                await core.write(partial(_regroup, job=job, now=clock.now()))
            case WatchHeartbeat():
                await core.write(lambda tx: heartbeats.watch(tx, job.company_id, job.name, now=clock.now()))
            case ConfirmTopic():
                await sns_door.confirm(core, job)
            case EndLimiting():
                await core.write(lambda tx: limits.end_limiting(tx, job.company_id, core.clock.now()))
            case JudgeSources():
                await self._judge(job.company_id)
            case LearnHistory():
                await self._learn(job.company_id)
            case Sweep(name="outbreaks"):
                await core.write(lambda tx: outbreaks.look(tx, now=core.clock.now()))
            case Sweep():
                await core.write(lambda tx: self._sweep(tx))
                await self._recheck()
            case WatchStorm():
                await self._watch(job.storm_id)
            case ClaimStorm():
                await core.write(lambda tx: self._claim(tx, job))
            case DeliverReport() | SendReports() | MailReport():
                await self._report(job)
            case Escalate() | Notify() | BeginLeave() | BringAsk() | EndAsk() | ChangeShift() | RemindTime():
                await self._call(job)
            case _:
                assert_never(job)

    async def _ask_models(self, job: AnalyseIncident | DraftText) -> None:
        if isinstance(job, DraftText):
            await ask_for_draft(self._core, job)
        else:
            await analyse(self._core, self._core.desk, job)

    async def _report(self, job: DeliverReport | SendReports | MailReport) -> None:
        core = self._core
        if isinstance(job, DeliverReport):
            await deliver(core, self._chats, job)
        elif isinstance(job, MailReport):
            await report_mail.send(core, job)
        else:
            await core.write(lambda tx: reporting.send(tx, job.company_id, now=core.clock.now()))

    async def _remind(self, tx: Transaction, job: RemindApproval | RemindReview) -> None:
        now = self._core.clock.now()
        if isinstance(job, RemindReview):
            await break_glass.remind(tx, job.run_id, now=now)
        else:
            await decide.remind(tx, job.run_id, now=now)

    async def gave_up(self, job: Job, error: Exception) -> None:
        """A job that will not be tried again: where it concerns an incident, its story says so."""
        core = self._core
        if isinstance(job, StartRun | PollRun):
            await core.write(lambda tx: carry.abandon(tx, job.run_id, str(error), now=core.clock.now()))
            return
        if not isinstance(job, SyncCard | SyncThread | ConsiderRunbook):
            return

        async def say(tx: Transaction) -> None:
            number = job.incident_id if not isinstance(job, SyncCard) else await _incident_of(tx, job.card_id)
            incident = await tx.incidents.get(number) if number is not None else None
            if incident is not None:
                text = f"Could not be shown or done: {error}"
                tell(tx, incident, TimelineKind.ALERT, text, actor=SYSTEM, now=core.clock.now(), told=False)

        await core.write(say)

    async def _call(
        self, job: Escalate | Notify | BeginLeave | BringAsk | EndAsk | ChangeShift | RemindTime
    ) -> None:
        """What calls people."""
        core = self._core
        match job:
            case Escalate():
                await core.write(lambda tx: escalate.follow(tx, job.incident_id, now=core.clock.now()))
            case BeginLeave():
                await core.write(lambda tx: leave.begin(tx, job.user_id, now=core.clock.now()))
            case Notify():
                await notices.deliver(core, self._senders, job)
            case BringAsk():
                await asks.bring(core, self._chats, job)
            case EndAsk():
                await core.write(lambda tx: answer.end(tx, job.ask_id, now=core.clock.now()))
            case ChangeShift():
                await digest.change(core, job)
            case RemindTime():
                await core.write(lambda tx: booking.remind(tx, job.user_id, now=core.clock.now()))

    async def _turn(self, job: TurnQuiet) -> None:
        """Races with alerts that are coming in are lost and won; nobody gives up because of them."""
        try:
            await self._core.write(lambda tx: turn(tx, job.rule_id, self._core.clock.now()))
        except Conflict as error:
            raise Transient("alerts are coming in for what is to end") from error

    async def _consider(self, tx: Transaction, job: ConsiderRunbook) -> None:
        context = await tx.companies.context(job.company_id)
        await request.consider(tx, job.incident_id, context, self._core.catalogue, self._core.clock.now())
        await notify_assigned(tx, job.incident_id, now=self._core.clock.now())

    async def _tidy(self, tx: Transaction, incident_id: int) -> None:
        incident = await tx.incidents.get(incident_id)
        if incident is not None and not incident.open:
            why = f"{incident.label} is resolved"
            now = self._core.clock.now()
            await decide.supersede(tx, incident, why, actor=SYSTEM, now=now)
            await notify_closed(tx, incident, now=now)
            await booking.remind_later(tx, incident, now=now)
            if self._core.desk.on and incident.resolved_by != MONITORING:
                tx.jobs.put(
                    DraftText(company_id=incident.company_id, incident_id=incident.id, use=Use.ARTICLE.value),
                    due_at=now,
                )

    async def _watch(self, storm_id: str) -> None:
        core, quiet = self._core, timedelta(seconds=self._core.settings.aw_storm_quiet_seconds)
        await core.write(lambda tx: storms.watch(tx, storm_id, quiet=quiet, now=core.clock.now()))

    async def _claim(self, tx: Transaction, job: ClaimStorm) -> None:
        user, storm = await tx.users.get(job.user_id), await tx.storms.get(job.storm_id)
        if user is not None and storm is not None:
            actor = Actor(user=user, via=Via(job.via))
            await storms.claim_some(tx, storm, until=job.until, actor=actor, now=self._core.clock.now())

    async def _carry_on(self, run_id: str) -> None:
        core, send_by = self._core, time.monotonic() + SEND_WITHIN
        step = await core.write(
            lambda tx: carry.next_step(tx, run_id, catalogue=core.catalogue, now=core.clock.now())
        )
        if step is None:
            return
        if isinstance(step, carry_out.Send) and not step.look_first:
            step = replace(step, order=replace(step.order, send_by=send_by))
        outcome = await carry_out.act(self._executor(step.order), step)
        await core.write(lambda tx: carry.settle(tx, run_id, outcome, now=core.clock.now()))

    async def _cancel(self, run_id: str) -> None:
        core = self._core
        step = await core.write(lambda tx: carry.next_cancel(tx, run_id))
        if step is None:
            return
        outcome = await carry_out.act(self._executor(step.order), step)
        await core.write(lambda tx: carry.settle(tx, run_id, outcome, now=core.clock.now()))

    def _executor(self, order: Order) -> Executor:
        found = self._executors.get(order.executor)
        if found is None:
            raise Permanent(f"run {order.run_id}: nothing here can run commands at {order.executor}")
        return found

    async def _judge(self, company_id: int) -> None:
        """Read, think beside the loop, write."""
        core = self._core
        seen = await core.read(lambda tx: sources.history(tx, company_id))
        if seen is not None:
            rhythms = await asyncio.to_thread(sources.judged, seen, core.clock.now())
            await core.write(lambda tx: sources.settle(tx, seen, rhythms, core.clock.now()))

    async def _learn(self, company_id: int) -> None:
        """Read, think beside the loop, write."""
        core = self._core
        seen = await core.read(lambda tx: learning.past(tx, company_id, core.clock.now()))
        if seen is not None:
            lesson = await asyncio.to_thread(learning.learned, seen, core.clock.now())
            await core.write(lambda tx: learning.settle(tx, lesson))

    async def _recheck(self) -> None:
        """Each request that waits, in a transaction of its own: is it still what was asked for?"""
        core = self._core
        for run_id in await core.read(lambda tx: tx.runs.pending()):
            await core.write(
                partial(decide.recheck, run_id=run_id, catalogue=core.catalogue, now=core.clock.now())
            )

    async def _sweep(self, tx: Transaction) -> None:
        """What a lost timer would miss: whatever is due; and what is too old to be kept goes."""
        now = self._core.clock.now()
        for company_id, incident_id in await tx.clocks.awaited(now):
            tx.jobs.put(CheckSla(company_id=company_id, incident_id=incident_id), due_at=now)
        for company_id, rule_id in await tx.quiet.awaited(now):
            tx.jobs.put(TurnQuiet(company_id=company_id, rule_id=rule_id), due_at=now)
        await tx.quiet.forget_drafts(before=now - 2 * GOOD_FOR)
        for company_id, name in await tx.heartbeats.awaited(now):
            tx.jobs.put(WatchHeartbeat(company_id=company_id, name=name), due_at=now)
        for company_id, run_id in await tx.reviews.awaited(now):
            tx.jobs.put(RemindReview(company_id=company_id, run_id=run_id), due_at=now)
        await reporting.plan(tx, reporting.MSP, now=now)
        companies = await tx.companies.all()
        reporting.plan_all(tx, companies, now=now)
        for company in companies:
            tx.jobs.put(CloseUnheard(company_id=company.id), due_at=now + unheard.AGAIN)
            tx.jobs.put(JudgeSources(company_id=company.id), due_at=sources.next_look(company.id, now))
            tx.jobs.put(LearnHistory(company_id=company.id), due_at=learning.next_look(company.id, now))
        for company_id in await tx.knowledge.unlearned():
            tx.jobs.put(LearnHistory(company_id=company_id), due_at=now)
        for company_id in await tx.sources.speaking_again():
            tx.jobs.put(JudgeSources(company_id=company_id), due_at=now)
        await tx.deliveries.forget(before=now - KEEP_ANSWERS)
        kept = timedelta(days=self._core.settings.aw_dead_letter_days)
        await tx.dead_letters.forget(before=now - kept, most=MOST_OF_A_COMPANY)
        await tx.intake_lines.forget(before=now - kept)
        await tx.notices.forget(before=now - KEPT)
        await tx.asks.forget(before=now - ask.KEPT)
        for ask_id in await tx.asks.overdue(now):
            tx.jobs.put(EndAsk(company_id=0, ask_id=ask_id), due_at=now)
        for rotation in await tx.rotations.all():
            await oncall.plan_shift_change(tx, rotation.id, now=now)
        await oncall.warn_of_gaps(tx, now=now)


async def _incident_of(tx: Transaction, card_id: str) -> int | None:
    card = await tx.cards.get(card_id)
    return card.incident_id if card else None


async def _regroup(
    tx: Transaction, job: WatchPattern | ReleaseChildren | SetApart | CloseUnheard, now: datetime
) -> None:
    """Incidents that end or come apart by time."""
    match job:
        case WatchPattern():
            await patterns.watch(tx, job.incident_id, now)
        case ReleaseChildren():
            await still_down.release(tx, job.incident_id, now)
        case SetApart():
            await set_apart(tx, job, now)
        case CloseUnheard():
            await unheard.look(tx, job.company_id, now)

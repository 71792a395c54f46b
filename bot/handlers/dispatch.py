"""Action → who → may → transaction → reply. Buttons, commands, forms and mentions all end here."""

from __future__ import annotations

from typing import assert_never

from bot import questions
from bot.actions.articles import OnArticle
from bot.actions.companies import (
    Aliases,
    ApplySetting,
    DeadLetters,
    DeadLetterShown,
    KeepSetting,
    PostReport,
    ReplayLetter,
    SendReport,
    SendTest,
    ShowPatches,
    ShowReport,
    VerifyAccess,
    WantSetting,
)
from bot.actions.every import Action
from bot.actions.incidents import (
    Assign,
    Claim,
    Hold,
    Inquire,
    Merge,
    Note,
    Reopen,
    Resolve,
    Resume,
    Snooze,
    Split,
    Unclaim,
)
from bot.actions.people import (
    AcceptAsk,
    Back,
    Board,
    BookAllTime,
    BookTime,
    ChangeTime,
    DeclineAsk,
    Escalate,
    ExplainLate,
    Handoff,
    Leave,
    OnCall,
    Page,
    ReadAudit,
    ShowTime,
    Token,
    Who,
)
from bot.actions.questions import Share
from bot.actions.quiet import OnQuiet
from bot.actions.runs import Again, Approve, BreakGlass, Cancel, Decide, Looking, Reject, Run, SignReview
from bot.actions.storms import ClaimAll, DismissOutbreak, ListOutbreaks, ShowOutbreak, SplitOut, StormList
from bot.articles import handlers as articles
from bot.cards.card import Done, Reply
from bot.clouds import handlers as clouds
from bot.core import Core
from bot.handlers import access as access_handlers
from bot.handlers import aliases as alias_handlers
from bot.handlers import approval as approval_handlers
from bot.handlers import asking, share
from bot.handlers import config as config_handlers
from bot.handlers import grouping as group_handlers
from bot.handlers import letters as letter_handlers
from bot.handlers import outbreaks as outbreak_handlers
from bot.handlers import quiet as quiet_handlers
from bot.handlers import reports as report_handlers
from bot.handlers import runs as run_handlers
from bot.handlers import storms as storm_handlers
from bot.handlers import trial as trial_handler
from bot.inquiries import handlers as inquiries
from bot.place import Place, belongs
from bot.shift import asks, board, booking, oncall, people
from engine.access import Actor
from engine.audit import AuditKind, entry
from engine.errors import Refused
from engine.incident import Incident
from engine.operations import respond, wait
from storage.transaction import Transaction


async def handle(core: Core, action: Action, *, actor: Actor, place: Place) -> Reply:
    """Do it, or ask for what is missing. Raises Refused; a refusal of a press is audited."""
    try:
        return await _handle(core, action, actor=actor, place=place)
    except Refused as refused:
        if refused.code in _PROVEN or isinstance(action, Approve | BreakGlass):
            await _prove_refusal(core, action, actor, refused)
        raise


async def _handle(core: Core, action: Action, *, actor: Actor, place: Place) -> Reply:
    if isinstance(action, OnArticle):
        return await articles.handle(core, action, place, actor)
    if isinstance(action, Share):
        return await share.handle(
            core, action, place, actor, lambda one: _handle(core, one, actor=actor, place=place)
        )
    if isinstance(action, questions.Question):
        return await questions.answer(core, action, actor=actor, company_id=place.company_id)
    if isinstance(action, OnQuiet):
        return await quiet_handlers.handle(core, action, place, actor)
    match action:
        case Approve() | Reject() | BreakGlass() | SignReview() | Looking() | Again() | Cancel():
            return await run_handlers.decided(core, action, place, actor)
        case Decide():
            return await approval_handlers.handle(core, action, place, actor)
        case Who() | Token() | ReadAudit():
            return await access_handlers.handle(core, action, place, actor)
        case Inquire():
            return await inquiries.handle(core, action, place, actor)
        case ShowPatches() | VerifyAccess():
            return await clouds.handle(core, action, place, actor)
        case Aliases():
            return await alias_handlers.handle(core, action, actor, place)
        case SendTest():
            return await trial_handler.begin(core, action, actor, place)
        case DeadLetters() | DeadLetterShown() | ReplayLetter():
            return await letter_handlers.handle(core, action, actor, place)
        case ListOutbreaks() | ShowOutbreak() | DismissOutbreak():
            return await outbreak_handlers.handle(core, action, actor, place)
        case ShowReport() | PostReport() | SendReport():
            return await report_handlers.handle(core, action, actor, place)
        case ClaimAll() | SplitOut() | StormList():
            return await storm_handlers.handle(core, action, place, actor)
        case Run():
            return await run_handlers.asked_for(core, action, place, actor)
        case WantSetting() | ApplySetting() | KeepSetting():
            return await config_handlers.handle(core, action, place, actor)
        case Merge() | Split():
            return await group_handlers.handle(core, action, place, actor)
        case Handoff() | Page() | AcceptAsk() | DeclineAsk():
            return await asks.handle(core, action, place, actor)
        case ShowTime() | BookTime() | BookAllTime() | ChangeTime():
            return await booking.handle(core, action, place, actor)
        case Board():
            return await board.handle(core, action, place, actor)
        case OnCall():
            return await oncall.handle(core, action, place, actor)
        case Escalate() | ExplainLate() | Leave() | Back():
            return await people.handle(core, action, place, actor)
        case Snooze():
            return await quiet_handlers.snoozed(core, action, place, actor)
        case Unclaim(text=None) | Note(text=None) | Resolve(text=None) | Hold(text=None) | Assign(to=None):
            return await asking.ask(core, action, place, actor)
        case Claim() | Unclaim() | Note() | Resolve() | Reopen() | Hold() | Resume() | Assign():
            return await _do(core, action, place, actor)
        case _:
            assert_never(action)


_PROVEN = frozenset(
    {"denied", "own_request", "not_found", "expired", "digest_changed", "void", "too_many_runs", "glass"}
)
"""Refusals that are part of the record; of approvals every one is."""

_SAID = {
    Claim: "{} is yours.",
    Unclaim: "{} went on.",
    Note: "Noted on {}.",
    Resolve: "{} is resolved.",
    Reopen: "{} is open again.",
    Assign: "{} is handed over.",
    Hold: "{} waits for the client; its clocks stand still.",
    Resume: "{} goes on.",
}
"""What somebody who typed the words reads; a press shows on the card."""


async def _do(
    core: Core,
    action: Claim | Unclaim | Note | Resolve | Reopen | Hold | Resume | Assign,
    place: Place,
    actor: Actor,
) -> Reply:
    number = action.incident

    async def act(tx: Transaction) -> Incident:
        await belongs(tx, number, place)
        now = core.clock.now()
        match action:
            case Claim():
                return await respond.claim(tx, number, actor=actor, now=now)
            case Unclaim():
                return await respond.unclaim(tx, number, reason=action.text or "", actor=actor, now=now)
            case Note():
                return await respond.note(tx, number, action.text or "", actor=actor, now=now)
            case Resolve():
                return await respond.resolve(tx, number, text=action.text or "", actor=actor, now=now)
            case Reopen():
                return await respond.reopen(tx, number, reason=action.text or "", actor=actor, now=now)
            case Hold():
                return await wait.hold(tx, number, reason=action.text or "", actor=actor, now=now)
            case Resume():
                return await wait.resume(tx, number, text=action.text or "", actor=actor, now=now)
            case Assign():
                return await respond.assign(tx, number, to=action.to or 0, actor=actor, now=now)
            case _:
                assert_never(action)

    incident = await core.write(act)
    said = _SAID[type(action)].format(incident.label)
    if isinstance(action, Resolve):
        form = action.sent
        return await booking.offer(core, number, actor=actor, said=said, form=form) or Done(said)
    return Done(said)


async def _prove_refusal(core: Core, action: Action, actor: Actor, refused: Refused) -> None:
    """A refused act is part of the record, in the company it was aimed at."""
    number = getattr(action, "incident", None)
    run_id = getattr(action, "run", None)

    async def act(tx: Transaction) -> None:
        company_id, subject = 0, run_id or (f"INC-{number}" if number else action.verb)
        if number is not None and (incident := await tx.incidents.get(number)) is not None:
            company_id = incident.company_id
        if run_id is not None and (run := await tx.runs.get(run_id)) is not None:
            company_id = run.company_id
        tx.audit.add(
            entry(
                AuditKind.REFUSED,
                company_id=company_id,
                actor=actor,
                subject=subject,
                now=core.clock.now(),
                verb=action.verb,
                why=refused.reason,
            )
        )

    await core.write(act)

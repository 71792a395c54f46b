"""What all asks have in common: they are made, brought, answered once by the one who was asked, and end in time."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from engine.access import GRANTS, SYSTEM, Actor, Verb
from engine.ask import ASK_CARD, MOST_OPEN, Ask, AskState
from engine.audit import AuditKind, entry
from engine.company import User
from engine.errors import NotFound, Refused
from engine.jobs import SyncCard
from engine.notice import NoticeKind, Transport
from engine.operations.notify import notify
from engine.people_jobs import BringAsk, EndAsk
from engine.people_ports import PeopleTransaction

PLATFORMS = ("slack", "teams")


async def other(tx: PeopleTransaction, user_id: int | None, *, actor: Actor, now: datetime) -> User:
    """Whom `actor` may ask: somebody who works on incidents and shares a company with them, not themselves, and not
    away. Raises Refused."""
    asker = worker(actor)
    user = await tx.users.get(user_id) if user_id is not None else None
    if user is None or not shares(asker, user):
        raise NotFound("I do not know that person.", hint="Name a colleague with @.")
    if user.id == asker.id:
        raise Refused("That is you.", hint="Name somebody else with @.", code="invalid")
    if Verb.CLAIM not in GRANTS[user.role]:
        raise Refused(f"{user.name} does not work on incidents.", code="invalid")
    if user.on_leave(now):
        raise Refused(f"{user.name} is on leave.", hint="`/aw oncall` says who is on call.", code="invalid")
    return user


def worker(actor: Actor) -> User:
    """Who acts, if they work on incidents. Raises Refused."""
    if actor.user is None or Verb.CLAIM not in GRANTS[actor.user.role]:
        raise Refused("Only those who work on incidents can do that.", code="denied")
    return actor.user


def shares(one: User, two: User) -> bool:
    """Do these work for a company in common? Otherwise neither is to learn that the other is there."""
    return one.works_for(0) or two.works_for(0) or bool(one.companies & two.companies)


async def put(tx: PeopleTransaction, ask: Ask, *, actor: Actor, asked: User, now: datetime) -> None:
    """Make it, bring it, and wait for its end."""
    if len(await tx.asks.open_by(ask.asker_id)) >= MOST_OPEN:
        raise Refused(f"{MOST_OPEN} of your questions wait for an answer already.", code="invalid")
    if not (asked.slack_user or asked.teams_user):
        raise Refused(f"{asked.name} has no chat account here, so I cannot ask them.", code="invalid")
    await tx.asks.add(ask)
    tx.jobs.put(BringAsk(company_id=0, ask_id=ask.id), due_at=now)
    tx.jobs.put(EndAsk(company_id=0, ask_id=ask.id), due_at=ask.expires_at)
    prove(tx, ask, AuditKind.ASK_MADE, actor, now, asked=asked.email, expires_at=ask.expires_at.isoformat())


async def answerable(tx: PeopleTransaction, ask_id: str, *, actor: Actor, now: datetime) -> Ask:
    """The open ask that `actor` may answer. Raises Refused saying what became of it."""
    ask = await tx.asks.get(ask_id)
    if ask is None or actor.id != ask.asked_id:
        raise NotFound("Nobody asked you that.")
    if not ask.open:
        raise Refused(ask.outcome or f"That is {ask.state.value} already.", code="stale")
    if now >= ask.expires_at:
        raise Refused("The time for that is up.", hint="Ask them to do it again.", code="expired")
    return ask


async def settle(
    tx: PeopleTransaction, ask: Ask, state: AskState, outcome: str, *, actor: Actor = SYSTEM, now: datetime
) -> Ask:
    """End it, once whatever the replicas do, and show that on every message of it. Raises Conflict when another
    was first."""
    ended = replace(ask, state=state, settled_at=now, outcome=outcome)
    await tx.asks.settle(ended)
    show(tx, ended, now=now)
    prove(tx, ended, AuditKind.ASK_ENDED, actor, now, state=state.value, outcome=outcome)
    return ended


def show(tx: PeopleTransaction, ask: Ask, *, now: datetime) -> None:
    for subject in ask.cards:
        for platform in PLATFORMS:
            tx.jobs.put(SyncCard(company_id=0, card_id=f"{ASK_CARD}:{subject}:{platform}"), due_at=now)


async def hear(tx: PeopleTransaction, user_id: int, text: str, ask: Ask, *, now: datetime) -> None:
    """Tell one of the two at once, in chat."""
    user = await tx.users.get(user_id)
    if user is not None:
        key = f"ask:{ask.id}:{ask.state.value}"
        only = (Transport.CHAT,)
        notify(tx, [user], NoticeKind.HANDOFF, text, key=key, now=now, urgent=True, only=only)


def prove(
    tx: PeopleTransaction, ask: Ask, kind: AuditKind, actor: Actor, now: datetime, **facts: Any
) -> None:
    about = {"incidents": [f"INC-{one}" for one in ask.incidents]} if ask.incidents else {}
    subject = f"{ask.kind.value} {ask.id}"
    tx.audit.add(entry(kind, company_id=0, actor=actor, subject=subject, now=now, **about, **facts))

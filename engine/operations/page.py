"""Paging somebody: an urgent word to one person, told again until they press that they have heard it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from engine import notice as rules
from engine.access import GRANTS, SYSTEM, Actor, Denied, Verb, Via, may
from engine.ask import ANSWER_WITHIN, MOST_PAGES, Ask, AskKind, AskState
from engine.audit import AuditKind, TimelineKind
from engine.company import User
from engine.errors import Refused
from engine.identifiers import new_id
from engine.incident import Incident
from engine.notice import NoticeKind, Transport
from engine.operations import asking, respond
from engine.operations.notify import notify
from engine.operations.record import tell
from engine.people_jobs import BringAsk, EndAsk
from engine.people_ports import PeopleTransaction

LONGEST = 500


async def page(
    tx: PeopleTransaction, to: int | None, text: str, *, incident_id: int | None, actor: Actor, now: datetime
) -> Ask:
    """At once, by every way that this person has for what is urgent, whatever their quiet hours."""
    sender, target = asking.worker(actor), await asking.other(tx, to, actor=actor, now=now)
    incident = await respond.find(tx, incident_id, Verb.SEE, actor) if incident_id is not None else None
    if incident is not None and isinstance(
        may(Actor(user=target, via=Via.ENGINE), Verb.CLAIM, incident.company_id), Denied
    ):
        raise Refused(f"{target.name} does not work for the company of {incident.label}.", code="invalid")
    ask = Ask(
        id=new_id(now),
        kind=AskKind.PAGE,
        asker_id=sender.id,
        asked_id=target.id,
        incidents=(incident.id,) if incident else (),
        text=" ".join(text.split())[:LONGEST],
        at=now,
        expires_at=now + ANSWER_WITHIN,
    )
    await asking.put(tx, ask, actor=actor, asked=target, now=now)
    _besides(tx, ask, sender, target, incident, now)
    if incident is not None:
        said = f"{sender.name} paged {target.name}{f': {ask.text}' if ask.text else ''}."
        tell(tx, incident, TimelineKind.NOTE, said, actor=actor, now=now)
    return ask


async def page_on_call(
    tx: PeopleTransaction, company_id: int, text: str, *, incident_id: int | None, actor: Actor, now: datetime
) -> list[Ask]:
    """Whoever is on call for that company now."""
    sender = asking.worker(actor)
    context = await tx.companies.context(company_id)
    on_call = [one for one in sorted(context.on_call(now)) if one != sender.id]
    if not on_call:
        admins = [one.id for one in context.people if Verb.MSP_SETTINGS in GRANTS[one.role]]
        raise Refused(
            f"Nobody is on call for {context.company.name} now.",
            hint="`/aw escalate` calls the next level of an incident.",
            who=tuple(admins[:4]),
            code="invalid",
        )
    return [await page(tx, one, text, incident_id=incident_id, actor=actor, now=now) for one in on_call]


async def heard(tx: PeopleTransaction, ask: Ask, *, actor: Actor, now: datetime) -> None:
    """They have heard it: whoever paged is told."""
    outcome = (
        f"{actor.name} has heard your page ({respond.ago_text(now - ask.at).removesuffix(' ago')} after it)."
    )
    ended = await asking.settle(
        tx, ask, AskState.ACCEPTED, f"{actor.name} has heard it.", actor=actor, now=now
    )
    await asking.hear(tx, ask.asker_id, outcome, ended, now=now)
    found = await tx.incidents.get_many(ask.incidents)
    for one in found.values():
        tell(tx, one, TimelineKind.NOTE, f"{actor.name} has heard the page.", actor=actor, now=now)


async def again(tx: PeopleTransaction, ask: Ask, *, now: datetime) -> None:
    """Not heard: told once more; after the last time the sender is told, with who else could."""
    sender, target = await tx.users.get(ask.asker_id), await tx.users.get(ask.asked_id)
    found = await tx.incidents.get_many(ask.incidents)
    incident = next(iter(found.values()), None)
    if incident is not None and _taken_by(incident, ask):
        await heard(tx, ask, actor=Actor(user=target, via=Via.ENGINE), now=now)
        return
    if ask.told >= MOST_PAGES or target is None or sender is None:
        outcome = f"Told {ask.told} times and not heard."
        ended = await asking.settle(tx, ask, AskState.EXPIRED, outcome, now=now)
        name = target.name if target else "Whom you paged"
        text = f"{name} has not answered your page, told {ask.told} times."
        text += " `/aw page oncall` or `/aw escalate` calls others."
        await asking.hear(tx, ask.asker_id, text, ended, now=now)
        return
    once_more = replace(ask, told=ask.told + 1, expires_at=now + ANSWER_WITHIN)
    await tx.asks.settle(once_more)
    tx.jobs.put(BringAsk(company_id=0, ask_id=ask.id, number=once_more.told), due_at=now)
    tx.jobs.put(EndAsk(company_id=0, ask_id=ask.id), due_at=once_more.expires_at)
    asking.prove(tx, ask, AuditKind.ASK_MADE, SYSTEM, now, told=once_more.told)
    _besides(tx, once_more, sender, target, incident, now)


def _taken_by(incident: Incident, ask: Ask) -> bool:
    """Whoever claims what they were paged for has heard it."""
    return (
        incident.assignee_id == ask.asked_id and incident.touched and (incident.claimed_at or ask.at) > ask.at
    )


def _besides(
    tx: PeopleTransaction, ask: Ask, sender: User, target: User, incident: Incident | None, now: datetime
) -> None:
    """The ways besides chat, where it stands as a message that can be answered."""
    ways = rules.ways(target, NoticeKind.PAGED, urgent=True, set_up=tx.ways)
    only = [one for one in ways if one is not Transport.CHAT]
    if only:
        said = f": {ask.text.rstrip('.')}" if ask.text else ""
        text = f"{sender.name} pages you{said}. It is answered in chat."
        key = f"paged:{ask.id}:{ask.told}"
        notify(
            tx, [target], NoticeKind.PAGED, text, key=key, now=now, incident=incident, urgent=True, only=only
        )

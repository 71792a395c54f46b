"""Who may what, and who did what: `/aw who`, `/aw token`, `/aw audit`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import assert_never

from bot import tokens
from bot.actions.people import ReadAudit, Token, Who
from bot.answers import ROLE_NAMES
from bot.cards.card import (
    Body,
    Card,
    Code,
    Done,
    Element,
    Facts,
    Line,
    Moment,
    Reply,
    Said,
    Strong,
    Table,
    Title,
    Tone,
    When,
)
from bot.cards.incident import cut
from bot.core import Core
from bot.place import Place, belongs
from bot.questions import company_meant
from engine.access import Actor, Denied, Verb, Via, may
from engine.company import CompanyContext, Role, User
from engine.errors import Refused
from engine.identifiers import incident_number
from engine.operations import respond
from engine.routing import Load
from storage.audit import StoredEntry
from storage.transaction import Transaction

MOST_PEOPLE, MOST_ENTRIES = 40, 15
USUAL_TTL = "30d"
MSP = "msp"
_ORDER = (Role.TECHNICIAN, Role.COMPANY_ADMIN, Role.MSP_ADMIN, Role.CLIENT_VIEWER)


async def handle(core: Core, action: Who | Token | ReadAudit, place: Place, actor: Actor) -> Reply:
    """Raises Refused."""
    match action:
        case Who():
            return Said(await core.read(lambda tx: _who(tx, core, action, place, actor)))
        case Token():
            return await _token(core, action, place, actor)
        case ReadAudit():
            return Said(await core.read(lambda tx: _audit(tx, action, place, actor)))
        case _:
            assert_never(action)


# -- people ------------------------------------------------------------------------------------------------------------


async def _who(tx: Transaction, core: Core, action: Who, place: Place, actor: Actor) -> Card:
    company = await company_meant(tx, action.company, place, actor, Verb.CLAIM, "who")
    context, now = await tx.companies.context(company.id), core.clock.now()
    people = sorted(context.people, key=lambda user: (_ORDER.index(user.role), user.name))
    loads = await tx.users.loads([user.id for user in people])
    shown = people[:MOST_PEOPLE]
    rows = tuple(_person(user, context, loads[user.id], now) for user in shown)
    title = f"{len(people)} people work for {company.name}" if people else f"Nobody works for {company.name}"
    elements: list[Element] = [Title(Tone.INFO, (Strong(title),))]
    if rows:
        elements.append(Table(("", "", "now", "has", "good at"), rows))
    if len(people) > len(shown):
        elements.append(Facts(((f"and {len(people) - len(shown)} more; `aw user list` shows all",),)))
    return Card(summary=title, elements=tuple(elements))


def _person(user: User, context: CompanyContext, load: Load, now: datetime) -> tuple[Line, ...]:
    return (
        (Strong(user.name),),
        (ROLE_NAMES[user.role],),
        _there(user, context, now),
        (f"{load.open} open" if load.open else "",),
        (cut(", ".join(sorted(user.skills)), 80),),
    )


def _there(user: User, context: CompanyContext, now: datetime) -> Line:
    if user.on_leave(now) and user.leave_until is not None:
        return ("on leave until ", Moment(user.leave_until, When.DATE_TIME))
    if not user.available:
        return ("not available",)
    return ("on call",) if user.id in context.on_call(now) else ("there",)


# -- tokens ------------------------------------------------------------------------------------------------------------


async def _token(core: Core, action: Token, place: Place, actor: Actor) -> Reply:
    user = actor.user
    assert user is not None
    if action.words.split()[:1] == ["revoke"]:
        ended = await core.write(lambda tx: tokens.revoke_all(tx, user, actor=actor, now=core.clock.now()))
        return Done(
            f"{ended} token{'' if ended == 1 else 's'} of yours ended." if ended else "You have no token."
        )
    if actor.via is Via.TEAMS and place.company_id is not None:
        raise Refused(
            "Everybody in this channel would read it.", hint="Ask me in a personal chat.", code="invalid"
        )
    ttl = tokens.ttl_of(action.words or USUAL_TTL)
    minted = await core.write(lambda tx: tokens.create(tx, user, ttl=ttl, actor=actor, now=core.clock.now()))
    elements: tuple[Element, ...] = (
        Title(Tone.INFO, (Strong("Your token, shown this once"),)),
        Body((Code(minted.token),)),
        Facts(
            (
                ("may what you may, until ", Moment(minted.expires_at, When.DATE_TIME)),
                (
                    "Authorization: Bearer …; the addresses are at ",
                    Code(f"{core.settings.public_url}/openapi.json"),
                ),
                ("/aw token revoke ends all of yours",),
            )
        ),
    )
    return Said(Card(summary="Your token", elements=elements))


# -- the audit ---------------------------------------------------------------------------------------------------------


async def _audit(tx: Transaction, action: ReadAudit, place: Place, actor: Actor) -> Card:
    number = incident_number(action.words)
    if number is not None:
        await belongs(tx, number, place)
        incident = await respond.find(tx, number, Verb.AUDIT, actor)
        found: Sequence[StoredEntry] = await tx.audit.of_subject(
            incident.company_id, incident.label, most=MOST_ENTRIES
        )
        return _entries(f"{incident.label}: who did what", found)
    if action.words == MSP and place.company_id is None:
        if isinstance(may(actor, Verb.MSP_SETTINGS, 0), Denied):
            raise Refused("Only MSP admins can read the MSP's own audit.", code="denied")
        return _entries("The MSP: who did what", await tx.audit.latest(0, most=MOST_ENTRIES))
    company = await company_meant(tx, action.words, place, actor, Verb.AUDIT, "audit")
    return _entries(f"{company.name}: who did what", await tx.audit.latest(company.id, most=MOST_ENTRIES))


def _entries(title: str, found: Sequence[StoredEntry]) -> Card:
    elements: list[Element] = [Title(Tone.INFO, (Strong(title),))]
    if found:
        elements.append(Table((), tuple(_entry(one) for one in found)))
    told = (
        "the newest first; `aw audit export` has all, `aw audit verify` proves them"
        if found
        else "nothing yet"
    )
    elements.append(Facts(((told,),)))
    return Card(summary=title, elements=tuple(elements))


def _entry(stored: StoredEntry) -> tuple[Line, ...]:
    one = stored.entry
    what = one.kind.value.replace(".", " ").replace("_", " ")
    return (
        (Moment(one.at, When.DATE_TIME),),
        (Strong(cut(one.actor, 40)), f" by {one.via}"),
        (f"{what}: {cut(one.subject, 60)}",),
        (cut(_detail(one.detail), 120),),
    )


def _detail(detail: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in detail.items() if value not in (None, "", [], {}))

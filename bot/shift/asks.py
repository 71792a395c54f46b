"""`/aw handoff`, `/aw page`, and the answers to what a colleague asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from bot.actions.people import AcceptAsk, DeclineAsk, Handoff, Page
from bot.cards.card import Done, Reply
from bot.core import Core
from bot.place import Place, belongs
from bot.ports import Chat
from bot.questions import companies_of
from bot.shift.ask_card import MOST_SUMMED
from engine.access import Actor
from engine.ask import ANSWER_WITHIN, ASK_CARD, Ask, AskKind, card_subject, labels
from engine.company import User
from engine.errors import Permanent, Refused
from engine.incident_jobs import DraftText
from engine.jobs import SyncCard
from engine.operations import answer, handoff, page
from engine.opinion import Use
from engine.people_jobs import BringAsk
from engine.ports import CardWanted
from storage.transaction import Transaction

Action = Handoff | Page | AcceptAsk | DeclineAsk
_MINUTES = int(ANSWER_WITHIN.total_seconds() // 60)


async def handle(core: Core, action: Action, place: Place, actor: Actor) -> Reply:
    match action:
        case Handoff(words="back"):
            return await _taken_back(core, actor)
        case Handoff(words=("accept" | "decline") as word):
            return await _typed(core, word, actor)
        case Handoff():
            return await _offered(core, action, place, actor)
        case Page():
            return await _paged(core, action, place, actor)
        case AcceptAsk():
            await core.write(lambda tx: answer.accept(tx, action.ask, actor=actor, now=core.clock.now()))
            return Done("Done.")
        case DeclineAsk():
            await core.write(lambda tx: answer.decline(tx, action.ask, actor=actor, now=core.clock.now()))
            return Done("Declined.")
        case _:
            assert_never(action)


async def _offered(core: Core, action: Handoff, place: Place, actor: Actor) -> Reply:
    async def act(tx: Transaction) -> tuple[Ask, User | None]:
        for number in action.incidents:
            await belongs(tx, number, place)
        ask = await handoff.offer(
            tx, action.to, action.incidents, note=action.text, actor=actor, now=core.clock.now()
        )
        return ask, await tx.users.get(ask.asked_id)

    ask, user = await core.write(act)
    if core.desk.on:
        await core.write(lambda tx: _sum_up(tx, core, ask))
    name = user.name if user else "somebody"
    still = "it stays" if len(ask.incidents) == 1 else "they stay"
    return Done(
        f"{labels(ask.incidents)} offered to {name}. Until that is accepted {still} with you; after {_MINUTES} minutes "
        "the offer is over. `/aw handoff back` takes it back."
    )


async def _sum_up(tx: Transaction, core: Core, ask: Ask) -> None:
    """Have a model say how the first few stand; the message shows what the rules say until then."""
    for incident in (await tx.incidents.get_many(ask.incidents[:MOST_SUMMED])).values():
        job = DraftText(
            company_id=incident.company_id, incident_id=incident.id, use=Use.HANDOFF.value, ask=ask.id
        )
        tx.jobs.put(job, due_at=core.clock.now())


async def _taken_back(core: Core, actor: Actor) -> Reply:
    gone = await core.write(lambda tx: handoff.withdraw(tx, actor=actor, now=core.clock.now()))
    ids = tuple(dict.fromkeys(number for ask in gone for number in ask.incidents))
    return Done(f"The offer of {labels(ids)} is taken back.")


async def _typed(core: Core, word: str, actor: Actor) -> Reply:
    async def act(tx: Transaction) -> Ask:
        now = core.clock.now()
        waiting = await answer.only_one(tx, AskKind.HANDOFF, actor=actor)
        if word == "accept":
            return await answer.accept(tx, waiting.id, actor=actor, now=now)
        return await answer.decline(tx, waiting.id, actor=actor, now=now)

    ask = await core.write(act)
    what, one = labels(ask.incidents), len(ask.incidents) == 1
    if word == "accept":
        return Done(f"{what} {'is' if one else 'are'} yours.")
    return Done(f"{what} {'stays where it was' if one else 'stay where they were'}.")


async def _paged(core: Core, action: Page, place: Place, actor: Actor) -> Reply:
    async def act(tx: Transaction) -> list[str]:
        now = core.clock.now()
        if action.about is not None:
            await belongs(tx, action.about, place)
        if action.on_call:
            company_id, text = await _company(tx, action, place, actor)
            found = await page.page_on_call(
                tx, company_id, text, incident_id=action.about, actor=actor, now=now
            )
        else:
            found = [
                await page.page(tx, action.to, action.text, incident_id=action.about, actor=actor, now=now)
            ]
        people = [await tx.users.get(one.asked_id) for one in found]
        return [one.name for one in people if one is not None]

    names = await core.write(act)
    return Done(f"{' and '.join(names)} paged. You hear when they press that they have heard it.")


async def _company(tx: Transaction, action: Page, place: Place, actor: Actor) -> tuple[int, str]:
    """Whose on-call is meant, and the words that are left: a company's name first, else the incident's company, else
    the channel's."""
    first, _, rest = action.text.partition(" ")
    seen = await companies_of(tx, actor)
    named = next((one for one in seen if first and one.slug == first.lower()), None)
    if named is not None:
        return named.id, rest
    incident = await tx.incidents.get(action.about) if action.about is not None else None
    company_id = incident.company_id if incident is not None else place.company_id
    if company_id is None and len(seen) == 1:
        company_id = seen[0].id
    if company_id is None or all(one.id != company_id for one in seen):
        raise Refused("On call for which company?", hint="For example `/aw page oncall acme`.", code="which")
    return company_id, action.text


async def bring(core: Core, chats: Mapping[str, Chat], job: BringAsk) -> None:
    """A direct message that follows what becomes of it; said once, whatever fails in between."""

    async def look(tx: Transaction) -> tuple[Ask | None, User | None]:
        ask = await tx.asks.get(job.ask_id)
        return ask, await tx.users.get(ask.asked_id) if ask is not None else None

    ask, user = await core.read(look)
    if ask is None or user is None or not ask.open:
        return
    try:
        chat, channel = await _where(chats, user)
    except Permanent as error:
        why = str(error)
        await core.write(lambda tx: answer.unreachable(tx, job.ask_id, why, now=core.clock.now()))
        return
    wanted = CardWanted(
        company_id=0,
        incident_id=None,
        kind=ASK_CARD,
        subject=card_subject(ask.id, job.number),
        platform=chat.name,
        channel=channel,
        urgent=True,
    )

    async def want(tx: Transaction) -> None:
        tx.cards.want(wanted)
        tx.jobs.put(SyncCard(company_id=0, card_id=wanted.id), due_at=core.clock.now())

    await core.write(want)


async def _where(chats: Mapping[str, Chat], user: User) -> tuple[Chat, str]:
    for name, account in (("slack", user.slack_user), ("teams", user.teams_user)):
        chat = chats.get(name)
        if chat is not None and account:
            return chat, await chat.direct(account)
    raise Permanent(f"{user.name} has no chat account here")

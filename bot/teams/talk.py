"""What people write and press in Teams becomes Actions, and what comes of them becomes an answer.

An invoke is answered to the presser alone. A channel has no message for one person only, so that what a mention asks
for is answered in the asker's own chat with the bot.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any

import structlog

from bot import commands
from bot.actions.every import Action
from bot.actions.questions import Home
from bot.cards.card import Actions, Asked, Body, Button, Card, Done, Refusal, Reply, Said, Unfolding
from bot.cards.card import Refused as RefusedReply
from bot.core import Core
from bot.faults import fault_code
from bot.handlers.dispatch import handle
from bot.people import Profile, actor_of, refusal
from bot.place import Place
from bot.ports import Gone
from bot.teams import answers, search, views
from bot.teams.buttons import MINE
from bot.teams.forms import act_of
from bot.teams.gateway import TeamsChat
from bot.teams.heard import Heard
from bot.teams.text import CALLED
from engine.access import Actor, Via
from engine.errors import AlertWhispererError, Refused
from engine.operations import wait
from storage.teams import TeamsReference
from storage.transaction import Transaction

log = structlog.get_logger()
PATIENCE = 2.2
"""Seconds before a slow answer to a press is “working…”; Teams gives up later, people sooner."""
SETTLING = 5
"""How many tenths of a second words in a thread wait for the thread's card to be known."""
GRACE = 3.0
REMEMBERED = 2_000
"""Conversations and people that this replica knows to be written down already."""


class Talk:
    """Everything that is heard goes through here. `close` lets what was said last be answered."""

    def __init__(self, core: Core, chat: TeamsChat) -> None:
        self._core = core
        self.chat = chat
        self._late: set[asyncio.Task[Any]] = set()
        self._known: dict[str, TeamsReference] = {}

    async def close(self) -> None:
        if self._late:
            await asyncio.wait(self._late, timeout=GRACE)
        for task in list(self._late):
            task.cancel()
        await asyncio.gather(*self._late, return_exceptions=True)

    def later(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.ensure_future(work)
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    # ── messages ───────────────────────────────────────────────────────────────────────────────────────────────

    async def message(self, said: Heard) -> None:
        """Words, or a press in an old client. Teams is answered before: a fault here is told to the writer."""
        try:
            if await self._first_time(said):
                await self._message(said)
        except AlertWhispererError as error:
            log.warning("an answer could not be given in Teams", error=str(error))
        except Exception as error:  # noqa: BLE001 - nobody waits for this any more: it is logged
            fault_code(error, door="teams")

    async def _message(self, said: Heard) -> None:
        await self._remember(said)
        if said.arrived:
            await self._welcome(said)
        if said.kind != "message" or not said.person:
            return
        if said.value.get("aw") == MINE:
            await self._view_alone(said)
            return
        if said.value.get("aw"):
            replies = await self._pressed(said)
            for one in replies:
                if isinstance(one, Said) and one.instead:
                    await self._in_place(said, one.card)
                else:
                    await self._tell(said, [one], typed=False)
            return
        if not said.personal and not said.to_us:
            await self._overheard(said)
            return
        place = await self._place(said)
        for _ in range(
            SETTLING if said.thread else 0
        ):  # a card may be answered before its place is written down
            if place.incident_id is not None:
                break
            await asyncio.sleep(0.1)
            place = await self._place(said)

        async def asked() -> list[Action]:
            words = (await self._named(said)).removeprefix(CALLED).strip().removeprefix("/aw").strip()
            return commands.parse(words, here=place.incident_id)

        await self._tell(said, await self._answer(said, place, asked), typed=True)

    async def _named(self, said: Heard) -> str:
        """The same words with the directory's numbers in place of mentions; an unknown one stays a sign."""
        text = said.text
        for mark, account in said.mentions.items():

            async def look(tx: Transaction, account: str = account) -> int | None:
                person = await tx.teams.person(account)
                user = await tx.users.by_chat("teams", person) if person else None
                return user.id if user else None

            number = await self._core.read(look)
            text = text.replace(mark, f"@{number}" if number is not None else "@?")
        return text

    async def _overheard(self, said: Heard) -> None:
        """Only replies in the thread of an incident that waits are looked at; nothing else is read, nothing kept."""
        place = await self._place(said)
        number = place.incident_id
        known = await self._core.read(lambda tx: tx.users.by_chat("teams", self._identity(said)))
        if known is None or number is None:
            return
        actor, now = Actor(user=known, via=Via.TEAMS), self._core.clock.now()
        text = said.text or "a file"
        await self._core.write(lambda tx: wait.answered(tx, number, text, actor=actor, now=now))

    async def _welcome(self, said: Heard) -> None:
        if not said.personal:
            bind = f"aw company set SLUG --teams-conversation {said.channel}"
            await self.chat.post(
                said.channel, _plain(f"I am here. This binds a company to this channel: {bind}")
            )
            return
        words = "I tell you about incidents and do what you ask. Write home to see this again, or help."
        (reply,) = await self._answer(said, Place(), _home)
        card = reply.card if isinstance(reply, Said) else _plain(words)
        hello = (Body((words,)), *card.elements) if isinstance(reply, Said) else card.elements
        await self.chat.post(said.channel, replace(card, elements=hello))

    # ── presses ────────────────────────────────────────────────────────────────────────────────────────────────

    async def invoke(self, said: Heard) -> dict[str, Any]:
        """The answer to a press, a dialog that opens or a form that was sent; never later than Teams waits."""
        if said.name == search.QUERY:
            return await search.answered(self._core, said.value, lambda: self._actor(said), patience=PATIENCE)
        shape = answers.SHAPES.get(said.name)
        if shape is None:
            raise LookupError(said.name)
        task = asyncio.ensure_future(self._invoked(said, shape))
        done, _ = await asyncio.wait({task}, timeout=PATIENCE)
        if done:
            return task.result()[0]
        self.later(self._reply_later(task, said))
        return shape.said("Working on it… I write to you when it is done.")

    async def _invoked(self, said: Heard, shape: answers.Shape) -> tuple[dict[str, Any], Card | None]:
        """The answer, and what it says when it comes too late."""
        if said.data.get("aw") == search.NOW:
            return await self._asked_anew(shape, lambda: self._now(said)), None
        await self._remember(said)
        if said.data.get("aw") == MINE:
            self._seen_there(said)
            return await self._asked_anew(shape, lambda: self._view(said)), None
        if not await self._first_time(said):
            return shape.said("That was done already."), None
        replies = await self._pressed(said)
        return await self._shown(said, replies, shape), answers.as_card(replies[0], said.data)

    async def _asked_anew(
        self, shape: answers.Shape, card: Callable[[], Awaitable[dict[str, Any]]]
    ) -> dict[str, Any]:
        """By somebody's client, or by a press: it only reads, and may be asked for any number of times."""
        try:
            return shape.card(await card())
        except Refused as refused:
            return shape.said(answers.refused(await refusal(self._core, refused)))

    async def _view(self, said: Heard) -> dict[str, Any]:
        return await views.in_place(self.chat, await self._seen(said))

    async def _now(self, said: Heard) -> dict[str, Any]:
        return await search.now(self._core, said.data, actor=await self._actor(said))

    async def _view_alone(self, said: Heard) -> None:
        """For a client that cannot show a card differently to one."""
        try:
            card = views.alone(await self._seen(said))
        except Refused as refused:
            words = await refusal(self._core, refused)
            card = Card(summary=words.reason, elements=(words,))
        await self._say_privately(said, card)

    async def _seen(self, said: Heard) -> views.View:
        asked = said.value.get("trigger") != "automatic"
        try:
            actor = await self._actor(said)
        except Refused:
            actor = None
        card_id = str(said.data.get("card") or "")
        return await views.view(self._core, card_id, channel=said.channel, actor=actor, asked=asked)

    async def _actor(self, said: Heard) -> Actor:
        return await actor_of(self._core, "teams", self._identity(said), lambda: self._profile(said))

    async def _shown(self, said: Heard, replies: Sequence[Reply], shape: answers.Shape) -> dict[str, Any]:
        match replies[0]:
            case Unfolding() as growing:
                self.later(self._unfold(said, growing))
                return shape.said("It begins; I show you how it goes in our chat.")
            case Said(card=card, instead=True) if not shape.dialog:
                self.later(self._in_place(said, card))
                return shape.answer(replies[0], said.data)
            case Said(card=card) if not shape.dialog:
                self.later(self._tell(said, replies, typed=True))
                return shape.said(card.summary)
            case reply:
                return shape.answer(reply, said.data)

    async def _in_place(self, said: Heard, card: Card) -> None:
        """A question in somebody's own chat that is answered cannot be answered again."""
        if not said.personal or not said.ref:
            return
        try:
            await self.chat.update(said.channel, said.message_ref, card)
        except (AlertWhispererError, Gone) as error:
            log.info("an answered question could not be put right", error=str(error))

    async def _reply_later(
        self, task: asyncio.Future[tuple[dict[str, Any], Card | None]], said: Heard
    ) -> None:
        """What took too long is said in the presser's own chat."""
        _, card = await task
        if card is not None:
            await self._say_privately(said, card)

    async def _pressed(self, said: Heard) -> list[Reply]:
        place = await self._place(said)

        async def asked() -> list[Action]:
            action, typed = act_of(said.data)
            return [action if typed is None else action.filled(typed)]

        replies = await self._answer(said, place, asked)
        self._seen_there(said)
        return replies

    def _seen_there(self, said: Heard) -> None:
        """A message whose posting was not confirmed is known by what is pressed on it, or asked for by who sees it."""
        card_id = said.data.get("card")
        if isinstance(card_id, str) and said.ref:
            self.later(self._sighted(said, card_id))

    async def _sighted(self, said: Heard, card_id: str) -> None:
        try:
            await self.chat.sighted(said.channel, card_id, said.message_ref)
        except AlertWhispererError as error:
            log.info("a pressed card could not be put right", error=str(error))

    # ── what both share ────────────────────────────────────────────────────────────────────────────────────────

    async def _answer(
        self, said: Heard, place: Place, acts: Callable[[], Awaitable[list[Action]]]
    ) -> list[Reply]:
        """One reply per act. A fault is said with its code."""
        try:
            if not said.person:
                raise Refused("Teams does not say who you are.", hint="Sign in to Teams.", code="not_linked")
            actor = await self._actor(said)
            return [await handle(self._core, act, actor=actor, place=place) for act in await acts()]
        except Refused as refused:
            return [RefusedReply(await refusal(self._core, refused))]
        except AlertWhispererError as error:
            return [RefusedReply(Refusal(str(error)))]
        except Exception as error:  # noqa: BLE001 - the last line of defence of a press: said and logged
            code = fault_code(error, door="teams")
            return [
                RefusedReply(
                    Refusal("Something went wrong on my side.", f"It is logged as {code}. Try again.")
                )
            ]

    async def _tell(self, said: Heard, replies: Sequence[Reply], *, typed: bool) -> None:
        """In the asker's own chat; what was simply done is said where it was asked for."""
        for one in replies:
            match one:
                case Done(text) if typed and text and not said.personal:
                    await self.chat.post(said.channel, _plain(text), thread=said.thread or None)
                case Done(text):
                    if typed and text:
                        await self._say_privately(said, _plain(text))
                case Said(card=card, shared=True) if not said.personal:
                    await self.chat.post(said.channel, card, thread=said.thread or None)
                case Said(card=card):
                    await self._say_privately(said, card)
                case RefusedReply(refusal=refused):
                    await self._say_privately(said, Card(summary=refused.reason, elements=(refused,)))
                case Asked(form):
                    button = Actions((Button(form.submit, form.action),))
                    await self._say_privately(
                        said, Card(summary=form.title, elements=(Body((form.title,)), button))
                    )
                case Unfolding():
                    await self._unfold(said, one)

    async def _unfold(self, said: Heard, growing: Unfolding) -> None:
        """One message that grows, in the asker's own chat."""
        where, ref = await self._own_chat(said), ""
        async for card in growing.cards:
            if ref:
                await self.chat.update(where, ref, card)
            else:
                ref = await self.chat.post(where, card)

    async def _say_privately(self, said: Heard, card: Card) -> None:
        try:
            await self.chat.post(await self._own_chat(said), card)
        except AlertWhispererError as error:
            if said.personal:
                raise
            log.info("somebody cannot be written to alone in Teams", error=str(error))
            words = Refusal("I could not write to you alone.", "Add me to your own chats, then ask again.")
            await self.chat.post(
                said.channel, Card(summary=words.reason, elements=(words,)), thread=said.thread or None
            )

    async def _own_chat(self, said: Heard) -> str:
        return said.channel if said.personal else await self.chat.direct(self._identity(said))

    def _identity(self, said: Heard) -> str:
        return self.chat.connector.ours.identity(said.tenant, said.person)

    async def _place(self, said: Heard) -> Place:
        async def look(tx: Transaction) -> Place:
            company = await tx.companies.by_channel("teams", said.channel)
            card = await tx.cards.by_ref("teams", said.channel, said.thread) if said.thread else None
            return Place(company.id if company else None, card.incident_id if card else None)

        return await self._core.read(look)

    async def _profile(self, said: Heard) -> Profile:
        """What Teams vouches for. Guests and people of other tenants are not the MSP's own."""
        member = await self.chat.member(said.conversation, said.account)
        own = said.tenant == self.chat.connector.ours.tenants[0] == member.tenant and not member.guest
        return Profile(self._identity(said), member.email, own=own)

    async def _first_time(self, said: Heard) -> bool:
        """Teams sends again what was answered slowly: each activity is acted on once, by whichever replica."""
        if not said.id:
            return True
        key, now = f"teams:{said.channel}:{said.id}"[:300], self._core.clock.now()

        async def act(tx: Transaction) -> bool:
            if await tx.deliveries.answers([(0, key)]):
                return False
            tx.deliveries.put(0, key, {}, now=now)
            return True

        return await self._core.write(act)

    async def _remember(self, said: Heard) -> None:
        """Where this conversation and this person are reached, when that is news."""
        places = [TeamsReference(id=said.channel, tenant_id=said.tenant, service_url=said.service_url)]
        if said.person and said.account:
            places.append(
                TeamsReference(
                    id=f"person:{self._identity(said)}",
                    tenant_id=said.tenant,
                    service_url=said.service_url,
                    account=said.account,
                )
            )
        for one in places:
            if self._known.get(one.id) != one:
                await self.chat.remember(one)
                if len(self._known) >= REMEMBERED:
                    self._known.clear()
                self._known[one.id] = one


async def _home() -> list[Action]:
    return [Home()]


def _plain(text: str) -> Card:
    return Card(summary=text, elements=(Body((text,)),))

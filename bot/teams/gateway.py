"""Teams as a `Chat`: cards posted into a channel or chat, replies in a card's thread, edits in place.

A bot cannot read what stands in a channel, so that a first post whose answer was lost cannot be looked up: it is posted
again, because an incident nobody sees is worse than one seen twice. What was pressed meanwhile is known (`sighted`):
the pressed message is adopted, or taken away when another one stands for it.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import PurePath
from typing import Any

import orjson

from bot.cards.card import Body, Card, Element, Facts, Link, Links, Moment, Strong, When
from bot.core import Core
from bot.file_links import FileLink, linked
from bot.ports import Attachment, Gone
from bot.teams.buttons import MOST_VIEWS
from bot.teams.connector import Connector, NotThere
from bot.teams.render import message
from bot.teams.text import clean
from engine.errors import Permanent
from storage.cards import StoredCard
from storage.teams import TeamsReference
from storage.transaction import Transaction

CHANNELS = ("@thread.tacv2", "@thread.skype")
_NO_ADDRESS = (
    "The files cannot be put here, nor linked while AW_PUBLIC_URL is not set; aw report makes them: "
)
PART, PARTS = 3_000, 10
"""Characters of a long text in one message, five times as many when all are escaped; and how many messages."""


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody of a conversation, as Teams vouches for them."""

    tenant: str
    email: str
    guest: bool


class TeamsChat:
    """The `Chat` port for one app registration. A message's ref is its activity id, behind its thread's in a thread."""

    name = "teams"

    def __init__(self, core: Core, connector: Connector) -> None:
        self._core = core
        self.connector = connector

    def render(self, card: Card) -> str:
        return orjson.dumps(message(card), option=orjson.OPT_SORT_KEYS).decode()

    async def post(self, channel: str, card: Card, *, thread: str | None = None) -> str:
        return await self._post(channel, message(card, await self.accounts(card)), thread=thread)

    async def update(self, channel: str, ref: str, card: Card) -> None:
        where, own = await self._where(channel), ref.rpartition(";")[2]
        body = {**message(card, await self.accounts(card)), "id": own}
        try:
            await self.connector.call(
                "PUT", where.service_url, *_activity(channel, ref), body=body, repeatable=True
            )
        except NotThere as error:
            raise Gone(str(error)) from error

    async def find(
        self, channel: str, card_id: str, *, since: datetime, thread: str | None = None
    ) -> str | None:
        """Only what somebody has pressed meanwhile: there is no history to look into."""
        del channel, thread
        seen = await self._core.read(lambda tx: tx.teams.get(f"card:{card_id}"))
        return seen.account if seen is not None and seen.seen_at >= since else None

    async def attach(self, channel: str, *, thread: str, file: Attachment, company_id: int) -> None:
        """A bot can put no file into a channel: a link to the whole of it; without an address for one the text itself,
        in fixed width, a few messages at most."""
        text, title, name = file.body.decode(), file.title, file.name
        links = await linked(self._core, [file], company_id=company_id)
        if links:
            size = f"{len(text):,} characters, as {name}"
            elements = (Body((Strong(title), f" · {size}")), *_opened(links, ["Whole output"]))
            await self.post(channel, Card(summary=f"{title}: {size}", elements=elements), thread=thread)
            return
        for number in range(0, min(len(text), PART * PARTS), PART):
            part = html.escape(clean(text[number : number + PART]), quote=False)
            head = f"<b>{html.escape(title)}</b> ({html.escape(name)})" if number == 0 else ""
            await self._post(channel, _html(f"{head}<pre>{part}</pre>"), thread=thread)
        if len(text) > PART * PARTS:
            rest = f"… {len(text) - PART * PARTS:,} more characters are kept with the run."
            await self._post(channel, _html(html.escape(rest)), thread=thread)

    async def direct(self, user: str) -> str:
        """The chat with somebody the bot has heard from. Raises Permanent for anybody else: Teams offers no way."""
        known = await self._core.read(lambda tx: tx.teams.get(f"person:{user}"))
        if known is None:
            raise Permanent("Teams does not let me write first to somebody who never wrote to me")
        ours = self.connector.ours
        body = {
            "isGroup": False,
            "bot": {"id": f"28:{ours.app_id}"},
            "members": [{"id": known.account}],
            "tenantId": known.tenant_id,
            "channelData": {"tenant": {"id": known.tenant_id}},
        }
        answer = await self.connector.call(
            "POST", known.service_url, "v3", "conversations", body=body, repeatable=True
        )
        conversation = str(answer["id"])
        await self.remember(replace(known, id=conversation, account=""))
        return conversation

    async def publish(
        self,
        channel: str,
        card: Card,
        files: Sequence[Attachment],
        *,
        company_id: int,
        user_id: int | None = None,
    ) -> None:
        """The card, and links to its files: a bot can put none into a channel."""
        links = await linked(self._core, files, company_id=company_id, user_id=user_id)
        extra: Sequence[Element] = ()
        if links:
            extra = _opened(links, [_label(one.name) for one in files])
        elif files:
            names = ", ".join(one.name for one in files)
            extra = (Body((_NO_ADDRESS + names,)),)
        await self.post(channel, replace(card, elements=(*card.elements, *extra)))

    async def delete(self, channel: str, ref: str) -> None:
        where = await self._where(channel)
        try:
            await self.connector.call("DELETE", where.service_url, *_activity(channel, ref), repeatable=True)
        except NotThere:
            return

    async def sighted(self, channel: str, card_id: str, ref: str) -> None:
        """Somebody pressed on this message: if its first post was lost it is found again; if it is the double of one
        that stands it goes."""

        async def look(tx: Transaction) -> tuple[StoredCard | None, StoredCard | None]:
            return await tx.cards.get(card_id), await tx.cards.by_ref(self.name, channel, ref)

        stored, known = await self._core.read(look)
        if known is not None or stored is None or (stored.platform, stored.channel) != (self.name, channel):
            return  # what a button says of its card is not believed when the message is known to be another
        if stored.ref is None:
            where = await self._where(channel)
            seen = replace(where, id=f"card:{card_id}", account=ref, company_id=stored.company_id)
            await self.remember(seen)
        else:
            await self.delete(channel, ref)

    async def accounts(self, card: Card) -> list[str]:
        """What Teams calls those who can decide, as far as they were heard."""
        people = [one.teams_user for one in card.deciders if one.teams_user]
        if not people:
            return []

        async def look(tx: Transaction) -> list[str]:
            found = [await tx.teams.get(f"person:{one}") for one in people[:MOST_VIEWS]]
            return [one.account for one in found if one is not None and one.account]

        return await self._core.read(look)

    async def member(self, conversation: str, account: str) -> Member:
        """Raises Permanent, Transient."""
        where = await self._where(conversation.partition(";")[0])
        found = await self.connector.call(
            "GET", where.service_url, "v3", "conversations", conversation, "members", account, repeatable=True
        )
        email = str(found.get("email") or found.get("userPrincipalName") or "")
        guest = str(found.get("userRole") or "").lower() in ("guest", "anonymous") or "#ext#" in email.lower()
        return Member(str(found.get("tenantId") or ""), email, guest)

    async def remember(self, reference: TeamsReference) -> None:
        now = self._core.clock.now()
        await self._core.write(lambda tx: tx.teams.put(reference, now=now))

    async def _post(self, channel: str, activity: Mapping[str, Any], *, thread: str | None) -> str:
        where = await self._where(channel)
        if not channel.endswith(CHANNELS) or thread is not None:
            answer = await self.connector.call(
                "POST", where.service_url, *_conversation(channel, thread), "activities", body=activity
            )
            ref = _id(answer, "id")
            return f"{thread};{ref}" if thread is not None and channel.endswith(CHANNELS) else ref
        body = {
            "isGroup": True,
            "bot": {"id": f"28:{self.connector.ours.app_id}"},
            "channelData": {"channel": {"id": channel}, "tenant": {"id": where.tenant_id}},
            "tenantId": where.tenant_id,
            "activity": activity,
        }
        answer = await self.connector.call("POST", where.service_url, "v3", "conversations", body=body)
        return _id(answer, "activityId")

    async def _where(self, channel: str) -> TeamsReference:
        """How that conversation is reached; one that never spoke is reached as the MSP's own tenant is."""
        home = self.connector.ours.tenants[0]

        async def look(tx: Transaction) -> TeamsReference | None:
            return await tx.teams.get(channel) or await tx.teams.newest_of(home)

        found = await self._core.read(look)
        if found is None:
            raise Permanent(
                "Teams has not spoken to me yet, so I do not know where to send anything; install the app in the "
                "team and mention it once"
            )
        return found


def _label(name: str) -> str:
    kind = PurePath(name).suffix.strip(".").upper()
    return "Picture" if kind == "PNG" else kind


def _opened(links: Sequence[FileLink], labels: Sequence[str]) -> tuple[Element, ...]:
    until = Moment(links[0].until, When.DATE_TIME)
    items = tuple(Link(label, one.url) for label, one in zip(labels, links, strict=True))
    return Links(items), Facts((("Whoever has a link can read it until ", until),))


def _conversation(channel: str, thread: str | None) -> tuple[str, ...]:
    """Chats have no threads: there a reply simply comes next."""
    threaded = thread is not None and channel.endswith(CHANNELS)
    return ("v3", "conversations", f"{channel};messageid={thread}" if threaded else channel)


def _activity(channel: str, ref: str) -> tuple[str, ...]:
    root, _, own = ref.rpartition(";")
    return (*_conversation(channel, root or own), "activities", own)


def _html(text: str) -> dict[str, Any]:
    return {"type": "message", "textFormat": "xml", "text": text}


def _id(answer: Mapping[str, Any], name: str) -> str:
    found = answer.get(name)
    if not found:
        raise Permanent("Teams took the message and did not say which one it is")
    return str(found)

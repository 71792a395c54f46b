"""Notices as direct messages, or as messages in a channel that is no company's thread."""

from __future__ import annotations

from collections.abc import Mapping

from bot.actions.incidents import Claim, Show
from bot.budget import Lane
from bot.cards.card import Actions, Body, Button, Card, Element, Facts, Strong, Style, Title, Tone
from bot.cards.incident import cut
from bot.core import Core
from bot.notices.port import Delivery
from bot.ports import Chat
from bot.posting import Post, first_post
from engine.alert import Severity
from engine.errors import Permanent
from engine.incident import Incident
from engine.notice import Notice
from engine.ports import CardWanted
from storage.cards import StoredCard
from storage.transaction import Transaction

NOTICE_CARD = "notice"
MOST_LINES, MOST_BUTTONS = 20, 5


class ChatSender:
    """Once: a message that may have arrived is looked for by its batch before it is posted again."""

    def __init__(self, core: Core, chats: Mapping[str, Chat]) -> None:
        self._core = core
        self._chats = chats

    async def send(self, delivery: Delivery) -> None:
        chat, channel = await self._where(delivery)
        wanted = CardWanted(
            company_id=0,
            incident_id=None,
            kind=NOTICE_CARD,
            subject=delivery.batch,
            platform=chat.name,
            channel=channel,
        )

        async def want(tx: Transaction) -> StoredCard | None:
            tx.cards.want(wanted)
            await tx.cards.flush()
            return await tx.cards.get(wanted.id)

        stored = await self._core.write(want)
        assert stored is not None
        if stored.ref is not None:
            return
        card = notice_card(delivery, wanted.id)
        lane = Lane.PRESS if delivery.urgent else Lane.CARD
        await first_post(Post(self._core, chat, stored, card, lane, seen_at=delivery.now))

    async def _where(self, delivery: Delivery) -> tuple[Chat, str]:
        if delivery.user is None:
            platform, _, channel = delivery.address.partition(":")
            chat = self._chats.get(platform)
            if chat is None or not channel:
                raise Permanent(f"no chat platform that is on has {delivery.address or 'that place'}")
            return chat, channel
        for platform, account in (("slack", delivery.user.slack_user), ("teams", delivery.user.teams_user)):
            chat = self._chats.get(platform)
            if chat is not None and account:
                return chat, await chat.direct(account)
        raise Permanent(f"{delivery.user.name} has no chat account here")


def notice_card(delivery: Delivery, card_id: str = "") -> Card:
    """One line for each notice, and buttons where they are about few incidents."""
    notices = delivery.notices
    first = notices[0]
    known = {one.incident_id: delivery.incidents.get(one.incident_id) for one in notices if one.incident_id}
    open_ones = [one for one in known.values() if one is not None and one.open]
    summary = cut(_plain(first, delivery), 280)
    if len(notices) > 1:
        summary = f"{len(notices)} notices: {cut(_plain(first, delivery), 220)}"
    elements: list[Element] = []
    if len(notices) > 1:
        elements.append(Title(_tone(open_ones), (Strong(f"{len(notices)} notices"),)))
    for one in notices[:MOST_LINES]:
        elements.append(Body((Strong(_about(one, delivery)), " " if one.incident_id else "", one.text)))
    if len(notices) > MOST_LINES:
        elements.append(Facts(((f"and {len(notices) - MOST_LINES} more",),)))
    if open_ones:
        elements.append(_buttons(open_ones))
    label = open_ones[0].label if len(open_ones) == 1 else ""
    return Card(summary=summary, elements=tuple(elements), kind=NOTICE_CARD, incident=label, card_id=card_id)


def _about(notice: Notice, delivery: Delivery) -> str:
    """`INC-42 · Acme Corp · Disk full on web-01:`"""
    incident = delivery.incidents.get(notice.incident_id) if notice.incident_id is not None else None
    if incident is None:
        return ""
    company = delivery.companies.get(notice.company_id)
    where = f" · {cut(company.name, 40)}" if company else ""
    return f"{incident.label}{where} · {cut(incident.title, 80)} on {cut(incident.asset_name, 40)}:"


def _plain(notice: Notice, delivery: Delivery) -> str:
    return f"{_about(notice, delivery)} {notice.text}".strip()


def _tone(incidents: list[Incident]) -> Tone:
    worst = next((one for one in Severity if any(it.severity is one for it in incidents)), None)
    return Tone(worst.value) if worst else Tone.INFO


def _buttons(incidents: list[Incident]) -> Actions:
    if len(incidents) == 1:
        incident = incidents[0]
        claim = [] if incident.touched else [Button("Claim", Claim(incident.id), Style.PRIMARY)]
        return Actions((*claim, Button("Show it", Show(incident.id))))
    return Actions((), tuple(Button(f"Show {one.label}", Show(one.id)) for one in incidents[:MOST_BUTTONS]))

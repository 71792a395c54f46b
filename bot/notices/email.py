"""Notices by mail: one alone with all there is about it, several as one mail with a line for each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parseaddr

from bot.core import Core
from bot.mail.carry import carry
from bot.mail.compose import compose
from bot.mail.message import message
from bot.mail.said import said
from bot.mail.words import NOTE, Item, item
from bot.notices.port import Delivery
from bot.views import IncidentView, incident_view
from engine.errors import Permanent
from engine.notice import Notice, NoticeKind
from engine.operations.notify import contact_of
from engine.sla import ClockState
from storage.transaction import Transaction

TEMPLATES: Mapping[NoticeKind, str] = {
    NoticeKind.ASSIGNED: "assignment",
    NoticeKind.WARNED: "warning",
    NoticeKind.BREACHED: "breach",
    NoticeKind.ESCALATED: "escalation",
    NoticeKind.PAGED: "escalation",
    NoticeKind.HANDOFF: "handoff",
    NoticeKind.CLOSED: "closure",
}
"""A kind that is not here, or whose incident is gone, is a plain `notice`."""
_LEVEL = re.compile(r"\(level (\d{1,2})\)")
"""How an escalation says its level."""
MOST_ITEMS, MOST_LINKS = 40, 10
"""A digest tells of so many, and asks chat for the addresses of so many messages."""


class EmailSender:
    """At least once: a repeat has the same Message-ID and says the same."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def send(self, delivery: Delivery) -> None:
        core, user = self._core, delivery.user
        notices = delivery.notices[:MOST_ITEMS]
        views = await core.read(lambda tx: self._views(tx, delivery))
        zone = user.timezone if user else _zone(delivery)
        links = await links_to(core, list(views)) if user is not None else {}
        items = [_item(one, views, zone, links) for one in notices]
        left_out = len(delivery.notices) - len(notices)
        if left_out:
            items.append(Item(kind="notice", text=said(f"… and {left_out} more; `/aw mine` has them.", NOTE)))
        sender = core.settings.aw_email_from
        mail = compose(
            items[0].kind if len(items) == 1 else "digest",
            items,
            reader=user.name if user else "",
            sender=parseaddr(sender)[0] or parseaddr(sender)[1],
            folder=core.settings.aw_email_template_dir,
        )
        about = {one.incident_id for one in delivery.notices}
        single = next(iter(about)) if len(about) == 1 else None
        made = message(
            mail,
            sender=sender,
            to=user.email if user else _address(delivery),
            name=user.name if user else "",
            id=delivery.batch,
            about=f"incident-{single}" if single is not None else "",
            now=delivery.now,
        )
        await carry(core, made)

    async def _views(self, tx: Transaction, delivery: Delivery) -> dict[int, IncidentView]:
        found = {}
        for number in sorted(delivery.incidents)[:MOST_ITEMS]:
            view = await incident_view(tx, number, catalogue=self._core.catalogue, now=delivery.now)
            if view is not None:
                found[number] = view
        return found


def _item(notice: Notice, views: Mapping[int, IncidentView], zone: str, links: Mapping[int, str]) -> Item:
    view = views.get(notice.incident_id) if notice.incident_id is not None else None
    if view is None:
        return Item(kind="notice", text=said(notice.text, NOTE))
    kind, level = TEMPLATES.get(notice.kind, "notice"), _LEVEL.search(notice.text)
    late = any(clock.state(view.now) is ClockState.BREACHED for clock in view.clocks)
    if notice.kind is NoticeKind.ESCALATED and late:
        kind = "breach"
    return item(
        view,
        kind=kind,
        text=notice.text,
        zone=zone,
        link=links.get(view.incident.id, ""),
        level=int(level[1]) if level else 0,
    )


def _address(delivery: Delivery) -> str:
    """The mailbox of a place. Raises Permanent."""
    company = next(iter(delivery.companies.values()), None)
    if company is not None and delivery.address == contact_of(company.id):
        contact: str = company.value("contact_email")
        if not contact:
            raise Permanent("the company has no contact any more")
        return contact
    return delivery.address


def _zone(delivery: Delivery) -> str:
    company = delivery.companies.get(delivery.notices[0].company_id)
    return company.timezone if company else "UTC"


async def links_to(core: Core, incidents: list[int]) -> dict[int, str]:
    """Addresses that open the incidents' messages in chat, where chat says."""
    if not core.settings.slack_on:
        return {}
    from bot.slack.links import permalink

    async def look(tx: Transaction) -> dict[int, tuple[str, str]]:
        found = {}
        for number in incidents[:MOST_LINKS]:
            card = await tx.cards.stored_of(number, "incident", "slack")
            if card is not None and card.ref is not None:
                found[number] = (card.channel, card.ref)
        return found

    places = await core.read(look)
    found = {
        number: await permalink(core.settings, channel, ref) for number, (channel, ref) in places.items()
    }
    return {number: link for number, link in found.items() if link.startswith("https://") or _local(link)}


def _local(link: str) -> bool:
    """The sandbox's own."""
    return link.startswith("http://127.0.0.1:")

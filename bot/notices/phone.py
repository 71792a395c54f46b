"""Notices by text message and by call: for what is urgent, in few words, and 1 takes it in hand."""

from __future__ import annotations

from bot.cards.incident import cut
from bot.core import Core
from bot.mail.said import said
from bot.notices.port import Delivery
from engine.errors import Permanent
from engine.incident import Incident
from engine.notice import Notice, NoticeKind
from integrations.twilio import Twilio

MOST = 320
"""Signs of a text message: it goes out as two parts at most, unless a name has rare letters."""
MOST_NAMED = 4


class SmsSender:
    """At least once; a repeat says the same. A Transient leaves it for later, so nothing is sent twice at once."""

    def __init__(self, core: Core, twilio: Twilio) -> None:
        self._core, self._twilio = core, twilio

    async def send(self, delivery: Delivery) -> None:
        url = f"{self._core.settings.public_url}/twilio/status/{delivery.batch}"
        await self._twilio.text(number_of(delivery), text_of(delivery), told_at=url)


class VoiceSender:
    def __init__(self, core: Core, twilio: Twilio) -> None:
        self._core, self._twilio = core, twilio

    async def send(self, delivery: Delivery) -> None:
        ours = f"{self._core.settings.public_url}/twilio"
        says_at, told_at = f"{ours}/voice/{delivery.batch}", f"{ours}/status/{delivery.batch}"
        await self._twilio.call(number_of(delivery), says_at=says_at, told_at=told_at)


def number_of(delivery: Delivery) -> str:
    number = delivery.user.phone if delivery.user else delivery.address
    if not number:
        raise Permanent("there is no phone number to reach them by")
    return number


def text_of(delivery: Delivery) -> str:
    """`CRITICAL INC-7 Acme Corp: Disk / full on web-01. It needs you. Reply 1 to claim.`"""
    notices = delivery.notices
    claimable = [one for one in _incidents(delivery) if one.open and not one.touched]
    ask = ""
    if len(claimable) == 1:
        ask = " Reply 1 to claim."
    elif claimable:
        ask = f" Reply with a number to claim, e.g. {claimable[0].id}."
    elif len(notices) == 1 and notices[0].kind is NoticeKind.PAGED and notices[0].incident_id is None:
        ask = " Reply 1: you have heard it."
    if len(notices) == 1:
        told = _about(notices[0], delivery)
    else:
        named = "; ".join(_short(one, delivery) for one in notices[:MOST_NAMED])
        more = f"; {len(notices) - MOST_NAMED} more" if len(notices) > MOST_NAMED else ""
        told = f"{len(notices)} urgent: {named}{more}."
    return cut(told, MOST - len(ask)) + ask


def spoken(notice: Notice, incident: Incident | None, company: str) -> str:
    """The same for the ear."""
    if incident is None:
        return said(notice.text, 300).plain
    paged = f"{said(notice.text, 300).plain} " if notice.kind is NoticeKind.PAGED else ""
    what, where = said(incident.title, 120).plain, said(incident.asset_name, 60).plain
    return f"Alert Whisperer. {paged}{incident.severity.value} incident {incident.id} at {company}. {what}, on {where}."


def _incidents(delivery: Delivery) -> list[Incident]:
    ids = dict.fromkeys(one.incident_id for one in delivery.notices if one.incident_id is not None)
    return [delivery.incidents[one] for one in ids if one in delivery.incidents]


def _about(notice: Notice, delivery: Delivery) -> str:
    incident = delivery.incidents.get(notice.incident_id) if notice.incident_id is not None else None
    if incident is None:
        return said(notice.text, 280).plain
    company = delivery.companies.get(notice.company_id)
    at = f" {said(company.name, 40).plain}" if company else ""
    what, where = said(incident.title, 100).plain, said(incident.asset_name, 40).plain
    head = f"{incident.severity.value.upper()} {incident.label}{at}: {what} on {where}:"
    return f"{head} {said(notice.text, 120).plain}"


def _short(notice: Notice, delivery: Delivery) -> str:
    incident = delivery.incidents.get(notice.incident_id) if notice.incident_id is not None else None
    if incident is None:
        return said(notice.text, 60).plain
    return f"{incident.label} {said(incident.title, 40).plain} on {said(incident.asset_name, 24).plain}"

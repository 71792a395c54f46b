"""Which ways to people this program is set up for."""

from __future__ import annotations

from collections.abc import Mapping

from bot.core import Core
from bot.notices.chat import ChatSender
from bot.notices.email import EmailSender
from bot.notices.phone import SmsSender, VoiceSender
from bot.notices.port import Sender
from bot.notices.webhook import WebhookSender
from bot.ports import Chat
from bot.settings import Settings
from engine.notice import Transport


def senders(core: Core, chats: Mapping[str, Chat]) -> Mapping[Transport, Sender]:
    found: dict[Transport, Sender] = {Transport.WEBHOOK: WebhookSender(core)}
    if chats:
        found[Transport.CHAT] = ChatSender(core, chats)
    if core.mailer is not None:
        found[Transport.EMAIL] = EmailSender(core)
    if core.twilio is not None:
        found[Transport.SMS] = SmsSender(core, core.twilio)
        found[Transport.VOICE] = VoiceSender(core, core.twilio)
    return found


def ways(settings: Settings) -> frozenset[Transport]:
    """Those that notices are made for: what is not set up is not even tried."""
    found = {Transport.CHAT, Transport.WEBHOOK}
    if settings.email_on:
        found.add(Transport.EMAIL)
    if settings.twilio_on:
        found |= {Transport.SMS, Transport.VOICE}
    return frozenset(found)

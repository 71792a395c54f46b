"""Which ways to people this program is set up for."""

from __future__ import annotations

from collections.abc import Mapping

from bot.core import Core
from bot.notices.chat import ChatSender
from bot.notices.port import Sender
from bot.ports import Chat
from engine.notice import Transport


def senders(core: Core, chats: Mapping[str, Chat]) -> Mapping[Transport, Sender]:
    found: dict[Transport, Sender] = {}
    if chats:
        found[Transport.CHAT] = ChatSender(core, chats)
    return found

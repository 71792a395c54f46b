"""What the bot needs from a chat platform. Slack and Teams implement it, each in its own folder."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from bot.cards.card import Card


class Chat(Protocol):
    """Posts and edits cards. Raises Transient (nothing happened; `retry_after` when the platform names it), Ambiguous
    (it may have happened), Permanent (it cannot), or Gone."""

    @property
    def name(self) -> str: ...

    def render(self, card: Card) -> str:
        """The message's body as canonical text: equal text means that nothing needs to be sent."""
        ...

    async def post(self, channel: str, card: Card, *, thread: str | None = None) -> str:
        """Post a new message, in a thread if one is named; its id."""
        ...

    async def update(self, channel: str, ref: str, card: Card) -> None:
        """Replace a message's content. Raises Gone when it is no longer there."""
        ...

    async def find(
        self, channel: str, card_id: str, *, since: datetime, thread: str | None = None
    ) -> str | None:
        """The id of the message with this card id in its metadata, posted since then; None when there is none."""
        ...

    async def attach(self, channel: str, *, thread: str, file: Attachment, company_id: int) -> None:
        """Put a long text of that company into the thread as a file."""
        ...

    async def direct(self, user: str) -> str:
        """The channel of direct messages with that person."""
        ...

    async def publish(
        self,
        channel: str,
        card: Card,
        files: Sequence[Attachment],
        *,
        company_id: int,
        user_id: int | None = None,
    ) -> None:
        """Post a card with files under it: pictures are shown, the rest is there to download. `company_id` 0: over
        all companies. `user_id`: whose own channel it is."""
        ...


class Attachment(Protocol):
    """A file for people; `alt` says what a picture shows."""

    @property
    def name(self) -> str: ...

    @property
    def title(self) -> str: ...

    @property
    def body(self) -> bytes: ...

    @property
    def alt(self) -> str: ...


class Gone(Exception):
    """The message was deleted: there is nothing to update any more."""

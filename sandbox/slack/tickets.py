"""What a person's act entitles the bot to for a short time: a trigger for one modal, an address for five answers."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.slack.refusal import SlackRefusal

TRIGGER_SECONDS = 3.0
RESPONSE_SECONDS = 30 * 60.0
RESPONSE_USES = 5


@dataclass(slots=True)
class Trigger:
    """`view`: the modal in which the person pressed; empty elsewhere."""

    user: str
    view: str
    at: float
    used: bool = False


@dataclass(slots=True)
class ResponseUrl:
    """`ts`: the message with the button, empty for a command; `thread`: where its answer belongs."""

    user: str
    channel: str
    ts: str
    thread: str
    at: float
    uses: int = 0


class Tickets:
    """`clock`: seconds since the epoch."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._triggers: dict[str, Trigger] = {}
        self._urls: dict[str, ResponseUrl] = {}

    def trigger(self, user: str, view: str = "") -> str:
        now = self._clock()
        self._triggers = {key: one for key, one in self._triggers.items() if now - one.at < 600}
        name = f"{int(now * 1000)}.{secrets.randbelow(10**12):012d}.{secrets.token_hex(16)}"
        self._triggers[name] = Trigger(user, view, now)
        return name

    def look(self, name: str) -> Trigger:
        """A trigger that may be exchanged. Raises invalid_, exchanged_ or expired_trigger_id."""
        found = self._triggers.get(name)
        if found is None:
            raise SlackRefusal("invalid_trigger_id")
        if found.used:
            raise SlackRefusal("exchanged_trigger_id")
        if self._clock() - found.at > TRIGGER_SECONDS:
            raise SlackRefusal("expired_trigger_id")
        return found

    def response_url(self, user: str, channel: str, *, ts: str = "", thread: str = "") -> str:
        """The last part of a new address."""
        now = self._clock()
        self._urls = {key: one for key, one in self._urls.items() if now - one.at < 2 * RESPONSE_SECONDS}
        name = secrets.token_urlsafe(18)
        self._urls[name] = ResponseUrl(user, channel, ts, thread, now)
        return name

    def answer(self, name: str) -> ResponseUrl:
        """Uses an address once. Raises invalid_, expired_ or used_url."""
        found = self._urls.get(name)
        if found is None:
            raise SlackRefusal("invalid_url")
        if self._clock() - found.at > RESPONSE_SECONDS:
            raise SlackRefusal("expired_url")
        if found.uses >= RESPONSE_USES:
            raise SlackRefusal("used_url")
        found.uses += 1
        return found

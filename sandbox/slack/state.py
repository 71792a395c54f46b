"""What is true in the workspace: people, channels, messages, and who sees which of them."""

from __future__ import annotations

import copy
import re
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

from sandbox.slack.refusal import SlackRefusal
from sandbox.slack.tickets import Tickets
from sandbox.world import Person, SlackConfig, Stream

if TYPE_CHECKING:
    from sandbox.slack.files import File

Message = dict[str, Any]
View = dict[str, Any]
NO_TEXT = "This content can't be displayed."


@dataclass(slots=True)
class Channel:
    """`messages`: by their time stamp, oldest first. `peer`: the person of a direct message."""

    id: str
    name: str
    topic: str = ""
    is_private: bool = False
    is_archived: bool = False
    peer: str = ""
    creator: str = ""
    created: int = 0
    members: list[str] = field(default_factory=list)
    messages: dict[str, Message] = field(default_factory=dict)

    @property
    def is_im(self) -> bool:
        return bool(self.peer)


@dataclass(frozen=True, slots=True)
class Whisper:
    """A message that one person sees."""

    user: str
    channel: str
    message: Message


class Call(NamedTuple):
    """One call of the Web API as the bot made it, whatever came of it."""

    method: str
    args: dict[str, Any]
    at: datetime


class State:
    """`modals`: each person's stack, the newest last. `clock`: seconds since the epoch."""

    def __init__(self, config: SlackConfig, stream: Stream, clock: Callable[[], float] = time.time) -> None:
        self.config = config
        self.bot = config.bot
        self.stream = stream
        self.clock = clock
        self.people: dict[str, Person] = {person.id: person for person in config.users}
        self.channels: dict[str, Channel] = {}
        self.whispers: dict[str, Whisper] = {}
        self.modals: dict[str, list[View]] = {}
        self.homes: dict[str, View] = {}
        self.files: dict[str, File] = {}
        self.tickets = Tickets(lambda: self.clock())
        self.calls: list[Call] = []
        self._last = 0
        self._read: dict[tuple[str, str], str] = {}
        for one in config.channels:
            self.add_channel(
                Channel(
                    one.id, one.name, one.topic, one.is_private, one.is_archived, members=list(one.members)
                )
            )
        for person in config.users:
            self.direct(person.id)

    @property
    def domain(self) -> str:
        return re.sub(r"[^a-z0-9]+", "-", self.config.team_name.lower()).strip("-") or "workspace"

    def next_ts(self) -> str:
        """A time stamp that no other message has."""
        self._last = max(self._last + 1, int(self.clock() * 1_000_000))
        return f"{self._last // 1_000_000}.{self._last % 1_000_000:06d}"

    def called(self, method: str, args: dict[str, Any]) -> None:
        self.calls.append(Call(method, args, datetime.fromtimestamp(self.clock(), UTC)))

    # ── people and channels ────────────────────────────────────────────────────────────────────────────────────

    def person(self, user: str) -> Person:
        """Raises KeyError."""
        return self.people[user]

    def is_user(self, user: str) -> bool:
        return user in self.people or user == self.bot.user_id

    def add_channel(self, channel: Channel) -> Channel:
        channel.created = channel.created or int(self.clock())
        self.channels[channel.id] = channel
        return channel

    def direct(self, user: str) -> Channel:
        """The conversation between this person and the bot."""
        found = self.channels.get(f"D{user[1:]}")
        if found is None:
            found = Channel(
                f"D{user[1:]}",
                "",
                is_private=True,
                peer=user,
                creator=user,
                members=[user, self.bot.user_id],
            )
            self.add_channel(found)
        return found

    def channel(self, given: str) -> Channel:
        """By id, by name, or by the person of a direct message, as far as the bot can see it. Raises
        channel_not_found."""
        found = self.channels.get(given)
        if found is None and given in self.people:
            found = self.direct(given)
        if found is None:
            name = given.removeprefix("#")
            found = next((one for one in self.channels.values() if one.name and one.name == name), None)
        if found is None or (found.is_private and self.bot.user_id not in found.members):
            raise SlackRefusal("channel_not_found")
        return found

    def open_to_bot(self, given: str) -> Channel:
        """A channel that the bot may write into and read. Raises as Slack does."""
        channel = self.channel(given)
        if channel.is_archived:
            raise SlackRefusal("is_archived")
        if self.bot.user_id not in channel.members:
            raise SlackRefusal("not_in_channel")
        return channel

    def sees(self, user: str, channel: Channel) -> bool:
        return user in channel.members or not channel.is_private

    def new_id(self, letter: str) -> str:
        return letter + "0" + secrets.token_hex(5).upper()

    # ── messages ───────────────────────────────────────────────────────────────────────────────────────────────

    def post(self, channel: Channel, message: Message) -> Message:
        """Adds it under a new time stamp and tells those who see it."""
        message = {"type": "message", **message, "ts": self.next_ts()}
        channel.messages[message["ts"]] = message
        self._tell("message", channel, message)
        parent = channel.messages.get(message.get("thread_ts", ""))
        if parent is not None:
            self._tell("message_changed", channel, parent)
        return message

    def changed(self, channel: Channel, message: Message) -> None:
        self._tell("message_changed", channel, message)

    def remove(self, channel: Channel, ts: str) -> None:
        """A message with replies leaves a tombstone, as in Slack."""
        message = channel.messages[ts]
        if any(self.replies(channel, ts)):
            stone = {
                "type": "message", "subtype": "tombstone", "user": "USLACKBOT", "ts": ts, "hidden": True,
                "text": "This message was deleted.",
            }  # fmt: skip
            channel.messages[ts] = stone
            self._tell("message_changed", channel, stone)
            return
        del channel.messages[ts]
        self._tell("message_deleted", channel, message)
        parent = channel.messages.get(message.get("thread_ts", ""))
        if parent is not None:
            self._tell("message_changed", channel, parent)

    def whisper(self, user: str, channel: Channel, message: Message, *, instead_of: str = "") -> Message:
        """Shows a message to one person; `instead_of` an earlier one of theirs."""
        ts = instead_of or self.next_ts()
        message = {"type": "message", **message, "ts": ts}
        self.whispers[ts] = Whisper(user, channel.id, message)
        self._tell_one("ephemeral", user, channel.id, message)
        return message

    def unwhisper(self, ts: str) -> None:
        gone = self.whispers.pop(ts, None)
        if gone is not None:
            self._tell_one("message_deleted", gone.user, gone.channel, gone.message)

    def top_level(self, channel: Channel) -> Iterator[Message]:
        """Oldest first, without replies that stayed in their thread."""
        for message in channel.messages.values():
            thread = message.get("thread_ts")
            if not thread or thread == message["ts"] or message.get("subtype") == "thread_broadcast":
                yield message

    def replies(self, channel: Channel, ts: str) -> Iterator[Message]:
        return (one for one in channel.messages.values() if one.get("thread_ts") == ts and one["ts"] != ts)

    def shown(self, channel: Channel, message: Message) -> Message:
        """A copy as Slack hands it out: a parent with what its thread holds."""
        copied: Message = copy.deepcopy(message)
        replies = list(self.replies(channel, message["ts"]))
        if replies:
            authors = list(dict.fromkeys(one["user"] for one in replies))
            copied |= {
                "thread_ts": message["ts"],
                "reply_count": len(replies),
                "reply_users_count": len(authors),
                "latest_reply": replies[-1]["ts"],
                "reply_users": authors[:5],
            }
        return copied

    def find(self, ts: str) -> tuple[Channel, Message] | None:
        """The message with this time stamp, whichever channel it is in."""
        for channel in self.channels.values():
            if ts in channel.messages:
                return channel, channel.messages[ts]
        return None

    def whispers_to(self, user: str, channel: str = "") -> list[Message]:
        return [
            {**copy.deepcopy(one.message), "ephemeral": True}
            for one in self.whispers.values()
            if one.user == user and channel in ("", one.channel)
        ]

    # ── who reads what ─────────────────────────────────────────────────────────────────────────────────────────

    def mark_read(self, user: str, channel: Channel) -> None:
        if channel.messages:
            self._read[user, channel.id] = next(reversed(channel.messages))

    def unread(self, user: str, channel: Channel) -> int:
        seen = self._read.get((user, channel.id), "")
        return sum(1 for one in self.top_level(channel) if one["ts"] > seen and one["user"] != user)

    def toast(self, user: str, text: str) -> None:
        self.stream.publish({"type": "toast", "text": text}, to=user)

    def channel_changed(self, channel: Channel) -> None:
        for user in channel.members:
            self.stream.publish({"type": "channel", "channel": self.overview(user, channel)}, to=user)

    def overview(self, user: str, channel: Channel) -> dict[str, Any]:
        """The channel as one person's list of channels shows it."""
        return {
            "id": channel.id,
            "name": channel.name or self.bot.name,
            "topic": channel.topic,
            "is_member": user in channel.members,
            "is_private": channel.is_private,
            "is_archived": channel.is_archived,
            "is_im": channel.is_im,
            "unread": self.unread(user, channel),
        }

    def _tell(self, kind: str, channel: Channel, message: Message) -> None:
        change = {"type": kind, "channel": channel.id, "message": self.shown(channel, message)}
        for user in channel.members:
            self.stream.publish(change, to=user)

    def _tell_one(self, kind: str, user: str, channel: str, message: Message) -> None:
        shown = {**copy.deepcopy(message), "ephemeral": True}
        self.stream.publish({"type": kind, "channel": channel, "message": shown}, to=user)


def offset_of(zone: str, now: float) -> int:
    """Seconds east of Greenwich, today."""
    offset = datetime.fromtimestamp(now, ZoneInfo(zone)).utcoffset()
    return int(offset.total_seconds()) if offset else 0

"""What stands in the pretend Teams: conversations, their messages, and who is where."""

from __future__ import annotations

import copy
import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sandbox.teams.config import TeamsConfig, TeamsPerson
from sandbox.world import Stream

Activity = dict[str, Any]


@dataclass(slots=True)
class Message:
    """`root`: the message that began its thread; its own id when it did, "" in chats. `at`: Unix seconds."""

    id: str
    conversation: str
    root: str
    by: str
    activity: Activity
    edits: int = 0
    at: float = field(default_factory=time.time)

    @property
    def card(self) -> dict[str, Any]:
        """Its Adaptive Card; empty when it has none."""
        for one in self.activity.get("attachments") or ():
            if one.get("contentType") == "application/vnd.microsoft.card.adaptive":
                found: dict[str, Any] = one["content"]
                return found
        return {}


@dataclass(slots=True)
class Conversation:
    """`kind`: channel, personal or groupChat. `blocked`: the app was removed or blocked there."""

    id: str
    kind: str
    members: list[str]
    name: str = ""
    team: str = ""
    blocked: bool = False
    messages: dict[str, Message] = field(default_factory=dict)


class State:
    def __init__(self, config: TeamsConfig, stream: Stream) -> None:
        self.config = config
        self.people: dict[str, TeamsPerson] = {one.id: one for one in config.people}
        self.conversations = {
            one.id: Conversation(one.id, "channel", list(one.members), one.name, one.team)
            for one in config.channels
        }
        self.calls: list[tuple[str, str, Any]] = []
        self.on_shown: list[Callable[[Message], None]] = []
        """Who wants to hear that a message came or changed."""
        self._stream = stream
        self._numbers = itertools.count(int(time.time() * 1000))

    def new_id(self) -> str:
        return str(next(self._numbers))

    def by_account(self, account: str) -> TeamsPerson | None:
        return self.people.get(account.removeprefix("29:"))

    def personal(self, person: TeamsPerson) -> Conversation:
        """The chat of this person with the bot."""
        name = f"a:{person.id}"
        return self.conversations.setdefault(name, Conversation(name, "personal", [person.id]))

    def post(self, where: Conversation, by: str, activity: Activity, *, root: str = "") -> Message:
        number = self.new_id()
        root = (root or number) if where.kind == "channel" else ""
        message = Message(number, where.id, root, by, copy.deepcopy(activity))
        where.messages[number] = message
        self._shown("message", message)
        return message

    def edit(self, message: Message, activity: Activity) -> None:
        message.activity, message.edits = copy.deepcopy(activity), message.edits + 1
        self._shown("message_changed", message)

    def remove(self, message: Message) -> None:
        del self.conversations[message.conversation].messages[message.id]
        self._tell("message_deleted", message)

    def top_level(self, conversation: str) -> Iterator[Message]:
        found = self.conversations[conversation]
        return (one for one in found.messages.values() if found.kind != "channel" or one.root == one.id)

    def replies(self, conversation: str, root: str) -> Iterator[Message]:
        found = self.conversations[conversation].messages.values()
        return (one for one in found if one.root == root and one.id != root)

    def _shown(self, kind: str, message: Message) -> None:
        for hear in self.on_shown:
            hear(message)
        self._tell(kind, message)

    def seen_anew(self, message: Message, person: str) -> None:
        """This person's view of it changed."""
        change = {"type": "teams_message_changed", "conversation": message.conversation, "id": message.id}
        self._stream.publish(change, to=person)

    def _tell(self, kind: str, message: Message) -> None:
        for person in self.conversations[message.conversation].members:
            self._stream.publish(
                {"type": f"teams_{kind}", "conversation": message.conversation, "id": message.id}, to=person
            )

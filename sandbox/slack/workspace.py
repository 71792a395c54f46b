"""The workspace's state: people, channels, messages, modals, triggers; and what a person does in it."""

from __future__ import annotations

import itertools
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.faults import Faults
from sandbox.slack.interactions import Interactions
from sandbox.world import Person, SlackConfig, Stream

Message = dict[str, Any]
TRIGGER_SECONDS = 3.0


class Refused(Exception):
    """Slack's own word for why not, and what it adds to it."""

    def __init__(self, error: str, **more: Any) -> None:
        super().__init__(error)
        self.error = error
        self.more = more


@dataclass
class Channel:
    id: str
    name: str
    topic: str
    is_private: bool
    members: set[str]
    is_im: bool = False
    is_archived: bool = False
    messages: dict[str, Message] = field(default_factory=dict)
    read: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "is_channel": not self.is_im,
            "is_im": self.is_im,
            "is_private": self.is_private,
            "is_archived": self.is_archived,
            "is_member": True,
            "num_members": len(self.members),
            "topic": {"value": self.topic, "creator": "", "last_set": 0},
            "purpose": {"value": "", "creator": "", "last_set": 0},
        }


@dataclass
class Trigger:
    user: str
    at: float
    used: bool = False


@dataclass
class ResponsePlace:
    """Where a response_url leads: five answers in thirty minutes."""

    channel: str
    user: str
    ts: str | None
    thread_ts: str | None
    at: float
    left: int = 5


class Workspace:
    def __init__(self, config: SlackConfig, bot_url: str, faults: Faults, stream: Stream) -> None:
        self.config = config
        self.faults = faults
        self.stream = stream
        self.users: dict[str, Person] = {one.id: one for one in config.users}
        self.channels: dict[str, Channel] = {
            one.id: Channel(one.id, one.name, one.topic, one.is_private, set(one.members))
            for one in config.channels
        }
        self.calls: list[tuple[str, dict[str, Any], float]] = []
        self.views: dict[str, dict[str, Any]] = {}
        self.view_of: dict[str, str] = {}
        self.homes: dict[str, dict[str, Any]] = {}
        self.files: dict[str, dict[str, Any]] = {}
        self.file_bodies: dict[str, bytes] = {}
        self.triggers: dict[str, Trigger] = {}
        self.places: dict[str, ResponsePlace] = {}
        self.whispers: dict[str, list[Message]] = {}
        self.base_url = ""
        self.interactions = Interactions(self, bot_url)
        self._serial = itertools.count(1)
        self._last_ts = 0.0

    def messages(self, channel: str) -> list[Message]:
        """Top-level messages, oldest first."""
        every = self.channels[channel].messages.values()
        return sorted((m for m in every if m.get("thread_ts", m["ts"]) == m["ts"]), key=lambda m: m["ts"])

    def replies(self, channel: str, ts: str) -> list[Message]:
        """The parent and its replies, oldest first."""
        every = self.channels[channel].messages.values()
        return sorted((m for m in every if m["ts"] == ts or m.get("thread_ts") == ts), key=lambda m: m["ts"])

    def ephemerals(self, user: str) -> list[Message]:
        """What only this person was shown, oldest first."""
        return self.whispers.get(user, [])

    def views_of(self, user: str) -> list[dict[str, Any]]:
        """The modals that are open for a person, the newest last."""
        return [view for view_id, view in self.views.items() if self.view_of[view_id] == user]

    async def command(self, user: str, channel: str, text: str) -> Message | None:
        """Type a slash command; what the person is shown at once, if anything."""
        return await self.interactions.command(user, channel, text)

    async def press(
        self,
        user: str,
        message: Mapping[str, Any],
        action_id: str,
        *,
        value: str | None = None,
        option: str | None = None,
    ) -> None:
        """Press a button of a message (or choose an option of its menu), with another value if one is given."""
        element, block_id = _element(message, action_id)
        action: dict[str, Any] = {"action_id": action_id, "block_id": block_id, "type": element["type"]}
        if element["type"] == "overflow":
            chosen = next((one for one in element["options"] if one["value"] == option), None)
            action["selected_option"] = chosen or {
                "text": {"type": "plain_text", "text": "?"},
                "value": option,
            }
        else:
            action["value"] = value if value is not None else element.get("value", "")
            action["text"] = element["text"]
        channel = next(one.id for one in self.channels.values() if message["ts"] in one.messages)
        await self.interactions.pressed(user, action, channel=channel, message=dict(message))

    async def submit(self, user: str, view_id: str, values: Mapping[str, str]) -> dict[str, Any] | None:
        """Send a modal's form, the values by block id; the response_action Slack was answered with."""
        view = self.views[view_id]
        state: dict[str, dict[str, Any]] = {}
        for block in view["blocks"]:
            if block["type"] != "input":
                continue
            element, given = block["element"], values.get(block["block_id"])
            filled: dict[str, Any] = {"type": element["type"]}
            if element["type"] == "static_select":
                chosen = next((one for one in element["options"] if one["value"] == given), None)
                filled["selected_option"] = chosen or element.get("initial_option")
            else:
                filled["value"] = given if given is not None else element.get("initial_value")
            state.setdefault(block["block_id"], {})[element["action_id"]] = filled
        return await self.interactions.submitted(user, view_id, state)

    async def mention(self, user: str, channel: str, text: str, thread_ts: str | None = None) -> None:
        """Write a message that mentions the app."""
        await self.interactions.wrote(user, channel, text, thread_ts)

    def delete(self, channel: str, ts: str) -> None:
        """Somebody deletes a message."""
        message = self.channels[channel].messages.pop(ts)
        self.stream.publish({"type": "message_deleted", "channel": channel, "message": message})

    def new_ts(self) -> str:
        self._last_ts = max(time.time(), self._last_ts + 0.000_01)
        return f"{self._last_ts:.6f}"

    def new_id(self, prefix: str) -> str:
        return f"{prefix}{next(self._serial):07d}{secrets.token_hex(2).upper()}"

    def new_trigger(self, user: str) -> str:
        trigger = f"{secrets.randbelow(10**12)}.{secrets.randbelow(10**12)}.{secrets.token_hex(16)}"
        self.triggers[trigger] = Trigger(user, time.monotonic())
        return trigger

    def use_trigger(self, trigger: str) -> str:
        """Whose trigger that was. Raises Refused when it is unknown, old or used."""
        known = self.triggers.get(trigger)
        if known is None:
            raise Refused("invalid_trigger_id")
        if known.used:
            raise Refused("exchanged_trigger_id")
        if time.monotonic() - known.at > TRIGGER_SECONDS:
            raise Refused("expired_trigger_id")
        known.used = True
        return known.user

    def new_place(self, channel: str, user: str, ts: str | None, thread_ts: str | None) -> str:
        token = secrets.token_urlsafe(18)
        self.places[token] = ResponsePlace(channel, user, ts, thread_ts, time.monotonic())
        return f"{self.base_url}/slack/response/{token}"

    def post(self, channel: Channel, message: Message) -> Message:
        """Put a message into a channel and tell whoever looks."""
        channel.messages[message["ts"]] = message
        parent = channel.messages.get(message.get("thread_ts", ""))
        if parent is not None and parent is not message:
            parent.setdefault("thread_ts", parent["ts"])
            parent["reply_count"] = parent.get("reply_count", 0) + 1
            parent["latest_reply"] = message["ts"]
            users = parent.setdefault("reply_users", [])
            if message["user"] not in users:
                users.append(message["user"])
            self.stream.publish({"type": "message_changed", "channel": channel.id, "message": parent})
        self.stream.publish({"type": "message", "channel": channel.id, "message": message})
        return message

    def whisper(
        self, user: str, channel: str, content: Mapping[str, Any], thread_ts: str | None = None
    ) -> Message:
        """Show something to one person only."""
        message: Message = {
            "ts": self.new_ts(),
            "type": "message",
            "user": self.config.bot.user_id,
            "bot_id": self.config.bot.bot_id,
            "channel": channel,
            "text": content.get("text", ""),
            "ephemeral": True,
        }
        if content.get("blocks"):
            message["blocks"] = with_ids(content["blocks"])
        if thread_ts:
            message["thread_ts"] = thread_ts
        self.whispers.setdefault(user, []).append(message)
        self.stream.publish({"type": "ephemeral", "channel": channel, "message": message}, to=user)
        return message

    def show_view(self, user: str, view: dict[str, Any]) -> None:
        self.views[view["id"]] = view
        self.view_of[view["id"]] = user
        self.stream.publish({"type": "view", "view": view}, to=user)

    def close_view(self, view_id: str) -> None:
        user = self.view_of.pop(view_id, None)
        if self.views.pop(view_id, None) is not None:
            self.stream.publish({"type": "view_closed", "view_id": view_id}, to=user)


def with_ids(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every block has an id; Slack gives one to those without."""
    return [{"block_id": secrets.token_urlsafe(4)[:5], **block} for block in blocks]


def _element(message: Mapping[str, Any], action_id: str) -> tuple[dict[str, Any], str]:
    for block in message.get("blocks", []):
        for element in [*block.get("elements", []), block.get("accessory") or {}]:
            if element.get("action_id") == action_id:
                return element, block["block_id"]
    raise LookupError(f"the message has no {action_id}")

"""The workspace as a whole: its state, its two doors to the app, and what tests do in people's place."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.faults import Faults
from sandbox.slack import views
from sandbox.slack.api import Api
from sandbox.slack.delivery import Line
from sandbox.slack.forms import option as option_of
from sandbox.slack.forms import values_of
from sandbox.slack.interactions import Interactions, element_at
from sandbox.slack.limits import Limits
from sandbox.slack.socket_mode import SocketMode
from sandbox.slack.state import Call, Channel, Message, State, View
from sandbox.world import SlackConfig, Stream


class Workspace:
    """Everything that tests look at and do. What is done here returns when the app has acknowledged it and, for at
    most `settle` seconds, when the person has seen something come of it."""

    def __init__(self, config: SlackConfig, bot_url: str, faults: Faults, stream: Stream) -> None:
        self.config = config
        self.settle = 1.0
        self.state = State(config, stream)
        self.limits = Limits(time.monotonic, on=config.rate_limits)
        self.socket_mode = SocketMode(config.bot.app_id) if config.app_token else None
        self.interactions = Interactions(self.state, Line(bot_url, config.signing_secret, self.socket_mode))
        connect = self.socket_mode.address if self.socket_mode else None
        self.api = Api(self.state, faults, self.limits, connect)

    async def close(self) -> None:
        """Ends what hangs or runs on: connections, faults that wait, events that would come again."""
        self.api.closing.set()
        if self.socket_mode is not None:
            await self.socket_mode.close()
        await self.interactions.close()

    # ── looking ────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def calls(self) -> list[Call]:
        """Every call of the Web API, in order, whatever came of it."""
        return self.state.calls

    def messages(self, channel: str) -> list[Message]:
        """What stands in a channel, oldest first, without thread replies."""
        found = self._channel(channel)
        return [self.state.shown(found, one) for one in self.state.top_level(found)]

    def replies(self, channel: str, ts: str) -> list[Message]:
        """The message that began a thread, then its replies. Raises LookupError."""
        found = self._channel(channel)
        if ts not in found.messages:
            raise LookupError(f"there is no message {ts} in {channel}")
        thread = [found.messages[ts], *self.state.replies(found, ts)]
        return [self.state.shown(found, one) for one in thread]

    def ephemerals(self, user: str) -> list[Message]:
        """What this person alone was shown, oldest first."""
        return self.state.whispers_to(user)

    def views_of(self, user: str) -> list[View]:
        """The person's open modals, the newest last."""
        return list(self.state.modals.get(user, []))

    def home_of(self, user: str) -> View | None:
        return self.state.homes.get(user)

    def file(self, file_id: str) -> bytes | None:
        """What was uploaded."""
        found = self.state.files.get(file_id)
        return found.body if found else None

    def _channel(self, given: str) -> Channel:
        found = self.state.channels.get(given)
        found = found or next((one for one in self.state.channels.values() if one.name == given), None)
        if found is None:
            raise LookupError(f"there is no channel {given}")
        return found

    # ── doing ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def command(self, user: str, channel: str, text: str) -> dict[str, Any] | None:
        """Type a slash command; the message or modal that comes of it, if any."""
        seen = _Eye(
            self.state.stream, user, lambda change: change["type"] in ("ephemeral", "view", "message")
        )
        try:
            said = await self.interactions.command(user, self._channel(channel), text)
            return {**said, "ephemeral": True} if said else await seen.first(self.settle)
        finally:
            seen.shut()

    async def press(
        self,
        user: str,
        place: Mapping[str, Any],
        action_id: str,
        *,
        option: str | None = None,
        value: Any = None,
        block_id: str = "",
    ) -> dict[str, Any] | None:
        """Press or choose in a message, a modal or a home, as it was shown then. `option`: which one of a menu;
        `value`: another value than the element's own. The first thing that the person sees of it, if any comes.
        Raises LookupError for what is not there."""
        block, element = element_at(place["blocks"], action_id, block_id)
        action = _action(block, element, option, value)
        seen = _Eye(self.state.stream, user, lambda change: _concerns(change, place))
        try:
            if "ts" in place:
                await self.interactions.press_in_message(
                    user, self._home_of(place["ts"]), place["ts"], action
                )
            else:
                view = views.find(self.state, user, place["id"])
                if view is None:
                    raise LookupError(f"{user} has no view {place['id']}")
                await self.interactions.press_in_view(user, view, action, {})
            return await seen.first(self.settle)
        finally:
            seen.shut()

    def _home_of(self, ts: str) -> Channel:
        """The channel of a message, or of what one person was shown."""
        if ts in self.state.whispers:
            return self.state.channels[self.state.whispers[ts].channel]
        found = self.state.find(ts)
        if found is None:
            raise LookupError(f"there is no message {ts}")
        return found[0]

    async def submit(self, user: str, view_id: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """Send a modal's form. `values`: by block_id or action_id; a text, an option's value, a list of them, or
        Slack's own object. {"response_action"?, "errors"?} as answered, {"error"} when the app failed."""
        view = self._view(user, view_id)
        return await self.interactions.submit(user, view, values_of(view, values))

    async def close_view(self, user: str, view_id: str) -> None:
        await self.interactions.close_view(user, self._view(user, view_id))

    def _view(self, user: str, view_id: str) -> View:
        view = views.find(self.state, user, view_id)
        if view is None:
            raise LookupError(f"{user} has no view {view_id}")
        return view

    async def say(self, user: str, channel: str, text: str, thread_ts: str | None = None) -> Message:
        """Write a message."""
        return await self.interactions.say(user, self._channel(channel), text, thread_ts or "")

    mention = say

    async def open_home(self, user: str) -> View | None:
        return await self.interactions.open_home(user)

    def delete(self, channel: str, ts: str) -> None:
        """Somebody deletes a message."""
        self.state.remove(self._channel(channel), ts)

    def archive(self, channel: str) -> None:
        """Somebody archives a channel."""
        found = self._channel(channel)
        found.is_archived = True
        self.state.channel_changed(found)


class _Eye:
    """Sees what a person is shown from now on."""

    def __init__(self, stream: Stream, user: str, concerns: Callable[[dict[str, Any]], bool]) -> None:
        self._stream = stream
        self._concerns = concerns
        self._queue = stream.listen(user)

    async def first(self, within: float) -> dict[str, Any] | None:
        """The first message or view that matters, or None."""
        try:
            async with asyncio.timeout(within):
                while True:
                    change = await self._queue.get()
                    if self._concerns(change):
                        found = change.get("view") or change.get("message")
                        return found if isinstance(found, dict) else change
        except TimeoutError:
            return None

    def shut(self) -> None:
        self._stream.leave(self._queue)


def _concerns(change: Mapping[str, Any], place: Mapping[str, Any]) -> bool:
    """Whether this comes of a press there."""
    if change["type"] in ("message_changed", "message_deleted"):
        return bool(change["message"]["ts"] == place.get("ts"))
    return change["type"] in ("ephemeral", "view", "view_closed", "home", "toast")


def _action(block_id: str, element: Mapping[str, Any], option: str | None, value: Any) -> dict[str, Any]:
    """Slack's action object of an element."""
    action: dict[str, Any] = {
        "type": element["type"],
        "action_id": element["action_id"],
        "block_id": block_id,
    }
    if option is not None:
        return action | {"selected_option": option_of(element, option)}
    if element["type"] == "button":
        given = element.get("value") if value is None else value
        return action | {"text": element["text"]} | ({} if given is None else {"value": given})
    return {**action, **value} if isinstance(value, Mapping) else action

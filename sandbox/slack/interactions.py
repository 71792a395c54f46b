"""What people do, told to the app as Slack tells it, and what they see of its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from sandbox.slack import payloads, views
from sandbox.slack.blocks import elements_of
from sandbox.slack.delivery import Kind, Line, Reply, Retry
from sandbox.slack.elements import OPTIONS_ANSWER
from sandbox.slack.forms import Values, completed, to_mend
from sandbox.slack.refusal import SlackRefusal
from sandbox.slack.responses import deliver
from sandbox.slack.shapes import found_by
from sandbox.slack.state import Channel, Message, State, View
from sandbox.slack.tickets import ResponseUrl
from sandbox.world import Background

SLACKBOT = "USLACKBOT"
TROUBLE = "We had some trouble connecting. Try again?"


class Interactions:
    """`origin`: scheme, host and port of this world, for response URLs; learned from the first request.
    `event_pauses`: seconds before each repeat of an event that was not taken."""

    def __init__(self, state: State, line: Line) -> None:
        self.origin = "http://127.0.0.1"
        self.event_pauses: tuple[float, ...] = (0.0, 60.0, 300.0)
        self._state = state
        self._line = line
        self._background = Background()

    async def close(self) -> None:
        await self._background.close()
        await self._line.close()

    # ── typing ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def command(self, user: str, channel: Channel, text: str) -> Message | None:
        """A slash command; the message that its answer shows at once, if any."""
        state = self._state
        word, _, rest = text.strip().partition(" ")
        if word not in state.config.commands:
            known = ", ".join(state.config.commands)
            return self._slackbot(user, channel, f"{word} is not a valid command. There is {known}.")
        token = state.tickets.response_url(user, channel.id)
        url = f"{self.origin}/slack/response/{token}"
        given = payloads.linked(state, rest.strip(), names=True)
        reply = await self._line.send(Kind.COMMAND, payloads.command(state, user, channel, word, given, url))
        if not reply.ok:
            return self._slackbot(user, channel, f"{word} failed with the error '{reply.error}'")
        values = {"text": reply.body} if isinstance(reply.body, str) else reply.body
        if not isinstance(values, dict) or not values:
            return None
        try:
            return deliver(state, ResponseUrl(user, channel.id, "", "", state.clock()), values)
        except SlackRefusal as refusal:
            why = "; ".join((refusal.error, *refusal.messages))
            return self._slackbot(user, channel, f"{word} failed with the error '{why}'")

    async def say(self, user: str, channel: Channel, text: str, thread_ts: str = "") -> Message:
        """A person's message; the app hears of it when it is mentioned, written to, or a member of the channel."""
        state = self._state
        message: Message = {
            "user": user,
            "team": state.config.team_id,
            "text": payloads.linked(state, text, names=False),
        }
        if thread_ts:
            message["thread_ts"] = str(channel.messages[thread_ts].get("thread_ts") or thread_ts)
        posted = state.post(channel, message)
        inner = {**posted, "channel": channel.id, "event_ts": posted["ts"]}
        bot = state.bot.user_id
        if channel.is_im:
            await self.event("message.im", {**inner, "channel_type": "im"})
        elif bot in channel.members:
            if f"<@{bot}>" in posted["text"]:
                await self.event("app_mention", {**inner, "type": "app_mention"})
            kind = "group" if channel.is_private else "channel"
            await self.event(f"message.{kind}s", {**inner, "channel_type": kind})
        return state.shown(channel, posted)

    def _slackbot(self, user: str, channel: Channel, text: str) -> Message:
        return self._state.whisper(user, channel, {"user": SLACKBOT, "text": text})

    # ── events ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def open_home(self, user: str) -> View | None:
        """The person opens the app's home."""
        channel = self._state.direct(user)
        inner = {
            "type": "app_home_opened",
            "user": user,
            "channel": channel.id,
            "tab": "home",
            "event_ts": f"{self._state.clock():.6f}",
        }
        home = self._state.homes.get(user)
        await self.event("app_home_opened", inner | ({"view": home} if home else {}))
        return self._state.homes.get(user)

    async def event(self, name: str, inner: Mapping[str, Any]) -> None:
        """Tell the app, if it asked for such events; once more later when it did not take it."""
        if name not in self._state.config.events:
            return
        payload = payloads.event(self._state, inner)
        reply = await self._line.send(Kind.EVENT, payload)
        if not reply.ok and not reply.no_retry:
            self._background.start(self._again(payload, reply))

    async def _again(self, payload: dict[str, Any], reply: Reply) -> None:
        for number, pause in enumerate(self.event_pauses, 1):
            await asyncio.sleep(pause)
            reply = await self._line.send(Kind.EVENT, payload, Retry(number, reply.reason))
            if reply.ok or reply.no_retry:
                return

    async def verify_url(self, challenge: str = "sandbox-challenge") -> bool:
        """Whether the app answers the challenge that Slack sends when its address is set."""
        payload = {
            "token": payloads.VERIFICATION_TOKEN,
            "challenge": challenge,
            "type": "url_verification",
        }
        body = (await self._line.send(Kind.EVENT, payload)).body
        return challenge in (body, body.get("challenge") if isinstance(body, dict) else None)

    # ── pressing ───────────────────────────────────────────────────────────────────────────────────────────────

    async def press_in_message(
        self, user: str, channel: Channel, ts: str, action: Mapping[str, Any], values: Values | None = None
    ) -> Reply:
        """A button or menu in a message, or in one that this person alone sees. Raises LookupError without it."""
        state = self._state
        whispered = ts in state.whispers and state.whispers[ts].user == user
        if not whispered and ts not in channel.messages:
            raise LookupError(f"there is no message {ts}")
        message = state.whispers[ts].message if whispered else channel.messages[ts]
        payload = payloads.interaction(state, "block_actions", user)
        payload |= payloads.of_message(state, channel, message, whispered=whispered)
        thread = str(message.get("thread_ts") or "")
        token = state.tickets.response_url(user, channel.id, ts=ts, thread=thread)
        payload["response_url"] = f"{self.origin}/slack/response/{token}"
        return await self._pressed(user, payload, action, values or {})

    async def press_in_view(self, user: str, view: View, action: Mapping[str, Any], values: Values) -> Reply:
        for block, fields in values.items():
            view["state"]["values"].setdefault(block, {}).update(fields)
        payload = payloads.interaction(self._state, "block_actions", user, view=view["id"])
        payload |= payloads.of_view(view)
        return await self._pressed(user, payload, action, view["state"]["values"])

    async def _pressed(
        self, user: str, payload: dict[str, Any], action: Mapping[str, Any], values: Values
    ) -> Reply:
        pressed = {**action, "action_ts": f"{self._state.clock():.6f}"}
        payload |= {"state": {"values": values}, "actions": [pressed]}
        reply = await self._line.send(Kind.INTERACTIVE, payload)
        if not reply.ok:
            self._state.toast(user, f"The app did not respond ({reply.error}).")
        return reply

    async def options(
        self, user: str, place: Mapping[str, Any], block_id: str, action_id: str, value: str
    ) -> dict[str, Any]:
        """What a menu with external options offers for the letters typed. `place`: of_message() or of_view()."""
        payload = payloads.interaction(self._state, "block_suggestion", user)
        del payload["trigger_id"]
        payload |= {**place, "action_id": action_id, "block_id": block_id, "value": value}
        reply = await self._line.send(Kind.INTERACTIVE, payload)
        if not reply.ok or found_by(OPTIONS_ANSWER, reply.body, ""):
            self._state.toast(
                user, f"The app offered nothing that can be shown ({reply.error or 'bad options'})."
            )
            return {"options": []}
        answer: dict[str, Any] = reply.body
        return answer

    # ── forms ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def submit(self, user: str, view: View, values: Values) -> dict[str, Any]:
        """Send a form; {"response_action"?, "errors"?} as the person sees it, or {"error"} when sending failed."""
        if view.get("submit") is None:
            raise LookupError("this modal has nothing to submit")
        state, whole = self._state, completed(view, values)
        faults = to_mend(view, whole)
        if faults:
            return {"response_action": "errors", "errors": faults}
        view["state"]["values"] = whole
        payload = payloads.interaction(state, "view_submission", user, view=view["id"])
        payload |= {"view": view, "response_urls": []}
        reply = await self._line.send(Kind.INTERACTIVE, payload)
        if not reply.ok:
            return self._trouble(user, reply.error)
        try:
            return self._acted(user, view, reply.body or {})
        except (SlackRefusal, LookupError) as error:
            return self._trouble(user, "; ".join(map(str, error.args)))

    def _acted(self, user: str, view: View, answer: Any) -> dict[str, Any]:
        """Do what the answer to a form says. Raises LookupError for what Slack would not understand."""
        action = answer.get("response_action") if isinstance(answer, dict) else "?"
        match action:
            case None:
                views.close(self._state, user, view["id"])
                return {}
            case "clear":
                views.clear(self._state, user)
            case "errors":
                return {"response_action": "errors", "errors": _errors(view, answer.get("errors"))}
            case "update":
                views.replaced(self._state, user, view, answer["view"])
            case "push":
                views.pushed(self._state, user, answer["view"])
            case _:
                raise LookupError(f"unknown response_action {action}")
        return {"response_action": action}

    def _trouble(self, user: str, why: str) -> dict[str, Any]:
        self._state.toast(user, f"{TROUBLE} ({why})")
        return {"error": TROUBLE, "why": why}

    async def close_view(self, user: str, view: View) -> None:
        """The person closes a modal; the app hears of those that ask for it."""
        everything = bool(view.get("clear_on_close"))
        for gone in views.close(self._state, user, view["id"], all_of_them=everything):
            if gone["notify_on_close"]:
                payload = payloads.interaction(self._state, "view_closed", user)
                del payload["trigger_id"]
                payload |= {"view": gone, "is_cleared": everything}
                await self._line.send(Kind.INTERACTIVE, payload)


def _errors(view: View, given: Any) -> dict[str, str]:
    """Errors are shown at input blocks only; Slack takes no others."""
    inputs = {block["block_id"] for block in view["blocks"] if block["type"] == "input"}
    if not isinstance(given, dict) or not given or not set(given) <= inputs:
        raise LookupError(f"errors for blocks that take no input: {given}")
    return {str(block): str(text) for block, text in given.items()}


def element_at(
    blocks: list[dict[str, Any]], action_id: str, block_id: str = ""
) -> tuple[str, dict[str, Any]]:
    """(block_id, element) of what can be pressed. Raises LookupError."""
    for block in blocks:
        for element in elements_of(block):
            if element.get("action_id") == action_id and block_id in ("", block["block_id"]):
                return str(block["block_id"]), element
    there = [one.get("action_id") for block in blocks for one in elements_of(block)]
    raise LookupError(f"nothing to press is called {action_id}; there is {there}")

"""From people to the app: signed commands, presses, forms and events, over HTTP or Socket Mode, as Slack sends them.

Slack waits three seconds; what the person sees when the app fails is shown here too. Events are sent again up to three
times, commands and presses are not.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import re
import secrets
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import aiohttp

if TYPE_CHECKING:
    from sandbox.slack.socket_mode import SocketMode
    from sandbox.slack.workspace import Workspace

PATIENCE = 3.0
EVENT_PAUSES = (0.0, 1.0, 5.0)
"""Seconds before each repeat of an event; the real ones are longer (at once, 1 min, 5 min)."""
_PERSON, _CHANNEL = re.compile(r"@([a-z0-9._-]{1,80})"), re.compile(r"#([a-z0-9_-]{1,80})")


class Undelivered(Exception):
    """The app did not answer as it must; the text is Slack's word for it."""


class Interactions:
    def __init__(self, workspace: Workspace, bot_url: str) -> None:
        self._workspace = workspace
        self._url = f"{bot_url}/slack/events"
        self._session: aiohttp.ClientSession | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self.socket_mode: SocketMode | None = None

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def command(self, user: str, channel: str, text: str) -> dict[str, Any] | None:
        workspace = self._workspace
        word, _, rest = text.strip().partition(" ")
        config, person = workspace.config, workspace.users[user]
        payload = {
            "token": "legacy-verification-token",
            "team_id": config.team_id,
            "team_domain": config.team_name.lower().replace(" ", "-"),
            "channel_id": channel,
            "channel_name": workspace.channels[channel].name,
            "user_id": user,
            "user_name": person.name,
            "command": word,
            "text": self._escaped(rest.strip()),
            "api_app_id": config.bot.app_id,
            "is_enterprise_install": "false",
            "response_url": workspace.new_place(channel, user, None, None),
            "trigger_id": workspace.new_trigger(user),
        }
        try:
            answer = await self._deliver("slash_commands", payload)
        except Undelivered as error:
            return workspace.whisper(user, channel, {"text": f"{word} failed with the error “{error}”"})
        if not answer:
            return None
        if answer.get("response_type") == "in_channel":
            return self.speak(channel, answer)
        return workspace.whisper(user, channel, answer)

    def speak(self, channel: str, content: dict[str, Any], thread_ts: str | None = None) -> dict[str, Any]:
        from sandbox.slack.workspace import with_ids

        workspace = self._workspace
        message: dict[str, Any] = {
            "ts": workspace.new_ts(),
            "type": "message",
            "user": workspace.config.bot.user_id,
            "bot_id": workspace.config.bot.bot_id,
            "text": content.get("text", ""),
        }
        if content.get("blocks"):
            message["blocks"] = with_ids(content["blocks"])
        if thread_ts:
            message["thread_ts"] = thread_ts
        return workspace.post(workspace.channels[channel], message)

    async def pressed(
        self,
        user: str,
        action: dict[str, Any],
        *,
        channel: str = "",
        message: dict[str, Any] | None = None,
        view: dict[str, Any] | None = None,
        state: dict[str, Any] | None = None,
    ) -> None:
        """A block_actions payload. Failures are whispered as Slack does."""
        workspace = self._workspace
        payload = self._interaction("block_actions", user)
        payload["actions"] = [{**action, "action_ts": workspace.new_ts()}]
        payload["state"] = {"values": (state or {}).get("values", state or {})}
        if message is not None:
            ephemeral = bool(message.get("ephemeral"))
            payload["container"] = {
                "type": "message",
                "message_ts": message["ts"],
                "channel_id": channel,
                "is_ephemeral": ephemeral,
                **({"thread_ts": message["thread_ts"]} if message.get("thread_ts") else {}),
            }
            payload["channel"] = {"id": channel, "name": workspace.channels[channel].name}
            payload["message"] = {"type": "message", "team": workspace.config.team_id, **message}
            payload["response_url"] = workspace.new_place(
                channel, user, message["ts"], message.get("thread_ts")
            )
        if view is not None:
            payload["container"] = {"type": "view", "view_id": view["id"]}
            payload["view"] = view
        try:
            await self._deliver("interactive", payload)
        except Undelivered as error:
            text = f"⚠️ The app did not respond ({error}). Try again."
            workspace.whisper(user, channel or next(iter(workspace.channels)), {"text": text})

    async def submitted(self, user: str, view_id: str, values: dict[str, Any]) -> dict[str, Any] | None:
        """A view_submission; the answer's response_action is carried out."""
        workspace = self._workspace
        view = {**workspace.views[view_id], "state": {"values": values}}
        payload = self._interaction("view_submission", user)
        payload["view"] = view
        payload["response_urls"] = []
        try:
            answer = await self._deliver("interactive", payload)
        except Undelivered as error:
            return {"response_action": "errors", "errors": {"": f"We had some trouble connecting ({error})."}}
        action = (answer or {}).get("response_action", "close")
        if action == "errors":
            return answer
        if action in ("update", "push") and answer is not None:
            from sandbox.slack.api import new_view

            fresh = new_view(workspace, answer["view"], previous=view_id if action == "push" else None)
            if action == "update":
                fresh["id"], fresh["root_view_id"] = view_id, view["root_view_id"]
            workspace.show_view(user, fresh)
            return answer
        if action == "clear":
            for open_view in workspace.views_of(user):
                workspace.close_view(open_view["id"])
            return answer
        workspace.close_view(view_id)
        return answer

    async def closed(self, user: str, view_id: str) -> None:
        workspace = self._workspace
        view = workspace.views.get(view_id)
        workspace.close_view(view_id)
        if view is not None and view.get("notify_on_close"):
            payload = self._interaction("view_closed", user)
            payload["view"], payload["is_cleared"] = view, False
            try:
                await self._deliver("interactive", payload)
            except Undelivered as error:
                workspace.stream.publish({"type": "toast", "text": f"view_closed: {error}"}, to=user)

    async def suggested(self, user: str, action_id: str, block_id: str, value: str) -> dict[str, Any]:
        payload = self._interaction("block_suggestion", user)
        payload.update(action_id=action_id, block_id=block_id, value=value)
        try:
            return await self._deliver("interactive", payload) or {"options": []}
        except Undelivered:
            return {"options": []}

    async def wrote(self, user: str, channel: str, text: str, thread_ts: str | None = None) -> dict[str, Any]:
        """A person's message; a mention of the app, or a direct message to it, is an event."""
        workspace = self._workspace
        message: dict[str, Any] = {"ts": workspace.new_ts(), "type": "message", "user": user, "text": text}
        if thread_ts:
            message["thread_ts"] = thread_ts
        workspace.post(workspace.channels[channel], message)
        event = {**message, "channel": channel, "event_ts": message["ts"], "team": workspace.config.team_id}
        if f"<@{workspace.config.bot.user_id}" in text:
            await self.event({**event, "type": "app_mention"})
        elif workspace.channels[channel].is_im:
            await self.event({**event, "channel_type": "im"})
        return message

    async def event(self, event: dict[str, Any]) -> None:
        """Send an event; when the app fails it is sent again in the background, as Slack does."""
        config = self._workspace.config
        payload = {
            "token": "legacy-verification-token",
            "team_id": config.team_id,
            "api_app_id": config.bot.app_id,
            "event": event,
            "type": "event_callback",
            "event_id": "Ev" + secrets.token_hex(5).upper(),
            "event_time": int(time.time()),
            "authorizations": [{"team_id": config.team_id, "user_id": config.bot.user_id, "is_bot": True}],
        }
        try:
            await self._deliver("events_api", payload)
        except Undelivered as error:
            task = asyncio.create_task(self._again(payload, str(error)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _again(self, payload: dict[str, Any], reason: str) -> None:
        for number, pause in enumerate(EVENT_PAUSES, 1):
            await asyncio.sleep(pause)
            try:
                await self._deliver("events_api", payload, retry=(number, reason))
            except Undelivered as error:
                reason = str(error)
            else:
                return

    async def _deliver(
        self, kind: str, payload: dict[str, Any], *, retry: tuple[int, str] | None = None
    ) -> dict[str, Any] | None:
        if self.socket_mode is not None and self.socket_mode.connected:
            return await self.socket_mode.deliver(kind, payload, retry=retry)
        if kind == "events_api":
            return await self._send(json.dumps(payload), "application/json", retry)
        form = urlencode(payload if kind == "slash_commands" else {"payload": json.dumps(payload)})
        return await self._send(form, "application/x-www-form-urlencoded", retry)

    async def _send(
        self, body: str, content_type: str, retry: tuple[int, str] | None
    ) -> dict[str, Any] | None:
        stamp = str(int(time.time()))
        headers = {
            "Content-Type": content_type,
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": sign(self._workspace.config.signing_secret, stamp, body),
        }
        if retry is not None:
            headers |= {"X-Slack-Retry-Num": str(retry[0]), "X-Slack-Retry-Reason": retry[1]}
        if self._session is None:
            self._session = aiohttp.ClientSession()
        timeout = aiohttp.ClientTimeout(total=PATIENCE)
        try:
            async with self._session.post(
                self._url, data=body.encode(), headers=headers, timeout=timeout
            ) as answer:
                text = await answer.text()
                if answer.status != 200:
                    raise Undelivered("dispatch_failed" if answer.status < 500 else "http_error")
        except TimeoutError as error:
            raise Undelivered("operation_timeout") from error
        except aiohttp.ClientError as error:
            raise Undelivered("dispatch_failed") from error
        return read_answer(text)

    def _interaction(self, kind: str, user: str) -> dict[str, Any]:
        config, person = self._workspace.config, self._workspace.users[user]
        team = person.team_id or config.team_id
        return {
            "type": kind,
            "team": {"id": config.team_id, "domain": config.team_name.lower().replace(" ", "-")},
            "user": {"id": user, "username": person.name, "name": person.name, "team_id": team},
            "api_app_id": config.bot.app_id,
            "token": "legacy-verification-token",
            "trigger_id": self._workspace.new_trigger(user),
            "enterprise": None,
            "is_enterprise_install": False,
        }

    def _escaped(self, text: str) -> str:
        """As with should_escape: `@kim` and `#general` arrive as ids, and the three special characters escaped."""
        people = {one.name: one for one in self._workspace.users.values()}
        channels = {one.name: one for one in self._workspace.channels.values()}

        def person(found: re.Match[str]) -> str:
            known = people.get(found[1])
            return f"<@{known.id}|{known.name}>" if known else found[0]

        def channel(found: re.Match[str]) -> str:
            known = channels.get(found[1])
            return f"<#{known.id}|{known.name}>" if known else found[0]

        safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        return _CHANNEL.sub(channel, _PERSON.sub(person, safe))


def sign(secret: str, stamp: str, body: str) -> str:
    """Slack's request signature, version 0."""
    return "v0=" + hmac.new(secret.encode(), f"v0:{stamp}:{body}".encode(), hashlib.sha256).hexdigest()


def read_answer(text: str) -> dict[str, Any] | None:
    """What an app answers in its response: JSON, plain text for a command, or nothing."""
    if not text.strip():
        return None
    try:
        found = json.loads(text)
    except ValueError:
        return {"text": text}
    return found if isinstance(found, dict) else {"text": text}

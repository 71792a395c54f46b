"""Slack's Web API as the bot's `Chat` port: one shared session and honest errors.

slack_sdk retries connection errors only; everything else is decided here (PLATFORM §4): 429 waits as told, a refusal
is permanent, and anything unclear after sending is ambiguous, because chat.postMessage has no idempotency key.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import aiohttp
import orjson
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.cards.card import Card
from bot.ports import Attachment, Gone
from bot.slack.render import message
from engine.errors import Ambiguous, Permanent, Transient

TIMEOUT = 10
_LATER = {
    "internal_error",
    "fatal_error",
    "service_unavailable",
    "request_timeout",
    "team_added_to_org",
    "accesslimited",
}
_GONE = {"message_not_found", "cant_update_message", "edit_window_closed"}
_MENDS = {
    "not_in_channel": "invite the bot into the channel: /invite @Alert Whisperer",
    "channel_not_found": "the channel does not exist or the bot cannot see it; check the company's channel id",
    "is_archived": "the channel is archived; bind another with `aw company set`",
    "invalid_auth": "SLACK_BOT_TOKEN is not valid",
    "missing_scope": "the app lacks a scope; install it again from manifest.yml",
}


class SlackChat:
    """The `Chat` port for one workspace."""

    name = "slack"

    def __init__(self, client: AsyncWebClient) -> None:
        self.client = client

    def render(self, card: Card) -> str:
        return orjson.dumps(message(card), option=orjson.OPT_SORT_KEYS).decode()

    async def post(self, channel: str, card: Card, *, thread: str | None = None) -> str:
        answer = await self._call(
            self.client.chat_postMessage,
            channel=channel,
            thread_ts=thread,
            unfurl_links=False,
            unfurl_media=False,
            **message(card),
        )
        return str(answer["ts"])

    async def update(self, channel: str, ref: str, card: Card) -> None:
        try:
            await self._call(
                self.client.chat_update, channel=channel, ts=ref, repeatable=True, **message(card)
            )
        except Permanent as error:
            if error.__cause__ is not None and _code(error.__cause__) in _GONE:
                raise Gone(str(error)) from error
            raise

    async def find(
        self, channel: str, card_id: str, *, since: datetime, thread: str | None = None
    ) -> str | None:
        oldest = f"{since.timestamp() - 120:.6f}"
        fetch: Callable[..., Awaitable[Any]] = self.client.conversations_history
        place: dict[str, Any] = {"channel": channel}
        if thread is not None:
            fetch, place = self.client.conversations_replies, {"channel": channel, "ts": thread}
        cursor = None
        for _ in range(10):
            answer = await self._call(
                fetch,
                **place,
                oldest=oldest,
                limit=100,
                include_all_metadata=True,
                repeatable=True,
                **({"cursor": cursor} if cursor else {}),
            )
            for found in answer["messages"]:
                payload = (found.get("metadata") or {}).get("event_payload") or {}
                if payload.get("card") == card_id:
                    return str(found["ts"])
            cursor = (answer.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return None
        return None

    async def attach(self, channel: str, *, thread: str, file: Attachment, company_id: int) -> None:
        del company_id  # the channel's own files
        await self._call(
            self.client.files_upload_v2,
            channel=channel,
            thread_ts=thread,
            filename=file.name,
            title=file.title,
            content=file.body.decode()[:900_000],
        )

    async def direct(self, user: str) -> str:
        answer = await self._call(self.client.conversations_open, users=user, repeatable=True)
        return str(answer["channel"]["id"])

    async def publish(
        self,
        channel: str,
        card: Card,
        files: Sequence[Attachment],
        *,
        company_id: int,
        user_id: int | None = None,
    ) -> None:
        """One message: without an initial comment the blocks are its text."""
        del company_id, user_id  # the channel's own files
        uploads = [
            {"filename": one.name, "title": one.title, "file": one.body, "alt_txt": one.alt or None}
            for one in files
        ]
        await self._call(
            self.client.files_upload_v2,
            channel=channel,
            file_uploads=uploads,
            blocks=orjson.dumps(message(card)["blocks"]).decode(),  # this method takes a query, not JSON
            request_file_info=False,
        )

    async def whisper(self, channel: str, user: str, card: Card, *, thread: str | None = None) -> None:
        """Say it to one person only, in the channel they pressed in."""
        body = message(card)
        body.pop("metadata", None)
        await self._call(self.client.chat_postEphemeral, channel=channel, user=user, thread_ts=thread, **body)

    async def _call(
        self, method: Callable[..., Awaitable[Any]], *, repeatable: bool = False, **arguments: Any
    ) -> Any:
        given = {name: value for name, value in arguments.items() if value is not None}
        try:
            return await asyncio.wait_for(method(**given), timeout=TIMEOUT)
        except SlackApiError as error:
            raise _judged(error, repeatable=repeatable) from error
        except aiohttp.ClientConnectorError as error:
            raise Transient(f"Slack cannot be reached: {error.__class__.__name__}") from error
        except (TimeoutError, aiohttp.ClientError, ConnectionError) as error:
            kind = Transient if repeatable else Ambiguous
            raise kind(f"Slack did not answer: {error.__class__.__name__}") from error


def _code(error: BaseException) -> str:
    if not isinstance(error, SlackApiError):
        return ""
    data = error.response.data if hasattr(error.response, "data") else error.response
    return str(data.get("error", "")) if isinstance(data, dict) else ""


def _judged(error: SlackApiError, *, repeatable: bool) -> Exception:
    status = getattr(error.response, "status_code", 200)
    headers = getattr(error.response, "headers", {}) or {}
    code = _code(error)
    if status == 429 or code in ("ratelimited", "rate_limited"):
        seconds = _seconds(headers.get("Retry-After") or headers.get("retry-after"))
        return Transient("Slack asks to slow down", retry_after=timedelta(seconds=seconds))
    if status >= 500 or code in _LATER or not code:
        kind = Transient if repeatable else Ambiguous
        return kind(f"Slack answered {status} {code}".strip())
    mend = f" — {_MENDS[code]}" if code in _MENDS else ""
    details = getattr(error.response, "data", {})
    notes = details.get("response_metadata", {}).get("messages", []) if isinstance(details, dict) else []
    return Permanent(f"Slack refused: {code}{mend}{' ' + '; '.join(map(str, notes)) if notes else ''}"[:600])


def _seconds(value: Any) -> float:
    try:
        return max(1.0, float(value))
    except (TypeError, ValueError):
        return 1.0

"""Where a posted message is, as an address that opens it."""

from __future__ import annotations

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.settings import Settings

TIMEOUT = 5


async def permalink(settings: Settings, channel: str, ref: str) -> str:
    """Empty when Slack does not say."""
    async with aiohttp.ClientSession(trust_env=True) as session:
        client = AsyncWebClient(
            token=settings.slack_bot_token.get_secret_value(),
            base_url=settings.slack_api_url,
            session=session,
            timeout=TIMEOUT,
        )
        try:
            answer = await client.chat_getPermalink(channel=channel, message_ts=ref)
        except (SlackApiError, aiohttp.ClientError, TimeoutError):
            return ""
        return str(answer.get("permalink") or "")

"""`aw check`, Slack: the tokens, Socket Mode, and whether the bot is in every company's channel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.checks.finding import Finding, bad, good
from bot.settings import Settings
from engine.company import Company

TIMEOUT = 10
_MENDS = {
    "invalid_auth": "Copy the token again from the app's “OAuth & Permissions” page.",
    "not_authed": "Copy the token again from the app's “OAuth & Permissions” page.",
    "token_revoked": "Install the app again and copy its new token.",
    "account_inactive": "Install the app again and copy its new token.",
    "missing_scope": "Install the app again from manifest.yml.",
    "channel_not_found": "Check the id, and invite the bot if the channel is private.",
}


async def slack(settings: Settings, companies: Sequence[Company]) -> list[Finding]:
    found: list[Finding] = []
    client = AsyncWebClient(
        token=settings.slack_bot_token.get_secret_value(),
        base_url=settings.slack_api_url,
        timeout=TIMEOUT,
        trust_env_in_session=True,
    )
    said = await _ask("SLACK_BOT_TOKEN", client.auth_test())
    if isinstance(said, Finding):
        return [said]
    found.append(good("Slack", f"{said.get('user')} in {said.get('team')}"))
    found += await _door(settings, client)
    for one in companies:
        if one.slack_channel:
            found.append(await _channel(client, one, one.slack_channel))
    return found


async def _door(settings: Settings, client: AsyncWebClient) -> list[Finding]:
    """How Slack reaches us: Socket Mode, or signed requests."""
    found = []
    if settings.socket_mode:
        token = settings.slack_app_token.get_secret_value()
        said = await _ask("SLACK_APP_TOKEN", client.apps_connections_open(app_token=token))
        found.append(said if isinstance(said, Finding) else good("Slack Socket Mode", "it can be opened"))
    if settings.slack_signing_secret.get_secret_value():
        found.append(good("Slack requests", f"signed ones are taken at {settings.public_url}/slack/events"))
    elif not settings.socket_mode:
        mend = "Copy the Signing Secret from the app's “Basic Information” page, or use Socket Mode."
        found.append(bad("SLACK_SIGNING_SECRET", "not set, so nothing from Slack could be trusted", mend))
    return found


async def _channel(client: AsyncWebClient, company: Company, channel: str) -> Finding:
    subject = f"Channel of {company.slug}"
    said = await _ask(subject, client.conversations_info(channel=channel))
    if isinstance(said, Finding):
        return said
    about: dict[str, Any] = said["channel"]
    name = f"#{about.get('name', channel)}"
    if about.get("is_archived"):
        mend = f"Bind another: `aw company set {company.slug} --slack-channel ID`."
        return bad(subject, f"{name} is archived", mend)
    if not about.get("is_member"):
        return bad(subject, f"the bot is not in {name}", "There: /invite @Alert Whisperer")
    return good(subject, f"the bot is in {name}")


async def _ask(subject: str, asking: Any) -> Any:
    """Slack's answer, or the finding that there was none."""
    try:
        return await asking
    except SlackApiError as error:
        code = error.response.get("error", "unknown") if error.response else "unknown"
        return bad(subject, f"Slack says {code}", _MENDS.get(code, "See docs/slack.md."))
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        text = f"Slack cannot be reached: {str(error) or type(error).__name__}"
        return bad(subject, text, "Check the network, the proxy and SLACK_API_URL.")

"""A person's App Home, and answers to what is pressed in a view: there is no message there to answer to."""

from __future__ import annotations

from typing import Any

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.actions.every import Action
from bot.actions.questions import Home
from bot.cards.card import Card
from bot.slack.forms import shown
from bot.slack.render import message

log = structlog.get_logger()
Payload = dict[str, Any]


async def asked() -> list[Action]:
    """What opening the tab asks."""
    return [Home()]


def opened(event: Payload) -> bool:
    """Of an app_home_opened: was it the Home tab? The Messages tab sends the same event."""
    return bool(event.get("tab") == "home")


async def publish(client: AsyncWebClient, user: str, card: Card) -> None:
    """Show the person their home as it is now. A refusal by Slack is logged: the tab keeps what it showed."""
    view = {"type": "home", "blocks": message(card)["blocks"]}
    try:
        await client.views_publish(user_id=user, view=view)
    except SlackApiError as error:
        log.warning("a home could not be shown", error=str(error.response.get("error", "")))


async def show(client: AsyncWebClient, body: Payload, card: Card) -> bool:
    """Answer a press in a view: from a modal in its place, from a home in a new one. False when that came too late."""
    pressed = body["view"]
    try:
        if pressed["type"] == "modal":
            await client.views_update(view_id=pressed["id"], view=shown(card))
        else:
            await client.views_open(trigger_id=body.get("trigger_id", ""), view=shown(card))
    except SlackApiError as error:
        log.info("an answer lost its view", error=str(error.response.get("error", "")))
        return False
    return True

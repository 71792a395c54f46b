"""An answer that grows, as a modal: what a command was answered privately cannot be changed in Slack, a modal can."""

from __future__ import annotations

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.cards.card import Card, Unfolding
from bot.slack.forms import shown

log = structlog.get_logger()


async def unfold(client: AsyncWebClient, answer: Unfolding, *, trigger_id: str) -> Card | None:
    """Show each card in place of the one before. The last one is given back when its modal was closed meanwhile or
    could not be opened, so that it can be said elsewhere."""
    view_id, there = "", bool(trigger_id)
    last = None
    async for last in answer.cards:
        if not there:
            continue
        try:
            if not view_id:
                opened = await client.views_open(trigger_id=trigger_id, view=shown(last))
                view_id = opened["view"]["id"]
            else:
                await client.views_update(view_id=view_id, view=shown(last))
        except SlackApiError as error:
            log.info("a growing answer lost its modal", error=str(error.response.get("error", "")))
            there = False
    return None if there else last

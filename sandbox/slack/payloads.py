"""What Slack puts into commands, interactions and events."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from typing import Any

from sandbox.slack.state import Channel, Message, State, View

VERIFICATION_TOKEN = "sandbox-verification-token"
"""The old way to know Slack; every payload still carries one."""

_PERSON = re.compile(r"@([a-z0-9][a-z0-9._-]{0,79})", re.IGNORECASE)
_CHANNEL = re.compile(r"#([\w-]{1,80})")
_WRITTEN = re.compile(r"&lt;([@#])([A-Z0-9]{2,20})(?:\|[^&]*)?&gt;")


def escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def linked(state: State, text: str, *, names: bool) -> str:
    """What a person typed, with @kim and #general as ids; with their names when `names` (as in a command's text)."""
    everybody = {one.name.lower(): (one.id, one.name) for one in state.people.values()}
    bot = state.bot
    for name in (bot.name.replace(" ", "-"), bot.name.replace(" ", "_")):
        everybody[name.lower()] = (bot.user_id, bot.name)
    channels = {one.name: one.id for one in state.channels.values() if one.name}

    def mention(sign: str, name: str, label: str) -> str:
        return f"<{sign}{name}|{label}>" if names else f"<{sign}{name}>"

    def written(found: re.Match[str]) -> str:
        sign, name = found[1], found[2]
        if sign == "#":
            channel = state.channels.get(name)
            return mention("#", name, channel.name) if channel else found[0]
        known = {one.id: one.name for one in state.people.values()} | {bot.user_id: bot.name}
        return mention("@", name, known[name]) if name in known else found[0]

    def person(found: re.Match[str]) -> str:
        known = everybody.get(found[1].lower())
        return mention("@", *known) if known else found[0]

    def channel(found: re.Match[str]) -> str:
        return mention("#", channels[found[1]], found[1]) if found[1] in channels else found[0]

    spelled = escaped(re.sub(re.escape(f"@{bot.name}"), f"<@{bot.user_id}>", text, flags=re.IGNORECASE))
    result, at = [], 0
    for found in _WRITTEN.finditer(spelled):
        plain = spelled[at : found.start()]
        result += [_CHANNEL.sub(channel, _PERSON.sub(person, plain)), written(found)]
        at = found.end()
    return "".join(result) + _CHANNEL.sub(channel, _PERSON.sub(person, spelled[at:]))


def command(
    state: State, user: str, channel: Channel, word: str, text: str, response_url: str
) -> dict[str, str]:
    """The form of a slash command."""
    return {
        "token": VERIFICATION_TOKEN,
        "team_id": state.config.team_id,
        "team_domain": state.domain,
        "channel_id": channel.id,
        "channel_name": "directmessage" if channel.is_im else channel.name,
        "user_id": user,
        "user_name": state.person(user).name,
        "command": word,
        "text": text,
        "api_app_id": state.bot.app_id,
        "is_enterprise_install": "false",
        "response_url": response_url,
        "trigger_id": state.tickets.trigger(user),
    }


def interaction(state: State, kind: str, user: str, *, view: str = "") -> dict[str, Any]:
    """What every interaction begins with. `view`: the modal it comes from."""
    person = state.person(user)
    return {
        "type": kind,
        "user": {
            "id": user,
            "username": person.name,
            "name": person.name,
            "team_id": person.team_id or state.config.team_id,
        },
        "api_app_id": state.bot.app_id,
        "token": VERIFICATION_TOKEN,
        "trigger_id": state.tickets.trigger(user, view),
        "team": {"id": state.config.team_id, "domain": state.domain},
        "enterprise": None,
        "is_enterprise_install": False,
    }


def of_message(state: State, channel: Channel, message: Message, *, whispered: bool) -> dict[str, Any]:
    """Where a press on a message came from. Slack does not repeat the content of what one person sees only."""
    container: dict[str, Any] = {
        "type": "message",
        "message_ts": message["ts"],
        "channel_id": channel.id,
        "is_ephemeral": whispered,
    }
    if message.get("thread_ts"):
        container["thread_ts"] = message["thread_ts"]
    place: dict[str, Any] = {
        "container": container,
        "channel": {"id": channel.id, "name": "directmessage" if channel.is_im else channel.name},
    }
    return place if whispered else place | {"message": state.shown(channel, message)}


def of_view(view: View) -> dict[str, Any]:
    return {"container": {"type": "view", "view_id": view["id"]}, "view": view}


def event(state: State, inner: Mapping[str, Any]) -> dict[str, Any]:
    """An event's envelope."""
    config, bot = state.config, state.bot
    grant = {
        "enterprise_id": None,
        "team_id": config.team_id,
        "user_id": bot.user_id,
        "is_bot": True,
        "is_enterprise_install": False,
    }
    return {
        "token": VERIFICATION_TOKEN,
        "team_id": config.team_id,
        "context_team_id": config.team_id,
        "context_enterprise_id": None,
        "api_app_id": bot.app_id,
        "event": dict(inner),
        "type": "event_callback",
        "event_id": "Ev0" + secrets.token_hex(5).upper(),
        "event_time": int(state.clock()),
        "authorizations": [grant],
        "is_ext_shared_channel": False,
        "event_context": secrets.token_urlsafe(24),
    }

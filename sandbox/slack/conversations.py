"""Channels and people in the Web API."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from sandbox.slack.arguments import Arguments
from sandbox.slack.workspace import Channel, Message, Refused, Workspace
from sandbox.world import Person

_NAME = re.compile(r"[a-z0-9_-]+")


def find(workspace: Workspace, channel: str) -> Channel:
    """By id, or by name; a person's id is the direct messages with them. Raises Refused."""
    if channel in workspace.users:
        return _direct(workspace, channel)
    found = workspace.channels.get(channel)
    found = found or next(
        (one for one in workspace.channels.values() if one.name == channel.removeprefix("#")), None
    )
    bot = workspace.config.bot.user_id
    if found is None or (found.is_private and bot not in found.members):
        raise Refused("channel_not_found")
    return found


def _direct(workspace: Workspace, user: str) -> Channel:
    known = f"D{user[1:]}"
    if known not in workspace.channels:
        members = {user, workspace.config.bot.user_id}
        workspace.channels[known] = Channel(known, workspace.users[user].name, "", True, members, is_im=True)
    return workspace.channels[known]


def _create(workspace: Workspace, arguments: Arguments) -> dict[str, Any]:
    name = arguments.text("name")
    if not name:
        raise Refused("invalid_name_required")
    if len(name) > 80:
        raise Refused("invalid_name_maxlength")
    if not _NAME.fullmatch(name):
        raise Refused("invalid_name_specials")
    if any(one.name == name for one in workspace.channels.values()):
        raise Refused("name_taken")
    members = {workspace.config.bot.user_id}
    channel = Channel(workspace.new_id("C0"), name, "", arguments.flag("is_private"), members)
    workspace.channels[channel.id] = channel
    workspace.stream.publish({"type": "channel", "channel": channel.as_json()})
    return {"channel": channel.as_json()}


def _invite(workspace: Workspace, arguments: Arguments) -> dict[str, Any]:
    channel = find(workspace, arguments.text("channel"))
    if workspace.config.bot.user_id not in channel.members:
        raise Refused("not_in_channel")
    users = [one for one in arguments.text("users").split(",") if one]
    if any(user not in workspace.users for user in users):
        raise Refused("user_not_found")
    if workspace.config.bot.user_id in users:
        raise Refused("cant_invite_self")
    if all(user in channel.members for user in users):
        raise Refused("already_in_channel")
    channel.members.update(users)
    return {"channel": channel.as_json()}


def _join(workspace: Workspace, arguments: Arguments) -> dict[str, Any]:
    channel = find(workspace, arguments.text("channel"))
    channel.members.add(workspace.config.bot.user_id)
    return {"channel": channel.as_json()}


def _info(workspace: Workspace, arguments: Arguments) -> dict[str, Any]:
    channel = find(workspace, arguments.text("channel"))
    return {"channel": {**channel.as_json(), "is_member": workspace.config.bot.user_id in channel.members}}


def _list(workspace: Workspace, arguments: Arguments) -> dict[str, Any]:
    bot = workspace.config.bot.user_id
    shown = [
        one
        for one in workspace.channels.values()
        if not one.is_im and (not one.is_private or bot in one.members)
    ]
    listed = [{**one.as_json(), "is_member": bot in one.members} for one in shown]
    return _page(listed, arguments, "channels")


def _open(workspace: Workspace, arguments: Arguments) -> dict[str, Any]:
    user = arguments.text("users")
    if user not in workspace.users:
        raise Refused("user_not_found")
    return {"channel": {"id": _direct(workspace, user).id}}


def _seen(workspace: Workspace, arguments: Arguments) -> Channel:
    channel = find(workspace, arguments.text("channel"))
    if workspace.config.bot.user_id not in channel.members:
        raise Refused("not_in_channel")
    return channel


def _shown(message: Message, arguments: Arguments) -> Message:
    if arguments.flag("include_all_metadata") or "metadata" not in message:
        return message
    return {name: value for name, value in message.items() if name != "metadata"}


def _within(messages: list[Message], arguments: Arguments) -> list[Message]:
    oldest, latest = arguments.text("oldest"), arguments.text("latest")
    return [
        message
        for message in messages
        if (not oldest or float(message["ts"]) > float(oldest))
        and (not latest or float(message["ts"]) < float(latest))
    ]


def _history(workspace: Workspace, arguments: Arguments) -> dict[str, Any]:
    channel = _seen(workspace, arguments)
    found = _within(workspace.messages(channel.id), arguments)
    newest_first = [_shown(message, arguments) for message in reversed(found)]
    return _page(newest_first, arguments, "messages", default=100)


def _replies(workspace: Workspace, arguments: Arguments) -> dict[str, Any]:
    channel = _seen(workspace, arguments)
    if arguments.text("ts") not in channel.messages:
        raise Refused("thread_not_found")
    thread = workspace.replies(channel.id, arguments.text("ts"))
    found = [thread[0], *_within(thread[1:], arguments)]
    return _page([_shown(message, arguments) for message in found], arguments, "messages", default=1000)


def _members(workspace: Workspace, arguments: Arguments) -> dict[str, Any]:
    channel = find(workspace, arguments.text("channel"))
    return _page(sorted(channel.members), arguments, "members")


def _topic(workspace: Workspace, arguments: Arguments) -> dict[str, Any]:
    channel, topic = _seen(workspace, arguments), arguments.text("topic")
    if len(topic) > 250:
        raise Refused("too_long")
    channel.topic = topic
    workspace.stream.publish({"type": "channel", "channel": channel.as_json()})
    return {"channel": channel.as_json()}


def person(workspace: Workspace, one: Person) -> dict[str, Any]:
    """A user as users.info gives it."""
    return {
        "id": one.id,
        "team_id": one.team_id or workspace.config.team_id,
        "name": one.name,
        "deleted": False,
        "real_name": one.real_name,
        "tz": one.tz,
        "profile": {"real_name": one.real_name, "display_name": one.name, "email": one.email},
        "is_bot": False,
        "is_admin": False,
        "is_restricted": one.is_restricted,
        "is_ultra_restricted": False,
        "is_stranger": bool(one.team_id) and one.team_id != workspace.config.team_id,
    }


def _user(workspace: Workspace, arguments: Arguments) -> dict[str, Any]:
    found = workspace.users.get(arguments.text("user"))
    if found is None:
        raise Refused("user_not_found")
    return {"user": person(workspace, found)}


def _users(workspace: Workspace, arguments: Arguments) -> dict[str, Any]:
    return _page([person(workspace, one) for one in workspace.users.values()], arguments, "members")


def _by_email(workspace: Workspace, arguments: Arguments) -> dict[str, Any]:
    email = arguments.text("email").lower()
    found = next((one for one in workspace.users.values() if one.email.lower() == email), None)
    if found is None:
        raise Refused("users_not_found")
    return {"user": person(workspace, found)}


def _page(items: list[Any], arguments: Arguments, name: str, *, default: int = 100) -> dict[str, Any]:
    try:
        start, size = int(arguments.text("cursor") or 0), int(arguments.text("limit") or default)
    except ValueError as error:
        raise Refused("invalid_cursor") from error
    end = start + min(max(1, size), 1000)
    more = str(end) if end < len(items) else ""
    return {name: items[start:end], "has_more": bool(more), "response_metadata": {"next_cursor": more}}


METHODS: dict[str, Callable[[Workspace, Arguments], dict[str, Any]]] = {
    "conversations.create": _create,
    "conversations.invite": _invite,
    "conversations.join": _join,
    "conversations.info": _info,
    "conversations.list": _list,
    "conversations.open": _open,
    "conversations.history": _history,
    "conversations.replies": _replies,
    "conversations.members": _members,
    "conversations.setTopic": _topic,
    "users.info": _user,
    "users.list": _users,
    "users.lookupByEmail": _by_email,
}

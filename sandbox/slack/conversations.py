"""conversations.*: channels, who is in them, and what was said there."""

from __future__ import annotations

import re
from typing import Any

from sandbox.slack.arguments import Args
from sandbox.slack.pages import page
from sandbox.slack.refusal import SlackRefusal
from sandbox.slack.state import Channel, Message, State

Answer = dict[str, Any]
MOST_INVITED = 100


def described(state: State, channel: Channel) -> dict[str, Any]:
    """Slack's conversation object."""
    ours = {
        "id": channel.id,
        "created": channel.created,
        "is_archived": channel.is_archived,
        "is_im": channel.is_im,
        "is_org_shared": False,
        "context_team_id": state.config.team_id,
    }
    if channel.is_im:
        return ours | {"user": channel.peer, "is_user_deleted": False, "is_open": True}
    return ours | {
        "name": channel.name,
        "name_normalized": channel.name,
        "creator": channel.creator or state.bot.user_id,
        "is_channel": not channel.is_private,
        "is_group": channel.is_private,
        "is_mpim": False,
        "is_private": channel.is_private,
        "is_general": False,
        "is_shared": False,
        "is_ext_shared": False,
        "is_member": state.bot.user_id in channel.members,
        "num_members": len(channel.members),
        "topic": {"value": channel.topic, "creator": "", "last_set": 0},
        "purpose": {"value": "", "creator": "", "last_set": 0},
        "previous_names": [],
    }


def create(state: State, args: Args) -> Answer:
    name = args.text("name")
    if not name:
        raise SlackRefusal("invalid_name_required")
    if len(name) > 80:
        raise SlackRefusal("invalid_name_maxlength")
    if not re.fullmatch(r"[\w-]+", name) or name != name.lower():
        raise SlackRefusal("invalid_name_specials")
    if not re.search(r"[^\W_]", name):
        raise SlackRefusal("invalid_name_punctuation")
    if any(one.name == name for one in state.channels.values()):  # of archived ones too
        raise SlackRefusal("name_taken")
    bot = state.bot.user_id
    made = Channel(state.new_id("C"), name, is_private=args.flag("is_private"), creator=bot, members=[bot])
    state.add_channel(made)
    state.channel_changed(made)
    return {"channel": described(state, made)}


def invite(state: State, args: Args) -> Answer:
    channel = state.open_to_bot(args.required("channel"))
    users = args.names("users")
    if not users:
        raise SlackRefusal("no_user")
    if len(users) > MOST_INVITED:
        raise SlackRefusal("too_many_users")
    refused = [(user, why) for user in users if (why := _uninvitable(state, channel, user))]
    if refused and not (args.flag("force") and len(refused) < len(users)):
        errors = [{"user": user, "ok": False, "error": why} for user, why in refused]
        raise SlackRefusal(refused[0][1], errors=errors)
    for user in users:
        if user not in {one for one, _ in refused}:
            channel.members.append(user)
    state.channel_changed(channel)
    return {"channel": described(state, channel)}


def _uninvitable(state: State, channel: Channel, user: str) -> str:
    if user == state.bot.user_id:
        return "cant_invite_self"
    if user not in state.people:
        return "user_not_found"
    return "already_in_channel" if user in channel.members else ""


def join(state: State, args: Args) -> Answer:
    channel = state.channel(args.required("channel"))
    if channel.is_archived:
        raise SlackRefusal("is_archived")
    if channel.is_private:
        raise SlackRefusal("method_not_supported_for_channel_type")
    if state.bot.user_id in channel.members:
        warning = "already_in_channel"
        return {
            "channel": described(state, channel),
            "warning": warning,
            "response_metadata": {"warnings": [warning]},
        }
    channel.members.append(state.bot.user_id)
    state.channel_changed(channel)
    return {"channel": described(state, channel)}


def info(state: State, args: Args) -> Answer:
    return {"channel": described(state, state.channel(args.required("channel")))}


def listed(state: State, args: Args) -> Answer:
    kinds = set(args.names("types") or ["public_channel"])
    if kinds - {"public_channel", "private_channel", "mpim", "im"}:
        raise SlackRefusal("invalid_types")
    found = [
        described(state, one)
        for one in state.channels.values()
        if _kind(one) in kinds
        and (not one.is_private or state.bot.user_id in one.members)
        and not (one.is_archived and args.flag("exclude_archived"))
    ]
    return page("channels", found, args, usual=100, most=1000)


def _kind(channel: Channel) -> str:
    if channel.is_im:
        return "im"
    return "private_channel" if channel.is_private else "public_channel"


def opened(state: State, args: Args) -> Answer:
    users = args.names("users")
    if args.text("channel"):
        return {"channel": {"id": state.channel(args.text("channel")).id}}
    if not users:
        raise SlackRefusal("users_list_not_supplied")
    if any(user not in state.people for user in users):
        raise SlackRefusal("user_not_found")
    if len(users) > 1:  # this world has no group conversations
        raise SlackRefusal("not_enough_users" if len(set(users)) == 1 else "too_many_users")
    known = f"D{users[0][1:]}" in state.channels
    channel = state.direct(users[0])
    if args.flag("return_im"):
        return {"already_open": known, "no_op": known, "channel": described(state, channel)}
    return {"already_open": known, "no_op": known, "channel": {"id": channel.id}}


def _readable(state: State, args: Args) -> Channel:
    channel = state.channel(args.required("channel"))
    if state.bot.user_id not in channel.members:
        raise SlackRefusal("not_in_channel")
    return channel


def history(state: State, args: Args) -> Answer:
    channel = _readable(state, args)
    inside = [one for one in state.top_level(channel) if _within(one, args)]
    shown = [_read(state, channel, one, args) for one in reversed(inside)]
    return page("messages", shown, args, usual=100, most=999) | {"pin_count": 0}


def replies(state: State, args: Args) -> Answer:
    channel = _readable(state, args)
    first = channel.messages.get(args.required("ts"))
    if first is None:
        raise SlackRefusal("thread_not_found")
    thread = [one for one in state.replies(channel, first["ts"]) if _within(one, args)]
    shown = [_read(state, channel, one, args) for one in [first, *thread]]
    return page("messages", shown, args, usual=1000, most=1000)


def _within(message: Message, args: Args) -> bool:
    try:
        ts = float(message["ts"])
        oldest, latest = float(args.text("oldest") or 0), float(args.text("latest") or "inf")
    except ValueError:
        raise SlackRefusal("invalid_ts_oldest") from None
    return oldest <= ts <= latest if args.flag("inclusive") else oldest < ts < latest


def _read(state: State, channel: Channel, message: Message, args: Args) -> Message:
    shown = state.shown(channel, message)
    if not args.flag("include_all_metadata"):
        shown.pop("metadata", None)
    return shown


def members(state: State, args: Args) -> Answer:
    channel = state.channel(args.required("channel"))
    answer = page("members", channel.members, args, usual=100, most=1000)
    answer.pop("has_more")
    return answer


def set_topic(state: State, args: Args) -> Answer:
    channel = state.open_to_bot(args.required("channel"))
    topic = args.text("topic")
    if len(topic) > 250:
        raise SlackRefusal("too_long")
    channel.topic = topic
    state.channel_changed(channel)
    return {"channel": described(state, channel)}


def archive(state: State, args: Args) -> Answer:
    channel = _readable(state, args)
    if channel.is_archived:
        raise SlackRefusal("already_archived")
    channel.is_archived = True
    state.channel_changed(channel)
    return {}

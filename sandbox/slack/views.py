"""views.*: modals in stacks of up to three for each person, and their App Home."""

from __future__ import annotations

import copy
import secrets
from typing import Any

from sandbox.slack.arguments import Args
from sandbox.slack.blocks import check_view, elements_of, named
from sandbox.slack.refusal import SlackRefusal, missing
from sandbox.slack.state import State, View

MOST_STACKED = 3
Answer = dict[str, Any]


def open_modal(state: State, args: Args) -> Answer:
    view = _given(args)
    trigger = state.tickets.look(args.required("trigger_id"))
    made = built(state, view, "modal")
    trigger.used = True
    clear(state, trigger.user)
    state.modals.setdefault(trigger.user, []).append(made)
    show(state, trigger.user, made)
    return {"view": copy.deepcopy(made)}


def push(state: State, args: Args) -> Answer:
    view = _given(args)
    trigger = state.tickets.look(args.required("trigger_id"))
    stack = state.modals.get(trigger.user, [])
    if not any(one["id"] == trigger.view for one in stack):
        raise SlackRefusal("invalid_trigger_id")
    made = pushed(state, trigger.user, view)
    trigger.used = True
    return {"view": copy.deepcopy(made)}


def pushed(state: State, user: str, view: dict[str, Any]) -> View:
    """A new modal on top of the person's others."""
    stack = state.modals[user]
    if len(stack) >= MOST_STACKED:
        raise SlackRefusal("push_limit_reached")
    made = built(state, view, "modal", under=stack[-1])
    stack.append(made)
    show(state, user, made)
    return made


def update(state: State, args: Args) -> Answer:
    view = _given(args)
    name, external = args.text("view_id"), args.text("external_id")
    if not (name or external):
        raise missing("view_id")
    for user, old in every(state):
        if old["id"] == name or (external and not name and old["external_id"] == external):
            _unchanged(args, old)
            return {"view": copy.deepcopy(replaced(state, user, old, view))}
    raise SlackRefusal("not_found")


def replaced(state: State, user: str, old: View, view: dict[str, Any]) -> View:
    """The view with new content under its old id; what was typed stays where its field stays."""
    made = built(state, view, old["type"], instead_of=old)
    typed = old["state"]["values"]
    for block in made["blocks"]:
        for element in elements_of(block):
            kept = typed.get(block["block_id"], {}).get(element["action_id"])
            if kept is not None:
                made["state"]["values"].setdefault(block["block_id"], {})[element["action_id"]] = kept
    old.clear()
    old.update(made)
    show(state, user, old)
    return old


def publish(state: State, args: Args) -> Answer:
    user, view = args.required("user_id"), _given(args)
    if user not in state.people:
        raise SlackRefusal("user_not_found")
    old = state.homes.get(user)
    if old is not None:
        _unchanged(args, old)
    made = built(state, view, "home", instead_of=old)
    state.homes[user] = made
    show(state, user, made)
    return {"view": copy.deepcopy(made)}


def _given(args: Args) -> dict[str, Any]:
    view: dict[str, Any] | None = args.structure("view", dict, "invalid_arguments")
    if view is None:
        raise missing("view")
    return view


def _unchanged(args: Args, old: View) -> None:
    if args.text("hash") and args.text("hash") != old["hash"]:
        raise SlackRefusal("hash_conflict")


def built(
    state: State,
    view: dict[str, Any],
    kind: str,
    *,
    under: View | None = None,
    instead_of: View | None = None,
) -> View:
    """Slack's view object. Raises invalid_arguments, view_too_large or duplicate_external_id."""
    check_view(view, kind)
    name = instead_of["id"] if instead_of else state.new_id("V")
    external = view.get("external_id", "")
    if external and any(one["external_id"] == external and one["id"] != name for _, one in every(state)):
        raise SlackRefusal("duplicate_external_id")
    above = instead_of or {}
    root = under["root_view_id"] if under else above.get("root_view_id", name)
    return {
        "id": name,
        "team_id": state.config.team_id,
        "type": kind,
        "title": view.get("title"),
        "submit": view.get("submit"),
        "close": view.get("close"),
        "blocks": named(view["blocks"]),
        "private_metadata": view.get("private_metadata", ""),
        "callback_id": view.get("callback_id", ""),
        "external_id": external,
        "state": {"values": {}},
        "hash": f"{state.clock():.0f}.{secrets.token_hex(4)}",
        "clear_on_close": view.get("clear_on_close", False),
        "notify_on_close": view.get("notify_on_close", False),
        "root_view_id": root,
        "previous_view_id": under["id"] if under else above.get("previous_view_id"),
        "app_id": state.bot.app_id,
        "app_installed_team_id": state.config.team_id,
        "bot_id": state.bot.bot_id,
    }


def every(state: State) -> list[tuple[str, View]]:
    """Each open modal and each home, with its person."""
    modals = [(user, one) for user, stack in state.modals.items() for one in stack]
    return modals + list(state.homes.items())


def find(state: State, user: str, view_id: str) -> View | None:
    return next((one for owner, one in every(state) if owner == user and one["id"] == view_id), None)


def show(state: State, user: str, view: View) -> None:
    kind = "home" if view["type"] == "home" else "view"
    state.stream.publish({"type": kind, "view": copy.deepcopy(view)}, to=user)


def close(state: State, user: str, view_id: str, *, all_of_them: bool = False) -> list[View]:
    """Closes a modal with what lies on it, or the whole stack; what was closed, the lowest first."""
    stack = state.modals.get(user, [])
    place = next((at for at, one in enumerate(stack) if one["id"] == view_id), None)
    if place is None:
        return []
    gone = stack[0 if all_of_them else place :]
    del stack[0 if all_of_them else place :]
    for one in reversed(gone):
        state.stream.publish({"type": "view_closed", "view_id": one["id"]}, to=user)
    return gone


def clear(state: State, user: str) -> None:
    """Closes every modal of a person."""
    for one in state.modals.get(user, [])[:1]:
        close(state, user, one["id"])

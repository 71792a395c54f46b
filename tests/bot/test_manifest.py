"""manifest.yml holds exactly what the code uses, and Slack would take it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).parent.parent.parent
MANIFEST = yaml.safe_load((ROOT / "manifest.yml").read_text())
CODE = "\n".join(path.read_text() for path in (ROOT / "bot" / "slack").glob("*.py"))
SCOPES_OF = {
    "chat_postMessage": {"chat:write"},
    "chat_update": {"chat:write"},
    "chat_postEphemeral": {"chat:write"},
    "conversations_info": {"channels:read", "groups:read"},
    "conversations_history": {"channels:history", "groups:history"},
    "conversations_replies": {"channels:history", "groups:history"},
    "conversations_open": {"im:write"},
    "files_upload_v2": {"files:write"},
    "users_info": {"users:read", "users:read.email"},
    "views_open": set(),
    "views_update": set(),
    "views_publish": set(),
    "chat_getPermalink": set(),
}
"""Bot scopes by Web API method. Source: Slack's page of each method."""
SCOPES_OF_EVENT: dict[str, set[str]] = {
    "app_home_opened": set(),
    "app_mention": {"app_mentions:read"},
    "message.im": {"im:history"},
    "message.channels": {"channels:history"},
    "message.groups": {"groups:history"},
}
SUBSCRIPTIONS_OF = {
    "app_home_opened": ("app_home_opened",),
    "app_mention": ("app_mention",),
    "message": ("message.im", "message.channels", "message.groups"),
}
"""Bolt listens for `message`; what arrives is what is subscribed to."""


def methods() -> set[str]:
    return set(re.findall(r"client\.((?:chat|conversations|files|users|views|reactions)_\w+)", CODE))


def test_every_method_in_use_is_known_here():
    assert methods() == set(SCOPES_OF)


def test_the_scopes_are_those_in_use():
    wanted = set().union(*(SCOPES_OF[name] for name in methods()))
    wanted |= set().union(*(SCOPES_OF_EVENT[name] for name in events())) | {"commands"}
    assert set(MANIFEST["oauth_config"]["scopes"]["bot"]) == wanted


def events() -> set[str]:
    heard = re.findall(r'\.event\("(\w+)"\)', CODE)
    return {subscribed for name in heard for subscribed in SUBSCRIPTIONS_OF[name]}


def test_the_events_are_those_listened_to():
    assert set(MANIFEST["settings"]["event_subscriptions"]["bot_events"]) == events()


def test_the_commands_are_those_answered():
    known = set(re.findall(r'\.command\("(/\w+)"\)', CODE))
    assert {one["command"] for one in MANIFEST["features"]["slash_commands"]} == known


def test_every_address_is_the_one_served():
    urls = [one["url"] for one in MANIFEST["features"]["slash_commands"]]
    urls += [
        MANIFEST["settings"]["event_subscriptions"]["request_url"],
        MANIFEST["settings"]["interactivity"]["request_url"],
    ]
    assert {url.removeprefix("https://alerts.example.com") for url in urls} == set(
        re.findall(r'web\.post\("(/slack/\w+)"', CODE)
    )


def test_slack_would_take_it():
    schema = ROOT.parent / "shared" / "data" / "schemas" / "slack_manifest_v2.json"
    if not schema.exists():
        pytest.skip(f"Slack's manifest schema is not beside this checkout ({schema})")
    jsonschema.validate(MANIFEST, json.loads(schema.read_text()))

"""Tactical RMM's alert actions: a web hook whose body is a template of the customer over {{alert.…}}, {{agent.…}},
{{client.name}} and {{site.name}}. The message is often the only place that names the host.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from engine.alert import Alert, AlertStatus
from integrations.sources.fields import Fields, link
from integrations.sources.reading import MESSAGE, key, moment
from integrations.sources.shapes import each, missing, plain, spread

TOOL = "tacticalrmm"
_HOSTS = ("hostname", "agent hostname", "agent name", "agent", "host", "computer", "device")
_STATES = ("event", "status", "state", "action", "alert status", "event type")
_MESSAGES = ("message", "alert message", "text", "alert")
_HOST = re.compile(
    r"(?P<host>[\w.-]{1,63})(?:\s+has\s+(?:an?\s+)?(?=\S.{0,80}check|task)|\s+in\s+.{1,200}?\s+(?=is\b))"
    r"|(?P<short>(?=[\w.-]*\d|(?-i:[a-z]*[A-Z])[\w.]*-)[\w.-]{1,63}):\s",
    re.IGNORECASE,
)
"""`DC1 has a ping check: …`, `DC1 in Acme\\HQ is overdue.`, `DC-1: …`."""
_OUTCOME = re.compile(
    r"(?:\bthat\s)?(?:\b(?:has|is|was)\s)?\b(?:failed|failing|resolved|passed|passing)\W*$", re.I
)
_NOTICES = ("acknowledg", "snooz")


def parse(body: Any, _headers: Mapping[str, str]) -> list[Alert]:
    """Raises Malformed when a body names neither an agent nor what is wrong."""
    return each(body, lambda said: _one(spread(said.raw)))


def _one(said: Fields) -> Alert:
    message = said.text(*_MESSAGES, most=MESSAGE)
    named, number = said.text(*_HOSTS), said.text("agent id", "agent agent id", "agent pk")
    first = _HOST.match(message)
    guessed = (first["host"] or first["short"]) if first else ""
    asset = named or guessed or number
    if not asset and not message:
        raise missing("message", "agent_id", "hostname")
    rest = message[first.end() :] if first and guessed.lower() == asset.lower() else message
    rest = said.text("check name", "task name", "check", "task") or rest
    return Alert(
        asset_name=asset or "unnamed",
        signature=_OUTCOME.sub("", rest[:500]).strip(" .:,") or said.text("alert type") or "alert without a message",
        tool=TOOL,
        status=_status(said),
        severity_word=said.text("severity", "alert severity", most=100) or None,
        message=message,
        occurred_at=moment(said.value("alert time", "alert alert time", "time")),
        dedup_key=key(said.text("alert id", "alert alert id")) or None,
        labels=plain(said, leaving=_MESSAGES),
        link=link(said.value("url"), said.value("link")),
        asset_note=None if named else f"no host is named; the {'message' if guessed else 'agent id'} stands in",
    )  # fmt: skip


def _status(said: Fields) -> AlertStatus:
    state = said.text(*_STATES, most=100).lower()
    if "resol" in state or (not state and said.text("resolved", "alert resolved").lower() == "true"):
        return AlertStatus.RESOLVED
    noticed = state == "test" or any(part in state for part in _NOTICES)
    return AlertStatus.NOTICE if noticed else AlertStatus.FIRING

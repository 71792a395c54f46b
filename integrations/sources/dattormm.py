"""Datto RMM's webhooks: the body is a template of the customer, over variables such as [device_hostname]; one for the
alert and, if wanted, another for its resolution. Templates for Slack or Teams, which name their fields in a list, are
read too. A variable that Datto does not know stays as it is (`[device_serial]`) and says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from engine.alert import Alert, AlertStatus
from integrations.sources.fields import Fields, link
from integrations.sources.reading import MESSAGE, moment
from integrations.sources.shapes import each, missing, plain

TOOL = "dattormm"
_HOSTS = ("device hostname", "hostname", "device name", "device", "host", "computer", "asset")
_STAND_INS = ("device description", "device id", "device uid", "site name", "site")
_STATES = ("status", "alert status", "state", "alert state", "event type", "event", "action")
_MESSAGES = ("alert message en", "alert message", "message", "alert", "trigger", "diagnostics", "text")
_LINKS = ("alert url", "device url", "title link", "url", "link")
_RESOLVED = re.compile(r"\b(?:resolved?|cleared?|closed?|recovered)\b")
_NOTICES = re.compile(r"\b(?:acknowledged?|muted|test)\b")
_UNKNOWN = re.compile(r"\[[a-z][a-z_]{0,60}\]")


def parse(body: Any, _headers: Mapping[str, str]) -> list[Alert]:
    """Raises Malformed when a body names neither a device nor what is wrong."""
    return each(body, _one)


def _one(said: Fields) -> Alert:
    said = Fields(dict(_spread(said)))
    asset, signature = said.text(*_HOSTS), _signature(said)
    if not asset and not signature:
        raise missing("device_hostname", "alert_type", "alert_message_en")
    return Alert(
        asset_name=asset or said.text(*_STAND_INS) or "unnamed",
        signature=signature or "alert without a type",
        tool=TOOL,
        status=_status(said),
        severity_word=said.text("alert priority", "priority", "severity", most=100) or None,
        message=said.text(*_MESSAGES, most=MESSAGE),
        occurred_at=moment(said.value("alert timestamp", "timestamp", "time", "date")),
        labels=plain(said, leaving=_MESSAGES),
        link=link(*(said.value(name) for name in _LINKS)),
        asset_note=None if asset else "the alert names no device; its description or its site stands in",
    )


def _signature(said: Fields) -> str:
    """Type and category; the alert's uid is new with every alert and the message has numbers."""
    kind, category = said.text("alert type", "type", "monitor type"), said.text("alert category", "category")
    if category and category.lower() not in kind.lower():
        kind = f"{kind}: {category}" if kind else category
    return kind or said.text("title", "subject", *_MESSAGES)


def _status(said: Fields) -> AlertStatus:
    """A field of state where the template has one, else how its title begins."""
    state = said.text(*_STATES, most=100)
    if said.word("resolved") == "true" or said.word("type") in ("resolved", "resolution"):
        state = state or "resolved"
    words = " ".join(re.split(r"[\W_]+", state.lower()))
    if _RESOLVED.search(words) or (not state and _RESOLVED.match(said.text("title", "subject").lower())):
        return AlertStatus.RESOLVED
    return AlertStatus.NOTICE if _NOTICES.search(words) else AlertStatus.FIRING


def _spread(said: Fields) -> Iterator[tuple[str, Any]]:
    """The fields, those of objects inside, and those that chat templates list as title and value."""
    for name, value in said.raw.items():
        if isinstance(value, Mapping):
            yield from ((f"{name} {inner}", one) for inner, one in value.items())
        elif name in ("attachments", "sections") and isinstance(value, list):
            for part in value[:20]:
                if isinstance(part, Mapping):
                    yield from part.items()
                    yield from _listed(Fields(part).each("fields", "facts"))
        elif not isinstance(value, str) or not _UNKNOWN.fullmatch(value):
            yield str(name), value


def _listed(fields: list[Fields]) -> Iterator[tuple[str, Any]]:
    for one in fields[:100]:
        if name := one.text("title", "name"):
            yield name.rstrip(":"), one.value("value")

"""Cronitor's webhook: an alert or a recovery of one monitor, in one environment.

Older bodies name the environment only in their words, and a recovery has other words: there it is a label, no more.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from engine.alert import Alert
from integrations.sources.fields import Fields, first, identity, kept, link
from integrations.sources.monitored import FIRING, NOTICE, RESOLVED, entries, needed, numbered, status_of
from integrations.sources.reading import MESSAGE

TOOL = "cronitor"
_TYPES = {"alert": FIRING, "recovery": RESOLVED, "test": NOTICE}
_WELL = re.compile(
    r"\b(?:recovered|resolved|are passing|is passing|is healthy|incident duration)\b", re.IGNORECASE
)
_ENVIRONMENT = re.compile(r"^\s*Environment:\s*(.{1,100}?)\s*$", re.MULTILINE)


def parse(body: Any, _headers: Mapping[str, str]) -> list[Alert]:
    """Raises Malformed when a body names no monitor."""
    return [_one(said) for said in entries(body)]


def _one(said: Fields) -> Alert:
    name, number = said.text("monitor", "name", "monitor_name"), said.text("id", "key", "code", "monitor_key")
    if not first(name, number):
        raise needed("monitor", "id")
    about = said.text("description", "message", most=MESSAGE)
    type_ = said.word("type", "event", "state", "status")
    status = _TYPES.get(type_) or status_of(type_)
    if status is None:  # the oldest bodies have no type: only the words tell
        status = RESOLVED if not type_ and _WELL.search(about) else FIRING
    named = _ENVIRONMENT.search(about)
    environment = said.text("environment", "env") or (named[1] if named else "")
    rule = said.text("rule").replace("_", " ")
    return Alert(
        asset_name=first(name, numbered("monitor", number)),
        signature=first(rule, "monitor failed"),
        tool=TOOL,
        status=status,
        message=about,
        dedup_key=identity(first(number, name), said.text("environment", "env") or "-"),
        labels=kept(
            monitor_id=number, environment=environment, group=said.text("group"), rule=said.text("rule")
        ),
        link=link(said.text("issue_url", most=2000), said.text("monitor_url", most=2000)),
    )

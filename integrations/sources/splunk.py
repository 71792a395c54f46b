"""Splunk's webhook alert action: the saved search, and the first row of its result in the customer's own fields.
`sid` is new with every run; search and host are the identity. Splunk sends no recovery.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from engine.alert import Alert
from engine.classification import severity_of_word
from integrations.sources.fields import Fields, link
from integrations.sources.reading import MESSAGE, key, moment, text
from integrations.sources.shapes import each, missing, plain

TOOL = "splunk"
_HOSTS = (
    "host",
    "hostname",
    "dest",
    "dest host",
    "orig host",
    "src host",
    "device",
    "dvc",
    "computer name",
    "computer",
    "instance",
)
_MESSAGES = ("message", "_raw", "summary", "description", "reason")
_SEVERITIES = ("urgency", "severity", "priority", "level", "log level")


def parse(body: Any, _headers: Mapping[str, str]) -> list[Alert]:
    """Raises Malformed when a body has neither a search nor a result."""
    return each(body, _one)


def _one(said: Fields) -> Alert:
    rows = said.value("results", "result")
    row = Fields(
        next((one for one in rows if isinstance(one, Mapping)), None) if isinstance(rows, list) else rows
    )
    search, results = said.text("search name"), link(said.value("results link"))
    if not (search or row or said.text("sid") or results):
        raise missing("search_name", "result")
    asset = next((found for name in _HOSTS for found in row.texts(name)), "")
    stand_in = row.text("splunk server") or _server(results or "") or said.text("app") or "Splunk"
    words = (row.text(name, most=100) for name in _SEVERITIES)
    return Alert(
        asset_name=asset or stand_in,
        signature=search or f"unsaved search in {said.text('app') or 'Splunk'}",
        tool=TOOL,
        severity_word=next((word for word in words if severity_of_word(word)), None),
        message=_message(row),
        occurred_at=moment(row.value("_time")),
        dedup_key=key(f"{said.text('app')} {search} {asset}".lower()) if search else None,
        labels=plain({"app": said.text("app"), "owner": said.text("owner")}, row, leaving=_MESSAGES),
        link=results,
        asset_note=None if asset else "the result names no host; the Splunk server stands in",
    )


def _message(row: Fields) -> str:
    said = row.text(*_MESSAGES, most=MESSAGE)
    shown = (f"{name}={value}" for name, value in plain(row).items() if not name.startswith(("_", "date_")))
    return said or text(", ".join(shown), MESSAGE)


def _server(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""

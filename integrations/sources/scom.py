"""Microsoft System Center Operations Manager: the alert of a connector (`alertName`, `managedEntitySource`) or of a
PowerShell script (`Name`, `NetbiosComputerName`, the names of the SDK), with states as words or as numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.alert import Alert, AlertStatus
from integrations.sources.fields import Fields, link
from integrations.sources.reading import MESSAGE, key, moment
from integrations.sources.shapes import each, missing, plain

TOOL = "scom"
_ASSETS = (
    "managed entity source",
    "managed entity name",
    "managed entity display name",
    "netbios computer name",
    "principal name",
    "computer name",
    "computer",
    "hostname",
    "host",
    "monitoring object path",
    "managed entity path",
    "path",
    "monitoring object display name",
    "monitoring object name",
    "managed entity",
    "source",
)  # fmt: skip
_SEVERITIES = {"2": "Critical", "error": "Critical", "1": "Warning", "0": "Information"}
_PRIORITIES = {"2": "High", "high": "High", "0": "Low", "low": "Low"}
_CLOSED = {"closed", "255", "resolved", "254"}
_HANDLED = {
    "acknowledged",
    "249",
    "assignedtoengineering",
    "248",
    "awaitingevidence",
    "247",
    "scheduled",
    "250",
}
"""States that people set: somebody is at it, nothing new is wrong."""


def parse(body: Any, _headers: Mapping[str, str]) -> list[Alert]:
    """Raises Malformed when a body has neither a name nor an entity."""
    return each(body, _one)


def _one(said: Fields) -> Alert:
    name = said.text("alert name", "name", "title")
    asset = said.text(*_ASSETS).split(";")[0]
    if not name and not asset:
        raise missing("alertName", "managedEntitySource")
    severity = said.text("severity", "alert severity", most=100)
    priority = said.text("priority", most=100)
    return Alert(
        asset_name=asset or "unnamed",
        signature=name or "alert without a name",
        tool=TOOL,
        status=_status(
            said.text("resolution state", "resolution state name", "alert state", "state", "status")
        ),
        severity_word=_SEVERITIES.get(severity.lower(), severity) or _PRIORITIES.get(priority.lower()),
        message=said.text("alert description", "description", "message", most=MESSAGE),
        occurred_at=moment(said.value("data item create time", "time raised", "time added", "last modified")),
        dedup_key=key(said.text("alert id", "id")) or None,
        labels=plain(said, leaving=("alert description", "description", "message")),
        link=link(*(said.value(name) for name in ("web console url", "alert url", "link", "url"))),
        asset_note=None if asset else "the alert names no managed entity",
    )


def _status(state: str) -> AlertStatus:
    plain = "".join(filter(str.isalnum, state.lower()))
    if plain in _CLOSED:
        return AlertStatus.RESOLVED
    return AlertStatus.NOTICE if plain in _HANDLED else AlertStatus.FIRING

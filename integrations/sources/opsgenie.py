"""Opsgenie's outgoing webhook: an action on an alert. Create fires, Close and Delete end, what people do meanwhile is a
notice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.alert import Alert, AlertStatus
from integrations.sources.fields import Fields, link
from integrations.sources.reading import MESSAGE, key, moment
from integrations.sources.shapes import each, missing, plain

TOOL = "opsgenie"
_ACTIONS = {"create": AlertStatus.FIRING, "close": AlertStatus.RESOLVED, "delete": AlertStatus.RESOLVED}
_HOSTS = ("host", "hostname", "instance", "node", "device", "server", "service", "pod")


def parse(body: Any, _headers: Mapping[str, str]) -> list[Alert]:
    """Raises Malformed when a body has no alert."""
    return each(body, _one)


def _one(said: Fields) -> Alert:
    alert, action = said.inner("alert"), said.text("action", most=100)
    if not alert:
        raise missing("alert", "action")
    details = alert.inner("details")
    asset = alert.text("entity")
    source = alert.text("source")
    stand_in = details.text(*_HOSTS) or ("" if "@" in source else source) or said.text("integration name")
    priority = alert.text("priority", most=100)
    return Alert(
        asset_name=asset or stand_in or "Opsgenie",
        signature=alert.text("message", "alias") or "alert without a message",
        tool=TOOL,
        status=_ACTIONS.get(action.lower(), AlertStatus.NOTICE if action else AlertStatus.FIRING),
        severity_word=f"P{priority}" if priority.isdigit() else priority or None,
        message=alert.text("description", "note", "message", most=MESSAGE),
        occurred_at=moment(
            alert.value("updated at") if action.lower() in ("close", "delete") else alert.value("created at")
        ),
        dedup_key=key(alert.text("alias", "alert id", "id")) or None,
        labels=plain(
            {
                "action": action,
                "alias": alert.text("alias"),
                "tinyId": alert.text("tiny id"),
                "tags": ", ".join(alert.texts("tags")[:20]),
                "team": alert.text("team"),
                "source": source,
                "integrationName": said.text("integration name"),
            },
            details,
        ),
        link=link(details.value("link"), details.value("url")),
        asset_note=None
        if asset
        else "the alert names no entity; its details, source or integration stand in",
    )

"""PagerDuty's outgoing webhooks: 1 (`messages[].type`), 2 (`messages[].event`), 3 (`event.event_type`). The kind of
each message decides: triggered and reopened fire, resolved ends, everything that people do meanwhile is a notice.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from engine.alert import Alert, AlertStatus
from engine.classification import severity_of_word
from integrations.sources import pagerduty_events
from integrations.sources.fields import Fields, link
from integrations.sources.reading import MESSAGE, key, moment
from integrations.sources.shapes import each, missing, plain

TOOL = "pagerduty"
_KINDS = dict.fromkeys(("trigger", "triggered", "reopen", "reopened"), AlertStatus.FIRING)
_KINDS |= dict.fromkeys(("resolve", "resolved"), AlertStatus.RESOLVED)
_NUMBER = re.compile(r"^\[#\d{1,12}\]\s*")


def parse(body: Any, headers: Mapping[str, str]) -> list[Alert]:
    """Raises Malformed when a body has no messages and no event. What was meant for the Events API is read as that."""
    if isinstance(body, Mapping):
        whole = Fields(body)
        if "event_action" in whole:
            return pagerduty_events.parse(body, headers)
        if isinstance(messages := whole.value("messages"), list):
            body = messages
    return each(body, _one)


def _one(said: Fields) -> Alert:
    event = said.inner("event") or said
    kind = event.text("event type", "event", "type", most=100).lower()
    if "." not in kind:
        raise missing("event.event_type", "messages[].event", "messages[].type")
    data = event.inner("data")
    incident = data.inner("incident") or event.inner("incident") or data
    status = _KINDS.get(kind.rpartition(".")[2], AlertStatus.NOTICE)
    return _alert(incident, kind, status if kind.startswith("incident.") else AlertStatus.NOTICE, event)


def _alert(incident: Fields, kind: str, status: AlertStatus, event: Fields) -> Alert:
    service = incident.inner("service")
    asset = service.text("name", "summary", "id")
    trigger = incident.inner("trigger summary data")
    title = incident.text("title", "summary", "description") or trigger.text("subject", "description")
    return Alert(
        asset_name=asset or "PagerDuty",
        signature=_NUMBER.sub("", title) or incident.text("incident key") or "incident without a title",
        tool=TOOL,
        status=status,
        severity_word=_severity(incident),
        message=incident.text("description", "content", "message", most=MESSAGE) or title,
        occurred_at=moment(event.value("occurred at", "created on")),
        dedup_key=key(incident.text("id", "incident key")) or None,
        labels=plain(
            {
                "kind": kind,
                "service": asset,
                "service_id": service.text("id"),
                "incident_number": incident.text("incident number", "number"),
                "incident_key": incident.text("incident key"),
                "urgency": incident.text("urgency"),
                "priority": incident.inner("priority").text("summary", "name"),
                "escalation_policy": incident.inner("escalation policy").text("summary", "name"),
            }
        ),
        link=link(incident.value("html url")),
        asset_note=None if asset else "the incident names no service",
    )


def _severity(incident: Fields) -> str | None:
    """The priority where it is a known word, else the urgency."""
    priority = incident.inner("priority").text("summary", "name", most=100) or incident.text(
        "priority", most=100
    )
    return priority if severity_of_word(priority) else incident.text("urgency", most=100) or None

"""AppDynamics: HTTP request templates over its events, and the template in PagerDuty's form (`incident_key`,
`event_type` trigger or resolve, `details`).

`event_id` and the guid are of one event; the incident's id is of the violation from beginning to end.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from engine.alert import Alert, AlertStatus
from integrations.sources.fields import Fields, bodies, first, identity, kept, link, severity
from integrations.sources.reading import MESSAGE, Fault, Malformed, moment

TOOL = "appdynamics"
_LISTS = ("events", "fullEventList", "eventList", "fullEventsByTypeMap")
_OVER = re.compile(r"close|cancel|ended|resolve|\bok\b|recover")
_NOTICE = re.compile(r"acknowledge|deployment|config_change|agent_configuration|disabled|diagnostic_session")
_NOTHING = Fields({})


def parse(body: Any, _headers: Mapping[str, str]) -> list[Alert]:
    """Raises Malformed when an event has no name."""
    found: list[Alert] = []
    for fields in bodies(body):
        events = [event for name in _LISTS for event in fields.each(name)]
        found += [_one(event, fields) for event in events] or [_one(fields, _NOTHING)]
    return found


def _one(event: Fields, outer: Fields) -> Alert:
    """Of one event; what it does not say itself its details or the envelope may."""
    places = (event, event.inner("details", "event", "latestEvent"), outer)

    def told(*names: str, most: int = 500) -> str:
        return first(*(place.text(*names, most=most) for place in places))

    healthrule = event.inner("healthRule", "triggeredEntity")
    name = first(
        told("event_name", "health_rule_name", "healthrule", "health_rule", "policy_name"),
        healthrule.text("name"),
        told("displayName", "description", "summary", "title"),
    )
    if not name:
        raise Malformed(Fault("event_name", "is needed"))
    kind = told("event_type", "eventTypeKey", "type").lower()
    asset = told(
        "node_name",
        "node",
        "affected_entity_name",
        "app_name",
        "application_name",
        "application",
        "tier_name",
    )
    asset = first(event.inner("node").text("name"), asset, event.inner("application").text("name"))
    controller = told("controller", "controller_name", "account", "account_name", "client")
    return Alert(
        asset_name=asset or controller or "AppDynamics",
        signature=name,
        tool=TOOL,
        status=_status(kind, told("status", "state").lower()),
        severity_word=severity(told("severity", "event_severity"), _severity(kind)),
        message=told("summary", "event_message", "summaryMessage", "message", "description", most=MESSAGE),
        occurred_at=moment(event.value("event_time", "eventTime", "timestamp")),
        dedup_key=identity(told("incident_key", "incident_id") or event.inner("incident").text("id")),
        labels=kept(
            application=told("app_name", "application_name"),
            tier=told("tier_name", "tier"),
            controller=controller,
            policy=told("policy_name"),
        ),
        link=link(
            *(
                place.value("deep_link", "deepLink", "event_url", "incident_url", "client_url", "url")
                for place in places
            )
        ),
        asset_note=None if asset else "the event names no node and no application; the controller stands in",
    )


def _status(kind: str, state: str) -> AlertStatus:
    if _NOTICE.search(kind):
        return AlertStatus.NOTICE
    return AlertStatus.RESOLVED if _OVER.search(kind or state) else AlertStatus.FIRING


def _severity(kind: str) -> str:
    return next((word for word in ("critical", "warning") if word in kind), "")

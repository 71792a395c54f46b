"""SolarWinds Orion's "Send a GET or POST Request": a customer's template, one for the trigger and one for the reset."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from engine.alert import Alert, AlertStatus
from integrations.sources.fields import Fields, first, folded, identity, kept, link
from integrations.sources.monitored import FIRING, NOTICE, RESOLVED, entries, named, needed, status_of, tenant
from integrations.sources.reading import MESSAGE, moment, text

TOOL = "solarwinds"
_ACTIONS = {"create": FIRING, "trigger": FIRING, "triggered": FIRING, "escalate": FIRING, "resolve": RESOLVED,
            "resolved": RESOLVED, "reset": RESOLVED, "clear": RESOLVED, "cleared": RESOLVED, "close": RESOLVED,
            "acknowledge": NOTICE, "acknowledged": NOTICE, "note": NOTICE, "update": NOTICE,
            "test": NOTICE}  # fmt: skip
_NODES = (
    "NodeName",
    "node",
    "NodeCaption",
    "SysName",
    "host",
    "hostname",
    "NodeIP",
    "IP_Address",
    "IPAddress",
)
_OBJECTS = (
    "ObjectName",
    "EntityCaption",
    "EntityName",
    "InterfaceName",
    "ApplicationName",
    "VolumeName",
    "Caption",
)


def parse(body: Any, _headers: Mapping[str, str]) -> list[Alert]:
    """Raises Malformed when a body says neither which alert it is nor of what."""
    return [_one(said) for said in entries(body)]


def _one(said: Fields) -> Alert:
    node, part = named(said, *_NODES), named(said, *_OBJECTS)
    name = named(
        said,
        "AlertName",
        "AlertDefinitionName",
        "alert",
        "title",
        "summary",
        "AlertDescription",
        "description",
    )
    about = said.text(
        "AlertMessage", "NotificationMessage", "message", "AlertDescription", "description", most=MESSAGE
    )
    number, thing = said.text("AlertID", "AlertDefID", "AlertDefinitionID"), said.text("AlertObjectID")
    signature = first(name, about[:500])
    if not first(node, part, signature):
        raise needed("NodeName", "AlertName", "AlertMessage")
    asset = first(node, part)
    if part and part != asset:
        signature = text(f"{signature} {part}".strip())
    return Alert(
        asset_name=first(asset, "SolarWinds"),
        signature=first(signature, "alert without a name"),
        tool=TOOL,
        status=_status(said),
        severity_word=said.text("Severity", "AlertSeverity", "priority", most=100) or None,
        message=about,
        occurred_at=moment(said.value("AlertTriggerTime", "TriggeredDateTime", "timestamp", "datetime")),
        dedup_key=_key(thing, number, asset, part),
        labels=kept(
            alert_id=first(number, thing),
            object=part,
            object_type=said.text("ObjectType", "EntityType", "InstanceType"),
            ip=said.text("IP_Address", "IPAddress", "NodeIP"),
            trigger_count=said.text("AlertTriggerCount"),
        )
        | tenant(said),
        link=link(
            *(said.text(one, most=2000) for one in ("AlertDetailsUrl", "DetailsUrl", "NodeDetailsUrl", "url"))
        ),
        asset_note=None if asset else "the template has no node; SolarWinds itself stands in",
    )


def _key(thing: str, number: str, asset: str, part: str) -> str | None:
    """An alert on an object has a number that lasts; an alert's own number is the same on all nodes."""
    if thing:
        return identity("object", thing)
    return identity(number, asset, part or "-")


def _status(said: Fields) -> AlertStatus:
    action = folded(said.text("ActionType", "action", "event_type", "EventType", "event", "event_action"))
    if action:
        return _ACTIONS.get(action) or status_of(action) or FIRING
    if said.word("Acknowledged") in ("true", "yes", "1") and said.text("AcknowledgedBy"):
        return NOTICE
    return status_of(re.sub(r"[_-]", " ", said.word("AlertStatus", "status", "state"))) or FIRING

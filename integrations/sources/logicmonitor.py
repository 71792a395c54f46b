"""LogicMonitor's Custom HTTP Delivery: the body is a template of the customer, over tokens such as ##ALERTSTATUS##.

A token that does not apply to an alert stays in the body as it is (`##EVENTCODE##`): such a value says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.alert import Alert, AlertStatus
from integrations.sources.fields import Fields, link
from integrations.sources.reading import MESSAGE, key, moment
from integrations.sources.shapes import each, missing, plain

TOOL = "logicmonitor"
_HOSTS = (
    "host",
    "hostname",
    "host name",
    "device",
    "device name",
    "display name",
    "system displayname",
    "website",
)
_STAND_INS = (
    "host ips",
    "system ips",
    "device ips",
    "ip",
    "host group",
    "device group",
    "group",
    "agent",
    "collector",
    "service",
)
_STATES = ("alert status", "status", "alert state", "state", "lm alert status")
_MESSAGES = ("message", "alert message", "event msg", "detail", "description")
_LINKS = ("alert detail url", "alert url", "logicmonitor url", "url", "link")
_LEVELS = {"1": "warning", "2": "warning", "3": "error", "4": "critical"}
_RESOLVED = {"clear", "cleared", "resolved", "closed", "ok"}
_NOTICES = {"ack", "acked", "acknowledged", "test", "sdt", "insdt", "note", "noteadded", "comment"}


def parse(body: Any, _headers: Mapping[str, str]) -> list[Alert]:
    """Raises Malformed when a body names neither a host nor what is wrong."""
    return each(body, lambda said: _one(_without_tokens(said)))


def _one(said: Fields) -> Alert:
    asset, signature = said.text(*_HOSTS), _signature(said)
    if not asset and not signature:
        raise missing("host", "datasource", "eventsource", "message")
    level = said.text("level", "error level", "severity", "alert level", "priority", most=100).lower()
    state = said.text(*_STATES).lower()
    return Alert(
        asset_name=asset or said.text(*_STAND_INS) or "unnamed",
        signature=signature or "alert without a name",
        tool=TOOL,
        status=_status(state),
        severity_word=_LEVELS.get(level, level) or None,
        message=said.text(*_MESSAGES, most=MESSAGE),
        occurred_at=moment(said.text("start epoch", "start", "date")),
        dedup_key=key(said.text("internal id", "alert id", "X-S4-ExternalID", "id")) or None,
        labels=plain(said, leaving=_MESSAGES),
        link=link(*(said.value(name) for name in _LINKS)),
        asset_note=None if asset else "the alert names no host; its address or group stands in",
    )


def _signature(said: Fields) -> str:
    source = said.text("datasource", "ds name", "datasource name", "eventsource", "batch job")
    instance = said.text("instance", "instance name", "ds instance")
    point = said.text("datapoint", "dp name", "datapoint name", "checkpoint") if source else ""
    if instance.lower() in source.lower():
        instance = ""
    return " ".join(filter(None, (source, instance, point))) or said.text(*_MESSAGES, "alert type")


def _status(state: str) -> AlertStatus:
    plain = "".join(filter(str.isalpha, state))
    if plain in _RESOLVED:
        return AlertStatus.RESOLVED
    return AlertStatus.NOTICE if plain in _NOTICES else AlertStatus.FIRING


def _without_tokens(said: Fields) -> Fields:
    return Fields({name: one for name, one in said.raw.items() if not _is_token(one)})


def _is_token(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("##") and value.endswith("##")

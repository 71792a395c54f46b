"""Elastic: a Kibana rule's webhook connector (nested `rule`, `alert`, `context`, or the same names flat, as the
customer wrote them), a rule's summary of alerts, and Watcher (`watch_id`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from engine.alert import Alert, AlertStatus
from integrations.sources.fields import Fields, link
from integrations.sources.reading import MESSAGE, key, moment
from integrations.sources.shapes import each, missing, plain, spread

TOOL = "elastic"
_NAMES = (
    "rule name",
    "alert name",
    "rule",
    "alert rule name",
    "name",
    "title",
    "watch name",
    "metadata name",
    "alert rule",
)
_HOSTS = ("context host name", "host name", "host hostname", "hostname", "host", "context hostname", "context host",
          "context monitor name", "monitor name", "agent name", "context agent name", "context service name",
          "service name", "context group", "group")  # fmt: skip
_STATES = ("alert status", "status", "alert state", "state", "event action", "event type", "alert action group",
           "action group", "alert action group name")  # fmt: skip
_GROUPS = ("alert action group", "action group", "alert action group name", "context alert state")
_SEVERITIES = (
    "alert severity",
    "severity",
    "context severity",
    "rule severity",
    "context rule severity",
    "priority",
    "level",
)
_MESSAGES = (
    "alert reason",
    "reason",
    "context reason",
    "message",
    "context message",
    "context title",
    "description",
    "text",
)
_LINKS = ("context alert details url", "alert details url", "alert url", "rule url", "url", "link")
_RESOLVED = re.compile(r"\b(?:recovered|resolved?|ok|closed?|inactive)\b")
_NO_DATA = re.compile(r"no\s?data", re.I)
_NO_HOST = re.compile(
    r"^(?:\*|query matched|threshold met|all documents|.*[0-9a-f]{8}-[0-9a-f]{4}-.*)$", re.I
)
"""Alert ids of rules that group by nothing."""


def parse(body: Any, _headers: Mapping[str, str]) -> list[Alert]:
    """Raises Malformed when a body names neither a rule nor a watch nor an alert."""
    return each(body, _one)


def _one(said: Fields) -> Alert | list[Alert]:
    groups = said.inner("alerts")
    lists = [(name, groups.inner(name).each("data")) for name in ("new", "ongoing", "recovered")]
    if any(data for _, data in lists):
        return [
            _alert(_summed(said, one), ended=name == "recovered")
            for name, data in lists
            for one in data[:1000]
        ]
    watch = said.inner("ctx")
    return _alert(spread((watch or said).raw))


def _alert(said: Fields, *, ended: bool = False) -> Alert:
    watch = said.text("watch id")
    name = said.text(*_NAMES) or watch
    alert_id = said.text("alert id", "alert instance id", "instance id")
    if not name and not alert_id:
        raise missing("rule.name", "alert.id", "watch_id")
    rule = said.text("rule id") or watch or name
    asset = said.text(*_HOSTS)
    stand_in = alert_id if alert_id and not _NO_HOST.match(alert_id) else ""
    return Alert(
        asset_name=asset or stand_in or name or "Elastic",
        signature=name or "alert without a rule",
        tool=TOOL,
        status=AlertStatus.RESOLVED if ended else _status(said),
        severity_word=said.text(*_SEVERITIES, most=100) or None,
        message=said.text(*_MESSAGES, most=MESSAGE),
        occurred_at=moment(
            said.value("date", "context timestamp", "timestamp", "execution time", "@timestamp")
        ),
        dedup_key=key(f"{rule} {alert_id or asset}".lower()),
        labels=plain(said, leaving=_MESSAGES),
        link=link(*(said.value(name) for name in _LINKS)),
        asset_note=None if asset else "the alert names no host; its id or its rule stands in",
    )


def _summed(said: Fields, one: Fields) -> Fields:
    """One alert of a summary: a document whose names begin with `kibana.alert`."""
    document = spread(one.raw)
    plain = {re.sub(r"^kibana\W?alert\W?", "alert ", name): value for name, value in document.raw.items()}
    rule = said.inner("rule")
    return Fields(
        {
            "rule name": document.text("kibana alert rule name") or rule.text("name"),
            "rule id": document.text("kibana alert rule uuid") or rule.text("id"),
            "rule url": rule.text("url"),
            "alert id": document.text("kibana alert instance id"),
            **plain,
        }
    )


def _status(said: Fields) -> AlertStatus:
    if any(_NO_DATA.search(said.text(name)) for name in _GROUPS):
        return AlertStatus.NO_DATA
    state = next((found for name in _STATES if (found := said.text(name))), "")
    if _RESOLVED.search(re.sub(r"[^a-z]+", " ", state.lower())):
        return AlertStatus.RESOLVED
    return AlertStatus.NOTICE if state.lower().startswith("ack") else AlertStatus.FIRING

"""Datadog: the body is what the customer wrote into the webhook's payload, over variables such as $ALERT_TRANSITION;
the template of our guide comes first, the variables' own names and the default payload next.

A monitor that tells of missing data does so because somebody asked for it: that fires.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from engine.alert import Alert, AlertStatus
from integrations.sources.fields import Fields, bodies, first, identity, kept, link, severity, tags
from integrations.sources.reading import MESSAGE, Fault, Malformed, labels, moment

TOOL = "datadog"
_TITLES = ("alert_title", "monitor_name", "title", "event_title", "name", "subject")
_HOSTS = (
    "host",
    "hostname",
    "host_name",
    "instance",
    "device",
    "pod_name",
    "kube_node",
    "instance_id",
    "dbinstanceidentifier",
)
_STAND_INS = ("service", "kube_deployment", "cluster_name", "url", "application", "env")
_BRACKETS = re.compile(r"^\s*(?:\[[^\]]{0,400}\]\s*)+")
_STATE = re.compile(
    r"^\s*(?:re-?)?(?:triggered|recovered|warn(?:ing)?|no data|alert|ok|resolved)\s*[:!-]\s+", re.IGNORECASE
)
_IN_TITLE = re.compile(r"\bhost(?:name)?:\s*([^\s,}\])]{1,200})")
_RECOVERED = re.compile(r"^\s*\[?\s*(?:recovered|resolved|ok\b)", re.IGNORECASE)
_OVER = {"recovered", "recovery", "ok", "resolved", "success", "okay"}
_PRIORITY = re.compile(r"p?[1-5]", re.IGNORECASE)


def parse(body: Any, _headers: Mapping[str, str]) -> list[Alert]:
    """Raises Malformed when there is no title of any kind."""
    return [_one(fields) for fields in bodies(body)]


def _one(fields: Fields) -> Alert:
    monitor = fields.inner("monitor", "alert")
    title = first(fields.text(*_TITLES), monitor.text("name", "title"))
    name = _STATE.sub("", _BRACKETS.sub("", title)).strip() or title
    if not name:
        raise Malformed(Fault("alert_title", "is needed; or `title`, or `monitor.name`"))
    scope = first(fields.text("alert_scope", "scope"), monitor.text("scope"))
    named = {
        **tags(scope if scope != "*" else ""),
        **tags(fields.value("tags", "event_tags")),
        **tags(monitor.value("tags")),
    }
    asset, note = _asset(fields, named, title, scope)
    organisation = fields.inner("org", "organization")
    return Alert(
        asset_name=asset,
        signature=name,
        tool=TOOL,
        status=_status(fields, monitor, title),
        severity_word=_severity(fields, monitor),
        message=fields.text("text_only_msg", "message", "event_msg", "text", "body", "msg", most=MESSAGE),
        occurred_at=moment(fields.value("date", "last_updated", "date_happened", "timestamp")),
        dedup_key=_key(fields, monitor, scope),
        labels={
            **labels(named),
            **kept(
                organisation=first(organisation.text("name"), fields.text("org_name")),
                organisation_id=first(organisation.text("id"), fields.text("org_id")),
            ),
        },
        link=link(fields.value("link"), fields.value("url"), fields.value("event_url"), monitor.value("url")),
        asset_note=note,
    )


def _asset(fields: Fields, named: Mapping[str, str], title: str, scope: str) -> tuple[str, str | None]:
    inside = _IN_TITLE.search(title)
    found = first(
        fields.text("hostname", "host", "host_name"),
        Fields(named).text(*_HOSTS),
        inside.group(1) if inside else "",
    )
    if found:
        return found, None
    stand_in = first(Fields(named).text(*_STAND_INS), scope if scope != "*" else "", "Datadog")
    return stand_in, f"the monitor names no host; {stand_in} stands in"


def _status(fields: Fields, monitor: Fields, title: str) -> AlertStatus:
    """The transition decides; without one the state, then the title's first word, then the kind of event."""
    word = first(
        fields.word("alert_transition", "transition"),
        fields.word("alert_state", "monitor_state", "state", "status"),
        monitor.word("status", "state", "transition"),
    )
    if word:
        return AlertStatus.RESOLVED if word in _OVER else AlertStatus.FIRING
    if _RECOVERED.match(title) or fields.word("alert_type", "event_type") in _OVER:
        return AlertStatus.RESOLVED
    return AlertStatus.FIRING


def _severity(fields: Fields, monitor: Fields) -> str | None:
    priority = first(fields.text("alert_priority", "priority", "severity"), monitor.text("priority"))
    if _PRIORITY.fullmatch(priority):
        return f"P{priority[-1]}"
    named = first(fields.text("alert_type", "severity"), monitor.text("type"))
    return severity(named if named.lower() != "success" else "", priority)


def _key(fields: Fields, monitor: Fields, scope: str) -> str | None:
    number = first(fields.text("alert_id", "monitor_id"), monitor.text("id"))
    return (
        identity(fields.text("alert_cycle_key", "cycle_key"))
        or identity(fields.text("aggreg_key", "aggregation_key"))
        or identity("monitor", number, scope or "*")
    )

"""Grafana: unified alerting (9 and later) posts in Alertmanager's form with more to it; legacy alerting (before 9)
posts the state of one rule.

A recovery of legacy alerting has no `evalMatches` and so names no host: the rule's id pairs it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from engine.alert import Alert, AlertStatus
from integrations.sources import alertmanager
from integrations.sources.fields import Fields, bodies, first, identity, lines, link, severity, tags
from integrations.sources.reading import MESSAGE, Fault, Malformed, labels, text

TOOL = "grafana"
_HOSTS = (
    "instance",
    "host",
    "hostname",
    "server",
    "node",
    "pod",
    "container",
    "info.host_id",
    "device",
    "service",
)
_STATES = {
    "ok": AlertStatus.RESOLVED,
    "resolved": AlertStatus.RESOLVED,
    "normal": AlertStatus.RESOLVED,
    "no_data": AlertStatus.NO_DATA,
    "nodata": AlertStatus.NO_DATA,
    "unknown": AlertStatus.NO_DATA,
    "paused": AlertStatus.NOTICE,
    "pending": AlertStatus.NOTICE,
}
_STATE_WORD = re.compile(r"^\s*(?:\[[^\]]{1,40}\]\s*)+")
_IN_VALUES = re.compile(r"\b(?:instance|host|hostname|node|pod)=\"?([^,}\"\s]{1,200})")


def parse(body: Any, headers: Mapping[str, str]) -> list[Alert]:
    """Raises Malformed when it is neither of the two."""
    if isinstance(body, list) or (isinstance(body, Mapping) and isinstance(body.get("alerts"), list)):
        items = body if isinstance(body, list) else body["alerts"]
        return [
            _unified(alert, item)
            for alert, item in zip(alertmanager.parse(body, headers), items, strict=True)
        ]
    return [_legacy(fields) for fields in bodies(body)]


def _unified(alert: Alert, item: Mapping[str, Any]) -> Alert:
    """That a rule has no data, or an error, is an alert which somebody asked for: it has that in its name."""
    rule = Fields(alert.labels).text("rulename")
    about_data = alert.signature.startswith("Datasource")
    found = replace(
        alert,
        tool=TOOL,
        signature=text(f"{alert.signature}: {rule}") if rule and about_data else alert.signature,
        link=link(item.get("panelURL"), item.get("dashboardURL"), item.get("generatorURL")),
    )
    if alert.asset_note is None:
        return found
    named = _IN_VALUES.search(text(item.get("valueString"), 20_000))
    if named:
        return replace(
            found, asset_name=named.group(1), asset_note="found in the measured values, not in a label"
        )
    folder = Fields(alert.labels).text("grafana_folder")
    return replace(
        found,
        asset_name=folder or "Grafana",
        asset_note="the alert names no host; "
        + ("its folder" if folder else "Grafana itself")
        + " stands in",
    )


def _legacy(fields: Fields) -> Alert:
    name = fields.text("ruleName") or _STATE_WORD.sub("", fields.text("title"))
    if not name:
        raise Malformed(Fault("alerts", "is needed: a list of alerts, or a `ruleName` with its `state`"))
    matches = fields.each("evalMatches")
    named = tags(matches[0].value("tags")) if matches else {}
    asset = Fields(named).text(*_HOSTS)
    own = tags(fields.value("tags"))
    more = f"; {len(matches) - 1} more match" if len(matches) > 1 else ""
    measured = ", ".join(f"{one.text('metric')} = {one.text('value')}" for one in matches[:5])
    message = fields.text("message", "title", most=MESSAGE)
    return Alert(
        asset_name=asset or "Grafana",
        signature=name,
        tool=TOOL,
        status=_STATES.get(fields.word("state"), AlertStatus.FIRING),
        severity_word=severity(Fields(own).text("severity", "priority", "level")),
        message=lines(message, f"{measured}{more}"),
        dedup_key=identity("rule", fields.text("orgId") or "-", first(fields.text("ruleId"), name)),
        labels=labels({**named, **own}),
        link=link(fields.value("ruleUrl")),
        asset_note=None if asset else "the rule names no host; Grafana itself stands in",
    )

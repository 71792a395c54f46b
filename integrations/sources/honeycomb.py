"""Honeycomb triggers and burn alerts: the default payload, templates over its variables, a flat form without ids."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.alert import Alert, AlertStatus
from integrations.sources.fields import Fields, bodies, first, identity, kept, link, severity, tags
from integrations.sources.reading import MESSAGE, Fault, Malformed, labels, moment

TOOL = "honeycomb"
_OVER = {"ok", "resolved", "recovered", "closed", "normal"}
_NAMES = ("name", "alert_name", "trigger_name", "title")
_HOSTS = (
    "host",
    "hostname",
    "host.name",
    "server",
    "instance",
    "service.name",
    "k8s.pod.name",
    "service_name",
)


def parse(body: Any, _headers: Mapping[str, str]) -> list[Alert]:
    """Raises Malformed when there is no name."""
    return [_one(fields) for fields in bodies(body)]


def _one(fields: Fields) -> Alert:
    alert = fields.inner("alert")
    name = first(fields.text(*_NAMES), alert.text(*_NAMES), fields.inner("trigger", "slo").text("name"))
    if not name:
        raise Malformed(Fault("name", "is needed; or `alert_name`"))
    environment = first(fields.inner("environment").text("name", "slug"), fields.text("environment"))
    group = _group(fields) or _group(alert)
    dataset = first(
        fields.text("dataset", "dataset_name", "dataset_slug"), fields.inner("dataset").text("name", "slug")
    )
    asset = first(environment, group.text(*_HOSTS))
    status = first(alert.word("status", "state"), fields.word("status", "state"))
    number = first(fields.text("id", "trigger_id", "alert_id"), fields.inner("trigger", "slo").text("id"))
    return Alert(
        asset_name=asset or dataset or "Honeycomb",
        signature=name,
        tool=TOOL,
        status=AlertStatus.RESOLVED if status in _OVER else AlertStatus.FIRING,
        severity_word=severity(fields.text("severity", "alert_severity"), alert.text("severity")),
        message=first(
            alert.text("summary", "description", most=MESSAGE),
            fields.text("summary", "description", most=MESSAGE),
        ),
        occurred_at=moment(alert.value("timestamp") or fields.value("timestamp", "time")),
        dedup_key=identity(number or name, environment or "-"),
        labels={
            **labels(group.raw),
            **kept(environment=environment, dataset=dataset, team=fields.text("team")),
        },
        link=link(*(one.value("result_url", "trigger_url", "url") for one in (alert, fields))),
        asset_note=None if asset else "the trigger names no environment; its dataset stands in",
    )


def _group(fields: Fields) -> Fields:
    """What the query is broken down by, of the first group that crossed the threshold."""
    groups = fields.each("result_groups_triggered", "groups_triggered", "result_groups")
    return Fields(tags(groups[0].value("group", "values")) if groups else {})

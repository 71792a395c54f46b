"""Prometheus Alertmanager's webhook, versions 3 and 4, and what posts in its form: each of `alerts[]` is an alert of
its own. A single alert, or a list of them, without the envelope is taken too.

The envelope's status is of the group: it counts only for an alert that has none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from engine.alert import Alert, AlertStatus
from integrations.sources.fields import Fields, link
from integrations.sources.reading import MESSAGE, Fault, Malformed, key, labels, moment, text

TOOL = "alertmanager"
MOST_ALERTS = 5_000
"""A group is larger than what a person writes; more than this does not fit in 1 MiB with real labels."""
_ASSETS = (
    "instance",
    "host",
    "hostname",
    "node",
    "nodename",
    "pod",
    "object_name",
    "device",
    "target",
    "container",
    "service",
    "job_name",
    "job",
)  # fmt: skip
_SEVERITIES = ("severity", "priority", "level")
_MESSAGES = ("summary", "description", "message", "title")
_VARYING = {"value", "timestamp"}


def parse(body: Any, _headers: Mapping[str, str]) -> list[Alert]:
    """Raises Malformed when there is no list of alerts, or when one of them has no labels."""
    items, envelope = _items(body)
    if len(items) > MOST_ALERTS:
        raise Malformed(
            Fault("alerts", f"{len(items):,} alerts; at most {MOST_ALERTS:,} are taken from one body")
        )
    shared, notes = labels(envelope.get("commonLabels")), labels(envelope.get("commonAnnotations"))
    faults = [
        Fault(f"alerts[{number}]", "must be an object with labels")
        for number, item in enumerate(items)
        if not isinstance(item, Mapping)
        or not isinstance(item.get("labels"), Mapping)
        or not (item["labels"] or shared)
    ]
    if faults:
        raise Malformed(*faults)
    return [_one(item, shared, notes, envelope) for item in items]


def _items(body: Any) -> tuple[list[Any], Mapping[str, Any]]:
    if isinstance(body, list):
        return body, {}
    if isinstance(body, Mapping):
        if isinstance(body.get("alerts"), list):
            return body["alerts"], body
        if isinstance(body.get("labels"), Mapping):
            return [body], {}
    raise Malformed(Fault("alerts", "is needed and must be a list"))


def _one(
    item: Mapping[str, Any], shared: dict[str, str], notes: dict[str, str], envelope: Mapping[str, Any]
) -> Alert:
    named = {**shared, **labels(item["labels"])}
    said = {**notes, **labels(item.get("annotations"))}
    source = next((name for name in _ASSETS if named.get(name)), None)
    asset = named[source] if source else Fields(named).text(*_ASSETS)
    resolved = text(item.get("status") or envelope.get("status")).lower() == "resolved"
    message = " — ".join(dict.fromkeys(said[name] for name in _MESSAGES if said.get(name)))
    word = next((each[name] for each in (named, said) for name in _SEVERITIES if each.get(name)), None)
    word = word or Fields(named).text(*_SEVERITIES)
    return Alert(
        asset_name=text(asset or text(envelope.get("receiver")) or "unnamed"),
        signature=text(
            named.get("alertname")
            or Fields(named).text("alertname", "alert")
            or said.get("summary")
            or "alert without a name"
        ),
        tool=TOOL,
        status=AlertStatus.RESOLVED if resolved else AlertStatus.FIRING,
        severity_word=text(word, 100) or None,
        message=text(message, MESSAGE),
        occurred_at=moment(item.get("endsAt") if resolved else item.get("startsAt")),
        dedup_key=key(item.get("fingerprint")) or _identity(named),
        labels=named,
        link=link(item.get("generatorURL")),
        asset_note=None if asset else "the alert names no asset; its receiver stands in",
    )


def _identity(named: Mapping[str, str]) -> str:
    """Version 3 has no fingerprint: the labels are the identity, as they are for Prometheus."""
    basis = "\x00".join(f"{name}={named[name]}" for name in sorted(named) if name not in _VARYING)
    return hashlib.sha256(basis.encode()).hexdigest()[:32]

"""Prometheus Alertmanager's webhook, versions 3 and 4: each of `alerts[]` is an alert of its own.

The envelope's status is of the group, not of the alert, and is not used.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from engine.alert import Alert, AlertStatus
from integrations.sources.reading import MESSAGE, NAME, Fault, Malformed, labels, moment, text

TOOL = "alertmanager"
_ASSETS = tuple(
    [
        "instance",
        "host",
        "hostname",
        "node",
        "nodename",
        "pod",
        "object_name",
        "device",
        "service",
        "job_name",
        "job",
    ]
)
_MESSAGES = ("summary", "description", "message", "title")
_VARYING = {"value", "timestamp"}


def parse(body: Any, _headers: Mapping[str, str]) -> list[Alert]:
    """Raises Malformed when there is no list of alerts or one of them has no labels."""
    if not isinstance(body, Mapping) or not isinstance(body.get("alerts"), list):
        raise Malformed(Fault("alerts", "is needed and must be a list"))
    shared = labels(body.get("commonLabels"))
    notes = labels(body.get("commonAnnotations"))
    faults = [
        Fault(f"alerts[{number}]", "must be an object with labels")
        for number, item in enumerate(body["alerts"])
        if not isinstance(item, Mapping) or not isinstance(item.get("labels", {}), Mapping | None)
    ]
    if faults:
        raise Malformed(*faults)
    return [_one(item, shared, notes, body) for item in body["alerts"]]


def _one(
    item: Mapping[str, Any], shared: dict[str, str], notes: dict[str, str], body: Mapping[str, Any]
) -> Alert:
    named = {**shared, **labels(item.get("labels"))}
    said = {**notes, **labels(item.get("annotations"))}
    source = next((name for name in _ASSETS if named.get(name)), None)
    asset = named[source] if source else text(body.get("receiver")) or "unnamed"
    resolved = text(item.get("status")).lower() == "resolved"
    message = " — ".join(dict.fromkeys(said[name] for name in _MESSAGES if said.get(name)))
    return Alert(
        asset_name=text(asset, NAME),
        signature=named.get("alertname") or said.get("summary") or "alert without a name",
        tool=TOOL,
        status=AlertStatus.RESOLVED if resolved else AlertStatus.FIRING,
        severity_word=named.get("severity") or named.get("priority") or None,
        message=text(message, MESSAGE),
        occurred_at=moment(item.get("endsAt") if resolved else item.get("startsAt")),
        dedup_key=text(item.get("fingerprint"), 200) or _identity(named),
        labels=named,
        link=text(item.get("generatorURL"), 2000) or None,
        asset_note=None if source else "the alert names no asset; its receiver stands in",
    )


def _identity(named: Mapping[str, str]) -> str:
    """Version 3 has no fingerprint: the labels are the identity, as they are for Prometheus."""
    basis = "\x00".join(f"{name}={named[name]}" for name in sorted(named) if name not in _VARYING)
    return hashlib.sha256(basis.encode("utf-8", "replace")).hexdigest()[:32]

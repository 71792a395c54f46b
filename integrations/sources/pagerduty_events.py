"""The PagerDuty Events API, version 2 (events and changes) and 1: what tools send that were made to page people.

An acknowledgement and a change are notices. Who sends no `dedup_key` is given one: the same source and summary give the
same, so that a repeat is the same alert.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from engine.alert import Alert, AlertStatus, normal_signature
from integrations.sources.fields import Fields, bodies, first, identity, kept, link, severity
from integrations.sources.reading import MESSAGE, Fault, Malformed, key, labels, moment, text

TOOL = "pagerduty-events"
_STATUS = {
    "trigger": AlertStatus.FIRING,
    "acknowledge": AlertStatus.NOTICE,
    "resolve": AlertStatus.RESOLVED,
}
_SEVERITIES = ("critical", "error", "warning", "info")
_HOSTS = ("host", "hostname", "host_name", "server", "instance", "source", "node")


def parse(body: Any, _headers: Mapping[str, str]) -> list[Alert]:
    """Raises Malformed in the words of that API."""
    return [_one(fields) for fields in bodies(body)]


def _one(event: Fields) -> Alert:
    if "event_action" in event or "event_type" not in event:
        payload = event.inner("payload")
        changes = "event_action" not in event and bool(payload)
        return _change(event, payload) if changes else _event(event, payload)
    return _first_version(event)


def _event(event: Fields, payload: Fields) -> Alert:
    """An event of version 2; one that only names its key is still whole."""
    action, given = event.word("event_action"), event.text("dedup_key", most=1_000)
    faults: list[Fault] = []
    if action not in _STATUS:
        faults.append(Fault("event_action", "must be one of trigger, acknowledge, resolve"))
    elif action == "trigger":
        faults += [
            Fault(f"payload.{name}", "is missing or blank")
            for name in ("summary", "source")
            if not payload.text(name)
        ]
        if payload.word("severity") not in _SEVERITIES:
            faults.append(Fault("payload.severity", "must be one of critical, warning, error, info"))
    elif not given:
        faults.append(Fault("dedup_key", "is missing or blank"))
    if faults:
        raise Malformed(*faults)
    source, summary = payload.text("source"), payload.text("summary", most=1_024)
    parts = kept(
        component=payload.text("component"),
        group=payload.text("group"),
        kind=payload.text("class"),
        client=event.text("client"),
    )
    return Alert(
        asset_name=source or "PagerDuty event",
        signature=text(first(summary, given, "an event")),
        tool=TOOL,
        status=_STATUS[action],
        severity_word=severity(payload.text("severity")),
        message=_details(payload, summary),
        occurred_at=moment(payload.value("timestamp")),
        dedup_key=key(given) or _made(source, summary, parts),
        labels={**labels(payload.inner("custom_details").raw), **parts},
        link=_links(event),
        asset_note=None if source else "the event names no source; its key stands for it",
    )


def _change(event: Fields, payload: Fields) -> Alert:
    summary = payload.text("summary", most=1_024)
    if not summary:
        raise Malformed(Fault("payload.summary", "is missing or blank"))
    source = payload.text("source")
    return Alert(
        asset_name=source or "PagerDuty event",
        signature=text(summary),
        tool=TOOL,
        status=AlertStatus.NOTICE,
        severity_word="info",
        message=_details(payload, summary),
        occurred_at=moment(payload.value("timestamp")),
        labels=labels(payload.inner("custom_details").raw),
        link=_links(event),
        asset_note=None if source else "the change names no source",
    )


def _first_version(event: Fields) -> Alert:
    action, given = event.word("event_type"), event.text("incident_key", most=1_000)
    what = event.text("description", most=1_024)
    faults: list[Fault] = []
    if action not in _STATUS:
        faults.append(Fault("event_type", "must be one of trigger, acknowledge, resolve"))
    elif action == "trigger" and not what:
        faults.append(Fault("description", "is missing or blank"))
    elif action != "trigger" and not given:
        faults.append(Fault("incident_key", "is missing or blank"))
    if faults:
        raise Malformed(*faults)
    details = event.inner("details")
    asset = details.text(*_HOSTS)
    parts = kept(client=event.text("client"))
    return Alert(
        asset_name=first(asset, event.text("client"), "PagerDuty event"),
        signature=text(first(what, given)),
        tool=TOOL,
        status=_STATUS[action],
        severity_word=severity(details.text("severity", "priority")),
        message=what,
        dedup_key=key(given) or _made(asset, what, parts),
        labels={**labels(details.raw), **parts},
        link=_links(event),
        asset_note=None if asset else "the event names no host; its client stands in",
    )


def _details(payload: Fields, summary: str) -> str:
    told = payload.value("custom_details")
    if isinstance(told, str):
        return first(text(told, MESSAGE), summary)
    return first(
        payload.inner("custom_details").text("message", "description", "details", most=MESSAGE), summary
    )


def _links(event: Fields) -> str | None:
    return link(*(one.value("href") for one in event.each("links", "contexts")), event.value("client_url"))


def _made(source: str, summary: str, parts: Mapping[str, str]) -> str:
    """A key for who sent none, out of what stays the same when it is sent again."""
    basis = identity(
        source or "-", normal_signature(summary), parts.get("component", "-"), parts.get("kind", "-")
    )
    return hashlib.sha256(str(basis).encode("utf-8", "replace")).hexdigest()[:32]

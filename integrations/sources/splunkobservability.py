"""Splunk Observability Cloud (SignalFx): a detector's rule, its dimensions, and `status`. Older and simulated bodies
have no `status` and keep an old `statusExtended`: there the text of the message says that it cleared. Fields may lie
inside `inputs`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from engine.alert import Alert, AlertStatus
from integrations.sources.fields import Fields, link
from integrations.sources.reading import MESSAGE, key, moment
from integrations.sources.shapes import each, missing, plain

TOOL = "splunkobservability"
_HOSTS = ("host", "host name", "hostname", "instance", "k8s node name", "kubernetes node", "instance id",
          "aws unique id", "azure resource id", "gcp id", "device", "server", "k8s pod name",
          "kubernetes pod name", "container name", "service name", "sf service", "service")  # fmt: skip
_RESOLVED = ("ok", "resolved", "stopped", "cleared", "clear")
_ENDED = re.compile(r"\b(?:cleared|stopped|resolved) at\b|\bmanually resolved\b", re.I)
_PAIR = re.compile(r"([\w.\-]{1,100})=([^,{}]{1,300})")


def parse(body: Any, _headers: Mapping[str, str]) -> list[Alert]:
    """Raises Malformed when a body has neither a rule nor a detector nor an incident."""
    return each(body, _one)


def _one(said: Fields) -> Alert:
    inputs = said.inner("inputs")
    dimensions = _dimensions(said, inputs)
    rule = said.text("rule", "rule name") or inputs.text("rule")
    detector = said.text("detector", "detector name") or inputs.text("detector")
    title = said.text("message title") or inputs.text("message title")
    incident = said.text("incident id") or inputs.text("incident id")
    if not (rule or detector or title or incident):
        raise missing("rule", "detector", "incidentId")
    asset = dimensions.text(*_HOSTS)
    body = said.text("message body", "description", most=MESSAGE) or inputs.text("description", most=MESSAGE)
    return Alert(
        asset_name=asset or detector or said.text("originating metric") or "Splunk Observability",
        signature=rule or detector or title or "alert without a rule",
        tool=TOOL,
        status=_status(said.text("status").lower(), f"{title} {body}", said.text("status extended").lower()),
        severity_word=said.text("severity", most=100) or inputs.text("severity", most=100) or None,
        message=body or title,
        occurred_at=moment(said.value("timestamp", "timestamp ISO8601")),
        dedup_key=key(incident) or None,
        labels=plain(
            dimensions,
            {
                "detector": detector,
                "detectorId": said.text("detector id"),
                "originatingMetric": said.text("originating metric"),
                "orgId": said.text("org id", "organization id"),
                "runbookUrl": said.text("runbook url"),
            },
        ),
        link=link(said.value("detector url")),
        asset_note=None if asset else "no dimension names a host; the detector stands in",
    )


def _status(status: str, words: str, extended: str) -> AlertStatus:
    if status:
        ended = any(word in status.split() for word in _RESOLVED)
    else:
        ended = bool(_ENDED.search(words)) or any(word in extended.split() for word in _RESOLVED)
    return AlertStatus.RESOLVED if ended else AlertStatus.FIRING


def _dimensions(said: Fields, inputs: Fields) -> Fields:
    """Those of the alert, then those of each input; a template may have written them as `{host=a, env=b}`."""
    found: dict[str, Any] = {}
    for one in (said.value("dimensions"), *_keys(inputs)):
        pairs = (
            _PAIR.findall(one[:MESSAGE])
            if isinstance(one, str)
            else one.items()
            if isinstance(one, Mapping)
            else ()
        )
        for name, value in pairs:
            found.setdefault(str(name).strip(), value)
    return Fields(found)


def _keys(inputs: Fields) -> Iterator[Any]:
    for one in list(inputs.raw.values())[:50]:
        if isinstance(one, Mapping):
            yield Fields(one).value("key")

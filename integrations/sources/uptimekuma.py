"""Uptime Kuma's webhook: `heartbeat`, `monitor` and `msg`, as JSON or in the form field `data`; or a customer's Liquid
template with `name`, `status`, `hostnameOrURL` and `msg`.

The warning of a certificate or a domain has a monitor and no heartbeat, the button Test has neither.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from engine.alert import Alert, AlertStatus
from integrations.sources.fields import Fields, first, identity, kept, tags
from integrations.sources.monitored import (
    FIRING,
    NOTICE,
    RESOLVED,
    entries,
    named,
    needed,
    numbered,
    site,
    status_of,
)
from integrations.sources.reading import MESSAGE, labels, moment, text

TOOL = "uptimekuma"
_NUMBERS = {"0": FIRING, "1": RESOLVED, "2": NOTICE, "3": NOTICE, "false": FIRING, "true": RESOLVED}
_EXPIRES = re.compile(r"\b(certificate|domain)\b.{0,200}\bexpir", re.IGNORECASE | re.DOTALL)
_TITLE = re.compile(r"^\s*\[(?P<name>.{1,200}?)\]\s*\[[^\]\w]{0,6}(?P<state>up|down|test)\]", re.IGNORECASE)
_BARE = {"https://", "http://", ""}


def parse(body: Any, _headers: Mapping[str, str]) -> list[Alert]:
    """Raises Malformed when a body is neither a monitor's nor a test."""
    return [_one(said.inner("data") or said) for said in entries(body)]


def _one(said: Fields) -> Alert:
    beat, monitor = said.inner("heartbeat", "heartbeatJSON"), said.inner("monitor", "monitorJSON")
    message = first(said.text("msg", "message", "title", most=MESSAGE), beat.text("msg", most=MESSAGE))
    titled = _TITLE.match(message)
    name = first(monitor.text("name", "pathName"), named(said, "name", "monitor_name", "monitor"))
    number = first(beat.text("monitorID", "monitor_id"), monitor.text("id"), said.text("monitorID"))
    asset = site(first(*(_address(one) for one in (monitor, said))))
    if titled and not first(name, asset, number):
        name = titled["name"]
    if not first(name, asset, number):
        return _test(said, message)
    state = first(
        beat.text("status"), said.text("event_type", "status", "state"), titled["state"] if titled else ""
    )
    expires = None if state else _EXPIRES.search(message)
    kind = f"{expires[1].lower()} expires" if expires else text(f"{monitor.text('type')} down".strip())
    status = FIRING if expires else _status(state, message)
    if status is None and beat:
        raise needed("heartbeat.status")
    labelled = tags(monitor.value("tags"))
    return Alert(
        asset_name=first(asset, name, numbered("monitor", number)),
        signature=kind,
        tool=TOOL,
        status=status or NOTICE,
        severity_word=first(*(labelled.get(one, "") for one in ("severity", "priority")))[:100] or None,
        message=message,
        occurred_at=moment(beat.value("time")),
        dedup_key=identity(first(number, name), kind if expires else "down"),
        labels=labels(
            kept(
                monitor_id=number,
                monitor=name,
                monitor_type=monitor.text("type"),
                url=site(_address(monitor)),
                port=monitor.text("port"),
            )
            | labelled
        ),
        asset_note=None if asset else "the monitor has no address; its name stands in",
    )


def _address(fields: Fields) -> str:
    """A ping monitor carries a bare `https://` beside its host name."""
    address = fields.text("url", "hostnameOrURL", "hostname_or_url")
    return first(fields.text("hostname", "host"), "" if address in _BARE else address)


def _status(state: str, message: str) -> AlertStatus | None:
    if state:
        return _NUMBERS.get(state.lower()) or status_of(state) or FIRING
    return status_of(message)


def _test(said: Fields, message: str) -> Alert:
    if not message or not ("heartbeat" in said or "monitor" in said or "test" in message.lower()):
        raise needed("monitor", "heartbeat")
    return Alert(
        asset_name="Uptime Kuma",
        signature="test notification",
        tool=TOOL,
        status=NOTICE,
        message=message,
        asset_note="a test names no monitor; Uptime Kuma itself stands in",
    )

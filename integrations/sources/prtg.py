"""PRTG's "Execute HTTP Action": a customer's template over its placeholders, as a form or as JSON.

`%status` may tell a transition, such as "Down ended (now: Up)" or "Warning ended (now: Down)": what it is now decides.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from engine.alert import Alert, AlertStatus
from integrations.sources.fields import Fields, first, identity, kept, link
from integrations.sources.monitored import (
    FIRING,
    NO_DATA,
    NOTICE,
    RESOLVED,
    entries,
    named,
    needed,
    numbered,
    sentence,
    status_of,
    tenant,
)
from integrations.sources.reading import MESSAGE, moment

TOOL = "prtg"
_NOW = re.compile(r"\bnow:?\s*([^()]{1,40})", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]{0,500}>")
_NUMBERS = {"1": "Unknown", "2": "Unknown", "3": "Up", "4": "Warning", "5": "Down", "7": "Paused", "8": "Paused",
            "9": "Paused", "10": "Unusual", "11": "Paused", "12": "Paused", "13": "Down (Acknowledged)",
            "14": "Down (Partial)"}  # fmt: skip
_FIRING = ("down", "warning", "unusual", "error", "partial")


def parse(body: Any, _headers: Mapping[str, str]) -> list[Alert]:
    """Raises Malformed when a body names neither a sensor nor a device."""
    return [_one(said) for said in entries(body)]


def _one(said: Fields) -> Alert:
    device = named(said, "device", "devicename", "server", "host", "hostname")
    sensor = named(said, "sensor", "sensorname", "name")
    number = said.text("sensorid", "sensor_id", "id", "objectid")
    if not first(device, sensor, number):
        raise needed("sensor", "device", "sensorid")
    state = said.text("status", "state", "laststatus", "sensorstatus")
    now = _now(state)
    about = said.text("message", "lastmessage", "down", "text", most=MESSAGE)
    return Alert(
        asset_name=first(device, sensor, numbered("sensor", number)),
        signature=first(sensor, numbered("sensor", number), "sensor"),
        tool=TOOL,
        status=_status(now),
        severity_word=now.partition(" ")[0][:100] or None,
        message=sentence(state, _TAG.sub(" ", about).strip())[:MESSAGE],
        occurred_at=moment(said.value("datetime", "timestamp", "since")),
        dedup_key=identity(number) or identity(device, sensor),
        labels=kept(
            sensor_id=number,
            group=said.text("group"),
            probe=said.text("probe"),
            location=said.text("location"),
            priority=said.text("priority", "prio"),
            tags=", ".join(said.texts("tags")),
        )
        | tenant(said),
        link=link(
            *(said.text(name, most=2000) for name in ("linksensor", "link", "url", "linkdevice", "sensorurl"))
        ),
        asset_note=None if device else "the template has no device; the sensor's name stands in",
    )


def _now(state: str) -> str:
    """`Down ended (now: Up)` is Up, `Down (Acknowledged)` stays as it is."""
    state = _NUMBERS.get(state, state)
    found = _NOW.search(state)
    return (found[1] if found else state).strip()


def _status(now: str) -> AlertStatus:
    word = now.lower()
    if any(one in word for one in ("acknowledged", "paused", "simulated", "test")):
        return NOTICE
    if word.startswith(("unknown", "no data", "none")):
        return NO_DATA
    if word.startswith(_FIRING):
        return NOTICE if word.endswith("ended") else FIRING
    if word.startswith(("up", "ok")):
        return RESOLVED if not word.endswith("ended") else FIRING
    return status_of(word) or FIRING

"""Cisco Meraki's dashboard alerts. Most troubles end with an alert of another type (`stopped_reporting`,
`started_reporting`; `…_down`, `…_up`): both ends are read as the same trouble. `alertId` is mostly zeros.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from engine.alert import Alert, AlertStatus
from integrations.sources.fields import Fields, link
from integrations.sources.reading import MESSAGE, key, moment, text
from integrations.sources.shapes import each, missing, plain

TOOL = "meraki"
_ENDS = (
    (re.compile(r"\bstarted (?=reporting|responding)|\bstart (?=reporting)"), "stopped "),
    (re.compile(r"\b(?:(?:went|came|come|is|are|back) )*(?:up|online)$"), "down"),
    (re.compile(r"\b(?:re)?connected\b"), "disconnected"),
    (re.compile(r"\bclosed$"), "opened"),
    (re.compile(r"\b(?:restored|recovered|resolved|cleared)$"), "failed"),
)  # fmt: skip
"""How the end of a trouble is spelled, and how its beginning is."""
_BEGINNING = re.compile(r"\b(?:(?:went|go|is|are) )*(?:down|offline)$")
_NOTICES = re.compile(
    r"\bsettings? changed|\bconfig|firmware|\bsplash\b|\bsigned up|\bsignup|\bwebhook test|\badmin"
)
_FINE = ("connectivity", "connected", "reachable", "up", "online")
"""Fields of `alertData` that say by yes or no whether things are well, where one type stands for both ends."""
_PARTS = ("port num", "port", "port id", "num", "supply number", "psu", "slot", "peer ident", "condition id",
          "alert config id", "client mac", "mac", "ssid number", "ssid name")  # fmt: skip
"""What tells apart the parts of one device that may be in trouble at the same time."""


def parse(body: Any, _headers: Mapping[str, str]) -> list[Alert]:
    """Raises Malformed when a body has no alert type."""
    return each(body, _one)


def _one(said: Fields) -> Alert:
    kind = said.text("alert type id", "alert type")
    if not kind:
        raise missing("alertTypeId", "alertType")
    data = said.inner("alert data")
    trouble, ended = _trouble(kind)
    asset = said.text("device name", "device serial")
    stand_in = said.text("network name", "network id", "device mac", "organization name")
    part = next((f"{name} {found}" for name in _PARTS if (found := data.text(name, most=100))), "")
    device = said.text("device serial", "device mac", "device name") if asset else stand_in
    return Alert(
        asset_name=asset or stand_in or "unnamed",
        signature=f"{trouble}: port {data.text('port num', 'port')}" if "port" in part else trouble,
        tool=TOOL,
        status=_status(trouble, ended, data),
        severity_word=said.text("alert level", most=100) or None,
        message=_message(said, data),
        occurred_at=moment(said.value("occurred at", "sent at")),
        dedup_key=key(" ".join(filter(None, (device, trouble, part)))),
        labels=plain(said),
        link=link(said.value("device url") if asset else None, said.value("network url")),
        asset_note=None if asset else "the alert names no device; its network stands in",
    )


def _trouble(kind: str) -> tuple[str, bool]:
    """The name of the trouble, that of its beginning, and whether this is its end."""
    plain = " ".join(kind.lower().replace("_", " ").split())
    for end, beginning in _ENDS:
        if end.search(plain):
            return end.sub(beginning, plain), True
    return _BEGINNING.sub("down", plain), False


def _status(trouble: str, ended: bool, data: Fields) -> AlertStatus:
    if _NOTICES.search(trouble):
        return AlertStatus.NOTICE
    if not ended:
        fine = next((said for name in _FINE if (said := data.text(name).lower()) in ("true", "false")), "")
        ended = fine == "true" or data.text("started alerting").lower() == "false"
    return AlertStatus.RESOLVED if ended else AlertStatus.FIRING


def _message(said: Fields, data: Fields) -> str:
    details = ", ".join(f"{name}: {value}" for name, value in plain(data).items())
    return text(" — ".join(filter(None, (said.text("alert type"), details))), MESSAGE)

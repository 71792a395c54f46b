"""UptimeRobot's webhook: the default variables, as a form or as JSON, or a customer's template with the same variables
under other names. `alertType` decides: 1 down, 2 up, 3 a certificate that expires."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.alert import Alert, AlertStatus
from integrations.sources.fields import Fields, first, identity, kept
from integrations.sources.monitored import (
    FIRING,
    NOTICE,
    RESOLVED,
    entries,
    needed,
    numbered,
    sentence,
    site,
    status_of,
)
from integrations.sources.reading import MESSAGE, moment

TOOL = "uptimerobot"
_TYPES = {"1": FIRING, "2": RESOLVED, "3": FIRING, "4": FIRING, "98": NOTICE, "99": NOTICE}
_CERTIFICATE = ("ssl", "cert", "tls")


def parse(body: Any, _headers: Mapping[str, str]) -> list[Alert]:
    """Raises Malformed when a body names no monitor, or says neither a type of alert nor a state."""
    return [_one(said) for said in entries(body)]


def _one(said: Fields) -> Alert:
    number = said.text("monitorID", "monitor_id", "id")
    address = said.text("monitorURL", "monitor_url", "url", "target")
    name = said.text(
        "monitorFriendlyName", "monitor_friendly_name", "monitor_name", "friendly_name", "name", "monitor"
    )
    if not first(number, address, name):
        raise needed("monitorURL", "monitorFriendlyName", "monitorID")
    type_, word = said.text("alertType", "alert_type", "type"), _word(said)
    status = _status(type_, word)
    kind = _kind(type_, word.lower())
    asset = site(first(address, name))
    return Alert(
        asset_name=first(asset, numbered("monitor", number)),
        signature=kind,
        tool=TOOL,
        status=status,
        message=sentence(word, said.text("alertDetails", "alert_details", "details", "reason", most=MESSAGE))[
            :MESSAGE
        ],
        occurred_at=moment(said.value("alertDateTime", "alert_date_time", "datetime", "timestamp")),
        dedup_key=identity(first(number, site(address), name), kind),
        labels=kept(
            monitor_id=number,
            monitor=name,
            url=site(address),
            tags=", ".join(said.texts("monitorTags", "monitor_tags", "tags")),
            certificate_expires=said.text("sslExpiryDate", "ssl_expiry_date"),
        ),
        link=f"https://dashboard.uptimerobot.com/monitors/{number}" if number.isdigit() else None,
        asset_note=None if address else "the monitor's address is not in the body; its name stands in",
    )


def _word(said: Fields) -> str:
    return said.text(
        "alertTypeFriendlyName", "alert_type_friendly_name", "alertTypeName", "status", "state", most=100
    )


def _status(type_: str, word: str) -> AlertStatus:
    found = _TYPES.get(type_) or status_of(type_) or status_of(word)
    if found is None and not first(type_, word):
        raise needed("alertType", "alertTypeFriendlyName")
    return found or FIRING


def _kind(type_: str, word: str) -> str:
    if type_ == "3" or any(one in f"{type_} {word}".lower() for one in _CERTIFICATE):
        return "certificate expires"
    if type_ == "4" or "domain" in word:
        return "domain expires"
    return "down"

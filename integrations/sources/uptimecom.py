"""Uptime.com's webhook ("Custom Postback URL"): `event` and `data`, and the older flat form with `state`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.alert import Alert, AlertStatus
from integrations.sources.fields import Fields, first, identity, kept, link
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
from integrations.sources.reading import MESSAGE, moment, text

TOOL = "uptimecom"
_EVENTS = {"alert_raised": FIRING, "alert_escalated": FIRING, "alert_cleared": RESOLVED, "alert_resolved": RESOLVED,
           "alert_acknowledged": NOTICE, "alert_ignored": NOTICE, "alert_commented": NOTICE,
           "test": NOTICE}  # fmt: skip


def parse(body: Any, _headers: Mapping[str, str]) -> list[Alert]:
    """Raises Malformed when a body names no check, or says no state."""
    return [_one(said) if said.inner("data") else _flat(said) for said in entries(body)]


def _one(said: Fields) -> Alert:
    data = said.inner("data")
    check, device, alert = data.inner("service", "check"), data.inner("device"), data.inner("alert")
    account, links = data.inner("account"), data.inner("links")
    name = check.text("name", "display_name", "short_name")
    place = first(
        device.text("address", "display_name", "name"), link(check.text("msp_address", most=2000)) or ""
    )
    number, state = check.text("id"), alert.text("state", most=100)
    if not first(place, name, number):
        raise needed("data.device.address", "data.service.name", "data.service.id")
    kind = check.text("monitoring_service_type", "monitoring_service_type_display")
    return Alert(
        asset_name=first(site(place), name, numbered("check", number)),
        signature=text(f"{kind} check".strip()),
        tool=TOOL,
        status=_status(said.word("event"), alert, state, data.inner("global_alert_state")),
        severity_word=state or None,
        message=sentence(name, alert.text("short_output", "output", most=MESSAGE))[:MESSAGE],
        occurred_at=moment(alert.value("created_at") or data.value("date")),
        dedup_key=identity(first(number, name)),
        labels=kept(
            account_id=account.text("id"),
            account=account.text("name"),
            check_id=number,
            check=name,
            check_type=kind,
            locations=", ".join(data.texts("locations")),
            tags=", ".join(check.texts("tags")),
        ),
        link=link(links.text("alert_details", most=2000), links.text("real_time_analysis", most=2000)),
        asset_note=None if place else "the check names no device; its own name stands in",
    )


def _status(event: str, alert: Fields, state: str, everywhere: Fields) -> AlertStatus:
    known = _EVENTS.get(event)
    if known is None and "test" in event:
        return NOTICE
    up = first(alert.text("is_up"), everywhere.text("state_is_up"))
    found = known or {"true": RESOLVED, "false": FIRING}.get(up) or status_of(state)
    if found is None and not first(event, state):
        raise needed("event", "data.alert.state")
    return found or FIRING


def _flat(said: Fields) -> Alert:
    name, number, address = (
        said.text("check_name", "name"),
        said.text("check_id"),
        said.text("check_url", "url"),
    )
    place, state = first(address, said.text("server_name", "address")), said.text("state", "status", most=100)
    if not first(place, name, number):
        raise needed("check_url", "check_name", "check_id")
    if not state:
        raise needed("event", "state")
    kind = said.text("check_type", "type")
    return Alert(
        asset_name=first(site(place), name, numbered("check", number)),
        signature=text(f"{kind} check".strip()),
        tool=TOOL,
        status=status_of(state) or FIRING,
        severity_word=state,
        message=sentence(name, said.text("output", most=MESSAGE))[:MESSAGE],
        occurred_at=moment(said.value("date")),
        dedup_key=identity(first(number, name)),
        labels=kept(
            check_id=number, check=name, check_type=kind, locations=", ".join(said.texts("locations"))
        ),
        asset_note=None if place else "the check names no server; its own name stands in",
    )

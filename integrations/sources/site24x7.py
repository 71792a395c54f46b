"""Site24x7's webhook: the incident parameters, as a form or as JSON, in the names the customer kept.

One signature for DOWN, CRITICAL and TROUBLE of a monitor: its recovery, UP, does not say from which it came.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.alert import Alert
from integrations.sources.fields import Fields, first, identity, kept, link
from integrations.sources.monitored import (
    FIRING,
    NOTICE,
    entries,
    needed,
    numbered,
    sentence,
    site,
    status_of,
    tenant,
)
from integrations.sources.reading import MESSAGE, moment, text

TOOL = "site24x7"
_QUIET = ("maintenance", "suspend", "discover", "test", "acknowledg", "comment")


def parse(body: Any, _headers: Mapping[str, str]) -> list[Alert]:
    """Raises Malformed when a body names no monitor, or says no status."""
    return [_one(said) for said in entries(body)]


def _one(said: Fields) -> Alert:
    name = said.text("MONITORNAME", "monitor_name", "display_name", "name")
    address = said.text("MONITORURL", "monitor_url", "url")
    number = said.text("MONITOR_ID", "monitorid")
    state = said.text("STATUS", "monitor_status", "alert_status", "state", most=100)
    if not first(name, address, number):
        raise needed("MONITORNAME", "MONITORURL", "MONITOR_ID")
    if not state:
        raise needed("STATUS")
    status = NOTICE if any(one in state.lower() for one in _QUIET) else status_of(state) or FIRING
    asset = first(link(address) or "", name, address)
    reason = (
        said.text("INCIDENT_REASON", "reason", "incident_details", most=MESSAGE) if status is FIRING else ""
    )
    places = said.text("FAILED_LOCATIONS", most=MESSAGE) if status is FIRING else ""
    return Alert(
        asset_name=first(asset, numbered("monitor", number)),
        signature=text(f"{said.text('MONITORTYPE', 'monitor_type', 'type')} monitor".strip()),
        tool=TOOL,
        status=status,
        severity_word=state,
        message=sentence(state, reason, places)[:MESSAGE],
        occurred_at=moment(said.value("INCIDENT_TIME_ISO", "OUTAGE_TIME_UNIX_FORMAT", "incident_time")),
        dedup_key=identity(first(number, name, site(address))),
        labels=kept(
            monitor_id=number,
            monitor=name,
            monitor_type=said.text("MONITORTYPE", "monitor_type", "type"),
            url=site(address),
            group=said.text("MONITOR_GROUPNAME", "group_name"),
            business_unit=said.text("BU_NAME"),
            tags=", ".join(said.texts("TAGS", "monitor_tags")),
        )
        | tenant(said),
        link=link(said.text("MONITOR_DASHBOARD_LINK", most=2000), said.text("RCA_LINK", most=2000)),
        asset_note=None if asset else "the body names no monitor; its number stands in",
    )

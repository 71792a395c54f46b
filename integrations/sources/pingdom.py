"""Pingdom: state changes of uptime checks (UP, DOWN) and of transaction checks (SUCCESS, FAILING), and the older
BeepManager form, whose `message` is an object of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.alert import Alert
from integrations.sources.fields import Fields, first, identity, kept
from integrations.sources.monitored import FIRING, entries, named, needed, numbered, sentence, site, status_of
from integrations.sources.reading import MESSAGE, moment, text

TOOL = "pingdom"
_WEB = {"http", "https", "http_custom", "httpcustom"}


def parse(body: Any, _headers: Mapping[str, str]) -> list[Alert]:
    """Raises Malformed when a body names no check, or says no state."""
    return [_one(said.inner("message") or said) for said in entries(body)]


def _one(said: Fields) -> Alert:
    check = said.inner("check_params", "check")
    name = said.text("check_name", "checkname", "name")
    kind = said.text("check_type", "type")
    number = named(said, "check_id", "check")
    host = first(check.text("hostname", "host"), said.text("hostname", "host"))
    address = first(check.text("full_url", "url_full"), said.text("full_url", "url"))
    asset = site(first(address, host) if kind.lower() in _WEB or not host else host)
    state = said.text("current_state", "state", "status")
    if not first(asset, name, number):
        raise needed("check_name", "check_params.hostname", "check_id")
    status = status_of(state or said.text("description"))
    if status is None and not state:
        raise needed("current_state")
    reason = said.text("long_description", "description", "last_error", most=MESSAGE)
    return Alert(
        asset_name=first(asset, name, numbered("check", number)),
        signature=text(name if f"{kind} check".lower() in name.lower() else f"{kind} check {name}".strip()),
        tool=TOOL,
        status=status or FIRING,
        severity_word=said.text("importance_level", "importance", most=100) or None,
        message=sentence(state, reason, said.text("custom_message", most=MESSAGE))[:MESSAGE],
        occurred_at=moment(said.value("state_changed_timestamp", "state_changed_utc_time", "time")),
        dedup_key=identity(number),
        labels=kept(
            check_id=number,
            check_name=name,
            check_type=kind,
            hostname=host,
            tags=", ".join(said.texts("tags")),
            probe=said.inner("first_probe").text("location"),
        ),
        link=f"https://my.pingdom.com/app/reports/uptime#check={number}" if number.isdigit() else None,
        asset_note=None if asset else "the check names no host; its own name stands in",
    )

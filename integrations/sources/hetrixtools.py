"""HetrixTools: uptime (an object), resource usage (an object with `resource_usage`), blacklists (a list of addresses).

`monitor_status` decides for uptime, `blacklisted_now` for a blacklist; the lists of errors may still be filled when all
is well again. Resource usage comes without a recovery.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.alert import Alert
from integrations.sources.fields import Fields, first, identity, kept, link
from integrations.sources.monitored import (
    FIRING,
    RESOLVED,
    entries,
    needed,
    numbered,
    sentence,
    site,
    status_of,
)
from integrations.sources.reading import MESSAGE, moment, text

TOOL = "hetrixtools"
_SHOWN = 12
"""Places or lists that a message names."""


def parse(body: Any, _headers: Mapping[str, str]) -> list[Alert]:
    """Raises Malformed when an object is none of the three."""
    return [_one(said) for said in entries(body)]


def _one(said: Fields) -> Alert:
    if "blacklisted_now" in said or "blacklisted_on" in said:
        return _blacklist(said)
    if not said.text("monitor_id", "monitor_name", "monitor_target"):
        raise needed("monitor_target", "monitor_name", "monitor_id")
    if usage := said.inner("resource_usage"):
        return _usage(said, usage)
    return _uptime(said)


def _uptime(said: Fields) -> Alert:
    state = said.text("monitor_status", "status", most=100)
    if not state:
        raise needed("monitor_status")
    status = status_of(state) or FIRING
    errors = said.inner("monitor_errors").raw if status is FIRING else {}
    places = "; ".join(f"{place}: {text(why)}" for place, why in list(errors.items())[:_SHOWN])
    number, kind = said.text("monitor_id"), said.text("monitor_type")
    asset = site(said.text("monitor_target", "target", "url"))
    name = said.text("monitor_name")
    return Alert(
        asset_name=first(asset, name, numbered("monitor", number)),
        signature=text(f"{kind} down".strip()),
        tool=TOOL,
        status=status,
        message=text(sentence(state, places), MESSAGE),
        occurred_at=moment(said.value("timestamp")),
        dedup_key=identity(first(number, asset, name), "down"),
        labels=_labels(said),
        asset_note=None if asset else "the monitor's target is not in the body; its name stands in",
    )


def _usage(said: Fields, usage: Fields) -> Alert:
    kind, name, number = (
        usage.text("resource_type", "type"),
        said.text("monitor_name"),
        said.text("monitor_id"),
    )
    asset = site(said.text("monitor_target"))
    now, average = usage.text("current_usage"), usage.text("average_usage")
    minutes = usage.text("average_minutes")
    return Alert(
        asset_name=first(asset, name, numbered("monitor", number)),
        signature=text(f"{kind} usage".strip()),
        tool=TOOL,
        status=status_of(said.text("monitor_status", "status") or usage.text("status")) or FIRING,
        message=f"{kind} usage {now} % now, {average} % on average over {minutes} min"[:MESSAGE],
        occurred_at=moment(said.value("timestamp")),
        dedup_key=identity(first(number, name), f"{kind} usage"),
        labels=_labels(said),
        asset_note=None if asset else "resource usage names no host; the monitor's name stands in",
    )


def _blacklist(said: Fields) -> Alert:
    address, label, count = (
        said.text("monitor", "monitor_target"),
        said.text("label"),
        said.text("blacklisted_now"),
    )
    if not first(address, label):
        raise needed("monitor", "label")
    lists = [one.text("rbl") for one in said.each("blacklisted_on")]
    clean = count.strip("0") == "" if count else not lists
    links = said.inner("links")
    names = ", ".join(filter(None, lists[:_SHOWN]))
    return Alert(
        asset_name=first(address, label),
        signature="blacklisted",
        tool=TOOL,
        status=RESOLVED if clean else FIRING,
        message="on no blacklist any more"
        if clean
        else text(sentence(f"on {count or len(lists)} blacklists", names), MESSAGE),
        dedup_key=identity("blacklist", first(address, label)),
        labels=kept(label=label, before=said.text("blacklisted_before"), now=count),
        link=link(links.text("report_link", most=2000), links.text("whitelabel_report_link", most=2000)),
        asset_note=None if address else "the address is not in the body; its label stands in",
    )


def _labels(said: Fields) -> dict[str, str]:
    return kept(
        monitor_id=said.text("monitor_id"),
        monitor=said.text("monitor_name"),
        monitor_type=said.text("monitor_type"),
        category=said.text("monitor_category"),
    )

"""Atlassian Statuspage, as a subscriber of a supplier's page: its incidents, and its components.

Planned maintenance is a notice. Links to unsubscribe are secrets: of them only the page's host is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from engine.alert import Alert
from integrations.sources.fields import Fields, first, identity, kept, link
from integrations.sources.monitored import FIRING, NOTICE, RESOLVED, entries, needed, numbered, sentence
from integrations.sources.reading import MESSAGE, moment, text

TOOL = "statuspage"
_ENDED = {"resolved", "postmortem"}
_PLANNED = {"scheduled", "in_progress", "verifying", "completed"}
_COMPONENT = {
    "operational": (RESOLVED, None),
    "degraded_performance": (FIRING, "minor"),
    "partial_outage": (FIRING, "major"),
    "major_outage": (FIRING, "critical"),
    "under_maintenance": (NOTICE, None),
}
"""The words in which Statuspage itself sums up its components' states."""


def parse(body: Any, _headers: Mapping[str, str]) -> list[Alert]:
    """Raises Malformed when a body holds neither an incident nor a component."""
    return [_one(said) for said in entries(body)]


def _one(said: Fields) -> Alert:
    if incident := said.inner("incident"):
        return _incident(said, incident)
    if component := said.inner("component"):
        return _component(said, component)
    raise needed("incident", "component")


def _incident(said: Fields, incident: Fields) -> Alert:
    name, number = incident.text("name", "title"), incident.text("id")
    if not first(name, number):
        raise needed("incident.name", "incident.id")
    state, impact = incident.word("status"), text(incident.value("impact_override", "impact"), 100).lower()
    if not state:
        raise needed("incident.status")
    updates = incident.each("incident_updates")
    planned = impact == "maintenance" or state in _PLANNED
    page = _page(said, incident.text("shortlink", most=2000))
    hit = ", ".join(filter(None, (one.text("name") for one in incident.each("components")[:12])))
    return Alert(
        asset_name=first(page, hit[:200], "status page"),
        signature=first(name, "incident without a name"),
        tool=TOOL,
        status=NOTICE if planned else RESOLVED if state in _ENDED else FIRING,
        severity_word=impact or None,
        message=sentence(state, updates[0].text("body", most=MESSAGE) if updates else "")[:MESSAGE],
        occurred_at=moment(incident.value("resolved_at" if state in _ENDED else "created_at")),
        dedup_key=identity("incident", first(number, name)),
        labels=kept(
            page_id=first(said.inner("page").text("id"), incident.text("page_id")),
            incident_id=number,
            status=state,
            components=hit,
        ),
        link=link(incident.text("shortlink", most=2000)),
        asset_note="an incident of a supplier names no asset; the status page stands in",
    )


def _component(said: Fields, component: Fields) -> Alert:
    name, number = component.text("name"), component.text("id")
    change = said.inner("component_update")
    if not first(name, number):
        raise needed("component.name", "component.id")
    state = first(component.word("status"), change.word("new_status"))
    if not state:
        raise needed("component.status")
    status, severity = _COMPONENT.get(state, (FIRING, None))
    return Alert(
        asset_name=first(name, numbered("component", number)),
        signature="component status not operational",
        tool=TOOL,
        status=status,
        severity_word=severity,
        message=sentence(state.replace("_", " "), component.text("description", most=MESSAGE))[:MESSAGE],
        occurred_at=moment(change.value("created_at") or component.value("updated_at")),
        dedup_key=identity("component", first(number, name)),
        labels=kept(
            page_id=first(said.inner("page").text("id"), component.text("page_id")),
            page=_page(said),
            component_id=number,
            was=change.text("old_status"),
        ),
        link=link(f"https://{page}/" if (page := _page(said)) else ""),
    )


def _page(said: Fields, shortlink: str = "") -> str:
    """The page's host, else what the page is called."""
    page, meta = said.inner("page"), said.inner("meta")
    return first(
        page.text("name"),
        _host(page.text("url", most=2000)),
        _host(meta.text("unsubscribe", most=2000)),
        page.text("id"),
        _host(shortlink),
    )


def _host(address: str) -> str:
    clean = link(address)
    return (urlsplit(clean).hostname or "") if clean else ""

"""N-able N-central: the XML notification (`<notification>` with one element a keyword), and the calls of a Custom PSA
(`action`, `title`, `customTags`), whose RESOLVE names no device any more: its ticket number pairs them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from engine.alert import Alert, AlertStatus
from integrations.sources.fields import Fields, link
from integrations.sources.reading import MESSAGE, key, moment
from integrations.sources.shapes import each, missing, plain

TOOL = "ncentral"
_STATES = {"normal": AlertStatus.RESOLVED, "nodata": AlertStatus.NO_DATA}
_ACTIONS = {"create": AlertStatus.FIRING, "update": AlertStatus.FIRING, "reopen": AlertStatus.FIRING,
            "resolve": AlertStatus.RESOLVED, "close": AlertStatus.RESOLVED}  # fmt: skip
_DETAIL = re.compile(r"^\s*(customer|device|service|site)(?: name)?\s*:\s*(\S[^\r\n]{0,200})", re.I | re.M)


def parse(body: Any, _headers: Mapping[str, str]) -> list[Alert]:
    """Raises Malformed when a body is neither a notification nor a call of a PSA."""
    if isinstance(body, Mapping):
        outer = Fields(body)
        outer = outer.inner("notifications") or outer
        inner = outer.value("notification")
        body = inner if isinstance(inner, dict | list) else body
    return each(body, _one)


def _one(said: Fields) -> Alert:
    if said.text("qualitative new state", "affected service", "device name", "device uri"):
        return _notification(said)
    if said.text("action") and (said.text("title") or said.text("ncentral ticket id")):
        return _ticket(said)
    raise missing("QualitativeNewState", "AffectedService", "action")


def _notification(said: Fields) -> Alert:
    asset = said.text("device name", "device uri")
    service = " ".join(filter(None, (said.text("affected service"), said.text("task ident"))))
    state = said.text("qualitative new state", most=100)
    host = said.text("ncentral uri", most=300)
    return Alert(
        asset_name=asset or said.text("customer name") or "unnamed",
        signature=service or "notification without a service",
        tool=TOOL,
        status=_STATES.get(state.lower().replace(" ", ""), AlertStatus.FIRING),
        severity_word=state or None,
        message=said.text("quantitative new state", most=MESSAGE),
        occurred_at=moment(said.value("time of state change")),
        dedup_key=key(said.text("active notification trigger id")) or None,
        labels=plain(said, leaving=("remote control link",)),
        link=link(host if "://" in host else f"https://{host}"),
        asset_note=None if asset else "the notification names no device; its customer stands in",
    )


def _ticket(said: Fields) -> Alert:
    service, device, state = _titled(said.text("title"))
    details = {
        name.lower(): value.strip() for name, value in _DETAIL.findall(said.text("details", most=MESSAGE))
    }
    tags = said.inner("custom tags", "custom tag")
    asset = device or details.get("device", "")
    return Alert(
        asset_name=asset or details.get("customer") or "unnamed",
        signature=service or tags.text("subcategory") or details.get("service") or tags.text("category")
        or said.text("title") or "ticket without a title",
        tool=TOOL,
        status=_ACTIONS.get(said.text("action").lower(), AlertStatus.NOTICE),
        severity_word=tags.text("urgency", "severity", "priority", most=100) or state or None,
        message=said.text("details", "title", most=MESSAGE),
        dedup_key=key(said.text("ncentral ticket id")) or None,
        labels=plain(tags, details, said, leaving=("title", "details", "action")),
        asset_note=None if asset else "the ticket names no device; its customer stands in",
    )  # fmt: skip


def _titled(title: str) -> tuple[str, str, str]:
    """Service, device and state of `Alert: CPU on SRV-1 is Failed`; of another title nothing."""
    before, _, state = title.rpartition(" is ")
    service, _, device = before.rpartition(" on ")
    service = re.sub(r"^.*?\balert:\s*", "", service, flags=re.IGNORECASE)
    return (service, device, state) if service and device else ("", "", "")

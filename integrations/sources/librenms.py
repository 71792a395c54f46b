"""LibreNMS' API transport: a customer's template over its variables. `state` decides: 0 recovered, 1 alert,
2 acknowledged, 3 worse, 4 better, 5 changed. `uid` differs at every send, and the title may change on recovery, so the
identity is the alert's number, or the device and the rule."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from engine.alert import Alert, AlertStatus
from integrations.sources.fields import Fields, first, identity, kept, link, tags
from integrations.sources.monitored import (
    FIRING,
    NOTICE,
    RESOLVED,
    entries,
    named,
    needed,
    numbered,
    status_of,
    tenant,
)
from integrations.sources.reading import MESSAGE, labels, moment

TOOL = "librenms"
_STATES = {"0": RESOLVED, "1": FIRING, "2": NOTICE, "3": FIRING, "4": FIRING, "5": FIRING}
_TITLES = (
    re.compile(r"^alert for device .{1,200}? - (?P<rule>.+)$", re.IGNORECASE),
    re.compile(r"^device .{1,200}? recovered from (?P<rule>.+?)(?: after .*)?$", re.IGNORECASE),
)
_SUFFIX = re.compile(r"\s+(?:got )?(?:acknowledged|worse|better|changed)$", re.IGNORECASE)
_QUERY = re.compile(r"^\s*[\[{]|^%\w+\.\w+|\bmacros\.|\bSELECT\b|&&|\|\||\w+\.\w+\s*[=!<>]")


def parse(body: Any, _headers: Mapping[str, str]) -> list[Alert]:
    """Raises Malformed when a body names neither a device nor a rule."""
    return [_one(said) for said in entries(body)]


def _one(said: Fields) -> Alert:
    device = named(said, "hostname", "sysName", "display", "ip", "device", "host")
    number = said.text("device_id")
    title = said.text("title", "subject", most=MESSAGE)
    rule = first(
        *(one for one in (said.text("name", "rule_name", "alert_name"), said.text("rule")) if _is_name(one))
    )
    signature = first(rule, _rule_of(title)[:500])
    if not first(device, number, signature):
        raise needed("hostname", "sysName", "name", "title")
    state = _state(said)
    place = said.text("librenms_url", "base_url", most=2000).rstrip("/")
    return Alert(
        asset_name=first(device, numbered("device", number), "unnamed device"),
        signature=first(signature, "alert without a name"),
        tool=TOOL,
        status=NOTICE if _is_test(signature, title) else _status(state, said.word("severity")),
        severity_word=said.text("severity", most=100) or None,
        message=first(said.text("message", "msg", "alert_notes", most=MESSAGE), title),
        occurred_at=moment(said.value("timestamp", "time")),
        dedup_key=_key(said, first(number, device), first(said.text("rule_id"), signature)),
        labels=labels(
            kept(
                device_id=number,
                ip=said.text("ip"),
                location=said.text("location"),
                os=said.text("os"),
                hardware=said.text("hardware"),
                rule=rule,
            )
            | tenant(said)
            | tags(said.inner("labels").raw)
        ),
        link=link(
            *(
                said.text(name, most=2000)
                for name in ("alert_url", "event_url", "event_link", "source_url", "device_url")
            ),
            f"{place}/device/{number}/" if place and number.isdigit() else place,
        ),
        asset_note=None if device or number else "the alert names no device",
    )


def _is_name(rule: str) -> bool:
    """`rule` may hold the rule itself, as a query."""
    return not _QUERY.search(rule)


def _rule_of(title: str) -> str:
    for form in _TITLES:
        if found := form.match(title):
            return _SUFFIX.sub("", found["rule"])
    return title


def _is_test(rule: str, title: str) -> bool:
    """What the transport's own test sends: it has no recovery."""
    return rule == "Test-Rule" or title.startswith("Testing transport from ")


def _state(said: Fields) -> str:
    """A number under `status` is whether the device is up, not how the alert stands."""
    status = said.word("status")
    return first(said.word("state", "alert_state"), "" if status.isdigit() else status)


def _key(said: Fields, device: str, rule: str) -> str | None:
    number = said.text("alert_id")
    if number:
        return identity("alert", number)
    return identity(device, rule) or identity(said.text("uid", "id"))


def _status(state: str, severity: str) -> AlertStatus:
    found = _STATES.get(state) or status_of(state)
    return found or (FIRING if state else status_of(severity) or FIRING)

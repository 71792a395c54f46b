"""What tools that watch sites, checks and jobs have in common: one or several objects in a body, web addresses as
assets, and the words for up and down."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from engine.alert import AlertStatus
from integrations.sources.fields import Fields, first, link
from integrations.sources.reading import LABEL, MOST_ALERTS, MOST_LABELS, SECRET, Fault, Malformed, text

FIRING, RESOLVED = AlertStatus.FIRING, AlertStatus.RESOLVED
NO_DATA, NOTICE = AlertStatus.NO_DATA, AlertStatus.NOTICE

DOWN = frozenset({"down", "offline", "failing", "failed", "failure", "error", "critical", "trouble", "warning", "alert",
                  "alerting", "problem", "triggered", "trigger", "create", "firing", "open", "unreachable", "late",
                  "missing"})  # fmt: skip
UP = frozenset({"up", "online", "success", "ok", "okay", "resolved", "resolve", "recovered", "recovery", "clear",
                "cleared", "closed", "healthy", "passing", "normal", "reset"})  # fmt: skip
QUIET = frozenset({"paused", "pause", "started", "start", "maintenance", "suspended", "test", "testing", "pending",
                   "acknowledged", "acknowledge", "acknowledgement", "ack", "new", "grace", "deleted",
                   "resumed", "unpaused"})  # fmt: skip
_USER, _QUERY = re.compile(r"//[^/@\s]*@"), re.compile(r"[?#].*", re.DOTALL)
_WORD = re.compile(r"[a-z]+")
_TENANT = re.compile(
    r"customer|tenant|company|organi[sz]ation|businessunit|clientname|clientid", re.IGNORECASE
)


def entries(body: Any, name: str = "body") -> list[Fields]:
    """The objects of a body that is one object or a list of them. Raises Malformed for anything else."""
    items = body if isinstance(body, list) else [body]
    if len(items) > MOST_ALERTS:
        raise Malformed(
            Fault(name, f"{len(items):,} alerts; at most {MOST_ALERTS:,} are taken from one body")
        )
    at = f"{name}[{{}}]" if isinstance(body, list) else name
    faults = [
        Fault(at.format(number), "must be an object with fields")
        for number, item in enumerate(items)
        if not isinstance(item, Mapping) or not item
    ]
    if faults:
        raise Malformed(*faults)
    return [Fields(item) for item in items]


def status_of(word: str) -> AlertStatus | None:
    """Up, down or neither of both, by the first word that is known; None when none is."""
    before = ""
    for one in _WORD.findall(word.lower()[:200]):
        if one in UP:
            return FIRING if before == "not" else RESOLVED
        if one in DOWN:
            return FIRING
        if one in QUIET:
            return NOTICE
        before = one
    return None


def needed(*names: str) -> Malformed:
    """The refusal of a body in which none of these fields says anything."""
    also = f" (or {', '.join(names[1:])})" if names[1:] else ""
    return Malformed(Fault(names[0], f"is needed{also}"))


def site(address: str) -> str:
    """A web address without its user and without secrets; of another scheme without its user and its query."""
    if clean := link(address):
        return clean
    return _QUERY.sub("", _USER.sub("//", address)) if "://" in address else address


def named(fields: Fields, *names: str) -> str:
    """The first of these that says something in one word or number: an object under such a name is not a name."""
    return first(*(fields.text(name) for name in names if not isinstance(fields.value(name), Mapping | list)))


def numbered(kind: str, number: str) -> str:
    """What only a number is known of: `check 4711`."""
    return text(f"{kind} {number}") if number else ""


def sentence(*parts: str) -> str:
    """What is known of it in one line: state first, each part once."""
    return ": ".join(dict.fromkeys(part for part in parts if part))


def tenant(fields: Fields) -> dict[str, str]:
    """Whose it is, where a customer's own template says so in its own words."""
    found = {
        text(str(name), 100): text(one, LABEL)
        for name, one in fields.raw.items()
        if isinstance(one, str | int) and _TENANT.search(str(name)) and not SECRET.search(str(name))
    }
    return dict([(name, one) for name, one in found.items() if one][: MOST_LABELS // 4])

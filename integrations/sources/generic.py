"""The generic shape: one alert, a list of up to 1,000, or `{"alerts": [...]}`.

Needed: `asset_name`, `signature`. Optional: `severity`, `message`, `tool_source`, `status` (firing, resolved,
no_data or info), `timestamp`, `dedup_key`, `labels`. Numbers count as text; what is too long is cut, not refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.alert import Alert, AlertStatus
from engine.classification import is_clear_word
from integrations.sources.reading import (
    MESSAGE,
    MOST_ALERTS,
    Fault,
    Malformed,
    key,
    labels,
    moment,
    stated_moment,
    text,
)

TOOL = "generic"
_STATUS = {status.value: status for status in AlertStatus}
_NEEDED = ("asset_name", "signature")
_TEXTS = ("severity", "message", "tool_source", "status", "dedup_key")
_TEXT_TYPES = frozenset([str, int, float, type(None)])
_TIME_TYPES = frozenset([int, type(None)])
_LABEL_TYPES = frozenset([dict, type(None)])
_PLAIN_STATUS = frozenset([*_STATUS, "", None])


def parse(body: Any, _headers: Mapping[str, str]) -> list[Alert]:
    """Raises Malformed with the fault of every field of every alert. An empty list is no alert, and no fault."""
    items, at = _items(body)
    if len(items) > MOST_ALERTS:
        raise Malformed(
            Fault(at or "body", f"{len(items):,} alerts; at most {MOST_ALERTS:,} fit in one body")
        )
    faults: list[Fault] = []
    found: list[Alert] = []
    for number, item in enumerate(items):
        wrong = _faults(item)
        if not wrong:
            found.append(_one(item))
        elif body is item:
            faults += wrong
        else:
            faults += [Fault(f"{at}[{number}].{one.field}".removesuffix(".body"), one.why) for one in wrong]
    if faults:
        raise Malformed(*faults)
    return found


def one(item: Any) -> Alert:
    """The alert behind one object, as `parse` has it. Raises Malformed."""
    return _one(item) if _plain(item) else parse([item], {})[0]


def _items(body: Any) -> tuple[list[Any], str]:
    if isinstance(body, list):
        return body, ""
    if isinstance(body, Mapping) and isinstance(body.get("alerts"), list) and "asset_name" not in body:
        return body["alerts"], "alerts"
    return [body], ""


def _one(item: Mapping[str, Any]) -> Alert:
    word = text(item.get("severity"), 100)
    said = item.get("status")
    status = _STATUS.get(said) if type(said) is str else None
    if status is None:
        status = _STATUS.get(text(said).lower())
    if status is None:
        status = AlertStatus.RESOLVED if is_clear_word(word) else AlertStatus.FIRING
    return Alert(
        asset_name=text(item["asset_name"]),
        signature=text(item["signature"]),
        tool=text(item.get("tool_source"), 100).lower() or TOOL,
        status=status,
        severity_word=word or None,
        message=text(item.get("message"), MESSAGE),
        occurred_at=moment(item.get("timestamp")),
        dedup_key=key(item.get("dedup_key")) or None,
        labels=labels(item.get("labels")),
    )


def _plain(item: Any) -> bool:
    """Surely without a fault, seen at a glance: nearly every alert."""
    if type(item) is not dict:
        return False
    get = item.get
    stated = get("timestamp")
    return (
        type(asset := get("asset_name")) is str
        and type(signature := get("signature")) is str
        and bool(asset and signature and not asset.isspace() and not signature.isspace())
        and type(get("severity")) in _TEXT_TYPES
        and type(get("message")) in _TEXT_TYPES
        and type(get("tool_source")) in _TEXT_TYPES
        and type(get("dedup_key")) in _TEXT_TYPES
        and type(said := get("status")) in _TEXT_TYPES
        and said in _PLAIN_STATUS
        and (type(stated) in _TIME_TYPES or moment(stated) is not None)
        and type(get("labels")) in _LABEL_TYPES
    )


def _faults(item: Any) -> list[Fault]:
    if _plain(item):
        return []
    if not isinstance(item, Mapping):
        return [Fault("body", "must be an object with asset_name and signature")]
    faults = []
    for name in _NEEDED:
        value = item.get(name)
        if isinstance(value, bool | list | dict):
            faults.append(Fault(name, "must be text"))
        elif not text(value):
            faults.append(Fault(name, "is needed"))
    for name in _TEXTS:
        if isinstance(item.get(name), bool | list | dict):
            faults.append(Fault(name, "must be text or a number"))
        elif name == "status" and (said := text(item.get(name)).lower()) and said not in _STATUS:
            faults.append(Fault(name, "must be firing, resolved, no_data or info"))
    try:
        stated_moment(item.get("timestamp"))
    except ValueError:
        faults.append(Fault("timestamp", "must be ISO 8601 or Unix time"))
    if item.get("labels") is not None and not isinstance(item["labels"], Mapping):
        faults.append(Fault("labels", "must be an object"))
    return faults

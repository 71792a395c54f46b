"""The generic shape: one alert, a list of up to 1,000, or `{"alerts": [...]}`. CONTRACT §4 defines it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.alert import Alert, AlertStatus
from engine.classification import is_clear_word
from integrations.sources.reading import MESSAGE, MOST_ALERTS, NAME, Fault, Malformed, labels, moment, text

TOOL = "generic"
_STATUS = {"firing": AlertStatus.FIRING, "resolved": AlertStatus.RESOLVED}
_TEXTS = ("severity", "message", "tool_source", "status", "dedup_key", "timestamp")


def parse(body: Any, _headers: Mapping[str, str]) -> list[Alert]:
    """Raises Malformed with the fault of every field of every alert."""
    items, at = _items(body)
    if len(items) > MOST_ALERTS:
        raise Malformed(
            Fault(at or "body", f"{len(items):,} alerts; at most {MOST_ALERTS:,} fit in one body")
        )
    faults: list[Fault] = []
    found: list[Alert] = []
    for number, item in enumerate(items):
        where = f"{at}[{number}]" if at or isinstance(body, list) else ""
        alert = _one(item, where, faults)
        if alert is not None:
            found.append(alert)
    if faults:
        raise Malformed(*faults[:100])
    return found


def _items(body: Any) -> tuple[list[Any], str]:
    if isinstance(body, list):
        return body, ""
    if isinstance(body, Mapping) and isinstance(body.get("alerts"), list) and "asset_name" not in body:
        return body["alerts"], "alerts"
    return [body], ""


def _one(item: Any, where: str, faults: list[Fault]) -> Alert | None:
    if not isinstance(item, Mapping):
        faults.append(Fault(where or "body", "must be an object with asset_name and signature"))
        return None
    prefix = f"{where}." if where else ""
    before = len(faults)
    faults.extend(_faults(item, prefix))
    if len(faults) > before:
        return None
    word = text(item.get("severity"), 100)
    status = _STATUS.get(text(item.get("status")).lower())
    if status is None:
        status = AlertStatus.RESOLVED if is_clear_word(word) else AlertStatus.FIRING
    return Alert(
        asset_name=text(item["asset_name"], NAME),
        signature=text(item["signature"], NAME),
        tool=text(item.get("tool_source"), 100).lower() or TOOL,
        status=status,
        severity_word=word or None,
        message=text(item.get("message"), MESSAGE),
        occurred_at=moment(item.get("timestamp")),
        dedup_key=text(item.get("dedup_key"), NAME) or None,
        labels=labels(item.get("labels")),
    )


def _faults(item: Mapping[str, Any], prefix: str) -> list[Fault]:
    faults = []
    for name in ("asset_name", "signature"):
        value = item.get(name)
        if value is None or (isinstance(value, str) and not text(value)):
            faults.append(Fault(f"{prefix}{name}", "is needed"))
        elif isinstance(value, bool | list | dict):
            faults.append(Fault(f"{prefix}{name}", "must be text"))
    for name in _TEXTS:
        if isinstance(item.get(name), bool | list | dict):
            faults.append(Fault(f"{prefix}{name}", "must be text or a number"))
    status = text(item.get("status")).lower()
    if status and status not in _STATUS and not isinstance(item.get("status"), bool | list | dict):
        faults.append(Fault(f"{prefix}status", "must be firing or resolved"))
    if item.get("timestamp") not in (None, "") and moment(item["timestamp"]) is None:
        faults.append(Fault(f"{prefix}timestamp", "must be ISO 8601 or Unix time"))
    if item.get("labels") is not None and not isinstance(item["labels"], Mapping):
        faults.append(Fault(f"{prefix}labels", "must be an object"))
    return faults

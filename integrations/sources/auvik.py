"""Auvik: one alert, triggered or cleared. Status and severity come as words and as numbers; the word is read first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.alert import Alert, AlertStatus
from integrations.sources.fields import Fields, link
from integrations.sources.reading import MESSAGE, key, moment
from integrations.sources.shapes import each, missing, plain

TOOL = "auvik"
_SEVERITIES = {"1": "Emergency", "2": "Critical", "3": "Warning", "4": "Informational"}
_STATUSES = {"0": "triggered", "1": "cleared"}
_RESOLVED = {"cleared", "clear", "resolved"}
_NOTICES = {"dismissed", "acknowledged", "paused", "resumed"}


def parse(body: Any, _headers: Mapping[str, str]) -> list[Alert]:
    """Raises Malformed when a body names neither an alert nor an entity."""
    return each(body, _one)


def _one(said: Fields) -> Alert:
    name, asset = said.text("alert name", "subject"), said.text("entity name")
    if not name and not asset:
        raise missing("alertName", "entityName")
    number = said.text("alert status")
    status = (said.text("alert status string") or _STATUSES.get(number, number)).lower()
    level = said.text("alert severity", most=100)
    stand_in = said.text("entity id", "company name", "company id")
    return Alert(
        asset_name=asset or stand_in or "unnamed",
        signature=name or "alert without a name",
        tool=TOOL,
        status=_status(status),
        severity_word=said.text("alert severity string", most=100) or _SEVERITIES.get(level, level) or None,
        message=said.text("alert description", "subject", most=MESSAGE),
        occurred_at=moment(said.value("date")),
        dedup_key=key(said.text("correlation id")) or None,
        labels=plain(said, leaving=("alert description", "subject", "link")),
        link=link(said.value("link")),
        asset_note=None if asset else "the alert names no entity; its id or its site stands in",
    )


def _status(word: str) -> AlertStatus:
    if word in _RESOLVED:
        return AlertStatus.RESOLVED
    return AlertStatus.NOTICE if word in _NOTICES else AlertStatus.FIRING

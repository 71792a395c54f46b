"""Checkmk: the context of a notification (`NOTIFY_…`), as it is or in a flat form, one or in bulk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.alert import Alert
from integrations.sources.macros import notifications

TOOL = "checkmk"


def parse(body: Any, _headers: Mapping[str, str]) -> list[Alert]:
    """Raises Malformed when an entry names no host."""
    return notifications(body, TOOL)

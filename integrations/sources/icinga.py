"""Icinga 2: what a notification command posts, in macros or in the objects of its API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.alert import Alert
from integrations.sources.macros import notifications

TOOL = "icinga"


def parse(body: Any, _headers: Mapping[str, str]) -> list[Alert]:
    """Raises Malformed when an entry names no host."""
    return notifications(body, TOOL)

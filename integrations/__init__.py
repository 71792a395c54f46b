"""What monitoring tools say, turned into alerts: one small pure parser a tool, in one dict."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from engine.alert import Alert
from integrations.sources import alertmanager, generic

Parse = Callable[[Any, Mapping[str, str]], list[Alert]]
"""(decoded body, headers) → alerts. Pure. Raises integrations.sources.reading.Malformed naming every faulty field; what
cannot be decoded never comes here (integrations.sources.decoding.decode raises Undecodable)."""

SOURCES: dict[str, Parse] = {"alerts": generic.parse, "alertmanager": alertmanager.parse}

"""What monitoring tools say, turned into alerts: one small pure parser a tool, in one dict."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from engine.alert import Alert
from integrations.sources import alertmanager, generic

Parse = Callable[[Any, Mapping[str, str]], list[Alert]]
"""(JSON body, headers) → alerts. Pure. Raises integrations.sources.reading.Malformed naming every faulty field; what is
no JSON at all never comes here (integrations.sources.reading.load raises NotJson)."""

SOURCES: dict[str, Parse] = {"alerts": generic.parse, "alertmanager": alertmanager.parse}

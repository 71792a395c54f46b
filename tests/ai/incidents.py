"""An incident for tests that need no database."""

from __future__ import annotations

from typing import Any

from engine.alert import Severity
from engine.incident import Incident, IncidentStatus
from tests.clock import START


def an_incident(**changes: Any) -> Incident:
    values: dict[str, Any] = {
        "id": 1,
        "company_id": 1,
        "correlation_key": "web-01|disk",
        "title": "Disk full",
        "asset": "web-01",
        "asset_name": "web-01",
        "signature": "disk full",
        "category": "disk",
        "severity": Severity.HIGH,
        "status": IncidentStatus.NEW,
        "opened_at": START,
        "last_alert_at": START,
        "opened_reason": "",
        "tools": ("zabbix",),
    }
    return Incident(**values | changes)

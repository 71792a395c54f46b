"""NinjaOne's activity webhook. Only activities of a condition are alerts; the others (action sets, patches, people) are
notices. `seriesUid` is the condition's own id and the same when it triggers and when it resets.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from engine.alert import Alert, AlertStatus
from integrations.sources.fields import Fields
from integrations.sources.reading import MESSAGE, key, moment
from integrations.sources.shapes import each, missing, plain

TOOL = "ninjaone"
_STATUSES = {"triggered": AlertStatus.FIRING, "reset": AlertStatus.RESOLVED}
_CODE = re.compile(r"^cond(?:ition)?_|_(?:le|lt|ge|gt|eq|ne)$")


def parse(body: Any, _headers: Mapping[str, str]) -> list[Alert]:
    """Raises Malformed when a body is no activity."""
    return each(body, _one)


def _one(said: Fields) -> Alert:
    activity, code = said.text("activity type", most=100), said.text("status code", "status", most=100)
    if not activity and not code:
        raise missing("activityType", "statusCode")
    device = said.inner("device")
    organization = device.inner("references").inner("organization")
    asset = device.text("system name", "dns name", "display name", "netbios name") or said.text("device name")
    number = device.text("id") or said.text("device id")
    return Alert(
        asset_name=asset or (f"device {number}" if number else "unnamed"),
        signature=_signature(said),
        tool=TOOL,
        status=_status(activity, code),
        severity_word=_word(said.text("severity", most=100)) or _word(said.text("priority", most=100)),
        message=said.text("message", "subject", most=MESSAGE),
        occurred_at=moment(said.value("activity time")),
        dedup_key=key(said.text("series uid")) or None,
        labels=plain(
            {
                "organizationId": device.text("organization id") or organization.text("id"),
                "organization": organization.text("name"),
                "location": device.inner("references").inner("location").text("name"),
                "deviceId": number,
                "nodeClass": device.text("node class"),
                "activityType": activity,
                "statusCode": code,
                "sourceName": said.text("source name"),
            }
        ),
        asset_note=None if asset else "the activity names no device; its number stands in",
    )


def _signature(said: Fields) -> str:
    """The condition's name, and what it watches: `Server disk policy: disk free`."""
    code = _CODE.sub("", said.inner("data").inner("message").text("code").lower()).replace("_", " ").strip()
    named = said.text("source name")
    both = f"{named}: {code}" if named and code and code not in named.lower() else named or code
    return both or said.text("message", "type", "activity type") or "alert without a name"


def _status(activity: str, code: str) -> AlertStatus:
    if activity and activity.upper() != "CONDITION":
        return AlertStatus.NOTICE
    return _STATUSES.get(code.lower().removeprefix("condition_"), AlertStatus.NOTICE)


def _word(said: str) -> str | None:
    return said if said and said.upper() != "NONE" else None

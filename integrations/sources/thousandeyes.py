"""ThousandEyes: the classic webhook (`eventType`, `alert` or `agentAlert`) and the Generic preset of custom webhooks
(`type` 1 clear, 2 trigger; `alert.rule`, `alert.test`, `alert.targets`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.alert import Alert, AlertStatus
from integrations.sources.fields import Fields, first, link
from integrations.sources.reading import MESSAGE, key, moment, text
from integrations.sources.shapes import each, missing, plain

TOOL = "thousandeyes"
_TYPES = {"1": AlertStatus.RESOLVED, "clear": AlertStatus.RESOLVED, "cleared": AlertStatus.RESOLVED}


def parse(body: Any, _headers: Mapping[str, str]) -> list[Alert]:
    """Raises Malformed when a body has neither an event type nor an alert."""
    return each(body, _one)


def _one(said: Fields) -> Alert:
    event = said.text("event type", "event", most=100).upper()
    alert = said.inner("alert", "agent alert")
    if not alert and not event:
        raise missing("eventType", "alert")
    asset, note = _asset(alert)
    rule, test = alert.inner("rule"), alert.inner("test")
    agent = alert.text("agent id") if said.inner("agent alert") else ""
    return Alert(
        asset_name=asset,
        signature=alert.text("rule name") or rule.text("name") or alert.text("rule expression", "type", "alert type")
        or rule.text("expression") or event.replace("_", " ").lower() or "alert without a name",
        tool=TOOL,
        status=_status(event, said, alert),
        severity_word=alert.text("severity", most=100) or alert.inner("severity").text("id", "name") or None,
        message=_message(alert),
        occurred_at=moment(alert.value("date start", "first seen", "date end")),
        dedup_key=_key(alert, agent),
        labels={**plain(alert), **plain({"rule": rule.text("name"), "test": test.text("name"),
                "accountId": rule.inner("account").text("id"),
                "organizationId": rule.inner("account").inner("organization").text("id")})},
        link=link(alert.value("permalink"), alert.value("link"), alert.value("url")),
        asset_note=note,
    )  # fmt: skip


def _asset(alert: Fields) -> tuple[str, str | None]:
    named = alert.text("hostname", "agent name", "host name", "device name")
    if named:
        return named, None
    names = ("test targets description", "targets", "target")
    described = (one.text("description", "name", "url") for one in alert.each(*names))
    if target := next(filter(None, described), "") or first(*alert.texts(*names)):
        return target, None
    test = alert.text("test name") or alert.inner("test").text("name")
    if test:
        return test, "the alert names no target; its test stands in"
    return "ThousandEyes", "the alert names no target and no test"


def _status(event: str, said: Fields, alert: Fields) -> AlertStatus:
    if event:
        if event.endswith("CLEAR"):
            return AlertStatus.RESOLVED
        return AlertStatus.FIRING if event.endswith("TRIGGER") else AlertStatus.NOTICE
    kind = (
        said.text("type", most=100) or said.inner("type").text("id", "name") or alert.text("state", most=100)
    )
    return _TYPES.get(kind.lower(), AlertStatus.FIRING)


def _key(alert: Fields, agent: str) -> str | None:
    """Of an agent's notification the id may be new when it clears; agent and rule are not."""
    if agent:
        return key(f"agent {agent} rule {alert.text('agent rule id', 'rule id', 'rule name')}")
    return key(alert.text("alert id", "id")) or None


def _message(alert: Fields) -> str:
    """What each agent, monitor or device saw."""
    seen = []
    for one in alert.each("agents", "monitors", "devices", "details")[:50]:
        name = one.text("agent name", "monitor name", "device name", "name") or one.inner("source").text(
            "name"
        )
        what = one.text("metrics at start", "metrics")
        seen.append(": ".join(filter(None, (name, what))))
    said = [alert.text("rule expression", most=1000), alert.text("metrics at start", most=1000), *seen]
    return text("; ".join(filter(None, said)), MESSAGE)

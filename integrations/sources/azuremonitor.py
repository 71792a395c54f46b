"""Azure Monitor: the common alert schema; and without it metric alerts (new and classic), activity log, log search and
budgets.

`originAlertId` is the same over firings and recoveries of one rule on one target; `alertId` is of one firing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.alert import Alert, AlertStatus
from integrations.sources.fields import Fields, bodies, first, identity, kept, lines, link, severity, tags
from integrations.sources.reading import MESSAGE, Fault, Malformed, labels, moment

TOOL = "azuremonitor"
_SEVERITIES = {"0": "critical", "1": "error", "2": "warning", "3": "informational", "4": "verbose"}
_OVER = {"resolved", "deactivated", "complete", "completed", "canceled", "rca", "ok", "closed"}
_HEALTHY = {"available"}


def parse(body: Any, _headers: Mapping[str, str]) -> list[Alert]:
    """Raises Malformed when no known schema is in the body."""
    return [_one(fields) for fields in bodies(body)]


def _one(body: Fields) -> Alert:
    data = body.inner("data")
    if essentials := data.inner("essentials") or body.inner("essentials"):
        return _common(essentials, data or body)
    if context := data.inner("context") or body.inner("context"):
        return _metric(context, data if "context" in data else body)
    if name := data.text("AlertRuleName", "BudgetName", "alertRule"):
        return _log(name, data)
    raise Malformed(Fault("data.essentials", "is needed; or `context` with `name`, or `data.AlertRuleName`"))


def _common(essentials: Fields, data: Fields) -> Alert:
    context = data.inner("alertContext")
    properties = context.inner("properties")
    targets = essentials.texts("alertTargetIDs")
    named = [_last(one) for one in essentials.texts("configurationItems")]
    asset = first(*named, *(_last(one) for one in targets))
    rule = essentials.text("alertRule") or "an alert without a rule"
    health = properties.word("currentHealthStatus")
    condition = health or first(properties.word("stage"), essentials.word("monitorCondition"))
    origin = first(essentials.text("originAlertId"), properties.text("trackingId"))
    if health:  # of a resource: every change of it is an activity of its own
        origin = ""
    subscription = _subscription(targets[0] if targets else essentials.text("alertId"))
    told = first(essentials.text("description", most=MESSAGE), properties.text("title", most=MESSAGE))
    over = condition in _HEALTHY if health else _over(essentials, condition)
    fired, resolved = essentials.value("firedDateTime"), essentials.value("resolvedDateTime")
    return Alert(
        asset_name=asset or subscription or "Azure",
        signature=rule,
        tool=TOOL,
        status=AlertStatus.RESOLVED if over else AlertStatus.FIRING,
        severity_word=_severity(essentials.text("severity")),
        message=lines(told, _measured(context.inner("condition"))),
        occurred_at=moment(resolved if over else fired),
        dedup_key=identity(origin) or identity(rule.lower(), *(one.lower() for one in (targets or [asset]))),
        labels={
            **labels(data.inner("customProperties").raw or tags(properties.value("tags"))),
            **kept(
                subscription=subscription,
                service=essentials.text("monitoringService"),
                signal=essentials.text("signalType"),
            ),
        },
        link=link(
            essentials.value("investigationLink"),
            *(one.value("linkToSearchResultsUI") for one in _all(context)),
        ),
        asset_note=None if asset else "the alert names no resource; its subscription stands in",
    )


def _over(essentials: Fields, condition: str) -> bool:
    return condition in _OVER or essentials.word("monitorCondition") in _OVER


def _metric(context: Fields, outer: Fields) -> Alert:
    """Metric alerts without the common schema, and activities: `context.activityLog`."""
    activity = context.inner("activityLog")
    inside = activity or context
    resource = inside.text("resourceId")
    asset = first(
        inside.text("resourceName"), _last(resource), *_dimension_assets(context.inner("condition"))
    )
    health = activity.inner("properties").word("currentHealthStatus")
    rule = first(context.text("name"), "Resource health" if health else activity.text("operationName"))
    if not rule:
        raise Malformed(Fault("context.name", "is needed"))
    word = health or outer.word("status")
    over = word in _HEALTHY if health else word in _OVER
    told = first(inside.text("description", most=MESSAGE), activity.text("status", most=MESSAGE))
    return Alert(
        asset_name=asset or inside.text("resourceGroupName", "subscriptionId") or "Azure",
        signature=rule,
        tool=TOOL,
        status=AlertStatus.RESOLVED if over else AlertStatus.FIRING,
        severity_word=_severity(context.text("severity")) or severity(activity.text("level")),
        message=lines(told, _measured(context.inner("condition"))),
        occurred_at=moment(context.value("timestamp") or activity.value("eventTimestamp")),
        dedup_key=identity(context.text("id").lower() or rule, first(resource, asset).lower()),
        labels={
            **labels(outer.inner("properties").raw),
            **kept(
                subscription=first(inside.text("subscriptionId"), _subscription(resource)),
                resource_group=inside.text("resourceGroupName"),
                region=inside.text("resourceRegion"),
            ),
        },
        link=link(context.value("portalLink")),
        asset_note=None if asset else "the alert names no resource; its group stands in",
    )


def _log(name: str, data: Fields) -> Alert:
    """Log search before the common schema, and budgets: neither ever recovers."""
    asset = first(
        *data.texts("AffectedConfigurationItems"), _last(data.text("ResourceId")), data.text("ResourceName")
    )
    stand_in = data.text("SubscriptionName", "SubscriptionId", "WorkspaceId")
    told = data.text("Description", "SearchQuery", "NotificationThresholdAmount", most=MESSAGE)
    return Alert(
        asset_name=asset or stand_in or "Azure",
        signature=name,
        tool=TOOL,
        severity_word=_severity(data.text("Severity")),
        message=told,
        occurred_at=moment(data.value("SearchIntervalEndtimeUtc")),
        dedup_key=identity(name, asset or stand_in or "-"),
        labels=kept(subscription=data.text("SubscriptionId"), resource_group=data.text("ResourceGroup")),
        link=link(data.value("LinkToSearchResults")),
        asset_note=None if asset else "the alert names no resource; its subscription stands in",
    )


def _severity(word: str) -> str | None:
    """Azure counts from Sev0, which other tools begin at 1."""
    return severity(_SEVERITIES.get(word.lower().removeprefix("sev"), word))


def _all(context: Fields) -> list[Fields]:
    return context.inner("condition").each("allOf")


def _measured(condition: Fields) -> str:
    found = []
    for one in condition.each("allOf") or [condition]:
        name = one.text("metricName", "searchQuery")
        if name:
            wanted = f"{one.text('operator')} {one.text('threshold')}".strip()
            found.append(f"{name}: {one.text('metricValue') or '?'} ({wanted})")
    return lines(*found)


def _dimension_assets(condition: Fields) -> list[str]:
    named = [tags(one.value("dimensions")) for one in condition.each("allOf")]
    return [
        _last(Fields(one).text("microsoft.resourceId", "ResourceId", "Computer", "host")) for one in named
    ]


def _last(resource: str) -> str:
    return resource.rstrip("/").rpartition("/")[2]


def _subscription(resource: str) -> str:
    parts = resource.split("/")
    return parts[2] if len(parts) > 2 and parts[1].lower() == "subscriptions" else ""

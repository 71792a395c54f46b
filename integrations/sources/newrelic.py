"""New Relic: workflows, the incidents of before, and the form posts of the beginning (`alert=`, `deployment=`)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from engine.alert import Alert, AlertStatus
from integrations.sources.fields import Fields, bodies, first, identity, kept, lines, link, severity
from integrations.sources.reading import MESSAGE, Fault, Malformed, labels, moment

TOOL = "newrelic"
_OVER = {"closed", "resolved", "deactivated", "close", "incident_resolved", "incident_closed", "ok", "ended"}
_SEEN = ("acknowledged", "acknowledge")
_ENDED = re.compile(r"\b(?:closed|ended|resolved|recovered)\b", re.IGNORECASE)
_NUMBER = re.compile(r"/(?:alerts|incidents)/(\d{1,20})")
_STAND_IN = "New Relic"


def parse(body: Any, _headers: Mapping[str, str]) -> list[Alert]:
    """Raises Malformed when nothing says what is wrong."""
    return [_one(fields) for fields in bodies(body)]


def _one(fields: Fields) -> Alert:
    if deployment := fields.inner("deployment"):
        return _deployment(deployment)
    if alert := fields.inner("alert"):
        return _oldest(alert)
    inside = fields.inner("incident", "issue") or fields
    condition = first(
        *inside.texts("alertConditionNames"),
        *fields.texts("alertConditionNames"),
        inside.text("condition_name", "conditionName", "alert_condition_name"),
        fields.text("condition_name", "conditionName", "alert_condition_name"),
    )
    title = first(
        inside.text("title", "incident_title"), fields.text("title"), inside.text("details", "description")
    )
    if not (condition or title):
        raise Malformed(Fault("alertConditionNames", "is needed; or `condition_name`, or `title`"))
    asset = _asset(fields, inside)
    number = first(
        inside.text("incident_id", "issue_id", "issueId", "id"),
        fields.text("incident_id", "issue_id", "issueId", "id"),
    )
    account = first(
        fields.text("account_name", "accountName"), *fields.texts("accountIds"), fields.text("account_id")
    )
    details = first(fields.text("details", "description", most=MESSAGE), inside.text("details", most=MESSAGE))
    policy = first(
        *fields.texts("alertPolicyNames"),
        inside.text("policy_name"),
        fields.text("policy_name", "policyName"),
    )
    return Alert(
        asset_name=asset or policy or account or _STAND_IN,
        signature=condition or title,
        tool=TOOL,
        status=_status(fields, inside),
        severity_word=severity(inside.text("priority", "severity"), fields.text("priority", "severity")),
        message=lines(title, details),
        occurred_at=moment(fields.value("updatedAt", "timestamp") or inside.value("updated_at")),
        dedup_key=identity(number),
        labels={
            **labels(fields.inner("labels").raw),
            **kept(
                account=account,
                account_id=fields.text("account_id", "accountId"),
                policy=policy,
                workflow=fields.text("workflowName"),
            ),
        },
        link=link(
            fields.value("issueUrl"), fields.value("incident_url"), fields.value("violationChartUrl", "url")
        ),
        asset_note=None if asset else "the issue names no entity; its policy or account stands in",
    )


def _asset(fields: Fields, inside: Fields) -> str:
    """The first impacted entity; of older ones the first target, unless it is only a kind."""
    targets = [one.text("name") for one in (*fields.each("targets"), *inside.each("targets"))]
    entities = [
        one.text("name") for one in (*fields.each("entities"), *fields.inner("entitiesData").each("entities"))
    ]
    return first(
        *fields.texts("impactedEntities"),
        *inside.texts("impactedEntities"),
        *fields.inner("entitiesData").texts("names"),
        *targets,
        *entities,
        fields.text("entity_name", "entityName", "application_name", "host", "hostname", "targetName"),
    )


def _status(fields: Fields, inside: Fields) -> AlertStatus:
    words = (
        fields.word("current_state", "state", "issueState", "status"),
        inside.word("current_state", "state", "status"),
        fields.word("event_type"),
        fields.word("trigger", "triggerEvent"),
    )
    if any(word in _OVER for word in words[:3]):
        return AlertStatus.RESOLVED
    if any(word.endswith(_SEEN) for word in words):
        return AlertStatus.NOTICE
    return AlertStatus.FIRING


def _oldest(alert: Fields) -> Alert:
    """One application's alert: only its description says whether it opened or ended."""
    asset = alert.text("application_name", "server_name", "key_transaction_name")
    told = alert.text("long_description", "message", "short_description", most=MESSAGE)
    state = first(alert.text("short_description"), alert.text("long_description"), alert.text("message"))
    over = bool(_ENDED.search(state)) or alert.word("severity", "state", "current_state") in _OVER
    what = alert.text(
        "alert_condition_name", "condition_name", "message", "short_description", "long_description"
    )
    if not what:
        raise Malformed(Fault("alert.message", "is needed"))
    number = _NUMBER.search(alert.text("alert_url", most=2_000))
    return Alert(
        asset_name=asset or alert.text("account_name") or _STAND_IN,
        signature=what,
        tool=TOOL,
        status=AlertStatus.RESOLVED if over else AlertStatus.FIRING,
        severity_word=severity(alert.text("severity", "alertSeverity")),
        message=told,
        occurred_at=moment(alert.value("created_at")),
        dedup_key=identity("alert", number.group(1) if number else ""),
        labels=kept(account=alert.text("account_name"), policy=alert.text("alert_policy_name")),
        link=link(alert.value("alert_url")),
        asset_note=None if asset else "the alert names no application; its account stands in",
    )


def _deployment(deployment: Fields) -> Alert:
    asset = deployment.text("application_name")
    told = (deployment.text("description", most=MESSAGE), deployment.text("changelog", most=MESSAGE))
    return Alert(
        asset_name=asset or deployment.text("account_name") or _STAND_IN,
        signature="Deployment",
        tool=TOOL,
        status=AlertStatus.NOTICE,
        severity_word="info",
        message=lines(*told),
        occurred_at=moment(deployment.value("created_at")),
        labels=kept(
            account=deployment.text("account_name"),
            revision=deployment.text("revision"),
            by=deployment.text("deployed_by"),
        ),
        link=link(deployment.value("deployment_url")),
        asset_note=None if asset else "the deployment names no application; its account stands in",
    )

"""Sentry: integration platform (`action` and `data`), the legacy plug-in (flat), and the issue beside its project.

The issue is the identity: an event of it, its creation and its end are one problem. Who assigns, archives or comments
gives notice.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from engine.alert import Alert, AlertStatus
from integrations.sources.fields import Fields, bodies, first, identity, kept, lines, link, severity, tags
from integrations.sources.reading import MESSAGE, Fault, Malformed, moment

TOOL = "sentry"
_FIRING = {"created", "triggered", "unresolved", "reopened", "critical", "warning", "open", "regression", ""}
_OVER = {"resolved", "closed", "ok"}
_PROJECT = re.compile(r"/projects/[^/\s]{1,100}/([^/\s]{1,100})/")
_ISSUE = re.compile(r"/issues/(\d{1,20})")


def parse(body: Any, _headers: Mapping[str, str]) -> list[Alert]:
    """Raises Malformed when there is neither an issue, an event nor a metric alert with a title."""
    return [_one(fields) for fields in bodies(body)]


def _one(body: Fields) -> Alert:
    data = body.inner("data") or body
    if metric := data.inner("metric_alert"):
        return _metric(body, data, metric)
    if "comment" in data or "installation" in data:
        return _gossip(body, data)
    issue, event = data.inner("issue", "group"), data.inner("event", "error")
    if "project_slug" in body or "project_name" in body:
        return _plugin(body, event)
    found = issue or event
    title = found.text("title", "message", "culprit")
    if not title:
        raise Malformed(Fault("data.issue.title", "is needed; or `data.event.title`, or `message`"))
    return _told(body, data, found, title)


def _told(body: Fields, data: Fields, found: Fields, title: str) -> Alert:
    named = tags(found.value("tags"))
    project = found.inner("project") or data.inner("project") or body.inner("project")
    slug = _PROJECT.search(found.text("url", most=2_000))
    asset = first(
        project.text("slug", "name"),
        slug.group(1) if slug else "",
        named.get("server_name", ""),
        found.text("project", "project_slug") if not found.inner("project") else "",
    )
    addresses = [found.text(name, most=2_000) for name in ("issue_url", "web_url", "permalink", "url")]
    issue = first(
        found.text("issue_id", "groupID"),
        found.text("id") if "event_id" not in found else "",
        *map(_issue, addresses),
    )
    said = found.inner("metadata").text("value", most=MESSAGE)
    return Alert(
        asset_name=asset or "Sentry",
        signature=title,
        tool=TOOL,
        status=_status(body.word("action"), found.word("status")),
        severity_word=severity(found.text("level"), named.get("level", "")),
        message=lines(*(one for one in (said, found.text("culprit")) if one != title)),
        occurred_at=moment(found.value("datetime", "lastSeen", "timestamp")),
        dedup_key=identity("issue", issue),
        labels=kept(
            project=project.text("name", "slug"),
            environment=first(found.text("environment"), named.get("environment", "")),
            server=named.get("server_name", ""),
            release=first(named.get("release", ""), found.text("release")),
            rule=data.text("triggered_rule"),
            issue=found.text("shortId"),
        ),
        link=link(found.value("web_url"), found.value("permalink"), found.value("url")),
        asset_note=None if asset else "the issue names no project; Sentry itself stands in",
    )


def _issue(address: str) -> str:
    found = _ISSUE.search(address)
    return found.group(1) if found else ""


def _status(action: str, state: str) -> AlertStatus:
    if action in _OVER or (action == "" and state in _OVER):
        return AlertStatus.RESOLVED
    return AlertStatus.FIRING if action in _FIRING else AlertStatus.NOTICE


def _plugin(body: Fields, event: Fields) -> Alert:
    """The plug-in tells of new issues only; it never says that one is over."""
    named = tags(event.value("tags"))
    address = link(body.value("url"))
    return Alert(
        asset_name=body.text("project_slug", "project_name", "project") or "Sentry",
        signature=first(
            body.text("message"), event.text("title", "message"), body.text("culprit"), "an error"
        ),
        tool=TOOL,
        severity_word=severity(body.text("level"), event.text("level")),
        message=body.text("culprit", most=MESSAGE),
        occurred_at=moment(event.value("received", "timestamp")),
        dedup_key=identity("issue", first(body.text("id"), _issue(address or ""))),
        labels=kept(
            project=body.text("project_name"),
            environment=named.get("environment", ""),
            server=named.get("server_name", ""),
            rule=first(*body.texts("triggering_rules")),
        ),
        link=address,
    )


def _metric(body: Fields, data: Fields, metric: Fields) -> Alert:
    """The title of a metric alert is a random name: its rule says what is wrong, its action how bad."""
    rule = metric.inner("alert_rule")
    name = first(rule.text("name"), data.text("description_title"), metric.text("title"), "a metric alert")
    projects = metric.texts("projects") or rule.texts("projects")
    action = body.word("action")
    return Alert(
        asset_name=first(*projects, "Sentry"),
        signature=name,
        tool=TOOL,
        status=_status(action, ""),
        severity_word=severity(action) if action not in _OVER else None,
        message=data.text("description_text", most=MESSAGE),
        occurred_at=moment(metric.value("date_closed" if action in _OVER else "date_detected")),
        dedup_key=identity("metric", rule.text("id") or metric.text("id"), first(*projects, "-")),
        labels=kept(organisation=metric.text("organization_id"), environment=rule.text("environment")),
        link=link(data.value("web_url")),
        asset_note=None if projects else "the alert names no project; Sentry itself stands in",
    )


def _gossip(body: Fields, data: Fields) -> Alert:
    what = "comment" if "comment" in data else "installation"
    return Alert(
        asset_name=data.text("project_slug") or "Sentry",
        signature=f"{what} {body.word('action')}".strip(),
        tool=TOOL,
        status=AlertStatus.NOTICE,
        severity_word="info",
        message=data.text("comment", most=MESSAGE),
        asset_note=None if data.text("project_slug") else "Sentry itself stands in",
    )

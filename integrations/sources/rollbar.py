"""Rollbar: items that are new, come back, repeat or are resolved; deployments and tests are notices.

The item's id is the identity. It lives in an environment; the server of the last occurrence is a label.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.alert import Alert, AlertStatus
from integrations.sources.fields import Fields, bodies, first, identity, kept, lines, link, severity
from integrations.sources.reading import MESSAGE, Fault, Malformed, moment

TOOL = "rollbar"
_LEVELS = {"10": "debug", "20": "info", "30": "warning", "40": "error", "50": "critical"}
_OVER = {"resolved_item", "item_resolved", "resolved"}
_NOTICES = {"deploy", "test", "item_assigned", "item_muted", "comment", "muted_item"}


def parse(body: Any, _headers: Mapping[str, str]) -> list[Alert]:
    """Raises Malformed when there is no item with a title."""
    return [_one(fields) for fields in bodies(body)]


def _one(body: Fields) -> Alert:
    name, data = body.word("event_name", "event"), body.inner("data") or body
    deploy = data.inner("deploy")
    if name in _NOTICES or deploy:
        return _notice(name or "deploy", data, deploy)
    item = data.inner("item")
    occurrence = data.inner("occurrence") or item.inner("last_occurrence") or data.inner("instance")
    told = occurrence.inner("body")
    title = first(
        item.text("title"), told.inner("message").text("body"), occurrence.text("title"), data.text("title")
    )
    if not title:
        raise Malformed(Fault("data.item.title", "is needed"))
    server = occurrence.inner("server").text("host")
    environment = first(item.text("environment"), occurrence.text("environment"), data.text("environment"))
    level = first(item.text("level"), occurrence.text("level"), data.text("level"))
    over = name in _OVER
    return Alert(
        asset_name=environment or server or "Rollbar",
        signature=title,
        tool=TOOL,
        status=AlertStatus.RESOLVED if over else AlertStatus.FIRING,
        severity_word=severity(_LEVELS.get(level, level)),
        message=_message(told, title),
        occurred_at=moment(item.value("last_occurrence_timestamp") or occurrence.value("timestamp")),
        dedup_key=identity("item", item.text("id")),
        labels=kept(
            environment=environment,
            server=server,
            project=first(item.text("project_id"), data.inner("project").text("name")),
            language=occurrence.text("language"),
            version=occurrence.text("code_version"),
            item=item.text("counter"),
        ),
        link=link(item.value("url"), data.value("url"), occurrence.value("url")),
        asset_note=None
        if environment or server
        else "the item names no environment; Rollbar itself stands in",
    )


def _message(told: Fields, title: str) -> str:
    """What the error says, where that is more than the title."""
    chain = told.each("trace_chain")
    raised = (told.inner("trace") or (chain[0] if chain else told)).inner("exception")
    words = (raised.text("class"), raised.text("message", "description", most=MESSAGE))
    found = first(": ".join(one for one in words if one), told.inner("message").text("body", most=MESSAGE))
    return "" if found == title else lines(found)


def _notice(name: str, data: Fields, deploy: Fields) -> Alert:
    environment = first(deploy.text("environment"), data.text("environment"))
    return Alert(
        asset_name=environment or "Rollbar",
        signature=name,
        tool=TOOL,
        status=AlertStatus.NOTICE,
        severity_word="info",
        message=first(deploy.text("comment", most=MESSAGE), data.text("message", most=MESSAGE)),
        labels=kept(
            revision=deploy.text("revision"), by=deploy.text("local_username"), environment=environment
        ),
        asset_note=None if environment else "Rollbar itself stands in",
    )

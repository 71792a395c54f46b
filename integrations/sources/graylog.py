"""Graylog: the HTTP notification of an event definition (3 and later) and the alarm callback of a stream (2). It sends
no recovery. `event.id` is new with every event; definition and key are the identity.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.alert import Alert
from integrations.sources.fields import Fields, link
from integrations.sources.reading import MESSAGE, key, moment
from integrations.sources.shapes import each, missing, plain

TOOL = "graylog"
_HOSTS = ("source", "host", "hostname", "host name", "source host", "device", "server", "node")
_PRIORITIES = {"1": "low", "2": "medium", "3": "high", "4": "critical", "normal": "medium"}


def parse(body: Any, _headers: Mapping[str, str]) -> list[Alert]:
    """Raises Malformed when a body is neither an event nor the result of a check."""
    return each(body, _one)


def _one(said: Fields) -> Alert:
    if said.inner("check result") or said.inner("stream"):
        return _stream_alert(said)
    event = said.inner("event") or said
    title = said.text("event definition title", "title") or event.text("message")
    if not title:
        raise missing("event_definition_title", "event", "check_result")
    fields, group = event.inner("fields"), event.inner("group by fields")
    grouped = group.text(*_HOSTS) or _key(event) or next(iter(plain(group).values()), "")
    source = event.text("source") or fields.text(*_HOSTS)
    priority = event.text("priority", "event priority", most=100).lower()
    definition = said.text("event definition id") or event.text("event definition id") or title
    return Alert(
        asset_name=grouped or source or "Graylog",
        signature=title,
        tool=TOOL,
        severity_word=_PRIORITIES.get(priority, priority) or None,
        message=event.text("message", most=MESSAGE)
        or said.text("event definition description", most=MESSAGE),
        occurred_at=moment(event.value("timestamp")),
        dedup_key=key(f"{definition} {_key(event) or grouped}".strip()),
        labels=plain(
            group,
            fields,
            {
                "event_definition_id": definition,
                "event_definition_type": said.text("event definition type"),
                "source": event.text("source"),
            },
        ),
        link=link(*(said.value(name) for name in ("replay url", "event url", "link", "url"))),
        asset_note=None if grouped else "the event has no key; its source stands in",
    )


def _key(event: Fields) -> str:
    return event.text("key") or "|".join(event.texts("key tuple")[:10])


def _stream_alert(said: Fields) -> Alert:
    result, stream = said.inner("check result"), said.inner("stream")
    condition = result.inner("triggered condition")
    title = stream.text("title", "description") or "stream without a title"
    what = condition.text("title", "type")
    sources = [found for one in result.each("matching messages")[:1000] if (found := one.text("source"))]
    return Alert(
        asset_name=sources[0] if sources else title,
        signature=f"{title}: {what}" if what else title,
        tool=TOOL,
        message=result.text("result description", most=MESSAGE),
        occurred_at=moment(result.value("triggered at")),
        dedup_key=key(condition.text("id")) or None,
        labels=plain(
            {
                "stream": stream.text("title"),
                "stream_id": stream.text("id"),
                "condition": condition.text("type"),
            }
        ),
        link=link(said.value("stream url")),
        asset_note=None
        if len(set(sources)) == 1
        else "several or no sources matched; the first or the stream stands in",
    )

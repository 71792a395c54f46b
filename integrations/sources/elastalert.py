"""ElastAlert 2's http_post: the fields of `http_post_payload` and `http_post_static_payload`, which the customer names,
or the whole document that matched. `_id` is that document's and new with every match.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.alert import Alert, AlertStatus
from engine.classification import severity_of_word
from integrations.sources.fields import Fields, link
from integrations.sources.reading import MESSAGE, key, moment, text
from integrations.sources.shapes import each, missing, plain, spread

TOOL = "elastalert"
_NAMES = ("title", "alert subject", "rule name", "rule", "alert name", "name", "subject", "summary")
_HOSTS = ("host name", "hostname", "host", "agent hostname", "beat hostname", "host hostname", "agent name", "instance",
          "server", "node", "computer name", "kubernetes pod name")  # fmt: skip
_LINKS = ("kibana discover url", "kibana link", "link", "url")
_MESSAGES = ("description", "alert text", "message", "details", "body", "text")
_SEVERITIES = ("severity", "alert severity", "level", "log level", "priority")
_STATES = dict.fromkeys(("resolve", "resolved", "close", "closed", "ok", "recovered"), AlertStatus.RESOLVED)
_STATES |= dict.fromkeys(("acknowledge", "acknowledged", "ack"), AlertStatus.NOTICE)


def parse(body: Any, _headers: Mapping[str, str]) -> list[Alert]:
    """Raises Malformed when a body has neither a title nor a rule nor a message."""
    return each(body, _one)


def _one(said: Fields) -> Alert:
    said = spread({name: one for name, one in said.raw.items() if not str(name).startswith("_")})
    name, message = said.text(*_NAMES), said.text(*_MESSAGES, most=MESSAGE)
    if not name and not message:
        raise missing("Title", "rule_name", "Description")
    asset = said.text(*_HOSTS)
    words = (said.text(one, most=100) for one in _SEVERITIES)
    state = said.text("event type", "event action", "status", "state").lower()
    return Alert(
        asset_name=asset or "ElastAlert",
        signature=name or text(message),
        tool=TOOL,
        status=_STATES.get(state, AlertStatus.FIRING),
        severity_word=next((word for word in words if severity_of_word(word)), None),
        message=message,
        occurred_at=moment(said.value("@timestamp", "timestamp", "time")),
        dedup_key=key(said.text("id", "alias", "incident key", "dedup key")) or None,
        labels=plain(said, leaving=_MESSAGES),
        link=link(*(said.value(name) for name in _LINKS)),
        asset_note=None if asset else "the alert names no host",
    )

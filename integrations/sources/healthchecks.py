"""Healthchecks.io: the webhook, which is a customer's template (`$NAME`, `$STATUS`, `$CODE`, or the whole check as
`$JSON`), and the form of PagerDuty's first events, in which several products pass it on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from engine.alert import Alert
from integrations.sources.fields import Fields, first, identity, kept, link
from integrations.sources.monitored import FIRING, NOTICE, entries, named, needed, numbered, status_of
from integrations.sources.reading import MESSAGE, moment

TOOL = "healthchecks"
_TEST = "TEST"
"""The check of a test notification: it goes down and never up."""
_VERDICT = re.compile(r"^(?P<name>.+?)\s+(?:is|went)\s+(?P<state>up|down)\W*$", re.IGNORECASE | re.DOTALL)


def parse(body: Any, _headers: Mapping[str, str]) -> list[Alert]:
    """Raises Malformed when a body names no check, or says no state."""
    return [_one(said) for said in entries(body)]


def _one(said: Fields) -> Alert:
    check = said.inner("check", "json", "data", "payload")
    title = first(said.text("title", "summary", "subject"), check.text("title", "summary"))
    verdict = _VERDICT.match(title)
    name = first(
        named(said, "name", "check_name", "check"),
        check.text("name", "check_name"),
        verdict["name"] if verdict else title,
        check.text("slug"),
        said.text("slug"),
    )
    number = first(*(one.text(*_KEYS) for one in (said, check)))
    if not first(name, number):
        raise needed("name", "title", "incident_key")
    state = first(
        *(one.text(*_STATES, most=100) for one in (said, check)), verdict["state"] if verdict else ""
    )
    if not state:
        raise needed("status", "event_type")
    return Alert(
        asset_name=first(name, numbered("check", number)),
        signature="check down",
        tool=TOOL,
        status=NOTICE if name == _TEST else status_of(state) or FIRING,
        message=first(*(one.text(*_MESSAGES, most=MESSAGE) for one in (said, check)), f"{name} is {state}")[
            :MESSAGE
        ],
        occurred_at=moment(said.value("now", "timestamp", "time", "date")),
        dedup_key=identity(number),
        labels=kept(
            check_id=number,
            tags=first(" ".join(said.texts("tags")), " ".join(check.texts("tags"))),
            project=first(said.text("project"), check.text("project")),
        ),
        link=link(said.text("details_url", "cloaked_url", "client_url", most=2000)),
    )


_KEYS = ("incident_key", "code", "uuid", "unique_key", "dedup_key", "check_id", "id")
_STATES = ("event_type", "event_action", "status", "state", "action")
_MESSAGES = ("description", "message", "body", "desc")

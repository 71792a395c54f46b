"""Zabbix: the body is what the customer's media type sends, over macros such as {EVENT.NAME}; the script of our guide
comes first, the parameters of the media types that Zabbix ships next.

The text of a trigger may change on recovery, and its title may still say "Problem": the trigger's id and `event_value`
do not mislead.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from engine.alert import Alert, AlertStatus
from integrations.sources.fields import Fields, bodies, first, identity, kept, lines, link, severity, tags
from integrations.sources.reading import MESSAGE, Fault, Malformed, labels, moment

TOOL = "zabbix"
_NAMES = (
    "event_name",
    "trigger_name",
    "trigger",
    "problem",
    "problem_name",
    "name",
    "title",
    "subject",
    "alert_subject",
)
_TEXTS = ("description", "message", "alert_message", "event_opdata", "opdata", "item", "trigger_description")
_HOSTS = (
    "hostname",
    "host_name",
    "host",
    "host_visible_name",
    "hostname_visible",
    "event_host",
    "host_host",
    "host_dns",
)
_PREFIX = re.compile(
    r"^\s*(?:\[[^\]]{1,40}\]\s*)?(?:(?:updated? )?problem(?: update[d]?)?|resolved|recovery|recovered|ok|update)"
    r"(?: in [\dywdhms .]{1,40})?\s*:\s+",
    re.IGNORECASE,
)
_OVER_TITLE = re.compile(r"^\s*(?:\[[^\]]{1,40}\]\s*)?(?:resolved|recovery|recovered|ok)\b", re.IGNORECASE)
_HOST_LINE = re.compile(r"^\s*host(?:\s?name)?\s*:\s*(\S[^\r\n]{0,200})", re.IGNORECASE | re.MULTILINE)
_NAME_LINE = re.compile(
    r"^\s*(?:problem name|trigger)\s*:\s*(\S[^\r\n]{0,400})", re.IGNORECASE | re.MULTILINE
)
_IN_TRIGGER = re.compile(
    r"\bon (?:host )?([A-Za-z0-9][\w-]*(?:\.[\w-]+)+|[A-Za-z][\w]*-[\w-]+|[A-Za-z]+\d+)\b"
)
_PROBLEM_ID = re.compile(r"^\s*original problem id\s*:\s*(\d{1,20})", re.IGNORECASE | re.MULTILINE)
_TRIGGER_ID = re.compile(r"triggerids?(?:%5B%5D|\[\])?=(\d{1,20})", re.IGNORECASE)
_WORDS = {
    "0": "not classified",
    "1": "information",
    "2": "warning",
    "3": "average",
    "4": "high",
    "5": "disaster",
}
_OVER = {"ok", "resolved", "recovered", "recovery", "0", "resolve", "closed"}
_SEEN = {"acknowledged", "acknowledge", "update", "updated", "ack"}


def parse(body: Any, _headers: Mapping[str, str]) -> list[Alert]:
    """Raises Malformed when nothing names the trigger."""
    return [_one(fields) for fields in bodies(body)]


def _one(fields: Fields) -> Alert:
    told = lines(*(fields.text(name, most=MESSAGE) for name in _TEXTS))
    named = _NAME_LINE.search(told)
    parts = fields.inner("event"), fields.inner("trigger")
    title = first(
        fields.text(*_NAMES), *(part.text("name") for part in parts), named.group(1).strip() if named else ""
    )
    name = _PREFIX.sub("", title).strip()
    if not name:
        raise Malformed(Fault("event_name", "is needed; or `trigger`, `title`, or a line “Problem name:”"))
    asset = _asset(fields, told, name)
    address = link(
        fields.value("link"), fields.value("url"), fields.value("event_url"), fields.value("trigger_url")
    )
    trigger = first(fields.text("trigger_id"), parts[1].text("id", "triggerid"))
    if not trigger and (found := _TRIGGER_ID.search(address or "")):
        trigger = found.group(1)
    original = _PROBLEM_ID.search(told)
    event = first(
        fields.text("event_id", "problem_id", "original_problem_id"),
        parts[0].text("id", "eventid"),
        original.group(1) if original else "",
    )
    number = fields.text("event_nseverity", "trigger_nseverity", "nseverity")
    word = first(
        _WORDS.get(number, ""),
        fields.text("severity", "event_severity", "trigger_severity", "priority"),
        *(part.text("severity", "priority") for part in parts),
    )
    return Alert(
        asset_name=asset or "Zabbix",
        signature=name,
        tool=TOOL,
        status=_status(fields, title),
        severity_word=severity(_WORDS.get(word, word)),
        message=told,
        occurred_at=moment(fields.value("event_timestamp", "timestamp")),
        dedup_key=identity("trigger", trigger) or identity("event", event),
        labels={
            **labels(tags(fields.value("event_tags", "tags", "trigger_tags"))),
            **kept(
                host_group=fields.text("host_group", "hostgroup", "trigger_hostgroup_name", "host_groups"),
                address=fields.text("host_ip", "ip", "host_conn"),
                zabbix=fields.text("zabbix_url"),
            ),
        },
        link=address or _page(fields, trigger, event),
        asset_note=None if asset else "the trigger names no host; Zabbix itself stands in",
    )


def _asset(fields: Fields, told: str, name: str) -> str:
    line, inside = _HOST_LINE.search(told), _IN_TRIGGER.search(name)
    host = fields.inner("host")
    return first(
        fields.text(*_HOSTS) if not host else host.text("name", "host"),
        line.group(1).strip() if line else "",
        inside.group(1) if inside else "",
        fields.text("host_ip", "ip", "host_conn"),
    )


def _status(fields: Fields, title: str) -> AlertStatus:
    parts = fields.inner("event"), fields.inner("trigger")
    word = first(
        fields.word("status", "event_status", "trigger_status", "problem_status", "state"),
        *(part.word("status") for part in parts),
    )
    if fields.text("event_update_status") == "1" or word in _SEEN:
        return AlertStatus.NOTICE
    value = first(
        fields.text("event_value", "trigger_value", "event_recovery_value"),
        *(part.text("value") for part in parts),
    )
    if value in ("0", "1"):
        return AlertStatus.RESOLVED if value == "0" else AlertStatus.FIRING
    if word:
        return AlertStatus.RESOLVED if word in _OVER else AlertStatus.FIRING
    return AlertStatus.RESOLVED if _OVER_TITLE.match(title) else AlertStatus.FIRING


def _page(fields: Fields, trigger: str, event: str) -> str | None:
    address = link(fields.value("zabbix_url"))
    if address is None or not trigger or not event:
        return None
    return link(f"{address.rstrip('/')}/tr_events.php?triggerid={trigger}&eventid={event}")

"""Notifications of hosts and their services, as Nagios, Naemon, Icinga and Checkmk know them: the same macros, in
whatever spelling a notification command writes them.

The kind of notification decides, else the state; the service, or the host's own check, is what is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.alert import Alert, AlertStatus
from integrations.sources.fields import Fields, first, folded, identity, kept, link
from integrations.sources.monitored import FIRING, NOTICE, RESOLVED, entries, needed, sentence, tenant
from integrations.sources.reading import MESSAGE, moment, text

HOST_CHECK = "host check"
_PREFIXES = ("notify", "nagios", "icinga", "naemon")
_WRAPPERS = (
    "details",
    "custom_details",
    "data",
    "alert",
    "event",
    "notification",
    "context",
    "payload",
    "macros",
)
_LISTS = ("contexts", "notifications", "alerts", "events")
_SERVICE_STATES = {"0": "OK", "1": "WARNING", "2": "CRITICAL", "3": "UNKNOWN"}
_HOST_STATES = {"0": "UP", "1": "DOWN", "2": "UNREACHABLE"}
_WELL = frozenset({"ok", "up"})
_KNOWN = _WELL | {
    "err",
    "alert",
    "emerg",
    "warning",
    "warn",
    "critical",
    "crit",
    "unknown",
    "down",
    "unreachable",
    "unreach",
}
_NOTICES = (
    "ack",
    "downtime",
    "flap",
    "custom",
    "comment",
    "alerthandler",
    "scheduled",
    "test",
    "mute",
    "unmute",
    "incident",
)
_KIND = ("notification_type", "notificationtype", "type", "event_type")


def notifications(body: Any, tool: str) -> list[Alert]:
    """Raises Malformed when an entry names no host."""
    return [_one(said, tool) for whole in entries(body) for said in _contexts(whole)]


def _contexts(whole: Fields) -> list[Fields]:
    several = next((found for name in _LISTS if (found := whole.each(name))), None)
    return [_plain(one) for one in several] if several else [_plain(whole)]


def _plain(said: Fields) -> Fields:
    """The macros without what a script puts before each name, out of the object they may lie in; Icinga's objects
    `host`, `service` and `check_result`, or `object` and `incident` of Icinga Notifications, as macros."""
    named: dict[str, Any] = {}
    for name, value in said.raw.items():
        plain = folded(str(name))
        prefix = next((one for one in _PREFIXES if plain.startswith(one) and plain != one), None)
        named[plain.removeprefix(prefix) if prefix else str(name)] = value
    inside = Fields(named).inner(*_WRAPPERS)
    for name, value in inside.raw.items():
        named.setdefault(str(name), value)
    macros = Fields(named)
    if macros.inner("object").inner("tags"):
        return Fields(named | _incident(macros))
    return Fields(named | _objects(macros)) if macros.inner("host", "service", "check_result") else macros


def _incident(said: Fields) -> dict[str, Any]:
    thing, incident, event = said.inner("object"), said.inner("incident"), said.inner("event")
    about = thing.inner("tags")
    return {
        "hostname": about.text("host", "hostname"),
        "servicedesc": about.text("service"),
        "notification_type": event.text("type"),
        "state": incident.text("severity"),
        "output": event.text("message", most=MESSAGE),
        "author": event.text("username"),
        "url": first(incident.text("url", most=2000), thing.text("url", most=2000)),
    }


def _objects(said: Fields) -> dict[str, Any]:
    host, service, result = said.inner("host"), said.inner("service"), said.inner("check_result")
    found = {
        "hostname": first(host.text("name", "host_name", "display_name"), service.text("host_name", "host")),
        "hostalias": host.text("display_name", "alias"),
        "hostaddress": host.text("address"),
        "hoststate": host.text("state"),
        "hostoutput": first(
            host.text("output", "plugin_output"), host.inner("last_check_result").text("output")
        ),
        "servicedesc": service.text("name", "service_description", "description", "display_name").rpartition(
            "!"
        )[2],
        "servicestate": service.text("state"),
        "serviceoutput": first(
            service.text("output", "plugin_output"), service.inner("last_check_result").text("output")
        ),
    }
    state = result.text("state", "exit_status")
    checked = "service" if said.value("service") else "host"
    if state:
        found[f"{checked}state"] = state
    if output := result.text("output", most=MESSAGE):
        found[f"{checked}output"] = output
    read = {name: None for name, value in said.raw.items() if isinstance(value, Mapping)}
    return {**read, **{name: value for name, value in found.items() if value}}


def _one(said: Fields, tool: str) -> Alert:
    host = said.text(
        "hostname",
        "host_name",
        "host",
        "hostalias",
        "host_alias",
        "host_display_name",
        "hostdisplay",
        "alias",
    )
    address = said.text("hostaddress", "host_address", "address", "address6")
    if not first(host, address):
        raise needed("HOSTNAME", "host_name", "HOSTADDRESS")
    about = said.word("what", "object_type", "objecttype")
    service = "" if about == "host" else _service(said)
    if not service and (about == "service" or said.text("servicestate", "service_state")):
        service = "service without a name"
    state = _state(said, service)
    kind = said.word(*_KIND)
    outputs = _SERVICE_OUTPUTS if service else _HOST_OUTPUTS
    comment = said.text("notification_comment", "notificationcomment", "comment", most=MESSAGE)
    status = _status(kind, state)
    word = kind if status is NOTICE else state
    return Alert(
        asset_name=first(host, address),
        signature=first(service, HOST_CHECK),
        tool=tool,
        status=status,
        severity_word=state or None,
        message=sentence(word, said.text(*outputs, most=MESSAGE), comment)[:MESSAGE],
        occurred_at=moment(
            said.value("timet", "microtime", "timestamp", "date_time", "longdatetime", "short_date_time")
        ),
        dedup_key=identity(first(host, address).lower(), first(service, HOST_CHECK).lower()),
        labels=_labels(said, address) | tenant(said),
        link=link(*(said.text(name, most=2000) for name in _LINKS)),
    )


def _service(said: Fields) -> str:
    return said.text("servicedesc", "service_description", "service_desc", "servicename", "service_name", "service",
                     "servicedisplayname", "service_display_name", "servicedisplay",
                     "description")  # fmt: skip


_SERVICE_OUTPUTS = ("serviceoutput", "service_output", "output", "plugin_output", "longserviceoutput",
                    "long_service_output", "message", "summary")  # fmt: skip
_HOST_OUTPUTS = ("hostoutput", "host_output", "output", "plugin_output", "longhostoutput", "long_host_output",
                 "message", "summary")  # fmt: skip
_LINKS = ("url", "serviceactionurl", "hostactionurl", "service_url", "host_url", "link", "notification_url")


def _state(said: Fields, service: str) -> str:
    """The state word of the service, or of the host; numbers as words. Of a service a `severity` counts before a
    `status`, which Checkmk's senders fill with UP and DOWN; of a host the other way round."""
    if service:
        names, numbers = (
            ("servicestate", "service_state", "servicestateid", "severity", "state", "status"),
            _SERVICE_STATES,
        )
    else:
        names, numbers = (
            ("hoststate", "host_state", "hoststateid", "status", "state", "severity"),
            _HOST_STATES,
        )
    for name in names:
        word = said.text(name, most=100).removesuffix(".0")
        word = numbers.get(word, word)
        if word.lower() in _KNOWN:
            return word
    return ""


def _status(kind: str, state: str) -> AlertStatus:
    plain = folded(kind)
    if plain.startswith(_NOTICES):
        return NOTICE
    if plain in _WELL or plain.startswith(("recovery", "resolve")):
        return RESOLVED
    if plain in _KNOWN or plain.startswith(("problem", "trigger")):
        return FIRING
    return RESOLVED if state.lower() in _WELL else FIRING


def _labels(said: Fields, address: str) -> dict[str, str]:
    return kept(
        address=address,
        alias=said.text("hostalias", "host_alias", "alias"),
        site=said.text("site", "omd_site"),
        host_groups=said.text("hostgroupnames", "hostgroups", "host_groups", "hostgroupname"),
        service_groups=said.text("servicegroupnames", "servicegroups", "service_groups", "servicegroupname"),
        check_command=text(
            said.text("servicecheckcommand", "hostcheckcommand", "check_command").partition("!")[0]
        ),
        state_type=said.text("servicestatetype", "hoststatetype", "service_state_type", "state_type"),
        author=said.text("notificationauthor", "notification_author", "author"),
        contact_groups=said.text("contactgroupnames", "contactgroups"),
    )

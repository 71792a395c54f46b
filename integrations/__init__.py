"""What monitoring tools say, turned into alerts: one small pure parser a tool, in one dict."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from engine.alert import Alert
from integrations.sources import (
    alertmanager,
    checkmk,
    cronitor,
    deadmanssnitch,
    generic,
    healthchecks,
    hetrixtools,
    icinga,
    librenms,
    nagios,
    pingdom,
    prtg,
    site24x7,
    solarwinds,
    statuscake,
    statuspage,
    updown,
    uptimecom,
    uptimekuma,
    uptimerobot,
)

Parse = Callable[[Any, Mapping[str, str]], list[Alert]]
"""(decoded body, headers) → alerts. Pure. Raises integrations.sources.reading.Malformed naming every faulty field; what
cannot be decoded never comes here (integrations.sources.decoding.decode raises Undecodable)."""

SOURCES: dict[str, Parse] = {
    "alerts": generic.parse,
    "alertmanager": alertmanager.parse,
    "checkmk": checkmk.parse,
    "cronitor": cronitor.parse,
    "deadmanssnitch": deadmanssnitch.parse,
    "healthchecks": healthchecks.parse,
    "hetrixtools": hetrixtools.parse,
    "icinga": icinga.parse,
    "librenms": librenms.parse,
    "nagios": nagios.parse,
    "pingdom": pingdom.parse,
    "prtg": prtg.parse,
    "site24x7": site24x7.parse,
    "solarwinds": solarwinds.parse,
    "statuscake": statuscake.parse,
    "statuspage": statuspage.parse,
    "updown": updown.parse,
    "uptimecom": uptimecom.parse,
    "uptimekuma": uptimekuma.parse,
    "uptimerobot": uptimerobot.parse,
}

"""Tools that watch sites, jobs, hosts and services: whatever stands in their fields, a body gives alerts or a refusal;
the commands and the script of their guides send what their parsers read."""

from __future__ import annotations

import contextlib
import copy
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.alert import Alert, AlertStatus
from integrations import SOURCES
from integrations.sources.decoding import Undecodable, decode
from integrations.sources.reading import KEY, LABEL, MESSAGE, MOST_LABELS, NAME, Malformed
from tests.integrations.test_golden import OWN, identities, truths
from tests.integrations.test_guides import page
from tests.integrations.test_reading import json_values

TOOLS = [
    "checkmk",
    "cronitor",
    "deadmanssnitch",
    "healthchecks",
    "hetrixtools",
    "icinga",
    "librenms",
    "nagios",
    "pingdom",
    "prtg",
    "site24x7",
    "solarwinds",
    "statuscake",
    "statuspage",
    "updown",
    "uptimecom",
    "uptimekuma",
    "uptimerobot",
]


def bodies(tool: str) -> list[Any]:
    return [decode((OWN / case["file"]).read_bytes()) for case in truths(OWN) if case["tool"] == tool]


def places(document: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value in it."""
    yield at
    if isinstance(document, dict | list):
        for name, one in document.items() if isinstance(document, dict) else enumerate(document):
            yield from places(one, (*at, name))


def changed(document: Any, at: tuple[Any, ...], value: Any) -> Any:
    if not at:
        return value
    made = copy.deepcopy(document)
    place = made
    for name in at[:-1]:
        place = place[name]
    place[at[-1]] = value
    return made


def parse(tool: str, body: Any) -> list[Alert]:
    return SOURCES[tool](body, {})


def is_fit_to_keep(alert: Alert) -> bool:
    texts = (alert.asset_name, alert.signature, alert.message, *alert.labels, *alert.labels.values())
    for text in texts:
        text.encode()
    return (
        0 < len(alert.asset_name) <= NAME
        and 0 < len(alert.signature) <= NAME
        and len(alert.message) <= MESSAGE
        and len(alert.labels) <= MOST_LABELS
        and len(alert.severity_word or "") <= 100
        and all(len(one) <= LABEL for one in alert.labels.values())
        and (alert.dedup_key is None or 0 < len(alert.dedup_key) <= KEY)
        and (alert.link is None or alert.link.startswith(("http://", "https://")))
    )


@pytest.mark.parametrize("tool", TOOLS)
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_value_in_any_field_gives_alerts_or_a_refusal(tool: str, data: st.DataObject):
    body = data.draw(st.sampled_from(bodies(tool)))
    for _ in range(data.draw(st.integers(1, 3))):
        body = changed(body, data.draw(st.sampled_from(list(places(body)))), data.draw(json_values))
    began = time.process_time()
    found: list[Alert] = []
    with contextlib.suppress(Malformed):
        found = parse(tool, body)
    assert time.process_time() - began < 0.05
    assert all(is_fit_to_keep(alert) for alert in found)


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize(
    "value", ["x" * 500_000, "<" * 500_000, "[a] [" * 100_000, "Alert for device a - " * 30_000]
)
def test_a_very_long_text_takes_no_time(tool: str, value: str):
    for body in bodies(tool)[:3]:
        for at in list(places(body))[1:40]:
            began = time.process_time()
            with contextlib.suppress(Malformed):
                parse(tool, changed(body, at, value))
            assert time.process_time() - began < 0.05


def spelt(document: Any, how: Any) -> Any:
    """The same with its field names spelt otherwise, in another order, and with numbers as text."""
    if isinstance(document, dict):
        return {how(name): spelt(one, how) for name, one in reversed(document.items())}
    if isinstance(document, list):
        return [spelt(one, how) for one in document]
    return str(document) if isinstance(document, int | float) and not isinstance(document, bool) else document


SPELLINGS = {
    "upper": str.upper,
    "lower": str.lower,
    "snake": lambda name: re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower(),
    "camel": lambda name: re.sub(r"_([a-z])", lambda found: found[1].upper(), name),
    "spaced": lambda name: name.replace("_", " ").title(),
}


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("spelling", list(SPELLINGS))
def test_a_template_may_spell_its_names_as_it_likes(tool: str, spelling: str):
    for case in truths(OWN):
        if case["tool"] != tool or case.get("http") or case["file"].endswith(".txt"):
            continue
        body = decode((OWN / case["file"]).read_bytes())
        plain, other = parse(tool, body), parse(tool, spelt(body, SPELLINGS[spelling]))
        assert [one.status for one in plain] == [one.status for one in other], case["case"]
        assert [one.asset_name for one in plain] == [one.asset_name for one in other], case["case"]
        assert all(identities(a) & identities(b) for a, b in zip(plain, other, strict=True)), case["case"]


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("body", [None, 7, "down", [], [7], {}, [{}], {"x": 1}, [{"x": 1}, None]])
def test_what_says_nothing_is_refused_by_name(tool: str, body: Any):
    if body == []:
        assert parse(tool, body) == []
        return
    with pytest.raises(Malformed, match=r"needed|must be"):
        parse(tool, body)


def test_more_alerts_than_one_body_may_hold_are_refused():
    with pytest.raises(Malformed, match="1,001 alerts"):
        parse("updown", [{"event": "check.down", "check": {"url": "https://a.example"}}] * 1_001)


@pytest.mark.parametrize(
    ("kind", "state", "status"),
    [
        ("PROBLEM", "CRITICAL", "firing"),
        ("PROBLEM", "OK", "firing"),
        ("RECOVERY", "CRITICAL", "resolved"),
        ("RECOVERY (OK)", "", "resolved"),
        ("", "OK", "resolved"),
        ("", "WARNING", "firing"),
        ("", "", "firing"),
        ("UPDATE", "CRITICAL", "firing"),
        ("StateChange", "OK", "resolved"),
        ("ACKNOWLEDGEMENT", "CRITICAL", "info"),
        ("Acknowledgement", "OK", "info"),
        ("FLAPPINGSTART", "CRITICAL", "info"),
        ("FlappingEnd", "OK", "info"),
        ("DOWNTIMESTART", "CRITICAL", "info"),
        ("DOWNTIMECANCELLED", "OK", "info"),
        ("CUSTOM", "CRITICAL", "info"),
        ("ALERTHANDLER (OK)", "CRITICAL", "info"),
    ],
)
@pytest.mark.parametrize("tool", ["nagios", "icinga", "checkmk"])
def test_the_kind_of_a_notification_decides_and_without_one_the_state(
    tool: str, kind: str, state: str, status: str
):
    (alert,) = parse(
        tool, {"notification_type": kind, "host": "web-05", "servicedesc": "disk", "servicestate": state}
    )
    assert alert.status == status


@pytest.mark.parametrize(
    ("said", "status", "word"),
    [
        ("Down", "firing", "Down"),
        ("Down (Partial)", "firing", "Down"),
        ("Down ESCALATION", "firing", "Down"),
        ("Down ended (now: Up)", "resolved", "Up"),
        ("Down ended (now: Warning)", "firing", "Warning"),
        ("Warning ended (now: Down)", "firing", "Down"),
        ("Up ended (now: Unusual)", "firing", "Unusual"),
        ("Down ended (now: Unknown)", "no_data", "Unknown"),
        ("Warning ended (now: Paused)", "info", "Paused"),
        ("Down (Acknowledged)", "info", "Down"),
        ("Down (simulated)", "info", "Down"),
        ("5", "firing", "Down"),
        ("4", "firing", "Warning"),
        ("3", "resolved", "Up"),
        ("1", "no_data", "Unknown"),
    ],
)
def test_what_a_sensor_is_now_decides(said: str, status: str, word: str):
    (alert,) = parse("prtg", {"device": "sw-1", "sensor": "Ping", "status": said})
    assert (alert.status, alert.severity_word) == (status, word)


@pytest.mark.parametrize("tool", ["site24x7", "prtg", "librenms", "nagios", "solarwinds"])
def test_whose_it_is_becomes_a_label_and_a_secret_never_does(tool: str):
    body = {
        "monitorname": "x",
        "device": "x",
        "hostname": "x",
        "nodename": "x",
        "alertname": "x",
        "status": "down",
    }
    mine = {"CustomerName": "Acme Corp", "tenant_id": 7, "company_api_key": "k", "CustomerToken": "t"}
    (alert,) = parse(tool, body | mine)
    assert alert.labels["CustomerName"] == "Acme Corp" and alert.labels["tenant_id"] == "7"
    assert not {"company_api_key", "CustomerToken"} & alert.labels.keys()


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://probe:do-not-show@a.example/x?id=1&token=do-not-show", "https://a.example/x?id=1"),
        ("wss://a.example/live?token=do-not-show", "wss://a.example/live"),
        ("mqtt://probe:do-not-show@a.example:1883", "mqtt://a.example:1883"),
        ("a.example", "a.example"),
        ("10.1.2.3", "10.1.2.3"),
    ],
)
def test_an_address_is_shown_without_its_secrets(address: str, shown: str):
    (alert,) = parse("uptimekuma", {"heartbeat": {"status": 0}, "monitor": {"name": "x", "url": address}})
    assert alert.asset_name == shown and "do-not-show" not in str(alert)


@pytest.mark.parametrize(
    ("word", "status"),
    [("OK", "resolved"), ("not OK", "firing"), ("Not healthy", "firing"), ("🔴 Down", "firing")],
)
def test_not_ok_is_not_ok(word: str, status: str):
    (alert,) = parse("site24x7", {"monitorname": "x", "status": word})
    assert alert.status == status


COMMAND = {
    "notification.type": ("PROBLEM", "RECOVERY"),
    "service.state": ("CRITICAL", "OK"),
    "host.state": ("DOWN", "UP"),
    "host.name": ("web-05", "web-05"),
    "service.name": ("disk & more", "disk & more"),
    "output": ("3 % left; a=b", "fine"),
}
MACROS = {
    "NOTIFICATIONTYPE": COMMAND["notification.type"],
    "SERVICESTATE": COMMAND["service.state"],
    "HOSTSTATE": COMMAND["host.state"],
    "HOSTNAME": COMMAND["host.name"],
    "SERVICEDESC": COMMAND["service.name"],
    "host.output": COMMAND["output"],
    "service.output": COMMAND["output"],
    "HOSTOUTPUT": COMMAND["output"],
    "SERVICEOUTPUT": COMMAND["output"],
    **COMMAND,
}


@pytest.mark.parametrize("tool", ["nagios", "icinga"])
def test_the_commands_of_a_guide_send_what_its_parser_reads(tool: str):
    blocks = re.findall(
        r"(?:define command|NotificationCommand).*?(?:\n}|/api/webhooks)", page(tool), re.DOTALL
    )
    assert len(blocks) == 2
    for block, state in zip(blocks, ("DOWN", "CRITICAL"), strict=True):
        named = re.findall(r"['\"](\w+)=\$([\w.]+)\$['\"]", block)
        firing, recovery = (
            parse(
                tool,
                decode(
                    urlencode({name: MACROS.get(macro, ("", ""))[after] for name, macro in named}).encode()
                ),
            )
            for after in (0, 1)
        )
        (alert,), (end,) = firing, recovery
        assert (alert.asset_name, alert.severity_word, alert.status) == ("web-05", state, AlertStatus.FIRING)
        assert alert.signature == ("host check" if state == "DOWN" else "disk & more")
        assert alert.message.endswith("3 % left; a=b")
        assert end.status is AlertStatus.RESOLVED and identities(alert) & identities(end)


def test_the_script_of_checkmk_sends_the_notification_and_never_the_key_in_the_body(tmp_path: Path):
    (script,) = re.findall(r"```python\n(.*?)```", page("checkmk"), re.DOTALL)
    (tmp_path / "alert_whisperer").write_text(script, "utf-8")
    taken: list[tuple[bytes, str]] = []

    class Taker(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.append((self.rfile.read(int(self.headers["Content-Length"])), self.headers["X-API-Key"]))
            self.send_response(202)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing is written."""

    server = HTTPServer(("127.0.0.1", 0), Taker)
    Thread(target=server.handle_request, daemon=True).start()
    said = {
        "NOTIFY_WHAT": "SERVICE",
        "NOTIFY_NOTIFICATIONTYPE": "PROBLEM",
        "NOTIFY_HOSTNAME": "erp-02",
        "NOTIFY_SERVICEDESC": "CPU load",
        "NOTIFY_SERVICESTATE": "WARNING",
        "NOTIFY_PARAMETER_1": f"http://127.0.0.1:{server.server_port}/api/webhooks/checkmk",
        "NOTIFY_PARAMETER_2": "aw_key",
        "OMD_SITE": "prod",
    }
    done = subprocess.run([sys.executable, tmp_path / "alert_whisperer"], env=said, timeout=30, check=False)
    server.server_close()
    ((body, key),) = taken
    assert done.returncode == 0 and key == "aw_key" and b"aw_key" not in body
    (alert,) = parse("checkmk", decode(body))
    assert (alert.asset_name, alert.signature, alert.severity_word) == ("erp-02", "CPU load", "WARNING")
    assert alert.labels["site"] == "prod"
    again = subprocess.run(
        [sys.executable, tmp_path / "alert_whisperer"], env=said, timeout=30, check=False, capture_output=True
    )
    assert again.returncode == 1, "nobody listens: Checkmk is told to try again"


def test_uptime_kumas_form_data_is_read():
    beat = {
        "heartbeat": {"monitorID": 7, "status": 0},
        "monitor": {"id": 7, "name": "Firewall", "type": "ping"},
    }
    body = (
        "--axios-1.7.9-boundary-Xy\r\n"
        'Content-Disposition: form-data; name="data"\r\n\r\n'
        f"{json.dumps(beat)}\r\n"
        "--axios-1.7.9-boundary-Xy--\r\n"
    )
    (alert,) = parse("uptimekuma", decode(body.encode()))
    assert (alert.asset_name, alert.signature) == ("Firewall", "ping down")


@pytest.mark.parametrize("body", [b"--", b"--x", b"--x\r\n", b"--x\r\n\r\n--x--", b"-- not a form\r\nname=1"])
def test_what_only_begins_like_form_data_is_refused(body: bytes):
    with pytest.raises(Undecodable):
        decode(body)


@pytest.mark.parametrize(
    "unfilled",
    [
        "$SERVICEDESC$",
        "*monitorTags*",
        "{{ $sysName }}",
        "{{ sysName }}",
        "${N=SwisEntity;M=Caption}",
        "%device",
    ],
)
def test_a_variable_that_a_tool_left_as_it_is_says_nothing(unfilled: str):
    (alert,) = parse("prtg", {"device": unfilled, "sensor": "Ping", "sensorid": 5, "status": "Down"})
    assert alert.asset_name == "Ping" and alert.asset_note

"""What the RMM, network and server tools say: the rules that no single recorded body shows."""

from __future__ import annotations

from typing import Any

import pytest

from engine.alert import Alert, AlertStatus, Severity, normal_signature
from engine.classification import severity_of_word
from integrations import SOURCES
from integrations.sources.reading import Malformed

FIRING, RESOLVED = AlertStatus.FIRING, AlertStatus.RESOLVED
NOTICE = AlertStatus.NOTICE
NOTHING: list[Any] = [{}, {"x": 1}, 7, None, "text", [{}], [7]]


def one(tool: str, body: Any) -> Alert:
    (alert,) = SOURCES[tool](body, {})
    return alert


@pytest.mark.parametrize(
    "tool",
    [
        "logicmonitor",
        "scom",
        "thousandeyes",
        "meraki",
        "auvik",
        "ninjaone",
        "ncentral",
        "dattormm",
        "tacticalrmm",
    ],
)
def test_what_says_nothing_is_refused_by_the_names_that_are_missing(tool: str):
    for body in NOTHING:
        with pytest.raises(Malformed, match=r"needed|object"):
            SOURCES[tool](body, {})
    assert SOURCES[tool]([], {}) == []


@pytest.mark.parametrize(
    ("word", "status"),
    [("active", FIRING), ("Clear", RESOLVED), ("cleared", RESOLVED), ("ACK", NOTICE), ("acknowledged", NOTICE),
     ("test", NOTICE), ("SDT", NOTICE), ("escalate", FIRING), ("update", FIRING), ("", FIRING)],
)  # fmt: skip
def test_logicmonitor_is_as_its_status_says_whatever_the_level(word: str, status: AlertStatus):
    assert one("logicmonitor", {"host": "a", "alertStatus": word, "level": "critical"}).status is status


def test_logicmonitor_leaves_out_tokens_that_were_not_filled():
    alert = one(
        "logicmonitor",
        {"HOST": "##HOST##", "hostips": "10.0.0.7", "DATASOURCE": "##DATASOURCE##", "eventsource": "Syslog",
         "instance": "##INSTANCE##", "level": "4", "internalid": "##INTERNALID##", "alertid": "LME9"},
    )  # fmt: skip
    assert (alert.asset_name, alert.signature, alert.dedup_key) == ("10.0.0.7", "Syslog", "LME9")
    assert alert.asset_note and alert.severity_word == "critical"
    assert not [value for value in alert.labels.values() if "##" in value]


def test_logicmonitor_names_an_instance_once():
    named = {"host": "a", "datasource": "WinVolumeUsage-C:\\", "instance": "C:\\", "datapoint": "PercentUsed"}
    assert one("logicmonitor", named).signature == "WinVolumeUsage-C:\\ PercentUsed"
    assert one("logicmonitor", {**named, "datasource": "Volumes"}).signature == "Volumes C:\\ PercentUsed"


@pytest.mark.parametrize(
    ("state", "status"),
    [("New", FIRING), (0, FIRING), ("85", FIRING), ("Closed", RESOLVED), (255, RESOLVED), ("254", RESOLVED),
     ("Acknowledged", NOTICE), ("Assigned to Engineering", NOTICE), (247, NOTICE)],
)  # fmt: skip
def test_scom_states_are_words_or_numbers(state: Any, status: AlertStatus):
    assert one("scom", {"alertName": "x", "resolutionState": state}).status is status


@pytest.mark.parametrize(
    ("said", "word"),
    [({"severity": 2}, "Critical"), ({"severity": "Error"}, "Critical"), ({"severity": "1"}, "Warning"),
     ({"severity": 0}, "Information"), ({"priority": "High"}, "High"), ({"priority": 1}, None), ({}, None)],
)  # fmt: skip
def test_scom_severities_are_words_or_numbers(said: dict[str, Any], word: str | None):
    assert one("scom", {"alertName": "x", **said}).severity_word == word


def test_thousandeyes_pairs_an_agents_notification_by_agent_and_rule():
    agent = {
        "agentNotificationId": 1,
        "agentId": 9,
        "agentRuleId": 4,
        "agentName": "probe",
        "ruleName": "Offline",
    }
    first = one("thousandeyes", {"eventType": "AGENT_ALERT_NOTIFICATION_TRIGGER", "agentAlert": agent})
    last = one(
        "thousandeyes",
        {"eventType": "AGENT_ALERT_NOTIFICATION_CLEAR", "agentAlert": {**agent, "agentNotificationId": 2}},
    )
    assert (first.dedup_key, first.status, last.status) == (last.dedup_key, FIRING, RESOLVED)


def test_thousandeyes_takes_targets_in_every_shape_and_the_test_in_their_place():
    def of(**said: Any) -> Alert:
        return one("thousandeyes", {"type": 2, "alert": {"ruleName": "r", **said}})

    assert of(targets=[{"description": "shop.example"}]).asset_name == "shop.example"
    assert of(targets="shop.example").asset_name == "shop.example"
    assert of(testTargetsDescription=[None, "a.example"], testName="t").asset_name == "a.example"
    stand_in = of(test={"name": "Shop"}, targets=[])
    assert stand_in.asset_name == "Shop" and stand_in.asset_note
    assert of(rule={"account": {"id": 5, "organization": {"id": 6}}}).labels["accountId"] == "5"


@pytest.mark.parametrize(
    ("down", "up"),
    [("stopped_reporting", "started_reporting"), ("power_supply_down", "power_supply_up"),
     ("port_disconnected", "port_connected"), ("gateway_down", "gateway_up"), ("cellular_down", "cellular_up"),
     ("APs went down", "APs came up"), ("Appliance went offline", "Appliance came online"),
     ("app_outage_opened", "app_outage_closed")],
)  # fmt: skip
def test_meraki_reads_two_types_as_the_two_ends_of_one_problem(down: str, up: str):
    device = {"deviceName": "sw", "deviceSerial": "Q2", "alertData": {"num": 1}}
    first, last = one("meraki", {**device, "alertTypeId": down}), one("meraki", {**device, "alertTypeId": up})
    assert (first.status, last.status) == (FIRING, RESOLVED)
    assert first.dedup_key == last.dedup_key
    assert normal_signature(first.signature) == normal_signature(last.signature)


@pytest.mark.parametrize(
    "kind", ["client_connectivity", "rogue_ap", "dhcp_no_leases", "signal_backup", "ip_conflict"]
)
def test_meraki_does_not_take_a_part_of_a_word_for_an_end(kind: str):
    assert one("meraki", {"deviceName": "sw", "alertTypeId": kind}).status is FIRING


def test_meraki_tells_the_parts_of_a_device_apart():
    def port(number: Any) -> Alert:
        return one(
            "meraki", {"deviceSerial": "Q2", "alertTypeId": "port_down", "alertData": {"portNum": number}}
        )

    assert port(1).dedup_key != port(2).dedup_key and port(1).dedup_key == port("1").dedup_key


def test_meraki_reads_a_state_in_the_data_where_one_type_has_both_ends():
    def sensor(alerting: Any) -> AlertStatus:
        data = {"conditionId": "7", "startedAlerting": alerting}
        return one("meraki", {"alertTypeId": "sensor_alert", "alertData": data}).status

    assert [sensor(one) for one in (True, False, "true", "false", None)] == [
        FIRING,
        RESOLVED,
        FIRING,
        RESOLVED,
        FIRING,
    ]


@pytest.mark.parametrize(
    "kind", ["settings_changed", "Settings changed", "firmware_upgrade_completed", "new_splash_signup"]
)
def test_meraki_settings_are_notices(kind: str):
    assert one("meraki", {"networkName": "HQ", "alertTypeId": kind}).status is NOTICE


def test_auvik_reads_the_word_before_the_number():
    body = {"alertName": "x", "entityName": "fw", "alertStatus": 0, "alertStatusString": "Cleared"}
    assert one("auvik", body).status is RESOLVED
    assert one("auvik", {**body, "alertStatusString": None}).status is FIRING
    assert one("auvik", {**body, "alertStatusString": None, "alertStatus": "1"}).status is RESOLVED
    assert one("auvik", {**body, "alertStatusString": "Dismissed"}).status is NOTICE
    assert severity_of_word(one("auvik", {**body, "alertSeverity": "1"}).severity_word) is Severity.CRITICAL


@pytest.mark.parametrize(
    ("activity", "code", "status"),
    [("CONDITION", "TRIGGERED", FIRING), ("CONDITION", "RESET", RESOLVED), ("CONDITION", "ACKNOWLEDGED", NOTICE),
     ("ACTIONSET", "TRIGGERED", NOTICE), ("SYSTEM", "NODE_CREATED", NOTICE), (None, "reset", RESOLVED)],
)  # fmt: skip
def test_only_conditions_of_ninjaone_are_alerts(activity: str | None, code: str, status: AlertStatus):
    assert one("ninjaone", {"activityType": activity, "statusCode": code}).status is status


def test_ninjaone_without_a_severity_says_none():
    body = {"activityType": "CONDITION", "statusCode": "TRIGGERED", "severity": "NONE", "priority": "NONE"}
    assert one("ninjaone", body).severity_word is None
    assert one("ninjaone", {**body, "priority": "HIGH"}).severity_word == "HIGH"
    assert one("ninjaone", {**body, "deviceId": 7}).asset_name == "device 7"


def test_ncentral_takes_several_notifications_at_once():
    service = {"DeviceName": "a", "AffectedService": "CPU", "QualitativeNewState": "Failed"}
    found = SOURCES["ncentral"](
        {"notifications": {"notification": [service, {**service, "DeviceName": "b"}]}}, {}
    )
    assert [alert.asset_name for alert in found] == ["a", "b"]
    assert one("ncentral", service).asset_name == "a"


@pytest.mark.parametrize(
    ("action", "status"),
    [("CREATE", FIRING), ("update", FIRING), ("REOPEN", FIRING), ("RESOLVE", RESOLVED), ("Close", RESOLVED),
     ("ADD_NOTE", NOTICE)],
)  # fmt: skip
def test_a_psa_ticket_of_ncentral_is_as_its_action_says(action: str, status: AlertStatus):
    title = "Alert: Process on demand on SRV-1 is Failed"
    alert = one("ncentral", {"action": action, "title": title, "ncentralTicketId": 7})
    assert (alert.status, alert.asset_name, alert.signature) == (status, "SRV-1", "Process on demand")
    assert alert.severity_word == "Failed"


def test_a_psa_ticket_names_its_device_in_the_details_too():
    details = "Customer: Acme\nDevice: SRV-2\nService: Disk\n"
    alert = one("ncentral", {"action": "RESOLVE", "title": "returned to normal", "details": details})
    assert (alert.asset_name, alert.signature, alert.labels["customer"]) == ("SRV-2", "Disk", "Acme")


@pytest.mark.parametrize(
    ("said", "status"),
    [({}, FIRING), ({"status": "Resolved"}, RESOLVED), ({"event": "alert_resolved"}, RESOLVED),
     ({"eventType": "alert.raised"}, FIRING), ({"resolved": True}, RESOLVED), ({"resolved": False}, FIRING),
     ({"title": "RESOLVED: Disk"}, RESOLVED), ({"type": "Resolution"}, RESOLVED),
     ({"title": "RESOLVED: Disk", "status": "open"}, FIRING),
     ({"title": "Unresolved names"}, FIRING), ({"status": "acknowledged"}, NOTICE)],
)  # fmt: skip
def test_datto_is_resolved_where_its_template_says_so(said: dict[str, Any], status: AlertStatus):
    assert one("dattormm", {"hostname": "a", "alert_type": "Disk", **said}).status is status


def test_datto_templates_for_chat_are_read():
    fields = [
        {"title": "Device", "value": "SRV-3"},
        {"title": "Site:", "value": "Acme"},
        {"title": "Priority", "value": "High"},
    ]
    alert = one(
        "dattormm", {"text": "Alert!", "attachments": [{"title": "Disk Usage Alert", "fields": fields}]}
    )
    assert (alert.asset_name, alert.signature, alert.severity_word) == ("SRV-3", "Disk Usage Alert", "High")
    assert alert.labels["Site"] == "Acme"


def test_datto_variables_that_were_not_known_say_nothing():
    alert = one(
        "dattormm", {"device_hostname": "[device_hostname]", "alert_type": "Disk", "site_name": "Acme"}
    )
    assert alert.asset_name == "Acme" and alert.asset_note
    assert one("dattormm", {"hostname": "a", "message": "[CPU] 99 % [crit]"}).message == "[CPU] 99 % [crit]"


@pytest.mark.parametrize(
    ("message", "host", "signature"),
    [("DC1 has a ping check: Ping gw that failed.", "DC1", "ping check: Ping gw"),
     ("DC1 has task: Clean temp that failed.", "DC1", "task: Clean temp"),
     ("DC1 in Acme\\HQ is overdue.", "DC1", "is overdue"),
     ("FS-01: Disk Space Check: Drive C: failed", "FS-01", "Disk Space Check: Drive C"),
     ("Warning: disk space low", "Q1", "Warning: disk space low"),
     ("disk-space: low", "Q1", "disk-space: low"), ("Web-Proxy: stopped", "Web-Proxy", "stopped"),
     ("Disk space low", "Q1", "Disk space low")],
)  # fmt: skip
def test_tactical_finds_the_host_in_the_message(message: str, host: str, signature: str):
    alert = one("tacticalrmm", {"agent_id": "Q1", "message": message})
    assert (alert.asset_name, alert.signature) == (host, signature)
    assert alert.asset_note


def test_tactical_reads_objects_and_flat_names_alike():
    flat = {
        "alert_id": 7,
        "severity": "error",
        "message": "x failed",
        "hostname": "DC1",
        "client_name": "Acme",
    }
    deep = {"alert": {"id": 7, "severity": "error", "message": "x failed"}, "agent": {"hostname": "DC1"},
            "client": {"name": "Acme"}}  # fmt: skip
    first, second = one("tacticalrmm", flat), one("tacticalrmm", deep)
    for alert in (first, second):
        assert (alert.asset_name, alert.dedup_key, alert.severity_word) == ("DC1", "7", "error")
    assert first.labels["client_name"] == second.labels["client name"] == "Acme"


@pytest.mark.parametrize(
    ("event", "status"),
    [("trigger", FIRING), ("alert_failure", FIRING), ("resolve", RESOLVED), ("alert.resolved", RESOLVED),
     ("acknowledged", NOTICE), ("snoozed", NOTICE)],
)  # fmt: skip
def test_tactical_is_as_its_event_says(event: str, status: AlertStatus):
    assert one("tacticalrmm", {"event": event, "hostname": "a", "message": "x resolved"}).status is status

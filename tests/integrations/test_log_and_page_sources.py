"""What the log, metric, paging and deception tools say: the rules that no single recorded body shows."""

from __future__ import annotations

from typing import Any

import pytest

from engine.alert import Alert, AlertStatus
from integrations import SOURCES
from integrations.sources.reading import Malformed

FIRING, RESOLVED = AlertStatus.FIRING, AlertStatus.RESOLVED
NO_DATA, NOTICE = AlertStatus.NO_DATA, AlertStatus.NOTICE
NOTHING: list[Any] = [{}, {"x": 1}, 7, None, "text", [{}], [7]]


def one(tool: str, body: Any) -> Alert:
    (alert,) = SOURCES[tool](body, {})
    return alert


@pytest.mark.parametrize(
    "tool",
    [
        "splunk",
        "splunkobservability",
        "elastic",
        "elastalert",
        "graylog",
        "papertrail",
        "pagerduty",
        "opsgenie",
        "canary",
    ],
)
def test_what_says_nothing_is_refused_by_the_names_that_are_missing(tool: str):
    for body in NOTHING:
        with pytest.raises(Malformed, match=r"needed|object"):
            SOURCES[tool](body, {})
    assert SOURCES[tool]([], {}) == []


def test_splunk_takes_the_first_of_several_hosts_and_rows():
    assert one("splunk", {"search_name": "s", "result": {"host": ["a", "b"]}}).asset_name == "a"
    assert one("splunk", {"search_name": "s", "results": [{"host": "a"}, {"host": "b"}]}).asset_name == "a"
    assert one("splunk", {"search_name": "s", "result": {"host": {"x": 1}, "dest": "c"}}).asset_name == "c"


def test_splunk_without_a_host_is_known_by_its_server():
    link = "https://splunk.acme.example:8000/app/search/@go?sid=1"
    alert = one("splunk", {"search_name": "s", "results_link": link, "result": None})
    assert alert.asset_name == "splunk.acme.example" and alert.asset_note and alert.link == link
    assert one("splunk", {"search_name": "s", "result": {"splunk_server": "idx"}}).asset_name == "idx"


def test_splunk_takes_a_severity_only_where_it_is_a_word():
    assert one("splunk", {"search_name": "s", "result": {"urgency": "high"}}).severity_word == "high"
    assert one("splunk", {"search_name": "s", "result": {"severity": "17"}}).severity_word is None


def test_two_searches_of_splunk_that_differ_in_a_number_have_two_keys():
    keys = {one("splunk", {"search_name": f"Rule {n}", "result": {"host": "a"}}).dedup_key for n in (1, 2)}
    assert len(keys) == 2


@pytest.mark.parametrize(
    ("said", "status"),
    [({"status": "anomalous"}, FIRING), ({"status": "ok"}, RESOLVED), ({"status": "manually resolved"}, RESOLVED),
     ({"status": "stopped"}, RESOLVED), ({"status": "anomalous", "messageBody": "cleared at 12"}, FIRING),
     ({"statusExtended": "anomalous", "messageBody": 'Rule "x" cleared at Thu'}, RESOLVED),
     ({"statusExtended": "anomalous", "inputs": {"messageTitle": "Manually resolved: x"}}, RESOLVED),
     ({"statusExtended": "ok"}, RESOLVED), ({"statusExtended": "anomalous"}, FIRING)],
)  # fmt: skip
def test_splunk_observability_is_as_its_status_says_and_else_as_its_words(
    said: dict[str, Any], status: AlertStatus
):
    assert one("splunkobservability", {"rule": "x", **said}).status is status


def test_splunk_observability_reads_dimensions_in_every_shape():
    for said in (
        {"dimensions": {"host.name": "a"}},
        {"dimensions": "{host=a, env=b}"},
        {"inputs": {"A": {"key": {"host": "a"}}, "rule": "x"}},
    ):
        assert one("splunkobservability", {"rule": "x", **said}).asset_name == "a"
    alert = one("splunkobservability", {"rule": "x", "detector": "Watch"})
    assert alert.asset_name == "Watch" and alert.asset_note


@pytest.mark.parametrize(
    ("said", "status"),
    [({"alert": {"status": "active"}}, FIRING), ({"alert": {"status": "recovered"}}, RESOLVED),
     ({"alert": {"actionGroup": "recovered"}}, RESOLVED), ({"alertActionGroupName": "Recovered"}, RESOLVED),
     ({"status": "resolved"}, RESOLVED), ({"event_action": "resolve"}, RESOLVED),
     ({"alert": {"actionGroup": "metrics.threshold.nodata", "status": "active"}}, NO_DATA),
     ({"alert": {"actionGroup": "custom_threshold.noData"}}, NO_DATA), ({}, FIRING),
     ({"status": "unresolved"}, FIRING), ({"status": "acknowledged"}, NOTICE)],
)  # fmt: skip
def test_elastic_is_as_its_status_or_action_group_says(said: dict[str, Any], status: AlertStatus):
    assert one("elastic", {"rule": {"name": "r"}, **said}).status is status


def test_elastic_takes_no_id_of_an_ungrouped_rule_for_a_host():
    for alert_id in ("*", "query matched", "a1b2c3d4-0000-4000-8000-000000000001"):
        alert = one("elastic", {"rule": {"name": "r"}, "alert": {"id": alert_id}})
        assert alert.asset_name == "r" and alert.asset_note
    assert one("elastic", {"rule": {"name": "r"}, "alert": {"id": "web-01"}}).asset_name == "web-01"
    assert one("elastic", {"alert": {"id": "*"}}).asset_name == "Elastic"


def test_a_summary_of_elastic_has_an_alert_for_each():
    def doc(host: str) -> dict[str, Any]:
        return {"kibana": {"alert": {"rule": {"name": "CPU", "uuid": "u"}, "instance": {"id": host}}},
                "host": {"name": host}, "kibana.alert.reason": "high"}  # fmt: skip

    body = {"rule": {"name": "CPU"}, "alerts": {"new": {"count": 2, "data": [doc("a"), doc("b")]},
            "ongoing": {"data": []}, "recovered": {"data": [doc("c")]}}}  # fmt: skip
    found = SOURCES["elastic"](body, {})
    assert [(alert.asset_name, alert.status) for alert in found] == [
        ("a", FIRING),
        ("b", FIRING),
        ("c", RESOLVED),
    ]
    assert {alert.signature for alert in found} == {"CPU"} and found[0].message == "high"
    single = one("elastic", {"rule": {"id": "u", "name": "CPU"}, "alert": {"id": "c"}})
    assert single.dedup_key == found[2].dedup_key


def test_a_watch_is_known_by_its_id_not_by_its_run():
    ctx = {"watch_id": "w", "id": "w_1-2026", "metadata": {"name": "Disk"}, "payload": {"hits": {"total": 7}}}
    alert = one("elastic", {"ctx": ctx})
    assert (alert.signature, alert.dedup_key) == (
        "Disk",
        one("elastic", {"ctx": {**ctx, "id": "w_2"}}).dedup_key,
    )


def test_elastalert_does_not_take_a_document_for_an_identity():
    first, second = (one("elastalert", {"rule_name": "r", "host": "a", "_id": name}) for name in ("1", "2"))
    assert first.dedup_key is None and first.asset_name == second.asset_name == "a"
    assert one("elastalert", {"Title": "t", "Id": 7}).dedup_key == "7"


@pytest.mark.parametrize(
    ("priority", "word"), [(1, "low"), ("2", "medium"), (3.0, "high"), (4, "critical"), (None, None)]
)
def test_graylog_priorities_are_numbers(priority: Any, word: str | None):
    body = {"event_definition_title": "x", "event": {"priority": priority}}
    assert one("graylog", body).severity_word == word


def test_the_asset_of_graylog_is_its_key_and_else_the_source():
    def asset(**event: Any) -> str:
        return one("graylog", {"event_definition_title": "x", "event": event}).asset_name

    assert asset(key="k", source="node", group_by_fields={"source": "web"}) == "web"
    assert asset(key="k", source="node", group_by_fields={}) == "k"
    assert asset(key="", key_tuple=["a", "b"], source="node") == "a|b"
    assert asset(key=None, source="node") == "node"
    assert one("graylog", {"event_definition_title": "x"}).asset_note


def test_papertrail_without_lines_is_still_an_alert():
    alert = one("papertrail", {"saved_search": {"name": "s"}, "events": []})
    assert alert.signature == "s" and alert.asset_note
    with pytest.raises(Malformed, match="1,001 hosts"):
        SOURCES["papertrail"](
            {"saved_search": {"name": "s"}, "events": [{"hostname": f"h{n}"} for n in range(1001)]}, {}
        )


def test_papertrail_reads_a_payload_that_was_not_a_form():
    body = {"payload": {"saved_search": {"name": "s"}, "events": [{"hostname": "a", "message": "m"}]}}
    assert (one("papertrail", body).asset_name, one("papertrail", body).message) == ("a", "m")


@pytest.mark.parametrize(
    ("kind", "status"),
    [("incident.triggered", FIRING), ("incident.reopened", FIRING), ("incident.resolved", RESOLVED),
     ("incident.acknowledged", NOTICE), ("incident.escalated", NOTICE), ("incident.annotated", NOTICE),
     ("service.updated", NOTICE), ("service.resolved", NOTICE), ("pagey.ping", NOTICE)],
)  # fmt: skip
def test_pagerduty_is_as_the_kind_of_its_event_says(kind: str, status: AlertStatus):
    data = {"id": "P1", "title": "x", "status": "resolved"}
    assert one("pagerduty", {"event": {"event_type": kind, "data": data}}).status is status
    version = {"messages": [{"event": kind, "incident": data}]}
    assert one("pagerduty", version).status is status
    assert one("pagerduty", {"messages": [{"type": kind, "data": {"incident": data}}]}).status is status


def test_an_event_for_pagerduty_that_came_to_the_wrong_address_is_read():
    payload = {"summary": "Disk full", "source": "web-01", "severity": "error"}
    body = {"routing_key": "do-not-show", "event_action": "trigger", "dedup_key": "d", "payload": payload}
    alert = one("pagerduty", body)
    assert (alert.asset_name, alert.signature, alert.status, alert.dedup_key) == (
        "web-01",
        "Disk full",
        FIRING,
        "d",
    )
    assert one("pagerduty", {**body, "event_action": "resolve"}).status is RESOLVED
    assert "do-not-show" not in str(alert)


def test_pagerduty_takes_a_priority_only_where_it_is_a_word():
    def word(priority: Any) -> str | None:
        data = {"id": "P1", "title": "x", "urgency": "low", "priority": priority}
        return one("pagerduty", {"event": {"event_type": "incident.triggered", "data": data}}).severity_word

    assert (word({"summary": "P1"}), word({"summary": "VIP"}), word(None)) == ("P1", "low", "low")


def test_pagerduty_does_not_take_the_number_of_an_incident_for_its_title():
    data = {"incident": {"id": "P1", "summary": "[#33] Disk full"}}
    alert = one("pagerduty", {"event": {"event_type": "incident.annotated", "data": data}})
    assert alert.signature == "Disk full"


@pytest.mark.parametrize(
    ("action", "status"),
    [("Create", FIRING), ("close", RESOLVED), ("Delete", RESOLVED), ("Acknowledge", NOTICE), ("UnAcknowledge", NOTICE),
     ("AddNote", NOTICE), ("EscalateNext", NOTICE), ("UpdatePriority", NOTICE), (None, FIRING)],
)  # fmt: skip
def test_opsgenie_is_as_its_action_says(action: str | None, status: AlertStatus):
    assert one("opsgenie", {"action": action, "alert": {"message": "x"}}).status is status


def test_opsgenie_does_not_take_a_person_for_an_asset():
    def asset(**alert: Any) -> Alert:
        return one(
            "opsgenie", {"action": "Create", "integrationName": "Hook", "alert": {"message": "x", **alert}}
        )

    assert asset(entity="", source="kim@acme.example").asset_name == "Hook"
    assert asset(source="zabbix-proxy").asset_name == "zabbix-proxy"
    assert asset(details={"host": "web-01"}, source="z").asset_name == "web-01"
    assert asset(entity="web-02").asset_note is None and asset().asset_note


@pytest.mark.parametrize(
    ("priority", "word"), [("P2", "P2"), (3, "P3"), ("4", "P4"), (None, None), ("", None)]
)
def test_opsgenie_priorities_are_words_or_numbers(priority: Any, word: str | None):
    assert one("opsgenie", {"alert": {"message": "x", "priority": priority}}).severity_word == word


def test_a_token_is_known_by_what_its_owner_called_it():
    console = {
        "AlertType": "CanarytokenIncident",
        "Description": "DNS",
        "Reminder": "laptop of Kim",
        "Token": "t0",
    }
    assert one("canary", console).asset_name == "laptop of Kim"
    assert one("canary", console).signature == "Canarytoken: DNS" and "t0" not in str(one("canary", console))
    web = {
        "memo": "laptop of Kim",
        "token_type": "dns",
        "manage_url": "https://c.example/manage?token=t0&auth=a1",
    }
    alert = one("canary", web)
    assert alert.asset_name == "laptop of Kim" and "a1" not in str(alert) and alert.link is None


def test_what_a_console_does_is_a_notice():
    audit = {"AlertType": "AuditTrail", "message": "kim logged in"}
    assert one("canary", audit).status is NOTICE

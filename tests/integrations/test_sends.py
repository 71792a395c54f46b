"""What a tool changes at every send of the same problem (times, values, ids of the send) is in no identity."""

from __future__ import annotations

from typing import Any

import pytest

from engine.alert import normal_asset, normal_signature
from integrations import SOURCES
from integrations.sources.decoding import decode
from tests.integrations.test_golden import OWN

CHANGES: list[tuple[str, str, dict[str, Any]]] = [
    ("logicmonitor", "our_template_critical.json",
     {"value": "99.9", "duration": "77", "startepoch": "1777999999", "message": "CPU busy 99.9 % for 77 minutes"}),
    ("scom", "disk_new.json",
     {"repeatCount": "9", "alertDescription": "3 % free", "dataItemCreateTime": "2026-05-05T00:00:00Z"}),
    ("thousandeyes", "classic_trigger.json",
     {"eventId": "1-1", "violationCount": 9, "metricsAtStart": "Response Code: 504",
      "dateStart": "2026-06-01 00:00:00"}),
    ("thousandeyes", "custom_trigger.json", {"metricsAtStart": "Response Code: 504"}),
    ("meraki", "port_down.json",
     {"sentAt": "2026-06-01T00:00:00Z", "occurredAt": "2026-06-01T00:00:00Z", "alertId": "77", "prevSpeed": "10 Gbps"}),
    ("meraki", "vpn_down.json", {"peerContact": "198.51.100.9:1", "alertId": "78"}),
    ("auvik", "device_offline.json",
     {"alertId": "other", "date": "2026-06-01T00:00:00Z", "alertDescription": "for 50 minutes", "subject": "again"}),
    ("ninjaone", "cpu_triggered.json", {"id": 1, "activityTime": 1, "message": "CPU usage is 99%", "value": 99}),
    ("ncentral", "service_failed.xml",
     {"TimeOfStateChange": "2026-06-01 00:00:00", "QuantitativeNewState": "Service Status: 7"}),
    ("ncentral", "psa_create.json", {"details": "Usage 97 %"}),
    ("dattormm", "our_template.json",
     {"alert_uid": "other", "alert_message_en": "CPU usage reached 97%", "last_user": "lee"}),
    ("tacticalrmm", "our_template.json", {"alert_time": "2026-06-01T00:00:00Z"}),
    ("splunk", "one_result.json",
     {"sid": "x", "results_link": "https://splunk.north.example/y", "count": "3", "_time": "1777999999"}),
    ("splunkobservability", "anomalous.json",
     {"timestamp": "2026-06-01T00:00:00Z", "messageBody": "triggered at 03:00", "value": "9", "statusExtended": "x"}),
    ("elastic", "our_template.json", {"reason": "CPU usage is 99%", "date": "2026-06-01T00:00:00Z", "uuid": "u-2"}),
    ("elastic", "watcher.json", {"message": "9 hosts above 95 %", "execution_time": "2026-06-01T00:00:00Z"}),
    ("elastalert", "our_template.json", {"Description": "99 errors", "kibana_link": "https://k.example/2"}),
    ("elastalert", "whole_match.json",
     {"_id": "Z", "_index": "logs-2026.06.01", "num_hits": 99, "message": "99 failed",
      "@timestamp": "2026-06-01T00:00:00Z"}),
    ("graylog", "event.json",
     {"id": "other", "timestamp": "2026-06-01T00:00:00Z", "message": "count()=9", "job_trigger_id": "t9"}),
    ("graylog", "stream_callback_v2.json",
     {"result_description": "Stream had 99 messages.", "triggered_at": "2026-06-01T00:00:00Z"}),
    ("papertrail", "counts_only.txt", {"min_id": "8", "max_id": "9", "timeseries": {"1777999999": 9}}),
    ("pagerduty", "v3_triggered.json",
     {"occurred_at": "2026-06-01T00:00:00Z", "number": 99, "assignees": [{"id": "P"}]}),
    ("pagerduty", "v1_resolve.json", {"created_on": "2026-06-01T00:00:00Z", "incident_number": 99}),
    ("opsgenie", "create.json", {"updatedAt": 1, "tinyId": "2", "description": "exit code 5", "userId": "v"}),
    ("canary", "port_scan.json",
     {"Timestamp": "2026-06-01 00:00:00 (UTC)", "IncidentHash": "z", "SourceIP": "10.9.9.9", "ReverseDNS": "x"}),
    ("canary", "token.json", {"time": "2026-06-01 00:00:00 (UTC)", "src_ip": "198.51.100.1", "useragent": "wget"}),
]  # fmt: skip


def changed(value: Any, changes: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        return {
            name: changes[name] if name in changes else changed(one, changes) for name, one in value.items()
        }
    return [changed(one, changes) for one in value] if isinstance(value, list) else value


def names_in(value: Any) -> set[str]:
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return set(value if isinstance(value, dict) else ()).union(*(names_in(one) for one in inside))


@pytest.mark.parametrize(("tool", "file", "changes"), CHANGES, ids=[f"{one[0]}-{one[1]}" for one in CHANGES])
def test_another_send_of_the_same_problem_has_the_same_identity(
    tool: str, file: str, changes: dict[str, Any]
):
    body = decode((OWN / tool / file).read_bytes())
    first, again = SOURCES[tool](body, {}), SOURCES[tool](changed(body, changes), {})
    assert changed(body, changes) != body and set(changes) <= names_in(body)
    for one, other in zip(first, again, strict=True):
        assert one.dedup_key == other.dedup_key
        assert normal_asset(one.asset_name) == normal_asset(other.asset_name)
        assert normal_signature(one.signature) == normal_signature(other.signature)

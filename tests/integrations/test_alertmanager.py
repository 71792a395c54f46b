"""Alertmanager's bodies, and those of what posts in its form."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given

from engine.alert import Alert, AlertStatus
from integrations import SOURCES
from integrations.sources.reading import Malformed
from tests.integrations.test_reading import json_values


def parse(body: Any) -> list[Alert]:
    return SOURCES["alertmanager"](body, {})


def entry(**changes: Any) -> dict[str, Any]:
    return {
        "status": "firing",
        "labels": {"alertname": "DiskFull", "instance": "db-01:9100", "severity": "page"},
        "annotations": {"summary": "Disk is full", "description": "/var has 1 % left"},
        "startsAt": "2026-03-04T12:00:00.123456789Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prom:9090/graph?g0.expr=x",
        "fingerprint": "a1b2c3",
        **changes,
    }


def envelope(*alerts: Any, **changes: Any) -> dict[str, Any]:
    return {"version": "4", "status": "firing", "receiver": "team", "alerts": list(alerts), **changes}


def test_every_part_finds_its_place():
    (alert,) = parse(envelope(entry()))
    assert (alert.asset_name, alert.signature, alert.severity_word) == ("db-01:9100", "DiskFull", "page")
    assert alert.status is AlertStatus.FIRING and alert.tool == "alertmanager"
    assert alert.message == "Disk is full — /var has 1 % left"
    assert alert.dedup_key == "a1b2c3" and alert.link == "http://prom:9090/graph?g0.expr=x"
    assert (
        alert.occurred_at is not None and alert.occurred_at.isoformat() == "2026-03-04T12:00:00.123456+00:00"
    )
    assert alert.asset_note is None


def test_each_alert_counts_for_itself_whatever_the_envelope_says():
    found = parse(envelope(entry(), entry(status="resolved", endsAt="2026-03-04T12:30:00Z"), status="firing"))
    assert [one.status for one in found] == [AlertStatus.FIRING, AlertStatus.RESOLVED]
    assert found[1].occurred_at is not None and found[1].occurred_at.minute == 30


def test_the_envelopes_status_counts_where_an_alert_has_none():
    bare = entry()
    del bare["status"]
    assert parse(envelope(bare, status="resolved"))[0].status is AlertStatus.RESOLVED
    assert parse(envelope(bare))[0].status is AlertStatus.FIRING


@pytest.mark.parametrize("name", ["instance", "host", "node", "pod", "object_name", "job_name"])
def test_the_asset_is_what_the_labels_name(name: str):
    (alert,) = parse(envelope(entry(labels={"alertname": "X", name: "thing-7", "team": "ops"})))
    assert alert.asset_name == "thing-7"


def test_instance_comes_before_host():
    (alert,) = parse(envelope(entry(labels={"alertname": "X", "host": "b", "instance": "a"})))
    assert alert.asset_name == "a"


def test_without_an_asset_the_receiver_stands_in_and_it_is_said():
    (alert,) = parse(envelope(entry(labels={"alertname": "Watchdog"})))
    assert alert.asset_name == "team" and alert.asset_note


def test_common_labels_and_annotations_count():
    body = envelope(
        entry(labels={"host": "b"}, annotations={}),
        commonLabels={"alertname": "Hot", "severity": "critical"},
        commonAnnotations={"summary": "Too hot"},
    )
    (alert,) = parse(body)
    assert (alert.signature, alert.severity_word, alert.message) == ("Hot", "critical", "Too hot")


def test_without_a_fingerprint_the_labels_are_the_identity():
    first, again, other = parse(
        envelope(
            entry(fingerprint=None, labels={"alertname": "X", "host": "a", "value": "1"}),
            entry(fingerprint=None, labels={"value": "2", "host": "a", "alertname": "X"}, status="resolved"),
            entry(fingerprint=None, labels={"alertname": "X", "host": "b"}),
        )
    )
    assert first.dedup_key == again.dedup_key != other.dedup_key


def test_version_3_and_bodies_without_an_envelope_are_taken():
    assert len(parse({"version": "3", "groupKey": 7, "status": "firing", "alerts": [entry()]})) == 1
    assert len(parse([entry(), entry()])) == 2
    assert parse(entry())[0].signature == "DiskFull"


def test_an_empty_list_says_nothing():
    assert parse(envelope()) == []


@pytest.mark.parametrize("body", [None, 7, "x", {}, {"alerts": {}}, {"labels": []}])
def test_what_has_no_alerts_is_refused(body: Any):
    with pytest.raises(Malformed, match="alerts"):
        parse(body)


def test_every_faulty_entry_is_named():
    with pytest.raises(Malformed) as refused:
        parse(envelope(entry(), 7, {}, entry(labels=None), entry(labels={})))
    assert [one.field for one in refused.value.faults] == ["alerts[1]", "alerts[2]", "alerts[3]", "alerts[4]"]


def test_a_body_of_very_many_is_refused():
    with pytest.raises(Malformed, match="5,001"):
        parse(envelope(*[{"labels": {"a": "b"}}] * 5001))


@given(json_values, json_values, json_values)
def test_any_value_in_any_place_is_an_alert_or_a_fault(first: Any, second: Any, third: Any):
    body = envelope(
        entry(
            labels={"alertname": first, "instance": second}, annotations=third, startsAt=first, status=second
        ),
        commonLabels=third,
        receiver=first,
    )
    for alert in parse(body):
        assert alert.asset_name and alert.signature
        f"{alert}".encode()
    for made in (envelope(first), {"alerts": first}, entry(labels=third), first):
        with contextlib.suppress(Malformed):
            parse(made)

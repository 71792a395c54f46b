"""The generic alert: what is understood, and every fault at once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.alert import Alert, AlertStatus
from integrations import SOURCES
from integrations.sources.reading import Malformed
from tests.integrations.test_reading import json_values

LEAST = {"asset_name": "web-01", "signature": "Disk full"}


def parse(body: Any) -> list[Alert]:
    return SOURCES["alerts"](body, {})


def faults(body: Any) -> dict[str, str]:
    with pytest.raises(Malformed) as refused:
        parse(body)
    return {fault.field: fault.why for fault in refused.value.faults}


def test_every_field_arrives():
    (alert,) = parse(
        {
            "asset_name": "Web-01.acme.example:9100",
            "signature": "Disk / 93% full",
            "severity": "P1",
            "message": "Soon.",
            "tool_source": "Zabbix",
            "status": "firing",
            "timestamp": "2026-03-04T12:00:00Z",
            "dedup_key": 4711,
            "labels": {"env": "prod", "port": 9100},
        }
    )
    assert alert == Alert(
        asset_name="Web-01.acme.example:9100",
        signature="Disk / 93% full",
        tool="zabbix",
        severity_word="P1",
        message="Soon.",
        occurred_at=datetime(2026, 3, 4, 12, tzinfo=UTC),
        dedup_key="4711",
        labels={"env": "prod", "port": "9100"},
    )


def test_two_fields_are_enough():
    assert parse(LEAST) == [Alert(asset_name="web-01", signature="Disk full", tool="generic")]


@pytest.mark.parametrize("body", [[LEAST, LEAST], {"alerts": [LEAST, LEAST]}])
def test_several_come_as_a_list(body: Any):
    assert len(parse(body)) == 2


@pytest.mark.parametrize("body", [[], {"alerts": []}])
def test_an_empty_list_says_nothing(body: Any):
    assert parse(body) == []


@pytest.mark.parametrize("word", ["ok", "OK", "Recovered", "clear", "normal", "green"])
def test_a_clear_word_is_a_recovery_when_there_is_no_status(word: str):
    assert parse({**LEAST, "severity": word})[0].status is AlertStatus.RESOLVED
    assert parse({**LEAST, "severity": word, "status": "firing"})[0].status is AlertStatus.FIRING


def test_status_knows_no_case():
    assert parse({**LEAST, "status": "Resolved"})[0].status is AlertStatus.RESOLVED


def test_an_unknown_severity_is_left_to_the_text():
    assert parse({**LEAST, "severity": "blurple"})[0].severity_word == "blurple"


def test_numbers_count_as_text_and_text_as_numbers():
    (alert,) = parse({"asset_name": 42, "signature": 500, "severity": 1, "timestamp": "1772625600"})
    assert (alert.asset_name, alert.signature, alert.severity_word) == ("42", "500", "1")
    assert alert.occurred_at is not None


def test_what_is_too_long_is_cut_not_refused():
    (alert,) = parse({**LEAST, "signature": "s" * 9000, "message": "m" * 9000, "dedup_key": "k" * 9000})
    assert len(alert.signature) == 500 and len(alert.message) == 8000 and len(alert.dedup_key or "") == 200
    assert alert.message.endswith("…")


def test_a_bad_glyph_does_not_cost_the_alert():
    (alert,) = parse({"asset_name": "we\x00b", "signature": "\ud800 disk", "labels": {"\x00": "\udfff"}})
    assert (alert.asset_name, alert.signature) == ("we\ufffdb", "\ufffd disk")
    assert dict(alert.labels) == {"\ufffd": "\ufffd"}


def test_every_fault_is_told_at_once():
    wrong = {
        "asset_name": "",
        "signature": ["x"],
        "severity": {},
        "message": [],
        "tool_source": False,
        "status": "exploded",
        "timestamp": "yesterday",
        "dedup_key": {},
        "labels": "env=prod",
    }
    assert faults(wrong) == {
        "asset_name": "is needed",
        "signature": "must be text",
        "severity": "must be text or a number",
        "message": "must be text or a number",
        "tool_source": "must be text or a number",
        "status": "must be firing, resolved, no_data or info",
        "timestamp": "must be ISO 8601 or Unix time",
        "dedup_key": "must be text or a number",
        "labels": "must be an object",
    }


def test_a_fault_in_a_list_says_in_which_one():
    assert set(faults([LEAST, {"asset_name": "a"}, 7])) == {"[1].signature", "[2]"}
    assert set(faults({"alerts": [{}]})) == {"alerts[0].asset_name", "alerts[0].signature"}


@pytest.mark.parametrize("body", [None, 7, "web-01 is down", True])
def test_what_is_no_object_is_told_so(body: Any):
    assert set(faults(body)) == {"body"}


def test_a_thousand_fit_and_no_more():
    assert len(parse([LEAST] * 1000)) == 1000
    assert "1,001" in faults([LEAST] * 1001)["body"]


fields = st.sampled_from(
    [*LEAST, "severity", "message", "tool_source", "status", "timestamp", "dedup_key", "labels"]
)


@given(st.dictionaries(fields, json_values))
def test_any_object_is_an_alert_or_has_named_faults(body: dict[str, Any]):
    refused: set[str] = set()
    try:
        (alert,) = parse({**LEAST, **body})
        assert alert.asset_name and alert.signature
        f"{alert}".encode()
    except Malformed as error:
        refused = {fault.field for fault in error.faults}
    assert refused <= set(body)

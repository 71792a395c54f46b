"""Severity and category: the tool's own word first, the text second, and always why."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.alert import Severity
from engine.classification import (
    CLEAR_WORDS,
    classify,
    is_clear_word,
    severity_of_word,
)

WORDS = {
    Severity.CRITICAL: ["critical", "CRIT", "P1", "p-1", "Sev1", "SEV-1", "severity 1", "Priority 1", "Disaster",
                        "emergency", "DOWN", "UNREACHABLE", "fatal", "page"],
    Severity.HIGH: ["high", "P2", "priority-2", "Sev 2", "Major", "Serious", "ERROR", "failed", "Disconnected"],
    Severity.MEDIUM: ["medium", "Warning", "warn", "Average", "P3", "minor", "Severity: 3", "Stale", "Misconfigured"],
    Severity.LOW: ["low", "P4", "notice", "sev4"],
    Severity.INFO: ["info", "Informational", "Information", "debug", "P5", "Not classified"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("word", "severity"), [(word, severity) for severity, words in WORDS.items() for word in words]
)
def test_the_words_of_common_tools_are_understood(word: str, severity: Severity) -> None:
    assert severity_of_word(word) is severity
    assert classify(severity_word=word, signature="x", message="").severity is severity


@pytest.mark.parametrize("word", [None, "", "  ", "banana", "🔥", "7"])
def test_a_word_that_says_nothing_is_no_severity(word: str | None) -> None:
    assert severity_of_word(word) is None


@pytest.mark.parametrize("word", [*sorted(CLEAR_WORDS), "OK", "Resolved", " Up ", "Recovered."])
def test_clear_words_mean_that_nothing_is_wrong(word: str) -> None:
    assert is_clear_word(word)


@pytest.mark.parametrize("word", [None, "", "critical", "warning", "not ok", "update"])
def test_other_words_do_not_clear(word: str | None) -> None:
    assert not is_clear_word(word)


@pytest.mark.parametrize(
    ("signature", "category"),
    [
        ("Disk C: 91% full", "disk"),
        ("NodeFilesystemAlmostOutOfSpace filesystem", "disk"),
        ("inode usage", "disk"),
        ("High memory usage", "memory"),
        ("oom killer", "memory"),
        ("cpu_usage_idle", "cpu"),
        ("load average high", "cpu"),
        ("nginx is not running: service", "service"),
        ("W3SVC stopped", "service"),
        ("Veeam backup failed", "backup"),
        ("SSL certificate expires soon", "certificate"),
        ("log file growing /var/log/app", "log"),
        ("PostgreSQL too many connections", "database"),
        ("packet loss to gateway", "network"),
        ("host down", "availability"),
        ("ransomware canary touched", "security"),
        ("ntp drift", "time"),
        ("something odd", "other"),
    ],
)
def test_categories(signature: str, category: str) -> None:
    assert classify(severity_word=None, signature=signature, message="").category == category


def test_the_message_helps_where_the_signature_says_nothing() -> None:
    assert classify(severity_word=None, signature="Problem", message="volume D: is full").category == "disk"


@pytest.mark.parametrize(
    ("text", "severity"),
    [
        ("host unreachable", Severity.CRITICAL),
        ("disk at 100%", Severity.CRITICAL),
        ("disk at 97.5 %", Severity.HIGH),
        ("job failed", Severity.HIGH),
        ("disk at 85%", Severity.MEDIUM),
        ("updates available", Severity.LOW),
    ],
)
def test_without_a_word_the_text_decides_less_surely(text: str, severity: Severity) -> None:
    found = classify(severity_word="banana", signature=text, message="")
    assert found.severity is severity
    assert 0 < found.confidence < classify(severity_word="high", signature=text, message="").confidence
    assert "text says" in found.why


def test_nothing_telling_is_medium_and_admits_it() -> None:
    found = classify(severity_word=None, signature="zzz", message="")
    assert (found.severity, found.category) == (Severity.MEDIUM, "other")
    assert found.confidence < 0.5


@given(st.one_of(st.none(), st.text(max_size=50)), st.text(max_size=200), st.text(max_size=200))
def test_any_text_is_classified(word: str | None, signature: str, message: str) -> None:
    found = classify(severity_word=word, signature=signature, message=message)
    assert 0 <= found.confidence <= 1
    assert found.why and found.category


@pytest.mark.parametrize("unit", ["log ", "a", "1", "100 ", "9.", "failed over ", "_", "expir", "log size"])
def test_hostile_text_costs_no_time(unit: str) -> None:
    hostile = unit * (20_000 // len(unit))
    began = time.process_time()
    classify(severity_word=hostile, signature=hostile, message=hostile)
    assert time.process_time() - began < 0.5

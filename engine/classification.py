"""Rule-based severity and category, each with how sure it is and why. Rules first; nothing here guesses twice."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from engine.alert import Severity

CLEAR_WORDS = frozenset({"ok", "okay", "up", "resolved", "recovered", "recovery", "clear", "cleared", "normal", "green",
                         "closed", "success", "healthy"})  # fmt: skip

_WORDS: dict[Severity, frozenset[str]] = {
    Severity.CRITICAL: frozenset(
        [
            "critical",
            "crit",
            "p1",
            "p0",
            "sev0",
            "sev1",
            "s1",
            "disaster",
            "emergency",
            "emerg",
            "fatal",
            "down",
            "alert",
            "page",
            "blocker",
            "urgent",
            "severe",
            "availability",
            "5xl",
            "panic",
            "unreachable",
        ]
    ),
    Severity.HIGH: frozenset(
        [
            "high",
            "p2",
            "sev2",
            "s2",
            "major",
            "error",
            "err",
            "failed",
            "failure",
            "high_priority",
            "red",
            "serious",
            "disconnected",
        ]
    ),
    Severity.MEDIUM: frozenset(
        [
            "medium",
            "moderate",
            "average",
            "p3",
            "sev3",
            "s3",
            "warning",
            "warn",
            "minor",
            "degraded",
            "trouble",
            "yellow",
            "unusual",
            "orange",
            "stale",
            "misconfigured",
        ]
    ),
    Severity.LOW: frozenset(["low", "p4", "sev4", "s4", "notice", "unknown_low", "trivial"]),
    Severity.INFO: frozenset(
        [
            "info",
            "information",
            "informational",
            "p5",
            "sev5",
            "s5",
            "debug",
            "verbose",
            "none",
            "not_classified",
            "trace",
            "event",
        ]
    ),
}
_SEVERITY_OF = {word: severity for severity, words in _WORDS.items() for word in words}
_SQUEEZE = re.compile(r"[^a-z0-9]+")


@lru_cache(maxsize=1024)
def severity_of_word(word: str | None) -> Severity | None:
    """The severity behind a tool's own word (`P1`, `Sev-2`, `warning`, `Disaster` …), or None if it says nothing."""
    if not word:
        return None
    plain = _SQUEEZE.sub("_", word.strip().lower()).strip("_")
    tight = plain.replace("_", "")
    for candidate in (plain, tight, tight.replace("priority", "p"), tight.replace("severity", "sev")):
        if candidate in _SEVERITY_OF:
            return _SEVERITY_OF[candidate]
    return next((_SEVERITY_OF[part] for part in plain.split("_") if part in _SEVERITY_OF), None)


def is_clear_word(word: str | None) -> bool:
    """True when a severity word means that nothing is wrong any more."""
    return bool(word) and _SQUEEZE.sub("", str(word).lower()) in CLEAR_WORDS


_CATEGORIES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        ("backup", r"\b(backup|veeam|snapshot|restore|replication job)"),
        ("certificate", r"\b(cert|certificate|ssl|tls)\b|cert_?expir"),
        ("security", r"\b(intrusion|malware|virus|brute ?force|ransom|unauthori[sz]ed|canary|exploit|phish)"),
        ("log", r"\blog(s|file|rotat\w*)?\b.{0,80}\b(size|grow\w*|full|large|big)|\blog ?rotat"),
        ("disk", r"\b(disk|filesystem|file system|volume|storage|inode|partition|mount\w*|fs|drive|space)\b|diskspace"),
        ("memory", r"\b(memory|mem|ram|swap|oom|out of memory|heap)\b"),
        ("cpu", r"\b(cpu|processor|load(?: average)?|load1|load5)\b"),
        ("database", r"\b(mysql|mariadb|postgres\w*|pgsql|mssql|sql|oracle|database|mongodb|redis|db)\b"),
        ("service", r"\b(service|daemon|process|unit|systemd|nginx|apache\d?|httpd|iis|w3svc|tomcat|docker|container|pod)\b"),
        ("network", r"\b(network|unreachable|ping|packet|latency|dns|gateway|router|switch|vpn|link|interface|port|wan)\b"),
        ("availability", r"\b(down|unavailable|offline|not responding|no data|timeout|timed out|5\d\d|dead|reboot\w*)\b"),
        ("time", r"\b(ntp|clock|time drift|chrony)\b"),
    )
)  # fmt: skip
CATEGORIES = frozenset(name for name, _ in _CATEGORIES) | {"other"}
"""Every category that an incident may have."""

_TEXT_SEVERITY: tuple[tuple[Severity, re.Pattern[str]], ...] = (
    (Severity.CRITICAL, re.compile(r"\b(down|outage|unreachable|offline|failed over|data loss|ransom\w*|disaster|dead)\b|\b100 ?%")),
    (Severity.HIGH, re.compile(r"\b(fail\w*|error\w*|critical|crash\w*|full|exhaust\w*|expired)\b|\b9[5-9](\.\d+)? ?%")),
    (Severity.MEDIUM, re.compile(r"\b(high|slow|degraded|warning|exceed\w*|expir\w*|above|retry\w*)\b|\b[89]\d(\.\d+)? ?%")),
    (Severity.LOW, re.compile(r"\b(notice|pending|minor|updates? available)\b")),
)  # fmt: skip


def _plain(signature: str) -> str:
    return signature[:2000].lower().replace("_", " ")


@lru_cache(maxsize=4096)
def category_of(text: str) -> str | None:
    """The category that these words (lower case) name, or None."""
    return next((name for name, pattern in _CATEGORIES if pattern.search(text)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Classification:
    """`confidence` is 0..1; `why` is one short clause."""

    severity: Severity
    category: str
    confidence: float
    why: str


def classify(*, severity_word: str | None, signature: str, message: str) -> Classification:
    """Severity and category of one alert. The tool's own word wins; without one the text decides, less surely."""
    judged = judge(severity_word=severity_word, signature=signature, message=message)
    text = _plain(signature)
    category = category_of(text) or category_of(f"{text} {message[:2000].lower()}") or "other"
    return replace(judged, category=category)


_UNSURE = ("no known severity given", "no severity given")


def unsure(why: str) -> bool:
    """Was the severity guessed from the text, or from nothing? `why` holds a classification's."""
    return any(f"because {words}" in why for words in _UNSURE)


def judge(*, severity_word: str | None, signature: str, message: str) -> Classification:
    """The severity alone, which every alert needs; the category, `other` here, costs more and only a new incident
    needs it."""
    said = severity_of_word(severity_word[:200] if severity_word else None)
    if said is not None:
        return Classification(
            severity=said, category="other", confidence=0.95, why=f"the tool says “{severity_word}”"
        )
    text = f"{_plain(signature)} {message[:2000].lower()}"
    for severity, pattern in _TEXT_SEVERITY:
        found = pattern.search(text)
        if found:
            why = f"no known severity given; the text says “{found.group(0)}”"
            return Classification(severity=severity, category="other", confidence=0.6, why=why)
    return Classification(
        severity=Severity.MEDIUM,
        category="other",
        confidence=0.3,
        why="no severity given and no telling words",
    )

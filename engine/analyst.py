"""The offline analyst: what the rules themselves can say of an incident, in the form in which a model would answer.

Deterministic, without a network, and never wiser than its data: what the rules do not know it leaves out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from engine.classification import category_of, classify
from engine.facts import Facts

NAME = "rules"
"""How its answers are signed."""
MARK = "📐"
_MEANS: Mapping[str, tuple[str, str]] = {
    "disk": (
        "room on a disk runs out; what cannot be written fails next",
        "what grew there: logs, temporary files, dumps",
    ),
    "memory": ("memory runs out; the system ends processes next", "which process grew, and since when"),
    "cpu": ("there is more to compute than it can", "which process is on top, and whether a planned job runs"),
    "backup": (
        "a backup did not go as planned; the last good one gets older",
        "the job's own message, then room and access at its target",
    ),
    "certificate": (
        "a certificate ends, or is not accepted",
        "its last day, and whether the renewed one is the one in use",
    ),
    "security": ("somebody may be where they should not be", "the account or address that is named; keep the traces"),
    "log": ("logs grow faster than they are rotated", "which file grew, and when it was rotated last"),
    "database": ("a database does not do what it should", "its own log, open connections, and room for its files"),
    "service": ("a service does not run as it should", "its state and last log lines, and what was changed before"),
    "network": (
        "something cannot be reached, or the way there is bad",
        "whether its neighbours answer: line, switch, firewall, names",
    ),
    "availability": ("it does not answer", "whether the machine itself answers, then power, host and line"),
    "time": ("its clock is off; logins and certificates depend on it", "its time source, and whether that answers"),
}  # fmt: skip
_WORDS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (category, re.compile("|".join(patterns)))
    for category, patterns in (
        ("security", (
            r"\b(log[io]n(s| attempt\w*)?|logged in|sudo|pam|ids|intrud\w*|suricata|wazuh|fail2ban|honeypot)\b",
            r"\b(attack\w*|scan\w*|admin account)\b",
        )),
        ("certificate", (r"\b(let.?s encrypt|certbot|x\.?509|handshake)\b",)),
        ("disk", (
            r"\b(inodes?|smart|raid|md\d+|sectors?|i/o errors?|diskio|tablespace|nfs|stale file handle|container fs)\b",
            r"(^|\s)/(tmp|var|home|srv|data|opt)\b",
            r"\d ?% full\b",
            r"\b(cache|volume)\b.*\b[gt]i?b\b",
        )),
        ("log", (r"\b\w+\.log\b", r"\blog-(template|monitor)")),
        ("memory", (r"\b(memory|swap|heap|garbage collect\w*|gc|oom-killer|committed bytes)",)),
        ("cpu", (r"\b(cores?|zombies?|stuck process|softirq)\b", r"\bcpu")),
        ("database", (
            r"\b(quer(y|ies)|deadlocks?|replication lag|rds|dynamodb|tables?|elasticsearch|influx)\b",
        )),
        ("network", (
            r"\b(dhcp|lease\w*|eigrp|bgp|ospf|neighbou?r|tcp|udp|snmp|packets?|bytes in|domain controller|network)",
        )),
        ("service", (
            r"\b(cron\w*|scheduled (job|task)|job|queue\w*|consumer\w*|kafka|rabbitmq|celery|ldap|mail ?queue)\b",
            r"\b(spool\w*|printers?|crashloop\w*|threads?|response time|api|exception|\w+error)\b",
        )),
        ("availability", (
            r"\b(heartbeat|no sign of life|5xx|error rate|unresponsive|not on schedule|did not send)\b",
            r"\bno sessions left\b",
        )),
        ("time", (r"\b(time is off|stratum|time source|kerberos)\b",)),
    )
)  # fmt: skip
"""What the words of an alert point to when the first rules know nothing of it; looked through in this order."""
_MEASURED = re.compile(r"(?<![\w.])(\d{1,3}(?:[.,]\d+)? ?%) (?:full|used|in use|busy)\b", re.IGNORECASE)
"""How full something is: `4 % available` and an error rate read the other way round."""


def span(taken: timedelta) -> str:
    """`45 s`, `12 min`, `3 h`."""
    seconds = max(0, int(taken.total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"


def judged(facts: Facts) -> tuple[str, float]:
    """The category, and how surely: its title says more than its messages."""
    if facts.category != "other":
        told = category_of(_plain(facts.title)) == facts.category
        return facts.category, 0.85 if told else 0.65
    return _from_messages(facts)


def _from_messages(facts: Facts) -> tuple[str, float]:
    """First what the title points to, then what the messages say, then what they point to."""
    messages = [_plain(f"{one.title} {one.message}") for one in reversed(facts.alerts)]
    for texts, sure in (([_plain(facts.title)], 0.6), (messages, 0.5)):
        for text in texts:
            found = next((name for name, words in _WORDS if words.search(text)), None)
            if found is not None:
                return found, sure
    return next(((found, 0.5) for text in messages if (found := category_of(text))), ("other", 0.35))


def _plain(text: str) -> str:
    return text[:2000].lower().replace("_", " ")


def classified(facts: Facts) -> dict[str, Any]:
    """Category and severity. A severity that was told stays; a guessed one is guessed from all there is."""
    category, sure = judged(facts)
    severity, confidence = facts.severity, 0.9
    if not facts.sure:
        text = " ".join(f"{one.title} {one.message}" for one in facts.alerts)
        guess = classify(severity_word=None, signature=facts.title, message=text)
        severity = guess.severity if guess.severity.worse_than(facts.severity) else facts.severity
        confidence = guess.confidence
    return {"category": category, "severity": severity.value, "confidence": min(sure, confidence)}


def analysed(facts: Facts) -> dict[str, Any] | None:
    """At most three lines: what it means, what is known of it, where to look first. None where there is nothing."""
    category, sure = judged(facts)
    if category not in _MEANS:
        return None
    means, look = _MEANS[category]
    lines = [f"{_measured(facts)}{means[:1].upper()}{means[1:]}."]
    known = _known(facts)
    if known:
        lines.append(known)
    lines.append(f"Look first at {look}.")
    return {"lines": lines, "confidence": sure}


def _measured(facts: Facts) -> str:
    """How full its own machine last said that something is, where the title does not have it."""
    if _MEASURED.search(facts.title):
        return ""
    for one in reversed(facts.alerts):
        if one.asset == facts.machine and (found := _MEASURED.search(one.message)):
            return f"At {found.group(1)}: "
    return ""


def _known(facts: Facts) -> str:
    if facts.cause:
        return f"Probably began with {facts.cause.partition(': ')[0][:80]}."
    machines = {one.asset for one in facts.alerts}
    if len(machines) > 1:
        return f"{len(machines)} machines report it."
    for past in facts.before:
        if past.resolution and past.took is not None:
            return f"Last time over in {span(past.took)}: {past.resolution[:90]}"
    return ""


def suggested(facts: Facts) -> dict[str, Any]:
    best = facts.fitting[0] if facts.fitting else None
    return {"runbook": best, "confidence": 0.8 if best else 0.4}


def drafted(facts: Facts) -> dict[str, Any]:
    """A note out of what was done: nothing that the story does not have."""
    parts = [f"{facts.title} on {facts.machine}."]
    if facts.resolution:
        parts.append(facts.resolution.rstrip(".") + ".")
    done = [one for one in facts.story if one != facts.resolution][-3:]
    if done:
        parts.append("Done: " + "; ".join(one.rstrip(".") for one in done) + ".")
    return {"note": " ".join(parts)[:600], "confidence": 0.6}


def written(facts: Facts) -> dict[str, Any]:
    """An article out of a resolution."""
    tools = f" Reported by {', '.join(facts.tools)}." if facts.tools else ""
    fix = facts.resolution or "; ".join(facts.story[-3:]) or "Nobody wrote down what ended it."
    return {
        "title": facts.title[:120],
        "problem": f"{facts.title} on {facts.machine}.{tools}"[:600],
        "fix": fix[:600],
        "confidence": 0.6 if facts.resolution else 0.4,
    }


def handed_over(facts: Facts) -> dict[str, Any]:
    """So far, for who takes over: how loud it is, what was done, what is left to look at."""
    lines = [f"{facts.severity} on {facts.machine}, reported {facts.count} times."]
    if facts.story:
        lines.append("Done so far: " + "; ".join(one.rstrip(".")[:60] for one in facts.story[-2:]) + ".")
    else:
        lines.append("Nobody has written down anything yet.")
    if known := _known(facts):
        lines.append(known)
    return {"lines": [one[:160] for one in lines], "confidence": 0.7}

"""What kind of trouble a signature speaks of: tools' different words for one condition, brought together.

A small table that a person can read, and similarity of wording for what it does not hold. Two signatures are never
brought together when they name different ports, VLANs, drives or the like.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz import fuzz

SIMILAR = 88.0
"""Out of 100: wording that is this alike means the same thing, unless it names different parts."""

UNREACHABLE = "unreachable"
_CONDITIONS: tuple[tuple[str, str], ...] = (
    (
        UNREACHABLE,
        r"unreachable|host (is )?down|down host|node down|server down|device down|no (ping|response|contact)"
        r"|not (responding|reachable|responsive)|ping (fail|lost|timeout|check)|icmp|offline|heartbeat"
        r"|agent (is )?(down|unavailable|not)|instance (is )?down|targetdown|statuscheckfailed|lost contact",
    ),
    ("log", r"\blog ?(file|files)?\b.*\b(grow\w*|full|size|large|big)\b|\blog ?rotat\w*"),
    ("restarted", r"reboot|restart|uptime|crashloop|crash loop"),
    ("backup", r"backup|veeam|snapshot|restore point|recovery point"),
    ("certificate", r"certificate|\bcert\b|\bssl\b|\btls\b|x509"),
    ("replication", r"replica(tion|s)? |replication|\blag\b"),
    ("time", r"\bntp\b|clock|time (drift|skew|sync)|chrony"),
    ("memory", r"\b(memory|mem|ram|swap|oom|heap|rss|paging)\b|memory(usage|pressure)|outofmemory"),
    ("cpu", r"\b(cpu|processor|load|load1|load5|load15|softirq|iowait)\b|cpu(usage|utilization)|highload"),
    (
        "disk",
        r"\b(disk|diskio|drive|filesystem|file system|volume|storage|inodes?|partition|mount|fs|datastore|raid|smart)\b"
        r"|free space|disk(space|usage|full)|low space|\bio\b",
    ),
    ("hardware", r"\b(fan|psu|power supply|temperature|temp|voltage|battery|ups)\b"),
    ("security", r"malware|virus|ransom|intrusion|brute ?force|phish|unauthori[sz]ed|exploit"),
    (
        "network",
        r"packet|latency|jitter|interface|\bbgp\b|\bospf\b|\bvpn\b|tunnel|\bdns\b|\bdhcp\b|bandwidth|\bnetwork\b"
        r"|\blink\b|\bwan\b|switch port",
    ),
    ("job", r"\b(job|task|cron|scheduled)\b.*(fail|miss|error|late)|missed run"),
    ("database", r"\b(deadlock|connection pool|slow quer|replica set|tablespace|sql)\b|database"),
    (
        "service",
        r"\b(service|daemon|process|unit|systemd|nginx|apache\d?|httpd|iis|w3svc|tomcat|pod|container)\b.*"
        r"(down|stop|fail|not running|dead|inactive|unhealthy|crash)|service (state|check)|\b(down|stopped)\b.*service",
    ),
    ("web", r"\bhttps?\b|status code|response time|\burl\b|website|web check|\b5xx\b"),
)
OF_ITS_OWN = frozenset(
    ["disk", "log", "certificate", "backup", "time", "security", "hardware", "memory", "cpu"]
)
"""Troubles that an asset has by itself: what it depends on does not fill its disk."""
_FOLLOWS_LOAD = frozenset(["memory", "cpu"])
_TABLE = tuple((name, re.compile(pattern)) for name, pattern in _CONDITIONS)
_PART = re.compile(
    r"\b(port|vlan|disk|drive|volume|eth|nic|interface|lun|bay|slot|fan|psu|raid|job|task|schedule|policy|site|queue)"
    r" ?([a-z]|\d{1,5})\b|\b([a-z]) (?:drive|disk)\b"
)
_SAME_PART = {"disk": "drive", "volume": "drive", "nic": "eth", "interface": "eth"}
_FILLER = frozenset(["the", "a", "is", "on", "of", "for", "has", "at", "in", "and", "alert", "alarm", "check",
                     "warning", "critical", "problem", "issue", "detected", "#"])  # fmt: skip


@dataclass(frozen=True, slots=True)
class Alike:
    """Two signatures that mean the same trouble, and why."""

    why: str


@lru_cache(maxsize=8192)
def condition(signature: str) -> str | None:
    """The condition behind a normalised signature, such as `disk`; None when the table does not hold it."""
    return next((name for name, pattern in _TABLE if pattern.search(signature)), None)


def of_its_own(signature: str) -> bool:
    """A trouble that did not come from elsewhere."""
    return condition(signature) in OF_ITS_OWN


def outlasts(signature: str) -> bool:
    """A trouble of its own that is still there when whatever else is wrong around it is over: memory and processor
    fill up because of others and empty with them, a full disk does not."""
    found = condition(signature)
    return found in OF_ITS_OWN and found not in _FOLLOWS_LOAD


@lru_cache(maxsize=8192)
def parts(signature: str) -> frozenset[str]:
    """What a signature points at within its asset: `port 443`, `drive c`."""
    return frozenset(
        f"{_SAME_PART.get(found[1], found[1]) or 'drive'} {found[2] or found[3]}"
        for found in _PART.finditer(signature)
        if (found[2] or found[3]) != "s"
    )


def apart(one: str, other: str) -> bool:
    """They name different parts of the asset: `port 443 down` is not `port 80 down`."""
    named, others = parts(one), parts(other)
    return bool(named and others) and named.isdisjoint(others)


@lru_cache(maxsize=16384)
def alike(one: str, other: str) -> Alike | None:
    """The same trouble in other words, or None. Symmetric; a signature is alike to itself."""
    if one == other:
        return Alike("the same signature")
    if apart(one, other):
        return None
    said, heard = condition(one), condition(other)
    if said is not None and said == heard:
        return Alike(f"both speak of {said}")
    if said is not None and heard is not None:
        return None
    plain, others = _plain(one), _plain(other)
    if not plain or not others:
        return None
    score = fuzz.token_sort_ratio(plain, others)
    return Alike(f"the wording is {score:.0f} % alike") if score >= SIMILAR else None


def differ(one: str, other: str) -> bool:
    """Surely different troubles: both are in the table under different names, and neither explains the other."""
    said, heard = condition(one), condition(other)
    if said is None or heard is None or said == heard:
        return apart(one, other)
    return UNREACHABLE not in (said, heard)


def _plain(signature: str) -> str:
    return " ".join(word for word in signature.split() if word not in _FILLER)

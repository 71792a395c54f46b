"""An alert: what one monitoring tool said about one thing, in the words the engine works with."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

from engine.changing import changed


class Severity(StrEnum):
    """How bad it is, worst first. The order is `rank` (0 is worst)."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"

    @property
    def rank(self) -> int:
        return _RANK[self]

    def worse_than(self, other: Severity) -> bool:
        return self.rank < other.rank


_RANK = {severity: rank for rank, severity in enumerate(Severity)}


def worst(first: Severity, second: Severity) -> Severity:
    return second if second.worse_than(first) else first


class AlertStatus(StrEnum):
    """`NO_DATA`: the tool cannot see; that neither raises an alarm nor ends one. `NOTICE`: somebody did something in
    the tool (acknowledged, deployed, changed a setting); kept, and nobody is told."""

    FIRING = "firing"
    RESOLVED = "resolved"
    NO_DATA = "no_data"
    NOTICE = "info"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One thing one tool said. A source fills it; nothing in it is trusted or decided yet.

    `asset_name` and `signature` are the sender's words. `severity_word` is None when the tool gives none.
    `asset_note` says which stand-in was chosen when the tool names no asset.
    """

    asset_name: str
    signature: str
    tool: str
    status: AlertStatus = AlertStatus.FIRING
    severity_word: str | None = None
    message: str = ""
    occurred_at: datetime | None = None
    dedup_key: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    link: str | None = None
    asset_note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What makes two alerts the same problem: the asset and the signature after normalising both."""

    asset: str
    signature: str

    @property
    def correlation_key(self) -> str:
        return f"{self.asset}|{self.signature}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAlert:
    """An alert as kept: one row per company, incident and fingerprint; repeats raise `count`."""

    id: str
    company_id: int
    incident_id: int | None
    fingerprint: str
    asset_name: str
    asset: str
    signature: str
    title: str
    severity: Severity
    status: AlertStatus
    message: str
    tool: str
    dedup_key: str | None
    correlation_key: str
    labels: Mapping[str, str]
    link: str | None
    count: int
    first_at: datetime
    last_at: datetime
    occurred_at: datetime | None
    held_by: int | None = None
    """The silence or maintenance window that kept it back; it stays when the alert is heard later."""


def merge(old: StoredAlert, new: StoredAlert) -> StoredAlert:
    """The kept alert after the same thing was said again: latest words, counted, never losing when it began."""
    return changed(
        old,
        severity=new.severity,
        status=new.status,
        message=new.message or old.message,
        labels=new.labels or old.labels,
        link=new.link or old.link,
        dedup_key=new.dedup_key or old.dedup_key,
        count=old.count + new.count,
        first_at=min(old.first_at, new.first_at),
        last_at=max(old.last_at, new.last_at),
        occurred_at=new.occurred_at or old.occurred_at,
    )


def fingerprint(
    identity: Identity, tool: str, dedup_key: str | None, status: AlertStatus = AlertStatus.FIRING
) -> str:
    """One alert among those of an incident: the tool's own key when it has one, else asset and signature. That there is
    no data is kept beside the alert that it may be about, not in its place."""
    basis = f"{tool}\x00{dedup_key}" if dedup_key else f"{tool}\x00{identity.correlation_key}"
    if status is AlertStatus.NO_DATA:
        basis = f"no data\x00{basis}"
    return hashlib.sha256(basis.encode("utf-8", "replace")).hexdigest()[:32]


_SCHEME = re.compile(r"^[a-z][a-z0-9+.-]*://")
_ADDRESS = re.compile(r"^\d{1,3}(\.\d{1,3}){3}$")
_HOST_AND_PATH = re.compile(
    r"^((?:[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,9}|[a-z0-9-]{1,63}(?=:))(?::\d{1,5})?)/"
)
_SPACE = re.compile(r"\s+")
_CLOUD_PATH = re.compile(r"^/subscriptions/[^/]+/(?:.+/)?providers/.+/([^/]+)/?$")
_POD = re.compile(
    r"^(.+?)-(?=[a-z]*\d)[bcdfghjklmnpqrstvwxz2456789]{8,10}-[bcdfghjklmnpqrstvwxz2456789]{5}$"
)  # Kubernetes' own alphabet: a Deployment's pod carries two such parts, new ones at every roll-out
_LONGEST_NAME = 200


@lru_cache(maxsize=4096)
def normal_asset(name: str) -> str:
    """The short, case-free name of an asset: no scheme, path, port or domain; addresses stay whole, at most 200
    characters long.

    `Web-01.acme.example:9100` and `WEB-01` are the same asset. A web address is known by its whole host name
    (`https://shop.acme.example/health` is `shop.acme.example`), an Azure resource by the end of its id, a pod by its
    Deployment, a name with slashes, such as `namespace/db`, as it is.
    """
    text = _bounded(_SPACE.sub(" ", name.strip().lower()))
    if text.startswith("/subscriptions/") and (found := _CLOUD_PATH.match(text)):
        text = found.group(1)
    elif pod := _POD.match(text):
        text = pod.group(1)
    return _host(text) or text


def _host(text: str) -> str:
    schemed = bool(_SCHEME.match(text))
    if schemed:
        text = re.split(r"[/?#]", _SCHEME.sub("", text), maxsplit=1)[0].rsplit("@", 1)[-1]
    elif found := _HOST_AND_PATH.match(text):
        text = found.group(1)
    elif "/" in text:
        return text.rstrip("/") or text
    if text.startswith("["):
        return text[1:].split("]", 1)[0]
    if text.count(":") == 1:
        host, _, port = text.partition(":")
        text = host if port.isdigit() else text
    if _ADDRESS.match(text) or ":" in text or " " in text:
        return text
    labels = text.rstrip(".").split(".")
    if labels[0] == "www" and len(labels) > 2:
        return ".".join(labels[1:])
    return text.rstrip(".") if schemed else labels[0] or text


def _bounded(text: str) -> str:
    """Short enough for an index; of a longer one the end is kept as a digest, so that it stays different."""
    if len(text) <= _LONGEST_NAME:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]
    return f"{text[: _LONGEST_NAME - 17]}~{digest}"


_NOISE = re.compile(
    r"""
      \b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b          # GUID
    | \b\d{4}-\d{2}-\d{2}(?:[t ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:z|[+-]\d{2}:?\d{2})?)?   # date and time
    | \b\d{1,2}:\d{2}(?::\d{2})?(?:\s?[ap]m)?\b                                  # time of day
    | \b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b                                       # IPv4 address
    | \b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{8,}\b                          # hash, id
    | (?<![a-z0-9_])[-+]?\d[\d.,]*\s?(?:%|percent|ms|msec|seconds?|secs?|s|minutes?|mins?|hours?|hrs?|h|days?|d
        |[kmgt]i?b(?:/s)?|bytes?|°?c)?(?![a-z0-9_])                              # number with its unit
    """,
    re.VERBOSE,
)
_PART = re.compile(
    r"""\b(?:(port|vlan)([\s:#=/]{1,2})(\d{1,5})
    |(disk|drive|eth|nic|interface|lun|bay|slot|fan|psu|raid|controller|battery|site)([\s:#=/]{0,2})(\d{1,2})
    |(job|task|schedule|policy|queue)([\s:#=/]{1,2})(\d{1,3}))
    (?![a-z0-9]|[.,]\d|-[a-f0-9]*\d|(?:[^\w\#]|_)*(?:%|(?:percent|ms|msec|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?
    |[kmgt]i?b|bytes?|c)\b))""",
    re.VERBOSE,
)
_HIDDEN = {ord(str(digit)): chr(0xE000 + digit) for digit in range(10)}
_SHOWN = {ord(hidden): chr(digit) for digit, hidden in _HIDDEN.items()}
_WORD_BREAK = re.compile(r"[\s_\-/:;,.()\[\]{}<>\"'=|!?*]+")


@lru_cache(maxsize=4096)
def normal_signature(text: str) -> str:
    """What is wrong, without what changes at every send: numbers, times, ids, case and punctuation. A number that
    says which part of the asset it is about stays.

    `Disk C: 91% full (12:04)` and `disk c 95 % full` are both `disk c # full`; `port 443 down` is not `port 80 down`.
    """
    plain = text.strip().lower().replace("_", " ")
    if any(digit in plain for digit in "0123456789"):
        plain = _NOISE.sub(" # ", _PART.sub(_hide, plain)).translate(_SHOWN)
    words = [word for word in _WORD_BREAK.split(plain) if word]
    kept: list[str] = []
    for word in words:
        if word == "#" and kept and kept[-1] == "#":
            continue
        kept.append(word)
    while len(kept) > 1 and kept[-1] == "#":
        kept.pop()
    return " ".join(kept)[:200].rstrip() or "unknown"


def _hide(part: re.Match[str]) -> str:
    """The number of a part, out of the sight of what takes numbers away."""
    word, between, number = (one for one in part.groups() if one is not None)
    return f"{word}{between}{number.translate(_HIDDEN)}"

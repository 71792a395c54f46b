"""Recorded alerts through the production engine in virtual time: what it would have done to last month.

One pass, in the order of the file; what is kept in memory is what is open or may still come back. Nobody resolves
anything here, so an incident that has been silent for the window counts as settled then, unless it comes back within
the reopen window.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO

import orjson

from engine.alert import Alert, AlertStatus, Identity
from engine.classification import classify
from engine.company import Asset, Company, CompanyContext
from engine.correlation import Open, Quiet, Reopen, Rules, correlate, identify
from engine.errors import Refused
from engine.incident import Incident, IncidentStatus, attach, recover, reopen, resolve
from engine.reason import Reason
from integrations.sources import generic
from integrations.sources.reading import Malformed

LONGEST_LINE = 1_048_576
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Recorded:
    """One line of the file: an alert and its company, or why it is none."""

    line: int
    company: str
    alert: Alert | None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one alert."""

    line: int
    incident: int | None
    reason: str
    suppressed: bool = False
    root: int | None = None

    def document(self) -> dict[str, Any]:
        return {
            "alert": self.line,
            "incident": self.incident,
            "reason": self.reason,
            "suppressed": self.suppressed,
            "root": self.root,
        }


@dataclass(slots=True)
class _Firing:
    """The incident, and the tools' own keys of its alerts that still fire."""

    incident: Incident
    keys: set[tuple[str, str]] = field(default_factory=set)


class _OfCompany:
    """One company's open and lately resolved incidents: what `engine.correlation` may look at, in memory."""

    def __init__(self) -> None:
        self.open: OrderedDict[str, _Firing] = OrderedDict()
        self.resolved: OrderedDict[str, Incident] = OrderedDict()
        self.by_dedup: dict[tuple[str, str], str] = {}

    def with_key(self, correlation_key: str) -> Incident | None:
        found = self.open.get(correlation_key)
        return found.incident if found else None

    def last_resolved(self, correlation_key: str) -> Incident | None:
        return self.resolved.get(correlation_key)

    def firing_as(self, tool: str, dedup_key: str) -> Incident | None:
        key = self.by_dedup.get((tool, dedup_key))
        return self.with_key(key) if key is not None else None

    def close(self, key: str, incident: Incident) -> None:
        for name in self.open.pop(key).keys:
            self.by_dedup.pop(name, None)
        self.resolved[key] = incident
        self.resolved.move_to_end(key)

    def settle(self, rules: Rules, now: datetime) -> None:
        """Close what has been silent for the window and forget what cannot come back. Oldest first, so this costs
        no more than what it closes."""
        while self.open:
            key, firing = next(iter(self.open.items()))
            quiet_at = firing.incident.last_alert_at + rules.window
            if quiet_at > now:
                break
            self.close(key, resolve(firing.incident, by="silence", note="", now=quiet_at))
        while self.resolved:
            key, incident = next(iter(self.resolved.items()))
            if incident.resolved_at is not None and incident.resolved_at + rules.reopen_window >= now:
                break
            del self.resolved[key]


class Engine:
    """One engine with one setting. `take` is to be called in the order of the file."""

    def __init__(self, rules: Rules, assets: Iterable[Asset] = ()) -> None:
        self.rules = rules
        self.alerts = self.incidents = self.suppressed = self.unreadable = 0
        self.patterns = {"recurrence": 0, "several tools": 0, "recovery": 0}
        self._companies: dict[str, _OfCompany] = {}
        self._now = EPOCH
        blank = Company(id=0, slug="replay", name="replay")
        self._context = CompanyContext(company=blank, assets=tuple(assets), people=())

    def take(self, recorded: Recorded) -> Outcome:
        if recorded.alert is None:
            self.unreadable += 1
            return Outcome(recorded.line, None, f"not an alert: {recorded.fault}")
        self.alerts += 1
        alert = recorded.alert
        self._now = now = max(self._now, alert.occurred_at or self._now)
        company = self._companies.setdefault(recorded.company, _OfCompany())
        company.settle(self.rules, now)
        identity = identify(alert, self._context)
        decision = correlate(alert, identity, company, self.rules, now)
        if isinstance(decision, Quiet):
            self.suppressed += 1
            return Outcome(recorded.line, None, decision.reason.text, suppressed=True)
        new = isinstance(decision, Open)
        if isinstance(decision, Open):
            incident = self._opened(alert, identity, decision.reason, now)
            company.open[incident.correlation_key] = _Firing(incident)
        elif isinstance(decision, Reopen):
            incident = reopen(decision.incident, now=now)
            self.patterns["recurrence"] += 1
            company.resolved.pop(incident.correlation_key, None)
            company.open[incident.correlation_key] = _Firing(incident)
        else:
            incident = decision.incident
        self._keep(company, alert, incident.correlation_key, new=new, now=now)
        return Outcome(recorded.line, incident.id, decision.reason.text)

    def _keep(self, company: _OfCompany, alert: Alert, key: str, *, new: bool, now: datetime) -> None:
        """The incident after this alert; a recovery of the last firing one closes it."""
        if alert.status is AlertStatus.NO_DATA:
            return
        firing = company.open[key]
        name = (alert.tool, alert.dedup_key) if alert.dedup_key else None
        if alert.status is AlertStatus.RESOLVED:
            self._recover(company, firing, key, name, now)
            return
        if name is not None:
            firing.keys.add(name)
            company.by_dedup[name] = key
        if not new:
            judged = classify(
                severity_word=alert.severity_word, signature=alert.signature, message=alert.message
            )
            tools = len(firing.incident.tools)
            firing.incident = attach(
                firing.incident,
                severity=judged.severity,
                tool=alert.tool,
                times=1,
                newly_firing=False,
                now=now,
            )
            self.patterns["several tools"] += int(tools == 1 and len(firing.incident.tools) == 2)
        company.open.move_to_end(key)

    def _recover(
        self, company: _OfCompany, firing: _Firing, key: str, name: tuple[str, str] | None, now: datetime
    ) -> None:
        if name is not None and name in firing.keys:
            firing.keys.discard(name)
            company.by_dedup.pop(name, None)
            if firing.keys:
                return
        self.patterns["recovery"] += 1
        company.close(key, recover(firing.incident, ended=firing.incident.firing, now=now))

    def _opened(self, alert: Alert, identity: Identity, reason: Reason, now: datetime) -> Incident:
        self.incidents += 1
        judged = classify(severity_word=alert.severity_word, signature=alert.signature, message=alert.message)
        return Incident(
            id=self.incidents,
            company_id=0,
            correlation_key=identity.correlation_key,
            title=alert.signature,
            asset=identity.asset,
            asset_name=alert.asset_name,
            signature=identity.signature,
            category=judged.category,
            severity=judged.severity,
            status=IncidentStatus.NEW,
            opened_at=now,
            last_alert_at=now,
            opened_reason=reason.text,
            tools=(alert.tool,),
        )

    def summary(self, seconds: float) -> dict[str, Any]:
        """`seconds` is how long it took, of all engines that ran side by side."""
        noise = 100 * (1 - self.incidents / self.alerts) if self.alerts else 0.0
        return {
            "window_minutes": self.rules.window.total_seconds() / 60,
            "alerts": self.alerts,
            "incidents": self.incidents,
            "noise_reduction_percent": round(noise, 1),
            "patterns": {name: count for name, count in self.patterns.items() if count},
            "suppressed": self.suppressed,
            "unreadable": self.unreadable,
            "companies": len(self._companies),
            "seconds": round(seconds, 3),
            "alerts_per_second": round(self.alerts / seconds) if seconds > 0 else 0,
        }


def read(file: BinaryIO) -> Iterator[Recorded]:
    """The lines of a file or pipe, one at a time; blank lines are passed over but counted."""
    number = -1
    while line := file.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) > LONGEST_LINE:
            while line and not line.endswith(b"\n"):
                line = file.readline(LONGEST_LINE)
            yield Recorded(number, "", None, f"the line is longer than {LONGEST_LINE:,} bytes")
        elif line.strip():
            yield _recorded(number, line)


def _recorded(number: int, line: bytes) -> Recorded:
    try:
        row = orjson.loads(line.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        return Recorded(number, "", None, f"not JSON: {error}")
    if not isinstance(row, dict):
        return Recorded(number, "", None, "not an object")
    try:
        (alert,) = generic.parse([row], {})
    except Malformed as error:
        return Recorded(number, "", None, str(error).replace("[0].", ""))
    return Recorded(number, str(row.get("company") or ""), alert)


def topology(file: BinaryIO) -> list[Asset]:
    """The assets of a topology file: JSON Lines `{"asset", "depends_on": [...]}`. Raises Refused naming the line."""
    found: list[Asset] = []
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            row = orjson.loads(line)
            name, needed = str(row["asset"]), [str(one) for one in row.get("depends_on") or ()]
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
            raise Refused(f"Line {number} of the topology is not an asset: {error!r}.") from None
        found.append(Asset(id=number, company_id=0, name=name, depends_on=tuple(needed)))
    return found


def changed(rules: Rules, words: str) -> Rules:
    """The rules with the settings in `window=15,reopen_window=60` (minutes). Raises Refused."""
    given: dict[str, timedelta] = {}
    for part in words.split(","):
        name, _, value = part.strip().partition("=")
        name = {"reopen": "reopen_window"}.get(name, name)
        try:
            minutes = float(value)
        except ValueError:
            minutes = -1.0
        if name not in ("window", "reopen_window") or not 0 <= minutes <= 100_000:
            hint = "Write `window=15` or `window=15,reopen_window=60`, in minutes."
            raise Refused(f"“{part}” is not a setting.", hint=hint)
        given[name] = timedelta(minutes=minutes)
    return replace(rules, **given)


def run(
    recorded: Iterable[Recorded], engine: Engine, *, other: Engine | None = None, out: BinaryIO | None = None
) -> Mapping[str, Any]:
    """Every alert through the engine (and another one beside it), outcomes of the first to `out`; the summary."""
    began = time.perf_counter()
    for one in recorded:
        outcome = engine.take(one)
        if other is not None:
            other.take(one)
        if out is not None:
            out.write(orjson.dumps(outcome.document()) + b"\n")
    seconds = time.perf_counter() - began
    summary = engine.summary(seconds)
    return summary | {"compared": other.summary(seconds)} if other is not None else summary

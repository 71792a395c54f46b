"""Recorded alerts through the production engine in virtual time: what it would have done to last month.

One pass, in the order of the file; what is kept in memory is what is open or may still come back. Nobody resolves
anything here, so an incident that has been silent for the window counts as settled then, unless it comes back within
the reopen window.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, BinaryIO

import orjson

from bot.replay.company import Kept, OfCompany
from engine.alert import Alert, AlertStatus, Identity, Severity
from engine.classification import judge
from engine.company import Asset
from engine.correlation import Decision, Open, Quiet, Reopen, Rules, correlate, identify
from engine.errors import Refused
from engine.patterns import OutbreakWatch
from engine.placing import Look
from engine.suppression import QuietRule, quiet
from integrations.sources import generic
from integrations.sources.reading import Malformed

LONGEST_LINE = 1_048_576
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PATTERNS = (
    "recurrence",
    "several tools",
    "recovery",
    "merged",
    "flapping",
    "periodic",
    "cascade",
    "storm",
    "outbreak",
)


@lru_cache(maxsize=16_384)
def _judged(word: str | None, signature: str, message: str) -> Severity:
    return judge(severity_word=word, signature=signature, message=message).severity


@dataclass(slots=True)
class Recorded:
    """One line of the file: an alert and its company, or why it is none."""

    line: int
    company: str
    alert: Alert | None
    fault: str = ""


@dataclass(slots=True)
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


Watch = Callable[[Recorded, Look, Decision], None]


class Engine:
    """One engine with one setting. `take` is to be called in the order of the file."""

    def __init__(
        self,
        rules: Rules,
        assets: Iterable[Asset] = (),
        quiet: Sequence[tuple[str, QuietRule]] = (),
        *,
        follow: bool = False,
        watch: Watch | None = None,
    ) -> None:
        """`follow` remembers every merge, for `survivor`; `watch` is shown every decision about a firing alert."""
        self.rules = rules
        self.alerts = self.incidents = self.suppressed = self.unreadable = 0
        self.patterns = dict.fromkeys(PATTERNS, 0)
        self._companies: dict[str, OfCompany] = {}
        self._outbreaks = OutbreakWatch()
        self._now = EPOCH
        self._assets = tuple(assets)
        self._quiet = tuple(quiet)
        self._follow = follow
        self._watch = watch

    def take(self, recorded: Recorded) -> Outcome:
        alert = recorded.alert
        if alert is None:
            self.unreadable += 1
            return Outcome(recorded.line, None, f"not an alert: {recorded.fault}")
        self.alerts += 1
        if alert.occurred_at is not None and alert.occurred_at > self._now:
            self._now = alert.occurred_at
        now = self._now
        company = self._companies.get(recorded.company) or self._meet(recorded.company)
        company.settle(now)
        if alert.labels:
            company.learn_names(alert, now)
        identity = identify(alert, company.context)
        if alert.status is not AlertStatus.FIRING:
            return self._not_firing(recorded.line, company, alert, identity, now)
        key = identity.correlation_key
        severity = _judged(alert.severity_word, alert.signature, alert.message)
        if self._quiet and (held := quiet(alert, identity, severity, company.context, now)) is not None:
            self.suppressed += 1
            return Outcome(recorded.line, None, held.reason.text, suppressed=True)
        look = company.placing.look(
            key, identity.asset, identity.signature, severity, alert.tool, alert.message, alert.labels,
            now, alert.occurred_at,
        )  # fmt: skip
        decision = correlate(alert, identity, company, self.rules, now, company.placing.advise(look))
        assert not isinstance(decision, Quiet)
        if self._watch is not None:
            self._watch(recorded, look, decision)
        if isinstance(decision, Open):
            kept = self._opened(company, recorded.company, alert, key, identity.signature, severity)
        else:
            assert isinstance(decision.incident, Kept)
            kept = decision.incident
            if isinstance(decision, Reopen):
                self.patterns["periodic" if decision.reason.rule == "periodic" else "recurrence"] += 1
                company.back(kept)
        name = (alert.tool, alert.dedup_key) if alert.dedup_key else None
        company.fires(kept, look.row, name, alert.tool, now)
        if company.storms.note(key, look.sighting.now):
            self.patterns["storm"] += 1
        brought = company.placing.placed(look, kept.id)
        at, symptom = look.sighting.now, bool(look.sighting.mentions)
        belief = company.causes.note(kept.id, look.row, at, recorded.line, symptom=symptom)
        number = kept.id
        if brought:
            company.brought(brought)
            number = look.row.incident
        root = belief.line if belief is not None else None
        return Outcome(recorded.line, number, decision.reason.text, root=root)

    def survivor(self, incident: int) -> int:
        """The incident that this one is part of by now: itself, unless it was merged."""
        for company in self._companies.values():
            while company.into and incident in company.into:
                incident = company.into[incident]
        return incident

    def finish(self) -> None:
        """The file has ended: what is still open ends too."""
        for company in self._companies.values():
            company.finish()

    def _meet(self, name: str) -> OfCompany:
        own = [one for one in self._assets if one.labels.get("company", name) == name]
        held = [rule for company, rule in self._quiet if company in ("", name)]
        found = self._companies[name] = OfCompany(self.rules, own, self.patterns, held)
        found.into = {} if self._follow else None
        return found

    def _not_firing(
        self, line: int, company: OfCompany, alert: Alert, identity: Identity, now: datetime
    ) -> Outcome:
        decision = correlate(alert, identity, company, self.rules, now)
        if isinstance(decision, Quiet | Open):
            self.suppressed += 1
            return Outcome(line, None, decision.reason.text, suppressed=True)
        assert isinstance(decision.incident, Kept)
        if alert.status is AlertStatus.RESOLVED:
            name = (alert.tool, alert.dedup_key) if alert.dedup_key else None
            company.recovers(decision.incident, identity.correlation_key, name, now)
        return Outcome(line, decision.incident.id, decision.reason.text)

    def _opened(
        self, company: OfCompany, name: str, alert: Alert, key: str, signature: str, severity: Severity
    ) -> Kept:
        self.incidents += 1
        kept = Kept(self.incidents, key, severity, self._now, (alert.tool,))
        company.begin(kept)
        if self._outbreaks.note(name, signature, self._now.timestamp()) is not None:
            self.patterns["outbreak"] += 1
        return kept

    def summary(self, seconds: float) -> dict[str, Any]:
        """`seconds` is how long it took, of all engines that ran side by side."""
        incidents = self.incidents - self.patterns["merged"]
        noise = 100 * (1 - incidents / self.alerts) if self.alerts else 0.0
        return {
            "window_minutes": self.rules.window.total_seconds() / 60,
            "alerts": self.alerts,
            "incidents": incidents,
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
        alert = generic.one(row)
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
        labels = {"company": str(row["company"])} if row.get("company") else {}
        found.append(Asset(id=number, company_id=0, name=name, depends_on=tuple(needed), labels=labels))
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
            out.write(orjson.dumps(outcome.document(), option=orjson.OPT_APPEND_NEWLINE))
    for one_engine in (engine, other):
        if one_engine is not None:
            one_engine.finish()
    seconds = time.perf_counter() - began
    summary = engine.summary(seconds)
    return summary | {"compared": other.summary(seconds)} if other is not None else summary

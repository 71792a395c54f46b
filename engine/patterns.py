"""Patterns in what monitoring says: storm, flapping, periodic, cascade, outbreak. Pure; times are seconds."""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, takewhile

from engine.outbreak import Begun
from engine.topology import Topology

FLAP_CHANGES, FLAP_SPAN = 5, 3600.0
"""So many changes between firing and recovered within so long are flapping …"""
FLAP_QUIET = 900.0
"""… until it has been quiet for this long."""
PERIOD_ROUNDS = 3
PERIOD_JITTER = 0.2
LONGEST_JITTER = 1800.0
MOST_SKIPPED = 3
SHORTEST_PERIOD = 600.0
STORM_ALERTS, STORM_KEYS, STORM_SPAN = 60, 20, 60.0
CASCADE_CHILDREN = 3
OUTBREAK_COMPANIES, OUTBREAK_SPAN = 3, 600.0
OUTBREAK_CHANCE = 1e-5
"""What chance brings together more often than this is everyday noise, however many companies it is."""
OUTBREAK_PAST, OUTBREAK_AROUND = 14 * 86400.0, 900.0
"""What is usual is what the last fourteen days had, and within a quarter of an hour of this time of day."""
MOST_BEGUN, MOST_SIGNATURES = 2_000, 5_000
_DAY = 86400.0


@dataclass(frozen=True, slots=True)
class Flapping:
    changes: int
    span: float

    @property
    def text(self) -> str:
        return f"flapping ×{self.changes} in {max(1, round(self.span / 60))} min"


def flapping(changes: Sequence[float], now: float) -> Flapping | None:
    """`changes` are the times at which it began or stopped firing, oldest first."""
    recent = [at for at in changes if now - at <= FLAP_SPAN]
    if len(recent) < FLAP_CHANGES or now - recent[-1] > FLAP_QUIET:
        return None
    return Flapping(len(recent), now - recent[0])


@dataclass(frozen=True, slots=True)
class Period:
    """Every `seconds`, give or take `jitter`; `rounds` times so far, of which `skipped` were left out."""

    seconds: float
    jitter: float
    rounds: int
    skipped: int

    @property
    def text(self) -> str:
        span = f"{self.seconds / 3600:.1f} h" if self.seconds >= 7200 else f"{self.seconds / 60:.0f} min"
        left_out = f", {self.skipped} left out" if self.skipped else ""
        return f"every {span} (±{max(1, round(self.jitter / 60))} min), {self.rounds} times{left_out}"


def periodic(starts: Sequence[float]) -> Period | None:
    """A steady rhythm in these beginnings, the latest included; drift, jitter and skipped rounds allowed."""
    if len(starts) < PERIOD_ROUNDS:
        return None
    gaps = [later - earlier for earlier, later in pairwise(starts)]
    shortest = min(gaps)
    if shortest < SHORTEST_PERIOD:
        return None
    rounds = [max(1, round(gap / shortest)) for gap in gaps]
    if max(rounds) > MOST_SKIPPED + 1:
        return None
    period = sum(gaps) / sum(rounds)
    jitter = max(abs(gap - many * period) for gap, many in zip(gaps, rounds, strict=True))
    if jitter > min(PERIOD_JITTER * period, LONGEST_JITTER):
        return None
    return Period(period, jitter, sum(rounds) + 1, sum(rounds) - len(rounds))


@dataclass(slots=True)
class StormWatch:
    """One company: many alerts of many kinds within a minute. `note` says when a storm begins."""

    at: deque[tuple[float, str]] = field(default_factory=deque)
    kinds: dict[str, int] = field(default_factory=dict)
    storm: bool = False

    def note(self, key: str, now: float) -> bool:
        self.at.append((now, key))
        self.kinds[key] = self.kinds.get(key, 0) + 1
        while self.at and (now - self.at[0][0] > STORM_SPAN or len(self.at) > 50 * STORM_ALERTS):
            _, old = self.at.popleft()
            self.kinds[old] -= 1
            if not self.kinds[old]:
                del self.kinds[old]
        before = self.storm
        if len(self.at) >= STORM_ALERTS and len(self.kinds) >= STORM_KEYS:
            self.storm = True
        elif len(self.at) < STORM_ALERTS // 2:
            self.storm = False
        return self.storm and not before


@dataclass(frozen=True, slots=True)
class Cascade:
    """`parent` explains `children`: each of them depends on it, through others if need be."""

    parent: str
    children: tuple[str, ...]

    @property
    def text(self) -> str:
        return f"{len(self.children)} children of {self.parent} held"


def cascade(assets: Iterable[str], topology: Topology) -> Cascade | None:
    """The alerting asset that the most other alerting ones depend on, if it explains at least three."""
    alerting = set(assets)
    best: Cascade | None = None
    for parent in sorted(alerting):
        children = _dependants(parent, alerting, topology)
        if len(children) >= CASCADE_CHILDREN and (best is None or len(children) > len(best.children)):
            best = Cascade(parent, tuple(sorted(children)))
    return best


def _dependants(parent: str, alerting: set[str], topology: Topology) -> set[str]:
    found: set[str] = set()
    waiting, seen = [parent], {parent}
    for _ in range(len(alerting) * 4):
        if not waiting:
            break
        for one in topology.needed_by(waiting.pop()):
            if one in seen:
                continue
            seen.add(one)
            waiting.append(one)
            if one in alerting:
                found.add(one)
    return found


@dataclass(frozen=True, slots=True)
class Outbreak:
    """The same trouble at several companies at once. For the MSP alone: no company hears of another. `expected` is at
    how many companies it begins in such a span as a rule."""

    signature: str
    companies: tuple[str, ...]
    expected: float = 0.0

    @property
    def text(self) -> str:
        minutes = OUTBREAK_SPAN / 60
        told = f"`{self.signature}` began at {len(self.companies)} companies within {minutes:.0f} min"
        if self.expected < 0.01:
            return f"{told}; as a rule it hardly ever does"
        return f"{told}; as a rule {self.expected:.2g} in such a time"


def outbreak(
    signature: str, recent: Sequence[Begun], past: Sequence[Begun], now: float, *, known_for: float
) -> Outbreak | None:
    """Is it more companies than chance brings together? `recent` began within the span, `past` before it, over the
    last `known_for` seconds. What comes to many companies at the same time every day is expected then."""
    companies = tuple(sorted({one.company for one in recent if 0 <= now - one.at <= OUTBREAK_SPAN}))
    if len(companies) < OUTBREAK_COMPANIES:
        return None
    expected = max(_at_any_time(past, known_for), _at_this_time(past, now, known_for))
    if chance_of(len(companies), expected) > OUTBREAK_CHANCE:
        return None
    return Outbreak(signature, companies, expected)


def _at_any_time(past: Sequence[Begun], known_for: float) -> float:
    """At how many companies it begins in one span; again and again at one company is once."""
    begun = {(one.company, one.at // OUTBREAK_SPAN) for one in past}
    return len(begun) * OUTBREAK_SPAN / max(known_for, _DAY)


def _at_this_time(past: Sequence[Begun], now: float, known_for: float) -> float:
    """At how many companies it began in one span around this time of day, on an average day: nightly jobs fail at
    night."""
    days: dict[int, list[Begun]] = {}
    for one in past:
        ago = now - one.at
        day = round(ago / _DAY)
        if day >= 1 and abs(ago - day * _DAY) <= OUTBREAK_AROUND:
            days.setdefault(day, []).append(one)
    return sum(_most_at_once(one) for one in days.values()) / max(1.0, known_for / _DAY)


def _most_at_once(begun: Sequence[Begun]) -> int:
    """The most companies in any one span."""
    ordered = sorted(begun, key=lambda one: one.at)
    most, first = 0, 0
    for last, one in enumerate(ordered):
        while one.at - ordered[first].at > OUTBREAK_SPAN:
            first += 1
        most = max(most, len({other.company for other in ordered[first : last + 1]}))
    return most


def chance_of(count: int, expected: float) -> float:
    """How likely so many or more are, when so many are expected and they have nothing to do with each other."""
    expected = max(expected, 1e-9)
    below = 0.0
    term = math.exp(-expected)
    for number in range(count):
        below += term
        term *= expected / (number + 1)
    return max(0.0, 1.0 - below)


class OutbreakWatch:
    """Across companies; told of newly opened incidents only. Remembers `OUTBREAK_PAST` of each signature, bounded."""

    def __init__(self) -> None:
        self._begun: OrderedDict[str, deque[Begun]] = OrderedDict()
        self._told: dict[str, float] = {}
        self._since: float | None = None

    def note(self, company: str, signature: str, now: float) -> Outbreak | None:
        """The outbreak that this incident makes, told once until it has been quiet."""
        if self._since is None:
            self._since = now
        begun = self._begun.get(signature)
        if begun is None:
            begun = self._begun[signature] = deque(maxlen=MOST_BEGUN)
            if len(self._begun) > MOST_SIGNATURES:
                oldest, _ = self._begun.popitem(last=False)
                self._told.pop(oldest, None)
        self._begun.move_to_end(signature)
        begun.append(Begun(company, now))
        while begun and now - begun[0].at > OUTBREAK_PAST:
            begun.popleft()
        told = self._told.get(signature)
        if told is not None:
            if now - told <= OUTBREAK_SPAN:
                self._told[signature] = now
                return None
            del self._told[signature]
        recent = list(takewhile(lambda one: now - one.at <= OUTBREAK_SPAN, reversed(begun)))
        if len({one.company for one in recent}) < OUTBREAK_COMPANIES:
            return None
        past = list(begun)[: len(begun) - len(recent)]
        whole = len(begun) < MOST_BEGUN
        known_for = min(OUTBREAK_PAST, now - (self._since if whole else begun[0].at))
        found = outbreak(signature, recent, past, now, known_for=known_for)
        if found is not None:
            self._told[signature] = now
        return found

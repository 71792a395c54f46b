"""Patterns in what monitoring says: storm, flapping, periodic, cascade, outbreak. Pure; times are seconds."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

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
    """The same trouble at several companies at once. For the MSP alone: no company hears of another."""

    signature: str
    companies: tuple[str, ...]

    @property
    def text(self) -> str:
        return f"`{self.signature}` at {len(self.companies)} companies within {OUTBREAK_SPAN / 60:.0f} min"


class OutbreakWatch:
    """Across companies; told of newly opened incidents only."""

    def __init__(self) -> None:
        self._recent: OrderedDict[str, dict[str, float]] = OrderedDict()
        self._told: dict[str, float] = {}

    def note(self, company: str, signature: str, now: float) -> Outbreak | None:
        """The outbreak that this incident makes, told once until it has been quiet."""
        recent = self._recent.setdefault(signature, {})
        self._recent.move_to_end(signature)
        recent[company] = now
        for name in [name for name, at in recent.items() if now - at > OUTBREAK_SPAN]:
            del recent[name]
        while self._recent:
            oldest, seen = next(iter(self._recent.items()))
            if oldest == signature or now - max(seen.values(), default=0.0) <= OUTBREAK_SPAN:
                break
            del self._recent[oldest]
            self._told.pop(oldest, None)
        if len(recent) < OUTBREAK_COMPANIES:
            if now - self._told.get(signature, now) > OUTBREAK_SPAN:
                del self._told[signature]
            return None
        first = signature not in self._told
        self._told[signature] = now
        return Outbreak(signature, tuple(sorted(recent))) if first else None

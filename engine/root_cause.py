"""Which asset an incident probably began with, from what is odd about it: odd among the others, odd against the past.

What every asset of the incident says is a symptom; what only one says, early, and seldom said before, is a clue. The
weights were chosen on recorded faults with known causes (docs/benchmarks.md); each is a plain number below.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from engine.activity import Key
from engine.conditions import condition
from engine.topology import Topology

EARLY = 120.0
"""Clues fade with this time constant after the incident began, down to `LATE_FLOOR` of their weight."""
LATE_FLOOR = 0.5
PAST_POWER = 0.5
"""How much a key's rarity in earlier incidents counts beside its rarity among this incident's assets."""
PRIOR = 2.0
SAME_CONDITION, OTHER_CONDITION = 0.75, 0.3
"""Each further clue of one condition counts this share of the one before; so does each further condition."""
OFTEN = 0.1
SYMPTOM = 0.35
"""An alert that names another asset speaks of a relation rather than of its own asset."""
SHARE = 1.6
"""What an asset's share of all alerts of the incident counts beside the clues (the best asset's clues are 1)."""
GROWTH = 1.1
"""The belief is worked out again when the incident has grown by this factor."""
MOST_PAST = 50_000
CHILDREN, MOST_OF = 3, 0.8
"""So many alarming assets, and such a share of the incident's, must depend on what is suspected without a word."""
UNHEARD = 0.75
"""What is silent itself is believed no more than this, however much speaks for it."""
SILENT = "silent itself"


@dataclass(slots=True)
class Clue:
    """One key in one incident: how often, how long after it began, and the first line or alert that said it."""

    row: Key
    at: float
    line: int
    condition: str
    count: int = 0
    symptom: bool = False
    odd: float = 0.0


@dataclass(frozen=True, slots=True)
class Belief:
    """`line` is an alert of the asset; `confidence` is its share of what was held against the best three."""

    asset: str
    line: int
    confidence: float
    why: str


@dataclass(frozen=True, slots=True)
class Silent:
    """Something that says nothing itself, and explains what does; `why` begins with `SILENT`."""

    asset: str
    confidence: float
    why: str


@dataclass(slots=True)
class Suspects:
    """The clues of one open incident."""

    began: float
    count: int = 0
    due: float = 1.0
    clues: dict[str, Clue] = field(default_factory=dict)
    by_asset: dict[str, list[Clue]] = field(default_factory=dict)
    spread: Counter[str] = field(default_factory=Counter)
    past: int = 0
    belief: Belief | None = None
    silent: Silent | None = None
    looked_at: int = 0
    """How many assets it had when something silent was last looked for."""


def silent_root(assets: Collection[str], topology: Topology) -> Silent | None:
    """What nearly all of these alarming assets depend on while it says nothing itself: of several the one of whose
    dependants the greatest share alarms. None where an alarming asset explains half of the others."""
    count = len(assets)
    if count < CHILDREN:
        return None
    above = Counter(one for asset in assets for one in topology.above(asset))
    best: tuple[float, int, str, int] | None = None
    for one, explains in above.items():
        if one in assets:
            if explains * 2 >= count - 1:
                return None
        elif explains >= CHILDREN and explains >= MOST_OF * count:
            below = len(topology.below(one))
            found = (explains / count * explains / below, -below, one, explains)
            best = found if best is None or found > best else best
    if best is None:
        return None
    share, below, asset, explains = best
    why = f"{SILENT}; {explains} of {-below} assets that depend on it alarm"
    return Silent(asset, round(UNHEARD * share, 2), why)


class RootCauses:
    """One company's open incidents and what the past ones have taught about its keys."""

    def __init__(self) -> None:
        self._open: dict[int, Suspects] = {}
        self._assets: Counter[str] = Counter()
        self._signatures: Counter[str] = Counter()
        self._members = 0

    def note(
        self, incident: int, row: Key, at: float, line: int, *, symptom: bool, times: int = 1
    ) -> Belief | None:
        """One more alert of the incident, or several of one key; what is believed now."""
        found = self._open.get(incident)
        if found is None:
            found = self._open[incident] = Suspects(began=at)
        clue = found.clues.get(row.key)
        if clue is None:
            clue = Clue(row, at, line, condition(row.signature) or row.signature, symptom=symptom)
            self._add(found, clue)
        clue.count += times
        found.count += times
        if len(found.clues) == 1:
            found.belief = found.belief or Belief(row.asset, line, 1.0, "nothing else is in the incident")
        elif found.count >= found.due:
            found.due = found.count * GROWTH
            found.belief = self._believed(found)
        return found.belief

    def _add(self, found: Suspects, clue: Clue) -> None:
        row = clue.row
        found.clues[row.key] = clue
        found.by_asset.setdefault(row.asset, []).append(clue)
        found.spread[row.signature] += 1
        if self._assets[row.asset] > found.past:
            found.past = self._assets[row.asset]
            for one in found.clues.values():
                one.odd = self._odd(found, one)
        else:
            clue.odd = self._odd(found, clue)
        if len(found.clues) == 2:
            found.due = 0.0

    def _odd(self, found: Suspects, clue: Clue) -> float:
        """How seldom the key was part of the earlier incidents around these assets, and how early it came now."""
        row = clue.row
        expected = min(1.0, (self._signatures[row.signature] + 1) / (self._members + 3))
        before = min(1.0, (row.parts + PRIOR * expected) / (found.past + PRIOR))
        early = LATE_FLOOR + (1 - LATE_FLOOR) * math.exp(-max(0.0, clue.at - found.began) / EARLY)
        return float((-math.log(before)) ** PAST_POWER) * early * (SYMPTOM if clue.symptom else 1.0)

    def known(self, incident: int) -> int:
        """Of how many keys of the incident it has heard."""
        found = self._open.get(incident)
        return len(found.clues) if found is not None else 0

    def silent(self, incident: int, topology: Topology) -> Silent | None:
        """Something that says nothing itself and explains the incident."""
        found = self._open.get(incident)
        if found is None:
            return None
        spoke = found.silent is not None and found.silent.asset in found.by_asset
        if spoke or len(found.by_asset) > found.looked_at * GROWTH:
            found.looked_at = len(found.by_asset)
            found.silent = silent_root(found.by_asset.keys(), topology)
        return found.silent

    def merged(self, into: int, absorbed: int) -> None:
        source = self._open.pop(absorbed, None)
        if source is None:
            return
        target = self._open.setdefault(into, Suspects(began=source.began))
        target.began = min(target.began, source.began)
        target.count += source.count
        target.due = min(target.due, target.count)
        target.looked_at = 0
        for key, clue in source.clues.items():
            known = target.clues.get(key)
            if known is None:
                self._add(target, clue)
            else:
                known.count += clue.count
                known.at, known.line = min((known.at, known.line), (clue.at, clue.line))

    def renumber(self, old: int, new: int) -> None:
        """A new incident has got its number."""
        found = self._open.pop(old, None)
        if found is not None:
            self._open[new] = found

    def ended(self, incident: int) -> None:
        """Remember which keys and assets took part, so that the next incident can tell the odd from the usual."""
        found = self._open.pop(incident, None)
        if found is None:
            return
        for asset in {clue.row.asset for clue in found.clues.values()}:
            self._assets[asset] += 1
            self._members += 1
        for clue in found.clues.values():
            self._signatures[clue.row.signature] += 1
        for counter in (self._assets, self._signatures):
            if len(counter) > MOST_PAST:
                for name, _ in counter.most_common()[MOST_PAST // 2 :]:
                    del counter[name]

    def _believed(self, found: Suspects) -> Belief:
        by_asset = found.by_asset
        every = len(by_asset) + 1
        among = {signature: math.log(every / count) for signature, count in found.spread.items()}
        strengths = {asset: _strength(clues, among) for asset, clues in by_asset.items()}
        most = max(strength for strength, _ in strengths.values()) or 1.0
        scores = {
            asset: strengths[asset][0] / most + SHARE * sum([clue.count for clue in clues]) / found.count
            for asset, clues in by_asset.items()
        }
        ranked = sorted(scores, key=lambda asset: (-scores[asset], by_asset[asset][0].line))
        best = ranked[0]
        heaviest = strengths[best][1]
        confidence = scores[best] / sum(scores[asset] for asset in ranked[:3])
        said = "only it says" if found.spread[heaviest.row.signature] == 1 else "it says"
        after = max(0, round(heaviest.at - found.began))
        why = f"{said} `{heaviest.row.signature}`, {after} s after the first alert"
        return Belief(best, heaviest.line, round(confidence, 2), why)


def _strength(clues: list[Clue], among: Mapping[str, float]) -> tuple[float, Clue]:
    """What speaks for one asset, and the clue that speaks loudest."""
    if len(clues) == 1:
        return _weight(clues[0], among), clues[0]
    by_condition: dict[str, list[float]] = {}
    loudest, heaviest = -1.0, clues[0]
    for clue in clues:
        weight = _weight(clue, among)
        by_condition.setdefault(clue.condition, []).append(weight)
        if weight > loudest:
            loudest, heaviest = weight, clue
    return _fading(
        [_fading(some, SAME_CONDITION) for some in by_condition.values()], OTHER_CONDITION
    ), heaviest


def _weight(clue: Clue, among: Mapping[str, float]) -> float:
    weight = among[clue.row.signature] * clue.odd
    return weight * (1 + OFTEN * math.log(clue.count)) if clue.count > 1 else weight


def _fading(weights: list[float], share: float) -> float:
    if len(weights) == 1:
        return weights[0]
    weights.sort(reverse=True)
    total, part = 0.0, 1.0
    for weight in weights:
        total += weight * part
        part *= share
    return total

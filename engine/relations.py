"""Which of a company's troubles follow which: learned from its own history, seeded by time, forgotten by half-lives.

A *sort* is what an asset suffers from, such as `app-01|unreachable`. Each time a sort begins, the sorts of other assets
that began shortly before are counted as met. How often two meet is held against chance twice: against how often each of
them begins at all, and against how often each meets just anything. Where three systems fail at once all day, only the
second tells who belongs together; where everything is one system, the share of the times does.

Everything is bounded, and a beginning costs O(1). Times are seconds since 1970.
"""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.conditions import condition

WITHIN = 120.0
"""What begins within so many seconds of something else may have to do with it."""
QUIET = 300.0
"""A sort that was silent for longer than this begins anew."""
HALF_LIFE = 28 * 86400.0
"""After so long what was learned counts half."""
SETTLING = 3600.0
"""Rates are not believed from less history than this."""
MOST_SORTS, MOST_PARTNERS, TRIED = 2_048, 128, 4
SELDOM = 1.5
"""A partner met no more often than this is the first to be forgotten."""
MOST_KEPT = 4_096
"""Pairs in what outlives the process."""
MOST_ONCE = 20_000
"""Pairs that met once, of each of two generations."""
RECENT = 8
"""Beginnings that a new one is held against: in a storm of many only the latest."""
STRONGEST = 1.2
"""What the surest relation says: it joins by itself."""
DOUBT = 2.0
"""So many meetings are doubted: one counts a third, two a half, eight four fifths."""
SURE = 12.0
"""The log-likelihood ratio from which on chance is out of the question."""
SHARES = (0.5, 0.88)
"""Met in this share of the times of the rarer one, one more imagined: from nothing to full weight."""
LIFTS = (0.9, 1.8)
"""Met so many times more often than each meets anything: from nothing to full weight."""
LEAST = 0.1
"""What is weaker than this is not mentioned."""
_FADING = math.log(2.0) / HALF_LIFE


@dataclass(slots=True, eq=False)
class Sort:
    """One trouble of one asset: how often it began, how often it met anything, and whom."""

    asset: str
    what: str
    count: float = 0.0
    met: float = 0.0
    last: float = -math.inf
    partners: OrderedDict[Sort, Pair] = field(default_factory=OrderedDict)


@dataclass(slots=True, eq=False)
class Pair:
    """Two sorts that met so many times, and in how many of them `leader` was first."""

    leader: Sort
    count: float = 0.0
    led: float = 0.0


@dataclass(slots=True)
class Follows:
    """The history speaks for belonging to what `asset` has. `anew`: this beginning has not been held against it yet."""

    asset: str
    later: str
    weight: float
    led: float
    leads: float
    together: float
    times: float
    anew: bool

    def __str__(self) -> str:
        minutes = f"{WITHIN / 60:.0f} min"
        led, leads = round(self.led), max(round(self.led), round(self.leads))
        if led >= 0.7 * self.together and led > 0:
            return f"{self.later} has followed {self.asset} within {minutes} {led} of the last {leads} times"
        both = max(1, round(self.together))
        of = max(both, round(self.times))
        return f"{self.later} and {self.asset} began within {minutes} of each other {both} of the last {of} times"


@dataclass(slots=True)
class Relations:
    """One company's. Counts are kept in units of `epoch` and a later event counts more (forward decay): nothing has to
    be touched for the past to fade. `until` is the last moment learned from."""

    epoch: float | None = None
    until: float = -math.inf
    seen: float = 0.0
    met: float = 0.0
    sorts: OrderedDict[tuple[str, str], Sort] = field(default_factory=OrderedDict)
    _unit: float = 1.0
    _once: set[tuple[Sort, Sort]] = field(default_factory=set)
    _once_before: set[tuple[Sort, Sort]] = field(default_factory=set)
    _recent: deque[tuple[float, Sort]] = field(default_factory=lambda: deque(maxlen=RECENT))

    def begins(self, asset: str, signature: str, now: float, *, asked: bool = True) -> list[Follows]:
        """A key of the asset begins to fire: what the history says about it and those that did so shortly before.
        Learns from it. Of a sort that was
        there a moment ago it says something only if it is `asked`."""
        sort = self._sort((asset, condition(signature) or ""))
        if self.epoch is None:
            self.epoch = now
        self.until = max(self.until, now)
        anew = now - sort.last > QUIET
        if now > sort.last:
            sort.last = now
        if not (asked or anew):
            return []
        unit = self._unit = math.exp((now - self.epoch) * _FADING)
        found = self._meet(sort, now, unit, anew=anew)
        if anew:
            sort.count += unit
            self._recent.append((now, sort))
        return found

    def packed(self) -> dict[str, Any]:
        """JSON, with counts as of `until`. Of the pairs the `MOST_KEPT` that met most often."""
        unit = math.exp((self.until - self.epoch) * _FADING) if self.epoch is not None else 1.0
        places = {sort: place for place, sort in enumerate(self.sorts.values())}
        pairs = [
            [places[sort], places[other], pair.count / unit, pair.led / unit, int(pair.leader is sort)]
            for sort in places
            for other, pair in sort.partners.items()
            if places[sort] < places[other]
        ]
        pairs.sort(key=lambda one: (-one[2], one[0], one[1]))
        return {
            "until": self.until if self.epoch is not None else None,
            "history": self._history(self.until) if self.epoch is not None else 0.0,
            "met": self.met / unit,
            "sorts": [[one.asset, one.what, one.count / unit, one.met / unit, one.last] for one in places],
            "pairs": pairs[:MOST_KEPT],
        }

    @classmethod
    def unpacked(cls, document: Mapping[str, Any]) -> Relations:
        """What `packed` wrote; the counts go on fading from there."""
        until = document["until"]
        if until is None:
            return cls()
        found = cls(epoch=until, until=until, seen=document["history"], met=document["met"])
        listed: list[Sort] = []
        for asset, what, count, met, last in document["sorts"]:
            listed.append(Sort(asset, what, count, met, last))
            found.sorts[(asset, what)] = listed[-1]
        for one, other, count, led, first_leads in reversed(document["pairs"]):
            pair = Pair(listed[one] if first_leads else listed[other], count, led)
            listed[one].partners[listed[other]] = listed[other].partners[listed[one]] = pair
        found._recent.extend(
            sorted(
                ((sort.last, sort) for sort in listed if until - sort.last <= WITHIN), key=lambda one: one[0]
            )[-RECENT:]
        )
        return found

    def _sort(self, name: tuple[str, str]) -> Sort:
        found = self.sorts.get(name)
        if found is not None:
            self.sorts.move_to_end(name)
            return found
        found = self.sorts[name] = Sort(*name)
        if len(self.sorts) > MOST_SORTS:
            _, gone = self.sorts.popitem(last=False)
            for other in gone.partners:
                del other.partners[gone]
        return found

    def _meet(self, sort: Sort, now: float, unit: float, *, anew: bool) -> list[Follows]:
        """One loop over what began lately, spelled out: this is where the time of learning goes."""
        found: list[Follows] = []
        asset, partners, span = sort.asset, sort.partners, self._history(now)
        scale, first_lift, first_share = 1.0 / unit, LIFTS[0], SHARES[0]
        # What began just now is counted on its side already, on the other's only when it is looked at again.
        twice = 0.0 if anew else 1.0
        mine, usual = sort.count * scale - twice, sort.met * scale / (2.0 * self.met) if self.met else 0.0
        earliest, new = now - WITHIN, 0
        for at, other in reversed(self._recent):
            if at < earliest:
                break
            if other.asset == asset:
                continue
            pair = partners.get(other)
            if pair is None:
                if not anew:
                    continue
                pair = self._again(other, sort, unit)
            if pair is not None:
                together, theirs = pair.count * scale - twice, other.count * scale - 1.0
                rarer = mine if mine < theirs else theirs
                if together > 0.0 and rarer > 0.0:
                    lift = together / (other.met * usual + 0.5)
                    share = together / ((rarer if rarer > together else together) + 1.0)
                    if lift > first_lift or share > first_share:
                        figures = (mine, rarer, together, lift, share)
                        said = _weigh(other, sort, pair, figures, unit, span, anew)
                        if said is not None:
                            found.append(said)
            if anew:
                if pair is not None:
                    pair.count += unit
                    if pair.leader is other:
                        pair.led += unit
                other.met += unit
                new += 1
        if new:
            sort.met += new * unit
            self.met += new * unit
        return found

    def _again(self, first: Sort, second: Sort, unit: float) -> Pair | None:
        """The two as a pair that met once before; most never meet again, so the first time is only noted."""
        for leader, other in ((first, second), (second, first)):
            met = (leader, other)
            if met in self._once or met in self._once_before:
                return self._pair(leader, other, unit)
        if len(self._once) >= MOST_ONCE:
            self._once, self._once_before = set(), self._once
        self._once.add((first, second))
        return None

    def _pair(self, first: Sort, second: Sort, unit: float) -> Pair:
        pair = Pair(first, unit, unit)
        for one, other in ((first, second), (second, first)):
            if len(one.partners) >= MOST_PARTNERS:
                _forget_one(one, self._unit)
            one.partners[other] = pair
        return pair

    def _history(self, now: float) -> float:
        """Seconds of history, faded like the counts."""
        assert self.epoch is not None
        passed = math.exp(-max(0.0, now - self.epoch) * _FADING)
        return self.seen * passed + (1.0 - passed) / _FADING


def _weigh(
    first: Sort,
    second: Sort,
    pair: Pair,
    figures: tuple[float, float, float, float, float],
    unit: float,
    span: float,
    anew: bool,
) -> Follows | None:
    """`figures`: how often the second began, the rarer of the two, and both together; their lift and share."""
    times, rarer, together, lift, share = figures
    quality = max((lift - LIFTS[0]) / (LIFTS[1] - LIFTS[0]), (share - SHARES[0]) / (SHARES[1] - SHARES[0]))
    weight = STRONGEST * min(1.0, quality) * together / (together + DOUBT)
    if weight < LEAST:
        return None
    leads = first.count / unit - 1.0
    chance = (leads + 1.0) * (times + 1.0) * 2.0 * WITHIN / max(SETTLING, span)
    if together <= chance:
        return None
    surprise = 2.0 * (together * math.log(together / chance) - together + chance)
    weight *= min(1.0, surprise / SURE)
    if weight < LEAST:
        return None
    led = (pair.led if pair.leader is first else pair.count - pair.led) / unit
    return Follows(first.asset, second.asset, weight, min(together, led), leads, together, rarer, anew)


def _forget_one(sort: Sort, unit: float) -> None:
    """Of the partners known longest one that was not met again; the others get another turn."""
    for _ in range(TRIED):
        oldest, pair = next(iter(sort.partners.items()))
        if pair.count <= SELDOM * unit:
            break
        sort.partners.move_to_end(oldest)
    oldest = next(iter(sort.partners))
    del sort.partners[oldest]
    del oldest.partners[sort]

"""What speaks for an alert belonging to an open incident, weighed term by term.

Strong evidence joins, weak evidence only links two incidents; every term can be said in words.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from operator import attrgetter, itemgetter

from engine.activity import CAP, KEPT_APART, Activity, Episode, Key
from engine.alert import Severity
from engine.conditions import UNREACHABLE, alike, condition, differ, of_its_own, outlasts
from engine.names import first_part
from engine.relations import Follows

JOIN = 0.9
"""Evidence from here on joins an alert to an incident."""
MERGE = 1.6
"""Links that have gathered so much make one incident of two."""
LINK = 0.5
"""Of the evidence for a second incident, this share is kept as a link between the two."""
FRESH = 120.0
"""Evidence fades with this time constant; what is older than `STALE` is none."""
STALE = 276.0
PLENTY = 3.0
"""With so much for one incident there is no need to look for more."""
BRIEF = 2.0
"""Two alerts within so many seconds came together."""

UNRELATED_SHARE = 0.5
"""What a tie counts between troubles of which neither can have come from the other."""
MENTIONED, SAME_TRACE, SAME_TROUBLE, HOST_DOWN, RUSH = 1.0, 1.0, 1.0, 1.0, 1.0
SAME_ASSET, ANOTHER_ALERT, MOST_ANOTHER = 0.5, 0.15, 3
SAME_FAMILY, MOST_FAMILY, MOST_RELATIVES = 0.22, 3, 32
SAME_MOMENT = 0.4
LOCKSTEP, LOCKSTEP_SHARE = 5, 0.6
"""A signature that fires on two assets together so often, and in this share of its alerts, is one thing seen twice."""
FURTHER = 0.5
STRONG = 0.6
"""What history must say of something urgent before people are told that it may belong to something else."""
TELLING = 0.3
"""A link from here on is worth telling people: two problems on one asset are, a likeness of names is not."""
_weight, _by_weight = itemgetter(0), attrgetter("weight")
_HIGH = Severity.HIGH.rank
_NONE: dict[str, tuple[float, str]] = {}


@dataclass(slots=True)
class Sighting:
    """One firing alert, as far as weighing needs it. `stated` is the tool's own time, where it says one."""

    row: Key
    tool: str
    now: float
    stated: float | None
    mentions: Sequence[str] = ()
    trace: str = ""
    begins: bool = False
    """The first alert of a run."""


@dataclass(slots=True)
class Case:
    """What speaks for one incident: the sum, how much of it holds by itself, and the terms."""

    episode: Episode
    score: float = 0.0
    firm: float = 0.0
    terms: list[tuple[float, str | Follows]] = field(default_factory=list)
    told: float = 0.0
    """What of it has been said before: it may join, but does not count as a link a second time."""
    hint: bool = False
    """Of something urgent only that speaks for it which cannot join it: history, or `sideways`."""
    sideways: float = 0.0
    """What of it would put a trouble that an asset has by itself under something else that is wrong around it."""

    def add(self, weight: float, words: str | Follows, *, firm: bool = False) -> None:
        self.score += weight
        self.terms.append((weight, words))
        if firm:
            self.firm += weight

    def words(self, most: int = 3) -> str:
        """The heaviest terms, in words."""
        kept: dict[str, float] = {}
        for weight, words in sorted(self.terms, key=_weight, reverse=True):
            kept.setdefault(str(words), weight)
            if len(kept) == most:
                break
        return "; ".join([f"{words} ({weight:.2f})" for words, weight in kept.items()])


def weigh(activity: Activity, sighting: Sighting, *, usual: bool, rush: bool) -> list[Case]:
    """The open incidents something speaks for, best first. Looks only at what is near the alert's asset."""
    cases: dict[int, Case] = {}
    if not usual:
        _same_asset(activity, sighting, cases, rush=rush)
    _relations(activity, sighting, cases)
    _same_family(activity, sighting, cases)
    if sighting.begins:
        asked = not sighting.row.incident and all(case.score < JOIN for case in cases.values())
        follows = activity.relations.begins(
            sighting.row.asset, sighting.row.signature, sighting.now, asked=asked
        )
        if follows:
            _learned(activity, sighting, follows, cases)
    if sighting.row.worst <= _HIGH and outlasts(sighting.row.signature):
        sighting.row.aside = _stands_alone(cases.values())
    now, trace = sighting.now, sighting.trace
    if trace and (episode := activity.traces.get(trace)) is not None and now <= episode.ends:
        _case(cases, episode).add(SAME_TRACE, f"both carry the trace {trace}", firm=True)
    moment = activity.ticks.get((sighting.tool, sighting.stated)) if sighting.stated is not None else None
    if moment is not None and moment.id in cases:
        cases[moment.id].add(SAME_MOMENT, f"{sighting.tool} sent both in the same moment")
    key = sighting.row.key
    found = [
        case for case in cases.values() if len(case.episode.keys) < CAP and key not in case.episode.barred
    ]
    if len(found) > 1:
        found.sort(key=lambda case: (-case.score, case.episode.id))
    return found


def _stands_alone(cases: Iterable[Case]) -> bool:
    """An urgent trouble that an asset has by itself is never put under another one: a full disk stays full when the
    host, or the switch above it, is back. What lies around it only relates the two."""
    found = False
    for case in cases:
        if case.sideways > 0.0 and (rest := case.score - case.sideways) < JOIN:
            case.score, case.firm, case.hint = rest, min(case.firm, rest), True
            found = True
    return found


def _relations(activity: Activity, sighting: Sighting, cases: dict[int, Case]) -> None:
    """Assets the alert names, and those that a dependency, the past or a name ties to its own."""
    now, active, mentions = sighting.now, activity.active, sighting.mentions
    row = sighting.row
    own, dependants = of_its_own(row.signature), activity.topology.dependants(row.asset)
    for other in mentions:
        held = active.get(other)
        if held is not None and now <= held[0].ends and (ago := now - held[1]) <= STALE:
            fresh = math.exp(-max(0.0, ago) / FRESH)
            _case(cases, held[0]).add(MENTIONED * fresh, f"the alert names {other}", firm=True)
    near = activity.near.get(row.asset, _NONE)
    for other in [name for name in near if name in active]:
        weight, words = near[other]
        episode, last = active[other]
        ago = now - last
        if ago > STALE or now > episode.ends or (episode.chatter and weight < SAME_ASSET):
            continue
        if other in mentions:
            continue
        sideways = False
        if other in dependants:
            if _all_of_its_own(episode.on_asset.get(other, ())):
                weight *= UNRELATED_SHARE
        elif own:
            weight *= UNRELATED_SHARE
            sideways = True
        case = cases.get(episode.id) or _case(cases, episode)
        weight *= math.exp(-ago / FRESH) if ago > 0.0 else 1.0
        case.sideways += weight if sideways else 0.0
        case.score += weight
        case.firm += weight
        case.terms.append((weight, words))
        if case.score > PLENTY:
            return


def _learned(activity: Activity, sighting: Sighting, follows: list[Follows], cases: dict[int, Case]) -> None:
    """What the company's own history ties to it. Several such ties are one piece of evidence seen from several sides:
    each further one counts half. What is urgent is related by that, and never joins."""
    now, active, row = sighting.now, activity.active, sighting.row
    near = activity.near.get(row.asset, _NONE)
    share: dict[int, float] = {}
    follows.sort(key=_by_weight, reverse=True)
    for one in follows:
        held = active.get(one.asset)
        if held is None or one.asset in sighting.mentions:
            continue
        episode = held[0]
        if episode.chatter or now > episode.ends:
            continue
        part = share.get(episode.id, 1.0)
        weight = part * one.weight - (near[one.asset][0] if one.asset in near else 0.0)
        if weight <= 0.0:
            continue
        share[episode.id] = part * FURTHER
        case = cases.get(episode.id) or _case(cases, episode)
        if row.worst <= _HIGH:
            case.hint = case.hint or (one.anew and weight >= STRONG)
            case.terms.append((weight, one))
            continue
        case.add(weight, one)
        if not one.anew:
            case.told += weight


def _all_of_its_own(rows: Sequence[Key]) -> bool:
    """Nothing but troubles that the asset has by itself: they do not come from what it depends on."""
    return bool(rows) and all(of_its_own(one.signature) for one in rows)


def _case(cases: dict[int, Case], episode: Episode) -> Case:
    found = cases.get(episode.id)
    if found is None:
        found = cases[episode.id] = Case(episode)
    return found


def _same_asset(activity: Activity, sighting: Sighting, cases: dict[int, Case], *, rush: bool) -> None:
    """Something else on the same asset: alone it only links; the same trouble in other words, a host that is down, a
    rush of alerts, or a third alert beside two of the incident's own join."""
    held = activity.active.get(sighting.row.asset)
    if held is None:
        return
    episode, last = held
    if episode.chatter or activity.episode(episode.id, sighting.now) is None:
        return
    mine, asset = sighting.row.signature, sighting.row.asset
    others = [row for row in episode.on_asset.get(asset, ()) if row.key != sighting.row.key]
    if not others:
        return
    fading = math.exp(-max(0.0, sighting.now - last) / FRESH)
    slow = math.exp(-max(0.0, sighting.now - last) / activity.window)
    for row in others[-8:]:
        same = alike(mine, row.signature)
        if same is not None and slow > JOIN / (SAME_TROUBLE + SAME_ASSET):
            words = f"the same trouble on {asset}: {same.why}"
            _case(cases, episode).add((SAME_TROUBLE + SAME_ASSET) * slow, words)
            return
    if fading < 0.1:
        return
    if UNREACHABLE in {condition(mine), *(condition(row.signature) for row in others[-8:])}:
        case = _case(cases, episode)
        case.add(HOST_DOWN * fading, f"{asset} itself is unreachable")
        case.sideways += HOST_DOWN * fading if of_its_own(mine) else 0.0
        return
    foreign = [row for row in others if not differ(mine, row.signature)]
    if not foreign:
        return
    case = _case(cases, episode)
    if rush:
        case.add(RUSH * fading, f"a rush of alerts from {asset}")
        return
    case.add(SAME_ASSET * fading, f"{episode.keys[foreign[-1].key].signature} on the same asset")
    more = min(len(foreign), MOST_ANOTHER)
    case.add(ANOTHER_ALERT * more * fading, f"{len(foreign)} alerts of {asset} are in it")


def _same_family(activity: Activity, sighting: Sighting, cases: dict[int, Case]) -> None:
    first = first_part(sighting.row.asset)
    family = activity.families.get(first) if first else None
    if not family:
        return
    telling = activity.names.telling(first)
    if telling < 0.2:
        return
    for number in tuple(islice(reversed(family), MOST_RELATIVES)):
        ago = sighting.now - family[number]
        if ago > STALE:
            return
        episode = activity.episode(number, sighting.now)
        if episode is None:
            del family[number]
            continue
        count = episode.firsts.get(first, 0) - (sighting.row.asset in episode.assets)
        if episode.chatter or count <= 0:
            continue
        weight = SAME_FAMILY * telling * min(MOST_FAMILY, count) * math.exp(-max(0.0, ago) / FRESH)
        _case(cases, episode).add(weight, f"{count} assets named {first}-… are in it")


def gather(activity: Activity, episode: Episode, cases: Sequence[Case]) -> list[tuple[Case, float]]:
    """Keep what speaks for other incidents as links of this one; those links that now suffice to merge."""
    enough = []
    for case in cases:
        other = case.episode
        if other is episode or other.id not in activity.episodes:
            continue
        before = episode.links.get(other.id, 0.0)
        if before == KEPT_APART:
            continue
        score = before + LINK * (case.score - case.told)
        if case.hint and score < TELLING:
            score = TELLING
        episode.links[other.id] = other.links[episode.id] = score
        if score >= MERGE and len(episode.keys) + len(other.keys) <= CAP:
            enough.append((case, score))
    return enough


def in_step(activity: Activity, row: Key, now: float) -> str | None:
    """Another asset on which the same signature fires together with this one, again and again. What is polled together
    comes together too, so nothing urgent is ever taken for an echo of something else."""
    if row.worst <= _HIGH:
        return None
    seen = activity.spread.get(row.signature)
    found = None
    if seen is None:
        seen = activity.spread[row.signature] = OrderedDict()
        if len(activity.spread) > 4096:
            activity.spread.pop(next(iter(activity.spread)))
    for other in list(seen)[-5:]:
        if other == row.asset or now - seen[other] > BRIEF:
            continue
        pair = (row.signature, min(other, row.asset), max(other, row.asset))
        times, last = activity.steps.get(pair, (0, now))
        if times and now <= last:
            continue  # the same moment, said twice
        times = times + 1 if now - last <= 5 * FRESH else 1
        activity.steps[pair] = (times, now)
        twin = activity.keys.get(f"{other}|{row.signature}")
        calm = twin is not None and twin.worst > _HIGH
        if (
            times >= LOCKSTEP
            and twin is not None
            and calm
            and times >= LOCKSTEP_SHARE * min(twin.run, row.run)
        ):
            found = twin.key
    seen[row.asset] = now
    seen.move_to_end(row.asset)
    if len(seen) > 32:
        seen.popitem(last=False)
    return found

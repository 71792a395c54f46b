"""What one company's monitoring has been doing lately: a bounded picture, in memory, of keys and incidents.

Correlation looks at this and at nothing else. Everything here costs O(1) per alert in the number of open incidents;
times are seconds since 1970. Production fills it from rows (`Key` is one row) and writes the changed rows back.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

from engine.names import Names, first_part
from engine.relations import Relations
from engine.topology import Topology

SLOT = 300.0
"""Base rates count in how many slots of five minutes a key was heard of."""
PAUSE = 120.0
"""A key that was silent for longer than this begins a new run."""
CHATTER_AFTER, CHATTER_ALERTS = 1200.0, 20
"""A run this long and this full is chatter: a sensor that talks all the time, not something that happened."""
USUAL_SLOTS, USUAL_SHARE = 6, 0.05
"""A key heard of in this share of all slots, and in at least so many, is routine in this company."""
MOST_KEYS, FORGET_TRIES = 20_000, 4
MOST_TIES = 48
MOST_TICKS = 64
CASCADE_KEYS, PACES = 5, 10.0
"""An incident of so many keys ends after a silence of so many of its usual intervals, and of a `PAUSE` at least."""
CAP = 500
"""One incident swallows no more keys than this."""
RUSH_ALERTS, RUSH_SPAN = 8, 15.0
"""This many alerts of one asset within so many seconds are a rush."""
SIBLING = 0.45
"""How strongly a shared stem of the name binds."""
KEPT_APART = -1.0


@dataclass(slots=True)
class Key:
    """One asset|signature of a company and the incident it belongs to (0: none). One row in production."""

    key: str
    asset: str
    signature: str
    incident: int = 0
    first: float = 0.0
    last: float = 0.0
    since: float = 0.0
    run: int = 0
    count: int = 0
    slots: int = 0
    slot: int = -1
    parts: int = 0
    firm: bool = False
    worst: int = 99
    aside: bool = False
    """It stands alone beside what else is wrong with its asset, which goes on attracting what comes next."""
    starts: tuple[float, ...] = ()

    def chatters(self, now: float) -> bool:
        return self.run >= CHATTER_ALERTS and now - self.since > CHATTER_AFTER


@dataclass(slots=True)
class Episode:
    """An open incident as correlation sees it: its keys, its assets, and whether it still attracts."""

    id: int
    first: float
    last: float
    count: int = 0
    keys: dict[str, Key] = field(default_factory=dict)
    assets: dict[str, float] = field(default_factory=dict)
    on_asset: dict[str, list[Key]] = field(default_factory=dict)
    links: dict[int, float] = field(default_factory=dict)
    firsts: dict[str, int] = field(default_factory=dict)
    barred: set[str] = field(default_factory=set)
    firm: int = 0
    chatter: bool = False
    ends: float = 0.0

    @property
    def pure(self) -> bool:
        """Only one signature: what leaves it or joins it changes no one's picture of it."""
        signatures = iter(self.keys.values())
        only = next(signatures, None)
        return only is None or all(one.signature == only.signature for one in signatures)

    def heard_until(self, now: float, window: float) -> None:
        """It was heard of now, and ends after a silence: of the window for a few alerts, sooner for a busy cascade
        that stops at once."""
        if now > self.last:
            self.last = now
        if len(self.keys) < CASCADE_KEYS:
            self.ends = self.last + window
        else:
            pace = (self.last - self.first) / self.count if self.count else window
            self.ends = self.last + min(window, max(PAUSE, PACES * pace))


@dataclass(slots=True)
class Activity:
    """The picture. `since` is when the company was first heard of: without a past nothing is unusual."""

    topology: Topology = field(default_factory=Topology)
    window: float = 900.0
    since: float | None = None
    keys: OrderedDict[str, Key] = field(default_factory=OrderedDict)
    episodes: dict[int, Episode] = field(default_factory=dict)
    active: dict[str, tuple[Episode, float]] = field(default_factory=dict)
    near: dict[str, dict[str, tuple[float, str]]] = field(default_factory=dict)
    ticks: OrderedDict[tuple[str, float], Episode] = field(default_factory=OrderedDict)
    families: dict[str, dict[int, float]] = field(default_factory=dict)
    spread: dict[str, OrderedDict[str, float]] = field(default_factory=dict)
    steps: dict[tuple[str, str, str], tuple[int, float]] = field(default_factory=dict)
    rushes: dict[str, tuple[float, int]] = field(default_factory=dict)
    traces: OrderedDict[str, Episode] = field(default_factory=OrderedDict)
    relations: Relations = field(default_factory=Relations)
    names: Names = field(init=False)

    def __post_init__(self) -> None:
        self.names = Names(self.topology.assets)

    # -- keys ------------------------------------------------------------------------------------------------------

    def heard(self, key: str, asset: str, signature: str, now: float) -> Key:
        """The key's row after one more alert; its asset is known from now on."""
        if self.since is None:
            self.since = now
        row = self.keys.get(key)
        if row is None:
            row = self.keys[key] = Key(key, asset, signature, first=now, last=now, since=now)
            self._meet(asset)
            if len(self.keys) > MOST_KEYS:
                self._forget_one()
        if row.run == 0 or now - row.last > PAUSE:
            row.since, row.run = now, 0
            if row.count == 0 or now - row.last > self.window:
                row.starts = (*row.starts[-7:], now)
            self.keys.move_to_end(key)
        row.run += 1
        row.count += 1
        row.last = max(row.last, now)
        slot = int(now // SLOT)
        if slot != row.slot:
            row.slots += 1
            row.slot = slot
        return row

    def usual(self, row: Key, now: float) -> bool:
        """Routine in this company: chatter now, or heard of in a good part of all the time we know it."""
        if row.slots < USUAL_SLOTS:
            return row.chatters(now)
        slots = max(1.0, (now - (self.since or now)) / SLOT)
        return row.slots / slots > USUAL_SHARE or row.chatters(now)

    def _meet(self, asset: str) -> None:
        if asset in self.near:
            return
        self.near[asset] = dict(self.topology.near(asset))
        self.names.hear(asset)
        for sibling in self.names.siblings(asset):
            self.tie(asset, sibling, SIBLING, f"{asset} and {sibling} are named as replicas of one thing")
        if len(self.near) > MOST_KEYS:
            self.near.pop(next(iter(self.near)))

    def tie(self, asset: str, other: str, weight: float, words: str) -> None:
        """Two assets have to do with each other, as strongly as the strongest that says so."""
        for one, another in ((asset, other), (other, asset)):
            ties = self.near.setdefault(one, dict(self.topology.near(one)))
            if weight > ties.get(another, (0.0, ""))[0]:
                if another not in ties and len(ties) >= MOST_TIES and one not in self.topology.assets:
                    ties.pop(min(ties, key=lambda name: ties[name][0]))
                ties[another] = (weight, words)

    def _forget_one(self) -> None:
        """The key not heard of for longest goes; one that is part of something open stays for another turn."""
        for _ in range(FORGET_TRIES):
            key, row = next(iter(self.keys.items()))
            if row.incident not in self.episodes:
                del self.keys[key]
                return
            self.keys.move_to_end(key)

    # -- incidents -------------------------------------------------------------------------------------------------

    def episode(self, number: int, now: float) -> Episode | None:
        """The open incident, unless its silence has ended it."""
        found = self.episodes.get(number)
        return found if found is not None and now <= found.ends else None

    def begin(self, number: int, now: float) -> Episode:
        found = self.episodes[number] = Episode(number, now, now, ends=now + self.window)
        return found

    def end(self, number: int) -> Episode | None:
        """Forget the incident as an open one; its keys keep their base rates."""
        found = self.episodes.pop(number, None)
        if found is None:
            return None
        for other in found.links:
            if other in self.episodes:
                self.episodes[other].links.pop(number, None)
        for first in found.firsts:
            family = self.families.get(first)
            if family is not None:
                family.pop(number, None)
        for row in found.keys.values():
            row.parts += 1
            if row.incident == number:
                row.incident = 0
                row.firm = False
        for asset in found.assets:
            if self.active.get(asset, (None, 0.0))[0] is found:
                del self.active[asset]
        return found

    def enter(self, row: Key, episode: Episode, now: float, *, firm: bool = False) -> None:
        """The key belongs to the incident from now on."""
        before = self.episodes.get(row.incident)
        if before is not None and before is not episode:
            self._drop(row, before)
        if row.key not in episode.keys:
            episode.keys[row.key] = row
            held = episode.on_asset.setdefault(row.asset, [])
            first = first_part(row.asset)
            if first and not held:
                episode.firsts[first] = episode.firsts.get(first, 0) + 1
            held.append(row)
            row.firm = firm
            episode.firm += firm
        row.incident = episode.id
        episode.assets[row.asset] = max(now, episode.assets.get(row.asset, now))

    def seen(self, row: Key, episode: Episode, tool: str, now: float, stated: float | None) -> None:
        """One alert of the key was counted for its incident."""
        episode.count += 1
        episode.heard_until(now, self.window)
        episode.assets[row.asset] = now
        self._attracts(row, episode, now)
        if episode.chatter:
            return
        first = first_part(row.asset)
        if first:
            family = self.families.get(first)
            if family is None:
                family = self.families[first] = {}
            family[episode.id] = now
        if stated is None:  # the time of arrival says nothing: whatever waited arrives together
            return
        self.ticks[(tool, stated)] = episode
        if len(self.ticks) > MOST_TICKS:
            self.ticks.popitem(last=False)

    def _attracts(self, row: Key, episode: Episode, at: float) -> None:
        """What comes next to the asset finds this incident; chatter, and what stands alone, leave what attracts it as
        it is."""
        held = self.active.get(row.asset)
        beside = episode.chatter or row.aside
        if not beside or held is None or held[0] is episode or at - held[1] > self.window:
            self.active[row.asset] = (episode, at)

    def rush(self, asset: str, now: float) -> bool:
        """The asset is sending many alerts at once. Counts this one."""
        began, count = self.rushes.get(asset, (now, 0))
        if now - began > RUSH_SPAN:
            began, count = (now, 0) if now - began > 2 * RUSH_SPAN else (now - RUSH_SPAN / 2, count // 2)
        self.rushes[asset] = (began, count + 1)
        return count + 1 >= RUSH_ALERTS

    def _drop(self, row: Key, episode: Episode) -> None:
        if episode.keys.pop(row.key, None) is None:
            return
        episode.firm -= row.firm
        held = episode.on_asset[row.asset]
        held.remove(row)
        if not held:
            del episode.on_asset[row.asset]
            episode.assets.pop(row.asset, None)
            first = first_part(row.asset)
            if first in episode.firsts:
                episode.firsts[first] -= 1
            if self.active.get(row.asset, (None, 0.0))[0] is episode:
                del self.active[row.asset]

    # -- rows ------------------------------------------------------------------------------------------------------

    def restore(
        self,
        rows: Iterable[Key],
        *,
        links: Iterable[tuple[int, int, float]] = (),
        ties: Iterable[tuple[str, str, float, str]] = (),
        barred: Iterable[tuple[int, str]] = (),
    ) -> None:
        """The picture from what was kept of it: rows of keys, links of incidents, ties of assets, and which keys were
        split out of which incident."""
        for asset, other, weight, words in ties:
            self.tie(asset, other, weight, words)
        for row in sorted(rows, key=lambda one: one.last):
            self.since = row.first if self.since is None else min(self.since, row.first)
            self.keys[row.key] = row
            self._meet(row.asset)
            if not row.incident:
                continue
            episode = self.episodes.get(row.incident) or self.begin(row.incident, row.since)
            self.enter(row, episode, row.last, firm=row.firm)
            episode.first = min(episode.first, row.since)
            episode.count += row.run
            self._attracts(row, episode, row.last)
            first = first_part(row.asset)
            if first:
                self.families.setdefault(first, {})[episode.id] = row.last
        for episode in self.episodes.values():
            episode.heard_until(max(row.last for row in episode.keys.values()), self.window)
            episode.chatter = episode.pure and all(row.chatters(row.last) for row in episode.keys.values())
        for number, key in barred:
            if number in self.episodes:
                self.episodes[number].barred.add(key)
        for first_number, second_number, score in links:
            pair = self.episodes.get(first_number), self.episodes.get(second_number)
            if pair[0] is not None and pair[1] is not None:
                pair[0].links[second_number] = pair[1].links[first_number] = score

    # -- merge and split -------------------------------------------------------------------------------------------

    def merge(self, into: int, absorbed: int) -> list[str]:
        """Everything of `absorbed` becomes part of `into`; the keys that moved, which `split` takes out again."""
        target, source = self.episodes[into], self.episodes[absorbed]
        moved = list(source.keys)
        for key in moved:
            row = source.keys[key]
            firm = row.firm
            self.enter(row, target, row.last, firm=firm)
        target.first = min(target.first, source.first)
        target.count += source.count
        target.heard_until(source.last, self.window)
        for asset in target.assets:
            held = self.active.get(asset)
            if held is None or held[0] is source:
                self.active[asset] = (target, target.assets[asset])
        for other, score in source.links.items():
            if other != into and other in self.episodes:
                kept = target.links.get(other, 0.0)
                total = KEPT_APART if KEPT_APART in (kept, score) else kept + score
                target.links[other] = self.episodes[other].links[into] = total
        for tick, held_by in self.ticks.items():
            if held_by is source:
                self.ticks[tick] = target
        for first in source.firsts:
            if absorbed in self.families.get(first, {}):
                self.families[first][into] = self.families[first].pop(absorbed)
        target.barred = (target.barred | source.barred) - target.keys.keys()
        self.end(absorbed)
        return moved

    def split(self, keys: Iterable[str], out_of: int, into: int, now: float) -> Episode:
        """Take the keys out of an incident again into one of their own; the two are kept apart from now on."""
        source = self.episodes[out_of]
        target = self.episodes.get(into) or self.begin(into, now)
        moved = [source.keys[key] for key in keys if key in source.keys]
        for row in moved:
            self.enter(row, target, row.last, firm=row.firm)
            target.first = min(target.first, row.first)
            self.active[row.asset] = (target, row.last)
        share = sum(row.run for row in moved)
        target.count, source.count = share, max(0, source.count - share)
        target.heard_until(max((row.last for row in moved), default=now), self.window)
        source.barred.update(row.key for row in moved)
        self.keep_apart(out_of, into)
        return target

    def keep_apart(self, one: int, other: int) -> None:
        for number, another in ((one, other), (other, one)):
            if number in self.episodes:
                self.episodes[number].links[another] = KEPT_APART

"""One company of a replay: its incidents in memory, so that the engine finds in them what it finds in the database."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from engine.activity import Activity, Key
from engine.alert import Alert, Severity
from engine.aliases import Alias, Sightings
from engine.company import Asset, Company, CompanyContext
from engine.correlation import Rules
from engine.patterns import Period, StormWatch, cascade, flapping, periodic
from engine.picture import SAME_MACHINE
from engine.placing import Brought, Merged, Moved, Placing
from engine.root_cause import RootCauses, silent_root
from engine.suppression import QuietRule
from engine.topology import Topology

FEW_KEYS = 3
"""An incident of no more keys comes back under its number when one of them does; a cascade does not."""
MOST_PAST = 5_000


@dataclass(slots=True)
class Kept:
    """An incident of the replay. `firing` is every key that has not recovered, with the tools' own keys for it."""

    id: int
    correlation_key: str
    severity: Severity
    last_alert_at: datetime
    tools: tuple[str, ...]
    firing: dict[str, set[tuple[str, str]]] = field(default_factory=dict)
    resolved_at: datetime | None = None
    remembered: tuple[str, ...] = ()
    count: int = 0

    @property
    def label(self) -> str:
        return f"INC-{self.id}"


class OfCompany:
    """Open and lately resolved incidents of one company, and what its monitoring has been doing."""

    def __init__(
        self, rules: Rules, assets: Iterable[Asset], patterns: dict[str, int], quiet: Sequence[QuietRule] = ()
    ) -> None:
        listed = tuple(assets)
        self.rules = rules
        self.context = CompanyContext(
            Company(id=0, slug="replay", name="replay"), assets=listed, people=(), quiet=tuple(quiet)
        )
        self.placing = Placing(Activity(Topology(listed), window=rules.window.total_seconds()))
        self.causes = RootCauses()
        self._names = Sightings()
        self.storms = StormWatch()
        self.into: dict[int, int] | None = None
        """Which incident was merged into which, where somebody wants to know in the end."""
        self.open: OrderedDict[int, Kept] = OrderedDict()
        self._past: OrderedDict[str, tuple[Kept, datetime]] = OrderedDict()
        self._by_name: dict[tuple[str, str], str] = {}
        self._changes: OrderedDict[str, deque[float]] = OrderedDict()
        self._patterns = patterns
        self._now, self._at = datetime.min.replace(tzinfo=UTC), 0.0

    @property
    def activity(self) -> Activity:
        return self.placing.activity

    def learn_names(self, alert: Alert, now: datetime) -> None:
        """Whose address is whose, as far as alerts have said by now."""
        at = now.timestamp()
        for name in self._names.see(alert.asset_name, alert.labels, alert.tool, at):
            if name in self.context.listed_names:
                continue
            taken, known = self._names.taken_for(name, at), self.context.alias(name)
            asset = taken[0] if taken is not None else ""
            if asset == (known.asset if known is not None else ""):
                continue
            others = [one for one in self.context.aliases if one.name != name]
            if taken is not None:
                seen = taken[1]
                others.append(
                    Alias(company_id=0, name=name, asset=asset, times=seen.times, tools=tuple(seen.tools))
                )
                self.activity.tie(name, asset, SAME_MACHINE, others[-1].words)
            self.context = replace(self.context, aliases=tuple(others))

    # -- what correlation asks -------------------------------------------------------------------------------------

    def with_key(self, correlation_key: str) -> Kept | None:
        row = self.activity.keys.get(correlation_key)
        return self.numbered(row.incident) if row is not None and row.incident else None

    def numbered(self, incident_id: int) -> Kept | None:
        kept = self.open.get(incident_id)
        if kept is not None and self.activity.episode(incident_id, self._at) is None:
            self.silent(kept)
            return None
        return kept

    def last_resolved(self, correlation_key: str) -> Kept | None:
        found = self._past.get(correlation_key)
        return found[0] if found else None

    def firing_as(self, tool: str, dedup_key: str) -> Kept | None:
        key = self._by_name.get((tool, dedup_key))
        return self.with_key(key) if key is not None else None

    # -- what becomes of incidents ---------------------------------------------------------------------------------

    def settle(self, now: datetime) -> None:
        """End what has been silent for the window and forget what cannot come back. Oldest first, so this costs no
        more than what it ends."""
        self._now, self._at = now, now.timestamp()
        while self.open:
            kept = next(iter(self.open.values()))
            if kept.last_alert_at + self.rules.window > now:
                break
            self.silent(kept)
        while self._past:
            key, (_, until) = next(iter(self._past.items()))
            if until >= now and len(self._past) <= MOST_PAST:
                break
            del self._past[key]

    def begin(self, kept: Kept) -> None:
        self.open[kept.id] = kept

    def back(self, kept: Kept) -> None:
        """A resolved incident is open again; what may come back is decided anew when it ends."""
        kept.resolved_at = None
        for key in kept.remembered:
            self._past.pop(key, None)
        kept.remembered = ()
        self.open[kept.id] = kept

    def fires(self, kept: Kept, row: Key, name: tuple[str, str] | None, tool: str, now: datetime) -> None:
        names = kept.firing.get(row.key)
        if names is None:
            names = kept.firing[row.key] = set()
            if row.key in self._changes:
                self._changed(row.key, now)
        if name is not None:
            names.add(name)
            self._by_name[name] = row.key
        if tool not in kept.tools:
            kept.tools = (*kept.tools, tool)
            self._patterns["several tools"] += int(len(kept.tools) == 2)
        kept.count += 1
        if now > kept.last_alert_at:
            kept.last_alert_at = now
        self.open.move_to_end(kept.id)

    def recovers(self, kept: Kept, key: str, name: tuple[str, str] | None, now: datetime) -> None:
        """One problem of the incident has recovered; with the last one the incident ends."""
        if name is not None and name in self._by_name:
            key = self._by_name.pop(name)
            names = kept.firing.get(key, set())
            names.discard(name)
            if names:
                return
        for left in kept.firing.pop(key, ()):
            self._by_name.pop(left, None)
        self._changed(key, now)
        if not kept.firing:
            self._patterns["recovery"] += 1
            self._close(kept, now, comes_back=True)

    def brought(self, changes: Iterable[Brought]) -> None:
        """Merges and moves that the engine made, done to the incidents too."""
        for one in changes:
            if isinstance(one, Merged):
                self._patterns["merged"] += 1
                if self.into is not None:
                    self.into[one.absorbed] = one.into
                self.causes.merged(one.into, one.absorbed)
                absorbed, into = self.open.pop(one.absorbed), self.open[one.into]
                into.firing.update(absorbed.firing)
                into.count += absorbed.count
                into.tools = tuple(dict.fromkeys((*into.tools, *absorbed.tools)))
                into.last_alert_at = max(into.last_alert_at, absorbed.last_alert_at)
                self.open.move_to_end(one.into)
            elif isinstance(one, Moved):
                names = self.open[one.out_of].firing.pop(one.key, set())
                self.open[one.into].firing.setdefault(one.key, set()).update(names)

    def leaves(self, key: str, kept: Kept) -> None:
        kept.firing.pop(key, None)

    def silent(self, kept: Kept) -> None:
        """It ended by silence: nobody says that it is fixed."""
        ended = min(self._now, kept.last_alert_at + self.rules.window)
        self._close(kept, ended, comes_back=False)

    def finish(self) -> None:
        """Nothing more will come: count the patterns of what is still open."""
        for kept in list(self.open.values()):
            self.silent(kept)

    def _close(self, kept: Kept, now: datetime, *, comes_back: bool) -> None:
        kept.resolved_at = now
        self.open.pop(kept.id, None)
        for names in kept.firing.values():
            for name in names:
                self._by_name.pop(name, None)
        kept.firing.clear()
        episode = self.activity.end(kept.id)
        self.causes.ended(kept.id)
        if episode is None:
            return
        if len(episode.assets) > 3 and self._cascaded(episode.assets):
            self._patterns["cascade"] += 1
        if comes_back or len(episode.keys) <= FEW_KEYS:
            kept.remembered = tuple(episode.keys)
            for row in episode.keys.values():
                self._past[row.key] = (kept, now + self._remembered(row))
                self._past.move_to_end(row.key)

    def _cascaded(self, assets: Collection[str]) -> bool:
        topology = self.activity.topology
        return cascade(assets, topology) is not None or silent_root(assets, topology) is not None

    def _remembered(self, row: Key) -> timedelta:
        """The reopen window, or until the next round of what may be a series."""
        if len(row.starts) < 2:
            return self.rules.reopen_window
        latest = row.starts[-1] - row.starts[-2]
        rhythm: Period | None = periodic(row.starts)
        step = max(latest, rhythm.seconds if rhythm else 0.0)
        return max(self.rules.reopen_window, timedelta(seconds=min(4 * step, 8 * 86400)))

    def _changed(self, key: str, now: datetime) -> None:
        """It began or stopped firing; flapping is counted when it begins."""
        changes = self._changes.get(key)
        if changes is None:
            changes = self._changes[key] = deque(maxlen=12)
            if len(self._changes) > MOST_PAST:
                self._changes.popitem(last=False)
        at = now.timestamp()
        before = flapping(changes, at)
        changes.append(at)
        if before is None and flapping(changes, at) is not None:
            self._patterns["flapping"] += 1

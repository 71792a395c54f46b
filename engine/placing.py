"""Where a firing alert belongs, beyond its exact key: join, merge, leave. Keeps the activity in step with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from engine.activity import KEPT_APART, Activity, Episode, Key
from engine.alert import Severity
from engine.correlation import NO_ADVICE, Advice
from engine.evidence import JOIN, TELLING, Case, Sighting, gather, in_step, weigh
from engine.knowledge import name_tie
from engine.reason import Reason
from engine.track import rhythm_of

UTC = ZoneInfo("UTC")
CLOSE_LOOKS, SETTLED_KEYS = 2, 30
"""The first alerts of a run are weighed even when their key is known: they may bring two incidents together. Of an
incident that has found so many keys only the first."""
_TRACES = ("trace_id", "traceid", "trace.id", "correlation_id", "correlationid", "request_id")
STEADY = 3
"""From this alert of a run on, a key is watched for firing in step with another."""
MOST_TRACES = 2048


@dataclass(frozen=True, slots=True)
class Merged:
    """Two incidents that turned out to be one. `keys` moved from `absorbed` to `into`; splitting takes them back."""

    into: int
    absorbed: int
    keys: tuple[str, ...]
    reason: Reason


@dataclass(frozen=True, slots=True)
class Moved:
    """One key that left an incident, which goes on without it, for another."""

    key: str
    out_of: int
    into: int
    reason: Reason


@dataclass(frozen=True, slots=True)
class Related:
    """Two incidents that may have to do with each other; nothing is moved."""

    one: int
    other: int
    reason: Reason


Brought = Merged | Moved | Related


@dataclass(slots=True)
class Look:
    """What was found out about one alert before it is placed."""

    row: Key
    sighting: Sighting
    cases: list[Case] = field(default_factory=list)
    usual: bool = False
    chatter: bool = False
    calm: bool = False
    twin: str | None = None


class Placing:
    """One company's alerts finding their incidents. `look` first, then `found`, then `placed` with the number."""

    def __init__(self, activity: Activity | None = None, zone: ZoneInfo = UTC) -> None:
        self.activity = activity or Activity()
        self.zone = zone

    def look(
        self, key: str, asset: str, signature: str, severity: Severity, tool: str, message: str,
        labels: Mapping[str, str], now: datetime, stated: datetime | None,
    ) -> Look:  # fmt: skip
        """Hear the alert, and weigh what is around it when its key is new in this run."""
        activity, at = self.activity, now.timestamp()
        row = activity.heard(key, asset, signature, at)
        rush = activity.rush(asset, at)
        rank = severity.rank
        worse = rank < row.worst
        if worse:
            row.worst = rank
        chatter = row.chatters(at)
        said_at = stated.timestamp() if stated else None
        twin = in_step(activity, row, at) if row.run >= STEADY else None
        held = activity.episodes.get(row.incident)
        if held is not None and row.run > 1 and (row.run > CLOSE_LOOKS or len(held.keys) > SETTLED_KEYS):
            return Look(row, Sighting(row, tool, at, said_at), chatter=chatter, twin=twin)
        mentions = activity.names.mentioned(asset, message, labels)
        for other in mentions:
            name_tie(activity, asset, other)
        trace = next((labels[name] for name in _TRACES if labels.get(name)), "") if labels else ""
        sighting = Sighting(row, tool, at, said_at, mentions, trace, row.run == 1)
        look = Look(row, sighting, chatter=chatter, twin=twin)
        look.calm = not worse and not row.incident and severity is not Severity.CRITICAL
        look.usual = activity.usual(row, at)
        look.cases = weigh(activity, sighting, usual=look.usual, rush=rush)
        return look

    def advise(self, look: Look) -> Advice:
        """What correlation should know beyond the exact key."""
        if look.chatter:
            return Advice(leave=self._leaves(look))
        if look.cases and look.cases[0].score >= JOIN:
            best = look.cases[0]
            return Advice(join=best.episode.id, firm=best.firm >= JOIN, evidence=best.words, score=best.score)
        if look.calm and (period := rhythm_of(look.row.starts, self.zone)) is not None:
            return Advice(rhythm=period.text)
        return NO_ADVICE

    def _leaves(self, look: Look) -> Reason | None:
        """Chatter that only happened to lie beside others does not stay with them."""
        row, episode = look.row, self.activity.episodes.get(look.row.incident)
        if episode is None or row.firm or episode.firm or episode.pure:
            return None
        minutes = int((look.sighting.now - row.since) // 60)
        text = (
            f"`{row.key}` has not stopped talking for {minutes} min ({row.run} alerts): set apart as chatter"
        )
        return Reason("chatter", text)

    def placed(self, look: Look, incident: int) -> list[Brought]:
        """The alert is in this incident now. What that brings together."""
        activity, row, now = self.activity, look.row, look.sighting.now
        episode = activity.episodes.get(incident) or activity.begin(incident, now)
        if row.incident != incident or row.key not in episode.keys:
            case = next((one for one in look.cases if one.episode is episode), None)
            firm = case is not None and case.firm >= JOIN / 2
            activity.enter(row, episode, now, firm=firm)
        if look.chatter and episode.pure:
            episode.chatter = True
        activity.seen(row, episode, look.sighting.tool, now, look.sighting.stated)
        if look.sighting.trace:
            activity.traces[look.sighting.trace] = episode
            if len(activity.traces) > MOST_TRACES:
                activity.traces.popitem(last=False)
        brought = self._merged(episode, look.cases) if look.cases else []
        return brought + self._in_step(look, row, brought) if look.twin else brought

    def _merged(self, episode: Episode, cases: list[Case]) -> list[Brought]:
        brought: list[Brought] = []
        before = dict(episode.links)
        for case, score in gather(self.activity, episode, cases):
            into, absorbed = _order(self.activity.episodes.get(episode.id, episode), case.episode)
            if into.id not in self.activity.episodes or absorbed.id not in self.activity.episodes:
                continue
            text = f"INC-{absorbed.id} is part of INC-{into.id}: {case.words()}; links sum up to {score:.2f}"
            keys = tuple(self.activity.merge(into.id, absorbed.id))
            brought.append(Merged(into.id, absorbed.id, keys, Reason("merged", text)))
            episode = into
        if not brought:
            for case in cases:
                other = case.episode.id
                if other not in before and other in episode.links and episode.links[other] >= TELLING:
                    text = f"INC-{episode.id} and INC-{other} may belong together: {case.words()}"
                    brought.append(Related(episode.id, other, Reason("related", text)))
        return brought

    def _in_step(self, look: Look, row: Key, brought: list[Brought]) -> list[Brought]:
        """The same signature on two assets, always together: one thing seen at two places."""
        activity = self.activity
        twin = activity.keys.get(look.twin) if look.twin else None
        if twin is None or brought or twin.incident == row.incident:
            return []
        mine, other = activity.episodes.get(row.incident), activity.episode(twin.incident, look.sighting.now)
        if mine is None or other is None or not other.pure or mine.links.get(other.id) == KEPT_APART:
            return []
        text = f"`{row.signature}` fires on {row.asset} and {twin.asset} within seconds, time after time"
        if mine.pure:
            into, absorbed = _order(mine, other)
            keys = tuple(activity.merge(into.id, absorbed.id))
            return [Merged(into.id, absorbed.id, keys, Reason("in-step", text))]
        if row.firm or mine.firm:
            return []
        activity.enter(row, other, look.sighting.now)
        return [Moved(row.key, mine.id, other.id, Reason("in-step", text))]


def _order(one: Episode, other: Episode) -> tuple[Episode, Episode]:
    """(which stays, which is absorbed): the one with more keys, of two equal ones the older."""
    if (len(one.keys), -one.id) >= (len(other.keys), -other.id):
        return one, other
    return other, one

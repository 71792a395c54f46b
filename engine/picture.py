"""What a process remembers of one company's recent alerts, so that the next one finds its incident.

Soft evidence only, kept between batches. Which key an open incident has is decided by the database; a picture that
may be wrong (a transaction failed, a person merged or split) is thrown away and drawn again from what is stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from engine.activity import KEPT_APART, Activity
from engine.alert import Alert, Identity, Severity
from engine.company import CompanyContext
from engine.knowledge import Knowledge, Told, go_on, recall
from engine.placing import Look, Placing
from engine.ports import HeardKey
from engine.root_cause import Belief, RootCauses
from engine.topology import Topology
from engine.track import Track

TIDY_EVERY = 60.0
"""Seconds between two looks for incidents that have been quiet too long to attract anything."""
SAME_MACHINE = 0.85
"""How strongly two names of one asset bind while incidents under both are open: enough to say so, not to join."""
FEW = 2
"""With fewer assets there is no question which it began with."""


@dataclass(slots=True)
class Picture:
    """`version` is the company's when it was drawn; `floor` the id of the last alert of anybody's that it has heard."""

    version: int
    floor: str
    placing: Placing
    causes: RootCauses = field(default_factory=RootCauses)
    tidied: float = 0.0
    taught: str = ""
    """The id of the last alert that what follows what was learned from when the picture was drawn."""

    @classmethod
    def blank(cls, context: CompanyContext, floor: str) -> Picture:
        company = context.company
        activity = Activity(Topology(context.assets), window=company.window.total_seconds())
        for one in context.aliases:  # incidents under both names may be open when the alias becomes known
            if one.holds:
                activity.tie(one.name, one.asset, SAME_MACHINE, one.words)
        return cls(company.version, floor, Placing(activity, zone=ZoneInfo(company.timezone)))

    def remember(self, knowledge: Knowledge | None, came_since: Sequence[Told]) -> None:
        """Begin with what the company's history taught, and what began since then."""
        if knowledge is not None:
            recall(self.activity, knowledge.document)
        go_on(self.activity, came_since)
        self.taught = max([self.taught, *(one.id for one in came_since)])

    @property
    def activity(self) -> Activity:
        return self.placing.activity

    def hear(self, rows: Iterable[HeardKey]) -> None:
        """What was stored by whichever replica; what this process knows already changes nothing."""
        activity = self.activity
        for row in rows:
            self.floor = max(self.floor, row.id)
            known = activity.keys.get(row.correlation_key)
            if known is not None and known.incident == row.incident_id:
                continue
            first, last = row.first_at.timestamp(), row.last_at.timestamp()
            key = activity.heard(row.correlation_key, row.asset, row.signature, first)
            key.last = max(key.last, last)
            episode = activity.episodes.get(row.incident_id) or activity.begin(row.incident_id, first)
            activity.enter(key, episode, last)
            activity.seen(key, episode, row.tool, last, first)
            if row.id > self.taught:
                activity.relations.begins(row.asset, row.signature, first, asked=False)
            episode.count += row.count - 1
            self.causes.note(row.incident_id, key, first, 0, symptom=False, times=row.count)

    def keep_apart(self, pairs: Iterable[tuple[int, int]]) -> None:
        for one, other in pairs:
            self.activity.keep_apart(one, other)
            for mine, theirs in ((one, other), (other, one)):
                if mine in self.activity.episodes and theirs in self.activity.episodes:
                    self.activity.episodes[mine].barred.update(self.activity.episodes[theirs].keys)

    def recall(self, identity: Identity, track: Track) -> None:
        """What the key did before, whichever process heard it."""
        steady = track.steady
        if not steady:
            return
        row, last = self.activity.keys.get(identity.correlation_key), track.rounds[-1]
        if row is None:
            row = self.activity.heard(
                identity.correlation_key, identity.asset, identity.signature, last.began
            )
        if not row.incident:
            row.starts = tuple(one.began for one in steady)
            row.worst = min(row.worst, *(one.rank for one in steady))
            row.last = max(row.last, last.began + (last.lasted or 0.0))

    def look(self, alert: Alert, identity: Identity, severity: Severity, now: datetime) -> Look:
        return self.placing.look(
            identity.correlation_key,
            identity.asset,
            identity.signature,
            severity,
            alert.tool,
            alert.message,
            alert.labels,
            now,
            alert.occurred_at,
        )

    def believe(self, incident: int, look: Look) -> Belief | None:
        """Which asset the incident began with, once it has more than one."""
        belief = self.causes.note(
            incident, look.row, look.sighting.now, 0, symptom=bool(look.sighting.mentions)
        )
        episode = self.activity.episodes.get(incident)
        if belief is None or episode is None or len(episode.assets) < FEW:
            return None
        silent = self.causes.silent(incident, self.activity.topology)
        if silent is None or silent.confidence <= belief.confidence:
            return belief
        return Belief(silent.asset, belief.line, silent.confidence, silent.why)

    def ended(self, incident: int) -> None:
        self.activity.end(incident)
        self.causes.ended(incident)

    def tidy(self, now: datetime) -> None:
        """Forget as attracting what has been quiet too long; its exact keys are in the database still."""
        at = now.timestamp()
        if at - self.tidied < TIDY_EVERY:
            return
        self.tidied = at
        quiet = [
            one.id for one in self.activity.episodes.values() if self.activity.episode(one.id, at) is None
        ]
        for number in quiet:
            self.ended(number)

    def renumber(self, old: int, new: int) -> None:
        """A new incident has got its number."""
        activity = self.activity
        episode = activity.episodes.pop(old, None)
        if episode is None:
            return
        episode.id = new
        activity.episodes[new] = episode
        for row in episode.keys.values():
            row.incident = new
        for other in episode.links:
            if other in activity.episodes:
                links = activity.episodes[other].links
                links[new] = links.pop(old, KEPT_APART)
        for first in episode.firsts:
            family = activity.families.get(first, {})
            if old in family:
                family[new] = family.pop(old)
        self.causes.renumber(old, new)

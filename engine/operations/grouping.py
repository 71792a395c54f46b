"""One batch's alerts beyond their exact keys: what joins an open incident, and which incidents turn out to be one.

The picture (engine.picture) advises; what happens is decided on the incidents as they stand in this transaction.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from engine import grouping, sla
from engine.access import SYSTEM, Actor
from engine.alert import Alert, AlertStatus, Identity, StoredAlert
from engine.audit import AuditKind, TimelineKind
from engine.changing import changed
from engine.company import CompanyContext
from engine.correlation import NO_ADVICE, Advice, Join
from engine.grouping import JoinedKey
from engine.identifiers import floor_of
from engine.incident import Incident
from engine.incident_jobs import SetApart
from engine.jobs import ReleaseChildren
from engine.operations.inhibition import Inhibition, unreachable
from engine.operations.open_incidents import OpenSet, Work
from engine.operations.record import prove, tell
from engine.picture import Picture
from engine.placing import Brought, Look, Merged, Moved, Related
from engine.ports import Transaction
from engine.reason import Reason
from engine.root_cause import Belief

_STAND_IN = re.compile(r"INC-(-\d+)")
MOST_HEARD = 2_000
"""Alerts that a picture is drawn from: the latest of the last two windows."""
OVERLAP = timedelta(seconds=10)
"""Another replica's alert may be committed this much later than its id says."""
SURE = 0.45
"""How much of the belief the likeliest cause must hold before anybody is told."""
MOST_RELATED = 5
GRACE = timedelta(minutes=5)
"""What hangs below something that came back has so long to come back, too."""


@dataclass(frozen=True, slots=True)
class _Merge:
    into: Work
    absorbed: Work
    reason: Reason


class Groups:
    """The pictures of the batch's companies, and the joins and merges it decided."""

    def __init__(self, tx: Transaction, open_set: OpenSet, now: datetime) -> None:
        self._tx = tx
        self._open_set = open_set
        self._now = now
        self._pictures: dict[int, Picture] = {}
        self._hearing: list[int] = []
        self._numbers: dict[int, int] = {}
        self._joined: list[tuple[Work, StoredAlert, str]] = []
        self._merges: list[_Merge] = []
        self._related: list[tuple[Work, Work]] = []
        self._inhibition = Inhibition(tx, open_set, now)
        self._under: dict[tuple[int, str], str] = {}
        self._back: list[Work] = []
        self._leaving: dict[tuple[int, str], tuple[int, int | None, Reason]] = {}

    async def load(
        self,
        contexts: Mapping[int, CompanyContext],
        searching: Collection[int],
        identified: Mapping[int, Sequence[tuple[Alert, Identity]]],
    ) -> None:
        """Draw or refresh the pictures. `searching` are the companies with an alert whose key no open incident has:
        only they need to know what other replicas heard."""
        for company_id, context in contexts.items():
            picture = self._tx.pictures.get(company_id)
            if picture is not None and picture.version != context.company.version:
                picture = None
            if picture is None:
                picture = Picture.blank(context, floor_of(self._now - 2 * context.company.window))
                known = await self._tx.knowledge.get(company_id)
                floor = known.floor if known is not None else picture.floor
                since = await self._tx.knowledge.told(company_id, floor=floor, most=MOST_HEARD)
                picture.remember(known, since)
                await self._hear(company_id, picture)
                apart = await self._tx.grouping.apart(company_id, picture.activity.episodes)
                picture.keep_apart(apart)
            elif company_id in searching and self._tx.pictures.others_heard(company_id):
                picture.floor = min(picture.floor, floor_of(self._now - OVERLAP))
                await self._hear(company_id, picture)
            if company_id in searching and self._tx.pictures.others_heard(company_id):
                self._hearing.append(company_id)
            picture.tidy(self._now)
            self._tx.pictures.keep(company_id, picture)
            self._pictures[company_id] = picture
            if company_id in searching and contexts[company_id].assets:
                await self._inhibition.load(company_id, picture.activity.topology, identified[company_id])

    async def _hear(self, company_id: int, picture: Picture) -> None:
        picture.hear(await self._tx.grouping.heard(company_id, floor=picture.floor, most=MOST_HEARD))

    async def advise(
        self, context: CompanyContext, alert: Alert, identity: Identity, stored: StoredAlert
    ) -> tuple[Look | None, Advice]:
        """What lies around a firing alert. The incident it may join has been read when this returns."""
        if alert.status is not AlertStatus.FIRING:
            return None, NO_ADVICE
        picture = self._pictures[context.company.id]
        track = self._open_set.track((context.company.id, identity.correlation_key))
        if track is not None:
            picture.recall(identity, track)
        look = picture.look(alert, identity, stored.severity, self._now)
        advice = picture.placing.advise(look)
        if unreachable(identity.signature) and not self._held(context.company.id, identity):
            advice = await self._inhibited(picture, stored) or await self._not_below(
                picture, stored, advice, context.company.window
            )
        if advice.join is not None:
            work = await self._open_set.fetch(self._tx, advice.join)
            if work is None or not work.after.open or work.after.company_id != context.company.id:
                picture.ended(advice.join)
                return look, replace(advice, join=None)
            advice = replace(advice, join=work.after.id)
        if advice.leave is not None:
            self._leave(identity.correlation_key, context.company.id, advice.leave)
            return look, replace(advice, leave=None)
        return look, advice

    def _held(self, company_id: int, identity: Identity) -> bool:
        return self._open_set.of(company_id).with_key(identity.correlation_key) is not None

    async def _inhibited(self, picture: Picture, stored: StoredAlert) -> Advice | None:
        """What it depends on is down: it is held under that, however long that has been so."""
        found = await self._inhibition.parent(stored, picture.activity.topology)
        if found is None:
            return None
        asset, incident = found
        self._under[(stored.company_id, stored.correlation_key)] = asset
        words = f"{stored.asset_name} depends on {asset}, which is unreachable"
        return Advice(join=incident.id, firm=True, evidence=lambda: words, score=1.0)

    async def _not_below(
        self, picture: Picture, stored: StoredAlert, advice: Advice, window: timedelta
    ) -> Advice:
        """What explains an incident does not become a part of it: that one becomes part of its own."""
        if advice.join is None:
            return advice
        below = await self._inhibition.children(stored, picture.activity.topology, window)
        return replace(advice, join=None) if any(one.after.id == advice.join for one in below) else advice

    def _leave(self, key: str, company_id: int, why: Reason, into: int | None = None) -> None:
        """Once all is written the key goes, for another incident or by itself, unless a person is at work on either."""
        incident = self._open_set.of(company_id).with_key(key)
        if incident is not None and not incident.touched and (incident.held or into is not None):
            self._leaving[(company_id, key)] = (incident.id, into, why)

    def join(self, decision: Join, stored: StoredAlert) -> Work:
        """The alert is a further problem of that incident from now on."""
        work = self._open_set.work(decision.incident.id)
        work.after = replace(work.after, held=work.after.held + 1)
        self._open_set.name((stored.company_id, stored.correlation_key), work)
        self._joined.append((work, stored, decision.reason.text))
        return work

    async def placed(
        self, context: CompanyContext, look: Look | None, work: Work, stored: StoredAlert
    ) -> Work:
        """The alert is in this incident. Merges that follow are made; the incident it is in after all."""
        if look is None:
            return work
        picture = self._pictures[context.company.id]
        brought = picture.placing.placed(look, work.after.id)
        belief = picture.believe(work.after.id, look)
        if belief is not None and picture.causes.known(work.after.id) > work.after.held:
            work.after = _believed(work.after, belief)
        for one in brought:
            await self._bring(picture, context.company.id, one)
        work = self._open_set.work(look.row.incident) if brought else work
        if context.assets and unreachable(stored.signature):
            self._inhibition.heard(stored, work)
            await self._gather(picture, stored, work, context.company.window)
        return work

    async def _gather(self, picture: Picture, stored: StoredAlert, parent: Work, window: timedelta) -> None:
        """What was heard of before the thing it depends on becomes part of that one's incident."""
        activity = picture.activity
        for work in await self._inhibition.children(stored, activity.topology, window, parent=parent):
            child = work.after
            self._under[(child.company_id, child.correlation_key)] = stored.asset
            keys: tuple[str, ...] = ()
            if {parent.after.id, child.id} <= activity.episodes.keys():
                keys = tuple(activity.merge(parent.after.id, child.id))
            words = f"{child.asset_name} depends on {stored.asset_name}, which is unreachable"
            await self._merge(
                picture, Merged(parent.after.id, child.id, keys, Reason("inhibited", words)), under=True
            )

    async def _bring(self, picture: Picture, company_id: int, one: Brought) -> None:
        match one:
            case Merged():
                await self._merge(picture, one)
            case Moved(key=key, out_of=out_of):  # it stays where it is until that is done in the database
                self._leave(key, company_id, one.reason, one.into)
                row, episode = picture.activity.keys.get(key), picture.activity.episodes.get(out_of)
                if row is not None and episode is not None:
                    picture.activity.enter(row, episode, row.last)
            case Related(one=first, other=second):
                await self._relate(first, second)

    async def _relate(self, first: int, second: int) -> None:
        one, other = await self._open_set.fetch(self._tx, first), await self._open_set.fetch(self._tx, second)
        if one is None or other is None or one is other or not (one.after.open and other.after.open):
            return
        for work, beside in ((one, other), (other, one)):
            known = work.after.related
            if beside.after.id in known or len(known) >= MOST_RELATED:
                continue
            if beside.before is not None:
                work.after = replace(work.after, related=(*known, beside.after.id))
            elif work.before is not None:
                self._related.append((work, beside))

    async def _merge(self, picture: Picture, one: Merged, *, under: bool = False) -> None:
        """Two become one, unless people are at work on both. What somebody has claimed keeps its number, and so does
        what others are held `under`."""
        into = await self._open_set.fetch(self._tx, one.into)
        absorbed = await self._open_set.fetch(self._tx, one.absorbed)
        if into is None or absorbed is None or into is absorbed:
            return
        if not (into.after.open and absorbed.after.open):  # a person was faster
            picture.ended(one.into)
            return
        if into.after.touched and absorbed.after.touched:
            picture.activity.split(one.keys, one.into, one.absorbed, self._now.timestamp())
            return
        picture.causes.merged(one.into, one.absorbed)
        if not under and (absorbed.after.touched or (into.before is None and absorbed.before is not None)):
            picture.renumber(one.into, one.absorbed)
            into, absorbed = absorbed, into
        self._open_set.take_in(into, absorbed)
        if absorbed.before is None:
            self._joined = [
                (into if work is absorbed else work, alert, why) for work, alert, why in self._joined
            ]
            first = self._open_set.alert_of(into, absorbed.after.correlation_key)
            into.after = grouping.absorb(into.after, absorbed.after)
            if first is not None:
                self._joined.append((into, first, one.reason.text))
            return
        into.after = grouping.absorb(into.after, absorbed.after)
        absorbed.after = grouping.absorbed(
            absorbed.after, into=into.after, why=one.reason.text, now=self._now
        )
        self._merges.append(_Merge(into, absorbed, one.reason))

    def close(self, company_id: int, work: Work, ended: StoredAlert) -> None:
        """An alert of it recovered. With the last one it attracts nothing any more; what is held under an asset that
        came back is looked at soon."""
        picture = self._pictures.get(company_id)
        if (
            picture is not None
            and work.after.held
            and self._inhibition.back(ended, picture.activity.topology)
        ):
            self._back.append(work)
        if picture is not None and not work.after.open:
            picture.ended(work.after.id)

    def number(self, numbers: Mapping[int, int]) -> None:
        """New incidents have their numbers (stand-in → number)."""
        self._numbers.update(numbers)
        for picture in self._pictures.values():
            for old, new in numbers.items():
                picture.renumber(old, new)
        for one in self._merges:
            into = one.absorbed.after.merged_into
            if into is not None and into in numbers:
                one.absorbed.after = replace(one.absorbed.after, merged_into=numbers[into])
        for known, fresh in self._related:
            known.after = replace(known.after, related=(*known.after.related, fresh.after.id))

    def words(self, text: str) -> str:
        """The same words with the numbers that new incidents got."""
        if "INC--" not in text:
            return text
        return _STAND_IN.sub(lambda found: f"INC-{self._numbers.get(int(found[1]), 0) or found[1]}", text)

    async def settle(self) -> None:
        """Write the joins and merges, once every incident is written."""
        if self._hearing:
            await self._tx.companies.heard_by(self._tx.pictures.name, self._hearing)
        for work, alert, said in self._joined:
            why = self.words(said)
            self._tx.grouping.put(
                JoinedKey(
                    company_id=alert.company_id,
                    correlation_key=alert.correlation_key,
                    incident_id=work.after.id,
                    asset=alert.asset,
                    signature=alert.signature,
                    reason=why,
                    at=self._now,
                    under=self._under.get((alert.company_id, alert.correlation_key), ""),
                )
            )
            text = f"{alert.asset_name}: {alert.title}; {why}."
            tell(self._tx, work.after, TimelineKind.ALERT, text, actor=SYSTEM, now=self._now, told=False)
        for one in self._merges:
            await self._write(one)
        for (company_id, key), (out_of, into, reason) in self._leaving.items():
            leaves = SetApart(
                company_id=company_id,
                incident_id=self._numbers.get(out_of, out_of),
                correlation_key=key,
                into=self._numbers.get(into, into) if into is not None else None,
                why=self.words(reason.text),
            )
            self._tx.jobs.put(leaves, due_at=self._now)
        for work in self._back:
            if work.after.open:
                job = ReleaseChildren(company_id=work.after.company_id, incident_id=work.after.id)
                self._tx.jobs.put(job, due_at=self._now + GRACE)

    async def _write(self, one: _Merge) -> None:
        await merge_rows(
            self._tx,
            one.into.after,
            one.absorbed.after,
            why=self.words(one.reason.text),
            actor=SYSTEM,
            now=self._now,
            under=self._under.get((one.absorbed.after.company_id, one.absorbed.after.correlation_key), ""),
        )


def _believed(incident: Incident, belief: Belief) -> Incident:
    """With what is believed now, if it is enough to say so. A picture drawn anew may know less than what was believed
    before: that is for the caller."""
    if belief.confidence < SURE:
        return incident
    cause, sure = f"{belief.asset}: {belief.why}", round(100 * belief.confidence)
    if (cause, sure) == (incident.cause, incident.confidence):
        return incident
    return changed(incident, cause=cause, confidence=sure)


async def merge_rows(
    tx: Transaction,
    into: Incident,
    absorbed: Incident,
    *,
    why: str,
    actor: Actor,
    now: datetime,
    under: str = "",
) -> None:
    """What a merge writes beside the two incidents: alerts and keys change hands, the absorbed one's clocks stand
    still, and both stories say so."""
    prove(tx, absorbed, AuditKind.INCIDENT_MERGED, actor=actor, now=now, into=into.label, why=why)
    said = f"{absorbed.label} ({absorbed.asset_name}: {absorbed.title}) is part of this now: {why}."
    tell(tx, into, TimelineKind.MERGED, said, actor=actor, now=now)
    tell(tx, absorbed, TimelineKind.MERGED, f"Part of {into.label} now: {why}.", actor=actor, now=now)
    await tx.grouping.hand_over(absorbed.id, into.id)
    tx.grouping.put(
        JoinedKey(
            company_id=absorbed.company_id,
            correlation_key=absorbed.correlation_key,
            incident_id=into.id,
            asset=absorbed.asset,
            signature=absorbed.signature,
            reason=why,
            at=now,
            came_from=absorbed.id,
            under=under,
        )
    )
    for clock in await tx.clocks.of(absorbed.id):
        tx.clocks.put(sla.pause(clock, now))

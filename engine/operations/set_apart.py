"""A key that leaves an incident for another one, or to go on by itself: after the batch that found it out, once.

People are never overruled: what somebody has claimed, and what a person took apart, stays as it is. An incident keeps
its number and its own key while it is open, so where its own key leaves, it is the rest that goes.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from engine import grouping
from engine.access import SYSTEM
from engine.audit import AuditKind, TimelineKind
from engine.grouping import JoinedKey, Share
from engine.incident import Incident, acted
from engine.incident_jobs import SetApart
from engine.operations import ending
from engine.operations.grouping import merge_rows
from engine.operations.record import prove, show, tell
from engine.operations.regroup import Part, hear_apart, part_name, parts, take_out
from engine.operations.still_down import go_on
from engine.ports import Transaction


async def set_apart(tx: Transaction, job: SetApart, now: datetime) -> None:
    """Raises Conflict when one of the incidents changed in between. A second time finds nothing to do."""
    source = await tx.incidents.get(job.incident_id)
    if source is None or not source.open or source.touched:
        return
    target = await _target(tx, source, job.into) if job.into is not None else None
    if job.into is not None and target is None:
        return
    joined = await tx.grouping.joined(source.id)
    if job.correlation_key == source.correlation_key:
        if joined:
            source = await _rest_goes(tx, source, job.why, now)
        if target is not None:
            await _become_part(tx, source, target, job.why, now)
        return
    key = next((one for one in joined if one.correlation_key == job.correlation_key), None)
    if key is None:
        return
    if target is not None:
        await _move(tx, source, target, key, job.why, now)
        return
    part = await _part(tx, source, key)
    if part is not None:
        source, out = await take_out(tx, source, part, actor=SYSTEM, now=now, said=job.why)
        await go_on(tx, out, now)
        await _over_if_so(tx, source, now)


async def _target(tx: Transaction, source: Incident, into: int) -> Incident | None:
    """The incident that the key goes to, if it may."""
    target = await tx.incidents.get(into)
    while target is not None and target.merged_into is not None:
        target = await tx.incidents.get(target.merged_into)
    if target is None or not target.open or target.touched or target.company_id != source.company_id:
        return None
    pairs = await tx.grouping.apart(source.company_id, [source.id])
    return None if target.id == source.id or any(target.id in pair for pair in pairs) else target


async def _rest_goes(tx: Transaction, source: Incident, why: str, now: datetime) -> Incident:
    """All that joined it goes on by itself, and what remains is its own key: incidents that became part of it are given
    back, the other keys are one new incident."""
    for part in await parts(tx, source):
        if part.came_from is not None:
            source, out = await take_out(tx, source, part, actor=SYSTEM, now=now, said=why)
            await go_on(tx, out, now)
    keys = tuple(one for one in await tx.grouping.joined(source.id) if one.came_from is None)
    if keys:
        first = keys[0]
        part = Part(part_name(first), f"{first.asset}: {first.signature}", why, keys, None)
        source, out = await take_out(tx, source, part, actor=SYSTEM, now=now, said=why)
        await go_on(tx, out, now)
    return source


async def _part(tx: Transaction, source: Incident, key: JoinedKey) -> Part | None:
    """The key alone; one that was a whole incident comes back as that, unless it has others in it."""
    if key.came_from is None:
        return Part(part_name(key), f"{key.asset}: {key.signature}", key.reason, (key,), None)
    return next((one for one in await parts(tx, source) if one.keys == (key,)), None)


async def _become_part(tx: Transaction, source: Incident, target: Incident, why: str, now: datetime) -> None:
    after = grouping.absorb(target, source)
    gone = grouping.absorbed(source, into=after, why=why, now=now)
    saved = await tx.incidents.save(target, acted(after, what=f"{source.label} became part of it", now=now))
    await tx.incidents.save(source, acted(gone, what=f"Part of {target.label} now", now=now))
    await merge_rows(tx, saved, gone, why=why, actor=SYSTEM, now=now)
    tx.pictures.forget(source.company_id)
    for one in (saved, gone):
        await show(tx, one, at=now)


async def _move(
    tx: Transaction, source: Incident, target: Incident, key: JoinedKey, why: str, now: datetime
) -> None:
    """The key and its alerts change hands. It is a part of the other from now on, which can be split out."""
    alerts = await tx.alerts.of_keys(source.id, {key.correlation_key})
    taken = Share.of(alerts)
    firing = await tx.alerts.firing_of(source.id)
    left = Share.of([one for one in firing if one.correlation_key != key.correlation_key])
    without = grouping.without(source, left, taken, held=max(0, source.held - 1), apart=target.id)
    named = f"{key.asset}: {key.signature}"
    saved = await tx.incidents.save(source, acted(without, what=f"{named} moved to {target.label}", now=now))
    with_it = acted(grouping.took(target, taken), what=f"{named} came from {source.label}", now=now)
    target = await tx.incidents.save(target, with_it)
    company_id, name = source.company_id, key.correlation_key
    await tx.grouping.release(company_id, {name}, out_of=source.id, into=target.id, own="")
    moved = replace(key, incident_id=target.id, reason=why, at=now, under="", came_from=None)
    tx.grouping.put(moved)
    prove(tx, target, AuditKind.INCIDENT_MOVED, actor=SYSTEM, now=now, out_of=source.label, key=name, why=why)
    tell(
        tx, saved, TimelineKind.SPLIT, f"{named} is part of {target.label} now: {why}.", actor=SYSTEM, now=now
    )
    tell(tx, target, TimelineKind.MERGED, f"{named} came from {source.label}: {why}.", actor=SYSTEM, now=now)
    await hear_apart(tx, company_id, now)
    tx.pictures.forget(company_id)
    for one in (saved, target):
        await show(tx, one, at=now)
    await _over_if_so(tx, saved, now)


async def _over_if_so(tx: Transaction, incident: Incident, now: datetime) -> None:
    if not incident.firing and incident.recovered_at is None:
        await ending.over(tx, incident, now)

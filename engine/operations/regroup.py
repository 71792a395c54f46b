"""People putting incidents together and taking them apart again. Each undoes the other with one press."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from engine import grouping, sla
from engine.access import Actor, Verb
from engine.audit import AuditKind, TimelineKind
from engine.errors import Conflict, NotFound, Refused
from engine.grouping import JoinedKey, Share
from engine.incident import Incident, IncidentStatus, acted
from engine.jobs import CheckSla, TurnQuiet
from engine.operations.grouping import merge_rows
from engine.operations.placing import place_new
from engine.operations.record import prove, show, tell
from engine.operations.respond import find
from engine.ports import Transaction
from engine.sla import ClockKind


@dataclass(frozen=True, slots=True)
class Part:
    """What can be split out of an incident: a whole incident that became part of it, or a problem that joined it.

    `name` stands for it in buttons and commands.
    """

    name: str
    title: str
    why: str
    keys: tuple[JoinedKey, ...]
    came_from: int | None


async def parts(tx: Transaction, incident: Incident) -> Sequence[Part]:
    """Everything that `split` can take out of it, in the order in which it came."""
    joined = await tx.grouping.joined(incident.id)
    inside = await tx.incidents.merged_into([incident.id])
    found: list[Part] = []
    taken: set[str] = set()
    for one in inside:
        family = await _family(tx, one)
        keys = tuple(key for key in joined if key.came_from in family)
        taken |= {key.correlation_key for key in keys}
        found.append(Part(one.label, f"{one.asset_name}: {one.title}", one.resolution, keys, one.id))
    for key in joined:
        if key.correlation_key not in taken:
            found.append(Part(part_name(key), f"{key.asset}: {key.signature}", key.reason, (key,), None))
    return found


def part_name(key: JoinedKey) -> str:
    return hashlib.sha256(key.correlation_key.encode("utf-8", "replace")).hexdigest()[:10]


async def _family(tx: Transaction, incident: Incident) -> set[int]:
    """The incident and all that had become part of it before."""
    family, waiting = {incident.id}, [incident.id]
    while waiting:
        inside = [one.id for one in await tx.incidents.merged_into(waiting)]
        waiting = [one for one in inside if one not in family]
        family.update(waiting)
    return family


async def merge(tx: Transaction, incident_id: int, *, into: int, actor: Actor, now: datetime) -> Incident:
    """One incident becomes part of another of the same company; the other as it is then."""
    absorbed = await find(tx, incident_id, Verb.MERGE, actor)
    target = await find(tx, into, Verb.MERGE, actor)
    if absorbed.merged_into == target.id:
        return target
    if absorbed.id == target.id:
        raise Refused(
            "An incident cannot become part of itself.", hint="Name another open incident.", code="invalid"
        )
    if absorbed.company_id != target.company_id:
        raise NotFound(f"There is no INC-{into}.", hint="`/aw list` shows what is open.")
    for one in (absorbed, target):
        if not one.open:
            raise Refused(f"{one.label} is not open any more.", hint="Reopen it first.", code="stale")
    why = f"merged by {actor.name}"
    after = acted(
        grouping.absorb(target, absorbed), what=f"{absorbed.label} merged in by {actor.name}", now=now
    )
    gone = acted(
        grouping.absorbed(absorbed, into=after, why=why, now=now),
        what=f"Merged into {target.label} by {actor.name}",
        now=now,
    )
    saved = await tx.incidents.save(target, after)
    await tx.incidents.save(absorbed, gone)
    await merge_rows(tx, saved, gone, why=why, actor=actor, now=now)
    await tx.grouping.bring_together(target.company_id, target.id, absorbed.id)
    tx.pictures.forget(target.company_id)
    await show(tx, saved, at=now)
    await show(tx, gone, at=now)
    return saved


async def split(tx: Transaction, incident_id: int, part: str, *, actor: Actor, now: datetime) -> Incident:
    """Take a part out again: the incident it was, or a new one for a problem that never had one. The two stay apart."""
    source = await find(tx, incident_id, Verb.MERGE, actor)
    if not source.open:
        raise Refused(f"{source.label} is not open any more.", hint="Reopen it first.", code="stale")
    wanted = next(
        (one for one in await parts(tx, source) if part.upper() in (one.name, one.name.upper())), None
    )
    if wanted is None:
        raise Refused(
            f"{source.label} holds no such part any more.",
            hint=f"`/aw split {source.label}` lists its parts.",
            code="stale",
        )
    _, out = await take_out(tx, source, wanted, actor=actor, now=now)
    return out


async def take_out(
    tx: Transaction,
    source: Incident,
    wanted: Part,
    *,
    actor: Actor,
    now: datetime,
    said: str = "",
    for_good: bool = True,
) -> tuple[Incident, Incident]:
    """The incident without that part, and what the part is now. `said` is why, where nobody asked for it; the two stay
    apart `for_good` when somebody did."""
    keys = {key.correlation_key for key in wanted.keys}
    alerts = await tx.alerts.of_keys(source.id, keys)
    taken = Share.of(alerts)
    left = Share.of([one for one in await tx.alerts.firing_of(source.id) if one.correlation_key not in keys])
    own = wanted.keys[0]
    if wanted.came_from is not None:
        before = await tx.incidents.get(wanted.came_from)
        assert before is not None
        own = next(key for key in wanted.keys if key.correlation_key == before.correlation_key)
        back = grouping.given_back(before, taken, held=len(keys) - 1)
        back = acted(back, what=said or f"Taken out of {source.label} by {actor.name}", now=now)
        out = await tx.incidents.save(before, back)
    else:
        why = said or f"split out of {source.label} by {actor.name}"
        out = await _opened(tx, source, own, taken, why, held=len(keys) - 1, now=now)
    held = max(0, source.held - len(keys))
    after = grouping.without(source, left, taken, held=held, apart=out.id)
    if source.critical_asset:
        after = replace(after, critical_asset=await _critical(tx, source, keys))
    if source.cause.partition(": ")[0] in {key.asset for key in wanted.keys}:
        after = replace(after, cause="", confidence=0)
    by = "" if said else f" by {actor.name}"
    after = acted(after, what=f"{out.label} split out{by}", now=now)
    saved = await tx.incidents.save(source, after)
    await tx.grouping.release(source.company_id, keys, out_of=source.id, into=out.id, own=own.correlation_key)
    if for_good:
        await tx.grouping.keep_apart(source.company_id, source.id, out.id, now=now)
    await _clocks_run(tx, out, now)
    await hear_apart(tx, source.company_id, now)
    prove(tx, out, AuditKind.INCIDENT_SPLIT, actor=actor, now=now, out_of=source.label, keys=sorted(keys))
    tell(
        tx,
        saved,
        TimelineKind.SPLIT,
        f"{out.label} goes on by itself: {said}."
        if said
        else f"{actor.name} split out {out.label}: {wanted.title}.",
        actor=actor,
        now=now,
    )
    told = f"{said}." if said else f"{actor.name} took it out of {source.label}."
    tell(tx, out, TimelineKind.SPLIT, told, actor=actor, now=now)
    tx.pictures.forget(source.company_id)
    await show(tx, saved, at=now)
    await show(tx, out, at=now)
    return saved, out


async def _critical(tx: Transaction, source: Incident, gone: Collection[str]) -> bool:
    """Is any asset of what is left of it critical?"""
    context = await tx.companies.context(source.company_id)
    left = [one.asset for one in await tx.grouping.joined(source.id) if one.correlation_key not in gone]
    known = [context.asset_called(name) for name in (source.asset_name, *left)]
    return any(one is not None and one.critical for one in known)


async def hear_apart(tx: Transaction, company_id: int, now: datetime) -> None:
    """What a silence of an incident holds is looked at: what is no part of that one any more is heard."""
    for rule in (await tx.companies.context(company_id)).quiet:
        if rule.scope.incident is not None:
            tx.jobs.put(TurnQuiet(company_id=company_id, rule_id=rule.id), due_at=now)


async def _opened(
    tx: Transaction, source: Incident, key: JoinedKey, share: Share, why: str, *, held: int, now: datetime
) -> Incident:
    """A new incident for a problem that had only ever been part of another."""
    firing = await tx.alerts.of_keys(source.id, {key.correlation_key})
    newest = max(firing, key=lambda one: one.last_at, default=None)
    draft = replace(
        source,
        id=0,
        correlation_key=key.correlation_key,
        title=newest.title if newest else key.signature,
        asset=key.asset,
        asset_name=newest.asset_name if newest else key.asset,
        signature=key.signature,
        severity=share.severity or source.severity,
        status=IncidentStatus.NEW,
        opened_at=now,
        last_alert_at=share.last_at or now,
        opened_reason=why,
        count=share.count,
        firing=share.firing,
        tools=share.tools or source.tools,
        assignee_id=None,
        assigned_reason="",
        claimed_at=None,
        reopened=0,
        held=held,
        related=(source.id,),
        cause="",
        confidence=0,
        asked_at=None,
        revision=0,
    )
    (incident,) = await tx.incidents.open([draft])
    if incident is None:
        raise Conflict("the same problem has an incident of its own by now")
    context = await tx.companies.context(source.company_id)
    for kind in ClockKind:
        clock = sla.start_clock(
            policy=context.company.sla,
            severity=incident.severity,
            kind=kind,
            incident_id=incident.id,
            company_id=incident.company_id,
            now=now,
        )
        if clock is not None:
            tx.clocks.put(clock)
    await place_new(tx, [incident], {source.company_id: context}, now)
    return incident


async def _clocks_run(tx: Transaction, incident: Incident, now: datetime) -> None:
    """The clocks that stood still while it was part of another run on."""
    due = []
    for clock in await tx.clocks.of(incident.id):
        running = sla.pausing_ended(clock, now)
        if running != clock:
            tx.clocks.put(running)
        if (at := running.next_check_at()) is not None:
            due.append(at)
    if due:
        job = CheckSla(company_id=incident.company_id, incident_id=incident.id)
        tx.jobs.put(job, due_at=max(now, min(due)))

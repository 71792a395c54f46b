"""What was held under something that was down, and is still down after that came back: heard as its own incident."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from engine.access import SYSTEM
from engine.alert import StoredAlert
from engine.audit import TimelineKind
from engine.grouping import JoinedKey
from engine.incident import Incident, assign
from engine.jobs import CheckSla, ConsiderRunbook
from engine.operations import ending
from engine.operations.inhibition import unreachable
from engine.operations.record import tell
from engine.operations.regroup import Part, parts, take_out
from engine.ports import IntakeTransaction, Transaction
from engine.routing import choose, wanted


async def release(tx: IntakeTransaction, incident_id: int, now: datetime) -> None:
    """The timer, some minutes after something came back. What it explained and still fires goes on by itself, with what
    hangs below that; what it explained no more, because it is down again, stays."""
    seen = await tx.incidents.get(incident_id)
    while seen is not None and seen.merged_into is not None:
        seen = await tx.incidents.get(seen.merged_into)
    if seen is None or not seen.open:
        return
    incident = seen
    firing = await tx.alerts.firing_of(incident.id)
    down = {one.asset for one in firing if unreachable(one.signature)}
    joined = await tx.grouping.joined(incident.id)
    stuck = [key for key in joined if key.under and key.under not in down and _fires(key, firing)]
    gone: set[str] = set()
    for key in stuck:
        if key.correlation_key in gone:
            continue
        part = await _part(tx, incident, key, joined)
        gone.update(one.correlation_key for one in part.keys)
        said = f"{key.asset}: still down after its parent {key.under} came back"
        incident, out = await take_out(tx, incident, part, actor=SYSTEM, now=now, said=said, for_good=False)
        await go_on(tx, out, now)
    if stuck and not incident.firing and incident.recovered_at is None:
        await ending.over(tx, incident, now)


async def go_on(tx: Transaction, incident: Incident, now: datetime) -> None:
    """What was taken out without anybody asking for it is an incident as any new one: somebody gets it, and so on."""
    await _route(tx, incident, now)
    tx.jobs.put(CheckSla(company_id=incident.company_id, incident_id=incident.id), due_at=now)
    tx.jobs.put(ConsiderRunbook(company_id=incident.company_id, incident_id=incident.id), due_at=now)


async def _route(tx: Transaction, incident: Incident, now: datetime) -> None:
    if incident.assignee_id is not None:
        return
    context = await tx.companies.context(incident.company_id)
    loads = await tx.users.loads([user.id for user in context.technicians])
    choice = choose(context.technicians, loads, wanted(context, incident, now), now=now)
    after = replace(incident, assigned_reason=choice.reason)
    if choice.user is not None:
        after = assign(incident, user_id=choice.user.id, reason=choice.reason)
        tell(tx, after, TimelineKind.ASSIGNED, f"It is for {choice.user.name}.", actor=SYSTEM, now=now)
    await tx.incidents.save(incident, after)


def _fires(key: JoinedKey, firing: Sequence[StoredAlert]) -> bool:
    return any(one.correlation_key == key.correlation_key for one in firing)


async def _part(tx: Transaction, incident: Incident, key: JoinedKey, joined: Sequence[JoinedKey]) -> Part:
    """The key, with all that is held under its asset in turn; an incident that it was comes back whole."""
    if key.came_from is not None:
        for part in await parts(tx, incident):
            if part.came_from is not None and any(
                one.correlation_key == key.correlation_key for one in part.keys
            ):
                return part
    assets, keys = {key.asset}, [key]
    for _ in joined:
        more = [one for one in joined if one.under in assets and one not in keys and one.came_from is None]
        if not more:
            break
        keys += more
        assets |= {one.asset for one in more}
    return Part(key.correlation_key, f"{key.asset}: {key.signature}", key.reason, tuple(keys), None)

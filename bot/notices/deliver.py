"""What waits for one destination goes out as one message, when it may; then each of it is marked as told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from bot.core import Core
from bot.notices.port import Delivery, Sender
from engine.errors import Permanent
from engine.identifiers import new_id
from engine.incident import Incident
from engine.notice import GATHER, SPAN, Notice, Transport, free_at, moot
from engine.people_jobs import Notify
from storage.notices import SENT
from storage.transaction import Transaction


async def deliver(core: Core, senders: Mapping[Transport, Sender], job: Notify) -> None:
    """At least once by ways that cannot look, once by chat. Raises Transient when it could not be carried now."""
    delivery = await core.write(lambda tx: _take(tx, job, core.clock.now()))
    if delivery is None:
        return
    sender = senders.get(Transport(job.transport))
    outcome = SENT
    try:
        if sender is None:
            raise Permanent(f"no way by {job.transport} is set up")
        await sender.send(delivery)
    except Permanent as error:
        outcome = str(error)[:300]
    ids = [one.id for one in delivery.notices]
    await core.write(lambda tx: tx.notices.settle(ids, outcome, now=core.clock.now()))


async def _take(tx: Transaction, job: Notify, now: datetime) -> Delivery | None:
    """What goes out now. The rest, and what has to wait for its turn, has the job put again."""
    waiting = await tx.notices.waiting(job.transport, job.destination)
    incidents = await tx.incidents.get_many({one.incident_id for one in waiting if one.incident_id})
    over = [one.id for one in waiting if moot(one, incident_open=_is_open(one, incidents))]
    if over:
        await tx.notices.settle(over, "over before it was told", now=now)
    user_id = waiting[0].user_id if waiting else None
    user = await tx.users.get(user_id) if user_id is not None else None
    foreign = [one.id for one in waiting if user and one.company_id and not user.works_for(one.company_id)]
    if foreign:
        await tx.notices.settle(foreign, "works for that company no more", now=now)
    over += foreign
    left = [one for one in waiting if one.id not in over]
    batch, chosen = _chosen(left, now)
    if chosen and batch is None:
        sent = await tx.notices.sent_since(job.transport, job.destination, now - SPAN)
        free = free_at(sent, urgent=any(one.urgent for one in chosen), now=now)
        if free > now:
            tx.jobs.put(job, due_at=free)
            return None
        batch = new_id(now)
        await tx.notices.put_in(batch, [one.id for one in chosen])
    later = [one.due_at for one in left if one not in chosen]
    if later:
        tx.jobs.put(job, due_at=max(now, min(later)))
    if not chosen or batch is None:
        return None
    ids = {one.company_id for one in chosen if one.company_id}
    companies = {one: (await tx.companies.context(one)).company for one in sorted(ids)}
    return Delivery(
        batch=batch,
        notices=chosen,
        user=user,
        address=chosen[0].address,
        incidents=incidents,
        companies=companies,
        now=now,
    )


def _chosen(left: Sequence[Notice], now: datetime) -> tuple[str | None, list[Notice]]:
    """The message that an earlier try began, just as it was; else what is due, and with what was gathered what
    would be due soon."""
    begun = next((one.batch for one in left if one.batch is not None), None)
    if begun is not None:
        return begun, [one for one in left if one.batch == begun]
    due = [one for one in left if one.due_at <= now]
    if any(not one.urgent for one in due):
        due = [one for one in left if one.due_at <= now + GATHER]
    return None, due


def _is_open(notice: Notice, incidents: Mapping[int, Incident]) -> bool:
    incident = incidents.get(notice.incident_id) if notice.incident_id is not None else None
    return incident is not None and incident.open

"""Booking the time that was drafted: by who had it in hand, once, and frozen when it is on a bill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta

from engine.access import Actor, Verb
from engine.audit import AuditKind, entry
from engine.company import Company, Role
from engine.errors import Refused
from engine.incident import Incident
from engine.notice import NoticeKind
from engine.operations.notify import notify
from engine.operations.record import prove
from engine.operations.respond import find
from engine.people_jobs import RemindTime
from engine.people_ports import PeopleTransaction
from engine.schedule import wall
from engine.timesheet import Drafted, Entry, Stretch, drafted, span_words

LOOK_BACK = timedelta(days=35)
"""How long a draft is offered: the month that is billed, and a few days after."""
REMIND_AT = time(16, 30)
"""On the person's own clock, at most once a day."""
LONGEST = 7 * 24 * 60
"""Minutes that can be booked at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One incident that was in somebody's hands: what is drafted, and what is booked of it."""

    company: Company
    drafted: Drafted
    entry: Entry | None

    @property
    def label(self) -> str:
        return f"INC-{self.drafted.stretch.incident_id}"

    @property
    def minutes(self) -> int:
        return self.entry.minutes if self.entry else self.drafted.minutes


async def slot_of(tx: PeopleTransaction, incident_id: int) -> Slot | None:
    """None while it is open, or when nobody had it in hand."""
    return next(iter(await _slots(tx, await tx.timesheets.of_incidents([incident_id]))), None)


async def drafts(tx: PeopleTransaction, user_id: int, *, now: datetime) -> list[Slot]:
    """What this person has not booked yet, the oldest first."""
    found = await _slots(tx, await tx.timesheets.of_person(user_id, since=now - LOOK_BACK))
    return [one for one in found if one.entry is None]


async def _slots(tx: PeopleTransaction, stretches: Sequence[Stretch]) -> list[Slot]:
    known = {
        (one.incident_id, one.begun_at): one
        for one in await tx.timesheets.entries_of(sorted({one.incident_id for one in stretches}))
    }
    found = []
    for stretch in stretches:
        company = (await tx.companies.context(stretch.company_id)).company
        (made,) = drafted([stretch], gap=company.value("time_gap"), rate=company.value("hourly_rate"))
        found.append(
            Slot(company=company, drafted=made, entry=known.get((stretch.incident_id, stretch.begun_at)))
        )
    return found


async def find_slot(tx: PeopleTransaction, incident_id: int, *, actor: Actor) -> tuple[Incident, Slot]:
    """What this actor may book. Raises Refused or NotFound."""
    incident = await find(tx, incident_id, Verb.SEE, actor)
    slot = await slot_of(tx, incident_id)
    if slot is None:
        reason = f"{incident.label} is open: its time is drafted when it is resolved."
        if not incident.open:
            reason = f"Nobody had {incident.label} in hand, so no time is drafted."
        raise Refused(reason, code="invalid")
    owner = slot.drafted.stretch
    if not may_book(actor, owner.user_id):
        hint = "They book it themselves: `/aw time`. An MSP admin can book it for them."
        raise Refused(
            f"{incident.label} was in {owner.person}'s hands.", hint=hint, who=(owner.user_id,), code="denied"
        )
    return incident, slot


def may_book(actor: Actor, owner_id: int) -> bool:
    """One's own time; an MSP admin and the command line anybody's."""
    return actor.user is None or actor.id == owner_id or actor.user.role is Role.MSP_ADMIN


async def book(
    tx: PeopleTransaction,
    incident_id: int,
    *,
    minutes: int | None = None,
    seen: int | None = None,
    note: str = "",
    actor: Actor,
    now: datetime,
) -> Entry:
    """Confirm the draft, or `minutes` in its place with `note` as the reason; what is booked changes only with a
    reason, and not when it is on a bill. `seen` is the draft that was offered: another one is not booked unseen."""
    incident, slot = await find_slot(tx, incident_id, actor=actor)
    wanted, said = slot.minutes if minutes is None else minutes, " ".join(note.split())[:500]
    if not 0 <= wanted <= LONGEST:
        raise Refused(f"{wanted:,} min cannot be booked.", hint=f"0 to {LONGEST:,} minutes.", code="invalid")
    if slot.entry is not None:
        return await _change(tx, incident, slot.entry, wanted, said, actor=actor, now=now)
    draft = slot.drafted
    if seen is not None and seen != draft.minutes:
        raise _moved(
            f"{span_words(draft.minutes)} are drafted on {incident.label} now, not {span_words(seen)}."
        )
    if wanted != draft.minutes and not said:
        raise _no_reason(draft.minutes, wanted)
    made = Entry(
        incident_id=incident.id,
        begun_at=draft.stretch.begun_at,
        ended_at=draft.stretch.ended_at,
        company_id=incident.company_id,
        user_id=draft.stretch.user_id,
        minutes=wanted,
        drafted=draft.minutes,
        idle=draft.idle,
        rate=slot.company.value("hourly_rate"),
        note=said,
        booked_at=now,
        booked_by=actor.name,
    )
    if not await tx.timesheets.add(made):
        raise _moved(f"{incident.label} was booked a moment ago.")
    facts = {"minutes": wanted, "drafted": draft.minutes, "idle": draft.idle, "of": draft.stretch.person}
    prove(tx, incident, AuditKind.TIME_BOOKED, actor=actor, now=now, why=said, **facts)
    return made


async def _change(
    tx: PeopleTransaction,
    incident: Incident,
    before: Entry,
    minutes: int,
    said: str,
    *,
    actor: Actor,
    now: datetime,
) -> Entry:
    if minutes == before.minutes:
        return before
    if before.exported_at is not None:
        raise Refused(
            f"{incident.label} is on a bill already: {span_words(before.minutes)}.",
            hint="Correct it on the next bill.",
            code="exported",
        )
    if not said:
        raise _no_reason(before.minutes, minutes)
    after = replace(before, minutes=minutes, note=said)
    if not await tx.timesheets.change(after):
        raise _moved(f"{incident.label} was put on a bill a moment ago.")
    prove(
        tx,
        incident,
        AuditKind.TIME_CHANGED,
        actor=actor,
        now=now,
        minutes=minutes,
        was=before.minutes,
        why=said,
    )
    return after


def _moved(reason: str) -> Refused:
    return Refused(reason, hint="`/aw time` shows how it is now.", code="stale")


def _no_reason(was: int, wanted: int) -> Refused:
    return Refused(
        f"{span_words(wanted)} in place of {span_words(was)} needs a reason.",
        hint="A few words for the bill: what took longer, or what was no work.",
        code="invalid",
    )


async def book_all(
    tx: PeopleTransaction, user_id: int, *, seen: int | None = None, actor: Actor, now: datetime
) -> list[Entry]:
    """All drafts of one person; `seen` is their sum as it was offered."""
    if not may_book(actor, user_id):
        raise Refused("That is somebody else's time.", code="denied")
    waiting = await drafts(tx, user_id, now=now)
    total = sum(one.drafted.minutes for one in waiting)
    if seen is not None and waiting and seen != total:
        raise _moved(f"{span_words(total)} are drafted now, not {span_words(seen)}.")
    return [
        await book(tx, one.drafted.stretch.incident_id, seen=one.drafted.minutes, actor=actor, now=now)
        for one in waiting
    ]


async def export(
    tx: PeopleTransaction, company: Company, *, since: datetime, until: datetime, actor: Actor, now: datetime
) -> int:
    """What was booked in that time is on a bill: nobody changes it any more."""
    count = await tx.timesheets.export(company.id, since=since, until=until, now=now)
    if count:
        tx.audit.add(
            entry(
                AuditKind.TIME_EXPORTED, company_id=company.id, actor=actor, subject=company.slug, now=now,
                entries=count, since=since.isoformat(), until=until.isoformat(),
            )
        )  # fmt: skip
    return count


async def remind_later(tx: PeopleTransaction, incident: Incident, *, now: datetime) -> None:
    """Its owner is told at the end of the day of all that is not booked, where time is billed."""
    if incident.open or incident.assignee_id is None or incident.claimed_at is None or incident.test:
        return
    company = (await tx.companies.context(incident.company_id)).company
    user = await tx.users.get(incident.assignee_id)
    if user is None or company.value("hourly_rate") is None:
        return
    local = wall(now, user.timezone)
    at = local.replace(hour=REMIND_AT.hour, minute=REMIND_AT.minute, second=0, microsecond=0)
    wait = (at - local) % timedelta(days=1) or timedelta(days=1)
    tx.jobs.put(RemindTime(company_id=0, user_id=user.id), due_at=now + wait)


async def remind(tx: PeopleTransaction, user_id: int, *, now: datetime) -> None:
    user = await tx.users.get(user_id)
    waiting = await drafts(tx, user_id, now=now)
    if user is None or not waiting or user.on_leave(now):
        return
    total, count = span_words(sum(one.drafted.minutes for one in waiting)), len(waiting)
    what = f"{total} on {waiting[0].label} are" if count == 1 else f"{total} on {count} incidents are"
    text = f"{what} not booked yet. `/aw time` has a button for {'it' if count == 1 else 'each, and one for all'}."
    key = f"time:{user.id}:{wall(now, user.timezone):%Y-%m-%d}"
    notify(tx, [user], NoticeKind.TIME, text, key=key, now=now, urgent=False)

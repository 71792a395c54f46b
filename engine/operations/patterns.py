"""Flapping and periodic problems of open incidents: what an alert means for them, and what their timer does.

What is known of a key travels with its incidents (`engine.track`): it is read and written with them, by no statement of
its own. Only what begins or stops firing looks at it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from engine.access import SYSTEM
from engine.alert import Severity
from engine.audit import AuditKind, TimelineKind
from engine.changing import changed
from engine.company import CompanyContext
from engine.incident import Incident, acted, assign
from engine.jobs import WatchPattern
from engine.operations import ending
from engine.operations.open_incidents import Work
from engine.operations.record import prove, show, tell
from engine.patterns import FLAP_QUIET
from engine.ports import Transaction
from engine.receipt import span_words
from engine.routing import choose, wanted
from engine.track import Track

QUIET = span_words(timedelta(seconds=FLAP_QUIET))


def begin(draft: Incident, track: Track, context: CompanyContext, now: datetime) -> Incident:
    """A new incident of a key that had one before: its track goes on."""
    return replace(draft, track=_began(draft, track, draft.severity, context, now).pack())


def fires(work: Work, severity: Severity, context: CompanyContext, now: datetime) -> None:
    """An incident of which nothing fired any more fires again."""
    if work.after.test:
        return
    track = work.after.course
    before = track.flapping
    track = _began(work.after, track, severity, context, now)
    work.after = changed(work.after, track=track.pack())
    work.flaps = track.flapping is not None
    work.starts_flapping = work.starts_flapping or (work.flaps and track.flapping != before)


def _began(
    incident: Incident, track: Track, severity: Severity, context: CompanyContext, now: datetime
) -> Track:
    company = context.company
    return track.began(
        now,
        severity,
        window=company.window.total_seconds(),
        timezone=company.timezone,
        critical=incident.critical_asset,
    )


def stops(work: Work, *, whole: bool, now: datetime) -> bool:
    """Some of it stopped firing, or the `whole` of it: does it flap, so that this does not end it?"""
    if not whole or work.after.test:
        return False
    track = work.after.course
    before, track = track.flapping, track.ended(now)
    work.after = changed(work.after, track=track.pack())
    work.flaps = track.flapping is not None
    work.starts_flapping = work.starts_flapping or (work.flaps and track.flapping != before)
    return work.flaps


def expected(incident: Incident) -> bool:
    """Comes as it always does, and nobody has to hear of it yet."""
    return bool(incident.track) and incident.course.until is not None


def look(works: Iterable[Work], contexts: Mapping[int, CompanyContext]) -> list[Work]:
    """Before the batch is written: what is not as always any more comes up; those that did."""
    up: list[Work] = []
    for work in works:
        if not expected(work.after):
            continue
        track, before, after = work.after.course, work.before, work.after
        worse = before is not None and after.severity is not before.severity and work.reopened is None
        why = f"now {after.severity}" if worse else "more came with it" if after.held else ""
        if why:
            zone = contexts[after.company_id].company.timezone
            work.after = replace(
                after, track=track.surfaced(f"{track.heading(zone)}: {why}").pack(), assigned_reason=""
            )
            up.append(work)
            continue
        work.calm = True
        if after.assignee_id is None and (before is None or work.reopened is not None):
            work.after = replace(after, assigned_reason="it comes as always")
    return up


def settle(tx: Transaction, works: Iterable[Work], now: datetime) -> None:
    """Once the incidents are written: say what began to flap, and set the timers."""
    for work in works:
        incident = work.after
        if not (work.flaps or work.calm) or not incident.open:
            continue
        track = incident.course
        flaps = track.flaps if work.flaps else None
        if flaps is not None and work.starts_flapping:
            text = f"🔁 {flaps.text}: one incident until it has been quiet for {QUIET}."
            prove(tx, incident, AuditKind.INCIDENT_FLAPPING, actor=SYSTEM, now=now, changes=flaps.changes)
            tell(tx, incident, TimelineKind.ALERT, text, actor=SYSTEM, now=now)
        if work.starts_flapping or work.before is None or work.reopened is not None:
            _watch(tx, incident, track)


def _watch(tx: Transaction, incident: Incident, track: Track) -> None:
    due = [track.quiet_at] if track.flapping is not None else []
    due += [track.until] if track.until is not None else []
    if due:
        at = datetime.fromtimestamp(min(due), UTC)
        tx.jobs.put(WatchPattern(company_id=incident.company_id, incident_id=incident.id), due_at=at)


async def watch(tx: Transaction, incident_id: int, now: datetime) -> None:
    """The timer: what flapped and is quiet ends, or stays open as any other; what lasts longer than ever comes up."""
    before = await tx.incidents.get(incident_id)
    if before is None or not before.open or not before.track:
        return
    track, at = before.course, now.timestamp()
    after = before
    if track.flapping is not None and at >= track.quiet_at:
        after = await _quiet(tx, after, track, now)
    elif track.until is not None and at >= track.until:
        context = await tx.companies.context(before.company_id)
        after = await _come_up(tx, after, track, context, now)
    track = after.course
    if after.open:
        _watch(tx, after, track)
    if after != before:
        await show(tx, await tx.incidents.save(before, after), at=now)


async def _quiet(tx: Transaction, incident: Incident, track: Track, now: datetime) -> Incident:
    """It flaps no more. What was said last decides: recovered ends it or asks its owner, firing leaves it open."""
    flaps = track.flaps
    was = flaps.text if flaps is not None else "flapping"
    after = changed(incident, track=track.settled().pack())
    if after.firing:
        text = f"Has stopped {was}: it has been firing for {QUIET} now."
        tell(tx, after, TimelineKind.ALERT, text, actor=SYSTEM, now=now)
        return acted(after, what="Stopped flapping, still firing", now=now)
    if after.touched:
        return await ending.ask(tx, after, f"Has stopped {was} and has been well for {QUIET}.", now)
    note = f"Monitoring reports recovery; quiet for {QUIET} after {was}."
    told = f"has stopped {was} and has been well for {QUIET}."
    return await ending.end(tx, after, note=note, told=told, now=now)


async def _come_up(
    tx: Transaction, incident: Incident, track: Track, context: CompanyContext, now: datetime
) -> Incident:
    """It should be over by now: from here on it is an incident like any other, and somebody gets it."""
    began = track.rounds[-1].began
    lasts = span_words(timedelta(seconds=now.timestamp() - began))
    most = span_words(timedelta(seconds=track.longest))
    unlike = f"{track.heading(context.company.timezone)}: not over after {lasts} ({most} at most so far)"
    after = changed(incident, track=track.surfaced(unlike).pack())
    if not after.firing and track.flapping is None:  # over by itself meanwhile, and its owner has been asked
        return changed(incident, track=replace(track, until=None).pack())
    text = f"🗓 {unlike[0].upper()}{unlike[1:]}."
    if after.assignee_id is None:
        loads = await tx.users.loads([user.id for user in context.technicians])
        choice = choose(context.technicians, loads, wanted(context, after, now), now=now)
        if choice.user is not None:
            after = assign(after, user_id=choice.user.id, reason=choice.reason)
            text += f" For {choice.user.name}:"
        else:
            after = replace(after, assigned_reason=choice.reason)
    prove(tx, after, AuditKind.INCIDENT_UNLIKE, actor=SYSTEM, now=now, why=unlike)
    tell(tx, after, TimelineKind.ASSIGNED, text, actor=SYSTEM, now=now)
    return acted(after, what="Not over as always", now=now)

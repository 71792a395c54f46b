"""The digest of a shift: what is open, due, waiting, quiet and running, for whoever is on call from now on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.cards.incident import cut, span_text
from bot.core import Core
from bot.shift.board import LATE_SHOWN, board_of
from bot.shift.odds_words import VERBS
from engine import notice as rules
from engine.alert import Severity
from engine.company import Company, User
from engine.notice import NoticeKind
from engine.odds import Due
from engine.oncall import HandOver, Rotation, handed_over, next_change
from engine.operations.notify import notify
from engine.people_jobs import ChangeShift
from engine.receipt import counted
from engine.schedule import wall
from engine.suppression import clock_text
from storage.transaction import Transaction

WITHIN = timedelta(hours=1)
"""How long after a hand-over a digest still says something: a process that was down for longer keeps silent."""
AHEAD = timedelta(days=60)
MOST = 5
_WAITS = "pending_approval"


async def change(core: Core, job: ChangeShift) -> None:
    """Once for each shift, whatever the replicas do; then the next hand-over is waited for."""
    await core.write(lambda tx: _change(tx, job, core.clock.now()))


async def _change(tx: Transaction, job: ChangeShift, now: datetime) -> None:
    rotation = next((one for one in await tx.rotations.all() if one.id == job.rotation_id), None)
    if rotation is None:
        return
    over = handed_over(rotation, now, within=WITHIN)
    user = await tx.users.get(over.shift.user_id) if over is not None and over.shift.user_id else None
    if over is not None and user is not None and not user.on_leave(now):
        text = await digest(tx, rotation, over, user, now)
        key = f"shift:{rotation.id}:{int(over.shift.begin.timestamp())}:{user.id}"
        ways = rules.ways(user, NoticeKind.SHIFT, urgent=False, set_up=tx.ways)
        if ways:  # it begins now: whoever is on call reads it now, also in quiet hours
            notify(tx, [user], NoticeKind.SHIFT, text, key=key, now=now, urgent=True, only=ways)
    if (at := next_change(rotation, now, now + AHEAD)) is not None:
        tx.jobs.put(job, due_at=at)


async def digest(tx: Transaction, rotation: Rotation, over: HandOver, user: User, now: datetime) -> str:
    """Of the companies that the rotation is for and the person works for; nobody learns of another's."""
    companies = [
        one for one in await tx.companies.all() if rotation.serves(one.id) and user.works_for(one.id)
    ]
    ids = [one.id for one in companies]
    before = await tx.users.get(over.before) if over.before is not None else None
    until = wall(over.shift.end, rotation.timezone)
    after = f", after {before.name}" if before is not None else ""
    lines = [
        f"You are on call in {rotation.name} until {until:%a %Y-%m-%d %H:%M} ({rotation.timezone}){after}.",
        await _open(tx, ids),
        *await _due(tx, companies, now),
        *await _waiting(tx, ids, now),
        *await _quiet(tx, ids, user.timezone, now),
        *await _running(tx, ids),
        "`/aw board` shows what is due, with its odds.",
    ]
    return "\n".join(lines)


async def _open(tx: Transaction, ids: Sequence[int]) -> str:
    counts, unclaimed = await tx.shift.open_counts(ids)
    total = sum(counts.values())
    if not total:
        return "Nothing is open."
    parts = [f"{counts[one.value]:,} {one.value}" for one in Severity if counts.get(one.value)]
    nobody = f"; {unclaimed:,} of them nobody has in hand" if unclaimed else ""
    return f"Open: {total:,} ({', '.join(parts)}){nobody}."


async def _due(tx: Transaction, companies: Sequence[Company], now: datetime) -> list[str]:
    view = await board_of(tx, companies, offered_to=None, now=now, most=MOST)
    names = {one.id: one.name for one in companies}
    lines = []
    if view.due:
        lines.append("Due soon: " + "; ".join(_due_words(one, names, now) for one in view.due) + ".")
    if view.late:
        late = ", ".join(
            f"{incident.label} ({VERBS[clock.kind]}, {span_text(now - clock.due_at)} over)"
            for incident, clock in view.late[:LATE_SHOWN]
        )
        lines.append(f"Late already: {late}.")
    return lines


def _due_words(due: Due, names: dict[int, str], now: datetime) -> str:
    incident = due.incident
    chance = f", {round(100 * due.odds.share)} % to be late" if due.odds is not None else ""
    what = f"{cut(incident.title, 50)} at {cut(names[incident.company_id], 30)}"
    left = span_text(due.clock.left(now))
    return f"{incident.label} {what} ({left} to {VERBS[due.clock.kind]}{chance})"


async def _waiting(tx: Transaction, ids: Sequence[int], now: datetime) -> list[str]:
    found = await tx.shift.waiting(ids, most=MOST)
    said = [
        f"{one.label} for {span_text(now - one.waiting_since)}"
        + (f" ({cut(one.waiting_for, 60)})" if one.waiting_for else "")
        for one in found
        if one.waiting_since is not None
    ]
    return [f"Waiting for the client: {', '.join(said)}."] if said else []


async def _quiet(tx: Transaction, ids: Sequence[int], zone: str, now: datetime) -> list[str]:
    """Until when, on the reader's own clock."""
    active = [(one, stretch) for one in await tx.quiet.unfinished(ids) if (stretch := one.stretch_at(now))]
    if not active:
        return []
    said = [
        f"{rule.label} until {clock_text(stretch.ends_at, zone, now)} ({cut(rule.reason, 40)})"
        for rule, stretch in active[:MOST]
    ]
    held = sum(rule.held for rule, _ in active)
    more = f" and {len(active) - MOST} more" if len(active) > MOST else ""
    return [f"Quiet: {', '.join(said)}{more}; {counted(held, 'alert')} held."]


async def _running(tx: Transaction, ids: Sequence[int]) -> list[str]:
    found = await tx.shift.running(ids, most=2 * MOST)
    lines = []
    for words, some in (
        ("Running", [one for one in found if one.status != _WAITS]),
        ("Waits for an approval", [one for one in found if one.status == _WAITS]),
    ):
        said = [f"{one.title}{f' (INC-{one.incident_id})' if one.incident_id else ''}" for one in some[:MOST]]
        if said:
            lines.append(f"{words}: {', '.join(said)}.")
    return lines

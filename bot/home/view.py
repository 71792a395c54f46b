"""What waits for one person, read at one moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.views import due_times
from engine.access import GRANTS, Verb
from engine.company import Company, User
from engine.incident import Incident
from engine.operations import booking
from runbooks.approvals import deciders
from runbooks.run import Run
from storage.transaction import Transaction

SOON = timedelta(hours=1)
LOOKED_AT, PENDING = 200, 50
"""The open incidents that are due first, and the requests, that are looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeView:
    """`offered` waits for their claim; `soon` is in nobody's or somebody else's hands, the first due first.
    `unbooked` are minutes that are drafted, of companies that are billed by time."""

    user: User
    companies: Sequence[Company]
    mine: Sequence[Incident]
    offered: Sequence[Incident]
    soon: Sequence[Incident]
    approvals: Sequence[Run]
    due: Mapping[int, datetime]
    people: Mapping[int, User]
    open_count: int
    unbooked: int
    now: datetime


async def home_view(
    tx: Transaction, user: User, companies: Sequence[Company], *, narrowed_to: int | None, now: datetime
) -> HomeView:
    """`companies`: those that they see; `narrowed_to`: as in lists, a technician's own and what nobody has claimed."""
    held = list(await tx.incidents.held_by(user.id))
    ids = [one.id for one in companies]
    open_ones, count = await tx.due.first(company_ids=ids, offered_to=narrowed_to, most=LOOKED_AT)
    due = await due_times(tx, [*held, *open_ones])
    others = [one for one in open_ones if one.assignee_id != user.id and one.id in due]
    soon = sorted((one for one in others if due[one.id] - now <= SOON), key=lambda one: due[one.id])
    return HomeView(
        user=user,
        companies=companies,
        mine=[one for one in held if one.touched],
        offered=[one for one in held if not one.touched],
        soon=soon if Verb.CLAIM in GRANTS[user.role] else [],
        approvals=await _waiting(tx, user),
        due=due,
        people={one.id: one for one in await tx.users.all()},
        open_count=count,
        unbooked=await _unbooked(tx, user, now),
        now=now,
    )


async def _unbooked(tx: Transaction, user: User, now: datetime) -> int:
    found = await booking.drafts(tx, user.id, now=now)
    return sum(one.drafted.minutes for one in found if one.company.value("hourly_rate") is not None)


async def _waiting(tx: Transaction, user: User) -> list[Run]:
    """The requests that this person may decide."""
    found = []
    for run_id in list(await tx.runs.pending())[:PENDING]:
        run = await tx.runs.get(run_id)
        if run is None:
            continue
        people = (await tx.companies.context(run.company_id)).people
        if any(one.id == user.id for one in deciders(run, people)):
            found.append(run)
    return sorted(found, key=lambda run: run.id)

"""Plans of who is on call: made, changed, stood in for; and gaps told beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from engine.access import Actor
from engine.audit import AuditKind, entry
from engine.company import Role, User
from engine.errors import NotFound, Refused
from engine.notice import NoticeKind
from engine.oncall import Layer, Override, Rotation, gaps, stretch_text
from engine.operations.configure import must_run_the_msp
from engine.operations.notify import notify
from engine.people_jobs import ChangeShift
from engine.people_ports import PeopleTransaction

AHEAD = timedelta(days=7)
"""How long beforehand a gap is told."""
CALENDAR = "calendar"
LONGEST_STAND_IN, MOST_LAYERS = timedelta(days=31), 8


async def called(tx: PeopleTransaction, name: str) -> Rotation:
    """The rotation of that name; without a name the only one there is. Raises NotFound."""
    known = await tx.rotations.all()
    if not name and len(known) == 1:
        return known[0]
    found = next((one for one in known if one.name.lower() == name.strip().lower()), None)
    if found is None:
        names = ", ".join(one.name for one in known) or "none yet"
        raise NotFound(
            f"There is no rotation “{name[:40]}”." if name else "Which rotation?", hint=f"There are: {names}."
        )
    return found


async def put(tx: PeopleTransaction, rotation: Rotation, *, actor: Actor, now: datetime) -> None:
    """A new one, or another form of one that is there."""
    must_run_the_msp(actor)
    if not rotation.name.strip() or len(rotation.name) > 40:
        raise Refused("A rotation needs a short name.", code="invalid")
    if not rotation.id and any(one.name.lower() == rotation.name.lower() for one in await tx.rotations.all()):
        raise Refused(f"There is a rotation {rotation.name} already.", code="invalid")
    await tx.rotations.put(rotation)
    if rotation.id:
        await plan_shift_change(tx, rotation.id, now=now)
    _prove(tx, rotation, actor, now, layers=len(rotation.layers), companies=sorted(rotation.companies))


async def add_layer(
    tx: PeopleTransaction, name: str, layer: Layer, *, actor: Actor, now: datetime
) -> Rotation:
    before = await called(tx, name)
    if len(before.layers) >= MOST_LAYERS:
        raise Refused(f"A rotation has {MOST_LAYERS} layers at most.", code="invalid")
    if not layer.people or not 1 <= layer.days <= 60:
        raise Refused("A layer needs people, and turns of 1 to 60 days.", code="invalid")
    for user_id in layer.people:
        _must_work(await tx.users.get(user_id))
    after = replace(before, layers=(*before.layers, layer))
    await put(tx, after, actor=actor, now=now)
    return after


async def remove(tx: PeopleTransaction, name: str, *, actor: Actor, now: datetime) -> Rotation:
    must_run_the_msp(actor)
    gone = await called(tx, name)
    await tx.rotations.remove(gone.id)
    _prove(tx, gone, actor, now, removed=True)
    return gone


async def stand_in(
    tx: PeopleTransaction,
    name: str,
    user: User | None,
    begin: datetime,
    end: datetime,
    *,
    actor: Actor,
    now: datetime,
) -> Rotation:
    """`user` is on call from `begin` to `end`, whoever it would be. Everybody may for themselves, MSP admins for
    anybody."""
    rotation = await called(tx, name)
    _must_work(user)
    assert user is not None
    if user.id != actor.id:
        must_run_the_msp(actor)
    if rotation.companies and not all(user.works_for(one) for one in rotation.companies):
        raise Refused(f"{rotation.name} is for companies that {user.name} does not work for.", code="denied")
    if not timedelta(0) < end - begin <= LONGEST_STAND_IN or end <= now:
        raise Refused(
            "Standing in lasts up to a month.", hint="For example `/aw oncall me 2h`.", code="invalid"
        )
    await tx.rotations.stand_in(rotation.id, Override(user.id, begin, end), now=now)
    await plan_shift_change(tx, rotation.id, now=now)
    _prove(tx, rotation, actor, now, stands_in=user.email, begin=begin.isoformat(), end=end.isoformat())
    return rotation


async def take_in(
    tx: PeopleTransaction,
    name: str,
    shifts: Sequence[tuple[int, datetime, datetime]],
    *,
    actor: Actor,
    now: datetime,
) -> Rotation:
    """Shifts (whose, from, to) planned in a calendar elsewhere go before the plan; those taken in before are gone.
    What people say, a stand-in or a swap, goes before them."""
    must_run_the_msp(actor)
    rotation = await called(tx, name)
    people = {one.id: one for one in await tx.users.all()}
    for user_id, begin, end in shifts:
        user = people.get(user_id)
        _must_work(user)
        assert user is not None
        if rotation.companies and not all(user.works_for(one) for one in rotation.companies):
            raise Refused(
                f"{rotation.name} is for companies that {user.name} does not work for.", code="denied"
            )
        if not timedelta(0) < end - begin <= LONGEST_STAND_IN:
            raise Refused(f"A shift of {user.name} is longer than a month.", code="invalid")
    given = [Override(user_id, begin, end, CALENDAR) for user_id, begin, end in shifts]
    await tx.rotations.take_in(rotation.id, CALENDAR, given)
    await plan_shift_change(tx, rotation.id, now=now)
    _prove(tx, rotation, actor, now, calendar=len(given))
    return rotation


async def plan_shift_change(tx: PeopleTransaction, rotation_id: int, *, now: datetime) -> None:
    """Look at once who is on call, for the plan has changed; that waits for the next hand-over."""
    tx.jobs.put(ChangeShift(company_id=0, rotation_id=rotation_id), due_at=now)


async def warn_of_gaps(tx: PeopleTransaction, *, now: datetime) -> None:
    """Each gap of the next days once, to the MSP admins."""
    admins: list[User] | None = None
    for rotation in await tx.rotations.all():
        for gap in gaps(rotation, now, now + AHEAD):
            if admins is None:
                admins = [user for user in await tx.users.all() if user.role is Role.MSP_ADMIN]
            text = (
                f"Nobody is on call in {rotation.name}: {stretch_text(gap, rotation.timezone)} "
                f"({rotation.timezone}). `/aw oncall me` or `aw oncall override` fills it."
            )
            key = f"gap:{rotation.id}:{int(gap.end.timestamp())}"
            notify(tx, admins, NoticeKind.GAP, text, key=key, now=now)


def _must_work(user: User | None) -> None:
    if user is None or user.role not in (Role.TECHNICIAN, Role.MSP_ADMIN):
        raise Refused("Only technicians and MSP admins are on call.", code="denied")


def _prove(tx: PeopleTransaction, rotation: Rotation, actor: Actor, now: datetime, **facts: object) -> None:
    tx.audit.add(
        entry(AuditKind.ROTATION_CHANGED, company_id=0, actor=actor, subject=rotation.name, now=now, **facts)
    )

"""Swapping shifts: one proposes, the other accepts; only then do both stand in for one another."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from engine.access import Actor
from engine.ask import Ask, AskKind, AskState
from engine.audit import AuditKind, entry
from engine.company import User
from engine.errors import NotFound, Refused
from engine.identifiers import new_id
from engine.oncall import Override, Rotation, Shift, next_shift, stretch_text
from engine.operations import asking
from engine.operations.oncall import LONGEST_STAND_IN, called, plan_shift_change
from engine.people_ports import PeopleTransaction

AHEAD = timedelta(days=60)
"""How far ahead the shifts may be that are swapped."""
STANDS = timedelta(hours=48)


@dataclass(frozen=True, slots=True)
class Swap:
    """`mine` is the shift of whoever proposed it, `theirs` that of whoever was asked."""

    rotation: Rotation
    mine: Shift
    theirs: Shift

    @property
    def mine_text(self) -> str:
        return stretch_text(self.mine, self.rotation.timezone)

    @property
    def theirs_text(self) -> str:
        return f"{stretch_text(self.theirs, self.rotation.timezone)} ({self.rotation.name}, {self.rotation.timezone})"


async def propose(
    tx: PeopleTransaction,
    to: int | None,
    name: str,
    *,
    on: date | None = None,
    for_: date | None = None,
    actor: Actor,
    now: datetime,
) -> tuple[Ask, Swap]:
    """The asker's next shift (that of day `on`) against the other's next one (that of day `for_`)."""
    asker, asked = asking.worker(actor), await asking.other(tx, to, actor=actor, now=now)
    rotation = await _of_both(tx, name, asker, asked)
    mine = next_shift(rotation, asker.id, now, now + AHEAD, on=on)
    theirs = next_shift(rotation, asked.id, now, now + AHEAD, on=for_)
    for user, shift, day in ((asker, mine, on), (asked, theirs, for_)):
        if shift is None:
            when = f"on {day}" if day else "in the next 60 days"
            raise Refused(f"{user.name} has no shift in {rotation.name} {when}.", code="invalid")
    assert mine is not None and theirs is not None
    for shift in (mine, theirs):
        if shift.end - shift.begin > LONGEST_STAND_IN:
            raise Refused("That shift is longer than a month.", code="invalid")
    ask = Ask(
        id=new_id(now),
        kind=AskKind.SWAP,
        asker_id=asker.id,
        asked_id=asked.id,
        facts={"rotation": rotation.id, "mine": _kept(mine), "theirs": _kept(theirs)},
        at=now,
        expires_at=min(now + STANDS, mine.begin, theirs.begin),
    )
    await asking.put(tx, ask, actor=actor, asked=asked, now=now)
    return ask, Swap(rotation, mine, theirs)


async def _of_both(tx: PeopleTransaction, name: str, asker: User, asked: User) -> Rotation:
    if name:
        return await called(tx, name)
    both = [
        one
        for one in await tx.rotations.all()
        if {asker.id, asked.id} <= {who for layer in one.layers for who in layer.people}
    ]
    if len(both) == 1:
        return both[0]
    if not both:
        raise NotFound(f"There is no rotation with you and {asked.name} in it.")
    names = ", ".join(one.name for one in both)
    raise Refused("In which rotation?", hint=f"Name it at the end: {names}.", code="which")


async def of(tx: PeopleTransaction, ask: Ask) -> Swap | None:
    """What an ask is about; None when the rotation is gone."""
    found = next((one for one in await tx.rotations.all() if one.id == ask.facts["rotation"]), None)
    if found is None:
        return None
    return Swap(found, _read(ask.facts["mine"], ask.asker_id), _read(ask.facts["theirs"], ask.asked_id))


async def accept(tx: PeopleTransaction, ask: Ask, *, actor: Actor, now: datetime) -> None:
    found = await of(tx, ask)
    if found is None or not (_holds(found.rotation, found.mine) and _holds(found.rotation, found.theirs)):
        raise Refused("The plan has changed since.", hint="Propose it again.", code="stale")
    for shift, who in ((found.mine, ask.asked_id), (found.theirs, ask.asker_id)):
        await tx.rotations.stand_in(found.rotation.id, Override(who, shift.begin, shift.end), now=now)
    facts = {"mine": ask.facts["mine"], "theirs": ask.facts["theirs"], "ask": ask.id}
    tx.audit.add(
        entry(
            AuditKind.ROTATION_CHANGED,
            company_id=0,
            actor=actor,
            subject=found.rotation.name,
            now=now,
            **facts,
        )
    )
    await plan_shift_change(tx, found.rotation.id, now=now)
    outcome = f"{actor.name} swaps: they take {found.mine_text}, you are on call {found.theirs_text}."
    asker = await tx.users.get(ask.asker_id)
    said = f"Swapped with {asker.name if asker else 'them'}."
    ended = await asking.settle(tx, ask, AskState.ACCEPTED, said, actor=actor, now=now)
    await asking.hear(tx, ask.asker_id, outcome, ended, now=now)


async def decline(tx: PeopleTransaction, ask: Ask, *, actor: Actor, now: datetime) -> None:
    ended = await asking.settle(
        tx, ask, AskState.DECLINED, f"{actor.name} declined the swap.", actor=actor, now=now
    )
    await asking.hear(
        tx, ask.asker_id, f"{actor.name} does not swap: the plan stays as it was.", ended, now=now
    )


async def expire(tx: PeopleTransaction, ask: Ask, *, now: datetime, why: str = "") -> None:
    asked = await tx.users.get(ask.asked_id)
    because = why or "not answered in time"
    ended = await asking.settle(tx, ask, AskState.EXPIRED, f"The swap is off: {because}.", now=now)
    name = asked.name if asked else "the other"
    await asking.hear(
        tx,
        ask.asker_id,
        f"The swap with {name} is off ({because}): the plan stays as it was.",
        ended,
        now=now,
    )


def _holds(rotation: Rotation, shift: Shift) -> bool:
    """Is it still this person's, from beginning to end?"""
    last = shift.end - timedelta(seconds=1)
    return rotation.at(shift.begin) == shift.user_id and rotation.at(last) == shift.user_id


def _kept(shift: Shift) -> list[str]:
    return [shift.begin.isoformat(), shift.end.isoformat()]


def _read(kept: list[str], user_id: int) -> Shift:
    begin, end = (datetime.fromisoformat(one) for one in kept)
    return Shift(begin, end, user_id)

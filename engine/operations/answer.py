"""Answering an ask, and what happens when its time is up: by its kind."""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from engine.access import Actor
from engine.ask import Ask, AskKind, AskState
from engine.errors import NotFound, Refused
from engine.operations import asking, handoff, page, swap
from engine.people_ports import PeopleTransaction


async def accept(tx: PeopleTransaction, ask_id: str, *, actor: Actor, now: datetime) -> Ask:
    """A second press by the same person is a silent success."""
    stored = await tx.asks.get(ask_id)
    if stored is not None and stored.asked_id == actor.id and stored.state is AskState.ACCEPTED:
        return stored
    ask = await asking.answerable(tx, ask_id, actor=actor, now=now)
    match ask.kind:
        case AskKind.HANDOFF:
            await handoff.accept(tx, ask, actor=actor, now=now)
        case AskKind.PAGE:
            await page.heard(tx, ask, actor=actor, now=now)
        case AskKind.SWAP:
            await swap.accept(tx, ask, actor=actor, now=now)
        case _:
            assert_never(ask.kind)
    return ask


async def decline(tx: PeopleTransaction, ask_id: str, *, actor: Actor, now: datetime) -> Ask:
    stored = await tx.asks.get(ask_id)
    if stored is not None and stored.asked_id == actor.id and stored.state is AskState.DECLINED:
        return stored
    ask = await asking.answerable(tx, ask_id, actor=actor, now=now)
    match ask.kind:
        case AskKind.HANDOFF:
            await handoff.decline(tx, ask, actor=actor, now=now)
        case AskKind.PAGE:
            raise Refused("A page is heard, not declined.", code="invalid")
        case AskKind.SWAP:
            await swap.decline(tx, ask, actor=actor, now=now)
        case _:
            assert_never(ask.kind)
    return ask


async def only_one(tx: PeopleTransaction, kind: AskKind | None, *, actor: Actor) -> Ask:
    """The one that waits for this person's answer. Raises Refused when there are several, NotFound without any."""
    if actor.id is None:
        raise NotFound("Nobody asked you anything.")
    waiting = [one for one in await tx.asks.open_of(actor.id) if kind is None or one.kind is kind]
    if not waiting:
        raise NotFound("Nobody asked you anything that still waits.")
    if len(waiting) > 1:
        hint = "Press the button in the message of the one you mean."
        raise Refused(f"{len(waiting)} wait for your answer.", hint=hint, code="which")
    return waiting[0]


async def end(tx: PeopleTransaction, ask_id: str, *, now: datetime) -> None:
    """Its time is up, unless it was answered or given more."""
    ask = await tx.asks.get(ask_id)
    if ask is None or not ask.open or now < ask.expires_at:
        return
    await _ended(tx, ask, now=now)


async def unreachable(tx: PeopleTransaction, ask_id: str, why: str, *, now: datetime) -> None:
    """It could not be brought to whom it asks: nobody waits for nothing."""
    ask = await tx.asks.get(ask_id)
    if ask is None or not ask.open:
        return
    if ask.kind is AskKind.PAGE:
        text = f"Your page could not be written to them in chat: {why}."
        await asking.hear(tx, ask.asker_id, text, ask, now=now)
    else:
        await _ended(tx, ask, now=now, why=f"they could not be asked: {why}")


async def _ended(tx: PeopleTransaction, ask: Ask, *, now: datetime, why: str = "") -> None:
    match ask.kind:
        case AskKind.HANDOFF:
            await handoff.expire(tx, ask, now=now, why=why)
        case AskKind.PAGE:
            await page.again(tx, ask, now=now)
        case AskKind.SWAP:
            await swap.expire(tx, ask, now=now, why=why)
        case _:
            assert_never(ask.kind)

"""What people are told outside of threads: once, together, and not for nothing."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from engine.company import User
from engine.notice import GATHER, MOST, NoticeKind, Transport
from engine.operations import respond
from engine.operations.notify import notify, notify_place
from storage.transaction import Transaction
from tests.harness import CLI, Harness, shown


async def tell(h: Harness, users: list[User], key: str, number: int | None = None, **changes: Any) -> None:
    async def act(tx: Transaction) -> None:
        incident = await tx.incidents.get(number) if number is not None else None
        given: dict[str, Any] = {"kind": NoticeKind.ESCALATED, "text": f"needs you ({key})."} | changes
        notify(tx, users, key=key, incident=incident, now=h.core.clock.now(), **given)

    await h.write(act)


async def test_a_critical_comes_at_once_and_the_rest_together(h: Harness):
    await h.fire("acme")
    await h.fire("acme", "Memory 91%", severity="medium")
    await h.fire("globex", "CPU 90%", severity="medium")
    kim = [h.users["kim"]]
    await asyncio.gather(*(tell(h, kim, "one", 1) for _ in range(5)))
    first = await h.told("kim", "needs you (one)")
    assert "INC-1 · Acme Corp" in shown(first)
    for number in (2, 3):
        await tell(h, kim, f"more {number}", number)
        await tell(h, kim, f"more {number}", number)
    await h.quiet()
    assert len(h.direct("kim")) == 1, "told once, and the others wait for one another"
    h.clock.shift += GATHER
    both = await h.told("kim", "2 notices")
    assert "INC-2 · Acme Corp" in shown(both) and "INC-3 · Globex Health" in shown(both)
    await h.press("kim", first, "claim")
    await h.card("acme", saying="in the hands of Kim")
    await h.quiet()
    assert len(h.direct("kim")) == 2 and not h.direct("bob")


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_what_is_over_is_not_told_nor_what_has_no_way_and_a_flood_is_held(h: Harness):
    await h.fire("acme", severity="medium")
    kim = [h.users["kim"]]
    await tell(h, kim, "late", 1)
    await tell(h, kim, "letter", 1, only=[Transport.EMAIL], urgent=True)
    await h.quiet()
    await h.write(lambda tx: respond.resolve(tx, 1, actor=CLI, now=h.core.clock.now()))
    h.clock.shift += GATHER
    await h.quiet()
    outcomes = {one.key: one.outcome for one in await h.read(lambda tx: tx.notices.of_incident(1))}
    assert outcomes == {"late": "over before it was told", "letter": "no way by email is set up"}
    for number in range(MOST + 3):
        await tell(h, kim, f"page {number}", urgent=False, kind=NoticeKind.SHIFT)
        h.clock.shift += GATHER
        await h.quiet(0.1)
    assert len(h.direct("kim")) == MOST
    h.clock.shift += timedelta(minutes=15)
    await h.told("kim", "3 notices")
    address = f"{h.hand.name}:{h.hand.place('msp')}"

    async def place(tx: Transaction) -> None:
        now = h.core.clock.now()
        notify_place(tx, Transport.CHAT, address, NoticeKind.GAP, "Nobody is on call.", key="gap", now=now)

    await h.write(place)
    await h.card("msp", kind="notice", saying="on call")

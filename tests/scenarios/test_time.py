"""Time for the bill as people meet it: in the form that resolves, and in `/aw time`."""

from __future__ import annotations

from engine.access import Actor, Via
from engine.company import configured
from engine.operations import directory, respond
from storage.transaction import Transaction
from tests.harness import Harness, eventually, shown


async def test_the_form_that_resolves_asks_for_the_time_and_the_rest_is_booked_by_a_press(h: Harness):
    async def rated(tx: Transaction) -> None:
        company = await directory.company_called(tx, "acme")
        await tx.companies.configure(configured(company, hourly_rate="90 EUR"))

    await h.write(rated)
    await h.fire("acme")
    await h.press("kim", await h.card("acme"), "claim")
    card = await h.card("acme", saying="in the hands of Kim")
    await h.press("kim", card, "resolve")
    await h.form("kim")
    await h.submit("kim", text="cleaned up")
    asked = await h.form("kim")
    assert "INC-1 is resolved. 1 min on INC-1 for Acme Corp." in shown(asked)
    await h.submit("kim", minutes="1", text="")

    async def booked() -> list[int]:
        return [one.minutes for one in await h.read(lambda tx: tx.timesheets.entries_of([1, 2, 3]))]

    await eventually(booked, what="the entry")
    kim = Actor(user=h.users["kim"], via=Via.SLACK)

    async def solve(tx: Transaction) -> None:
        for number in (2, 3):
            await respond.claim(tx, number, actor=kim, now=h.core.clock.now())
            await respond.resolve(tx, number, text="done", actor=kim, now=h.core.clock.now())

    await h.fire("acme", "Memory low", asset_name="box-1", severity="high")
    await h.fire("acme", "Fan failed", asset_name="nas-2", severity="high")
    await h.write(solve)
    await h.command("kim", "acme", "/aw time")
    listed = await h.answered("kim", "2 min are not booked yet.")
    assert "1 min on INC-2 for Acme Corp" in shown(listed)
    await h.press("kim", listed, "time_book_all")

    async def all_booked() -> bool:
        return await booked() == [1, 1, 1]

    await eventually(all_booked, what="all of it")
    refused = await h.command("bob", "acme", "/aw time INC-1")
    assert "was in Kim's hands" in shown(refused)
    assert not [one for one in h.direct("kim") if "not booked" in shown(one)], "no message for each of them"

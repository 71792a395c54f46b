"""On leave nobody gets anything, what was offered goes to others, and coming back is one word."""

from __future__ import annotations

from datetime import timedelta

from tests.harness import Harness, shown


async def test_leave_now_and_back(h: Harness):
    await h.fire("acme")
    await h.card("acme", saying="for @Kim")
    await h.fire("globex")
    card = await h.card("globex", saying="for @Bob")
    await h.press("bob", card, "claim")
    said = shown(await h.command("kim", "acme", "/aw leave 2d"))
    assert "You are on leave from now until" in said and "1 offered to you went to others" in said
    await h.thread("acme", saying="Kim is on leave. Next: Bob")
    await h.card("acme", saying="for @Bob")
    again = shown(await h.command("bob", "globex", "/aw leave mon-sun"))
    assert "Still in your hands: INC-2." in again
    await h.card("acme", saying="nobody has it yet (nobody is free: Kim on leave; Bob on leave)")
    assert "Welcome back" in shown(await h.command("kim", "acme", "/aw back"))
    assert "You are not on leave" in shown(await h.command("kim", "acme", "/aw back"))
    assert "Only people who work on incidents" in shown(await h.command("dana", "acme", "/aw leave 2d"))
    await h.fire("acme", "Certificate of shop.acme.example expires", asset_name="acme-shop-01")
    await h.card("acme", saying="for @Kim", count=2)


async def test_a_leave_that_is_planned_begins_by_itself(h: Harness):
    await h.fire("acme")
    card = await h.card("acme", saying="for @Kim")
    await h.fire("acme", "Certificate of shop.acme.example expires", asset_name="acme-shop-01")
    await h.press("kim", card, "claim")
    await h.card("acme", saying="in the hands of Kim")
    said = shown(await h.command("kim", "acme", "/aw leave tomorrow"))
    assert "You are on leave from" in said and "from now" not in said
    h.clock.shift += timedelta(hours=24)
    await h.quiet()
    h.clock.shift += timedelta(minutes=1)
    message = await h.told("kim", "still have INC-1 in hand")
    assert "/aw assign @somebody" in shown(message)

"""Waiting for the client, as people meet it: the clocks stand still until somebody of the client answers."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine.sla import ClockKind
from tests.harness import Harness, shown


async def left(h: Harness, kind: ClockKind = ClockKind.RESOLUTION) -> timedelta:
    clocks = await h.read(lambda tx: tx.clocks.of(1))
    (clock,) = [one for one in clocks if one.kind is kind]
    found: timedelta = clock.left(h.core.clock.now())
    return found


async def test_the_clocks_stand_still_until_the_client_answers(h: Harness):
    await h.fire("acme")
    card = await h.card("acme")
    await h.command("kim", "acme", "/aw claim 1")
    await h.command("kim", "acme", "/aw hold INC-1 client: which disk may go")
    card = await h.card("acme", saying="⏸ waits for the client since")
    said = shown(card)
    assert "which disk may go" in said and "left to resolve" in said and "Resolve by" not in said
    await h.thread("acme", saying="⏸ Waiting for the client: which disk may go.")
    before = await left(h)
    h.clock.shift += timedelta(hours=30)
    assert abs(await left(h) - before) < timedelta(seconds=1), "a day later nothing has run"
    await h.hand.reply("bob", card, "I am looking, too")
    await h.quiet()
    assert "⏸" in shown(await h.card("acme")), "a technician's words are no answer"
    await h.hand.reply("dana", card, "The second one & only that")
    card = await h.card("acme", saying="Resolve by")
    assert "⏸" not in shown(card)
    await h.thread("acme", saying="▶ Dana has answered: The second one & only that. The clocks run on.")
    now = await left(h)
    assert before - now < timedelta(seconds=20)
    h.clock.shift += timedelta(hours=1)
    assert timedelta(minutes=59) < now - await left(h) < timedelta(minutes=61)
    await h.quiet()
    assert sum("has answered" in shown(one) for one in h.replies("acme")) == 1


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_by_form_by_button_and_with_planned_work(h: Harness):
    await h.fire("acme")
    card = await h.card("acme")
    await h.press("kim", card, "hold")
    await h.submit("kim", text="a time for the reboot")
    card = await h.card("acme", saying="a time for the reboot")
    before = await left(h)
    await h.command("maria", "acme", "/aw maint now 2h new switch")
    preview = await h.whispered("maria", "A maintenance window?")
    await h.press("maria", preview, "quiet_confirm")
    await h.card("acme", saying="🔕 maintenance")
    h.clock.shift += timedelta(hours=1)
    await h.press("kim", card, "resume")
    await h.thread("acme", saying="▶ The client has answered")
    assert abs(await left(h) - before) < timedelta(seconds=20), "the planned work goes on"
    h.clock.shift += timedelta(hours=1, seconds=5)
    await h.card("acme", saying="Resolve by")
    h.clock.shift += timedelta(minutes=30)
    assert before - await left(h) > timedelta(minutes=29)
    refused = await h.command("dana", "acme", "/aw hold 1")
    assert "can" in shown(refused)
    await h.command("kim", "acme", "/aw resolve 1 done")
    again = await h.command("kim", "acme", "/aw hold 1")
    assert "already resolved" in shown(again)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_the_end_of_planned_work_does_not_start_what_waits(h: Harness):
    await h.fire("acme")
    await h.card("acme")
    await h.command("maria", "acme", "/aw maint now 1h new switch")
    preview = await h.whispered("maria", "A maintenance window?")
    await h.press("maria", preview, "quiet_confirm")
    await h.card("acme", saying="🔕 maintenance")
    await h.command("kim", "acme", "/aw hold 1")
    await h.card("acme", saying="⏸ waits for the client")
    before = await left(h)
    h.clock.shift += timedelta(hours=3)
    await h.quiet()
    assert abs(await left(h) - before) < timedelta(seconds=20)
    await h.command("kim", "acme", "/aw resume 1")
    await h.card("acme", saying="Respond by")

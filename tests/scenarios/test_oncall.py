"""A plan says who is called: new incidents and escalations go to who is on call, and a gap is told beforehand."""

from __future__ import annotations

from datetime import date, timedelta

from engine.oncall import Layer, Rotation
from engine.operations import configure, oncall
from engine.setting import SETTINGS, Origin
from tests.harness import CLI, Harness, shown


async def test_who_is_on_call_gets_it(h: Harness):
    now = h.core.clock.now()
    start = (now - timedelta(days=2)).date()
    layer = Layer(people=(h.users["bob"].id,), days=7, start=start)
    plan = Rotation(id=0, name="nights")
    await h.write(lambda tx: oncall.put(tx, plan, actor=CLI, now=now))
    await h.write(lambda tx: oncall.add_layer(tx, "nights", layer, actor=CLI, now=now))
    assert "nights" in shown(await h.command("kim", "acme", "/aw oncall")) or await h.whispered("kim", "Bob")
    await h.fire("acme")
    await h.card("acme", saying="for @Bob (on call, linux ✓, 0 open)")
    said = shown(await h.command("kim", "acme", "/aw oncall me 2h"))
    assert "You are on call in nights until" in said
    refused = shown(await h.command("maria", "acme", "/aw oncall me 2h"))
    assert "Only technicians and MSP admins are on call." in refused
    where, setting = configure.Where(Origin.COMPANY, "globex"), SETTINGS["escalation"]
    chain = setting.read("response on_call")
    await h.write(lambda tx: configure.put(tx, where, setting, chain, actor=CLI, now=now))
    await h.fire("globex")
    await h.card("globex", saying="for @Kim (on call")
    await h.command("bob", "globex", "/aw assign INC-2 @bob")
    h.clock.shift += timedelta(minutes=30)
    await h.thread("globex", saying="↗ Level 1: Kim.")


async def test_a_gap_is_told_to_the_msp_admins_once(h: Harness):
    now = h.core.clock.now()
    tomorrow = now.date() + timedelta(days=1)
    layer = Layer(
        people=(h.users["kim"].id,), days=1, start=date(tomorrow.year, tomorrow.month, tomorrow.day)
    )
    await h.write(lambda tx: oncall.put(tx, Rotation(id=0, name="days"), actor=CLI, now=now))
    await h.write(lambda tx: oncall.add_layer(tx, "days", layer, actor=CLI, now=now))
    for _ in range(3):
        await h.write(lambda tx: oncall.warn_of_gaps(tx, now=h.core.clock.now()))
    h.clock.shift += timedelta(minutes=1)
    message = await h.told("lee", "Nobody is on call in days:")
    assert shown(message).count("Nobody is on call") == 2, "in the message and in its summary"

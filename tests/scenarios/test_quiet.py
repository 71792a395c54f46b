"""Quiet as people meet it in chat: a preview first, held with a reason, a receipt, and what is still broken."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.harness import Harness, shown


async def test_a_silence_from_the_words_to_the_receipt(h: Harness):
    await h.fire("acme", "Disk slow", asset_name="acme-nas", severity="high")
    await h.card("acme")
    await h.command("kim", "acme", "/aw silence acme-nas 2h new disk")
    preview = await h.whispered("kim", "A silence? acme-nas at Acme Corp")
    assert "In the last 90 days this would have held 1 alert. What is critical still comes." in shown(preview)
    first = await h.fire("acme", "Fan loud", asset_name="acme-nas", severity="high")
    assert first["suppressed_by"] is None, "a preview holds nothing"
    await h.press("kim", preview, "quiet_confirm")
    await h.whispered("kim", "silence 1: acme-nas at Acme Corp")
    held = await h.fire("acme", "Fan gone", asset_name="acme-nas", severity="high")
    assert held["suppressed_by"] == "silence 1" and held["incident_id"] is None
    assert held["reason"].startswith("held by silence 1 until ") and "(new disk, by Kim)" in held["reason"]
    critical = await h.fire("acme", "Fire", asset_name="acme-nas", severity="critical")
    assert critical["is_new"]
    assert "1 silence (1 alert held)" in shown(await h.command("bob", "acme", "/aw status"))
    listed = shown(await h.command("bob", "acme", "/aw silence list"))
    assert "silence 1" in listed and "held 1" in listed and "new disk, by Kim" in listed
    await h.card("acme", saying="🔕 silence 1 until")
    await h.thread("acme", saying="🔕 silence 1: acme-nas, until ")
    h.clock.shift += hours(2)
    receipt = await h.thread("acme", saying="🔕 silence 1 is over: acme-nas, 2 h until")
    assert "Held 1 alert, the worst high. Still firing and heard now: INC-4." in shown(receipt)
    assert "1 × high     acme-nas: Fan gone" in shown(receipt)
    card = await h.card("acme", saying="INC-4")
    assert "Fan gone" in shown(card)
    await h.command("kim", "acme", "/aw why 4")
    await h.whispered("kim", "held by silence 1 until")
    await h.card("acme", count=4)
    assert "No silences." in shown(await h.command("bob", "acme", "/aw silence list"))


def hours(count: float) -> timedelta:
    return timedelta(hours=count, seconds=1)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_planned_work_is_the_admins_and_stops_the_clocks(h: Harness):
    await h.fire("acme", "Disk slow", asset_name="acme-nas")
    await h.card("acme")
    refused = shown(await h.command("kim", "acme", "/aw maint now 4h kernel"))
    assert "Only company admins and MSP admins can plan maintenance" in refused
    assert "@Maria" in refused and "@Lee" in refused
    await h.command("maria", "acme", "/aw maint now 4h kernel updates")
    preview = await h.whispered("maria", "A maintenance window? everything at Acme Corp")
    assert "It holds critical alerts too." in shown(preview)
    await h.press("maria", preview, "quiet_drop")
    await h.whispered("maria", "Nothing is silenced.")
    assert (await h.fire("acme", "One", asset_name="acme-a"))["is_new"]
    await h.command("maria", "acme", "/aw maint now 4h kernel updates")
    preview = await h.whispered("maria", "A maintenance window?")
    await h.press("maria", preview, "quiet_confirm")
    card = await h.card("acme", saying="🔕 maintenance 2 until")
    assert "(kernel updates, by Maria), its clocks stand still" in shown(card)
    held = await h.fire("acme", "Two", asset_name="acme-b")
    assert held["suppressed_by"] == "maintenance 2: kernel updates"
    assert (await h.fire("globex", "Two", asset_name="globex-b"))["is_new"]
    again = shown(await h.command("maria", "acme", "/aw maint end 2"))
    assert "maintenance 2 is over" in again
    await h.thread("acme", saying="maintenance 2 is over, ended by Maria")
    await h.card("acme", saying="Two")


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_an_incident_is_silenced_from_its_thread_and_critical_too_by_the_red_button(h: Harness):
    await h.fire("acme", "Link flaps", asset_name="acme-sw", severity="critical")
    card = await h.card("acme")
    await h.settled("acme", within=5)
    await h.hand.mention("kim", card, "silence 1h waiting for the provider")
    preview = await h.whispered("kim", "A silence? all of INC-1 at Acme Corp")
    assert "What joins INC-1 meanwhile is held too, what is split out is heard." in shown(preview)
    assert "1 critical one would have come all the same: Link flaps on acme-sw" in shown(preview)
    await h.press("kim", preview, "quiet_confirm_all")
    await h.whispered("kim", "Critical alerts are held too.")
    held = await h.fire("acme", "Link flaps", asset_name="acme-sw", severity="critical")
    assert held["suppressed_by"] == "silence 1"
    assert (await h.fire("acme", "Fan loud", asset_name="acme-sw"))["is_new"], "another problem still comes"
    assert "Nothing silences INC-2" in shown(await h.command("kim", "acme", "/aw silence end INC-2"))
    assert "silence 1 is over." in shown(await h.command("kim", "acme", "/aw silence end INC-1"))
    assert (await h.fire("acme", "Link flaps", asset_name="acme-sw", severity="critical"))["deduplicated"]


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_snooze_from_the_card_and_it_wakes_with_a_line(h: Harness):
    await h.fire("acme", "Printer jams", asset_name="acme-prn", severity="critical")
    card = await h.card("acme")
    assert "snooze" in card.buttons
    await h.press("kim", card, "snooze")
    await h.submit("kim", text="1h")
    await h.card("acme", saying="💤 snoozed by Kim until")
    assert "do not understand" in shown(await h.command("kim", "acme", "/aw snooze 1 sometime"))
    h.clock.shift += hours(0.7)
    await h.quiet()
    assert not any("SLA" in shown(one) for one in h.replies("acme")), "the response clock ran out in silence"
    h.clock.shift += hours(0.3)
    await h.thread("acme", saying="⏰ The snooze by Kim is over and it is still open.")
    await h.thread("acme", saying="SLA breached")
    assert "INC-1 sleeps: snoozed for 30 min by Kim." in shown(
        await h.command("kim", "acme", "/aw snooze 1 30m")
    )
    assert "is awake" in shown(await h.command("kim", "acme", "/aw snooze 1 off"))


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_refusals_say_what_to_do(h: Harness):
    for who, text, answer in (
        ("kim", "/aw silence acme-nas 2h", "A silence needs a reason."),
        ("kim", "/aw silence acme-nas 48h moving", "A technician's silence lasts 24 h at most."),
        ("maria", "/aw silence acme-nas 40d moving", "A silence lasts 30 days at most."),
        ("dana", "/aw silence acme-nas 2h why", "can silence alerts here"),
        ("kim", "/aw silence end 99", "There is no silence 99"),
        ("kim", "/aw silence globex globex-app-01 2h why", "not of this channel's company"),
        ("maria", "/aw silence INC-77 2h why", "There is no INC-77"),
        ("maria", "/aw maint sat 22:00 x", "for how long"),
        ("maria", "/aw silense list", "Did you mean /aw silence"),
    ):
        assert answer in shown(await h.command(who, "acme", text)), text


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_a_button_of_another_company_ends_nothing(h: Harness):
    await h.command("lee", "globex", "/aw silence all 2h secret")
    preview = await h.whispered("lee", "everything at Globex")
    await h.press("lee", preview, "quiet_confirm")
    await h.whispered("lee", "silence 1: everything at Globex")
    await h.command("maria", "acme", "/aw silence all 2h ours")
    await h.press("maria", await h.whispered("maria", "A silence?"), "quiet_confirm")
    made = await h.whispered("maria", "silence 2: everything at Acme Corp")
    await h.press("maria", made, "quiet_end", value="1")
    await h.whispered("maria", "There is no silence 1")
    assert (await h.fire("globex", "B", asset_name="g", severity="low"))["suppressed_by"] == "silence 1"

"""Slack answering badly: nothing is lost, nothing is said twice."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sandbox.faults import Fault
from tests.harness import Harness, shown


def posts(h: Harness) -> int:
    return sum(1 for call in h.world.slack.calls if call[0] == "chat.postMessage")


@pytest.mark.parametrize(
    "fault",
    [
        Fault(service="slack", method="chat.postMessage", times=2, do="ratelimited", retry_after=1),
        Fault(service="slack", method="chat.postMessage", times=2, do="status", status=500),
        Fault(service="slack", method="chat.postMessage", times=2, do="reset"),
        Fault(service="slack", method="chat.postMessage", times=1, do="lost_reply"),
    ],
    ids=["429", "500", "reset", "lost reply"],
)
async def test_the_card_appears_once_whatever_slack_answers(h: Harness, fault: Fault):
    h.world.faults.add(fault)
    await h.fire("acme", "Tape jammed", asset_name="acme-tape")
    await h.card("acme", saying="Tape jammed")
    await h.quiet()
    assert len(h.cards("acme")) == 1
    again = await h.fire("acme", "Tape jammed", asset_name="acme-tape")
    assert again["deduplicated"]
    await h.card("acme", saying="×2")
    assert len(h.cards("acme")) == 1


async def test_an_edit_that_slack_drops_comes_again(h: Harness):
    await h.fire("acme", "Belt loose", asset_name="acme-belt")
    card = await h.card("acme", saying="Belt loose")
    h.world.faults.add(Fault(service="slack", method="chat.update", times=2, do="status", status=503))
    await h.press("kim", card, "aw:claim")
    await h.card("acme", saying="in the hands of *Kim*")


async def test_a_card_that_somebody_deleted_is_posted_again(h: Harness):
    await h.fire("acme", "Lamp out", asset_name="acme-lamp")
    card = await h.card("acme", saying="Lamp out")
    h.world.slack.delete("C0ACME", card["ts"])
    await h.command("kim", "acme", "/aw claim 1")
    fresh = await h.card("acme", saying="in the hands of *Kim*")
    assert fresh["ts"] != card["ts"]


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_a_channel_that_is_gone_does_not_hold_up_the_others(h: Harness):
    h.world.faults.add(
        Fault(service="slack", method="chat.postMessage", times=1, do="error", error="channel_not_found")
    )
    await h.fire("acme", "Into the void", asset_name="acme-void")
    await h.quiet()
    await h.fire("globex", "Still heard", asset_name="globex-ear")
    await h.card("globex", saying="Still heard")

    async def story(tx):
        return [entry.text for entry in await tx.timeline.of_incident(1)]

    assert any("channel_not_found" in text for text in await h.read(story))


async def test_a_restart_between_commit_and_card_still_shows_it_once(h: Harness):
    h.world.faults.add(Fault(service="slack", method="chat.postMessage", times=50, do="hang", seconds=30))
    await h.fire("acme", "Power cut", asset_name="acme-psu")
    await h.stop()
    h.world.faults.clear()
    h.clock.shift += timedelta(minutes=2)
    await h.start()
    card = await h.card("acme", saying="Power cut")
    await h.quiet()
    assert len(h.cards("acme")) == 1
    assert shown(card)

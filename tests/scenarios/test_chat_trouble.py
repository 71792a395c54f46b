"""The chat answering badly: nothing is lost, nothing is said twice."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from sandbox.faults import Do
from tests.harness import Harness

pytestmark = pytest.mark.every_pair

FAULTS: dict[str, dict[str, Any]] = {
    "429": {"do": Do.RATELIMITED, "retry_after": 1},
    "500": {"do": Do.STATUS, "status": 500},
    "reset": {"do": Do.RESET},
}
GONE = {"slack": ("channel_not_found", 200), "teams": ("ConversationNotFound", 404)}


async def appears_once(h: Harness) -> None:
    await h.fire("acme", "Tape jammed", asset_name="acme-tape")
    await h.card("acme", saying="Tape jammed")
    await h.quiet()
    assert len(h.cards("acme")) == 1
    again = await h.fire("acme", "Tape jammed", asset_name="acme-tape")
    assert again["deduplicated"]
    await h.card("acme", saying="×2")
    assert len(h.cards("acme")) == 1


@pytest.mark.parametrize("fault", FAULTS.values(), ids=list(FAULTS))
async def test_the_card_appears_once_whatever_is_answered(h: Harness, fault: dict[str, Any]):
    h.hand.fail("post", times=2, **fault)
    await appears_once(h)


@pytest.mark.only(
    "slack", why="a bot cannot look into a channel of Teams; test_teams_trouble.py says what it does"
)
async def test_the_card_appears_once_although_the_answer_is_lost(h: Harness):
    h.hand.fail("post", Do.LOST_REPLY)
    await appears_once(h)


async def test_an_edit_that_is_dropped_comes_again(h: Harness):
    await h.fire("acme", "Belt loose", asset_name="acme-belt")
    card = await h.card("acme", saying="Belt loose")
    h.hand.fail("edit", Do.STATUS, times=2, status=503)
    await h.press("kim", card, "claim")
    await h.card("acme", saying="in the hands of Kim")


async def test_a_card_that_somebody_deleted_is_posted_again(h: Harness):
    await h.fire("acme", "Lamp out", asset_name="acme-lamp")
    card = await h.card("acme", saying="Lamp out")
    h.hand.delete(card)
    await h.command("kim", "acme", "/aw claim 1")
    fresh = await h.card("acme", saying="in the hands of Kim")
    assert fresh.id != card.id


async def test_a_channel_that_is_gone_does_not_hold_up_the_others(h: Harness):
    word, status = GONE[h.hand.name]
    h.hand.fail("post", Do.ERROR, error=word, status=status)
    await h.fire("acme", "Into the void", asset_name="acme-void")
    await h.quiet()
    await h.fire("globex", "Still heard", asset_name="globex-ear")
    await h.card("globex", saying="Still heard")

    async def story(tx):
        return [entry.text for entry in await tx.timeline.of_incident(1)]

    told = await h.read(story)
    assert any(word in text or "knows no conversation" in text for text in told), told


async def test_a_restart_between_commit_and_card_still_shows_it_once(h: Harness):
    h.hand.fail("post", Do.HANG, times=50, seconds=30)
    await h.fire("acme", "Power cut", asset_name="acme-psu")
    await h.stop()
    h.world.faults.clear()
    h.clock.shift += timedelta(minutes=2)
    await h.start()
    await h.card("acme", saying="Power cut")
    await h.quiet()
    assert len(h.cards("acme")) == 1

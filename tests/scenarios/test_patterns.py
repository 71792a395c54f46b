"""What flaps is one card until it is quiet; what comes every night is expected until it is not over as always."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.app import running
from tests.harness import Harness, shown
from tests.ports import free_port

VPN: dict[str, Any] = {"asset_name": "acme-vpn", "severity": "high"}
SCRUB: dict[str, Any] = {"asset_name": "acme-nas", "severity": "warning"}


async def later(h: Harness, span: timedelta) -> None:
    """Move the clock on, once nothing is under way: a lease would be over at once."""
    await h.quiet(0.2)
    h.clock.shift += span


async def lines(h: Harness, saying: str) -> list[str]:
    """What the thread of the company's only card says of it."""
    (card,) = h.cards("acme")
    return [shown(one) for one in h.replies("acme") if one.thread == card.id and saying in shown(one)]


async def test_a_flapping_check_is_one_card_that_closes_by_the_clock(h: Harness):
    for number in range(9):
        status = "resolved" if number % 2 else "firing"
        await h.fire("acme", "Tunnel down", status=status, **VPN)
        await later(h, timedelta(minutes=2))
        if number == 5:
            await h.stop()
            await h.start()
    card = await h.card("acme", saying="flapping ×9 in 16 min")
    assert "firing now" in shown(card)
    assert len(h.cards("acme")) == 1, [shown(one) for one in h.cards("acme")]
    await h.fire("acme", "Tunnel down", status="resolved", **VPN)
    await h.card("acme", saying="well now; over if it is quiet until")
    await h.command("kim", "acme", "/aw why INC-1")
    why = shown(await h.whispered("kim", "Flapping ×10"))
    assert "until it has been quiet for 15 min" in why
    await later(h, timedelta(minutes=14))
    await h.quiet()
    await h.card("acme", saying="flapping ×10")
    await later(h, timedelta(minutes=2))
    await h.card("acme", saying="Resolved by monitoring")
    await h.thread("acme", saying="Resolved: has stopped flapping ×10")
    assert len(await lines(h, "🔁")) == 1 and len(h.cards("acme")) == 1


async def test_the_night_it_is_not_over_as_always_is_told(h: Harness):
    for _ in range(5):
        await h.fire("acme", "Reads slow", **SCRUB)
        await later(h, timedelta(minutes=12))
        await h.fire("acme", "Reads slow", status="resolved", **SCRUB)
        await later(h, timedelta(hours=24, minutes=-12))
    await h.fire("acme", "Reads slow", **SCRUB)
    card = await h.card("acme", saying="each of the last 6", count=6)
    assert "nobody is called" in shown(card) and "over in 12 min at most so far" in shown(card)
    await h.fire("acme", "Reads slow", **SCRUB)  # delivered once more
    await later(h, timedelta(minutes=15))
    await h.card("acme", saying="Unlike the last 5".lower())
    said = shown(await h.thread("acme", saying="not over after 15 min"))
    assert "12 min at most so far" in said and "For Kim: @Kim" in said
    await h.command("kim", "acme", "/aw why INC-6")
    assert "Comes in rounds" in shown(await h.whispered("kim", "Why INC-6"))


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
async def test_two_replicas_agree_on_what_flaps(h: Harness, backend: str):
    other = h.settings.model_copy(update={"aw_port": free_port()})
    async with running(other, clock=h.clock) as second:
        for number in range(9):
            body = {**VPN, "signature": "Tunnel down", "status": "resolved" if number % 2 else "firing"}
            port = second.port if number % 2 else h.settings.aw_port
            url = f"http://127.0.0.1:{port}/api/webhooks/alerts"
            for _ in range(2):  # and each twice
                async with h.session.post(url, json=body, headers={"X-API-Key": h.keys["acme"]}) as answer:
                    assert answer.status == 202
            await later(h, timedelta(minutes=1))
        await h.card("acme", saying="flapping ×9 in 8 min")
        await later(h, timedelta(minutes=16))
        await h.thread("acme", saying="it has been firing for 15 min now")
    assert len(h.cards("acme")) == 1

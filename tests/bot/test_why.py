"""Why: what an incident nearly joined, and what other settings would have made of its own alerts."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from bot import why
from bot.actions.incidents import Why
from bot.cards.card import Said
from bot.handlers.dispatch import handle
from bot.place import Place
from bot.questions import view_of
from bot.replay import what_if
from engine.correlation import Rules
from engine.evidence import JOIN
from engine.operations import configure, respond
from engine.operations.configure import Where
from engine.setting import SETTINGS, Origin
from tests import given
from tests.given import World, actor


async def asked(world: World, number: int) -> str:
    reply = await handle(world.core, Why(number), actor=actor(world.kim), place=Place())
    assert isinstance(reply, Said)
    return repr(reply.card.elements)


async def never_back(world: World) -> None:
    acme, now = Where(Origin.COMPANY, "acme"), world.core.clock.now()
    reopen, root = SETTINGS["reopen_window"], actor(world.root)
    await world.core.write(lambda tx: configure.put(tx, acme, reopen, 0, actor=root, now=now))


async def around(world: World, number: int) -> why.Around:
    view = await world.core.read(lambda tx: view_of(tx, world.core, number))
    return await why.around(world.core, view)


async def test_another_window_is_tried_on_the_incidents_own_alerts(world: World) -> None:
    await never_back(world)
    began = world.core.clock.now()
    await world.tell(given.alert(signature="Disk full", tool="zabbix"))
    again = world.core.clock.advance(minutes=12)  # type: ignore[attr-defined]
    await world.tell(given.alert(signature="Disk full", tool="datadog"))
    shorter, longer = (await around(world, 1)).others
    assert (shorter.setting, shorter.value) == ("window", "10 min")
    assert shorter.spans == [(began, began), (again, again)]
    assert not shorter.same and longer.same
    text = await asked(world, 1)
    assert "2 incidents: heard of last " in text and "'the same'" in text


async def test_a_longer_window_that_would_have_made_one_of_two_says_which(world: World) -> None:
    await never_back(world)
    await world.tell(given.alert(signature="Disk full", tool="zabbix"))
    await _resolved(world, 1, minutes=19)
    world.core.clock.advance(minutes=1)  # type: ignore[attr-defined]
    await world.tell(given.alert(signature="Disk full", tool="zabbix"))
    found = (await around(world, 2)).others
    assert [(one.value, one.same) for one in found] == [("10 min", True), ("30 min", True), ("4 h", False)]
    assert found[2].gained == ["INC-1"], "a longer reopening window brings the old number back"


async def test_what_it_nearly_joined_has_its_score_and_its_reason(world: World) -> None:
    await world.tell(given.alert(signature="Queue grows"))
    world.core.clock.advance(seconds=5)  # type: ignore[attr-defined]
    await world.tell(given.alert(signature="Login page looks odd", tool="zabbix"))
    nearest = (await around(world, 2)).nearest
    assert nearest is not None and nearest.label == "INC-1" and 0 < nearest.score < JOIN
    text = await asked(world, 2)
    assert "Not joined to INC-1" in text and f"{nearest.score:.2f} of the 0.90 that join" in text
    first = await around(world, 1)
    assert first.nearest is None and first.alone


async def test_an_answer_comes_in_time_without_what_takes_too_long(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.tell(given.alert())
    monkeypatch.setattr(why, "PATIENCE", 0.05)
    async with world.core.looking_back:
        text = await asked(world, 1)
    assert "could not be tried in time" in text and "Opened because" in text


async def test_another_companys_alerts_have_no_part_in_it(world: World) -> None:
    await world.tell(given.alert(signature="Disk full"), company=world.globex)
    await world.tell(given.alert(signature="Fan loud"))
    found = await around(world, 2)
    assert found.nearest is None and all(one.same for one in found.others)


@pytest.mark.alone
async def test_the_loop_is_free_while_the_past_is_played(world: World) -> None:
    """Nobody waits longer than a slice, however much there is to play."""
    alerts = [given.alert(f"host-{number % 50}", f"check {chr(97 + number % 26)}") for number in range(400)]
    for start in range(0, 400, 100):
        await world.tell(*alerts[start : start + 100])
        world.core.clock.advance(minutes=1)  # type: ignore[attr-defined]
    waits: list[float] = []

    async def tick() -> None:
        loop = asyncio.get_running_loop()
        while True:
            before = loop.time()
            await asyncio.sleep(0)
            waits.append(loop.time() - before)

    ticking = asyncio.create_task(tick())
    now = world.core.clock.now()
    seen = await world.core.read(lambda tx: what_if.past(tx, world.acme.id, since=now - what_if.LOOK_BACK))
    waits.clear()
    await what_if.replayed(seen, Rules(window=timedelta(minutes=5)), ())
    ticking.cancel()
    waits.sort()
    assert waits[len(waits) * 99 // 100] < 10 * what_if.SLICE


async def _resolved(world: World, number: int, *, minutes: int) -> None:
    now = world.core.clock.advance(minutes=minutes)  # type: ignore[attr-defined]

    async def write(tx: Any) -> None:
        await respond.resolve(tx, number, actor=actor(world.root), now=now)

    await world.core.write(write)

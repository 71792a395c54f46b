"""Turns hold across replicas; a channel remembers its swell; a storm's numbers are those of the rows."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

from engine.alert import Severity
from engine.storm import Channel, Newcomer, Storm
from storage.database import Database
from tests import given
from tests.clock import START

SECOND = timedelta(seconds=1)
PLACE = ("slack", "C-acme")


async def take(database: Database, *, burst: int = 1, at: float = 0):
    async with database.transaction() as tx:
        now = START + timedelta(seconds=at)
        return await tx.channels.take(*PLACE, 1, every=SECOND, burst=burst, now=now)


async def test_turns_come_one_after_another(database: Database):
    assert await take(database) is None
    assert await take(database, at=0.25) == timedelta(seconds=0.75)
    assert await take(database, at=1) is None
    assert await take(database, at=9) is None, "what was not used is not saved up"
    assert await take(database, at=9.5) == timedelta(seconds=0.5)


async def test_who_may_go_ahead_does_so_and_the_others_wait_longer(database: Database):
    assert [await take(database, burst=3) for _ in range(4)] == [None, None, None, SECOND]
    assert await take(database, burst=1, at=1) == 2 * SECOND
    assert await take(database, burst=4, at=1) is None


async def test_twenty_at_once_get_three_turns(database: Database):
    taken = await asyncio.gather(*(take(database, burst=3) for _ in range(20)))
    assert sum(wait is None for wait in taken) == 3


async def test_a_pause_that_the_platform_asked_for_holds_for_everybody(database: Database):
    await take(database)
    async with database.transaction() as tx:
        await tx.channels.hold(*PLACE, until=START + timedelta(seconds=30))
    assert await take(database, at=5) == timedelta(seconds=25)
    assert await take(database, at=30) is None


async def test_a_channel_is_remembered_and_calmed_by_its_own_storm_only(database: Database):
    newcomer = Newcomer(card_id="incident:1:slack", severity=Severity.HIGH, at=START, counted_from=3)
    async with database.transaction() as tx:
        found = await tx.channels.of({PLACE: 1, ("teams", "19:x"): 1}, now=START)
        assert found[PLACE] == Channel(platform="slack", channel="C-acme", company_id=1, swell_at=START)
        changed = Channel(
            platform="slack",
            channel="C-acme",
            company_id=1,
            swell_at=START + SECOND,
            swell=(newcomer,),
            critical_at=START,
            storm_id="s1",
        )
        await tx.channels.save([changed])
    async with database.transaction() as tx:
        assert (await tx.channels.of({PLACE: 1}, now=START))[PLACE] == changed
        assert await tx.channels.storm_on(*PLACE)
        await tx.channels.calm(a_storm("another"))
        assert await tx.channels.storm_on(*PLACE)
        await tx.channels.calm(a_storm("s1"))
        assert not await tx.channels.storm_on(*PLACE)


def a_storm(name: str, **changes) -> Storm:
    return Storm(id=name, company_id=1, platform="slack", channel="C-acme", began_at=START, **changes)


async def test_a_storm_adds_up_to_its_incidents_and_ends_once(core):
    w = await given.world(core)
    for asset in ("a", "b", "c", "d", "e"):
        await w.tell(given.alert(f"host-{asset}", f"check {asset} failed", severity_word="high"))
    await w.tell(*[given.alert("host-e", "check e failed", severity_word="high")] * 4)
    await w.tell(given.recovery("host-d", "check d failed"))

    async def look(tx):
        channel = (await tx.channels.of({("slack", "C-acme"): w.acme.id}, now=START))[("slack", "C-acme")]
        return await tx.storms.get(channel.storm_id)

    storm = await core.write(look)
    tally = await core.read(lambda tx: tx.storms.tally(storm))
    assert (tally.incidents, tally.alerts, tally.open, tally.untouched) == (5, 9, 4, 4)
    assert tally.severities == {"high": 5} and tally.signatures == 5 and tally.assets == 5
    assert tally.top_assets[0].name == "host-e" and tally.top_assets[0].alerts == 5
    left = await core.read(lambda tx: tx.storms.untouched(storm, deferred=True, most=10))
    assert len(left) == 4

    over = replace(storm, over_at=START, tally=tally, samples=((1.0, 9),))
    await core.write(lambda tx: tx.storms.save(over))
    await core.write(lambda tx: tx.storms.save(replace(over, over_at=START + SECOND)))
    assert await core.read(lambda tx: tx.storms.get(storm.id)) == over, "the first end stays"

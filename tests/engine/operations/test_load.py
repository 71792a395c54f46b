"""What is late, or nearly, weighs more in its owner's load: as the clocks cross it, and no longer than it is so."""

from __future__ import annotations

from engine.alert import Severity
from engine.operations import clocks, respond
from engine.routing import NOTHING, Load, Wanted, choose, weight
from tests import given
from tests.clock import START
from tests.engine.operations.test_respond import do
from tests.given import World, number, results
from tests.given import alert as says


async def load_of(world: World) -> Load:
    found = await world.core.read(lambda tx: tx.users.loads([world.kim.id]))
    return found.get(world.kim.id, NOTHING)


async def checked(world: World, incident: int) -> None:
    await world.core.write(lambda tx: clocks.check(tx, incident, now=world.core.clock.now()))


async def test_a_warning_doubles_it_a_breach_trebles_it_and_the_next_is_told_why(world, clock):
    incident = number(results(await world.tell(says()))[0]["incident_id"])
    assert await load_of(world) == Load(1, 8, 0)
    clock.advance(minutes=16)
    await checked(world, incident)
    assert await load_of(world) == Load(1, 16, 1), "half of the half hour to respond is over: warned"
    clock.advance(minutes=15)
    await checked(world, incident)
    await checked(world, incident)
    assert await load_of(world) == Load(1, 24, 1)
    again = number(results(await world.tell(says("web-01", "Disk /var 97% full")))[0]["incident_id"])
    found = await world.core.read(lambda tx: tx.incidents.get(again))
    assert found.assigned_reason == "Kim: linux ✓, 1 open (1 late or nearly)"
    await do(world, respond.claim, incident, world.kim)
    assert (await load_of(world)).at_risk == 0, "what was promised first is kept, and the rest has time"
    assert (await load_of(world)).weight == 16
    clock.advance(hours=4)
    await checked(world, incident)
    assert await load_of(world) == Load(2, 32, 1)
    await do(world, respond.assign, incident, world.root, to=world.bob.id)
    assert await load_of(world) == Load(1, 8, 0), "it goes with it"
    await do(world, respond.resolve, again, world.kim)
    assert await load_of(world) == NOTHING
    await do(world, respond.reopen, again, world.kim)
    assert await load_of(world) == Load(1, 8, 0)


def test_who_has_something_late_gets_the_next_one_last():
    kim, ann = given.a_user("Kim", id=1, skills={"linux"}), given.a_user("Ann", id=2, skills={"linux"})
    late = Load(1, weight(Severity.HIGH, 2), 1)
    two = Load(2, 2 * weight(Severity.HIGH))
    want = Wanted(company_id=1, skills=frozenset({"linux"}))
    choice = choose([kim, ann], {1: late, 2: two}, want, now=START)
    assert choice.user == ann and choice.reason == "Ann: linux ✓, 2 open"
    assert [weight(Severity.CRITICAL, risk) for risk in (0, 1, 2)] == [8, 16, 24]

"""Did the fix hold? Measured, written on the card, counted, and what a runbook may do by itself after that."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given as generated
from hypothesis import strategies as st

from bot.cards.incident import incident_card
from bot.views import incident_view
from engine.audit import AuditKind
from engine.company import Autonomy
from engine.operations import configure, respond
from engine.setting import SETTINGS, Origin
from engine.track import Round, Track
from runbooks import catalogue, holding
from runbooks.holding import Outcome, Rate, Verdict, judge, likely, ranked, words, worth_promoting
from runbooks.operations import hold
from runbooks.operations.request import consider, request
from runbooks.policy import policy_for
from runbooks.run import Run, RunStatus
from runbooks.runbook import Purpose, Risk
from tests import given
from tests.clock import START
from tests.given import World
from tests.runbooks.memory import DISK as INCIDENT
from tests.runbooks.provider import FAILED, SUCCEEDED, Provider, over
from tests.runbooks.test_stored_runs import carried, stored

DISK = "Disk / 97% full"


async def healed(world: World, *, well: bool = True) -> Run:
    """A full disk is cleaned up by itself, and monitoring says so unless it went badly."""
    answer = await world.tell(given.alert("web-01", DISK))
    number = given.number(given.results(answer)[0]["incident_id"])
    core = world.core

    async def by_itself(tx: Any) -> Run:
        context = await tx.companies.context(world.acme.id)
        run = await consider(tx, number, context, core.catalogue, core.clock.now())
        assert run is not None
        return run

    run = await core.write(by_itself)
    end = over(SUCCEEDED, stdout="made room", exit_code=0)
    check = end if well else over(FAILED, stderr="still 97 %", exit_code=1)
    done = await carried(core, run.id, Provider(polls=[end, check]))
    assert done.status is (RunStatus.SUCCEEDED if well else RunStatus.FAILED)
    if well:
        await world.tell(given.recovery("web-01", DISK))
    return done


async def measured(world: World, run: Run) -> Run:
    core = world.core
    await core.write(lambda tx: hold.measure(tx, run.id, now=core.clock.now()))
    return await stored(core, run.id)


async def told(world: World, run: Any) -> str:
    found = await world.core.read(lambda tx: tx.timeline.of_incident(run.incident_id, told_only=True))
    return "\n".join(one.text for one in found)


async def card(world: World, run: Run) -> str:
    core = world.core
    assert run.incident_id is not None
    number = run.incident_id
    view = await core.read(
        lambda tx: incident_view(tx, number, catalogue=core.catalogue, now=core.clock.now())
    )
    assert view is not None
    return repr(incident_card(view).elements)


async def mode(world: World) -> Autonomy:
    context = await world.core.read(lambda tx: tx.companies.context(world.acme.id))
    return policy_for(context.company, "disk-clean-up", Risk.LOW).mode


async def test_a_fix_that_holds_for_a_day_says_so_on_the_resolved_card(world: World, clock: Any) -> None:
    run = await healed(world)
    clock.advance(minutes=16)
    assert (await measured(world, run)).held == ""
    clock.advance(hours=24)
    assert (await measured(world, run)).held == "held 24 h"
    assert "(verified, held 24 h)" in await card(world, run)
    rates = await world.core.read(lambda tx: _rates(tx, run))
    assert rates == {"disk-clean-up": Rate(1, 1)}
    assert await mode(world) is Autonomy.ACT
    assert (await measured(world, run)).revision == (await stored(world.core, run.id)).revision


async def _rates(tx: Any, run: Run) -> Any:
    incident = await tx.incidents.get(run.incident_id)
    return await tx.runs.rates(run.company_id, incident.signature)


async def test_what_comes_back_soon_is_offered_only_from_then_on(world: World, clock: Any) -> None:
    run = await healed(world)
    clock.advance(minutes=37)
    await world.tell(given.alert("web-01", DISK))
    clock.advance(minutes=30)
    assert (await measured(world, run)).held == "came back after 37 min"
    assert await mode(world) is Autonomy.PROPOSE
    said = await told(world, run)
    assert "does not run by itself at Acme any more: INC-1 came back after 37 min" in said
    assert "aw runbook policy acme disk-clean-up act" in said
    assert "came back after 37 min" in await card(world, run)
    kinds = await _kinds(world)
    assert AuditKind.SETTING_CHANGED in kinds
    assert AuditKind.RUN_MEASURED in kinds


async def test_a_check_that_fails_takes_the_right_away_too(world: World) -> None:
    run = await healed(world, well=False)
    assert (await measured(world, run)).held == "did not meet its goal"
    assert await mode(world) is Autonomy.PROPOSE


async def _kinds(world: World) -> set[AuditKind]:
    async def look(tx: Any) -> set[AuditKind]:
        return {one.entry.kind async for one in tx.audit.chain(world.acme.id)}

    found: set[AuditKind] = await world.core.read(look)
    return found


async def test_the_offer_says_how_often_it_held_here_and_counts_no_other_company(world: World) -> None:
    core = world.core
    answer = await world.tell(given.alert("web-01", DISK))
    number = given.number(given.results(answer)[0]["incident_id"])
    now = core.clock.now()

    async def past(tx: Any) -> None:
        incident = await tx.incidents.get(number)
        for place in range(12):
            outcome = Outcome(
                run_id=f"r{place}",
                company_id=world.acme.id,
                runbook_id="disk-clean-up",
                signature=incident.signature,
                finished_at=now,
                verdict=Verdict.HELD if place else Verdict.CAME_BACK,
                after=None if place else timedelta(hours=3),
            )
            tx.runs.judged(outcome)
            elsewhere = replace(outcome, run_id=f"g{place}", company_id=world.globex.id)
            tx.runs.judged(replace(elsewhere, verdict=Verdict.FAILED))

    await core.write(past)
    view = await core.read(lambda tx: incident_view(tx, number, catalogue=core.catalogue, now=now))
    assert view is not None and view.best is not None
    assert view.best.id == "disk-clean-up"
    said = repr(incident_card(view).elements)
    assert "held 11 of 12 times at Acme" in said
    assert "Globex" not in said


FINISHED = START


@pytest.mark.parametrize(
    ("back", "firing", "hours", "verdict"),
    [
        (None, False, 1, None),
        (None, True, 23, None),
        (None, False, 24, Verdict.HELD),
        (None, True, 24, Verdict.NO_EFFECT),
        (0.5, True, 1, Verdict.CAME_BACK),
        (23.9, False, 24, Verdict.CAME_BACK),
        (24.1, True, 25, Verdict.NO_EFFECT),
    ],
)
def test_the_verdict(back: float | None, firing: bool, hours: float, verdict: Verdict | None) -> None:
    run = a_run(RunStatus.SUCCEEDED)
    at = FINISHED + timedelta(hours=back) if back is not None else None
    found = judge(run, back_at=at, firing=firing, now=FINISHED + timedelta(hours=hours))
    assert (found[0] if found else None) is verdict


def a_run(status: RunStatus) -> Run:
    from tests.runbooks.test_approvals import approved

    return replace(approved(), status=status, started_at=FINISHED, finished_at=FINISHED)


def test_what_is_likelier_to_hold_comes_first_and_few_runs_prove_little() -> None:
    some = [one for one in catalogue.load().all() if one.risk is Risk.LOW and one.purpose is Purpose.FIX][:3]
    first, second, third = some
    assert ranked(some, {}, {}) == some
    assert ranked(some, {third.id: Rate(11, 12)}, {})[0] == third
    assert ranked(some, {first.id: Rate(0, 3)}, {})[-1] == first
    assert ranked(some, {}, {second.id: Rate(40, 40)})[0] == second
    assert likely(Rate(1, 1), Rate()) < likely(Rate(11, 12), Rate())
    assert words(Verdict.CAME_BACK, timedelta(hours=7)) == "came back after 7 h"
    assert Rate(1, 1).words("Acme") == "held the one time it ran at Acme"


@generated(st.integers(0, 60), st.integers(0, 60))
def test_promotion_needs_much_evidence_and_no_failure(held: int, failed: int) -> None:
    rate = Rate(held, held + failed)
    assert 0 <= rate.low <= (held / (held + failed) if rate.of else 0) + 1e-9
    if worth_promoting(Rate(max(0, held - 1), max(0, held - 1)), rate):
        assert failed == 0
        assert held >= holding.ENOUGH_RUNS
        assert rate.low >= holding.SURE


def test_sixteen_of_sixteen_are_enough_once() -> None:
    assert not worth_promoting(Rate(14, 14), Rate(15, 15))
    assert worth_promoting(Rate(15, 15), Rate(16, 16))
    assert not worth_promoting(Rate(16, 16), Rate(17, 17))


async def test_enough_evidence_is_put_before_an_admin_and_changes_nothing_by_itself(
    world: World, clock: Any
) -> None:
    core = world.core
    run = await healed(world)
    root = given.actor(world.root)
    where = configure.Where(Origin.COMPANY, "acme")
    setting = SETTINGS["runbooks"]

    async def past(tx: Any) -> None:
        await configure.put(
            tx, where, setting, {"disk-clean-up": "propose"}, actor=root, now=core.clock.now()
        )
        incident = await tx.incidents.get(run.incident_id)
        for place in range(15):
            outcome = Outcome(
                run_id=f"r{place}",
                company_id=world.acme.id,
                runbook_id="disk-clean-up",
                signature=incident.signature,
                finished_at=core.clock.now(),
                verdict=Verdict.HELD,
            )
            tx.runs.judged(outcome)

    await core.write(past)
    clock.advance(hours=24)
    await measured(world, run)
    assert "Clean up disk space held 16 of 16 times at Acme for this problem" in await told(world, run)
    assert await mode(world) is Autonomy.PROPOSE


async def test_what_fires_again_while_somebody_keeps_the_incident_open_came_back(
    world: World, clock: Any
) -> None:
    """Kim has it in hand, so a recovery does not close it: that it fires anew and stops is no fix that held."""
    (given_,) = given.results(await world.tell(given.alert("web-01", DISK)))
    number = given.number(given_["incident_id"])
    actor = given.actor(world.kim)
    core = world.core
    await core.write(lambda tx: respond.claim(tx, number, actor=actor, now=clock.now()))

    async def by_hand(tx: Any) -> Run:
        return await request(
            tx,
            await tx.incidents.get(number),
            core.catalogue.get("disk-clean-up"),
            {},
            context=await tx.companies.context(world.acme.id),
            actor=actor,
            now=core.clock.now(),
            reason="",
        )

    run = await core.write(by_hand)
    clock.advance(minutes=1)
    end = over(SUCCEEDED, stdout="made room", exit_code=0)
    run = await carried(core, run.id, Provider(polls=[end, end]))
    clock.advance(seconds=30)
    await world.tell(given.alert("web-01", DISK))  # monitoring repeats itself before it looks again
    clock.advance(minutes=1)
    await world.tell(given.recovery("web-01", DISK))
    clock.advance(minutes=15)
    assert (await measured(world, run)).held == ""
    clock.advance(minutes=20)
    await world.tell(given.alert("web-01", DISK))
    clock.advance(minutes=2)
    await world.tell(given.recovery("web-01", DISK))
    clock.advance(minutes=30)
    assert (await measured(world, run)).held == "came back after 36 min"
    kept = await core.read(lambda tx: tx.incidents.get(number))
    assert kept is not None and kept.open


@pytest.mark.parametrize(
    ("changes", "firing", "since", "again"),
    [
        ((0.0, 60.0), 0, 30, None),
        ((0.0, 60.0, 90.0), 1, 30, 90.0),
        ((0.0, 60.0, 90.0, 95.0), 0, 30, 90.0),
        ((0.0,), 1, 30, None),
        ((0.0, 60.0, 90.0), 1, 100, None),
    ],
)
def test_when_it_began_to_fire_anew(
    changes: tuple[float, ...], firing: int, since: float, again: float | None
) -> None:
    def at(seconds: float) -> float:
        return START.timestamp() + seconds

    track = Track(changes=tuple(at(one) for one in changes), rounds=(Round(at(0.0)),)).pack()
    incident = replace(INCIDENT, firing=firing, track=track)
    found = holding.fired_again(incident, START + timedelta(seconds=since))
    assert (found and (found - START).total_seconds()) == again
    assert holding.fired_again(replace(incident, held=1), START) is None

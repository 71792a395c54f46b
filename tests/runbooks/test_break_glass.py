"""When a run may start though nobody agreed; what starts nothing; and that somebody else signs."""

from __future__ import annotations

from dataclasses import replace
from datetime import time, timedelta
from typing import Any

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from bot.actions.runs import BreakGlass, SignReview
from bot.cards.card import Asked
from bot.handlers.dispatch import handle
from bot.place import Place
from engine.alert import Severity
from engine.audit import AuditKind
from engine.company import CompanyContext, User, configured
from engine.errors import Refused
from engine.incident import IncidentStatus
from engine.oncall import Layer, Rotation
from engine.operations import configure
from engine.operations.configure import Where
from engine.setting import Origin, setting_called
from runbooks import catalogue
from runbooks.break_glass import SHORTEST_REASON, UNANSWERED, reachable, why_not
from runbooks.custom import CUSTOM
from runbooks.operations import break_glass, carry, decide, request
from runbooks.run import Approval, Run, RunStatus
from tests import given
from tests.given import World
from tests.runbooks.memory import ACME, ANA, DISK, KIM, LEE, MAX, NOW, VIC, Memory, acting
from tests.runbooks.test_stored_runs import asked, stored

LIBRARY = catalogue.load()
REASON = "the shop is down, nobody picks up the phone"
CRITICAL = replace(DISK, severity=Severity.CRITICAL)
LINKED = tuple(replace(user, slack_user=f"U{user.id}") for user in (KIM, LEE, MAX, ANA, VIC))
UNLINKED = (KIM, LEE, MAX, ANA, VIC)


RUN = request.plan(
    DISK,
    LIBRARY.get("restart-service"),
    {"unit": "nginx"},
    None,
    context=Memory().context,
    actor=acting(KIM),
    now=NOW,
    reason="",
)


def allowed(run: Run, **changes: Any) -> str | None:
    asked: dict[str, Any] = {"incident": CRITICAL, "earlier": (), "now": NOW}
    around = {name: changes.pop(name) for name in ("company", "people", "rotations") if name in changes}
    return why_not(run, context=there(**around), **asked | changes)


def there(**changes: Any) -> CompanyContext:
    given_: dict[str, Any] = {
        "company": configured(ACME, break_glass=["restart-service"]),
        "people": UNLINKED,
        "rotations": (),
    }
    return replace(Memory().context, **given_ | changes)


def plan(*people: User, hours: str = "", layer_hours: str = "") -> Rotation:
    """These take turns of a day, the first of them on the day of NOW."""
    layer = Layer(tuple(one.id for one in people), 1, NOW.date(), time(0), hours=layer_hours)
    return Rotation(id=1, name="admins", hours=hours, layers=(layer,))


LATER = NOW + UNANSWERED
BY_MAX = Approval(by=MAX.id, name="Max", at=NOW + timedelta(minutes=18))


def test_the_table_of_when_the_glass_may_be_broken() -> None:
    run = RUN
    leave = tuple(
        replace(one, leave_from=NOW - timedelta(days=1), leave_until=NOW + timedelta(days=1))
        for one in LINKED
    )
    expired = replace(
        run, id="0", status=RunStatus.EXPIRED, finished_at=NOW - timedelta(minutes=5), requested_by_name="Kim"
    )
    rejected = replace(
        run, id="0", status=RunStatus.REJECTED, decided_at=NOW - timedelta(hours=2), decided_by_name="Max"
    )
    table: list[tuple[str, str | None]] = [
        ("nobody linked", allowed(run)),
        ("nobody at work", allowed(run, people=tuple(replace(one, available=False) for one in LINKED))),
        ("all on leave", allowed(run, people=leave)),
        ("nobody answered", allowed(run, people=LINKED, now=LATER)),
        ("nobody answered the one before", allowed(run, people=LINKED, earlier=[expired])),
    ]
    assert [(case, why) for case, why in table if why is not None] == []
    refused = {
        "is not registered": allowed(run, company=ACME),
        "not registered": allowed(replace(run, runbook_id=CUSTOM), now=LATER),
        "critical incidents only": allowed(run, incident=DISK),
        "open critical": allowed(run, incident=replace(CRITICAL, status=IncidentStatus.RESOLVED)),
        "incidents only": allowed(run, incident=None),
        "Max, Ana can be reached": allowed(run, people=LINKED),
        "can be reached": allowed(run, people=LINKED, now=LATER - timedelta(seconds=1)),
        "Max agreed": allowed(replace(run, approvals=(BY_MAX,)), now=LATER),
        "Max looks at it": allowed(replace(run, looking=(BY_MAX,)), now=LATER),
        "Max said no": allowed(run, earlier=[rejected], now=LATER),
    }
    assert [(words, why) for words, why in refused.items() if why is None or words not in why] == []
    old = replace(expired, finished_at=NOW - timedelta(hours=2))
    assert allowed(run, people=LINKED, earlier=[old]) is not None, "that was another night"
    other = replace(expired, runbook_id="swap-reset")
    assert allowed(run, people=LINKED, earlier=[other]) is not None


def test_who_is_on_call_is_who_can_be_reached() -> None:
    """Max and Ana could agree, and both are linked and at work."""
    away = tuple(
        replace(one, leave_from=NOW - timedelta(days=1), leave_until=NOW + timedelta(days=1))
        if one.id == MAX.id
        else one
        for one in LINKED
    )
    at_night = "mon-sun 22:00-06:00"
    table: list[tuple[str, set[int], dict[str, Any]]] = [
        ("no plan", {MAX.id, ANA.id}, {}),
        ("it is the turn of one of them", {MAX.id}, {"rotations": (plan(MAX, ANA),)}),
        ("whoever is in no plan is at work as ever", {MAX.id, ANA.id}, {"rotations": (plan(MAX),)}),
        ("it is the turn of one who is on leave", set(), {"rotations": (plan(MAX, ANA),), "people": away}),
        (
            "nobody's turn in a plan that wants one",
            set(),
            {"rotations": (plan(MAX, ANA, layer_hours=at_night),)},
        ),
        (
            "by day, when the plan is for nights",
            {MAX.id, ANA.id},
            {"rotations": (plan(MAX, ANA, hours=at_night),)},
        ),
        ("a technician's turn says nothing of them", {MAX.id, ANA.id}, {"rotations": (plan(KIM),)}),
    ]
    for case, who, changes in table:
        around = there(**{"people": LINKED, **changes})
        assert {one.id for one in reachable(RUN, around, NOW)} == who, case
        why = allowed(RUN, **{"people": LINKED, **changes})
        assert (why is None) == (not who), (case, why)


@drawn(
    registered=st.booleans(),
    severity=st.sampled_from(Severity),
    is_open=st.booleans(),
    linked=st.sets(st.sampled_from([user.id for user in UNLINKED])),
    minutes=st.integers(0, 29),
    agreed=st.booleans(),
)
def test_it_is_possible_only_when_every_condition_holds(
    registered: bool,
    severity: Severity,
    is_open: bool,
    linked: set[int],
    minutes: int,
    agreed: bool,
) -> None:
    run = replace(RUN, approvals=(BY_MAX,) if agreed else ())
    people = [replace(one, slack_user="U") if one.id in linked else one for one in UNLINKED]
    status = IncidentStatus.NEW if is_open else IncidentStatus.RESOLVED
    now = NOW + timedelta(minutes=minutes)
    why = allowed(
        run,
        company=configured(ACME, break_glass=["restart-service"] if registered else []),
        incident=replace(DISK, severity=severity, status=status),
        people=people,
        now=now,
    )
    found = linked & {MAX.id, ANA.id} - ({MAX.id} if agreed else set())
    holds = registered and severity is Severity.CRITICAL and is_open and not agreed
    holds = holds and (not found or now - run.requested_at >= UNANSWERED)
    assert (why is None) == holds, why
    assert {one.id for one in reachable(run, there(people=people), now)} == found


# -- the same on real databases --------------------------------------------------------------------------------------


async def register(world: World, *ids: str) -> None:
    async def put(tx: Any) -> None:
        company = (await tx.companies.context(world.acme.id)).company
        await tx.companies.configure(configured(company, break_glass=sorted(ids)))

    await world.core.write(put)


async def change(world: World, user: User, **changes: Any) -> None:
    async def put(tx: Any) -> None:
        await tx.users.change(replace(await tx.users.get(user.id), **changes))

    await world.core.write(put)


def press(world: World, waiting: Run, user: User, **changes: Any) -> Any:
    values: dict[str, Any] = {"run": waiting.id, "digest": waiting.digest, "text": REASON} | changes
    act = BreakGlass(**values)
    return handle(world.core, act, actor=given.actor(user), place=Place(company_id=world.acme.id))


async def critical(world: World) -> Run:
    """A waiting high-risk run in a critical incident, registered for break-glass, and nobody there to agree."""
    await register(world, "restart-service")
    await change(world, world.root, slack_user=None)
    return await asked(world, "restart-service", unit="nginx")


async def kinds(world: World) -> list[AuditKind]:
    async def look(tx: Any) -> list[AuditKind]:
        return [one.entry.kind async for one in tx.audit.chain(world.acme.id)]

    return await world.core.read(look)


async def starts(world: World, run: Run) -> bool:
    """Would the worker send it now?"""
    now = world.core.clock.now()
    catalogue_ = world.core.catalogue
    step = await world.core.write(lambda tx: carry.mark_starting(tx, run.id, catalogue=catalogue_, now=now))
    return step is not None


async def test_it_starts_at_once_all_admins_are_told_and_another_admin_signs(world: World) -> None:
    core, run = world.core, await critical(world)
    assert isinstance(await press(world, run, world.kim, text=None), Asked)
    await press(world, run, world.kim)
    await press(world, run, world.kim)  # twice is once
    broken = await stored(core, run.id)
    assert (broken.status, broken.broken_by, broken.decided_by) == (RunStatus.APPROVED, world.kim.id, None)
    assert broken.decision_note == REASON and broken.digest == run.digest
    assert (await kinds(world)).count(AuditKind.GLASS_BROKEN) == 1
    waiting = await core.read(lambda tx: tx.notices.waiting("chat", f"user {world.root.id}"))
    assert [one.key for one in waiting] == [f"glass:{run.id}"] and waiting[0].urgent
    assert await core.read(lambda tx: tx.notices.waiting("chat", f"user {world.ada.id}"))
    assert not await core.read(lambda tx: tx.notices.waiting("chat", f"user {world.bob.id}"))
    assert await starts(world, run)
    await reviewed(world, run)


async def reviewed(world: World, run: Run) -> None:
    core = world.core
    core.clock.advance(hours=25)  # type: ignore[attr-defined]
    for _ in range(2):
        await core.write(lambda tx: break_glass.remind(tx, run.id, now=core.clock.now()))
    waiting = await core.read(lambda tx: tx.notices.waiting("chat", f"user {world.root.id}"))
    assert [one.key for one in waiting] == [f"glass:{run.id}", f"review:{run.id}:1"]
    for user, code in ((world.kim, "denied"), (world.ada, "denied"), (world.eve, "not_found")):
        with pytest.raises(Refused) as refused:
            await sign(world, run, user)
        assert refused.value.code == code
    with pytest.raises(Refused, match="needs a note"):
        await sign(world, run, world.root, " ")
    assert [one.run_id for one in await core.read(lambda tx: tx.reviews.of([world.acme.id]))] == [run.id]
    await sign(world, run, world.root)
    await sign(world, run, world.root)
    assert await core.read(lambda tx: tx.reviews.of([world.acme.id])) == []
    (review,) = await core.read(lambda tx: tx.reviews.of([world.acme.id], open_only=False))
    assert (review.signed_by, review.note) == (world.root.id, "right so")
    assert await core.write(lambda tx: break_glass.remind(tx, run.id, now=core.clock.now())) is None
    found = await kinds(world)
    assert (found.count(AuditKind.REVIEW_SIGNED), found.count(AuditKind.REVIEW_REMINDED)) == (1, 1)


def sign(world: World, run: Run, user: User, note: str = "right so") -> Any:
    act = SignReview(run.id, note)
    return handle(world.core, act, actor=given.actor(user), place=Place())


async def test_who_broke_it_cannot_sign_even_as_an_msp_admin(world: World) -> None:
    run = await critical(world)
    second = await world.core.write(lambda tx: given.user(tx, "Rob", world.root.role, slack_user=None))
    await press(world, run, second)
    with pytest.raises(Refused) as refused:
        await sign(world, run, second)
    assert refused.value.code == "own_request"
    await sign(world, run, world.root)


async def test_nothing_else_breaks_the_glass(world: World) -> None:
    """Each attempt against a run that could be broken but for one thing: refused, in the record, and nothing starts."""
    core, run = world.core, await critical(world)
    wrong = ("0" if run.digest[0] != "0" else "1") + run.digest[1:]
    attempts: list[tuple[str, Any, User, dict[str, Any]]] = [
        ("glass", {"link": "U-Root"}, world.kim, {}),
        ("glass", {"ids": ()}, world.kim, {}),
        ("glass", {"ids": ("reboot",)}, world.kim, {}),
        ("glass", {"severity": Severity.HIGH}, world.kim, {}),
        ("denied", {}, world.vera, {}),
        ("not_found", {}, world.eve, {}),
        ("digest_changed", {}, world.kim, {"digest": wrong}),
        ("digest_changed", {}, world.kim, {"digest": ""}),
        ("not_found", {}, world.kim, {"run": run.id[:-1] + "!"}),
        ("invalid", {}, world.kim, {"text": " " * 40 + "x" * (SHORTEST_REASON - 1)}),
    ]
    for code, changes, user, pressed in attempts:
        await arrange(world, run, **changes)
        with pytest.raises(Refused) as refused:
            await press(world, run, user, **pressed)
        assert refused.value.code == code, (refused.value.reason, changes, pressed)
        assert not await starts(world, run)
    found = await kinds(world)
    assert AuditKind.GLASS_BROKEN not in found and AuditKind.RUN_STARTING not in found
    assert found.count(AuditKind.REFUSED) >= len([one for one in attempts if one[0] in ("glass", "denied")])
    await arrange(world, run)
    core.clock.advance(minutes=31)  # type: ignore[attr-defined]
    with pytest.raises(Refused) as late:
        await press(world, run, world.kim)
    assert late.value.code == "expired"
    assert await core.read(lambda tx: tx.reviews.of([world.acme.id])) == []


async def arrange(
    world: World,
    run: Run,
    *,
    link: str | None = None,
    ids: tuple[str, ...] = ("restart-service",),
    severity: Severity = Severity.CRITICAL,
) -> None:
    await change(world, world.root, slack_user=link)
    await register(world, *ids)

    async def put(tx: Any) -> None:
        incident = await tx.incidents.get(run.incident_id)
        await tx.incidents.save(incident, replace(incident, severity=severity))

    await world.core.write(put)


async def test_what_is_taken_back_between_the_press_and_the_start_stops_it(world: World) -> None:
    run = await critical(world)
    await press(world, run, world.kim)
    await register(world)
    assert not await starts(world, run)
    assert (await stored(world.core, run.id)).status is RunStatus.VOID


async def test_an_answer_after_the_call_closes_it_and_an_approval_still_wins(world: World) -> None:
    core, run = world.core, await critical(world)
    await change(world, world.root, slack_user="U-Root")
    core.clock.advance(minutes=20)  # type: ignore[attr-defined]
    await core.write(lambda tx: decide.look(tx, run.id, actor=given.actor(world.root), now=core.clock.now()))
    with pytest.raises(Refused, match="Root looks at it"):
        await press(world, run, world.kim)
    await core.write(
        lambda tx: decide.approve(
            tx,
            run.id,
            run.digest,
            actor=given.actor(world.root),
            catalogue=core.catalogue,
            now=core.clock.now(),
        )
    )
    with pytest.raises(Refused, match="approved already"):
        await press(world, run, world.kim)
    assert (await stored(core, run.id)).broken_by is None


async def test_only_msp_admins_register_runbooks_for_it(world: World) -> None:
    setting, core = setting_called("break-glass"), world.core
    where = Where(Origin.COMPANY, "acme")
    kept = setting.read("Restart-Service, reboot")
    assert setting.words(kept) == "reboot, restart-service"

    def put(user: User) -> Any:
        now = core.clock.now()
        return core.write(
            lambda tx: configure.put(tx, where, setting, kept, actor=given.actor(user), now=now)
        )

    with pytest.raises(Refused, match="Only MSP admins"):
        await put(world.ada)
    await put(world.root)
    company = await core.read(lambda tx: tx.companies.get(world.acme.id))
    assert company is not None and "restart-service" in company.value("break_glass")

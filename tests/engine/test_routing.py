"""Who should get an incident: never somebody who is away or full, always the same one, and why."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.shift.leave_words import leave
from engine.alert import Severity
from engine.company import Role, User
from engine.errors import Refused
from engine.routing import Choice, Load, Wanted, choose, wanted_skills
from tests import given as a
from tests.clock import START

KIM = a.a_user("Kim", id=1, skills={"linux"})
BOB = a.a_user("Bob", id=2, skills={"windows"})


def _choose(
    *people: User,
    loads: Mapping[int, int] | None = None,
    category: str = "disk",
    platform: str = "linux",
    exclude: frozenset[int] = frozenset(),
    **more: Any,
) -> Choice:
    want = Wanted(company_id=1, skills=wanted_skills(category, platform), exclude=exclude, **more)
    return choose(people, {one: Load(many, many) for one, many in (loads or {}).items()}, want, now=START)


def test_the_skill_that_fits_goes_before_the_lower_load() -> None:
    choice = _choose(BOB, KIM, loads={KIM.id: 5})
    assert choice.user == KIM and choice.reason == "Kim: linux ✓, 5 open"


def test_among_equals_the_least_loaded_then_the_longest_here() -> None:
    twin = a.a_user("Lee", id=3, skills={"linux"})
    assert _choose(KIM, twin, loads={KIM.id: 1}).user == twin
    assert _choose(twin, KIM).user == KIM


def test_nobody_with_the_skill_is_better_than_nobody() -> None:
    choice = _choose(BOB)
    assert choice.user == BOB and "no one free has" in choice.reason


def test_those_who_cannot_are_named_with_their_reason() -> None:
    leave = a.a_user("Ann", id=3, leave_from=START, leave_until=START + timedelta(days=1))
    off = a.a_user("Oli", id=4, available=False)
    full = a.a_user("Fay", id=5, workload_limit=2)
    choice = _choose(leave, off, full, loads={full.id: 2})
    assert choice.user is None
    assert choice.reason == "nobody is free: Ann on leave; Oli unavailable; Fay is full (2/2)"
    assert _choose().reason == "no technician serves this company"


def test_who_gave_it_back_does_not_get_it_again() -> None:
    assert _choose(KIM, BOB, exclude=frozenset({KIM.id})).user == BOB


def test_leave_begins_and_ends_on_the_second() -> None:
    def away(begin: int | None, end: int) -> bool:
        begins = None if begin is None else START + timedelta(seconds=begin)
        return a.a_user(leave_from=begins, leave_until=START + timedelta(seconds=end)).on_leave(START)

    assert away(None, 1) and away(0, 1) and away(-5, 5)
    assert not away(None, 0) and not away(1, 5) and not away(-5, -1)
    assert not a.a_user(leave_from=START).on_leave(START)


def test_the_platform_narrows_the_skills() -> None:
    assert wanted_skills("disk", "linux") == {"linux", "storage"}
    assert wanted_skills("disk", "Windows") == {"windows", "storage"}
    assert wanted_skills("disk", "") == {"linux", "windows", "storage"}
    assert wanted_skills("other", "linux") == {"linux"}
    assert wanted_skills("other", "") == frozenset()


PEOPLE = st.lists(
    st.builds(
        lambda number, skills, limit, available, leave: a.a_user(
            f"P{number}",
            id=number,
            skills=skills,
            workload_limit=limit,
            available=available,
            leave_until=START + timedelta(days=leave),
        ),
        number=st.integers(1, 50),
        skills=st.frozensets(st.sampled_from(["linux", "windows", "network", "storage"])),
        limit=st.integers(0, 5),
        available=st.booleans(),
        leave=st.sampled_from([-1, 0, 1]),
    ),
    max_size=8,
    unique_by=lambda user: user.id,
)


@given(PEOPLE, st.dictionaries(st.integers(1, 50), st.integers(0, 6)), st.randoms(use_true_random=False))
def test_the_choice_is_fair_and_does_not_depend_on_the_order(
    people: list[User], loads: dict[int, int], dice: random.Random
) -> None:
    choice = _choose(*people, loads=loads)
    shuffled = dice.sample(people, len(people))
    assert _choose(*shuffled, loads=loads).user == choice.user
    free = [
        one
        for one in people
        if one.available and not one.on_leave(START) and loads.get(one.id, 0) < one.workload_limit
    ]
    assert (choice.user is None) == (not free)
    if choice.user is not None:
        assert choice.user in free
        skills = wanted_skills("disk", "linux")
        able = [one for one in free if one.skills & skills] or free
        assert choice.user in able
        assert loads.get(choice.user.id, 0) == min(loads.get(one.id, 0) for one in able)


def test_only_technicians_of_the_company_are_asked() -> None:
    from engine.company import Company, CompanyContext

    people = (
        KIM,
        a.a_user("Ada", Role.COMPANY_ADMIN, id=7, companies={1}),
        a.a_user("Lee", id=8, companies={1}),
    )
    context = CompanyContext(company=Company(id=1, slug="acme", name="Acme"), assets=(), people=people)
    assert [one.name for one in context.technicians] == ["Lee"]


def test_who_is_on_call_then_the_skill_then_who_prefers_it_then_the_lighter_load():
    here = a.a_user("Ann", id=5, skills={"linux"}, prefers=frozenset({1}))
    twin = a.a_user("Oli", id=6, skills={"linux"})
    assert _choose(twin, here, loads={here.id: 4}).reason == "Ann: linux ✓, 4 open, prefers this company"
    assert _choose(BOB, here, on_call=frozenset({BOB.id})).reason.startswith("Bob: on call, no one free has")
    assert _choose(BOB, skilled=True).reason == "nobody is free: Bob has none of the skills"
    full = a.a_user("Fay", id=7, skills={"linux"}, workload_limit=2)
    assert _choose(full, loads={7: 2}, urgent=True).user == full


def test_a_critical_weighs_more_than_a_few_small_ones():
    small, large = Load(), Load()
    for _ in range(3):
        small = small.plus(Severity.LOW)
    large = large.plus(Severity.CRITICAL)
    kim, ann = a.a_user("Kim", id=1, skills={"linux"}), a.a_user("Ann", id=2, skills={"linux"})
    want = Wanted(company_id=1, skills=frozenset({"linux"}))
    assert choose([kim, ann], {1: large, 2: small}, want, now=START).user == ann


ZONES = sorted(available_timezones() - {"localtime"})


@given(
    zone=st.sampled_from(ZONES),
    hour=st.integers(0, 3 * 365 * 24),
    words=st.sampled_from(
        [
            "until friday",
            "until mon",
            "mon-fri",
            "sat-sun",
            "today",
            "tomorrow",
            "3d",
            "fri",
            "until 2028-06-01",
        ]
    ),
    seconds=st.integers(-2, 2),
)
def test_nobody_gets_anything_while_on_leave_at_any_midnight_of_any_zone(zone, hour, words, seconds):
    """Whole days on the person's own clock, whatever that clock does that night."""
    now = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(hours=hour)
    begin, end = leave(words.split(), now, zone)
    assert now <= begin < end
    away = a.a_user("Kim", id=1, timezone=zone, leave_from=begin, leave_until=end)
    want = Wanted(company_id=1, skills=frozenset())
    for moment in (begin, end):
        at = moment + timedelta(seconds=seconds)
        got = choose([away], {}, want, now=at).user
        assert (got is None) == (begin <= at < end)
    if words != "3d":
        local = end.astimezone(ZoneInfo(zone))
        before = (end - timedelta(seconds=1)).astimezone(ZoneInfo(zone))
        assert before.date() < local.date(), "it ends as a day begins"


@pytest.mark.parametrize(
    ("words", "begin", "end"),
    [  # it is Wednesday 2026-03-04, 10:00 in Vienna
        ("until friday", None, "2026-03-05T23:00"),
        ("until wed", None, "2026-03-10T23:00"),
        ("until 18:00", None, "2026-03-04T17:00"),
        ("until fri 14:00", None, "2026-03-06T13:00"),
        ("mon-fri", None, "2026-03-06T23:00"),
        ("thu-fri", "2026-03-04T23:00", "2026-03-06T23:00"),
        ("2h", None, "2026-03-04T11:00"),
        ("from 2026-12-24 to 2027-01-02", "2026-12-23T23:00", "2027-01-02T23:00"),
    ],
)
def test_leave_as_people_say_it(words, begin, end):
    found = leave(words.split(), START, "Europe/Vienna")
    starts = START if begin is None else datetime.fromisoformat(begin).replace(tzinfo=UTC)
    assert found == (starts, datetime.fromisoformat(end).replace(tzinfo=UTC))


@pytest.mark.parametrize("words", ["", "until", "soon", "until soon", "2026-12-24 2026-12-01", "mon tue wed"])
def test_what_is_no_leave_is_asked_for(words):
    with pytest.raises(Refused):
        leave(words.split(), START, "UTC")


@pytest.mark.alone
def test_among_a_thousand_technicians_within_five_milliseconds():
    people = [
        a.a_user(f"P{one}", id=one, skills={"linux"} if one % 3 else {"windows"}, workload_limit=50)
        for one in range(1, 1001)
    ]
    loads = {one.id: Load(one.id % 40 + 1, (one.id * 7) % 300) for one in people}
    want = Wanted(company_id=1, skills=frozenset({"linux"}))
    took = []
    for _ in range(20):
        since = time.perf_counter()
        found = choose(people, loads, want, now=START).user
        took.append(time.perf_counter() - since)
    assert found is not None and min(took) < 0.005

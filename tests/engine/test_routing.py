"""Who should get an incident: never somebody who is away or full, always the same one, and why."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from engine.company import Role, User
from engine.routing import Choice, choose, wanted_skills
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
) -> Choice:
    return choose(people, loads or {}, category=category, platform=platform, now=START, exclude=exclude)


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

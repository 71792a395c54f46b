"""What follows what: strong only after many times, measured against chance, bounded, faded, deterministic."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import relations
from engine.evidence import JOIN
from engine.relations import Follows, Relations

HOUR, DAY = 3600.0, 86400.0


def weeks(
    learned: Relations,
    days: int,
    *,
    start: float = 0.0,
    apart: float = 40.0,
    chance: random.Random | None = None,
) -> None:
    """Every day the database and then the application; and now and then something that has to do with neither."""
    chance = chance or random.Random(7)
    for day in range(days):
        at = start + day * DAY + chance.uniform(0, 20 * HOUR)
        learned.begins("db-01", "host unreachable", at)
        learned.begins("app-01", "service down", at + apart)
        for _ in range(3):
            learned.begins(
                f"pc-{chance.randrange(5)}", "disk full", start + day * DAY + chance.uniform(0, DAY)
            )


def asked(
    learned: Relations, at: float, *, asset: str = "app-01", signature: str = "service down"
) -> list[Follows]:
    learned.begins("db-01", "host unreachable", at)
    return learned.begins(asset, signature, at + 40)


@pytest.mark.parametrize(
    ("days", "least", "most"),
    [(0, 0.0, 0.0), (1, 0.1, 0.45), (3, 0.45, 0.8), (8, JOIN, 1.2), (30, JOIN, 1.2)],
)
def test_once_relates_and_often_joins(days: int, least: float, most: float) -> None:
    learned = Relations()
    for number in range(20):  # a company in which other things happen too
        learned.begins(f"printer-{number % 4}", "out of paper", number * HOUR)
        learned.begins(f"scanner-{number % 4}", "lamp cold", number * HOUR + 30)
    weeks(learned, days, start=DAY)
    found = asked(learned, DAY + days * DAY)
    assert least <= sum(one.weight for one in found) <= most, found


def test_the_reason_counts() -> None:
    learned = Relations()
    weeks(learned, 8)
    (found,) = asked(learned, 8 * DAY + HOUR)
    assert (found.asset, found.later) == ("db-01", "app-01")
    # eight, of which the oldest have faded
    assert str(found) == "app-01 has followed db-01 within 2 min 7 of the last 7 times"


def test_it_says_so_when_neither_leads() -> None:
    learned = Relations()
    for day in range(8):
        for place, asset in enumerate(("db-01", "app-01") if day % 2 else ("app-01", "db-01")):
            learned.begins(asset, "service down", day * HOUR + place * 30)
    learned.begins("db-01", "service down", 9 * HOUR)
    (found,) = learned.begins("app-01", "service down", 9 * HOUR + 5)
    assert str(found) == "app-01 and db-01 began within 2 min of each other 8 of the last 8 times"


def test_more_than_two_minutes_later_is_nothing() -> None:
    learned = Relations()
    weeks(learned, 20, apart=relations.WITHIN + 1)
    learned.begins("db-01", "host unreachable", 30 * DAY)
    assert learned.begins("app-01", "service down", 30 * DAY + relations.WITHIN + 1) == []


def test_what_always_talks_follows_nothing() -> None:
    """It begins every ten minutes: no wonder that it is near whatever happens."""
    learned = Relations()
    for step in range(6 * 24 * 14):
        learned.begins("probe", "high latency", step * 600.0)
        if step % 72 == 5:
            learned.begins("db-01", "host unreachable", step * 600.0 + 60)
    assert learned.begins("probe", "high latency", 6 * 24 * 14 * 600.0) == []


def test_systems_that_fail_at_the_same_time_are_told_apart() -> None:
    """Two systems of four assets, both in trouble several times a day and often at once."""
    learned, chance = Relations(), random.Random(3)
    for _ in range(60):
        lines = []
        for system in ("red", "blue"):
            began = chance.uniform(0, 240)
            lines += [
                (began + chance.uniform(0, 60), f"{system}{n}") for n in range(4) if chance.random() < 0.9
            ]
        base = learned.until + 4 * HOUR if learned.epoch is not None else 0.0
        for at, asset in sorted(lines):
            learned.begins(asset, "service down", base + at)
    base = learned.until + 4 * HOUR
    learned.begins("red0", "service down", base)
    learned.begins("blue0", "service down", base + 1)
    weight = {one.asset: one.weight for one in learned.begins("red1", "service down", base + 2)}
    assert weight["red0"] > JOIN
    assert weight.get("blue0", 0.0) < 0.8 * JOIN


def test_half_lives() -> None:
    """What stopped happening half a year ago says less than what still does, and what goes on without it tells."""
    fresh, old = Relations(), Relations()
    weeks(fresh, 10, start=180 * DAY)
    weeks(old, 10, start=0.0)
    for day in range(60):
        old.begins("db-01", "host unreachable", 100 * DAY + day * DAY)
        old.begins("app-01", "service down", 100 * DAY + day * DAY + 6 * HOUR)
    faded = sum(one.weight for one in asked(old, 191 * DAY))
    assert faded < 0.2 < JOIN <= sum(one.weight for one in asked(fresh, 191 * DAY))


def test_the_same_alert_again_learns_nothing() -> None:
    once, twice = Relations(), Relations()
    for learned, times in ((once, 1), (twice, 4)):
        for number in range(times):
            learned.begins("db-01", "host unreachable", number * 20.0)
            learned.begins("app-01", "service down", 30 + number * 20.0)
    assert [sort.count for sort in once.sorts.values()] == [sort.count for sort in twice.sorts.values()]
    assert once.met == twice.met


events = st.lists(
    st.tuples(
        st.integers(0, 40), st.sampled_from(["service down", "disk full", "odd thing"]), st.floats(0, 900)
    ),
    max_size=300,
)


def told(found: list[tuple[int, str, float]], learned: Relations) -> list[list[Follows]]:
    at, said = 0.0, []
    for asset, signature, step in found:
        at += step
        said.append(learned.begins(f"a{asset}", signature, at))
    return said


@settings(max_examples=60, deadline=None)
@given(events)
def test_deterministic_and_within_bounds(found: list[tuple[int, str, float]]) -> None:
    one, other = Relations(), Relations()
    assert told(found, one) == told(found, other)
    for said in told(found, Relations()):
        for follows in said:
            assert 0.0 < follows.weight <= relations.STRONGEST
            assert str(follows)
    for sort in one.sorts.values():
        assert len(sort.partners) <= relations.MOST_PARTNERS
        for partner, pair in sort.partners.items():
            assert partner.partners[sort] is pair
            assert 0 <= pair.led <= pair.count


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relations, "MOST_SORTS", 50)
    monkeypatch.setattr(relations, "MOST_PARTNERS", 8)
    learned, chance = Relations(), random.Random(1)
    for number in range(20_000):
        learned.begins(f"a{chance.randrange(500)}", "service down", number * 30.0)
    assert len(learned.sorts) <= 50
    assert all(len(sort.partners) <= 8 for sort in learned.sorts.values())
    known = set(learned.sorts.values())
    assert all(other in known for sort in learned.sorts.values() for other in sort.partners)

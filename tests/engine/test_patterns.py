"""Storm, flapping, periodic, cascade, outbreak."""

from __future__ import annotations

import math
import random

import pytest

from engine.company import Asset
from engine.outbreak import Begun
from engine.patterns import OutbreakWatch, StormWatch, cascade, chance_of, flapping, outbreak, periodic
from engine.topology import Topology

HOUR, DAY = 3600.0, 86400.0


def test_flapping_begins_with_the_fifth_change_and_ends_with_quiet() -> None:
    changes = [60.0 * number for number in range(5)]
    assert flapping(changes[:4], 200.0) is None
    found = flapping(changes, 240.0)
    assert found is not None and found.text == "flapping ×5 in 4 min"
    assert flapping(changes, 240.0 + 901) is None


@pytest.mark.parametrize("seed", range(5))
def test_a_series_with_jitter_drift_and_skipped_rounds(seed: int) -> None:
    chance = random.Random(seed)
    nights = [night * (DAY + 120) + chance.uniform(-900, 900) for night in range(10) if night not in (4, 7)]
    found = periodic(nights[-8:])
    assert found is not None and abs(found.seconds - DAY) < 1800 and found.skipped
    assert "every 24" in found.text or "every 23" in found.text


def test_no_rhythm_in_two_rounds_in_chance_or_in_a_burst() -> None:
    assert periodic([0.0, DAY]) is None
    assert periodic([0.0, HOUR, 9 * HOUR, 11.5 * HOUR]) is None
    assert periodic([0.0, 60.0, 120.0, 180.0]) is None


def test_a_storm_is_many_alerts_of_many_kinds_and_is_told_once() -> None:
    watch = StormWatch()
    assert sum(watch.note(f"key {number % 30}", number / 2) for number in range(300)) == 1
    assert not any(watch.note("key 1", 1000 + number * 60) for number in range(5))
    one_kind = StormWatch()
    assert not any(one_kind.note("same", number / 10) for number in range(500))


def test_the_cascade_is_held_under_the_one_that_most_depend_on() -> None:
    needs = {"a": ("switch",), "b": ("switch",), "c": ("b",), "switch": ("power",)}
    topology = Topology(Asset(id=0, company_id=1, name=name, depends_on=to) for name, to in needs.items())
    found = cascade(["a", "b", "c", "switch"], topology)
    assert found is not None and (found.parent, found.children) == ("switch", ("a", "b", "c"))
    assert found.text == "3 children of switch held"
    assert cascade(["a", "b", "c"], topology) is None


def test_an_outbreak_is_three_companies_within_ten_minutes_and_is_told_once() -> None:
    watch = OutbreakWatch()
    assert watch.note("acme", "mail stuck", 0) is None
    assert watch.note("acme", "mail stuck", 10) is None
    assert watch.note("globex", "mail stuck", 20) is None
    found = watch.note("initech", "mail stuck", 300)
    assert found is not None and found.companies == ("acme", "globex", "initech")
    assert watch.note("umbrella", "mail stuck", 310) is None
    late = OutbreakWatch()
    assert [late.note(name, "mail stuck", at) for name, at in (("a", 0), ("b", 400), ("c", 800))] == [
        None
    ] * 3


def begun(*pairs: tuple[str, float]) -> list[Begun]:
    return [Begun(company, at) for company, at in pairs]


def test_what_is_everyday_noise_at_many_companies_is_no_outbreak() -> None:
    now, month = 40 * DAY, 14 * DAY
    recent = begun(("a", now - 60), ("b", now - 200), ("c", now - 500))
    found = outbreak("mail stuck", recent, [], now, known_for=month)
    assert found is not None and "3 companies within 10 min; as a rule it hardly ever does" in found.text
    often = [
        Begun(f"c{number % 40}", now - 900 - number * 432.0) for number in range(2800)
    ]  # 1.4 in ten minutes
    assert outbreak("disk full", recent, often, now, known_for=month) is None
    wide = begun(*((f"w{number}", now - number) for number in range(14)))
    found = outbreak("disk full", wide, often, now, known_for=month)
    assert found is not None and "as a rule 2 in such a time" in found.text
    nightly = [
        Begun(f"c{number % 4}", now - day * DAY + number * 60.0)
        for day in range(1, 14)
        for number in range(4)
    ]
    assert outbreak("backup failed", recent, nightly, now, known_for=month) is None, "they fail every night"
    by_day = [Begun(one.company, one.at - 6 * HOUR) for one in nightly]
    assert outbreak("backup failed", recent, by_day, now, known_for=month) is not None
    same = begun(("a", now - 1), ("a", now - 2), ("b", now - 3), ("b", now - 4))
    assert outbreak("mail stuck", same, [], now, known_for=month) is None
    assert (
        outbreak("mail stuck", begun(*((one, now - 700) for one in "abc")), [], now, known_for=month) is None
    )


@pytest.mark.parametrize(("count", "expected"), [(0, 0.3), (1, 0.3), (3, 0.01), (3, 2.0), (12, 3.5)])
def test_the_chance_is_poissons(count: int, expected: float) -> None:
    below = sum(math.exp(-expected) * expected**k / math.factorial(k) for k in range(count))
    assert chance_of(count, expected) == pytest.approx(1 - below, abs=1e-12)


@pytest.mark.parametrize("seed", range(2))
def test_days_of_unrelated_trouble_calls_no_outbreak_and_a_real_one_is_found(seed: int) -> None:
    """60 companies, 12 kinds of trouble, 1,500 incidents a day by chance; then one provider fails at nine."""
    chance, watch = random.Random(seed), OutbreakWatch()
    calls = []
    events = [
        (chance.uniform(0, 8 * DAY), f"c{chance.randrange(60)}", f"kind {chance.randrange(12)}")
        for _ in range(12_000)
    ]
    events += [(7 * DAY + number * 40.0, f"c{number}", "mail provider down") for number in range(9)]
    for at, company, signature in sorted(events):
        found = watch.note(company, signature, at)
        if found is not None and at > DAY:  # the first day nobody knows what is usual
            calls.append(found)
    assert [one.signature for one in calls] == ["mail provider down"]
    assert len(calls[0].companies) == 3

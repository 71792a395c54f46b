"""Storm, flapping, periodic, cascade, outbreak."""

from __future__ import annotations

import random

import pytest

from engine.company import Asset
from engine.patterns import OutbreakWatch, StormWatch, cascade, flapping, periodic
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

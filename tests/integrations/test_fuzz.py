"""A short run of `make fuzz`, and that it would find what it looks for."""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Mapping
from typing import Any

import pytest

import integrations
from engine.alert import Alert
from integrations import SOURCES
from tests.integrations import fuzz
from tests.integrations.fuzz import Findings, main, report, run
from tests.integrations.mutations import LARGEST, mutated, real_bodies

SEED = 20260504
BODIES = real_bodies()
TOOLS = sorted(SOURCES)


def last(numbers: range, seed: int = SEED) -> Findings:
    *_, found = run(seed, numbers, BODIES, TOOLS)
    return found


def test_five_thousand_mutated_bodies_give_no_5xx_and_no_wait():
    found = last(range(5_000))
    assert found.bodies == 5_000 and not found.faults and not found.slow, report(found, SEED, 0)
    assert set(found.answers) == {202, 400, 422} and min(found.answers.values()) > 250, "each kind is met"


def test_the_same_bodies_again_leave_nothing_behind_in_memory():
    last(range(400))
    gc.collect()
    tracemalloc.start()
    try:
        last(range(400))
        gc.collect()
        left, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert left < 512 * 1024


def test_a_body_is_the_same_for_the_same_seed_and_number():
    assert [mutated(SEED, number, BODIES, TOOLS) for number in range(200)] == [
        mutated(SEED, number, BODIES, TOOLS) for number in range(200)
    ]
    assert mutated(SEED, 1, BODIES, TOOLS) != mutated(SEED + 1, 1, BODIES, TOOLS)


def test_nearly_every_body_is_another_one_and_none_is_over_the_limit():
    made = [mutated(SEED, number, BODIES, TOOLS) for number in range(1_000)]
    assert len({(body.tool, body.data) for body in made}) > 900
    assert max(len(body.data) for body in made) <= LARGEST
    assert {body.tool for body in made} == set(TOOLS)


def _raises(_body: Any, _headers: Mapping[str, str]) -> list[Alert]:
    raise KeyError("alerts")


def _waits(_body: Any, _headers: Mapping[str, str]) -> list[Alert]:
    until = time.thread_time() + 0.02
    while time.thread_time() < until:
        pass
    return []


def _unstorable(_body: Any, _headers: Mapping[str, str]) -> list[Alert]:
    return [Alert(asset_name="a", signature="b", tool="x", message="\ud800")]


@pytest.mark.parametrize("broken", [_raises, _unstorable])
def test_a_parser_that_breaks_is_found(broken: integrations.Parse, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(SOURCES, "pagerduty", broken)
    found = last(range(1_500))
    assert found.faults and not found.clean and all("(pagerduty)" in one for one in found.faults)
    assert found.answers[500] == len(found.faults)


def test_a_parser_that_waits_is_found(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(SOURCES, "pagerduty", _waits)
    monkeypatch.setattr(fuzz, "SLOWEST", 0.015)
    found = last(range(300))
    assert found.slow and not found.clean and found.slowest[0] >= 0.02


def test_growth_is_a_finding():
    assert not Findings(growth=fuzz.MOST_GROWTH + 1).clean and Findings(growth=fuzz.MOST_GROWTH).clean


def test_one_body_alone_is_shown_and_run_again(capsys: pytest.CaptureFixture[str]):
    assert main(["--seed", str(SEED), "--only", "3"]) == 0
    body = mutated(SEED, 3, BODIES, TOOLS)
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == body.tool and shown[-1].startswith("(")


def test_the_work_is_shared_and_the_result_is_the_same(capsys: pytest.CaptureFixture[str]):
    assert main(["--seed", str(SEED), "--bodies", "600", "--jobs", "2"]) == 0
    said = capsys.readouterr().out
    alone = last(range(600))
    assert "600 mutated bodies" in said and f"{alone.alerts:,} alerts" in said and "5xx: 0" in said

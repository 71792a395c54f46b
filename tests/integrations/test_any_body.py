"""Whatever a sender puts into a field: alerts that can be kept, or a fault. Never another error, never a wait."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from time import perf_counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.alert import Alert, normal_asset, normal_signature
from engine.classification import classify
from integrations import SOURCES
from integrations.sources.decoding import decode
from integrations.sources.reading import KEY, LABEL, MESSAGE, NAME, Malformed
from tests.integrations.test_golden import OWN, truths
from tests.integrations.test_reading import json_values

SLOWEST = 0.05
"""Seconds that the parsing of one body may take."""


def bodies(tool: str) -> list[Any]:
    files = (OWN / case["file"] for case in truths(OWN) if case["tool"] == tool)
    return [decode(file.read_bytes()) for file in files if file.is_file()]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value inside."""
    yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, one in inside:
        yield from places(one, (*path, name))


def with_value(body: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    made = copy.deepcopy(body)
    at = made
    for name in path[:-1]:
        at = at[name]
    at[path[-1]] = value
    return made


def parsed(tool: str, body: Any) -> list[Alert]:
    """Its alerts, or none for a body that is refused. Slow once may be the machine; slow three times is the parser."""
    for _ in range(3):
        began = perf_counter()
        try:
            found = SOURCES[tool](body, {})
        except Malformed:
            found = []
        if perf_counter() - began < SLOWEST:
            return found
    raise AssertionError(f"{tool} takes longer than {SLOWEST} s for {json.dumps(body)[:500]}")


def check(alert: Alert) -> None:
    assert 0 < len(alert.asset_name) <= 2 * NAME and 0 < len(alert.signature) <= 4 * NAME
    assert alert.asset_name.strip() and alert.signature.strip()
    assert len(alert.message) <= MESSAGE and len(alert.dedup_key or "") <= KEY
    assert alert.dedup_key != ""
    assert alert.severity_word is None or 0 < len(alert.severity_word) <= NAME
    assert alert.occurred_at is None or alert.occurred_at.tzinfo is not None
    assert alert.link is None or alert.link.startswith(("http://", "https://"))
    assert all(type(it) is str and len(it) <= LABEL for pair in alert.labels.items() for it in pair)
    for said in (
        alert.asset_name,
        alert.signature,
        alert.message,
        alert.dedup_key or "",
        *alert.labels.values(),
    ):
        assert "\x00" not in said
        said.encode()
    assert normal_asset(alert.asset_name) and normal_signature(alert.signature)
    classify(severity_word=alert.severity_word, signature=alert.signature, message=alert.message)


@pytest.mark.parametrize("tool", sorted(SOURCES))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_value_in_any_field_gives_alerts_or_a_fault(tool: str, data: st.DataObject):
    body = data.draw(st.sampled_from(bodies(tool)))
    ways = list(places(body))
    for _ in range(data.draw(st.integers(1, 3))):
        way = data.draw(st.sampled_from(ways))
        try:
            body = with_value(body, way, data.draw(json_values))
        except (KeyError, IndexError, TypeError):  # what was replaced before lay above it
            continue
    for alert in parsed(tool, body):
        check(alert)


@pytest.mark.parametrize("tool", sorted(SOURCES))
def test_a_body_without_any_one_of_its_fields_is_still_understood_or_refused(tool: str):
    for body in bodies(tool):
        for way in places(body):
            if not way or not isinstance(way[-1], str):
                continue
            made = copy.deepcopy(body)
            at = made
            for name in way[:-1]:
                at = at[name]
            del at[way[-1]]
            for alert in parsed(tool, made):
                check(alert)


@pytest.mark.parametrize("tool", sorted(SOURCES))
@pytest.mark.parametrize(
    "filler", ["a", " ", "1", "=", ":", "is on ", "[", "{{", "a.b ", "##", "\ud800", "\n- "]
)
def test_a_very_long_text_in_any_field_does_not_slow_a_parser(tool: str, filler: str):
    long = filler * (200_000 // len(filler))
    for body in bodies(tool):
        for way in places(body):
            if isinstance(next(iter(way[-1:]), None), str):
                for alert in parsed(tool, with_value(body, way, long)):
                    check(alert)

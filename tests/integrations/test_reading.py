"""What strangers call JSON, read without losing an alert and without falling over."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.sources.reading import DEPTH, KEY, NotJson, key, labels, load, moment, stated_moment, text

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("body", "document"),
    [
        (b'{"a": 1}', {"a": 1}),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        ('{"a": "ü"}'.encode("utf-16"), {"a": "ü"}),
        (b'{"a": NaN, "b": [Infinity, -Infinity]}', {"a": None, "b": [None, None]}),
        (b'{"a": 1e999}', {"a": None}),
        (b'{"a": "\\ud800x"}', {"a": "\ud800x"}),
        (b'{"a": "x\xffy"}', {"a": "x\ufffdy"}),
        (b'{"a": "two\nlines"}', {"a": "two\nlines"}),
        (b'{"a": NaN, "b": ' + b"7" * 40 + b"}", {"a": None, "b": float("7" * 40)}),
        (b'{"a": NaN, "b": 12345, "c": -1.5}', {"a": None, "b": 12345, "c": -1.5}),
    ],
)
def test_a_blemish_does_not_cost_the_document(body: bytes, document: Any):
    assert load(body) == document


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"{",
        b"not json",
        b"asset_name=web-01&signature=disk",
        b"<alert/>",
        b'{"a": 1} trailing',
        b'{"a": ' + b"1" * 5000 + b"}",
        b'{"a": NaN, "b": ' + b"1" * 5000 + b"}",
        b'{"a": 01}',
        b"\x00" * 100,
        b"\xff\xfe\x00",
    ],
)
def test_what_is_no_json_is_said_to_be_none(body: bytes):
    with pytest.raises(NotJson):
        load(body)


def test_nesting_is_taken_to_its_limit_and_no_deeper():
    assert load(b"[" * DEPTH + b"]" * DEPTH)
    for depth in (DEPTH + 1, 1_000, 100_000, 500_000):
        for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
            with pytest.raises(NotJson):
                load(opening * depth + b"1" + closing * depth)


def test_brackets_inside_of_strings_are_no_nesting():
    assert load(b'{"a": "' + b"[{" * 500 + b'"}') == {"a": "[{" * 500}


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 40 + b'"' + b'\\"' * 500_000,
        b'{"a": NaN, "b": "' + b"\\" * 1_000_000,
        b"[" + b"1," * 500_000,
        b'{"a": NaN' + b',"b": 1' * 140_000,
        b"9" * 1_000_000,
        b'{"a": NaN, "b": ' + b"9" * 1_000_000 + b"}",
    ],
    ids=["quotes", "backslashes", "commas", "fields", "digits", "digits beside NaN"],
)
def test_no_body_of_a_mebibyte_takes_long_to_refuse(body: bytes):
    began = time.process_time()
    with pytest.raises(NotJson):
        load(body)
    assert time.process_time() - began < 2, "linear work takes a few hundredths of a second"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, ""),
        ("  web-01 ", "web-01"),
        (12345, "12345"),
        (1234567.0, "1234567"),
        (0.1, "0.1"),
        (float("nan"), ""),
        (True, "true"),
        ("a\x00b", "a\ufffdb"),
        ("a\udcffb", "a\ufffdb"),
        ({"a": [1]}, '{"a":[1]}'),
        ("x" * 501, "x" * 499 + "…"),
    ],
)
def test_any_value_makes_safe_text(value: Any, said: str):
    assert text(value) == said


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(json_values)
def test_text_of_anything_can_be_stored_and_sent(value: Any):
    for found in (text(value), key(value), *labels({"a": value, str(value): "b"}).values()):
        found.encode()
        assert "\x00" not in found


@pytest.mark.alone
def test_a_text_of_nothing_but_bad_characters_takes_no_time():
    began = perf_counter()
    for bad in ("\ud800", "\x00", "\udfff\ud800"):
        found = text(bad * 300_000)
        assert found == "\ufffd" * 499 + "…" and key(bad * 300_000).startswith("\ufffd" * 167 + "~")
    assert perf_counter() - began < 0.1


def test_long_keys_stay_different():
    one, other = key("k" * 5000 + "1"), key("k" * 5000 + "2")
    assert one != other and len(one) == len(other) == KEY
    assert key("short") == "short"


def test_labels_are_text_to_text_and_not_too_many():
    found = labels({"n": 1, "list": [1], "null": None, **{f"l{number}": "x" * 2000 for number in range(100)}})
    assert found["n"] == "1" and found["list"] == "[1]" and found["null"] == ""
    assert len(found) == 64 and max(map(len, found.values())) == 1000
    assert labels("none") == {}


@pytest.mark.parametrize(
    "value",
    [
        "2026-03-04T12:00:00Z",
        "2026-03-04T13:00:00+01:00",
        "2026-03-04 12:00:00",
        "2026-03-04T12:00:00.000000000Z",
        1772625600,
        "1772625600",
        1772625600000,
        1772625600000000,
        1772625600000000000,
        1772625600.0,
    ],
)
def test_time_is_read_in_any_usual_form(value: Any):
    assert moment(value) == NOON


@pytest.mark.parametrize(
    "value", [None, "", "0001-01-01T00:00:00Z", 0, 1e300, -1e300, "9999-12-31T23:59:59-14:00"]
)
def test_a_time_that_cannot_be_says_nothing(value: Any):
    assert stated_moment(value) is None


@pytest.mark.parametrize("value", ["yesterday", True, [], {}, float("inf"), "nan", "1e999", "2026-13-45"])
def test_what_is_no_time_is_a_fault(value: Any):
    with pytest.raises(ValueError, match=r".+"):
        stated_moment(value)
    assert moment(value) is None

"""Fields in any spelling, tags in any shape, links without secrets."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from integrations.sources.fields import Fields, first, identity, kept, link, said, tags
from integrations.sources.reading import KEY, labels
from tests.integrations.test_reading import json_values


@pytest.mark.parametrize("name", ["HOST_NAME", "hostName", "HostName", "host-name", "host name", "hostname"])
def test_a_field_is_found_in_any_spelling(name: str):
    assert Fields({name: "web-01"}).text("host_name") == "web-01"
    assert "hostName" in Fields({name: None}) and "other" not in Fields({name: 1})


def test_the_first_name_that_says_something_counts():
    fields = Fields({"a": None, "b": "", "c": "{HOST.NAME}", "d": 7, "e": "later"})
    assert fields.text("a", "b", "c", "d", "e") == "7" and fields.text("a", "zzz") == ""
    assert fields.value("a", "b", "d") == 7 and fields.word("E") == "later"
    assert Fields({"A_B": "", "aB": "x"}).text("ab") == "x"


def test_an_object_or_a_list_is_no_text():
    fields = Fields({"host": {"name": "web-01"}, "hosts": ["web-01"], "hostname": "web-01"})
    assert fields.text("host", "hosts", "hostname") == "web-01" and fields.text("host") == ""
    assert fields.texts("host") == [] and Fields({"a": [[], {"b": 1}, "x"]}).texts("a") == ["x"]
    assert fields.word("hosts") == "" and fields.value("host") == {"name": "web-01"}


@pytest.mark.parametrize(
    "unfilled",
    ["{HOST.NAME}", "{{host.name}}", "${host}", "$EVENT_TITLE", "$NODE$", "%device", "%device%", "*UNKNOWN*",
     "null", "None", "undefined", "N/A", None, "", "<no value>"],
)  # fmt: skip
def test_what_a_tool_left_unfilled_says_nothing(unfilled: str | None):
    assert said(unfilled) == ""


@pytest.mark.parametrize("word", ["none", "NONE", "$5", "100%", "{a b}", "node %", "0"])
def test_what_only_looks_so_is_kept(word: str):
    assert said(word) == word


def test_null_objects_are_empty_ones():
    fields = Fields({"a": None, "b": {"c": 1}, "d": [{"e": 1}, None, "x"], "f": {"g": 1}})
    assert not fields.inner("a") and fields.inner("a", "b").text("c") == "1" and not Fields(None)
    assert [one.text("e") for one in fields.each("d")] == ["1"] and len(fields.each("f")) == 1
    assert fields.each("a") == [] and Fields([1]).text("a") == ""
    assert Fields({"a": ["x", None, 2], "b": "y"}).texts("a") == ["x", "2"]
    assert Fields({"b": "y"}).texts("b") == ["y"] and Fields({}).texts("b") == []


@pytest.mark.parametrize(
    "value",
    [
        {"env": "prod", "host": "web-01"},
        ["env:prod", "host:web-01"],
        ["env=prod", "host=web-01"],
        [{"key": "env", "value": "prod"}, {"name": "host", "value": "web-01"}],
        [{"tag": "env", "value": "prod"}, {"tag": "host", "value": "web-01"}],
        [["env", "prod"], ["host", "web-01"]],
        [{"env": "prod"}, {"host": "web-01"}],
        "env:prod, host:web-01",
        "env=prod\nhost=web-01",
    ],
)
def test_tags_are_read_in_any_shape(value: Any):
    assert tags(value) == {"env": "prod", "host": "web-01"}


def test_a_bare_tag_is_a_name():
    assert tags("monitor, url:https://x.example/a:b") == {"monitor": "", "url": "https://x.example/a:b"}
    assert tags(None) == {} and tags(7) == {}


def test_links_carry_no_secrets():
    assert link(None, "x", "https://a.example/p?id=1&token=t&apikey=k#e") == "https://a.example/p?id=1#e"
    assert link("https://kim:pw@a.example/p") == "https://a.example/p"
    assert link("javascript:alert(1)") is None and link("https://" + "a" * 3000) is None
    assert link("http://[half", "ftp://x", "https:///none") is None


def test_labels_carry_no_secrets():
    assert labels({"team": "db", "sharedSecret": "x", "API-Key": "y", "auth_token": "z"}) == {"team": "db"}
    assert kept(a="1", b="") == {"a": "1"}


def test_an_identity_is_whole_or_none():
    assert identity("a", "b") == "a|b" and identity("a", "") is None and identity() is None
    assert len(identity("x" * 999, "y") or "") == KEY and first("", "b", "c") == "b" and first("") == ""


@given(json_values)
def test_anything_can_be_read(value: Any):
    fields = Fields(value if isinstance(value, dict) else {"a": value})
    for name in (*map(str, fields.raw), "a"):
        fields.text(name).encode()
        fields.each(name), fields.inner(name), fields.texts(name), tags(fields.value(name)), link(name)

"""What a body is, is told by what it holds."""

from __future__ import annotations

import contextlib
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.sources.decoding import Undecodable, decode
from integrations.sources.reading import DEPTH


@pytest.mark.parametrize(
    ("body", "document"),
    [
        (b' \r\n{"a": 1}', {"a": 1}),
        (b'\xef\xbb\xbf {"a": 1}', {"a": 1}),
        (b"[]", []),
        (b"true", True),
        ('{"a": "ü"}'.encode("utf-16"), {"a": "ü"}),
        (b'{"a": NaN, "b": "\\ud800"}', {"a": None, "b": "\ud800"}),
        (b"a=1&b=two+words&c=%C3%BC", {"a": "1", "b": "two words", "c": "ü"}),
        (b"a=&b", {"a": "", "b": ""}),
        (b"a=1&a=2&a=3", {"a": ["1", "2", "3"]}),
        (b"alert=%7B%22a%22%3A+1%7D&x=1", {"alert": {"a": 1}, "x": "1"}),
        (b'alert={"a": "b&c=d"}', {"alert": {"a": "b&c=d"}}),
        (b"alert=%7Bhalf", {"alert": "{half"}),
        (b"payload=%7B%22a%22%3A+1%7D&channel=x", {"a": 1}),
        (b"payload=text", {"payload": "text"}),
        (b"%7B%22a%22%3A+1%7D=", {"a": 1}),
    ],
)
def test_json_and_forms_are_told_apart(body: bytes, document: Any):
    assert decode(body) == document


@pytest.mark.parametrize(
    ("body", "document"),
    [
        (b"<a/>", {"a": ""}),
        (b"<?xml version='1.0'?>\n<!-- no <b> -->\n<a><b>x &amp; y</b></a>", {"a": {"b": "x & y"}}),
        (b"<a><b>1</b><b>2</b><c q='3'/></a>", {"a": {"b": ["1", "2"], "c": {"q": "3"}}}),
        (b"<a q='1'>said <b/> more</a>", {"a": {"q": "1", "b": "", "#text": "said  more"}}),
        (b"<n:a xmlns:n='urn:x' n:q='1'><n:b>2</n:b></n:a>", {"a": {"q": "1", "b": "2"}}),
        (b"<a><![CDATA[<!DOCTYPE html> is only text]]></a>", {"a": "<!DOCTYPE html> is only text"}),
        ('<?xml version="1.0" encoding="utf-16"?><a>ü</a>'.encode("utf-16"), {"a": "ü"}),
    ],
)
def test_xml_is_an_object_with_its_root(body: bytes, document: Any):
    assert decode(body) == document


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"web-01 is down",
        b"\x00" * 100,
        b"{half",
        b"<",
        b"<a",
        b"<a><b></a>",
        b"<a>&undefined;</a>",
        b"<!DOCTYPE a><a/>",
        b"<!doctype a [<!ENTITY b 'c'>]><a>&b;</a>",
        b"<?xml version='1.0'?><!-- <a> --><!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>",
        "<!DOCTYPE a><a/>".encode("utf-16"),
        b"<!ENTITY b 'c'><a/>",
        b"<a>" * (DEPTH + 1) + b"</a>" * (DEPTH + 1),
        b"<a>" * 100_000,
        b"[" * (DEPTH + 1) + b"]" * (DEPTH + 1),
        b"&".join(b"f%d=1" % number for number in range(1001)),
    ],
)
def test_what_is_none_of_them_is_refused(body: bytes):
    with pytest.raises(Undecodable):
        decode(body)


def test_xml_is_taken_to_the_same_depth_as_json():
    assert decode(b"<a>" * DEPTH + b"</a>" * DEPTH)


@pytest.mark.parametrize(
    "body",
    [
        b"<a>" + b"<b/>" * 250_000 + b"</a>",
        b"<a " + b" ".join(b'b%d=""' % number for number in range(80_000)) + b"/>",
        b"<!-- " * 200_000,
        b"<?" * 500_000,
        b"a=" + b"&" * 1_000_000,
        b"a" * 1_000_000,
        b"a=" + b"%7B" * 330_000,
    ],
    ids=["elements", "attributes", "comments", "instructions", "ampersands", "letters", "percent"],
)
def test_no_body_of_a_mebibyte_takes_long(body: bytes):
    began = time.process_time()
    with contextlib.suppress(Undecodable):
        decode(body)
    assert time.process_time() - began < 2, "linear work takes a few tenths of a second"


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")))
def test_any_bytes_are_decoded_or_refused(body: bytes):
    for form in (body, b"<a>" + body + b"</a>", b"payload=" + body, b'{"a": ' + body + b"}"):
        with contextlib.suppress(Undecodable):
            decode(form)

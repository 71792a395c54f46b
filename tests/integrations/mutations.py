"""Bodies that nobody meant: a real one, changed in one to four ways, the same for the same seed and number."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus

import orjson

from integrations import SOURCES
from tests.integrations.test_golden import COLLECTIONS, truths

LARGEST = 1024 * 1024
_CONTENT_TYPES = ("application/json", "application/x-www-form-urlencoded", "text/xml", "text/plain",
                  "multipart/form-data", "application/json; charset=utf-16", "application/octet-stream", "",
                  "x" * 300, "☃")  # fmt: skip
_NUMBERS = ("1e400", "-1e400", "9" * 25, "9" * 400, "-0", "0.1e-300", "NaN", "Infinity", "-Infinity",
            "18446744073709551616", "1777860611", "1777860611000", "1.5", "-1", "0", "00", "0x10")  # fmt: skip
_TEXTS = ("", " ", "null", "true", "0", "-1", "1e9", "[]", "{}", "[", "\x00", "\ud800", "\udfff\ud800", "\u202e",
          "\ufeff", "%s%n", "{{x}}", "${x}", "##X##", "[x]", "http://", "https://[", "https://a:b@c:99999/?token=1#",
          "[::1]:80", "a.b.c:1", "é" * 40, "\n\n", "\\", "'\"", "=", "&", ";", ":", " on ", " is ", "down", "up",
          "resolved", "<a>", "1/2/3", "2026-13-45T99:99:99Z", "0000-00-00", "2026-05-04T02:10:00.123456789+23:59",
          "١٢٣")  # fmt: skip
_BYTES = (b"\x00", b"\xff", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\xc0\x80", b"{", b"}", b"[", b"]", b'"', b"\\",
          b"\\u0000", b"\\ud800", b",", b":", b"<", b">", b"&", b"%", b"%zz", b"=", b"\r\n", b"<!--", b"<![CDATA[",
          b"<!DOCTYPE a [<!ENTITY b 'c'>]>", b"&b;", b"null", b"true", b"1e999", b"\xf0\x9f\x94\xa5")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Body:
    """What is posted to `/api/webhooks/{tool}`."""

    tool: str
    headers: dict[str, str]
    data: bytes


def real_bodies() -> list[Body]:
    """Every recorded body: ours, and those of the larger collection where it lies beside the repository."""
    found: list[Body] = []
    for folder in COLLECTIONS:
        for case in truths(folder):
            file = folder / case["file"]
            if file.is_file() and case["tool"] in SOURCES:
                beside = file.with_suffix(".headers")
                lines = beside.read_text("utf-8").splitlines() if beside.is_file() else []
                headers = dict(line.split(": ", 1) for line in lines if ": " in line)
                found.append(Body(case["tool"], headers, file.read_bytes()))
    return found


def mutated(seed: int, number: int, bodies: Sequence[Body], tools: Sequence[str]) -> Body:
    """The body of this number. One in ten goes to the address of another tool."""
    choose = random.Random(seed * 1_000_000_007 + number)
    body = choose.choice(bodies)
    data = body.data
    for _ in range(choose.choice((1, 1, 2, 3, 4))):
        change = choose.choice(_OF_VALUES if choose.random() < 0.6 else _OF_BYTES)
        data = change(choose, data, bodies)[:LARGEST]
    tool = choose.choice(tools) if choose.random() < 0.1 else body.tool
    headers = body.headers
    if choose.random() < 0.1:
        headers = {
            **headers,
            "Content-Type": choose.choice(_CONTENT_TYPES),
            choose.choice(_TEXTS): choose.choice(_TEXTS),
        }
    return Body(tool, headers, data)


Change = Callable[[random.Random, bytes, Sequence[Body]], bytes]


def _flip(choose: random.Random, data: bytes, _others: Sequence[Body]) -> bytes:
    changed = bytearray(data)
    for _ in range(choose.choice((1, 1, 3, 20)) if data else 0):
        changed[choose.randrange(len(changed))] ^= 1 << choose.randrange(8)
    return bytes(changed)


def _truncate(choose: random.Random, data: bytes, _others: Sequence[Body]) -> bytes:
    at = choose.randrange(len(data) + 1)
    return data[:at] if choose.random() < 0.8 else data[at:]


def _cut(choose: random.Random, data: bytes, _others: Sequence[Body]) -> bytes:
    at = choose.randrange(len(data) + 1)
    return data[:at] + data[at + choose.choice((1, 2, 10, 100)) :]


def _insert(choose: random.Random, data: bytes, _others: Sequence[Body]) -> bytes:
    at = choose.randrange(len(data) + 1)
    return data[:at] + choose.choice(_BYTES) * choose.choice((1, 1, 1, 2, 100, 5_000)) + data[at:]


def _splice(choose: random.Random, data: bytes, others: Sequence[Body]) -> bytes:
    other = choose.choice(others).data
    return data[: choose.randrange(len(data) + 1)] + other[choose.randrange(len(other) + 1) :]


def _repeat(choose: random.Random, data: bytes, _others: Sequence[Body]) -> bytes:
    at = choose.randrange(len(data) + 1)
    part = data[at : at + choose.choice((1, 20, 300))]
    return data[:at] + part * choose.choice((2, 2, 10, 200)) + data[at:]


def _number_text(choose: random.Random, data: bytes, _others: Sequence[Body]) -> bytes:
    """A number in the text becomes another, or what is none."""
    places = [at for at in range(len(data)) if 48 <= data[at] <= 57 and not 48 <= data[at - 1] <= 57]
    if not places:
        return data
    at = end = choose.choice(places)
    while end < len(data) and 48 <= data[end] <= 57:
        end += 1
    return data[:at] + choose.choice(_NUMBERS).encode() + data[end:]


def _other_encoding(choose: random.Random, data: bytes, _others: Sequence[Body]) -> bytes:
    said = data.decode("utf-8", "replace")
    return said.encode(
        choose.choice(("utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "utf-32", "latin-1")), "replace"
    )


def _form(choose: random.Random, data: bytes, _others: Sequence[Body]) -> bytes:
    quoted = quote_plus(data) if choose.random() < 0.7 else data.decode("latin-1")
    name = choose.choice(("payload", "alert", "data", "", "a[b]", "payload"))
    return f"{name}={quoted}&{choose.choice(('', 'x=1', 'payload=', '&&&=&'))}".encode()


def _nest(choose: random.Random, data: bytes, _others: Sequence[Body]) -> bytes:
    depth = choose.choice((1, 5, 30, 33, 1_000, 100_000))
    opened, closed = choose.choice(((b"[", b"]"), (b'{"a":', b"}"), (b"<a>", b"</a>")))
    return opened * depth + data + closed * depth


def _duplicate_key(choose: random.Random, data: bytes, _others: Sequence[Body]) -> bytes:
    value = _loaded(data)
    objects = [one for one in _inside(value) if isinstance(one, dict) and one]
    if not objects:
        return data
    name = choose.choice(list(choose.choice(objects)))
    pair = f"{json.dumps(name)}:{json.dumps(_any(choose))},".encode("utf-8", "replace")
    return data.replace(b"{", b"{" + pair, choose.choice((1, 2)))


_OF_BYTES: tuple[Change, ...] = (
    _flip, _truncate, _cut, _insert, _splice, _repeat, _number_text, _other_encoding, _form, _nest, _duplicate_key,
)  # fmt: skip


def _swap(choose: random.Random, value: Any, _others: Sequence[Body]) -> Any:
    return _any(choose)


def _drop(_choose: random.Random, _value: Any, _others: Sequence[Body]) -> Any:
    return _GONE


def _wrap(choose: random.Random, value: Any, _others: Sequence[Body]) -> Any:
    return choose.choice(([value], {"value": value}, [value] * 3, {"": value}, [[value]], [None, value]))


def _as_text(_choose: random.Random, value: Any, _others: Sequence[Body]) -> Any:
    return _written(value)


def _giant(choose: random.Random, value: Any, _others: Sequence[Body]) -> Any:
    times = choose.choice((600, 9_000, 100_000))
    if isinstance(value, list):
        return value * min(times, 2_000)
    if isinstance(value, dict):
        return {**value, **{f"k{number}": number for number in range(min(times, 5_000))}}
    written = _written(value)
    return written * min(times, 2 * times // len(written) + 1)


def _borrow(choose: random.Random, value: Any, others: Sequence[Body]) -> Any:
    """A value out of another body."""
    inside = _inside(_loaded(choose.choice(others).data))
    return choose.choice(inside) if inside else value


def _respell(choose: random.Random, value: Any, _others: Sequence[Body]) -> Any:
    if isinstance(value, dict):
        spell = choose.choice((str.upper, str.lower, str.title, str.swapcase))
        return {spell(name): one for name, one in value.items()}
    return value.upper() if isinstance(value, str) else _written(value)


_GONE = object()
_CHANGES: tuple[Callable[[random.Random, Any, Sequence[Body]], Any], ...] = (
    _swap, _swap, _swap, _drop, _drop, _wrap, _as_text, _giant, _borrow, _respell,
)  # fmt: skip


def _change_value(choose: random.Random, data: bytes, others: Sequence[Body]) -> bytes:
    """One value somewhere in the document is swapped, dropped, wrapped, respelt …; what is no JSON stays as it is."""
    value = _loaded(data)
    at = [one for one in _inside(value) if one and isinstance(one, dict | list)]
    if not at:
        return data
    place, change = choose.choice(at), choose.choice(_CHANGES)
    name = choose.choice(list(place)) if isinstance(place, dict) else choose.randrange(len(place))
    made = change(choose, place[name], others)
    if made is _GONE:
        del place[name]
    else:
        place[name] = made
    return _dumped(value)


_OF_VALUES: tuple[Change, ...] = (_change_value,)


def _any(choose: random.Random) -> Any:
    kind = choose.randrange(10)
    if kind < 5:
        return choose.choice(_TEXTS)
    if kind == 5:
        return choose.choice(_TEXTS) * choose.choice((3, 600, 20_000))
    simple: tuple[Any, ...] = (
        None,
        True,
        False,
        0,
        -1,
        7,
        2**53,
        -(2**63),
        1e308,
        1.5,
        [],
        {},
        [[]],
        [{}],
        {"a": None},
    )
    return choose.choice(simple)


def _loaded(data: bytes) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return None


def _dumped(value: Any) -> bytes:
    try:
        return orjson.dumps(value)
    except (TypeError, ValueError, RecursionError):  # a lone surrogate, or deeper than orjson writes
        try:
            return json.dumps(value).encode()
        except (ValueError, RecursionError):
            return b"[" * 2_000


def _written(value: Any) -> str:
    return (value if isinstance(value, str) else _dumped(value).decode()) or "x"


def _inside(value: Any) -> list[Any]:
    """Every value of a document, the document itself among them; at most a few thousand."""
    found = [value]
    for one in found:
        if len(found) > 4_000:
            break
        if isinstance(one, dict):
            found.extend(one.values())
        elif isinstance(one, list):
            found.extend(one[:200])
    return found

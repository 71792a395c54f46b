"""Bodies as nobody meant them: real ones with values taken out, doubled, cut, or put in the place of others.

`python -m tests.integrations.mutation 1000000 [seed]` gives that many to the decoder and the parsers, in process; what
raises anything else than a refusal ends it, and at the end it says how slow the slowest was.
"""

from __future__ import annotations

import copy
import json
import random
import resource
import sys
import time
from collections.abc import Iterator
from typing import Any

from integrations import SOURCES
from integrations.sources.decoding import Undecodable, decode
from integrations.sources.reading import Malformed
from tests.integrations.test_golden import COLLECTIONS, truths

ODD: tuple[Any, ...] = (
    None, "", " ", 0, 1, -1, 5, 1e308, True, False, [], {}, [None], [[]], {"": None}, "\x00", "\ud800", "null", "P1",
    "resolved", "OK", "%", "{{x}}", "x" * 3000, "https://[", "2026-13-45", 10**18, "🔥" * 50, {"name": None},
    [{}, 1, "x"],
)  # fmt: skip


def originals() -> dict[str, list[bytes]]:
    """The bodies of every tool that has a parser."""
    found: dict[str, list[bytes]] = {tool: [] for tool in SOURCES}
    for folder in COLLECTIONS:
        for case in truths(folder):
            if case["tool"] in found:
                found[case["tool"]].append((folder / case["file"]).read_bytes())
    return found


def mutant(body: bytes, chance: random.Random) -> bytes:
    """One body made odd: in its values where it is JSON, else, and now and then anyway, in its bytes."""
    try:
        document = json.loads(body)
    except ValueError:
        document = None
    if not isinstance(document, dict | list) or chance.random() < 0.1:
        return _bytes(body, chance)
    document = copy.deepcopy(document)
    for _ in range(chance.choice((1, 1, 2, 5, 20))):
        _values(document, chance)
    return json.dumps(document).encode()


def _values(document: Any, chance: random.Random) -> None:
    place, name = document, None
    while True:
        inside = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not inside:
            return
        name = chance.choice(inside)
        child = place[name]
        if not isinstance(child, dict | list) or chance.random() < 0.3:
            break
        place = child
    if chance.random() < 0.25:
        del place[name]
    elif isinstance(place, dict) and chance.random() < 0.2:
        place[chance.choice((str(name).upper(), str(name).title(), f"_{name}"))] = place.pop(name)
    elif isinstance(place[name], str) and chance.random() < 0.2:
        place[name] = json.dumps([place[name]])
    else:
        place[name] = copy.deepcopy(chance.choice(ODD))


def _bytes(body: bytes, chance: random.Random) -> bytes:
    made = bytearray(body)
    for _ in range(chance.choice((1, 3, 10))):
        at = chance.randrange(len(made) + 1)
        if chance.random() < 0.4:
            made[at : at + 1] = bytes([chance.randrange(256)])
        elif chance.random() < 0.5:
            made[at:at] = chance.choice(
                (b"{", b'"', b"<", b"&", b"\\", b"]]>", b"<!DOCTYPE x>", b"\xff", b"=", b"%7B")
            )
        else:
            del made[at : at + chance.randrange(30)]
    return bytes(made)


def mutants(count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """`count` of them, tool after tool."""
    chance = random.Random(seed)
    every = [(tool, body) for tool, bodies in originals().items() for body in bodies]
    for number in range(count):
        tool, body = every[number % len(every)]
        yield tool, mutant(body, chance)


def main(count: int, seed: int) -> None:
    slowest, refused, alerts, began = 0.0, 0, 0, time.monotonic()
    before = 0
    for number, (tool, body) in enumerate(mutants(count, seed)):
        started = time.perf_counter()
        try:
            alerts += len(SOURCES[tool](decode(body), {}))
        except (Undecodable, Malformed):
            refused += 1
        slowest = max(slowest, time.perf_counter() - started)
        if number == count // 10:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(
        f"seed {seed}: {count:,} bodies in {time.monotonic() - began:.0f} s, {alerts:,} alerts, {refused:,} refused; "
        f"slowest {slowest * 1000:.0f} ms, memory grown by {grown:.1f} MB"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1)

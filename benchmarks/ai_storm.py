"""`python -m benchmarks.ai_storm`: the same storm with a model that answers, with one that is killed in the middle, and
without any: do counts or the latency of cards change?

The three take turns, each first, second and third as often as the others, so that what else the machine does falls on
all of them. Percentiles are those of a round: their median, and from the least to the most; differences are within a
round. How far two rounds without a model are apart says what a difference means.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from aiohttp import web
from rich.console import Console
from rich.table import Table

from benchmarks import storm
from sandbox.ai.app import ModelServices, Turn

WAYS = ("a model answers", "killed in the middle", "no model")
SHARES = (0.5, 0.9, 0.99)
HANG = 0.2
"""Seconds that the pretend model thinks."""


@dataclass(slots=True)
class Sums:
    results: list[storm.Result] = field(default_factory=list)
    asked: int = 0

    def cards(self, rounds: Sequence[int] | None = None) -> list[float]:
        """Milliseconds to other companies' cards during the storm."""
        chosen = self.results if rounds is None else [self.results[one] for one in rounds]
        return sorted(ms for one in chosen for ms in one.meanwhile)


async def one(way: str, alerts: int, sums: Sums) -> None:
    services = ModelServices(always=Turn(hang=HANG))
    runner = web.AppRunner(services.app(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    kill: Callable[[], Any] | None = runner.cleanup if way == WAYS[1] else None
    try:
        result = await storm.measure(alerts, "", ai="" if way == WAYS[2] else url, halfway=kill)
    finally:
        await runner.cleanup()
    sums.results.append(result)
    sums.asked += len(services.asked)


def at(values: Sequence[float], share: float) -> float:
    return values[min(len(values) - 1, int(len(values) * share))]


def per_round(sums: Sums, share: float) -> list[float]:
    """That percentile of each round by itself, in the order of the rounds."""
    return [at(sums.cards([place]), share) for place in range(len(sums.results))]


def spread(values: Sequence[float], form: str = "{:.0f}") -> str:
    """The median, and from the least to the most."""
    shown = [form.format(it) for it in (statistics.median(values), min(values), max(values))]
    return f"{shown[0]} ({shown[1]} … {shown[2]})"


def changes(one: Sums, other: Sums, share: float) -> list[float]:
    """In percent, round by round: what else the machine did was much the same for both then."""
    pairs = zip(per_round(one, share), per_round(other, share), strict=True)
    return [100 * (first / second - 1) for first, second in pairs]


def table(found: dict[str, Sums]) -> Table:
    shown = Table(
        "",
        "accepted",
        "not accepted",
        "every alert shown",
        "model asked",
        "cards",
        "p50 ms",
        "p90 ms",
        "p99 ms",
    )
    for way, sums in found.items():
        results = sums.results
        shown.add_row(
            way,
            f"{sum(one.alerts - one.refused for one in results):,}",
            str(sum(one.refused for one in results)),
            f"{sum(one.shown_after == one.shown_after for one in results)} of {len(results)}",
            str(sums.asked),
            str(len(sums.cards())),
            *(spread(per_round(sums, share)) for share in SHARES),
        )
    answering, killed, without = (found[way] for way in WAYS)
    for name, one, other in (
        ("killed against answering, %", killed, answering),
        ("answering against none, %", answering, without),
        ("killed against none, %", killed, without),
    ):
        told = [spread(changes(one, other, share), "{:+.1f}") for share in SHARES]
        shown.add_row(name, "", "", "", "", "", *told)
    noise = [noisy(without, share) for share in SHARES]
    shown.add_row("one round of none against the next, %", "", "", "", "", "", *noise)
    return shown


def noisy(sums: Sums, share: float) -> str:
    """How much two rounds differ in which nothing was different: less than this says nothing."""
    values = per_round(sums, share)
    return (
        spread([100 * (one / other - 1) for one, other in pairwise(values)], "{:+.1f}") if values[1:] else "–"
    )


async def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.ai_storm", description=__doc__)
    parser.add_argument("--alerts", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument(
        "--minutes", type=float, default=13, help="no further round begins that might end after it"
    )
    given = parser.parse_args()
    found = {way: Sums() for way in WAYS}
    began, longest = time.monotonic(), 0.0
    for place in range(given.rounds):
        start = time.monotonic()
        if start - began + longest > given.minutes * 60:
            break
        for way in WAYS[place % 3 :] + WAYS[: place % 3]:
            await one(way, given.alerts, found[way])
        longest = max(longest, time.monotonic() - start)
        print(f"round {place + 1} of {given.rounds}: {time.monotonic() - start:.0f} s", flush=True)
    Console(width=180).print(table(found))


if __name__ == "__main__":
    asyncio.run(main())

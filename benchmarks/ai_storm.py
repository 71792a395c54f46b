"""`python -m benchmarks.ai_storm`: the same storm with a model that answers, with one that is killed in the middle, and
without any: do counts or the latency of cards change?

The three take turns, so that what else the machine does falls on all of them; the percentiles are over all rounds. How
far two halves of the undisturbed rounds are apart says what a difference means.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from rich.console import Console
from rich.table import Table

from benchmarks import storm
from sandbox.ai.app import ModelServices, Turn

WAYS = ("a model answers", "killed in the middle", "no model")
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


def table(found: dict[str, Sums]) -> Table:
    shown = Table(
        "", "accepted", "not accepted", "every alert shown", "model asked", "cards", "p50", "p90", "p99 ms"
    )
    for way, sums in found.items():
        results, cards = sums.results, sums.cards()
        shown.add_row(
            way,
            f"{sum(one.alerts - one.refused for one in results):,}",
            str(sum(one.refused for one in results)),
            f"{sum(one.shown_after == one.shown_after for one in results)} of {len(results)}",
            str(sums.asked),
            str(len(cards)),
            *(f"{at(cards, share):.0f}" for share in (0.5, 0.9, 0.99)),
        )
    well, killed = found[WAYS[0]].cards(), found[WAYS[1]].cards()
    change = [f"{100 * (at(killed, it) / at(well, it) - 1):+.1f} %" for it in (0.5, 0.9, 0.99)]
    shown.add_row("killed against answering", "", "", "", "", "", *change)
    rounds = range(len(found[WAYS[0]].results))
    halves = [found[WAYS[0]].cards([one for one in rounds if one % 2 == odd]) for odd in (0, 1)]
    if all(halves):
        noise = [f"{100 * (at(halves[0], it) / at(halves[1], it) - 1):+.1f} %" for it in (0.5, 0.9, 0.99)]
        shown.add_row("answering, one half against the other", "", "", "", "", "", *noise)
    return shown


async def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.ai_storm", description=__doc__)
    parser.add_argument("--alerts", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=8)
    given = parser.parse_args()
    found = {way: Sums() for way in WAYS}
    for place in range(given.rounds):
        for way in WAYS if place % 2 else reversed(WAYS):
            await one(way, given.alerts, found[way])
    Console(width=140).print(table(found))


if __name__ == "__main__":
    asyncio.run(main())

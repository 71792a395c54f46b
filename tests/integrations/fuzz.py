"""`make fuzz`: mutated bodies through decoding, parser and refusal, in process. Prints what it found; exit 1 when it
found anything.

Each body is known by seed and number: `make fuzz ARGS="--seed 7 --only 4711"` shows and runs that one alone.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import multiprocessing
import os
import queue
import resource
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import orjson

from bot.doors.webhooks import harmless, refusal
from integrations import SOURCES
from integrations.sources.decoding import Undecodable, decode
from integrations.sources.reading import Malformed
from tests.integrations.mutations import Body, mutated, real_bodies
from tests.integrations.test_any_body import check

SLOWEST = 1.0
"""Processor seconds that one body may take."""
_STUCK = 5.0
"""Processor seconds after which a body is given up."""
MOST_GROWTH = 20 * 1024 * 1024
_WARM = 0.1
"""Part of the bodies after which memory is looked at for the first time."""
_GIVE_BACK = getattr(ctypes.CDLL(None), "malloc_trim", None)
_MOST_SHOWN = 20
_STEP = 2_000


@dataclass(slots=True)
class Findings:
    """What a run of bodies came to. `faults` are those that would have been a 5xx, each with its number."""

    bodies: int = 0
    alerts: int = 0
    answers: Counter[int] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    slow: list[str] = field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "")
    growth: int = 0

    def add(self, other: Findings) -> None:
        self.bodies += other.bodies
        self.alerts += other.alerts
        self.answers += other.answers
        self.faults += other.faults
        self.slow += other.slow
        self.slowest = max(self.slowest, other.slowest)
        self.growth = max(self.growth, other.growth)

    @property
    def clean(self) -> bool:
        return not self.faults and not self.slow and self.growth <= MOST_GROWTH


class Stuck(BaseException):
    """A body that does not come to an end; no handler of a parser may catch it."""


def answer(body: Body) -> tuple[int, int]:
    """Status and number of alerts, as the front door would answer. Raises what would have been a 5xx."""
    harmless(body.headers)
    try:
        alerts = SOURCES[body.tool](decode(body.data), body.headers)
    except (Undecodable, Malformed) as error:
        str(error).encode()
        status = refusal(error, 1).status
        if not 400 <= status < 500:
            raise AssertionError(f"a refusal with {status}") from error
        return status, 0
    for alert in alerts:
        check(alert)
        orjson.dumps(dict(alert.labels))
    return 202, len(alerts)


def run(
    seed: int,
    numbers: Sequence[int],
    bodies: Sequence[Body],
    tools: Sequence[str],
    watch: Callable[[], object] = lambda: None,
) -> Iterator[Findings]:
    """The findings so far, every few thousand bodies; the last is the whole. `watch` is called before each."""
    found, warm = Findings(), 0
    for place, number in enumerate(numbers, start=1):
        body = mutated(seed, number, bodies, tools)
        watch()
        _one(found, number, body)
        if place % _STEP == 0 or place == len(numbers):
            gc.collect()
            if not warm and place >= len(numbers) * _WARM:
                warm = _resident()
            found.growth = max(found.growth, _resident() - warm if warm else 0)
            yield found


def _one(found: Findings, number: int, body: Body) -> None:
    began = time.thread_time()
    try:
        status, alerts = answer(body)
    except (Exception, Stuck) as error:  # noqa: BLE001 - whatever it is, it is what is looked for
        where = traceback.extract_tb(error.__traceback__)[-1]
        status, alerts = 500, 0
        found.faults.append(
            f"{number} ({body.tool}): {type(error).__name__}: {str(error)[:200]!r} in {where.filename}:{where.lineno}"
        )
    took = time.thread_time() - began
    about = f"{number} ({body.tool}), {len(body.data):,} bytes"
    if took > SLOWEST:
        found.slow.append(f"{about}: {took:.2f} s")
    found.slowest = max(found.slowest, (took, about))
    found.bodies += 1
    found.alerts += alerts
    found.answers[status] += 1


def _resident() -> int:
    """Bytes of memory that this process holds now, without what the C library keeps for later where it can be told to
    give that back."""
    if _GIVE_BACK is not None:
        _GIVE_BACK(0)
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def _worker(seed: int, numbers: range, bodies: list[Body], tools: list[str], told: Any) -> None:
    def stuck(_number: int, _frame: FrameType | None) -> None:
        raise Stuck

    signal.signal(signal.SIGVTALRM, stuck)
    for found in run(seed, numbers, bodies, tools, lambda: signal.setitimer(signal.ITIMER_VIRTUAL, _STUCK)):
        told.put((os.getpid(), found, found.bodies == len(numbers)))


def fuzz(seed: int, count: int, jobs: int, *, show: bool) -> Findings:
    """All bodies of the seed from 0 to `count`, by several processes."""
    bodies, tools = real_bodies(), sorted(SOURCES)
    told: Any = multiprocessing.Queue()
    parts = [range(count * job // jobs, count * (job + 1) // jobs) for job in range(jobs)]
    workers = [
        multiprocessing.Process(target=_worker, args=(seed, part, bodies, tools, told))
        for part in parts
        if part
    ]
    for worker in workers:
        worker.start()
    latest: dict[int, Findings] = {}
    running, began = len(workers), time.monotonic()
    while running:
        try:
            who, latest[who], ended = told.get(timeout=1)
        except queue.Empty:
            if any(worker.exitcode for worker in workers):
                raise SystemExit("a process has died: its traceback stands above") from None
            continue
        running -= ended
        if show:
            _progress(latest, count, began)
    for worker in workers:
        worker.join()
    whole = Findings()
    for found in latest.values():
        whole.add(found)
    return whole


def _progress(latest: dict[int, Findings], count: int, began: float) -> None:
    done, faults = sum(one.bodies for one in latest.values()), sum(len(one.faults) for one in latest.values())
    pace = done / max(time.monotonic() - began, 0.001)
    line = f"{done:>11,} of {count:,} bodies · {pace:,.0f}/s · {faults} faults · {(count - done) / pace:,.0f} s left"
    print(f"\r{line:<90}", end="", file=sys.stderr, flush=True)


def report(found: Findings, seed: int, took: float) -> str:
    statuses = ", ".join(f"{count:,} × {status}" for status, count in sorted(found.answers.items()))
    took_most, of = found.slowest
    lines = [
        f"seed {seed}: {found.bodies:,} mutated bodies in {took:,.0f} s, {found.alerts:,} alerts; {statuses}",
        f"5xx: {len(found.faults)}; over {SLOWEST:.0f} s: {len(found.slow)}; memory grew by"
        f" {found.growth / 1024 / 1024:.1f} MB; slowest {took_most * 1000:.0f} ms: {of}",
        *found.faults[:_MOST_SHOWN],
        *found.slow[:_MOST_SHOWN],
    ]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    options = argparse.ArgumentParser(prog="make fuzz ARGS=", description=__doc__)
    options.add_argument("--bodies", type=int, default=1_000_000, help="how many (default: %(default)s)")
    options.add_argument(
        "--seed", type=int, default=1, help="another seed, other bodies (default: %(default)s)"
    )
    options.add_argument("--jobs", type=int, default=1, help="processes (default: %(default)s)")
    options.add_argument("--only", type=int, help="show and run the body of this number alone")
    said = options.parse_args(arguments)
    if said.only is not None:
        body = mutated(said.seed, said.only, real_bodies(), sorted(SOURCES))
        print(body.tool, body.headers, body.data[:4_000], sep="\n")
        print(answer(body))
        return 0
    began = time.monotonic()
    found = fuzz(said.seed, said.bodies, said.jobs, show=sys.stderr.isatty())
    print(report(found, said.seed, time.monotonic() - began))
    return 0 if found.clean else 1


if __name__ == "__main__":
    sys.exit(main())

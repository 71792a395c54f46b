"""`python -m benchmarks`: prints one table. `--seconds` sets how long each line is measured (default 4)."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.load import Outcome, alert, one_alert, storm
from tests.postgres import Cluster

PYTHON = sys.executable


@asynccontextmanager
async def serving(mode: str, url: str) -> AsyncIterator[tuple[int, str, int]]:
    """(port, key, pid) of a server process of that kind."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("AW_", "SLACK_"))
    }
    process = await asyncio.create_subprocess_exec(
        PYTHON,
        "-m",
        "benchmarks.server",
        mode,
        url,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=environment,
    )
    assert process.stdout is not None
    try:
        while not (line := (await process.stdout.readline()).decode()).startswith("ready"):
            if not line:
                raise SystemExit(f"the {mode} server did not start")
        _, port, key = line.split()
        yield int(port), key, process.pid
    finally:
        process.kill()
        await process.wait()


def hundred(number: int) -> bytes:
    return json.dumps([alert(number * 100 + one) for one in range(100)]).encode()


async def measure(mode: str, url: str, seconds: float) -> dict[str, Outcome | float]:
    found: dict[str, Outcome | float] = {}
    async with serving(mode, url) as (port, key, pid):
        await storm(port, key, connections=4, seconds=0.5, body=one_alert)
        found["idle memory"] = memory(pid)
        for connections in (16, 64):
            found[f"{connections} connections"] = await storm(
                port, key, connections=connections, seconds=seconds, body=one_alert
            )
        if mode != "bare":
            found["bodies of 100"] = await storm(
                port, key, connections=8, seconds=seconds, body=hundred, each=100
            )
        found["memory after"] = memory(pid)
    return found


def memory(pid: int) -> float:
    """Resident megabytes of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def command_time(*arguments: str) -> float:
    """Seconds of the best of five."""
    times = []
    for _ in range(5):
        started = time.perf_counter()
        subprocess.run([PYTHON, "-m", "bot", *arguments], check=True, capture_output=True)
        times.append(time.perf_counter() - started)
    return min(times)


async def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0)
    seconds: float = parser.parse_args().seconds
    rows: dict[str, dict[str, Outcome | float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        rows["bare aiohttp"] = await measure("bare", "", seconds)
        rows["ceiling"] = await measure("ceiling", f"sqlite+aiosqlite:///{folder}/ceiling.db", seconds)
        rows["SQLite"] = await measure("durable", f"sqlite+aiosqlite:///{folder}/durable.db", seconds)
        missing = Cluster.missing()
        if missing is None:
            cluster = Cluster()
            cluster.start()
            try:
                rows["PostgreSQL"] = await measure("durable", cluster.url(), seconds)
            finally:
                cluster.stop()
    show(rows)
    if missing is not None:
        print(f"PostgreSQL was not measured: {missing}")


def show(rows: dict[str, dict[str, Outcome | float]]) -> None:
    console = Console()
    console.print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    table = Table("what", "how", "alerts/s", "of the ceiling", "p50 ms", "p99 ms", "refused")
    for what, found in rows.items():
        for how, outcome in found.items():
            if not isinstance(outcome, Outcome):
                continue
            ceiling = rows["ceiling"].get(how)
            share = f"{outcome.alerts / ceiling.alerts:.2f}" if isinstance(ceiling, Outcome) else "–"
            figures = (f"{outcome.alerts:,.0f}", share, f"{outcome.p50:.1f}", f"{outcome.p99:.1f}")
            table.add_row(what, how, *figures, str(outcome.refused))
    console.print(table)
    other = Table("what", "figure")
    for what, found in rows.items():
        after, idle = found["memory after"], found["idle memory"]
        other.add_row(f"memory of {what}, before and after", f"{idle:.0f} → {after:.0f} MB")
    other.add_row("aw --help", f"{command_time('--help'):.2f} s")
    console.print(other)


if __name__ == "__main__":
    asyncio.run(main())

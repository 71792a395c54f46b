"""`python -m benchmarks`: prints the tables. `--seconds` sets how long each line of the intake is measured (default 4),
`--open` up to how many open incidents the cost of an alert is followed (default 100,000; 0 leaves it out),
`--storm` how many alerts one company's storm has (default 10,000; 0 leaves it out)."""

from __future__ import annotations

import argparse
import asyncio
import os
import platform

from rich.console import Console

from benchmarks import growth, intake, starting, storm


async def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--open", type=int, default=100_000)
    parser.add_argument("--storm", type=int, default=10_000)
    given = parser.parse_args()
    console = Console(width=120)
    console.print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    rows, missing = await intake.compared(given.seconds)
    for table in intake.tables(rows):
        console.print(table)
    for why in missing:
        console.print(f"not measured: {why}")
    if given.open:
        console.print(await growth.table(given.open))
    if given.storm:
        console.print(storm.table(await storm.measure(given.storm, "")))
    console.print(starting.table())


if __name__ == "__main__":
    asyncio.run(main())

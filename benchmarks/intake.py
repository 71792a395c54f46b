"""Intake side by side: what aiohttp allows, ours storing nothing, ours on both databases, and Alertmanager."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.table import Table

from benchmarks.load import Outcome, alert, for_alertmanager, one_alert, storm
from tests.ports import free_port
from tests.postgres import Cluster

TICKS = os.sysconf("SC_CLK_TCK")
ALERTMANAGER = "route: {receiver: none}\nreceivers: [{name: none}]\n"


@dataclass(slots=True)
class Measured:
    """`cpu` is the server's milliseconds per alert, `memory` its resident megabytes before and after."""

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)
    memory: tuple[float, float] = (0.0, 0.0)


def resident(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def used(pid: int) -> float:
    """Seconds of processor time so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


@asynccontextmanager
async def serving(mode: str, url: str) -> AsyncIterator[tuple[int, str, int]]:
    """(port, key, pid) of a server process of that kind."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("AW_", "SLACK_"))
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.server", mode, url),
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


def _configure(folder: Path) -> None:
    folder.mkdir()
    (folder / "alertmanager.yml").write_text(ALERTMANAGER)


@asynccontextmanager
async def alertmanager(program: str, folder: Path) -> AsyncIterator[tuple[int, int]]:
    """(port, pid) of an Alertmanager that tells nobody."""
    _configure(folder)
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        program,
        f"--config.file={folder / 'alertmanager.yml'}",
        f"--storage.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await _listens(port)
        yield port, process.pid
    finally:
        process.kill()
        await process.wait()


async def _listens(port: int) -> None:
    end = time.monotonic() + 15
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            if time.monotonic() > end:
                raise SystemExit("Alertmanager did not start") from None
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return


def hundred(number: int) -> bytes:
    return json.dumps([alert(number * 100 + one) for one in range(100)]).encode()


async def measured(mode: str, url: str, seconds: float) -> Measured:
    found = Measured()
    async with serving(mode, url) as (port, key, pid):
        await storm(port, key, connections=4, seconds=0.5, body=one_alert)
        before = resident(pid)
        for connections in (16, 64):
            cpu = used(pid)
            name = f"{connections} connections"
            outcome = await storm(port, key, connections=connections, seconds=seconds, body=one_alert)
            found.outcomes[name] = outcome
            found.cpu[name] = (used(pid) - cpu) / outcome.answered * 1000
        if mode != "bare":
            cpu = used(pid)
            outcome = await storm(port, key, connections=8, seconds=seconds, body=hundred, each=100)
            found.outcomes["bodies of 100"] = outcome
            found.cpu["bodies of 100"] = (used(pid) - cpu) / outcome.answered * 10
        found.memory = (before, resident(pid))
    return found


async def of_alertmanager(folder: Path, seconds: float) -> Measured | str:
    program = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
    if program is None:
        return "Alertmanager is not installed"
    found = Measured()
    async with alertmanager(program, folder) as (port, pid):
        await storm(port, "", connections=4, seconds=0.5, body=for_alertmanager, path="/api/v2/alerts")
        before = resident(pid)
        for connections in (16, 64):
            cpu = used(pid)
            name = f"{connections} connections"
            outcome = await storm(
                *(port, ""),
                connections=connections,
                seconds=seconds,
                body=for_alertmanager,
                path="/api/v2/alerts",
            )
            found.outcomes[name] = outcome
            found.cpu[name] = (used(pid) - cpu) / outcome.answered * 1000
        found.memory = (before, resident(pid))
    return found


async def compared(seconds: float) -> tuple[dict[str, Measured], list[str]]:
    """Everything that can be measured here, and what could not be, with the reason."""
    rows: dict[str, Measured] = {}
    missing: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows["bare aiohttp"] = await measured("bare", "", seconds)
        rows["ceiling"] = await measured("ceiling", f"sqlite+aiosqlite:///{folder}/ceiling.db", seconds)
        rows["SQLite"] = await measured("durable", f"sqlite+aiosqlite:///{folder}/durable.db", seconds)
        if (why := Cluster.missing()) is None:
            cluster = Cluster()
            cluster.start()
            try:
                rows["PostgreSQL"] = await measured("durable", cluster.url(), seconds)
            finally:
                cluster.stop()
        else:
            missing.append(f"PostgreSQL: {why}")
        other = await of_alertmanager(folder / "alertmanager", seconds)
        if isinstance(other, Measured):
            rows["Alertmanager (in memory)"] = other
        else:
            missing.append(other)
    return rows, missing


def tables(rows: dict[str, Measured]) -> list[Table]:
    speed = Table("what", "how", "alerts/s", "of the ceiling", "p50 ms", "p99 ms", "CPU ms", "refused")
    for what, found in rows.items():
        for how, outcome in found.outcomes.items():
            ceiling = rows["ceiling"].outcomes.get(how)
            share = f"{outcome.alerts / ceiling.alerts:.2f}" if ceiling is not None else "–"
            speed.add_row(
                *(what, how, f"{outcome.alerts:,.0f}", share, f"{outcome.p50:.1f}", f"{outcome.p99:.1f}"),
                f"{found.cpu[how]:.3f}",
                str(outcome.refused),
            )
    memory = Table("memory", "before", "after")
    for what, found in rows.items():
        memory.add_row(what, f"{found.memory[0]:.0f} MB", f"{found.memory[1]:.0f} MB")
    return [speed, memory]

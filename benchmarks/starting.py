"""How long it takes until there is something to use."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable

from rich.table import Table

from tests.ports import free_port

TRIES = 5


def help_shown() -> float:
    """Seconds of `aw --help`."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "bot", "--help"], check=True, capture_output=True)
    return time.perf_counter() - began


def server_ready() -> float:
    """Seconds from starting `aw serve` on a new database until /readyz says so."""
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        environment = os.environ | {
            "AW_PORT": str(port),
            "AW_DATABASE_URL": f"sqlite+aiosqlite:///{folder}/aw.db",
        }
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "bot", "serve"],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            while not _ready(port):
                if process.poll() is not None:
                    raise SystemExit("aw serve ended at once")
                time.sleep(0.01)
            return time.perf_counter() - began
        finally:
            process.terminate()
            process.wait()


def _ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError):
        return False


def best(measure: Callable[[], float]) -> float:
    return min(measure() for _ in range(TRIES))


def table() -> Table:
    shown = Table("starting", "seconds")
    shown.add_row("aw --help", f"{best(help_shown):.2f}")
    shown.add_row("aw serve until ready, new database", f"{best(server_ready):.2f}")
    return shown

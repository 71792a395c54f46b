"""The tests' own PostgreSQL: what the other tests take for granted of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from tests.postgres import Cluster

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    started = Cluster()
    started.start()
    yield started
    started.stop()


async def ask(url: str, query: str) -> object:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


@pytest.mark.parametrize("setting", ["fsync", "synchronous_commit", "full_page_writes"])
async def test_what_it_says_is_on_disk_is_on_disk(cluster: Cluster, setting: str) -> None:
    assert await ask(cluster.url(), f"SHOW {setting}") == "on"


async def test_a_fresh_database_is_a_copy_and_is_gone_afterwards(cluster: Cluster) -> None:
    async with cluster.fresh_database("mould") as mould:
        await ask(mould, "CREATE TABLE fact AS SELECT 7 AS id")
        async with cluster.fresh_database("copy", template="mould") as copy:
            await ask(copy, "DELETE FROM fact")
            assert await ask(copy, "SELECT count(*) FROM fact") == 0
        assert await ask(mould, "SELECT count(*) FROM fact") == 1
    assert (
        await ask(cluster.url(), "SELECT count(*) FROM pg_database WHERE datname IN ('mould', 'copy')") == 0
    )


async def test_after_a_crash_it_comes_back_with_what_was_committed(cluster: Cluster) -> None:
    async with cluster.fresh_database("kept") as url:
        await ask(url, "CREATE TABLE fact AS SELECT 7 AS id")
        cluster.crash()
        with pytest.raises(OSError, match="Connect call failed"):
            await ask(url, "SELECT 1")
        cluster.start()
        assert await ask(url, "SELECT id FROM fact") == 7


async def test_nobody_gets_in_without_the_password(cluster: Cluster) -> None:
    password = cluster.url().split(":")[2].split("@")[0]
    with pytest.raises(asyncpg.InvalidPasswordError):
        await ask(cluster.url().replace(password, "guessed"), "SELECT 1")


def test_stopping_twice_is_fine_and_leaves_no_folder() -> None:
    cluster = Cluster()
    cluster.start()
    folder = cluster.folder
    assert folder.is_dir()
    cluster.stop()
    cluster.stop()
    assert not folder.exists()


KILLED_RUN = """
import time
from tests.postgres import Cluster
cluster = Cluster()
cluster.start()
print(cluster.folder, flush=True)
time.sleep(60)
"""


def test_it_dies_with_a_test_run_that_is_killed() -> None:
    """The run cannot clean up after itself; the server and its data still must not stay behind."""
    with subprocess.Popen(
        [sys.executable, "-c", KILLED_RUN], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None
        folder = Path(run.stdout.readline().strip())
        server = int((folder / "data" / "postmaster.pid").read_text().splitlines()[0])
        os.kill(run.pid, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while any(folder.iterdir()):
        assert time.monotonic() < deadline, "the cluster outlived the test run"
        time.sleep(0.05)
    folder.rmdir()
    with pytest.raises(ProcessLookupError):
        os.kill(server, 0)

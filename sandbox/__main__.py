"""`python -m sandbox --world world.json --port 8081`: run the pretend world until it is told to stop."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from pathlib import Path

from aiohttp import web

from sandbox.app import create
from sandbox.world import BadWorld, World

LOOK_EVERY = 0.5
"""Seconds between looks whether the parent is still there."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="sandbox", description=__doc__)
    parser.add_argument("--world", type=Path, required=True, help="the world's JSON file")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8081, help="0 takes a free one")
    parser.add_argument(
        "--exit-with-parent", action="store_true", help="stop when the program that started this one is gone"
    )
    given = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="sandbox: %(message)s")
    try:
        return asyncio.run(_run(World.load(given.world), given))
    except BadWorld as error:
        print(f"sandbox: {error}", file=sys.stderr)
    except OSError as error:
        print(f"sandbox: {given.host}:{given.port}: {error.strerror or error}", file=sys.stderr)
    return 1


async def _run(world: World, given: argparse.Namespace) -> int:
    """0 when it was told to stop. Raises BadWorld and OSError."""
    stop = asyncio.Event()
    parent = os.getppid()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runner = web.AppRunner(create(world), access_log=None, shutdown_timeout=1)
    try:
        await _start(runner, given)
        print(f"sandbox ready on http://{given.host}:{runner.addresses[0][1]}", flush=True)
        while not stop.is_set():
            try:
                await asyncio.wait_for(stop.wait(), LOOK_EVERY)
            except TimeoutError:
                if given.exit_with_parent and os.getppid() != parent:
                    break
    finally:
        await runner.cleanup()
    return 0


async def _start(runner: web.AppRunner, given: argparse.Namespace) -> None:
    try:
        await runner.setup()
    except ValueError as error:  # a machine that cannot be built
        raise BadWorld(f"aws: {error}") from error
    await web.TCPSite(runner, given.host, given.port).start()


if __name__ == "__main__":
    sys.exit(main())

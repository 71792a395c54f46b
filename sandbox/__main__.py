"""`python -m sandbox --world world.json --port 8090`: run the pretend world until it is told to stop."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from pathlib import Path

from aiohttp import web

from sandbox.app import create
from sandbox.world import BadWorld, World


def main() -> int:
    parser = argparse.ArgumentParser(prog="sandbox", description=__doc__)
    parser.add_argument("--world", type=Path, required=True, help="the world's JSON file")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8090)
    parser.add_argument(
        "--exit-with-parent", action="store_true", help="stop when the parent process is gone"
    )
    given = parser.parse_args()
    try:
        world = World.load(given.world)
    except BadWorld as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 1
    return asyncio.run(_run(world, given))


async def _run(world: World, given: argparse.Namespace) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runner = web.AppRunner(create(world), access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, given.host, given.port)
        try:
            await site.start()
        except OSError as error:
            print(
                f"sandbox: {given.host}:{given.port} cannot be listened on: {error.strerror}", file=sys.stderr
            )
            return 1
        print(f"sandbox ready on http://{given.host}:{runner.addresses[0][1]}", flush=True)
        parent = os.getppid()
        while not stop.is_set():
            try:
                await asyncio.wait_for(stop.wait(), 0.5)
            except TimeoutError:
                if given.exit_with_parent and os.getppid() != parent:
                    break
    finally:
        await runner.cleanup()
    return 0


if __name__ == "__main__":
    sys.exit(main())

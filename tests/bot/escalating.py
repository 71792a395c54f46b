"""A replica's worker and ticker in a process of its own, the product's as they are, for `test_escalation_campaign.py`.

It reads lines on standard input: so many seconds is its clock wrong from now on. What it had begun when it is killed or
stopped stays as a real process leaves it.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import datetime, timedelta

from bot import settings
from bot.clock import DatabaseClock
from bot.core import Core
from bot.ticker import Ticker
from bot.worker import Worker
from runbooks.catalogue import Catalogue
from storage.database import Database
from storage.secrets import Vault

READY = "ready"


class JumpingClock(DatabaseClock):
    """The database's time, wrong by what a test says."""

    off = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.off


async def main() -> None:
    chosen = settings.read()
    database, clock = Database(chosen.aw_database_url, Vault(chosen.secret_keys())), JumpingClock()
    await clock.agree(database)
    core = Core(settings=chosen, database=database, clock=clock, catalogue=Catalogue(()))

    def jump() -> None:
        if said := sys.stdin.readline().strip():
            clock.off = timedelta(seconds=float(said))
        else:
            loop.remove_reader(sys.stdin)

    loop = asyncio.get_running_loop()
    loop.add_reader(sys.stdin, jump)
    Ticker(core).start()
    print(READY, flush=True)
    await Worker(core, {}, {}).run()


if __name__ == "__main__":
    asyncio.run(main())

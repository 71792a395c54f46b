"""A worker in a process of its own, to be killed and stopped by `test_kills.py`.

It is the product's worker; only its lease is shorter, so that what a dead one held is taken over soon.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

from bot import effects, settings, worker
from bot.clock import DatabaseClock
from bot.core import Core
from runbooks.catalogue import load
from runbooks.executors.aws_ssm import AwsSsm
from storage.database import Database
from storage.secrets import Vault

LEASE = 2.0
READY = b"ready\n"


async def main() -> None:
    worker.LEASE = worker.RUN_LEASE = timedelta(seconds=LEASE)
    worker.RENEW_EVERY, worker.IDLE, effects.SEND_WITHIN = LEASE / 4, 0.05, LEASE * 0.8
    chosen = settings.read()
    database = Database(chosen.aw_database_url, Vault(chosen.secret_keys()))
    clock = DatabaseClock()
    await clock.agree(database)
    core = Core(settings=chosen, database=database, clock=clock, catalogue=load(chosen.aw_runbook_dir))
    executor = AwsSsm(looks=(0, 0.5, 1.0, 1.5), polls_a_second=20)
    print(READY.decode(), end="", flush=True)
    await worker.Worker(core, {}, {"aws_ssm": executor}).run()


if __name__ == "__main__":
    asyncio.run(main())

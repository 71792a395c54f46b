"""A worker's process is killed (SIGKILL) or stands still (SIGSTOP) at any moment: no run starts twice, none is lost.

AW_KILLS sets how many times on each database, AW_SEED what happens when; `make bench-kills` takes 100 on each.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from bot.clock import DatabaseClock
from bot.core import Core
from tests.runbooks import kills
from tests.runbooks.aws import PLACE, Cloud

KILLS = int(os.environ.get("AW_KILLS", "5"))
SEED = int(os.environ.get("AW_SEED", "20261124"))


async def test_killed_at_any_step_nothing_starts_twice_and_nothing_is_lost(
    core: Core, cloud: Cloud, tmp_path: Path
) -> None:
    folder = tmp_path / "runbooks"
    folder.mkdir()
    clock = DatabaseClock()
    await clock.agree(core.database)
    here = replace(core, clock=clock)
    trial = await kills.trial(here, cloud.aws, PLACE, SEED, folder)
    await trial.make(KILLS)
    assert await trial.faults() == []
    assert trial.ends["succeeded"] > KILLS
    print(
        f"{KILLS} kills and pauses, seed {SEED}: {len(trial.runs)} runs, ends {dict(trial.ends)}; "
        f"runs under way when it happened: {dict(sorted(trial.killed_at.items()))}"
    )

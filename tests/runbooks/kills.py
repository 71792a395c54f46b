"""Runs under way on two replicas that are killed, or stand still until they have lost what they held, at any moment."""

from __future__ import annotations

import asyncio
import random
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bot.core import Core
from bot.settings import child_environment
from engine.cloud import Cloud as Place
from engine.company import Company, Role, User
from engine.operations import configure
from engine.operations.ingest import ingest
from engine.setting import SETTINGS, Origin
from runbooks.catalogue import load
from runbooks.operations import decide, request
from runbooks.run import Run, RunStatus
from sandbox.aws.world import AwsWorld
from sandbox.faults import Fault
from tests import given
from tests.runbooks.worker_process import LEASE, READY

PROBE = """
id: count-me-{number}
version: 1
title: Count me, {number}
description: Leaves a line each time that it runs.
risk: high
risk_reason: So that somebody has to approve it.
timeout_seconds: 60
parameters: [{{name: tag, kind: text, pattern: "[a-z0-9-]+", example: a-1, description: Which one}}]
platforms:
  linux:
    script: |
      set -euo pipefail
      echo "$AW_TAG" >> /srv/ran
      sleep 0.3
      echo "did $AW_TAG"
    verify: |
      set -euo pipefail
      grep -qx "$AW_TAG" /srv/ran
      echo "it ran"
undo: Nothing to undo.
"""
WAYS = ("slow", "slow", "slow", "lost_reply", "reset")
CALLS = ("SendCommand", "SendCommand", "SendCommand", "DescribeInstanceInformation", "ListCommandInvocations")
SIDE_BY_SIDE = 2
PAUSE = LEASE * 1.5


@dataclass
class Replica:
    """One worker's process, which a new one follows when it is killed."""

    environment: dict[str, str]
    process: Process | None = None

    async def start(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.runbooks.worker_process",
            env=self.environment,
            stdout=PIPE,
            stderr=DEVNULL,
        )
        assert self.process.stdout is not None
        assert await asyncio.wait_for(self.process.stdout.readline(), 60) == READY

    async def kill(self) -> None:
        assert self.process is not None
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()


@dataclass
class Trial:
    core: Core
    aws: AwsWorld
    company: Company
    kim: User
    root: User
    places: tuple[tuple[str, str], ...]
    """A machine and a runbook: what runs at the same time."""

    replicas: list[Replica]
    seed: int
    runs: list[str] = field(default_factory=list)
    killed_at: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    stopping: bool = False

    async def make(self, count: int) -> None:
        """So many kills and pauses while every machine always has a run."""
        some = random.Random(self.seed)
        await asyncio.gather(*(one.start() for one in self.replicas))
        feeding = [asyncio.create_task(self._feed(*one)) for one in self.places]
        try:
            for _ in range(count):
                await self._hit(some)
            self.stopping = True
            await asyncio.wait_for(asyncio.gather(*feeding), 120)
        finally:
            for task in feeding:
                task.cancel()
            for one in self.replicas:
                if one.process is not None:
                    one.process.send_signal(signal.SIGCONT)
                    await one.kill()

    async def _hit(self, some: random.Random) -> None:
        for _ in range(some.randrange(3)):
            fault = Fault(
                service="ssm",
                method=some.choice(CALLS),
                do=some.choice(WAYS),
                seconds=some.uniform(0.05, 0.6),
            )
            self.aws.faults.add(fault)
        victim = some.choice(self.replicas)
        await asyncio.sleep(some.uniform(0.05, 1.2))
        assert victim.process is not None and victim.process.returncode is None, "it ended by itself"
        at = await self._where()
        if some.random() < 0.25:
            victim.process.send_signal(signal.SIGSTOP)
            self.killed_at.update({f"paused: {name}": number for name, number in at.items()})
            await asyncio.sleep(PAUSE)
            victim.process.send_signal(signal.SIGCONT)
            return
        victim.process.kill()
        self.killed_at.update(at)
        await victim.process.wait()
        await victim.start()

    async def _where(self) -> Counter[str]:
        """How the runs stand that are under way."""
        found = [await self.stored(one) for one in self.runs[-3 * len(self.places) :]]
        return Counter(one.status.value for one in found if not one.status.finished)

    async def stored(self, run_id: str) -> Run:
        run = await self.core.read(lambda tx: tx.runs.get(run_id))
        assert run is not None
        return run

    async def _feed(self, machine: str, runbook: str) -> None:
        number = 0
        while not self.stopping:
            number += 1
            run = await self._approved(machine, runbook, f"{machine}-{runbook}-{number}")
            self.ends[await self._ended(run.id)] += 1

    async def _ended(self, run_id: str) -> str:
        for _ in range(300):
            status = (await self.stored(run_id)).status
            if status.finished:
                return status.value
            await asyncio.sleep(0.1)
        raise AssertionError(f"{run_id} is still {status.value}")

    async def _approved(self, machine: str, runbook: str, tag: str) -> Run:
        core = self.core
        one = given.delivery(self.company, given.alert(machine, "Something is wrong"))
        answer = (await core.write(lambda tx: ingest(tx, [one], core.clock.now())))[0]
        incident = given.number(given.results(answer)[0]["incident_id"])

        async def ask(tx: Any) -> Run:
            return await request.request(
                tx,
                await tx.incidents.get(incident),
                core.catalogue.get(runbook),
                {"tag": tag},
                context=await tx.companies.context(self.company.id),
                actor=given.actor(self.kim),
                now=core.clock.now(),
                reason="test",
            )

        run = await core.write(ask)
        self.runs.append(run.id)
        return await core.write(
            lambda tx: decide.approve(
                tx,
                run.id,
                run.digest,
                actor=given.actor(self.root),
                catalogue=core.catalogue,
                now=core.clock.now(),
            )
        )

    async def faults(self) -> list[str]:
        """What must never be: a second start, a start that nobody knows of, a result that was lost, a run left over."""
        found: list[str] = []
        for run_id in self.runs:
            run = await self.stored(run_id)
            tag = run.parameters["tag"]
            sent = [one for one in self.aws.commands if one.comment == f"aw {run_id} main"]
            name = run.targets[0].asset_name
            lines = self._lines(name).count(tag)
            if len(sent) > 1 or lines > 1:
                found.append(f"{tag}: sent {len(sent)} times, ran {lines} times")
            if not run.status.finished:
                found.append(f"{tag}: still {run.status.value}")
            known = run.status is RunStatus.SUCCEEDED and run.results[0].stdout == f"did {tag}\n"
            if sent and not known:
                found.append(f"{tag}: sent, and the run says {run.status.value}: {run.outcome}")
            if not sent and run.status is not RunStatus.UNKNOWN:
                found.append(f"{tag}: never sent, and the run says {run.status.value}: {run.outcome}")
        return found

    def _lines(self, name: str) -> list[str]:
        (machine,) = [one for one in self.aws.machines.values() if one.name == name]
        return machine.folder.read("srv/ran").splitlines()


async def trial(core: Core, aws: AwsWorld, place: Place, seed: int, runbooks: Path) -> Trial:
    """A company with the machines of the pretend AWS, and two replicas that have not been started."""
    machines = {
        one.name: one for one in aws.machines.values() if one.online.is_set() and one.platform == "Linux"
    }
    numbers = range(1, SIDE_BY_SIDE + 1)
    for number in numbers:
        (runbooks / f"count-me-{number}.yml").write_text(PROBE.format(number=number))

    async def build(tx: Any) -> tuple[Company, User, User]:
        acme = await given.company(tx, "acme", now=core.clock.now(), clouds=(place,))
        for name, one in machines.items():
            await given.asset(tx, acme, name, cloud_ref=one.id)
        kim = await given.technician(tx, acme, name="Kim")
        root = await given.user(tx, "Root", Role.MSP_ADMIN)
        return acme, kim, root

    acme, kim, root = await core.write(build)
    where = configure.Where(Origin.COMPANY, "acme")
    await core.write(
        lambda tx: configure.put(
            tx, where, SETTINGS["runs_per_hour"], 1000, actor=given.actor(root), now=core.clock.now()
        )
    )
    environment = child_environment(
        {
            "AW_DATABASE_URL": core.settings.aw_database_url,
            "AW_SECRET_KEY": core.settings.aw_secret_key.get_secret_value(),
            "AW_RUNBOOK_DIR": str(runbooks),
        }
    )
    replicas = [Replica(environment), Replica(environment)]
    places = tuple((name, f"count-me-{number}") for name in machines for number in numbers)
    here = replace(core, catalogue=load(runbooks))
    return Trial(here, aws, acme, kim, root, places, replicas, seed)

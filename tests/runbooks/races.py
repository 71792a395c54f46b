"""Approvals raced on two replicas, both of which then take the run up, on as many machines side by side as there are
lanes."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from bot.actions.runs import Approve
from bot.core import Core
from engine.access import Via
from engine.company import Asset, Company, Role, User, configured
from engine.operations.ingest import ingest
from runbooks.operations import carry, request
from runbooks.run import Run
from tests import given
from tests.runbooks.replicas import Replicas

LANES = 12
"""Companies: none lets more than 1,000 runs go within an hour."""


@dataclass
class Races:
    core: Core
    replicas: Replicas
    people: tuple[User, ...]
    kim: User
    random: random.Random
    runs: list[str] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    odd: list[str] = field(default_factory=list)

    async def lane(self, company: Company, machine: Asset, count: int) -> None:
        """One race after the other on one machine."""
        one = given.delivery(company, given.alert(machine.name, "nginx service down"))
        answer = (await self.core.write(lambda tx: ingest(tx, [one], self.core.clock.now())))[0]
        incident = given.number(given.results(answer)[0]["incident_id"])
        for _ in range(count):
            await self.race(await self.asked(company, incident))

    async def asked(self, company: Company, incident: int) -> Run:
        async def act(tx: Any) -> Run:
            return await request.request(
                tx,
                await tx.incidents.get(incident),
                self.core.catalogue.get("restart-service"),
                {"unit": "nginx"},
                context=await tx.companies.context(company.id),
                actor=given.actor(self.kim),
                now=self.core.clock.now(),
                reason="test",
            )

        return await self.core.write(act)

    async def race(self, run: Run) -> None:
        """Each of two admins presses once or more, on whichever replica, by whichever door, all at once."""
        pressing = list(self.people) * self.random.randrange(1, 4)
        self.random.shuffle(pressing)
        answers = await asyncio.gather(*(self.press(run, user) for user in pressing))
        self.answers.update(answers)
        winners = {user.id for user, answer in zip(pressing, answers, strict=True) if answer == "done"}
        if len(winners) != 1 or not set(answers) <= {"done", "stale"}:
            self.odd.append(f"{run.id}: {answers}")
        both = [*self.replicas.both, self.random.choice(self.replicas.both)]
        await asyncio.gather(*(self.replicas.start(one, run.id) for one in both))
        self.runs.append(run.id)
        why, now = "the test goes on", self.core.clock.now()
        await self.core.write(lambda tx: carry.abandon(tx, run.id, why, now=now))

    async def press(self, run: Run, user: User) -> str:
        act = Approve(run=run.id, digest=run.digest)
        replica = self.random.choice(self.replicas.both)
        if self.random.random() < 0.5:
            return await self.replicas.rest(replica, user, act)
        via = self.random.choice((Via.SLACK, Via.TEAMS))
        return await self.replicas.hand(replica, user, act, via=via, company=run.company_id)


async def run(core: Core, replicas: Replicas, count: int, seed: int) -> Races:
    async def build(tx: Any) -> tuple[Races, list[tuple[Company, Asset]]]:
        lanes = []
        for number in range(LANES):
            company = await given.company(tx, f"client-{number}")
            await tx.companies.configure(configured(company, runs_per_hour=1000))
            lanes.append((company, await given.asset(tx, company, "web-01")))
        kim = await given.technician(tx, *(company for company, _ in lanes), name="Kim")
        people = [await given.user(tx, name, Role.MSP_ADMIN) for name in ("Root", "Rob")]
        return Races(core, replicas, tuple(people), kim, random.Random(seed)), lanes

    races, lanes = await core.write(build)
    shares = [count // len(lanes) + (number < count % len(lanes)) for number in range(len(lanes))]
    for user in races.people:
        await replicas.token(user)
    await asyncio.gather(
        *(races.lane(*lane, share) for lane, share in zip(lanes, shares, strict=True) if share)
    )
    return races

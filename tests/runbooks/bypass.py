"""Attempts to get a run started that nobody may start, made up by a seed, through two replicas' doors.

`AW_BYPASS_ATTEMPTS` says how many the test makes, on each database; `make bench-approvals` makes 100,000.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from bot.actions.runs import Approve, BreakGlass
from engine.access import Via
from engine.company import Role, User, configured
from runbooks.operations import decide, request
from runbooks.run import Run, RunStatus
from tests import given
from tests.given import World
from tests.runbooks.replicas import Replicas
from tests.runbooks.test_stored_runs import stored

Act = Approve | BreakGlass
Attempt = Callable[["Campaign", Run, random.Random], Awaitable[None]]
RUNS_OF_AN_INCIDENT = 40
AT_ONCE = (6, 20)
"""Presses of one burst."""
TOLD = "told in Slack"
"""What a presser in Slack is told is words, not a code."""
ALONE: tuple[str, dict[str, Any]] = ("restart-service", {"unit": "nginx"})
BY_TWO: tuple[str, dict[str, Any]] = ("restart-nginx", {})
REASON = "the shop is down, nobody picks up the phone"


@dataclass
class Campaign:
    """One world, one waiting high-risk run at a time; a fresh one when an attempt has ended the last."""

    world: World
    replicas: Replicas
    seed: int
    made: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    doors: Counter[str] = field(default_factory=Counter)
    ids: set[str] = field(default_factory=set)
    runs: dict[str, Run] = field(default_factory=dict)
    _incident: int = 0
    _asked: int = 0

    def __post_init__(self) -> None:
        self.core, self.random = self.world.core, random.Random(self.seed)

    async def prepare(self) -> None:
        """As nearly open as it gets: the runbook may be started by break-glass, and no admin is at work."""
        await self.configure(break_glass=["restart-service"])
        await self.configure(runbooks={BY_TWO[0]: "propose/2"})
        await self.person(self.world.root, available=False)
        admin = Role.COMPANY_ADMIN
        self.gus = await self.core.write(lambda tx: given.user(tx, "Gus", admin, self.world.globex))

    async def waiting(
        self, wanted: tuple[str, dict[str, Any]] = ALONE, *, same_incident: bool = False
    ) -> Run:
        last = self.runs.get(wanted[0])
        if last is not None:
            fresh = await stored(self.core, last.id)
            alive = (
                fresh.expires_at is not None
                and self.core.clock.now() < fresh.expires_at - timedelta(minutes=1)
                and fresh.incident_id == self._incident
            )
            if fresh.status is RunStatus.PENDING_APPROVAL and alive and fresh == last:
                return fresh
            await self.end(fresh)
        if self._asked % RUNS_OF_AN_INCIDENT == 0 and not same_incident:
            await self.anew()
        self._asked += 1
        self.runs[wanted[0]] = run = await self.ask(*wanted)
        self.ids.add(run.id)
        return run

    async def anew(self) -> None:
        """Another critical incident on the machine, in which nobody has said anything yet."""
        for run in self.runs.values():
            await self.end(await stored(self.core, run.id))
        self.runs.clear()
        word = "".join(self.random.choices("bcdfghjkmnpqrstvwxz", k=12))
        answer = await self.world.tell(given.alert("web-01", f"{word} down"))
        number = given.number(given.results(answer)[0]["incident_id"])
        assert number != self._incident
        self._incident = number

    async def ask(self, runbook: str, parameters: dict[str, Any]) -> Run:
        core, world = self.core, self.world

        async def act(tx: Any) -> Run:
            return await request.request(
                tx,
                await tx.incidents.get(self._incident),
                core.catalogue.get(runbook),
                parameters,
                context=await tx.companies.context(world.acme.id),
                actor=given.actor(world.kim),
                now=core.clock.now(),
                reason="test",
            )

        return await core.write(act)

    async def end(self, run: Run) -> None:
        """Taken back by who asked: one that expires unanswered would open the way for break-glass."""
        kim, now = given.actor(self.world.kim), self.core.clock.now()
        if run.status is RunStatus.PENDING_APPROVAL:
            await self.core.write(lambda tx: decide.cancel(tx, run.id, actor=kim, now=now))

    # -- the ways in -----------------------------------------------------------------------------------------------

    async def presses(self, draw: Callable[[], tuple[Act, User | None]], *expected: str) -> None:
        """Many at once, each drawn anew and by a door of its own."""
        count = self.random.randrange(*AT_ONCE)
        await asyncio.gather(*(self.press(*draw(), *expected) for _ in range(count)))

    async def press(self, act: Act, user: User | None, *expected: str) -> str:
        """By a door that is drawn, of a replica that is drawn; what comes back has to be one of these."""
        doors: list[Callable[[Act, User | None], Awaitable[str]]] = [self.by_hand]
        if (
            user is not None
            and len(act.digest) >= 12
            and len((getattr(act, "text", None) or REASON).strip()) >= 20
        ):
            doors.append(self.by_rest)
        if isinstance(act, Approve) and "done" not in expected:
            doors.append(self.by_slack)
        return self.counted(await self.random.choice(doors)(act, user), *expected)

    def counted(self, answer: str, *expected: str) -> str:
        self.answers[answer] += 1
        assert answer in (*expected, *([] if "done" in expected else [TOLD])), (answer, expected)
        return answer

    async def by_hand(
        self, act: Act, user: User | None, *, company: int | None = 0, via: Via | None = None
    ) -> str:
        via = via or self.random.choice((Via.SLACK, Via.TEAMS, Via.API, Via.CLI))
        self.doors[f"the handler, as {via.value}"] += 1
        where = self.world.acme.id if company == 0 else company
        return await self.replicas.hand(self.draw(), user, act, via=via, company=where)

    async def by_rest(self, act: Act, user: User | None) -> str:
        assert user is not None
        self.doors["REST"] += 1
        return await self.replicas.rest(self.draw(), user, act)

    async def by_slack(self, act: Act, user: User | None, *, channel: str = "C-acme") -> str:
        assert isinstance(act, Approve)
        self.doors["Slack"] += 1
        chat_id = (user.slack_user if user else None) or "U-Nobody"
        said = await self.replicas.slack(self.draw(), chat_id, act, channel)
        assert said and "my side" not in said, "\n".join([said, *self.replicas.said])
        return TOLD

    def draw(self) -> Any:
        return self.random.choice(self.replicas.both)

    # -- what changes behind the doors -----------------------------------------------------------------------------

    async def change(self, run: Run, **changes: Any) -> None:
        """As somebody with a hand in the database would."""

        async def act(tx: Any) -> None:
            before = await tx.runs.get(run.id)
            await tx.runs.save(before, replace(before, **changes))

        await self.core.write(act)

    async def person(self, user: User, **changes: Any) -> None:
        async def act(tx: Any) -> None:
            await tx.users.change(replace(await tx.users.get(user.id), **changes))

        await self.core.write(act)

    async def configure(self, **changes: Any) -> None:
        async def act(tx: Any) -> None:
            company = (await tx.companies.context(self.world.acme.id)).company
            await tx.companies.configure(configured(company, **changes))

        await self.core.write(act)

    async def carry_on(self, run: Run) -> None:
        """What a worker would do now: the last look before the command is sent."""
        now = await stored(self.core, run.id)
        if now.status is RunStatus.PENDING_APPROVAL or now.status.finished:
            return  # it does nothing then
        await self.replicas.start(self.draw(), run.id)

    # -- the campaign ----------------------------------------------------------------------------------------------

    async def make(self, count: int, attempts: dict[str, Attempt]) -> None:
        """At least so many presses; each kind at least once."""
        names = sorted(attempts)
        missing = list(names)
        while missing or self.answers.total() < count:
            name = missing.pop() if missing else self.random.choice(names)
            before = self.answers.total()
            run = await self.waiting()
            try:
                await attempts[name](self, run, self.random)
            except AssertionError as error:
                raise AssertionError(f"after {before} presses, {name}: {error}") from error
            self.made[name] += self.answers.total() - before
            await self.carry_on(run)

    async def started(self) -> list[str]:
        """The runs of the campaign that were on their way to a machine: there has to be none."""

        async def look(tx: Any) -> list[str]:
            found = [await tx.runs.get(one) for one in sorted(self.ids)]
            return [run.id for run in found if run.started_at is not None or run.status.started]

        return await self.core.read(look)

    async def proofs(self) -> Counter[str]:
        async def look(tx: Any) -> Counter[str]:
            kinds: Counter[str] = Counter()
            for company in (0, self.world.acme.id, self.world.globex.id):
                async for one in tx.audit.chain(company):
                    kinds[one.entry.kind.value] += 1
            return kinds

        return await self.core.read(look)

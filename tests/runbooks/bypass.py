"""Attempts to get a run started that nobody may start, made up by a seed and tried against a real database.

`AW_BYPASS_ATTEMPTS` says how many the test makes, on each database; `make bench-approvals` makes 100,000.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from bot import actions
from bot.handlers import handle
from bot.place import Place
from engine.access import Actor, Via
from engine.company import Role, User
from engine.errors import AlertWhispererError, NotFound, Refused
from runbooks.operations import carry, decide
from runbooks.run import Run, RunStatus, Target
from runbooks.runbook import Risk
from tests import given
from tests.given import World
from tests.runbooks.test_stored_runs import asked, stored

VIAS = (Via.SLACK, Via.TEAMS, Via.API, Via.CLI)
Attempt = Callable[["Campaign", Run, random.Random], Awaitable[None]]


class Campaign:
    """One world, one waiting high-risk run at a time; a fresh one when an attempt has ended the last."""

    def __init__(self, world: World, seed: int) -> None:
        self.world, self.core = world, world.core
        self.random = random.Random(seed)
        self.made: Counter[str] = Counter()
        self.answers: Counter[str] = Counter()
        self.ids: set[str] = set()
        self._run: Run | None = None

    async def waiting(self) -> Run:
        if self._run is not None:
            fresh = await stored(self.core, self._run.id)
            now = self.core.clock.now()
            alive = fresh.expires_at is not None and now < fresh.expires_at - timedelta(minutes=1)
            if fresh.status is RunStatus.PENDING_APPROVAL and alive and fresh == self._run:
                return fresh
            await self.end(fresh)
        self._run = await asked(self.world, "restart-service", unit="nginx")
        self.ids.add(self._run.id)
        return self._run

    async def end(self, run: Run) -> None:
        later = (run.expires_at or self.core.clock.now()) + timedelta(seconds=1)
        if run.status is RunStatus.PENDING_APPROVAL:
            await self.core.write(lambda tx: decide.expire(tx, run.id, now=later))

    async def press(
        self,
        run: Run,
        user: User | None,
        *,
        digest: str | None = None,
        via: Via | None = None,
        run_id: str = "",
    ) -> None:
        """Press approve as a button, a call or a command does; what comes back is counted."""
        actor = Actor(user=user, via=via or self.random.choice(VIAS), label="nobody")
        act = actions.Approve(run=run_id or run.id, digest=run.digest if digest is None else digest)
        company = self.random.choice((None, self.world.acme.id, self.world.globex.id))
        try:
            await handle(self.core, act, actor=actor, place=Place(company_id=company))
        except Refused as refused:
            self.answers[refused.code or "refused"] += 1
        except NotFound:
            self.answers["not_found"] += 1
        except AlertWhispererError as error:
            self.answers[type(error).__name__] += 1
        else:
            self.answers["done"] += 1

    async def change(self, run: Run, **changes: Any) -> None:
        """As somebody with a hand in the database would."""

        async def act(tx: Any) -> None:
            before = await tx.runs.get(run.id)
            await tx.runs.save(before, replace(before, **changes))

        await self.core.write(act)

    async def role(self, user: User, role: Role) -> None:
        async def act(tx: Any) -> None:
            found = await tx.users.get(user.id)
            await tx.users.change(replace(found, role=role))

        await self.core.write(act)

    async def carry_on(self, run: Run) -> None:
        """What the worker would do now: the last look before the command is sent."""
        await self.core.write(
            lambda tx: carry.next_step(tx, run.id, catalogue=self.core.catalogue, now=self.core.clock.now())
        )

    async def make(self, count: int) -> None:
        names = sorted(ATTEMPTS)
        for _ in range(count):
            name = self.random.choice(names)
            self.made[name] += 1
            run = await self.waiting()
            await ATTEMPTS[name](self, run, self.random)
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


async def _self(campaign: Campaign, run: Run, _: random.Random) -> None:
    """A technician, or an admin who asked and would be the one to decide."""
    asker = campaign.random.choice((campaign.world.kim, campaign.world.root))
    if asker is campaign.world.root:
        await campaign.change(run, requested_by=asker.id)
    await campaign.press(run, asker)


async def _wrong_role(campaign: Campaign, run: Run, some: random.Random) -> None:
    world = campaign.world
    await campaign.press(run, some.choice((world.bob, world.ada, world.vera)))


async def _stranger(campaign: Campaign, run: Run, _: random.Random) -> None:
    await campaign.press(run, campaign.world.eve)


async def _nobody(campaign: Campaign, run: Run, _: random.Random) -> None:
    await campaign.press(run, None)


async def _expired(campaign: Campaign, run: Run, some: random.Random) -> None:
    await campaign.change(run, expires_at=campaign.core.clock.now() - timedelta(seconds=some.randrange(3600)))
    await campaign.press(run, campaign.world.root)


async def _edited(campaign: Campaign, run: Run, some: random.Random) -> None:
    at = some.randrange(len(run.digest))
    digits = "0123456789abcdef".replace(run.digest[at], "")
    wrong = run.digest[:at] + some.choice(digits) + run.digest[at + 1 :]
    short = run.digest[: some.randrange(12)]
    await campaign.press(
        run, campaign.world.root, digest=some.choice((wrong, short, "", run.digest + "0", "f" * 64))
    )


async def _other_id(campaign: Campaign, run: Run, some: random.Random) -> None:
    older = some.choice(sorted(campaign.ids))
    if older == run.id:
        older = run.id[:-1] + ("0" if run.id[-1] != "0" else "1")
    await campaign.press(run, campaign.world.root, run_id=older)


async def _script_since(campaign: Campaign, run: Run, some: random.Random) -> None:
    more = some.choice(("\ncurl x | sh", " ", "\n", "#", "\u200b"))
    await campaign.change(run, script=run.script + more)
    await campaign.press(run, campaign.world.root)


async def _target_since(campaign: Campaign, run: Run, _: random.Random) -> None:
    other = campaign.world.db
    target = Target(
        asset_name=other.name, cloud_ref=other.cloud_ref, platform=run.platform, region=run.region
    )
    await campaign.change(run, targets=some_targets(run, target, campaign.random))
    await campaign.press(run, campaign.world.root)


def some_targets(run: Run, target: Target, some: random.Random) -> tuple[Target, ...]:
    return some.choice(((target,), (*run.targets, target)))


async def _parameters_since(campaign: Campaign, run: Run, _: random.Random) -> None:
    await campaign.change(run, parameters={**run.parameters, "unit": "sshd"})
    await campaign.press(run, campaign.world.root)


async def _risk_since(campaign: Campaign, run: Run, some: random.Random) -> None:
    """Made to look harmless, so that a company admin would do."""
    await campaign.change(run, risk=some.choice((Risk.LOW, Risk.MEDIUM)))
    await campaign.press(run, campaign.world.ada)


async def _approver_revoked(campaign: Campaign, run: Run, _: random.Random) -> None:
    """Approved rightly, and before it starts the approver loses the right."""
    await campaign.press(run, campaign.world.root)
    await campaign.role(campaign.world.root, Role.TECHNICIAN)
    await campaign.carry_on(run)
    await campaign.role(campaign.world.root, Role.MSP_ADMIN)


async def _requester_revoked(campaign: Campaign, run: Run, _: random.Random) -> None:
    await campaign.press(run, campaign.world.root)
    await campaign.role(campaign.world.kim, Role.CLIENT_VIEWER)
    await campaign.carry_on(run)
    await campaign.role(campaign.world.kim, Role.TECHNICIAN)


async def _changed_after_approval(campaign: Campaign, run: Run, some: random.Random) -> None:
    await campaign.press(run, campaign.world.root)
    changes: dict[str, Any] = some.choice(
        (
            {"script": run.script + "\nid"},
            {"verify_script": "true"},
            {"parameters": {**run.parameters, "unit": "sshd"}},
            {"account": "999999999999"},
            {"timeout": timedelta(hours=9)},
        )
    )
    await campaign.change(run, **changes)


async def _replayed(campaign: Campaign, run: Run, _: random.Random) -> None:
    """Rejected, and then the old button is pressed."""
    core, root = campaign.core, campaign.world.root
    await core.write(
        lambda tx: decide.reject(tx, run.id, note="no", actor=given.actor(root), now=core.clock.now())
    )
    await campaign.press(run, root)


ATTEMPTS: dict[str, Attempt] = {
    "by the requester": _self,
    "by the wrong role": _wrong_role,
    "by another company's": _stranger,
    "by nobody": _nobody,
    "expired": _expired,
    "edited button": _edited,
    "another run's id": _other_id,
    "script changed since": _script_since,
    "target changed since": _target_since,
    "value changed since": _parameters_since,
    "risk lowered since": _risk_since,
    "approver revoked since": _approver_revoked,
    "requester revoked since": _requester_revoked,
    "changed after the approval": _changed_after_approval,
    "replayed after a rejection": _replayed,
}

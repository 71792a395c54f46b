"""Attempts to break the glass where it may not be broken: each could be, but for one thing."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

from bot.actions.runs import BreakGlass
from engine.access import Via
from engine.alert import Severity
from engine.company import Role, User
from runbooks.operations import decide
from runbooks.run import Run
from tests import given
from tests.runbooks.bypass import REASON, Attempt, Campaign
from tests.runbooks.bypass_approvals import changes_of, wrong_digest


def glass(run: Run, /, **changes: Any) -> BreakGlass:
    return replace(BreakGlass(run=run.id, digest=run.digest, text=REASON), **changes)


async def _reachable(campaign: Campaign, run: Run, _: random.Random) -> None:
    await campaign.person(campaign.world.root, available=True)
    await campaign.presses(lambda: (glass(run), campaign.world.kim), "glass")
    await campaign.person(campaign.world.root, available=False)


async def _unregistered(campaign: Campaign, run: Run, some: random.Random) -> None:
    await campaign.configure(break_glass=some.choice(([], ["reboot"])))
    await campaign.presses(lambda: (glass(run), campaign.world.kim), "glass")
    await campaign.configure(break_glass=["restart-service"])


async def _not_critical(campaign: Campaign, run: Run, _: random.Random) -> None:
    await severity(campaign, run, Severity.HIGH)
    await campaign.presses(lambda: (glass(run), campaign.world.kim), "glass")
    await severity(campaign, run, Severity.CRITICAL)


async def severity(campaign: Campaign, run: Run, is_now: Severity) -> None:
    async def act(tx: Any) -> None:
        incident = await tx.incidents.get(run.incident_id)
        await tx.incidents.save(incident, replace(incident, severity=is_now))

    await campaign.core.write(act)


async def _wrong_person(campaign: Campaign, run: Run, some: random.Random) -> None:
    world = campaign.world
    people: list[tuple[User | None, str]] = [
        (world.vera, "denied"),
        (None, "denied"),
        (world.eve, "not_found"),
        (campaign.gus, "not_found"),
    ]
    who, code = some.choice(people)
    await campaign.presses(lambda: (glass(run), who), code)


async def _elsewhere(campaign: Campaign, run: Run, some: random.Random) -> None:
    """In another company's channel."""
    for _ in range(some.randrange(2, 6)):
        via, where = some.choice((Via.SLACK, Via.TEAMS)), campaign.world.globex.id
        answer = await campaign.by_hand(glass(run), campaign.world.kim, company=where, via=via)
        campaign.counted(answer, "not_found")


async def _edited(campaign: Campaign, run: Run, some: random.Random) -> None:
    await campaign.presses(
        lambda: (glass(run, digest=wrong_digest(run, some)), campaign.world.kim), "digest_changed"
    )


async def _expired(campaign: Campaign, run: Run, some: random.Random) -> None:
    await campaign.change(run, expires_at=campaign.core.clock.now() - timedelta(seconds=some.randrange(3600)))
    await campaign.presses(lambda: (glass(run), campaign.world.kim), "expired")


async def _no_reason(campaign: Campaign, run: Run, some: random.Random) -> None:
    await campaign.presses(
        lambda: (glass(run, text=some.choice((" " * 40, "x" * 19))), campaign.world.kim), "invalid"
    )


async def _looked_at(campaign: Campaign, run: Run, _: random.Random) -> None:
    core, root = campaign.core, campaign.world.root
    await core.write(lambda tx: decide.look(tx, run.id, actor=given.actor(root), now=core.clock.now()))
    await campaign.presses(lambda: (glass(run), campaign.world.kim), "glass")


async def _said_no(campaign: Campaign, run: Run, _: random.Random) -> None:
    """Rejected: neither the old card nor a new request of the same is a way."""
    core, root = campaign.core, campaign.world.root
    await core.write(
        lambda tx: decide.reject(tx, run.id, note="no", actor=given.actor(root), now=core.clock.now())
    )
    await campaign.presses(lambda: (glass(run), campaign.world.kim), "stale")
    again = await campaign.waiting(same_incident=True)
    await campaign.presses(lambda: (glass(again), campaign.world.kim), "glass")
    await campaign.anew()


async def _changed_before(campaign: Campaign, run: Run, some: random.Random) -> None:
    await campaign.change(run, **changes_of(run, some))
    await campaign.presses(lambda: (glass(run), campaign.world.kim), "void", "stale")


async def _changed_after(campaign: Campaign, run: Run, some: random.Random) -> None:
    await campaign.press(glass(run), campaign.world.kim, "done")
    await campaign.change(run, **changes_of(run, some))


async def _withdrawn(campaign: Campaign, run: Run, some: random.Random) -> None:
    """Broken rightly, and before it starts the runbook is no longer registered, or who broke it may not any more."""
    await campaign.press(glass(run), campaign.world.bob, "done")
    if some.random() < 0.5:
        await campaign.configure(break_glass=[])
        await campaign.carry_on(run)
        await campaign.configure(break_glass=["restart-service"])
        return
    await campaign.person(campaign.world.bob, role=Role.CLIENT_VIEWER)
    await campaign.carry_on(run)
    await campaign.person(campaign.world.bob, role=Role.TECHNICIAN)


GLASS: dict[str, Attempt] = {
    "break-glass with an approver there": _reachable,
    "break-glass of what is not registered": _unregistered,
    "break-glass without a critical incident": _not_critical,
    "break-glass by the wrong person": _wrong_person,
    "break-glass from another channel": _elsewhere,
    "break-glass, edited": _edited,
    "break-glass, expired": _expired,
    "break-glass without a reason": _no_reason,
    "break-glass while somebody looks": _looked_at,
    "break-glass after a no": _said_no,
    "break-glass of what was changed": _changed_before,
    "break-glass, changed afterwards": _changed_after,
    "break-glass, withdrawn before it starts": _withdrawn,
}

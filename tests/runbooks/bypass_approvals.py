"""Attempts to have a run approved by whom or as what it may not be."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

from bot.actions.runs import Approve
from engine.access import Via
from engine.company import Role
from runbooks.operations import decide
from runbooks.run import Run, Target
from runbooks.runbook import Risk
from tests import given
from tests.runbooks.bypass import BY_TWO, Attempt, Campaign


def approve(run: Run, /, **changes: Any) -> Approve:
    return replace(Approve(run=run.id, digest=run.digest), **changes)


async def _self(campaign: Campaign, run: Run, some: random.Random) -> None:
    """A technician, or an admin who asked and would be the one to decide."""
    asker = some.choice((campaign.world.kim, campaign.world.root))
    if asker is campaign.world.root:
        await campaign.change(run, requested_by=asker.id)
    await campaign.presses(
        lambda: (approve(run), asker), "own_request" if asker is campaign.world.root else "denied"
    )


async def _raced_self(campaign: Campaign, run: Run, _: random.Random) -> None:
    """Who asked presses on both replicas at once."""
    root = campaign.world.root
    await campaign.change(run, requested_by=root.id)
    await asyncio.gather(*(campaign.press(approve(run), root, "own_request") for _ in range(2)))


async def _wrong_role(campaign: Campaign, run: Run, some: random.Random) -> None:
    world = campaign.world
    await campaign.presses(lambda: (approve(run), some.choice((world.bob, world.ada, world.vera))), "denied")


async def _stranger(campaign: Campaign, run: Run, some: random.Random) -> None:
    """A technician or the admin of another company."""
    others = (campaign.world.eve, campaign.gus)
    await campaign.presses(lambda: (approve(run), some.choice(others)), "not_found")


async def _nobody(campaign: Campaign, run: Run, _: random.Random) -> None:
    await campaign.presses(lambda: (approve(run), None), "denied", "not_found")


async def _elsewhere(campaign: Campaign, run: Run, some: random.Random) -> None:
    """The right person with the right button, in another company's channel; or whoever may not, in nobody's."""
    root, globex = campaign.world.root, campaign.world.globex.id
    for _ in range(some.randrange(2, 6)):
        other = some.random() < 0.7
        who, via = root if other else campaign.world.ada, some.choice((Via.SLACK, Via.TEAMS))
        if some.random() < 0.5:
            answer = await campaign.by_slack(approve(run), who, channel="C-globex" if other else "C-lunch")
        else:
            answer = await campaign.by_hand(approve(run), who, company=globex if other else None, via=via)
        campaign.counted(answer, "not_found" if other else "denied")


async def _expired(campaign: Campaign, run: Run, some: random.Random) -> None:
    await campaign.change(run, expires_at=campaign.core.clock.now() - timedelta(seconds=some.randrange(3600)))
    await campaign.presses(lambda: (approve(run), campaign.world.root), "expired")


def wrong_digest(run: Run, some: random.Random) -> str:
    at = some.randrange(len(run.digest))
    other = some.choice("0123456789abcdef".replace(run.digest[at], ""))
    edited = run.digest[:at] + other + run.digest[at + 1 :]
    return some.choice((edited, run.digest[: some.randrange(12)], "", "f" * 64))


async def _edited(campaign: Campaign, run: Run, some: random.Random) -> None:
    await campaign.presses(
        lambda: (approve(run, digest=wrong_digest(run, some)), campaign.world.root), "digest_changed"
    )


async def _other_id(campaign: Campaign, run: Run, some: random.Random) -> None:
    over = sorted(campaign.ids - {one.id for one in campaign.runs.values()})[-200:]
    ids = over or [run.id[:-1] + ("0" if run.id[-1] != "0" else "1")]
    expected = ("not_found", "stale", "digest_changed", "expired", "own_request", "void")
    await campaign.presses(lambda: (approve(run, run=some.choice(ids)), campaign.world.root), *expected)


async def _script_since(campaign: Campaign, run: Run, some: random.Random) -> None:
    more = some.choice(("\ncurl x | sh", " ", "\n", "#", "\u200b"))
    await campaign.change(run, script=run.script + more)
    await campaign.presses(lambda: (approve(run), campaign.world.root), "void", "stale")


async def _target_since(campaign: Campaign, run: Run, some: random.Random) -> None:
    other = campaign.world.db
    target = Target(
        asset_name=other.name, cloud_ref=other.cloud_ref, platform=run.platform, region=run.region
    )
    await campaign.change(run, targets=some.choice(((target,), (*run.targets, target))))
    await campaign.presses(lambda: (approve(run), campaign.world.root), "void", "stale")


async def _parameters_since(campaign: Campaign, run: Run, _: random.Random) -> None:
    await campaign.change(run, parameters={**run.parameters, "unit": "sshd"})
    await campaign.presses(lambda: (approve(run), campaign.world.root), "void", "stale")


async def _risk_since(campaign: Campaign, run: Run, some: random.Random) -> None:
    """Made to look harmless, so that a company admin would do."""
    await campaign.change(run, risk=some.choice((Risk.LOW, Risk.MEDIUM)))
    await campaign.presses(lambda: (approve(run), campaign.world.ada), "void", "stale")


async def _approver_revoked(campaign: Campaign, run: Run, some: random.Random) -> None:
    """Approved rightly, and before it starts the approver loses the right; or just at that moment, or before."""
    root = campaign.world.root
    revoking = campaign.person(root, role=Role.TECHNICIAN)
    when = some.choice(("after", "at once", "before"))
    if when == "before":
        await revoking
        await campaign.press(approve(run), root, "denied", "not_found")
    elif when == "after":
        await campaign.press(approve(run), root, "done")
        await revoking
    else:
        await asyncio.gather(campaign.press(approve(run), root, "done", "denied", "not_found"), revoking)
    await campaign.carry_on(run)
    await campaign.person(root, role=Role.MSP_ADMIN)


async def _requester_revoked(campaign: Campaign, run: Run, _: random.Random) -> None:
    await campaign.press(approve(run), campaign.world.root, "done")
    await campaign.person(campaign.world.kim, role=Role.CLIENT_VIEWER)
    await campaign.carry_on(run)
    await campaign.person(campaign.world.kim, role=Role.TECHNICIAN)


def changes_of(run: Run, some: random.Random) -> dict[str, Any]:
    found: list[dict[str, Any]] = [
        {"script": run.script + "\nid"},
        {"verify_script": "true"},
        {"parameters": {**run.parameters, "unit": "sshd"}},
        {"account": "999999999999"},
        {"timeout": timedelta(hours=9)},
    ]
    return some.choice(found)


async def _changed_after_approval(campaign: Campaign, run: Run, some: random.Random) -> None:
    await campaign.press(approve(run), campaign.world.root, "done")
    await campaign.change(run, **changes_of(run, some))


async def _raced_with_a_change(campaign: Campaign, run: Run, some: random.Random) -> None:
    """Approved on one replica while what would run is changed."""
    await asyncio.gather(
        campaign.press(approve(run), campaign.world.root, "done", "void"),
        campaign.change(run, **changes_of(run, some)),
    )


async def _raced_alone(campaign: Campaign, _: Run, __: random.Random) -> None:
    """Two people have to agree, and one presses on both replicas at once."""
    run = await campaign.waiting(BY_TWO)
    root = campaign.world.root
    await asyncio.gather(*(campaign.press(approve(run), root, "done") for _ in range(2)))
    await campaign.carry_on(run)


async def _replayed(campaign: Campaign, run: Run, _: random.Random) -> None:
    """Rejected, and then the old button is pressed."""
    core, root = campaign.core, campaign.world.root
    await core.write(
        lambda tx: decide.reject(tx, run.id, note="no", actor=given.actor(root), now=core.clock.now())
    )
    await campaign.presses(lambda: (approve(run), root), "stale")
    await campaign.anew()


ATTEMPTS: dict[str, Attempt] = {
    "by the requester": _self,
    "by the requester, on both replicas at once": _raced_self,
    "by the wrong role": _wrong_role,
    "by another company's": _stranger,
    "by nobody": _nobody,
    "from another channel": _elsewhere,
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
    "changed while it is approved": _raced_with_a_change,
    "one of two who have to agree, on both replicas at once": _raced_alone,
    "replayed after a rejection": _replayed,
}

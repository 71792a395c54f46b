"""A script that somebody types: shown whole, high risk, the same way as every other run."""

from __future__ import annotations

from typing import Any

import pytest

from bot.actions.runs import Again, Approve, Run
from bot.cards import card as cards
from bot.handlers.dispatch import handle
from bot.place import Place
from engine.errors import Refused
from runbooks.custom import CUSTOM, typed
from runbooks.operations import decide
from runbooks.run import RunStatus
from runbooks.runbook import Risk
from tests import given
from tests.bot.test_cards import approval_now, text_of

LONG = "\n".join(f"echo line {number} 'and $HOME'" for number in range(250))


async def asked_for(world: Any, script: str = "systemctl reset-failed", **more: str) -> int:
    answer = await world.tell(given.alert(signature="Something odd"))
    number = given.number(given.results(answer)[0]["incident_id"])
    form = await handle(world.core, Run(number, CUSTOM), actor=given.actor(world.kim), place=Place())
    assert isinstance(form, cards.Asked)
    assert [one.name for one in form.form.fields] == ["platform", "script", "check", "reason"]
    answers = {
        "platform": "linux",
        "script": script,
        "check": "true",
        "reason": "it hangs since noon",
        **more,
    }
    filled = form.form.action.filled(answers)
    await handle(world.core, filled, actor=given.actor(world.kim), place=Place())
    return number


async def test_it_waits_for_an_msp_admin_who_sees_every_line(world: Any) -> None:
    number = await asked_for(world, LONG)
    card, run = await approval_now(world, number)
    assert (run.status, run.risk) == (RunStatus.PENDING_APPROVAL, Risk.HIGH)
    assert run.script == "#!/bin/bash\n" + LONG
    shown = "".join(
        one.text for one in card.elements if isinstance(one, cards.Log) and "script" in one.caption
    )
    assert shown == run.script
    said = text_of(card)
    assert "cut here" not in said
    assert "nobody has tested it" in said
    assert "it hangs since noon" in said
    with pytest.raises(Refused, match="Only MSP admins"):
        await handle(world.core, Approve(run.id, run.digest), actor=given.actor(world.ada), place=Place())
    await handle(world.core, Approve(run.id, run.digest), actor=given.actor(world.root), place=Place())
    _, done = await approval_now(world, number)
    assert (done.status, done.script) == (RunStatus.APPROVED, run.script)


async def test_it_can_be_asked_for_again_as_it_was(world: Any) -> None:
    number = await asked_for(world)
    _, run = await approval_now(world, number)
    world.core.clock.advance(minutes=31)
    await world.core.write(lambda tx: decide.expire(tx, run.id, now=world.core.clock.now()))
    await handle(world.core, Again(run.id), actor=given.actor(world.kim), place=Place())
    _, newer = await approval_now(world, number)
    assert newer.id != run.id
    assert newer.script == run.script


@pytest.mark.parametrize(
    ("given_", "why"),
    [
        ({"script": "echo {{ssm:secret}}", "check": "true"}, "{{"),
        ({"script": "echo \x00", "check": "true"}, "control character"),
        ({"script": " \n", "check": "true"}, "needs what is to run"),
        ({"script": "id", "check": ""}, "ends with 0 only when it helped"),
        ({"script": "x" * 8001, "check": "true"}, "8,001 characters"),
        ({"script": "id", "check": "true", "platform": "vms"}, "neither linux nor windows"),
        ({"script": "id", "check": "true", "sudo": "yes"}, "has no sudo"),
    ],
)
def test_what_cannot_be_sent_is_refused_in_words(given_: dict[str, object], why: str) -> None:
    with pytest.raises(Refused) as refused:
        typed(given_)
    assert why in refused.value.reason


async def test_the_wrong_system_is_refused(world: Any) -> None:
    with pytest.raises(Refused, match="runs on windows only, not on linux"):
        await asked_for(world, platform="windows")

"""AWS answering badly, approvals that no longer hold, and a server that is killed: never twice, never silently."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from bot.settings import NAMES
from engine.company import Role
from engine.operations import directory
from runbooks.run import RunStatus
from sandbox.faults import Fault
from tests.harness import CLI, Harness, eventually, shown
from tests.outside import HOME_KEY, HOME_SECRET, chat_environment
from tests.ports import free_port


async def newest_run(h: Harness):
    async def look(tx):
        company = await tx.companies.by_slug("acme")
        found = [run for run in await tx.runs.of_incident(1) if run.company_id == company.id]
        return found[0] if found else None

    return await h.read(look)


async def ready(h: Harness) -> bool:
    with suppress(OSError):
        async with h.session.get(f"{h.url}/readyz") as answer:
            return answer.status == 200
    return False


async def ended(h: Harness):
    async def look():
        run = await newest_run(h)
        return run if run is not None and run.status.finished else None

    return await eventually(look, what="the end of the run")


async def test_a_wrong_external_id_fails_with_a_clear_line(h: Harness):
    async def break_it(tx):
        company = await tx.companies.by_slug("acme")
        await tx.companies.change(replace(company, clouds=(replace(company.clouds[0], external_id="wrong"),)))

    await h.write(break_it)
    await h.fire("acme", "Disk / 97% full")
    run = await ended(h)
    assert run.status is RunStatus.FAILED
    card = await h.card("acme", saying="❌ Clean up disk space")
    assert "external id" in shown(card)
    assert h.aws.commands == []


async def test_a_lost_reply_is_looked_up_and_nothing_is_sent_twice(h: Harness):
    h.aws.break_machine("i-0aaaaaaaaaaaaaaa1", "fill-disk")
    h.world.faults.add(Fault(service="ssm", method="SendCommand", times=1, do="lost_reply"))
    await h.fire("acme", "Disk / 97% full")
    run = await ended(h)
    assert run.status is RunStatus.SUCCEEDED
    mains = [command for command in h.aws.commands if command.comment.endswith(" main")]
    assert len(mains) == 1


async def requested(h: Harness):
    await h.fire("acme", "Service nginx down")
    await h.card("acme", saying="Service nginx down")
    await h.command("kim", "acme", "/aw run restart-service 1 unit=nginx")
    card = await h.card("acme", kind="approval", saying="Approve “Restart a service”")
    return card, await newest_run(h)


async def test_an_approval_is_void_when_what_would_run_has_changed(h: Harness):
    card, run = await requested(h)

    async def tamper(tx):
        found = await tx.runs.get(run.id)
        await tx.runs.save(found, replace(found, parameters={**found.parameters, "unit": "postgresql"}))

    await h.write(tamper)
    await h.press("lee", card, "approve")
    await h.whispered("lee", "was not started")
    assert (await newest_run(h)).status is RunStatus.VOID
    await h.quiet()
    assert h.aws.commands == []


async def test_who_can_decide_is_called_once_before_it_expires(h: Harness):
    await requested(h)
    h.clock.shift += timedelta(minutes=21)
    h.core.nudge.set()
    said = await h.thread("acme", saying="still waits for a decision")
    assert "@Lee" in shown(said)
    await h.quiet()
    assert sum("still waits for a decision" in shown(one) for one in h.replies("acme")) == 1


async def test_an_approval_expires_and_its_buttons_go(h: Harness):
    await requested(h)
    h.clock.shift += timedelta(minutes=31)
    h.core.nudge.set()
    card = await h.card("acme", kind="approval", saying="Expired")
    assert card.buttons == ("again",)
    run = await newest_run(h)
    await h.press("lee", card, "approve", value=f"{run.id}|{run.digest}")
    await h.whispered("lee", "has expired")


async def test_resolving_closes_what_still_waits_for_an_approval(h: Harness):
    await requested(h)
    await h.command("kim", "acme", "/aw resolve 1 done by hand")
    card = await h.card("acme", kind="approval", saying="No longer needed")
    assert not card.buttons


async def test_the_requester_cannot_approve_and_a_rejection_says_why(h: Harness):
    await h.fire("acme", "Service nginx down")
    await h.card("acme")
    await h.command("lee", "acme", "/aw run restart-service 1 unit=nginx")
    card = await h.card("acme", kind="approval", saying="Approve “Restart a service”")
    run = await newest_run(h)
    await h.press("lee", card, "approve", value=f"{run.id}|{run.digest}")
    await h.whispered("lee", "somebody else has to approve")
    assert h.aws.commands == []


async def test_an_offline_machine_is_said_to_be_offline(h: Harness):
    h.aws.break_machine("i-0aaaaaaaaaaaaaaa1", "offline")
    await h.fire("acme", "Disk / 97% full")
    run = await ended(h)
    assert run.status is RunStatus.FAILED
    assert "acme-web-01" in run.outcome


async def test_a_failing_script_is_not_called_a_success(h: Harness):
    h.aws.break_machine("i-0aaaaaaaaaaaaaaa1", "break-unit:nginx")
    card, _ = await requested(h)
    await h.press("lee", card, "approve")
    run = await ended(h)
    assert run.status is RunStatus.FAILED
    await h.card("acme", saying="❌ Restart a service")
    assert (await h.card("acme")).incident == "INC-1"


async def test_a_fix_that_ends_well_and_does_not_help_is_refuted_by_its_check(h: Harness):
    h.aws.break_machine("i-0aaaaaaaaaaaaaaa1", "fill-data")
    await h.fire("acme", "Disk / 97% full")
    run = await ended(h)
    assert run.results[0].exit_code == 0
    assert (run.status, run.verify_results[0].exit_code) == (RunStatus.FAILED, 1)
    card = await h.card("acme", saying="❌ Clean up disk space")
    assert "It ran, but the goal is not met" in shown(card)
    assert "Resolved" not in shown(card)


@pytest.mark.alone
async def test_killed_between_commit_and_card_it_still_appears_once(h: Harness):
    """A server process of its own is killed -9 while the chat answers nothing; the next one shows the card, once."""
    await h.stop()
    given = {
        "AW_DATABASE_URL": h.settings.aw_database_url,
        "AW_SECRET_KEY": h.settings.aw_secret_key.get_secret_value(),
        "AW_PORT": str(h.settings.aw_port),
        **chat_environment(h.settings),
        "AWS_ACCESS_KEY_ID": HOME_KEY,
        "AWS_SECRET_ACCESS_KEY": HOME_SECRET,
    }
    environment = {name: value for name, value in os.environ.items() if name not in NAMES} | given
    h.hand.fail("post", "lost_reply", times=99)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "serve", env=environment, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        await eventually(partial(ready, h), what="a server that is ready", within=60)
        await h.fire("acme", "Roof leaks", asset_name="acme-roof")
        await eventually(lambda: h.hand.calls("post", "acme"), what="a first post")
    finally:
        process.send_signal(signal.SIGKILL)
        await process.wait()
    h.world.faults.clear()
    killed = asyncio.get_running_loop().time()
    await h.start()
    await h.card("acme", saying="Roof leaks")
    await h.settled("acme", within=15.0)
    assert asyncio.get_running_loop().time() - killed < 15, (
        "what a dead process held is taken over within 15 s"
    )
    await h.quiet(1.0)
    again = await h.fire("acme", "Roof leaks", asset_name="acme-roof")
    assert again["deduplicated"]
    await h.card("acme", saying="×2")
    assert len(h.cards("acme")) == 1


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
async def test_two_replicas_share_the_work_and_say_everything_once(h: Harness, backend: str):
    from bot.app import running

    other = h.settings.model_copy(update={"aw_port": free_port()})
    async with running(other) as second:
        bodies = [
            {"asset_name": f"{letter}box", "signature": "Node down", "severity": "high"} for letter in "klm"
        ]
        for number, body in enumerate(bodies):
            port = second.port if number % 2 else h.settings.aw_port
            headers = {"X-API-Key": h.keys["acme"]}
            for _ in range(2):
                url = f"http://127.0.0.1:{port}/api/webhooks/alerts"
                async with h.session.post(url, json=body, headers=headers) as answer:
                    assert answer.status == 202
        await h.card("acme", count=3)
        await h.quiet(1.0)
    assert len(h.cards("acme")) == 3
    assert len({one.incident for one in h.cards("acme")}) == 3


async def test_a_request_is_void_at_once_when_its_requester_may_no_longer_ask(h: Harness):
    """Long before the next sweep."""
    await requested(h)

    async def demote(tx):
        kim = await tx.users.get(h.users["kim"].id)
        viewer = replace(kim, role=Role.CLIENT_VIEWER)
        await directory.change_user(tx, viewer, actor=CLI, now=h.clock.now())

    await h.write(demote)
    h.core.nudge.set()
    card = await h.card("acme", kind="approval", saying="may no longer do so")
    assert "Void" in shown(card)


async def test_what_is_asked_for_differently_says_what_took_its_place(h: Harness):
    await requested(h)
    await h.command("kim", "acme", "/aw run restart-service 1 unit=mysql")
    old = await h.card("acme", kind="approval", saying="in its place")
    assert "what Kim asked for at" in shown(old)

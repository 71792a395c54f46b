"""Nobody who could agree is there, and the shop is down: a registered runbook starts, everybody hears of it, and
another admin signs."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from engine.company import configured
from runbooks.run import RunStatus
from tests.harness import Harness, Post, shown
from tests.scenarios.test_runs_in_trouble import ended, newest_run

REASON = "the shop is down and Lee does not pick up the phone"


async def critical_request(h: Harness) -> Post:
    async def register(tx):
        company = await tx.companies.by_slug("acme")
        await tx.companies.configure(configured(company, break_glass=["restart-service"]))

    await h.write(register)
    await h.fire("acme", "Service nginx down", severity="critical")
    await h.card("acme", saying="Service nginx down")
    await h.command("kim", "acme", "/aw run restart-service 1 unit=nginx")
    return await h.card("acme", kind="approval", saying="Approve “Restart a service”")


async def test_nobody_answers_so_the_glass_is_broken_and_another_admin_signs(h: Harness):
    h.aws.break_machine("i-0aaaaaaaaaaaaaaa1", "stop-unit:nginx")
    card = await critical_request(h)
    assert "break_glass" not in card.buttons, "Lee can be reached"
    h.clock.shift += timedelta(minutes=21)
    h.core.nudge.set()
    card = await h.card("acme", kind="approval", saying="the glass may be broken")
    assert "break_glass" in card.buttons
    await h.press("kim", card, "break_glass")
    assert "at least 20 characters" in await h.submit("kim", text="too short")
    assert (await newest_run(h)).status is RunStatus.PENDING_APPROVAL
    await h.press("kim", card, "break_glass")
    await h.submit("kim", text=REASON)
    run = await ended(h)
    assert (run.status, run.broken_by) == (RunStatus.SUCCEEDED, h.users["kim"].id)
    said = await h.thread("acme", saying="broke the glass")
    assert REASON in shown(said) and "@Lee" in shown(said) and "@Maria" in shown(said)
    for who in ("lee", "maria"):
        assert REASON in shown(await h.told(who, "broke the glass"))
    tags = [command for command in h.aws.commands if command.comment.endswith(" main")]
    assert len(tags) == 1

    await h.command("maria", "acme", "/aw status")
    assert "To be signed" in shown(await h.whispered("maria", "To be signed"))
    await h.command("lee", "acme", "/aw mine")
    listed = await h.whispered("lee", "To be signed")
    await h.press("kim", card, "break_glass")
    await h.press("lee", listed, "sign_review")
    await h.submit("lee", text="right so, nobody was on call")
    done = await h.card("acme", kind="approval", saying="signed by Lee")
    assert "Started by break-glass by Kim" in shown(done) and not done.buttons


async def test_with_nobody_linked_it_is_possible_at_once_and_not_for_what_is_not_critical(h: Harness):
    await h.unlink("lee")
    card = await critical_request(h)
    assert "break_glass" in card.buttons

    async def calm(tx):
        incident = await tx.incidents.get(1)
        await tx.incidents.save(incident, replace(incident, severity=incident.severity.__class__("high")))

    await h.write(calm)
    await h.press("kim", card, "break_glass")
    assert "open critical incidents only" in await h.submit("kim", text=REASON)
    assert (await newest_run(h)).status is RunStatus.PENDING_APPROVAL and h.aws.commands == []

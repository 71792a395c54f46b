"""Nobody who could agree is there, and the shop is down: a registered runbook starts, everybody hears of it, and
another admin signs."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from engine.company import configured
from engine.operations import directory
from runbooks.run import RunStatus
from tests.harness import CLI, Harness, shown
from tests.outside import CHAT_IDS
from tests.scenarios.test_notices import told
from tests.scenarios.test_runs_in_trouble import ended, newest_run

REASON = "the shop is down and Lee does not pick up the phone"


def buttons(card: dict[str, Any]) -> list[str]:
    rows = [block for block in card["blocks"] if block["type"] == "actions"]
    return [one["action_id"] for row in rows for one in row["elements"]]


async def critical_request(h: Harness) -> dict[str, Any]:
    async def register(tx):
        company = await tx.companies.by_slug("acme")
        await tx.companies.configure(configured(company, break_glass=["restart-service"]))

    await h.write(register)
    await h.fire("acme", "Service nginx down", severity="critical")
    await h.card("acme", saying="Service nginx down")
    await h.command("kim", "acme", "/aw run restart-service 1 unit=nginx")
    return await h.card("acme", kind="approval", saying="Approve “Restart a service”")


async def submitted(h: Harness, who: str, text: str) -> Any:
    view = await h.modal(who)
    (block,) = [one for one in view["blocks"] if one["type"] == "input"]
    values = {block["block_id"]: {block["element"]["action_id"]: {"type": "plain_text_input", "value": text}}}
    return await h.world.slack.submit(CHAT_IDS[who], view["id"], values)


async def test_nobody_answers_so_the_glass_is_broken_and_another_admin_signs(h: Harness):
    h.aws.break_machine("i-0aaaaaaaaaaaaaaa1", "stop-unit:nginx")
    card = await critical_request(h)
    assert "aw:break_glass" not in buttons(card), "Lee can be reached"
    h.clock.shift += timedelta(minutes=21)
    h.core.nudge.set()
    card = await h.card("acme", kind="approval", saying="the glass may be broken")
    assert "aw:break_glass" in buttons(card)
    await h.press("kim", card, "aw:break_glass")
    await submitted(h, "kim", "too short")
    assert "at least 20 characters" in shown(await h.modal("kim"))
    assert (await newest_run(h)).status is RunStatus.PENDING_APPROVAL
    await h.press("kim", card, "aw:break_glass")
    await submitted(h, "kim", REASON)
    run = await ended(h)
    assert (run.status, run.broken_by) == (RunStatus.SUCCEEDED, h.users["kim"].id)
    said = await h.thread("acme", saying="broke the glass")
    assert REASON in shown(said) and "<@U0LEE>" in shown(said) and "<@U0MARIA>" in shown(said)
    for who in ("lee", "maria"):
        assert REASON in shown(await told(h, who, "broke the glass"))
    tags = [command for command in h.aws.commands if command.comment.endswith(" main")]
    assert len(tags) == 1

    await h.command("maria", "acme", "/aw status")
    assert "To be signed" in shown(await h.whispered("maria", "To be signed"))
    await h.command("lee", "acme", "/aw mine")
    listed = await h.whispered("lee", "To be signed")
    await h.press("kim", card, "aw:break_glass")
    await h.press("lee", listed, "aw:sign_review")
    await submitted(h, "lee", "right so, nobody was on call")
    done = await h.card("acme", kind="approval", saying="signed by Lee")
    assert "Started by break-glass by Kim" in shown(done) and buttons(done) == []


async def test_with_nobody_linked_it_is_possible_at_once_and_not_for_what_is_not_critical(h: Harness):
    async def unlink(tx):
        lee = await tx.users.get(h.users["lee"].id)
        await directory.change_user(tx, replace(lee, slack_user=None), actor=CLI, now=h.clock.now())

    await h.write(unlink)
    card = await critical_request(h)
    assert "aw:break_glass" in buttons(card)

    async def calm(tx):
        incident = await tx.incidents.get(1)
        await tx.incidents.save(incident, replace(incident, severity=incident.severity.__class__("high")))

    await h.write(calm)
    await h.press("kim", card, "aw:break_glass")
    await submitted(h, "kim", REASON)
    assert "open critical incidents only" in shown(await h.modal("kim"))
    assert (await newest_run(h)).status is RunStatus.PENDING_APPROVAL and h.aws.commands == []

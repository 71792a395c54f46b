"""Slash commands, mentions, forms, refusals: what people type and what they read back."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from tests.harness import Harness, eventually, shown
from tests.outside import COMPANIES


def said(reply) -> str:
    return shown(reply) if isinstance(reply, dict) else "\n".join(map(shown, reply or []))


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_commands_answer_in_place(h: Harness):
    await h.fire("acme", "Disk slow", asset_name="acme-nas", severity="medium")
    await h.fire("globex", "Secret globex thing", asset_name="globex-nas")
    await h.card("acme")
    for text, expected in (
        ("/aw", "What you can do here"),
        ("/aw status acme", "Acme Corp: 1 open"),
        ("/aw status", "Acme Corp: 1 open"),
        ("/aw list", "INC-1"),
        ("/aw INC-1", "Disk slow"),
        ("/aw why 1", "Opened because"),
        ("/aw details 1", "in detail"),
        ("/aw whoami", "Maria"),
        ("/aw stauts", "Did you mean"),
        ("/aw claim", "Which incident"),
        ("/aw INC-2", "There is no INC-2"),
        ("/aw status globex", "I know no company"),
    ):
        who = "maria"
        reply = said(await h.command(who, "acme", text))
        assert expected in reply, (text, reply)
        assert "Secret globex" not in reply


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_words_act_like_buttons(h: Harness):
    await h.fire("acme", "Job hangs", asset_name="acme-batch")
    await h.card("acme")
    assert "is yours" in said(await h.command("kim", "acme", "/aw claim INC-1"))
    assert "Noted" in said(await h.command("kim", "acme", "/aw note 1 it is the <cron> job & more"))
    note = await h.thread("acme", saying="it is the")
    assert "&lt;cron&gt; job &amp; more" in shown(note)
    assert "somebody else's hands" in said(await h.command("bob", "acme", "/aw resolve 1 mine now"))
    assert "is resolved" in said(await h.command("kim", "acme", "/aw resolve 1 killed it"))
    await h.card("acme", saying="killed it")


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_in_the_thread_a_mention_needs_no_number(h: Harness):
    await h.fire("acme", "Mail late", asset_name="acme-mx")
    card = await h.card("acme")
    await h.world.slack.mention("U0KIM", "C0ACME", "<@U0AWBOT> claim", thread_ts=card["ts"])
    await h.card("acme", saying="in the hands of *Kim*")
    await h.whispered("kim", "is yours")


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_a_known_address_is_linked_at_the_first_press_and_a_stranger_is_not(h: Harness):
    from dataclasses import replace

    kim = h.users["kim"]

    async def unlink(tx):
        await tx.users.change(replace(kim, slack_user=None))

    await h.write(unlink)
    await h.fire("acme", "UPS beeps", asset_name="acme-ups")
    card = await h.card("acme")
    await h.world.slack.press("U0EVE", card, "aw:claim")
    await h.whispered("eve", "I do not know you yet")
    await h.press("kim", card, "aw:claim")
    await h.card("acme", saying="in the hands of *Kim*")


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_resolving_by_its_form_keeps_the_note(h: Harness):
    await h.fire("acme", "Door open", asset_name="acme-dc")
    card = await h.card("acme")
    await h.press("kim", card, "aw:resolve")
    view = await h.modal("kim")
    await h.world.slack.submit("U0KIM", view["id"], {"text": "closed the door"})
    await h.card("acme", saying="closed the door")


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_the_menu_behind_the_dots_works(h: Harness):
    await h.fire("acme", "Clock wrong", asset_name="acme-ntp")
    card = await h.card("acme")
    await h.press("kim", card, "aw:more", option="why:1")
    await h.whispered("kim", "Why INC-1 exists")
    await h.press("kim", card, "aw:more", option="assign:1")
    view = await h.modal("kim")
    await h.world.slack.submit("U0KIM", view["id"], {"to": str(h.users["bob"].id)})
    await h.card("acme", saying="Assigned to Bob by Kim")


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_an_edited_button_of_another_company_is_refused(h: Harness):
    await h.fire("acme", "A", asset_name="acme-x")
    await h.fire("globex", "B", asset_name="globex-x")
    card = await h.card("acme")
    forged = {**card, "blocks": list(card["blocks"])}
    await h.world.slack.press("U0LEE", forged, "aw:claim", value="2")
    await h.whispered("lee", "There is no INC-2 here")
    assert COMPANIES["globex"][1] != COMPANIES["acme"][1]


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_an_unsigned_or_old_request_is_refused(h: Harness):
    body = b"token=x&team_id=T0MSP&channel_id=C0ACME&user_id=U0LEE&command=%2Faw&text=status&trigger_id=1"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    async with h.session.post(f"{h.url}/slack/events", data=body, headers=headers) as answer:
        assert answer.status == 401
    headers |= {"X-Slack-Request-Timestamp": "1", "X-Slack-Signature": "v0=" + "0" * 64}
    async with h.session.post(f"{h.url}/slack/events", data=body, headers=headers) as answer:
        assert answer.status == 401


def saying(h: Harness, channel: str, words: str) -> list[dict[str, Any]]:
    return [one for one in h.world.slack.messages(channel) if words in shown(one)]


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_direct_messages_are_answered_there(h: Harness):
    await h.fire("acme", "Tap drips", asset_name="acme-tap")
    await h.card("acme")
    direct, form, unknown = "D0KIM", "needs a form", "do not know"
    for text, answer in (("list", "INC-1"), ("/aw claim 1", "is yours"), ("note 1", form), ("huh", unknown)):
        await h.world.slack.say("U0KIM", direct, text)
        await eventually(partial(saying, h, direct, answer), what=answer)
    await h.card("acme", saying="in the hands of *Kim*")

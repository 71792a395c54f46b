"""What fixed it is asked, kept and shown when it comes again; a question in the thread is answered there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import SECRET_KEY
from tests.harness import Harness, harness, shown
from tests.outside import CHAT_IDS


async def filled(h: Harness, who: str, **changes: str) -> dict[str, Any]:
    """Send the newest modal with what stands in it, but for the changes."""
    view = await h.modal(who)
    values = {}
    for block in view["blocks"]:
        if block["type"] == "input":
            element = block["element"]
            said = changes.get(block["block_id"], element.get("initial_value", ""))
            typed = {"type": "plain_text_input", "value": said or None}
            values[block["block_id"]] = {element["action_id"]: typed}
    await h.world.slack.submit(CHAT_IDS[who], view["id"], values)
    return dict(view)


async def test_what_fixed_it_comes_back_with_the_problem(h: Harness):
    await h.fire("acme", "Mail spool / 97% full")
    card = await h.card("acme", saying="Mail spool")
    await h.command("kim", "acme", "/aw claim 1")
    await h.command("kim", "acme", "/aw note 1 deleted old files in the spool")
    await h.thread("acme", saying="deleted old files")
    card = await h.card("acme", saying="in the hands of")
    await h.press("kim", card, "aw:resolve")
    view = await filled(h, "kim", text="deleted old spool files")
    assert "deleted old files in the spool" in str(view), "a draft out of the story"
    assert "draft by rules" in str(view)
    card = await h.card("acme", saying="Resolved by")
    await h.press("kim", card, "aw:kb_write")
    view = await filled(h, "kim", title="Mail spool full")
    assert "Mail spool / 97% full" in str(view) and "deleted old spool files" in str(view)
    await h.card("acme", saying="KB-1")
    await h.fire("acme", "Mail spool / 98% full", asset_name="acme-mail-02")
    text = shown(await h.card("acme", saying="seen before (INC-1), what fixed it:", count=2))
    assert "deleted old spool files" in text and "KB-1" in text
    await h.command("kim", "acme", "/aw kb search spool")
    await h.whispered("kim", "KB-1")


async def test_a_question_in_the_thread_is_answered_to_the_asker(h: Harness):
    await h.fire("globex", "Ledger broken")
    await h.fire("acme", "Certificate renewed", asset_name="acme-lb-01", severity="low")
    await h.card("acme", saying="Certificate renewed")
    await h.fire("acme", "Nginx is down")
    card = await h.card("acme", saying="Nginx is down")
    words = "<@U0AWBOT> what changed before this?"
    await h.world.slack.mention("U0KIM", "C0ACME", words, thread_ts=card["ts"])
    text = shown(await h.whispered("kim", "what changed before this?"))
    assert "📐" in text and "Certificate renewed" in text and "rests on INC-2" in text
    assert "Ledger" not in text
    await h.world.slack.mention("U0KIM", "C0ACME", "<@U0AWBOT> is the moon full?", thread_ts=card["ts"])
    assert "What I can say" in shown(await h.whispered("kim", "I cannot answer that"))


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_in_teams_too(database_url: str, tmp_path: Path):
    async with harness(database_url, SECRET_KEY, tmp_path / "machines", teams=True) as h:
        await h.fire("acme", "Certificate renewed", asset_name="acme-lb-01", severity="low")
        await h.teams.card("acme", saying="Certificate renewed")
        await h.fire("acme", "Nginx is down")
        card = await h.teams.card("acme", saying="Nginx is down")
        await h.teams.say("kim", "acme", "what changed before this?", thread=card)
        await h.teams.written("kim", "In the hour before it")
        await h.teams.say("kim", "acme", "claim", thread=card)
        await h.teams.say("kim", "acme", "resolve restarted it with the old key", thread=card)
        card = await h.teams.card("acme", saying="Resolved by")
        await h.teams.press("kim", card, "What fixed it?")
        await h.teams.submit("kim", {"title": "Nginx down", "problem": "", "fix": "Old key put back"})
        await h.teams.card("acme", saying="KB-1")
        await h.teams.say("kim", None, "kb nginx")
        await h.teams.written("kim", "Old key put back")

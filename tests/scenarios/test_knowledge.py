"""What fixed it is asked, kept and shown when it comes again; a question in the thread is answered there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import SECRET_KEY
from tests.hands.post import OpenForm
from tests.harness import Harness, harness, shown


def asked(form: OpenForm) -> str:
    """What it says, and what stands in it already."""
    return "\n".join([form.text, *(one.value for one in form.questions.values())])


async def test_what_fixed_it_comes_back_with_the_problem(h: Harness):
    await h.fire("acme", "Mail spool / 97% full")
    card = await h.card("acme", saying="Mail spool")
    await h.command("kim", "acme", "/aw claim 1")
    await h.command("kim", "acme", "/aw note 1 deleted old files in the spool")
    await h.thread("acme", saying="deleted old files")
    card = await h.card("acme", saying="in the hands of")
    await h.press("kim", card, "resolve")
    form = await h.form("kim")
    assert "deleted old files in the spool" in asked(form), "a draft out of the story"
    assert "draft by rules" in asked(form)
    await h.submit("kim", text="deleted old spool files")
    card = await h.card("acme", saying="Resolved by")
    await h.press("kim", card, "kb_write")
    form = await h.form("kim")
    assert "Mail spool / 97% full" in asked(form) and "deleted old spool files" in asked(form)
    await h.submit("kim", title="Mail spool full")
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
    await h.hand.mention("kim", card, "what changed before this?")
    text = shown(await h.whispered("kim", "what changed before this?"))
    assert "📐" in text and "Certificate renewed" in text and "rests on INC-2" in text
    assert "Ledger" not in text
    await h.hand.mention("kim", card, "is the moon full?")
    assert "What I can say" in shown(await h.whispered("kim", "I cannot answer that"))


@pytest.mark.only("teams", why="words of the dialog itself; the others run in both")
@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_in_teams_too(database_url: str, tmp_path: Path):
    async with harness(database_url, SECRET_KEY, tmp_path / "machines", chats=("slack", "teams")) as h:
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

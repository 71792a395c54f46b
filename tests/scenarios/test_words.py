"""Words, mentions, forms, refusals: what people type and what they read back."""

from __future__ import annotations

from tests.hands.post import Post
from tests.harness import Harness, eventually, shown


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
        reply = shown(await h.command(who, "acme", text))
        assert expected in reply, (text, reply)
        assert "Secret globex" not in reply


async def test_words_act_like_buttons(h: Harness):
    await h.fire("acme", "Job hangs", asset_name="acme-batch")
    await h.card("acme")
    assert "is yours" in shown(await h.command("kim", "acme", "/aw claim INC-1"))
    assert "Noted" in shown(await h.command("kim", "acme", "/aw note 1 it is the <cron> job & more"))
    note = await h.thread("acme", saying="it is the")
    assert "<cron> job & more" in shown(note)
    assert "somebody else's hands" in shown(await h.command("bob", "acme", "/aw resolve 1 mine now"))
    assert "is resolved" in shown(await h.command("kim", "acme", "/aw resolve 1 killed it"))
    await h.card("acme", saying="killed it")


async def test_in_the_thread_a_mention_needs_no_number(h: Harness):
    await h.fire("acme", "Mail late", asset_name="acme-mx")
    card = await h.card("acme")
    await h.hand.mention("kim", card, "claim")
    await h.card("acme", saying="in the hands of Kim")
    await h.answered("kim", "is yours")


async def test_a_known_address_is_linked_at_the_first_press_and_a_stranger_is_not(h: Harness):
    await h.unlink("kim")
    await h.fire("acme", "UPS beeps", asset_name="acme-ups")
    card = await h.card("acme")
    await h.press("eve", card, "claim")
    await h.whispered("eve", "I do not know you yet")
    await h.press("kim", card, "claim")
    await h.card("acme", saying="in the hands of Kim")


async def test_resolving_by_its_form_keeps_the_note(h: Harness):
    await h.fire("acme", "Door open", asset_name="acme-dc")
    card = await h.card("acme")
    await h.press("kim", card, "resolve")
    await h.submit("kim", text="closed the door")
    await h.card("acme", saying="closed the door")


async def test_the_menu_behind_the_dots_works(h: Harness):
    await h.fire("acme", "Clock wrong", asset_name="acme-ntp")
    card = await h.card("acme")
    await h.press("kim", card, "why")
    await h.whispered("kim", "Why INC-1 exists")
    await h.press("kim", card, "assign")
    await h.submit("kim", to=str(h.users["bob"].id))
    await h.card("acme", saying="Assigned to Bob by Kim")


async def test_an_edited_button_of_another_company_is_refused(h: Harness):
    await h.fire("acme", "A", asset_name="acme-x")
    await h.fire("globex", "B", asset_name="globex-x")
    card = await h.card("acme")
    await h.press("lee", card, "claim", value="2")
    await h.whispered("lee", "There is no INC-2 here")


async def test_an_answer_is_shared_with_the_channel_when_that_is_asked_for(h: Harness):
    await h.fire("acme", "Disk slow", asset_name="acme-nas", severity="medium")
    await h.fire("globex", "Secret globex thing", asset_name="globex-nas")
    await h.card("acme", saying="Disk slow")
    await h.command("kim", "acme", "/aw list --share")

    def shared() -> list[Post]:
        said = (*h.hand.posts("acme"), *h.hand.replies("acme"))
        return [one for one in said if "shared by Kim" in one.text]

    (post,) = await eventually(shared, what="the list, for all to read")
    assert "Disk slow" in post.text and "globex" not in post.text.lower()
    for words, expected in (
        ("/aw status globex --share", "Only what is of Acme Corp can be shared here"),
        ("/aw INC-2 --share", "There is no INC-2 here"),
        ("/aw mine --share", "has no answer that can be shared"),
        ("/aw claim 1 --share", "has no answer that can be shared"),
    ):
        assert expected in shown(await h.command("lee", "acme", words)), words
    assert "no company's channel" in shown(await h.command("lee", "msp", "/aw status --share"))
    assert len(shared()) == 1

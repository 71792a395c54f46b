"""Pages are heard by a press, shifts are swapped by two, and whoever comes on call reads what is going on."""

from __future__ import annotations

from datetime import timedelta

from engine.ask import ANSWER_WITHIN
from engine.oncall import Layer, Override, Rotation
from engine.operations import oncall
from tests.harness import CLI, Harness, eventually, shown


async def a_rotation(h: Harness, *people: str, days: int = 1) -> None:
    now = h.core.clock.now()
    layer = Layer(
        people=tuple(h.users[one].id for one in people), days=days, start=now.date() - timedelta(days=2)
    )
    await h.write(lambda tx: oncall.put(tx, Rotation(id=0, name="nights"), actor=CLI, now=now))
    await h.write(lambda tx: oncall.add_layer(tx, "nights", layer, actor=CLI, now=now))


async def test_a_page_comes_again_until_it_is_heard(h: Harness):
    await h.fire("acme")
    await h.card("acme")
    said = shown(await h.command("kim", "acme", "/aw page @bob INC-1 the core switch is dead"))
    assert "Bob paged." in said
    await h.told("bob", "Kim pages you")
    await h.thread("acme", saying="Kim paged Bob: the core switch is dead.")
    await h.quiet()
    h.clock.shift += ANSWER_WITHIN + timedelta(seconds=1)
    await eventually(
        lambda: len([one for one in h.direct("bob") if "Kim pages you" in shown(one)]) == 2,
        what="the page again",
    )
    message = await h.told("bob", "the core switch is dead")
    await h.press("bob", message, "ask_accept")
    await h.told("kim", "Bob has heard your page (5 min after it).")
    await eventually(
        lambda: not any(one.buttons for one in h.direct("bob")),
        what="no message of it has a button any more",
    )
    assert "Nobody is on call for Acme Corp now." in shown(
        await h.command("kim", "acme", "/aw page oncall help")
    )
    await a_rotation(h, "bob")
    assert "Bob paged." in shown(await h.command("kim", "globex", "/aw page oncall acme once more"))
    await h.told("bob", "once more")
    for _ in range(3):
        await h.quiet()
        h.clock.shift += ANSWER_WITHIN + timedelta(seconds=1)
    await h.told("kim", "Bob has not answered your page, told 3 times.")
    assert "Page whom?" in shown(await h.command("kim", "acme", "/aw page the core switch"))
    assert "Only those who work on incidents" in shown(await h.command("dana", "acme", "/aw page @kim hello"))


async def test_a_swap_is_proposed_by_one_and_accepted_by_the_other(h: Harness):
    await a_rotation(h, "kim", "bob", days=7)
    before = (await h.read(lambda tx: tx.rotations.all()))[0]
    said = shown(await h.command("kim", "acme", "/aw oncall swap @bob"))
    assert "Asked Bob: they would take" in said and "until they accept" in said
    message = await h.told("bob", "Kim wants to swap shifts with you")
    assert before == (await h.read(lambda tx: tx.rotations.all()))[0], "nothing has changed yet"
    await h.press("bob", message, "ask_accept")
    await h.told("kim", "Bob swaps: they take")
    after = (await h.read(lambda tx: tx.rotations.all()))[0]
    mine, theirs = after.overrides
    assert [one.user_id for one in (mine, theirs)] == [h.users["bob"].id, h.users["kim"].id]
    assert before.at(mine.begin) == h.users["kim"].id and after.at(mine.begin) == h.users["bob"].id
    assert before.at(theirs.begin) == h.users["bob"].id and after.at(theirs.begin) == h.users["kim"].id
    assert "no rotation with you and Lee" in shown(await h.command("kim", "acme", "/aw oncall swap @lee"))


async def test_a_plan_that_changed_is_not_swapped_and_silence_leaves_it(h: Harness):
    await a_rotation(h, "kim", "bob", days=7)
    await h.command("kim", "acme", "/aw oncall swap @bob")
    message = await h.told("bob", "Kim wants to swap")
    (plan,) = await h.read(lambda tx: tx.rotations.all())
    (ask,) = await h.read(lambda tx: tx.asks.open_of(h.users["bob"].id))
    lee = h.users["lee"].id
    standing = Override(lee, ask.expires_at, ask.expires_at + timedelta(days=30))
    await h.write(lambda tx: tx.rotations.stand_in(plan.id, standing, now=h.core.clock.now()))
    await h.press("bob", message, "ask_accept")
    await h.whispered("bob", "The plan has changed since.")
    await h.quiet()
    h.clock.shift = ask.expires_at - h.core.clock.now() + timedelta(seconds=2)
    await h.told("kim", "The swap with Bob is off (not answered in time)")


async def test_whoever_comes_on_call_reads_what_is_going_on(h: Harness):
    await h.fire("acme")
    await h.card("acme", saying="for @Kim")
    await h.fire("acme", "Certificate of shop.acme.example expires", asset_name="acme-shop-01")
    await h.card("acme", count=2)
    await h.command("kim", "acme", "/aw hold INC-2 client the new certificate")
    await h.command("kim", "acme", "/aw silence mail-01 2h moving house")
    await a_rotation(h, "kim", "bob")
    await h.quiet()
    assert not [one for one in h.direct("bob") if "You are on call" in shown(one)], "the plan is old news"
    (plan,) = await h.read(lambda tx: tx.rotations.all())
    handed = next(one for one in _marks(plan, h) if plan.at(one) == h.users["bob"].id)
    h.clock.shift = handed - h.core.clock.now() + h.clock.shift + timedelta(seconds=1)
    message = shown(await h.told("bob", "You are on call in nights until"))
    assert ", after Kim." in message
    assert "Open: 2 (2 critical)" in message
    assert "Waiting for the client: INC-2" in message and "the new certificate" in message
    assert "Late already: INC-1" in message
    await h.write(lambda tx: oncall.plan_shift_change(tx, plan.id, now=h.core.clock.now()))
    await h.quiet()
    assert len([one for one in h.direct("bob") if "You are on call in nights" in shown(one)]) == 1, "once"


def _marks(plan: Rotation, h: Harness):
    """The hand-overs of the next days."""
    from engine.oncall import shifts

    now = h.core.clock.now()
    return [one.begin for one in shifts(plan, now, now + timedelta(days=5)) if one.begin > now]

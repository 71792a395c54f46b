"""What depends on what is down is one card; people put incidents together and take them apart in chat."""

from __future__ import annotations

from engine.company import Asset
from tests.harness import Harness, shown


async def depends(h: Harness, name: str, on: str) -> None:
    company = await h.read(lambda tx: tx.companies.by_slug("acme"))
    await h.write(
        lambda tx: tx.companies.add_asset(Asset(id=0, company_id=company.id, name=name, depends_on=(on,)))
    )


async def test_a_cascade_is_one_card_that_says_what_it_holds_and_why(h: Harness):
    await depends(h, "shop", "acme-db")
    await depends(h, "till", "acme-db")
    first = await h.fire("acme", "Host unreachable", asset_name="acme-db", message="No ping for 60 s")
    await h.card("acme", saying="Host unreachable")
    for name, words in (("shop", "HTTP 500 rate high"), ("till", "Queue stuck")):
        said = await h.fire("acme", words, asset_name=name, message="it suffers")
        assert said["incident_id"] == first["incident_id"]
    card = await h.card("acme", saying="holds 2 further")
    assert "HTTP 500 rate high on shop" in shown(card) and "No ping for 60 s" in shown(card)
    assert len(h.cards("acme")) == 1
    await h.command("kim", "acme", f"/aw why {first['incident_id']}")
    why = await h.whispered("kim", "further problems")
    assert "depends on acme-db" in shown(why)


async def test_a_part_is_split_out_with_the_cards_own_form(h: Harness):
    await depends(h, "shop", "acme-db")
    await h.fire("acme", "Host unreachable", asset_name="acme-db")
    await h.fire("acme", "HTTP 500 rate high", asset_name="shop")
    card = await h.card("acme", saying="holds 1 further")
    await h.press("kim", card, "split")
    ((part, label),) = (await h.form("kim")).questions["part"].options.items()
    assert "shop" in label
    await h.submit("kim", part=part)
    alone = await h.card("acme", saying="HTTP 500 rate high · shop")
    assert len(h.cards("acme")) == 2
    await h.card("acme", saying="INC-2 split out by Kim")
    again = await h.fire("acme", "HTTP 500 rate high", asset_name="shop")
    assert again["incident_id"] == alone.incident


async def test_merged_by_command_and_undone_with_one_press(h: Harness):
    one = await h.fire("acme", "Door open", asset_name="cellar")
    two = await h.fire("acme", "Light on", asset_name="attic")
    await h.card("acme", count=2)
    await h.command("kim", "acme", f"/aw merge {two['incident_id']} into {one['incident_id']}")
    merged = await h.card("acme", saying=f"part of {one['incident_id']} now")
    assert "Light on" in shown(merged)
    await h.card("acme", saying="Light on on attic")
    await h.press("bob", merged, "split")
    back = await h.card("acme", saying=f"Taken out of {one['incident_id']} by Bob")
    assert back.incident == two["incident_id"]
    assert "Claim" in shown(back)
    again = await h.fire("acme", "Light on", asset_name="attic")
    assert again["incident_id"] == two["incident_id"]


async def test_what_cannot_be_merged_is_said(h: Harness):
    one = await h.fire("acme", "Door open", asset_name="cellar")
    other = await h.fire("globex", "Door open", asset_name="cellar")
    await h.card("acme", count=1)
    await h.command("lee", "acme", f"/aw merge {one['incident_id']} into {other['incident_id']}")
    await h.whispered("lee", f"There is no {other['incident_id']}")


async def test_what_is_below_something_down_is_a_child_on_its_card(h: Harness):
    await depends(h, "shop", "acme-sw")
    await depends(h, "acme-sw", "acme-fw")
    shop = await h.fire("acme", "Host unreachable", asset_name="shop")
    await h.card("acme", saying="Host unreachable · shop")
    switch = await h.fire("acme", "Host unreachable", asset_name="acme-sw")
    await h.card("acme", saying="1 child held")
    await h.card("acme", saying=f"part of {switch['incident_id']} now")
    wall = await h.fire("acme", "Host unreachable", asset_name="acme-fw")
    assert len({one["incident_id"] for one in (shop, switch, wall)}) == 3
    await h.command("kim", "acme", f"/aw why {wall['incident_id']}")
    await h.card("acme", saying="2 children held")
    why = await h.whispered("kim", "further problems")
    assert "depends on acme-sw, which is unreachable" in shown(why)

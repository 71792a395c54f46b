"""The App Home of Slack: what waits for one person, with buttons that are answered where there is no message."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.faults import Do, Fault
from tests.hands.post import Post
from tests.hands.slack import shown
from tests.harness import Harness, eventually
from tests.outside import CHAT_IDS

pytestmark = pytest.mark.only("slack", why="App Home is Slack's; in Teams the same card is the welcome")


async def modal(h: Harness, who: str, saying: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        views = h.world.slack.views_of(CHAT_IDS[who])
        return views[-1] if views and saying in shown(views[-1]) else None

    found: dict[str, Any] = await eventually(look, what=f"a modal that says “{saying}”")
    return found


async def home(h: Harness, who: str, saying: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        view = h.world.slack.home_of(CHAT_IDS[who])
        return view if view is not None and saying in shown(view) else None

    found: dict[str, Any] = await eventually(look, what=f"a home that says “{saying}”")
    return found


async def opened(h: Harness, who: str, saying: str) -> dict[str, Any]:
    h.world.slack.state.homes.pop(CHAT_IDS[who], None)
    await h.world.slack.open_home(CHAT_IDS[who])
    return await home(h, who, saying)


async def press(h: Harness, who: str, view: dict[str, Any], verb: str, option: str | None = None) -> None:
    await h.world.slack.press(CHAT_IDS[who], view, f"aw:{verb}", option=option)


async def test_home_is_worked_from(h: Harness):
    await h.fire("acme", "Valve stuck", asset_name="acme-valve")
    await h.card("acme", saying="Valve stuck")
    await press(h, "kim", await opened(h, "kim", "Valve stuck"), "more", "show:1")
    card = await modal(h, "kim", "Valve stuck")
    assert card["title"]["text"] == "Alert Whisperer", "a long summary is not cut into the title"
    await press(h, "kim", card, "claim")
    await modal(h, "kim", "INC-1 is yours.")
    await home(h, "kim", "1 incident in your hands")
    await press(h, "kim", await home(h, "kim", "in your hands"), "mine")
    await modal(h, "kim", "Valve stuck")
    await press(h, "kim", await home(h, "kim", "in your hands"), "more", "show:1")
    await press(h, "kim", await modal(h, "kim", "in the hands of"), "resolve")
    await modal(h, "kim", "What fixed it?")
    await h.submit("kim", text="turned it")
    await h.card("acme", saying="turned it")
    await opened(h, "kim", "nothing waits for you")


async def test_home_has_the_guides(h: Harness):
    await press(h, "kim", await opened(h, "kim", "Kim"), "more", "guide:")
    assert "zabbix" in shown(await modal(h, "kim", "Guides"))


async def test_who_is_not_known_reads_whom_to_ask(h: Harness):
    await opened(h, "eve", "do not know")


async def test_an_answer_whose_modal_cannot_be_opened_is_written_to_the_presser(h: Harness):
    view = await opened(h, "kim", "Kim")
    h.world.faults.add(
        Fault(service="slack", method="views.open", do=Do.ERROR, error="expired_trigger_id", times=1)
    )
    await press(h, "kim", view, "status")
    await eventually(
        lambda: [one for one in h.hand.direct("kim") if "open" in one.text], what="the answer, in a message"
    )


async def test_what_is_due_first_comes_first(h: Harness):
    await h.fire("acme", "Leak", asset_name="acme-a", severity="critical")
    await h.card("acme", saying="Leak")
    await h.fire("acme", "Drizzle", asset_name="acme-b", severity="medium")
    await h.card("acme", saying="Drizzle")
    for number in (2, 1):
        await h.command("kim", "acme", f"/aw claim {number}")
    for words in ("/aw list", "/aw mine"):
        answer = await h.command("kim", "acme", words)
        said = answer.text if isinstance(answer, Post) else ""
        assert 0 <= said.find("Leak") < said.find("Drizzle"), said

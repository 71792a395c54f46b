"""Teams at its worst: lost answers, throttling, an app that was removed, slow acts, and clients that answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.handlers.dispatch import handle
from engine.audit import AuditKind
from sandbox.faults import Do, Fault
from sandbox.teams.world import walked
from tests.conftest import SECRET_KEY
from tests.harness import Harness, eventually, harness
from tests.outside import teams_channel, teams_id
from tests.scenarios.test_main_line import kinds
from tests.teams import read

pytestmark = pytest.mark.only(
    "teams", why="the faults are of the Connector; test_slack_trouble.py has those of Slack"
)


@pytest.fixture
async def h(database_url: str, tmp_path: Path) -> AsyncIterator[Harness]:
    async with harness(database_url, SECRET_KEY, tmp_path / "machines", chats=("slack", "teams")) as made:
        yield made


def fail(h: Harness, method: str, do: Do, **how: int) -> None:
    h.world.faults.add(Fault(service="teams", method=method, do=do, **how))  # type: ignore[arg-type]


async def test_a_first_post_whose_answer_was_lost_stands_once_after_a_press(h: Harness):
    fail(h, "createConversation", Do.LOST_REPLY)
    await h.fire("acme", "Fan", asset_name="acme-sw")
    first = await h.teams.card("acme", count=1)
    await h.teams.card("acme", count=2)
    await h.quiet()
    await h.teams.press("kim", first, "Claim")
    await h.teams.card("acme", saying="in the hands of **Kim**")
    await eventually(lambda: len(h.teams.cards("acme")) == 1, what="the double's end")
    (left,) = h.teams.cards("acme")
    assert left.id != first.id and "in the hands of **Kim**" in read(left)


async def test_the_double_of_a_request_goes_when_somebody_who_decides_sees_it(h: Harness):
    await h.fire("acme", "Service nginx down")
    await h.teams.card("acme", saying="Service nginx down")
    await h.quiet()
    fail(h, "replyToActivity", Do.LOST_REPLY)
    fail(h, "sendActivity", Do.LOST_REPLY)
    await h.teams.say("kim", None, "run restart-service 1 unit=nginx")
    await h.teams.card("acme", kind="approval", saying="Approve “Restart a service”")
    await h.quiet()
    asks = lambda: h.teams.cards("acme", "approval")  # noqa: E731
    await eventually(lambda: len(asks()) == 1, what="one request", seen=lambda: [read(one) for one in asks()])
    await h.teams.press("lee", asks()[0], "aw:approve")
    await h.teams.card("acme", kind="approval", saying="Approved by Lee")


async def test_what_was_typed_is_not_lost_when_the_answer_comes_late(
    h: Harness, monkeypatch: pytest.MonkeyPatch
):
    await h.fire("globex", "Service acme-app down", labels={"service": "acme-app"})
    card = await h.teams.card("globex")
    await h.teams.press("kim", card, "aw:run")
    monkeypatch.setattr("bot.teams.talk.PATIENCE", 0.2)

    async def slow(*given, **named):
        await asyncio.sleep(1)
        return await handle(*given, **named)

    monkeypatch.setattr("bot.teams.talk.handle", slow)
    await h.teams.submit("kim", {"unit": "acme-app; reboot"})
    await h.teams.told("kim", "Working on it")
    late = await h.teams.written("kim", "must be the name of a service")
    monkeypatch.undo()
    await h.teams.press("kim", late, "Try again")
    (asked,) = [one for one in walked(h.teams.dialog("kim")["card"]) if one.get("id") == "f:unit"]
    assert asked["value"] == "acme-app; reboot"


async def test_throttled_and_away_it_comes_later_and_a_deleted_card_comes_again(h: Harness):
    fail(h, "createConversation", Do.RATELIMITED, retry_after=1)
    fail(h, "createConversation", Do.RESET)
    await h.fire("acme", "Fan", asset_name="acme-sw")
    card = await h.teams.card("acme")
    await h.card("acme", saying="Fan")
    await h.quiet()
    h.teams.world.state.remove(card)
    await h.fire("acme", "Fan", asset_name="acme-sw")
    again = await h.teams.card("acme", saying="×2")
    assert again.id != card.id


async def test_an_app_that_was_removed_harms_nothing_else(h: Harness):
    h.teams.world.state.conversations[teams_channel("acme")].blocked = True
    await h.fire("acme", "Fan", asset_name="acme-sw")
    await h.card("acme", saying="Fan")
    await h.quiet()
    assert not h.teams.cards("acme")

    async def story(tx):
        return [one.text for one in await tx.timeline.of_incident(1)]

    for _ in range(200):
        if any("install it again" in text for text in await h.read(story)):
            return
        await asyncio.sleep(0.05)
    raise AssertionError(await h.read(story))


@pytest.mark.alone
async def test_what_takes_long_is_answered_in_time_and_said_later(
    h: Harness, monkeypatch: pytest.MonkeyPatch
):
    await h.fire("acme", "Fan", asset_name="acme-sw")
    card = await h.teams.card("acme")
    monkeypatch.setattr("bot.teams.talk.PATIENCE", 0.2)

    async def slow(*given, **named):
        await asyncio.sleep(1)
        return await handle(*given, **named)

    monkeypatch.setattr("bot.teams.talk.handle", slow)
    answer = await h.teams.press("kim", card, "Claim")
    assert answer.seconds < 1
    await h.teams.told("kim", "Working on it")
    await h.teams.written("kim", "INC-1 is yours")
    await h.teams.card("acme", saying="in the hands of **Kim**")


async def test_what_the_client_answers_starts_the_clocks_again(h: Harness):
    await h.fire("acme", "Fan", asset_name="acme-sw")
    card = await h.teams.card("acme")
    await h.teams.say("kim", "acme", "claim", thread=card)
    await h.teams.card("acme", saying="in the hands of **Kim**")
    await h.teams.say("kim", "acme", "hold client: the password", thread=card)
    await h.teams.card("acme", saying="the password")
    where = teams_channel("acme")
    await h.teams.world.overheard(teams_id("dana"), where, "It is under the keyboard", thread=card)
    await h.teams.thread("acme", saying="Dana has answered: It is under the keyboard")
    await h.teams.world.overheard(teams_id("eve"), where, "me too", thread=card)
    await h.quiet()
    assert AuditKind.INCIDENT_RESUMED in await kinds(h, "acme")


async def test_a_dialog_answers_one_person_alone_and_says_what_is_wrong(h: Harness):
    await h.fire("globex", "Service acme-app down", labels={"service": "acme-app"})
    card = await h.teams.card("globex")
    await h.teams.press("kim", card, "aw:why")
    assert "INC-1" in str(h.teams.dialog("kim")["card"])
    await h.teams.press("maria", card, "aw:resolve")
    await h.teams.told("maria", "There is no INC-1")
    await h.teams.press("kim", card, "aw:run")
    await h.teams.submit("kim", {"unit": "acme-app; reboot"})
    assert "must be the name of a service" in str(h.teams.dialog("kim")["card"])
    await h.teams.submit("kim", {}, "Try again")
    (asked,) = [one for one in walked(h.teams.dialog("kim")["card"]) if one.get("id") == "f:unit"]
    assert asked["value"] == "acme-app; reboot", "nothing that was typed is lost"
    await h.teams.submit("kim", {"unit": "acme-app"})
    await h.teams.card("globex", kind="approval")
    assert teams_id("kim") not in h.teams.world.dialogs

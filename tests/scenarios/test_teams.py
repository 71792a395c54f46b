"""The product's one sentence in Teams, from the outside; Slack shows the same incidents meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine.access import Actor, Via
from engine.audit import AuditKind
from engine.operations import directory, handoff
from sandbox.teams.refusals import CARD, check_activity
from sandbox.teams.world import walked
from tests.conftest import SECRET_KEY
from tests.harness import CLI, Harness, eventually, harness
from tests.outside import teams_channel, teams_id
from tests.scenarios.test_main_line import kinds
from tests.teams import read

pytestmark = pytest.mark.only(
    "teams", why="mentions, dialogs and old clients are its own; Slack is only beside it"
)


@pytest.fixture
async def h(database_url: str, tmp_path: Path) -> AsyncIterator[Harness]:
    async with harness(database_url, SECRET_KEY, tmp_path / "machines", chats=("slack", "teams")) as made:
        yield made


async def test_an_alert_is_claimed_run_and_resolved(h: Harness):
    h.aws.break_machine("i-0bbbbbbbbbbbbbbb1", "stop-unit:acme-app")
    await h.fire("globex", "Service acme-app down", labels={"service": "acme-app"})
    card = await h.teams.card("globex", saying="Service acme-app down")
    assert "Globex Health" in read(card)
    assert not h.teams.cards("acme")

    answer = await h.teams.press("kim", card, "Claim")
    assert answer.status == 200 and answer.seconds < 3
    await h.teams.told("kim", "INC-1 is yours")
    card = await h.teams.card("globex", saying="in the hands of **Kim**")
    await h.card("globex", saying="in the hands of Kim")

    await h.teams.press("kim", card, "aw:run")
    dialog = h.teams.dialog("kim")
    assert "restart" in dialog["title"].lower()
    await h.teams.submit("kim", {"unit": "acme-app"})
    approval = await h.teams.card("globex", kind="approval", saying="high risk")
    assert approval.root == card.id, "an approval stands in its incident's thread"

    await h.teams.press("kim", approval, "Decide…")
    await h.teams.told("kim", "Only Lee can decide this.")
    await h.teams.press("lee", approval, "aw:approve")
    await h.teams.thread("globex", saying="Lee approved")
    decided = await h.teams.card("globex", kind="approval", saying="Approved by Lee")
    assert "aw:approve" not in str(decided.card)
    await h.teams.card("globex", saying="✅ **Restart a service**")
    machine = h.aws.machines["i-0bbbbbbbbbbbbbbb1"].snapshot()
    states = {unit["name"].removesuffix(".service"): unit["state"] for unit in machine["units"]}
    assert states["acme-app"] == "active"

    card = await h.teams.card("globex")
    await h.teams.press("kim", card, "aw:resolve")
    await h.teams.submit("kim", {"text": "restarted the app"})
    await h.teams.card("globex", saying="Resolved by Kim")
    await h.card("globex", saying="Resolved by Kim")
    await h.teams.thread("globex", saying="restarted the app")
    assert len(h.teams.cards("globex")) == 1


@pytest.mark.alone
async def test_one_of_two_wins_on_slack_and_on_teams_at_once(h: Harness):
    await h.fire("acme", "Printer on fire", asset_name="acme-printer")
    here, there = await h.teams.card("acme"), await h.card("acme")
    pressed = time.monotonic()
    await asyncio.gather(h.teams.press("kim", here, "Claim"), h.hand.press("bob", there, "claim"))
    card = await h.teams.card("acme", saying="in the hands of")
    winner = "Kim" if "in the hands of **Kim**" in read(card) else "Bob"
    await h.card("acme", saying=f"in the hands of {winner}")
    assert time.monotonic() - pressed < 2, "both cards are right"
    if winner == "Kim":
        await h.whispered("bob", "Kim claimed this")
    else:
        await h.teams.told("kim", "Bob claimed this")
    assert (await kinds(h, "acme")).count(AuditKind.INCIDENT_CLAIMED) == 1


async def test_words_in_a_thread_and_alone(h: Harness):
    await h.fire("acme", "Queue stuck", asset_name="acme-mail-01")
    card = await h.teams.card("acme", saying="Queue stuck")
    answer = await h.teams.say("kim", "acme", "claim", thread=card)
    assert answer.status == 202 and answer.seconds < 3
    await h.teams.card("acme", saying="in the hands of **Kim**")
    await h.teams.thread("acme", saying="INC-1 is yours")
    await h.teams.say("kim", "acme", "mine")
    await h.teams.written("kim", "Queue stuck")
    await h.teams.say("dana", None, "/aw resolve 1 no")
    await h.teams.written("dana", "🚫")
    await h.teams.say("kim", None, "nonsense")
    await h.teams.written("kim", "I do not know “nonsense”")
    await h.teams.say("kim", None, "note 1")
    opened = await h.teams.written("kim", "[")
    await h.teams.say("kim", "acme", "note looked at it & it <b>helps</b>", thread=card)
    await h.teams.thread("acme", saying="looked at it & it")
    assert opened.conversation == f"a:{teams_id('kim')}"
    in_channel = [read(one) for one in h.teams.world.messages(teams_channel("acme"))]
    assert not any("nonsense" in text for text in in_channel), "answers are for the asker alone"


async def test_incidents_are_found_from_anywhere_by_those_who_may_see_them(h: Harness):
    await h.fire("acme", "Queue stuck", asset_name="acme-mail-01")
    await h.fire("globex", "Queue stuck", asset_name="globex-mail-01")
    await h.teams.card("globex")
    world = h.teams.world
    found = await world.search(teams_id("kim"), "queue STUCK")
    titles = [one["preview"]["content"]["title"] for one in found["attachments"]]
    assert len(titles) == 2 and all("Queue stuck" in one for one in titles)
    (one,) = (await world.search(teams_id("kim"), "inc-1"))["attachments"]
    card = str(one["content"])
    assert "Acme Corp · acme-mail-01" in one["preview"]["content"]["text"] and "acme-mail-01" in card
    buttons = [
        part["title"]
        for part in walked(one["content"]["body"])
        if str(part.get("type")).startswith("Action.")
    ]
    assert buttons == ["Show how it is now"] and "<at>" not in card, "whoever sees it there can only read it"
    (theirs,) = (await world.search(teams_id("dana"), ""))["attachments"]
    assert "acme-mail-01" in str(theirs) and "globex" not in str(theirs).lower()
    nothing = await world.search(teams_id("maria"), "globex-mail")
    assert nothing == {"type": "message", "text": "No incident of your companies says “globex-mail”."}
    stranger = await world.search(teams_id("eve"), "queue")
    assert "I do not know you yet" in stranger["text"]


async def test_what_is_looked_for_is_found_however_old_it_is(h: Harness):
    await h.fire("acme", "50%_Full tape", asset_name="acme-tape-7")
    await h.teams.card("acme")
    for number in range(12):
        await h.fire("acme", f"Noise {number}", asset_name=f"acme-noise-{number}", severity="low")
    await h.quiet()
    world = h.teams.world

    async def titles(who: str, words: str) -> list[str]:
        found = await world.search(teams_id(who), words)
        return [one["preview"]["content"]["title"] for one in found.get("attachments") or ()]

    for words in ("inc-1", "50%_full", "TAPE-7", "tape acme corp", "full acme-tape"):
        assert [one for one in await titles("kim", words) if "tape" in one], words
    assert not await titles("kim", "%_noise"), "signs mean themselves"
    assert len(await titles("kim", "noise acme")) == 8
    await h.fire("globex", "Theirs", asset_name="globex-tape")
    await h.teams.card("globex")
    label = "inc-14"
    assert await titles("kim", label) and not await titles("maria", label), "of another company"


async def test_a_card_that_somebody_puts_into_a_conversation_stays_true_for_who_may_see_it(h: Harness):
    await h.fire("globex", "Queue stuck", asset_name="globex-mail-01")
    card = await h.teams.card("globex")
    world, where = h.teams.world, h.teams.world.state.conversations[teams_channel("acme")]
    (found,) = (await world.search(teams_id("kim"), "queue"))["attachments"]
    put = {"type": "message", "attachments": [{"contentType": CARD, "content": found["content"]}]}
    check_activity(put)
    theirs = world.state.post(where, teams_id("kim"), put)
    await h.teams.press("kim", card, "Claim")
    await h.teams.card("globex", saying="in the hands of **Kim**")
    await h.teams.press("lee", theirs, "Show how it is now")
    seen = lambda who: str(world.seen(teams_id(who), theirs))  # noqa: E731
    await eventually(lambda: "Kim" in seen("lee"), what="how it is now", seen=lambda: seen("lee"))
    await h.teams.press("maria", theirs, "Show how it is now")
    await h.teams.told("maria", "There is no such incident that you may see.")
    assert "in the hands" not in seen("maria")
    await h.teams.press("eve", theirs, "Show how it is now")
    await h.teams.told("eve", "I do not know you yet")
    await h.teams.press("kim", theirs, "Show how it is now", old_client=True)
    await h.teams.written("kim", "Queue stuck")
    forged = {
        "type": "Action.Execute",
        "verb": "aw:incident_now",
        "data": {"aw": "incident_now", "incident": "x"},
    }
    await world.act(teams_id("kim"), theirs, forged, {}, stale=True)
    await h.teams.told("kim", "There is no such incident that you may see.")


async def test_home_is_what_waits_for_one_person(h: Harness):
    await h.fire("acme", "Queue stuck", asset_name="acme-mail-01")
    await h.fire("acme", "Service nginx down")
    await h.teams.card("acme", count=2)
    await h.teams.say("kim", "acme", "claim 1")
    await h.teams.card("acme", saying="in the hands of **Kim**")
    await h.teams.say("bob", "acme", "run restart-service 2 unit=nginx")
    await h.teams.card("acme", kind="approval")
    await h.teams.say("kim", None, "home")
    mine = read(await h.teams.written("kim", "1 incident in your hands"))
    assert "In your hands" in mine and "Queue stuck" in mine and "[My incidents]" in mine
    await h.teams.say("lee", None, "home")
    lees = read(await h.teams.written("lee", "1 request for you to decide"))
    assert "Restart a service" in lees and "high risk, asked for by Bob" in lees
    assert "1 due within the hour" in lees
    await h.teams.world.installed(teams_id("dana"))
    hers = read(await h.teams.written("dana", "2 open incidents at your companies"))
    assert "Write home to see this again" in hers and "Globex" not in hers and "decide" not in hers


async def test_only_who_can_decide_sees_approve(h: Harness):
    await h.fire("acme", "Service nginx down")
    card = await h.teams.card("acme", saying="Service nginx down")
    await h.teams.say("kim", "acme", "run restart-service 1 unit=nginx")
    approval = await h.teams.card("acme", kind="approval", saying="Approve “Restart a service”")
    world, everybody = h.teams.world, str(approval.card)
    assert "aw:approve" not in everybody and "aw:reject" not in everybody and "Decide…" in everybody
    assert approval.card["refresh"]["userIds"] == ["29:aad-lee"]
    views = lambda who: str(world.seen(teams_id(who), approval))  # noqa: E731
    await eventually(lambda: "aw:approve" in views("lee"), what="Lee's own view", seen=lambda: views("lee"))
    assert "aw:approve" not in views("kim")
    await h.teams.press("kim", approval, "Decide…")
    await h.teams.told("kim", "Only Lee can decide this.")
    await h.teams.press("lee", approval, "Decide…", old_client=True)
    alone = await h.teams.written("lee", "Approve “Restart a service”")
    assert "aw:approve" in str(alone.card)
    assert "aw:approve" not in str(card.card)
    await h.teams.press("lee", approval, "aw:approve")
    await h.teams.card("acme", kind="approval", saying="Approved by Lee")
    assert views("lee") == views("kim"), "it is decided, and everybody sees the same again"


async def test_a_view_is_of_this_channel_and_of_who_was_heard(h: Harness):
    await h.fire("acme", "Service nginx down")
    await h.teams.card("acme", saying="Service nginx down")
    await h.teams.say("kim", "acme", "run restart-service 1 unit=nginx")
    approval = await h.teams.card("acme", kind="approval", saying="Approve “Restart a service”")
    await h.fire("globex", "Fan", asset_name="globex-sw")
    other = await h.teams.card("globex")
    ask = {**approval.card["refresh"]["action"]}
    world = h.teams.world
    await world.act(teams_id("lee"), other, ask, {}, stale=True)
    await h.teams.told("lee", "There is no such card here any more.")
    await world.act(teams_id("eve"), approval, ask, {}, stale=True)
    await h.teams.told("eve", "Only Lee can decide this.")


async def test_a_replay_changes_nothing_and_an_old_client_can_press(h: Harness):
    await h.fire("acme", "Link flap", asset_name="acme-sw")
    card = await h.teams.card("acme")
    await h.teams.press("kim", card, "Claim", old_client=True)
    card = await h.teams.card("acme", saying="in the hands of **Kim**")
    world = h.teams.world
    await h.teams.press("kim", card, "aw:note")
    who, where = world.state.people[teams_id("kim")], world.state.conversations[card.conversation]
    data = {**h.teams.dialog("kim")["card"]["actions"][0]["data"], "f:text": "once"}
    activity = world._activity(who, where, card.root) | {
        "type": "invoke",
        "name": "task/submit",
        "id": "f:same",
        "replyToId": card.id,
        "value": {"data": data},
    }
    answers = await asyncio.gather(*(world.deliver(activity) for _ in range(4)))
    assert {one.status for one in answers} == {200}
    await h.teams.thread("acme", saying="once")
    await h.quiet()
    assert (await kinds(h, "acme")).count(AuditKind.INCIDENT_NOTED) == 1


async def test_somebody_known_by_e_mail_is_linked_and_a_stranger_is_not(h: Harness):
    async def unlink(tx):
        user = await tx.users.by_email("bob@msp.example")
        await directory.change_user(tx, replace(user, teams_user=None), actor=CLI, now=h.clock.now())

    await h.write(unlink)
    await h.fire("acme", "Fan", asset_name="acme-sw")
    card = await h.teams.card("acme")
    await h.teams.press("eve", card, "Claim")
    await h.teams.told("eve", "I do not know you yet")
    await h.teams.press("bob", card, "Claim")
    await h.teams.card("acme", saying="in the hands of **Bob**")
    bob = await h.read(lambda tx: tx.users.by_email("bob@msp.example"))
    assert bob.teams_user == teams_id("bob")


async def test_a_hand_off_is_accepted_in_a_chat_of_teams(h: Harness):
    async def leaves_slack(tx):
        user = await tx.users.get(h.users["bob"].id)
        await directory.change_user(tx, replace(user, slack_user=None), actor=CLI, now=h.clock.now())

    await h.write(leaves_slack)
    await h.teams.say("bob", None, "whoami")
    await h.fire("acme", "Queue stuck", asset_name="acme-mail-01")
    card = await h.teams.card("acme", saying="Queue stuck")
    await h.teams.press("kim", card, "Claim")
    await h.teams.card("acme", saying="in the hands of **Kim**")
    kim = Actor(user=h.users["kim"], via=Via.TEAMS)
    to = h.users["bob"].id
    await h.write(lambda tx: handoff.offer(tx, to, [1], actor=kim, now=h.core.clock.now()))
    message = await h.teams.written("bob", "Kim hands 1 incident off to you")
    await h.teams.press("bob", message, "Accept")
    await h.teams.card("acme", saying="in the hands of **Bob**")
    done = await h.teams.written("bob", "Bob took over INC-1.")
    assert "[Accept]" not in read(done)

"""What the cards say: the right words and buttons in every state."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.actions.incidents import Claim, Note, Resolve
from bot.actions.runs import Again, Approve, Looking, Reject, Run
from bot.cards import card as cards
from bot.cards.approval import approval_card, story_card
from bot.cards.incident import incident_card, left_text, span_text
from bot.handlers.dispatch import handle
from bot.place import Place
from bot.slack.render import message
from bot.sync import approval_view
from bot.views import incident_view
from engine.errors import Refused
from engine.suppression import QuietKind, Scope
from runbooks.operations import carry, decide
from runbooks.run import RunStatus
from tests import given
from tests.clock import START
from tests.quiet import add


async def shown(world: given.World, number: int) -> cards.Card:
    async with world.core.database.reading() as tx:
        view = await incident_view(tx, number, catalogue=world.core.catalogue, now=world.core.clock.now())
    assert view is not None
    return incident_card(view)


def text_of(card: cards.Card) -> str:
    return "\n".join(_texts(message(card)["blocks"]))


def _texts(block: Any) -> list[str]:
    if isinstance(block, dict):
        own = [block["text"]] if isinstance(block.get("text"), str) else []
        return own + [text for value in block.values() for text in _texts(value)]
    return [text for one in block for text in _texts(one)] if isinstance(block, list) else []


def labels(card: cards.Card) -> tuple[list[str], list[str]]:
    actions = [element for element in card.elements if isinstance(element, cards.Actions)]
    return [one.label for one in actions[-1].buttons], [one.label for one in actions[-1].more]


async def open_one(world: given.World, **changes: Any) -> int:
    answer = await world.tell(given.alert(message="only 3 % left on <!channel> /", **changes))
    return given.number(given.results(answer)[0]["incident_id"])


async def test_a_new_card_says_what_where_by_when_and_for_whom(world):
    number = await open_one(world)
    card = await shown(world, number)
    said = text_of(card)
    assert card.summary == f"INC-{number} · critical · Disk / 93% full · web-01"
    assert "🔴" in said
    assert "*Acme*" in said
    assert "Respond by" in said
    assert "<@U-Kim>" in said
    assert "linux ✓" in said
    assert "<!channel>" not in said
    buttons, more = labels(card)
    assert buttons == ["Claim", "Run ▸ Clean up disk space", "Snooze", "Resolve"]
    assert "Add a note" in more
    assert "Why this card?" in more


async def test_after_a_claim_there_is_nothing_left_to_claim(world):
    number = await open_one(world)
    await handle(world.core, Claim(number), actor=given.actor(world.kim), place=Place())
    card = await shown(world, number)
    assert "Claim" not in labels(card)[0]
    assert "Responded in time" in text_of(card)
    assert "Claimed by Kim" in text_of(card)


async def test_repeats_are_counted_and_two_tools_are_named(world):
    number = await open_one(world)
    await world.tell(given.alert(), given.alert(tool="zabbix"))
    said = text_of(await shown(world, number))
    assert "×3" in said
    assert "prometheus + zabbix" in said


async def test_a_resolved_card_shrinks_to_two_lines_and_a_menu(world):
    number = await open_one(world)
    world.core.clock.advance(minutes=7)
    await handle(world.core, Resolve(number, "made room"), actor=given.actor(world.kim), place=Place())
    card = await shown(world, number)
    assert len(card.elements) == 3
    said = text_of(card)
    assert "Resolved by Kim" in said
    assert "after 7 min" in said
    assert "made room" in said
    assert labels(card)[0] == ["What fixed it?"]
    assert "Reopen" in labels(card)[1]


async def test_an_overdue_clock_shouts(world):
    number = await open_one(world)
    world.core.clock.advance(minutes=31)
    assert "🚨 Respond was due" in text_of(await shown(world, number))


async def test_the_second_time_it_is_remembered(world):
    number = await open_one(world)
    await handle(world.core, Resolve(number, "x"), actor=given.actor(world.kim), place=Place())
    world.core.clock.advance(hours=30)
    again = await open_one(world)
    assert again != number
    assert "seen before: *1×*" in text_of(await shown(world, again))


async def approval(world: given.World) -> tuple[cards.Card, Any]:
    answer = await world.tell(given.alert(signature="Service nginx down"))
    number = given.number(given.results(answer)[0]["incident_id"])
    asked = Run(number, "restart-service", {"unit": "nginx"})
    await handle(world.core, asked, actor=given.actor(world.kim), place=Place())
    return await approval_now(world, number)


async def approval_now(world: given.World, number: int) -> tuple[cards.Card, Any]:
    async with world.core.database.reading() as tx:
        run = (await tx.runs.of_incident(number))[0]
        view = await approval_view(tx, world.core, run.id)
    assert view is not None
    return approval_card(view), run


async def test_an_approval_shows_exactly_what_would_run_where_and_who_decides(world):
    card, run = await approval(world)
    said = text_of(card)
    for word in (
        "never; this is the first",
        "no maintenance is on",
        "high risk",
        "web-01",
        "export AW_UNIT=nginx",
        "Undo:",
        "<@U-Root>",
        "asked for by Kim",
    ):
        assert word in said, word
    assert "<@U-Kim>" not in said
    actions = card.elements[-1]
    assert isinstance(actions, cards.Actions)
    assert [one.action for one in actions.buttons] == [
        Approve(run.id, run.digest),
        Reject(run.id),
        Looking(run.id),
    ]
    assert actions.buttons[0].confirm


async def test_an_approval_says_when_it_is_asked_for_inside_of_a_maintenance_window(world):
    number = await open_one(world)
    await add(world, QuietKind.MAINTENANCE, scope=Scope(asset="web-*"))
    asked = Run(number, "restart-service", {"unit": "nginx"})
    await handle(world.core, asked, actor=given.actor(world.kim), place=Place())
    card, _ = await approval_now(world, number)
    assert "inside maintenance 1 (new disk) until " in text_of(card)
    assert "🔕 maintenance 1 until " in text_of(await shown(world, number))
    assert "its clocks stand still" in text_of(await shown(world, number))


async def earlier_run(world: Any, *, minutes: int = 4, unit: str = "nginx") -> Any:
    """One that was approved by Root, ran and was verified."""
    _, run = await approval(world)
    await handle(world.core, Approve(run.id, run.digest), actor=given.actor(world.root), place=Place())
    changed = {"parameters": {"unit": unit}, "script": run.script.replace("nginx", unit)}

    async def end(tx: Any) -> None:
        before = await tx.runs.get(run.id)
        begun = world.core.clock.now()
        after = replace(before, **changed, started_at=begun, finished_at=begun + timedelta(minutes=minutes))
        await tx.runs.save(before, replace(after, status=RunStatus.SUCCEEDED))

    await world.core.write(end)
    world.core.clock.advance(hours=48)
    return run


async def test_an_approval_says_how_it_went_before_and_that_nothing_is_different(world):
    for minutes in (2, 4, 9):
        await earlier_run(world, minutes=minutes)
    card, _ = await approval(world)
    said = text_of(card)
    assert "✓✓✓" in said
    assert "takes 4 min as a rule" in said
    assert "the same as approved 2 days ago by Root" in said
    assert "AW_UNIT=nginx" in said


async def test_an_approval_shows_the_lines_that_are_different(world):
    await earlier_run(world, unit="apache2")
    card, _ = await approval(world)
    said = text_of(card)
    assert "What differs from the one approved 2 days ago by Root" in said
    assert "-export AW_UNIT=apache2" in said
    assert "+export AW_UNIT=nginx" in said


async def test_who_looks_at_it_stands_on_the_card(world):
    _, run = await approval(world)
    for _ in range(2):
        await handle(world.core, Looking(run.id), actor=given.actor(world.root), place=Place())
    card, _ = await approval_now(world, run.incident_id)
    assert text_of(card).count("Root looks at it since") == 1
    with pytest.raises(Refused, match="Only MSP admins"):
        await handle(world.core, Looking(run.id), actor=given.actor(world.kim), place=Place())


async def test_an_expired_request_can_be_made_again_from_its_card(world):
    _, run = await approval(world)
    world.core.clock.advance(minutes=31)
    await world.core.write(lambda tx: decide.expire(tx, run.id, now=world.core.clock.now()))
    card, _ = await approval_now(world, run.incident_id)
    assert "Nobody decided in time" in text_of(card)
    row = card.elements[-1]
    assert isinstance(row, cards.Actions)
    (again,) = row.buttons
    assert again.action == Again(run.id)
    await handle(world.core, again.action, actor=given.actor(world.kim), place=Place())
    _, newer = await approval_now(world, run.incident_id)
    assert newer.id != run.id
    assert (newer.status, newer.script) == (RunStatus.PENDING_APPROVAL, run.script)


@pytest.mark.parametrize("decision", ["approve", "reject"])
async def test_a_decided_approval_has_no_buttons(world, decision):
    _, run = await approval(world)
    act = Approve(run.id, run.digest) if decision == "approve" else Reject(run.id, "not now")
    await handle(world.core, act, actor=given.actor(world.root), place=Place())
    card, _ = await approval_now(world, run.incident_id)
    assert not any(isinstance(element, cards.Actions) for element in card.elements)
    assert ("Approved by Root" if decision == "approve" else "“not now”") in text_of(card)


async def test_a_run_that_was_stopped_had_been_approved_all_the_same(world):
    _, run = await approval(world)
    core, now = world.core, world.core.clock.now()
    await handle(core, Approve(run.id, run.digest), actor=given.actor(world.root), place=Place())
    await core.write(lambda tx: carry.mark_starting(tx, run.id, catalogue=core.catalogue, now=now))
    ended = {"status": RunStatus.CANCELLED, "outcome": "Cancelled by Root.", "finished_at": now}

    async def stop(tx: Any) -> None:
        before = await tx.runs.get(run.id)
        await tx.runs.save(before, replace(before, **ended))

    await core.write(stop)
    card, _ = await approval_now(world, run.incident_id)
    assert "Approved by Root" in text_of(card) and "Withdrawn" not in text_of(card)


async def test_a_note_is_told_in_its_writers_name(world):
    number = await open_one(world)
    await handle(world.core, Note(number, "fan <b>loud</b>"), actor=given.actor(world.kim), place=Place())
    async with world.core.database.reading() as tx:
        entries = await tx.timeline.of_incident(number, told_only=True)
        incident = await tx.incidents.get(number)
    said = text_of(story_card(entries[-1], incident))
    assert said == "*Kim: *fan &lt;b&gt;loud&lt;/b&gt;" or "fan &lt;b&gt;loud" in said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(5, "5 s"), (420, "7 min"), (12_000, "3 h 20 min"), (10_800, "3 h"), (300_000, "3 days")],
)
def test_spans_are_said_as_people_say_them(seconds, said):
    from datetime import timedelta

    assert span_text(timedelta(seconds=seconds)) == said
    assert left_text(START + timedelta(seconds=seconds), START) == f"{said} left"
    assert left_text(START - timedelta(seconds=seconds), START) == f"{said} over"

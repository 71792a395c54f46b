"""Presses and words reach the engine as the person who made them, and come back as something to read."""

from __future__ import annotations

import pytest

from bot.actions.incidents import Assign, Claim, Details, Note, Reopen, Resolve, Show, Unclaim, Why
from bot.actions.questions import Help, ListOpen, Mine, Status, WhoAmI
from bot.actions.runs import Approve, Cancel, Reject, Run
from bot.cards import card as cards
from bot.handlers.dispatch import handle
from bot.place import Place
from engine.audit import AuditKind
from engine.errors import NotFound, Refused
from runbooks.run import RunStatus
from tests import given


@pytest.fixture
async def number(world: given.World) -> int:
    answer = await world.tell(given.alert(signature="Service nginx down", labels={"service": "nginx"}))
    return given.number(given.results(answer)[0]["incident_id"])


def place(world: given.World, **changes) -> Place:
    return Place(company_id=changes.get("company_id", world.acme.id))


async def act(world: given.World, action, user, where: Place | None = None):
    return await handle(world.core, action, actor=given.actor(user), place=where or place(world))


async def test_claiming_makes_it_theirs_and_twice_is_a_silent_success(world, number):
    assert await act(world, Claim(number), world.bob) == cards.Done(f"INC-{number} is yours.")
    assert await act(world, Claim(number), world.bob) == cards.Done(f"INC-{number} is yours.")
    world.core.clock.advance(seconds=4)
    with pytest.raises(Refused, match="Bob claimed this 4 s ago"):
        await act(world, Claim(number), world.kim)


async def test_a_viewer_may_look_and_nothing_else(world, number):
    for action in (
        Claim(number),
        Note(number, "x"),
        Resolve(number, ""),
        Run(number, "restart-service"),
        Assign(number),
    ):
        with pytest.raises(Refused):
            await act(world, action, world.vera)
    assert isinstance(await act(world, Show(number), world.vera), cards.Said)


async def test_a_stranger_cannot_tell_a_foreign_incident_from_a_missing_one(world, number):
    foreign = Place(company_id=world.globex.id)
    seen = []
    for missing in (number, 999_999):
        with pytest.raises(NotFound) as refused:
            await act(world, Why(missing), world.eve, foreign)
        seen.append(refused.value.reason.replace(str(missing), "N"))
    assert seen[0] == seen[1]


async def test_a_button_of_another_company_does_nothing_in_this_channel(world, number):
    with pytest.raises(NotFound):
        await act(world, Claim(number), world.root, Place(company_id=world.globex.id))


async def test_forms_ask_for_what_is_missing(world, number):
    for action, name in (
        (Note(number), "text"),
        (Resolve(number), "text"),
        (Unclaim(number), "text"),
        (Assign(number), "to"),
    ):
        reply = await act(world, action, world.kim)
        assert isinstance(reply, cards.Asked)
        assert [field.name for field in reply.form.fields] == [name]
    reply = await act(world, Run(number), world.kim)
    assert isinstance(reply, cards.Asked)
    assert "restart-service" in dict(reply.form.fields[0].options)


async def test_a_runbook_asks_for_parameters_with_the_best_guess(world, number):
    reply = await act(world, Run(number, "restart-service"), world.kim)
    assert isinstance(reply, cards.Asked)
    values = {field.name: field.value for field in reply.form.fields}
    assert values["unit"] == "nginx"


async def test_a_form_brings_the_named_machines_back(world, number):
    """What was typed goes through both forms: a run on other machines than were named would be a bad surprise."""
    named = ("web-01", "web-02")
    which = await act(world, Run(number, targets=named), world.kim)
    asked = await act(world, Run(number, "restart-service", targets=named), world.kim)
    for reply in (which, asked):
        (field,) = [one for one in reply.form.fields if one.name == "targets"]
        assert (field.value, field.optional) == ("web-01, web-02", False)
        answers = {"targets": field.value, "unit": "nginx"}
        assert reply.form.action.filled(answers).targets == named
    with pytest.raises(Refused, match="Not in the inventory"):
        await act(
            world, Run(number, "restart-service", {"unit": "nginx"}, ("no-such-1", "no-such-2")), world.kim
        )


async def requested(world, number):
    done = await act(world, Run(number, "restart-service", {"unit": "nginx"}), world.kim)
    assert "approval" in done.text
    async with world.core.database.reading() as tx:
        return (await tx.runs.of_incident(number))[0]


async def test_a_high_risk_run_needs_somebody_else_who_may(world, number):
    run = await requested(world, number)
    assert run.status is RunStatus.PENDING_APPROVAL
    for user in (world.kim, world.ada):
        with pytest.raises(Refused):
            await act(world, Approve(run.id, run.digest), user)
    with pytest.raises(Refused, match="no longer what the card showed"):
        await act(world, Approve(run.id, "0" * 64), world.root)
    await act(world, Approve(run.id, run.digest), world.root)
    async with world.core.database.reading() as tx:
        assert (await tx.runs.get(run.id)).status is RunStatus.APPROVED
        refused = [one async for one in tx.audit.chain(world.acme.id) if one.entry.kind is AuditKind.REFUSED]
    assert {one.entry.actor for one in refused} == {"Kim", "Ada", "Root"}


async def test_nobody_approves_their_own_request(world, number):
    await act(world, Run(number, "restart-service", {"unit": "nginx"}), world.root)
    async with world.core.database.reading() as tx:
        run = (await tx.runs.of_incident(number))[0]
    with pytest.raises(Refused, match="somebody else"):
        await act(world, Approve(run.id, run.digest), world.root)


async def test_a_run_is_rejected_with_a_reason_or_withdrawn(world, number):
    run = await requested(world, number)
    assert isinstance(await act(world, Reject(run.id), world.root), cards.Asked)
    await act(world, Reject(run.id, "not during dinner"), world.root)
    async with world.core.database.reading() as tx:
        assert (await tx.runs.get(run.id)).decision_note == "not during dinner"
    again = await requested(world, number)
    await act(world, Cancel(again.id), world.kim)
    async with world.core.database.reading() as tx:
        assert (await tx.runs.get(again.id)).status is RunStatus.CANCELLED


async def test_the_whole_life_of_an_incident(world, number):
    await act(world, Claim(number), world.kim)
    await act(world, Note(number, "looks like memory"), world.kim)
    await act(world, Assign(number, world.bob.id), world.kim)
    await act(world, Claim(number), world.bob)
    await act(world, Resolve(number, "restarted it"), world.bob)
    await act(world, Reopen(number, "no"), world.bob)
    async with world.core.database.reading() as tx:
        incident = await tx.incidents.get(number)
    assert incident.open
    assert incident.reopened == 1
    assert incident.assignee_id == world.bob.id


async def test_questions_show_only_what_the_asker_sees(world, number):
    await world.tell(given.alert("secret-01"), company=world.globex)
    for question in (Status(), ListOpen(), Mine(), WhoAmI(), Help(), Details(number), Why(number)):
        reply = await act(world, question, world.kim)
        assert isinstance(reply, cards.Said)
        assert "secret-01" not in repr(reply)
        assert "Globex" not in repr(reply)
    board = await act(world, Status(), world.root, Place())
    assert "Globex" in repr(board)
    with pytest.raises(NotFound) as refused:
        await act(world, Status("globex"), world.kim)
    assert "acme" in refused.value.hint


async def test_help_lists_only_what_one_may(world, number):
    viewer, technician = await act(world, Help(), world.vera), await act(world, Help(), world.kim)
    assert "/aw claim" not in repr(viewer)
    assert "/aw claim" in repr(technician)

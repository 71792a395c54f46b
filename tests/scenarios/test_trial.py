"""A test alert goes the way of every alert, says each step, and leaves nothing behind."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from bot.actions.companies import SendTest
from bot.handlers.dispatch import handle
from bot.place import Place
from bot.trial import Hop, Outcome, Trial
from engine.access import SYSTEM, Actor, Via
from engine.audit import AuditKind
from engine.errors import Refused
from engine.incident import IncidentStatus
from engine.operations import directory
from tests.harness import CLI, Harness, shown
from tests.scenarios.test_main_line import kinds


async def trial(h: Harness, **changes) -> list[Hop]:
    company = await h.read(lambda tx: tx.companies.by_slug("acme"))
    made = Trial(core=h.core, company=company, actor=CLI, **changes)
    return [hop async for hop in made.hops()]


def place(h: Harness) -> str:
    return f"{h.hand.name} {h.hand.place('acme')}"


def words(hops: list[Hop]) -> str:
    return "\n".join(f"{hop.outcome} {hop.text}" for hop in hops)


async def test_each_step_is_said_and_everything_is_cleaned_away(h: Harness):
    hops = await trial(h, severity="critical")
    assert all(hop.outcome is not Outcome.BAD for hop in hops), words(hops)
    said = words(hops)
    for step in ("✓ key ok at http://127.0.0.1", "✓ accepted as alert ", "✓ INC-1: ", "✓ routed to ",
                 f"✓ card posted to {place(h)}", "– no e-mail", "✓ resolved again"):  # fmt: skip
        assert step in said, said
    (posted,) = [hop for hop in hops if hop.text.startswith("card posted")]
    card = await h.card("acme", saying="Test alert")
    assert card.id.replace(".", "") in posted.url and posted.ms is not None
    await h.card("acme", saying="Resolved by")

    async def look(tx):
        keys = (
            await tx.connection.execute(sa.text("SELECT count(*) FROM api_keys WHERE expires_at > 0"))
        ).scalar()
        return await tx.incidents.get(1), list(await tx.clocks.of(1)), keys

    incident, clocks, keys = await h.read(look)
    assert incident.test and incident.status is IncidentStatus.RESOLVED
    assert clocks == [], "a test makes no promise"
    assert keys == 0, "the key it used is gone"
    assert AuditKind.TEST_SENT in await kinds(h, "acme")
    assert "@" not in shown(card), "nobody is called for a test"


async def test_it_is_signed_where_the_company_signs(h: Harness):
    company = await h.read(lambda tx: tx.companies.by_slug("acme"))

    async def sign(tx):
        nowhere = replace(company, slack_channel=None, teams_conversation=None)
        made = replace(nowhere, id=0, slug="signed", name="Signed", clouds=())
        return await directory.add_company(tx, made, with_hmac=True, actor=SYSTEM, now=h.clock.now())

    issued = await h.write(sign)
    made = Trial(core=h.core, company=issued.company, actor=CLI)
    said = words([hop async for hop in made.hops()])
    assert "✓ key and signature ok" in said and "– no chat channel is bound" in said


async def test_a_claimed_test_is_closed_too(h: Harness):
    company = await h.read(lambda tx: tx.companies.by_slug("acme"))
    made = Trial(core=h.core, company=company, actor=CLI)
    async for hop in made.hops():
        if hop.text.startswith("card posted"):
            await h.command("kim", "acme", "/aw claim 1")
            await h.card("acme", saying="in the hands of Kim")
    incident = await h.read(lambda tx: tx.incidents.get(1))
    assert incident.status is IncidentStatus.RESOLVED and incident.resolution == "It was a test."


async def test_it_says_where_the_way_is_broken(h: Harness):
    refusal, words_for_it, mend = {
        "slack": ("not_in_channel", "Slack refused: not_in_channel", "invite the bot"),
        "teams": ("BotNotInConversationRoster", "the app is not installed there", "add it to the team"),
    }[h.hand.name]
    h.hand.fail("post", "error", error=refusal, status=403)
    said = words(await trial(h, wait=2.0))
    assert f"✗ no card in {place(h)} after 2 s: " in said and words_for_it in said
    assert mend in said


async def test_in_a_storm_the_board_shows_it(h: Harness):
    for number in range(60):
        await h.fire("acme", f"Fault {chr(97 + number % 26)}{chr(97 + number // 26)}", severity="low")
    said = words(await trial(h))
    assert f"– a storm is on in {place(h)}: its board shows it" in said, said


async def test_in_chat_one_private_modal_grows(h: Harness):
    await h.command("kim", "acme", "/aw test")
    await h.whispered("kim", "Only company admins and MSP admins can send a test alert")
    await h.command("lee", "globex", "/aw test acme")
    grown = await h.whispered("lee", "got through")
    assert f"card posted to {place(h)}" in shown(grown) and "open it" in shown(grown)
    assert sum("card posted" in shown(one) for one in h.hand.whispers("lee")) == 1
    assert h.messages("globex") == []


async def test_where_several_companies_could_be_meant_it_asks(h: Harness):
    lee = Actor(user=h.users["lee"], via=Via.SLACK)
    with pytest.raises(Refused, match="Which company"):
        await handle(h.core, SendTest(), actor=lee, place=Place())

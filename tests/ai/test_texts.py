"""Texts that a model may write for people: marked, optional, never needed, and paid for in the open."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from bot.actions.incidents import Resolve
from bot.ai.desk import Desk
from bot.articles.draft import ask_for_draft
from bot.cards.card import Asked
from bot.handlers.dispatch import handle
from bot.place import Place
from bot.reports.card import report_card
from bot.reports.files import document
from bot.reports.gather import gather
from bot.reports.summary import by_rules, rows, summary
from bot.shift.ask_card import ask_card, ask_view
from bot.slack.render import message
from engine.ask import card_subject
from engine.incident_jobs import DraftText
from engine.operations import configure, handoff, respond
from engine.opinion import Spent, Use
from engine.setting import SETTINGS, Origin
from integrations.ai.prompt import Declined, Inquiry, Looking, Prompt, Reply
from tests import given

pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
CANARY = "hunter2-canary"


@dataclass
class Writer:
    """Answers each use as it is told to, quoting the first line that it sees."""

    says: dict[Use, dict[str, Any]]
    name: str = "test:writer"
    asked: list[Prompt] = field(default_factory=list)

    async def ask(self, prompt: Prompt) -> Reply:
        self.asked.append(prompt)
        if prompt.use not in self.says:
            raise Declined("nothing")
        quote = prompt.data.split("\n")[1][:100]
        answer = {"confidence": 0.8, "evidence": [quote]} | self.says[prompt.use]
        return Reply(answer=answer, model="writer", tokens_in=100, tokens_out=20)

    async def step(self, inquiry: Inquiry) -> Looking | Reply:
        raise Declined("no tools here")

    async def check(self) -> str:
        return "is there"

    async def close(self) -> None: ...


def writer(world: given.World, says: dict[Use, dict[str, Any]]) -> Writer:
    made = Writer(says)
    world.core.__dict__["desk"] = Desk([made], price=(1.0, 5.0))
    return made


async def worked_on(world: given.World) -> int:
    answer = await world.tell(given.alert(message=f"as at Globex; password={CANARY}"))
    number = given.number(given.results(answer)[0]["incident_id"])
    actor, now = given.actor(world.kim), world.core.clock.now()
    await world.core.write(lambda tx: respond.claim(tx, number, actor=actor, now=now))
    text = f"Kim deleted old logs, token={CANARY}, Globex has the same"
    await world.core.write(lambda tx: respond.note(tx, number, text, actor=actor, now=now))
    return number


def sent(model: Writer) -> str:
    return "\n".join(f"{one.system}\n{one.data}" for one in model.asked).lower()


async def test_a_models_note_stands_in_the_form_that_resolves_marked(world: given.World):
    number = await worked_on(world)
    model = writer(world, {Use.DRAFT: {"note": "Old logs were deleted; watch the rotation."}})
    job = DraftText(company_id=world.acme.id, incident_id=number, use="draft")
    await ask_for_draft(world.core, job)
    reply = await handle(world.core, Resolve(number), actor=given.actor(world.kim), place=Place())
    assert isinstance(reply, Asked)
    (one,) = reply.form.fields
    assert one.value == "Old logs were deleted; watch the rotation."
    assert "🤖 draft by writer 0.80" in one.hint and one.optional
    incident = await world.core.read(lambda tx: tx.incidents.get(number))
    assert incident is not None and incident.open and incident.resolution == "", (
        "nothing came of it by itself"
    )
    await ask_for_draft(world.core, job)
    assert len(model.asked) == 1, "once is enough"
    for word in (CANARY, "globex", "kim"):
        assert word not in sent(model)
    assert "deleted old logs" in sent(model)


async def test_what_is_handed_off_says_how_it_stands(world: given.World):
    number = await worked_on(world)
    core, actor, now = world.core, given.actor(world.kim), world.core.clock.now()
    ask = await core.write(
        lambda tx: handoff.offer(tx, world.bob.id, (number,), note="", actor=actor, now=now)
    )

    async def text() -> str:
        view = await core.read(lambda tx: ask_view(tx, card_subject(ask.id, 1)))
        assert view is not None
        return str(message(ask_card(view)))

    before = await text()
    assert "📐 critical on web-01, reported 1 times." in before and "Kim deleted old logs" in before
    model = writer(
        world, {Use.HANDOFF: {"lines": ["Old logs went, it is still full.", "Look at /var next."]}}
    )
    job = DraftText(company_id=world.acme.id, incident_id=number, use="handoff", ask=ask.id)
    await ask_for_draft(core, job)
    after = await text()
    assert "🤖 Old logs went" in after and "writer 0.80" in after and "📐" not in after
    assert CANARY not in sent(model) and "globex" not in sent(model)


async def test_a_report_begins_with_what_stands_out_and_says_what_models_cost(world: given.World):
    await worked_on(world)
    core = world.core
    world.core.clock.advance(minutes=1)  # type: ignore[attr-defined]
    day = core.clock.now().date()
    spent = [
        Spent(model="claude-haiku-5-5", asked=12, failed=2, tokens_in=30_000, tokens_out=4_000, micros=50_000)
    ]
    await core.write(lambda tx: tx.opinions.spend(world.acme.id, day, spent))
    report = await gather(core, world.acme, timedelta(days=1))
    card = str(message(report_card(report)))
    assert "claude-haiku-5-5: asked 12 times (2 in vain), 34,000 tokens, $0.05" in card
    assert "claude" not in str(message(report_card(report, people=False))), "the client does not see it"
    (figures,) = document(report)["ai"]
    assert figures["dollars"] == 0.05 and document(report, people=False)["ai"] == []
    own = await summary(core, world.acme, report)
    assert own is not None and own.model == "rules" and own.lines == tuple(by_rules(report))
    model = writer(world, {Use.REPORT: {"lines": ["One incident is still open."]}})
    said = await summary(core, world.acme, report)
    assert said is not None and said.model == "writer"
    assert "🤖 One incident" in str(message(report_card(report, summary=said)))
    assert "globex" not in sent(model) and "kim" not in sent(model) and "acme" not in sent(model)
    model.says = {Use.REPORT: {"lines": ["Alerts fell by 77 %."]}}
    said = await summary(core, world.acme, report)
    assert said is not None and said.model == "rules", "a figure that is not in the report"
    assert len(rows(report)) > 8


async def test_summaries_can_be_switched_off(world: given.World):
    await worked_on(world)
    core = world.core
    world.core.clock.advance(minutes=1)  # type: ignore[attr-defined]
    model = writer(world, {Use.REPORT: {"lines": ["One incident is still open."]}})
    setting, where = SETTINGS["summaries"], configure.Where(Origin.COMPANY, "acme")
    actor, now = given.actor(world.root), core.clock.now()
    await core.write(
        lambda tx: configure.put(
            tx, where=where, setting=setting, kept=setting.read("off"), actor=actor, now=now
        )
    )
    company = (await core.read(lambda tx: tx.companies.context(world.acme.id))).company
    assert await summary(core, company, await gather(core, company, timedelta(days=1))) is None
    assert not model.asked

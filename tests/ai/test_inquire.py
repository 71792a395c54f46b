"""A person's question: answered from the company's own data and nothing else, by a model that can only look, or by the
rules that say what they can."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from bot.actions.incidents import Inquire, Note, Resolve
from bot.ai.desk import Desk
from bot.ai.inquire import inquire
from bot.ai.tools import LOOKS, Scope
from bot.cards.card import Said
from bot.handlers.dispatch import handle
from bot.place import Place
from bot.slack.render import message
from engine.access import Verb
from engine.errors import NotFound, Permanent, Refused
from engine.inquiry import CAN_SAY, Kind, kind_of
from engine.opinion import Spent
from integrations.ai.prompt import Call, Declined, Inquiry, Looking, Prompt, Reply
from storage import tables
from tests import given

pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
ASKED = "what changed before this?"


@dataclass
class Asking:
    """A model that looks with these calls, then answers; `answer` may be made of what it was shown."""

    calls: list[Call]
    answer: Any
    name: str = "test:asker"
    asked: list[Inquiry] = field(default_factory=list)

    async def ask(self, prompt: Prompt) -> Reply:
        raise Declined("only questions")

    async def step(self, inquiry: Inquiry) -> Looking | Reply:
        self.asked.append(inquiry)
        if isinstance(self.answer, Exception):
            raise self.answer
        if not inquiry.rounds and self.calls:
            return Looking(calls=self.calls, raw=None, model="asker", tokens_in=10, tokens_out=5)
        answer = self.answer(inquiry) if callable(self.answer) else self.answer
        return Reply(answer=answer, model="asker", tokens_in=20, tokens_out=7)

    async def check(self) -> str:
        return "is there"

    async def close(self) -> None: ...


def desk(world: given.World, *models: Any) -> None:
    world.core.__dict__["desk"] = Desk(list(models))


async def opened(world: given.World, *alerts: Any, company: Any = None) -> list[int]:
    found = []
    for one in alerts:
        answer = await world.tell(one, company=company)
        found.append(given.number(given.results(answer)[0]["incident_id"]))
        world.core.clock.advance(minutes=5)  # type: ignore[attr-defined]
    return found


@pytest.fixture
async def night(world: given.World) -> tuple[int, int, int]:
    """At acme a certificate was renewed, then nginx went down; at globex the database failed in between."""
    (first,) = await opened(
        world, given.alert("web-01", "Certificate renewed", message="by certbot, Kim's job")
    )
    (foreign,) = await opened(world, given.alert("gx-db", "Globex ledger broken"), company=world.globex)
    actor = given.actor(world.kim)
    await handle(
        world.core, Note(first, "Kim put in the new key password=hunter2-canary"), actor=actor, place=Place()
    )
    await handle(world.core, Resolve(first, "renewed by hand"), actor=actor, place=Place())
    (asked,) = await opened(world, given.alert("db-01", "Nginx is down", severity_word="critical"))
    return first, foreign, asked


async def answer(world: given.World, number: int, text: str, user: Any = None) -> str:
    act = Inquire(number, text)
    reply = await handle(world.core, act, actor=given.actor(user or world.kim), place=Place(world.acme.id))
    assert isinstance(reply, Said)
    return str(message(reply.card))


async def test_without_a_model_the_rules_say_what_changed_and_cite_it(
    world: given.World, night: tuple[int, int, int]
):
    first, foreign, asked = night
    text = await answer(world, asked, ASKED)
    assert "📐 In the hour before it" in text and "Certificate renewed" in text
    assert f"rests on INC-{first}" in text and "rules 0.70" in text
    assert "lobex" not in text and f"INC-{foreign}" not in text and "hunter2" not in text


@pytest.mark.parametrize(
    ("text", "kind", "says"),
    [
        ("has this happened before?", Kind.BEFORE, "not on record that this was seen before"),
        ("what else is wrong?", Kind.AROUND, "Certificate renewed"),
        ("who is working on this?", Kind.DONE, "nobody has taken it yet"),
        ("when did it start?", Kind.BEGAN, "Nginx is down"),
        ("what depends on it?", Kind.NEIGHBOURS, "nothing that is on record"),
    ],
)
async def test_each_kind_of_question_that_the_rules_know(
    world: given.World, night: tuple[int, int, int], text: str, kind: Kind, says: str
):
    assert kind_of(text) is kind
    said = await answer(world, night[2], text)
    assert says in said and "📐" in said


async def test_what_they_cannot_answer_they_say_and_what_they_can(
    world: given.World, night: tuple[int, int, int]
):
    said = await answer(world, night[2], "is the moon full?")
    assert "I cannot answer that" in said
    assert all(one in said for one in CAN_SAY.values())


async def test_a_model_looks_answers_and_cites_what_it_saw(world: given.World, night: tuple[int, int, int]):
    first, _, asked = night
    said = {
        "confidence": 0.83,
        "evidence": ["Certificate renewed"],
        "lines": ["The certificate was renewed shortly before."],
        "citations": [f"INC-{first}"],
    }
    model = Asking([Call("1", "before", {"minutes": 120}), Call("2", "same_before", {})], said)
    desk(world, model)
    text = await answer(world, asked, f"{ASKED} tell Kim at kim@mail.example token=abc123canary")
    assert (
        "🤖 The certificate was renewed" in text and "asker 0.83" in text and f"rests on INC-{first}" in text
    )
    shown = model.asked[-1].rounds[0].results
    assert len(shown) == 2 and "Certificate renewed" in shown[0] and shown[0].startswith("data ")
    sent = "\n".join([model.asked[-1].prompt.data, *shown]).lower()
    for secret in ("globex", "hunter2", "kim", "abc123canary", "mail.example"):
        assert secret not in sent, sent
    day = world.core.clock.now().date()
    spent = await world.core.read(
        lambda tx: tx.opinions.spent(world.acme.id, since=day, until=day.replace(year=9999))
    )
    assert spent == [Spent(model="asker", asked=2, failed=0, tokens_in=30, tokens_out=12)]


async def test_a_tool_sees_nothing_of_others_whatever_it_is_asked_for(
    world: given.World, night: tuple[int, int, int]
):
    first, foreign, asked = night
    core = world.core
    incident = await core.read(lambda tx: tx.incidents.get(asked))
    assert incident is not None
    context = await core.read(lambda tx: tx.companies.context(world.acme.id))
    scope = Scope(incident, context)
    hostile: list[dict[str, Any]] = [
        {},
        {"incident": f"INC-{foreign}", "asset": "gx-db", "words": "ledger", "minutes": 10**9},
        {"incident": str(foreign), "company": "globex", "company_id": world.globex.id, "minutes": "x"},
        {"incident": "'; DROP TABLE incidents; --", "asset": "' OR 1=1", "words": '" OR "', "minutes": -5},
        {"incident": None, "asset": None, "words": None, "minutes": None},
    ]
    for name, (look, _) in LOOKS.items():
        for arguments in hostile:
            rows = await core.read(partial(look, scope=scope, given=arguments))
            text = "\n".join(row.text for row in rows)
            assert "ledger" not in text.lower().replace("ledger is", ""), name
            assert not [row for row in rows if f"INC-{foreign}" in row.ids]
    assert await core.read(lambda tx: tx.incidents.get(first)) is not None


async def test_nothing_is_written_but_what_it_cost(world: given.World, night: tuple[int, int, int]):
    async def counts() -> dict[str, int]:
        async with world.core.database.reading() as tx:
            found = {}
            for table in tables.metadata.sorted_tables:
                counted = await tx.connection.execute(sa.select(sa.func.count()).select_from(table))
                found[table.name] = counted.scalar_one()
            return found

    before = await counts()
    desk(world, Asking([Call(str(place), name, {}) for place, name in enumerate(LOOKS)], "nonsense"))
    await answer(world, night[2], ASKED)
    after = await counts()
    assert {name for name in after if after[name] != before[name]} == {"model_usage"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"citations": ["INC-999"]},
        {"evidence": ["everything is fine"]},
        {"lines": ["It was changed 77 times."]},
        {"lines": ["As at Globex yesterday."]},
        {"lines": ["See https://evil.example now"], "run": "reboot"},
        Permanent("401"),
        Declined("refusal"),
    ],
    ids=str,
)
async def test_what_cannot_be_believed_ends_in_the_rules_words(
    world: given.World, night: tuple[int, int, int], wrong: Any
):
    good = {"confidence": 0.9, "evidence": ["Nginx is down"], "lines": ["Fine."], "citations": []}
    desk(world, Asking([], wrong if isinstance(wrong, Exception) else good | wrong))
    text = await answer(world, night[2], ASKED)
    assert "📐 In the hour before it" in text and "🤖" not in text


async def test_a_model_that_never_stops_looking_is_stopped(world: given.World, night: tuple[int, int, int]):
    model = Asking([], None)

    async def step(inquiry: Inquiry) -> Looking | Reply:
        model.asked.append(inquiry)
        return Looking(calls=[Call("1", "before", {})], raw=None, model="asker", tokens_in=1, tokens_out=1)

    model.step = step  # type: ignore[method-assign]
    desk(world, model)
    assert "📐" in await answer(world, night[2], ASKED)
    assert len(model.asked) <= 6 and model.asked[-1].last


async def test_switched_off_or_used_up_no_model_is_asked(world: given.World, night: tuple[int, int, int]):
    model = Asking([], {})
    desk(world, model)
    context = await world.core.read(lambda tx: tx.companies.context(world.acme.id))
    incident = await world.core.read(lambda tx: tx.incidents.get(night[2]))
    assert incident is not None
    day = world.core.clock.now().date()
    spent = [Spent(model="asker", tokens_in=10**9)]
    await world.core.write(lambda tx: tx.opinions.spend(world.acme.id, day, spent))
    found = await inquire(world.core, Scope(incident, context), ASKED)
    assert found.opinion is not None and found.opinion.model == "rules" and not model.asked


async def test_who_may_ask(world: given.World, night: tuple[int, int, int]):
    with pytest.raises(NotFound):
        await answer(world, night[2], ASKED, world.eve)
    with pytest.raises(NotFound):
        await answer(world, night[1], ASKED, world.root)  # asked in acme's channel
    with pytest.raises(Refused) as refused:
        await answer(world, night[2], ASKED, world.vera)
    assert refused.value.code == "denied" and refused.value.who
    assert Verb.INQUIRE.value == "inquire"

"""Models are asked in order, given up in time, and left alone when they fail."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from bot.ai.desk import AT_ONCE, FAILURES, MISSING_PAUSE, PAUSE, Desk
from engine.alert import Severity
from engine.errors import Permanent, Transient
from engine.facts import Facts
from engine.opinion import Question, Use
from integrations.ai.prompt import Declined, Inquiry, Looking, Prompt, Reply

SEEN = "only 3 GB left on web-01"
QUESTION = Question(use=Use.ANALYSE, seen=SEEN, runbooks={})
GOOD = {"confidence": 0.8, "evidence": ["only 3 GB left"], "lines": ["The disk is nearly full."]}


@dataclass
class Scripted:
    """Answers, or raises, what it is told to."""

    name: str
    does: Any
    asked: list[Prompt] = field(default_factory=list)

    async def ask(self, prompt: Prompt) -> Reply:
        self.asked.append(prompt)
        if self.does == "hang":
            await asyncio.sleep(60)
        if isinstance(self.does, Exception):
            raise self.does
        return Reply(answer=self.does, model=self.name, tokens_in=1000, tokens_out=100)

    async def step(self, inquiry: Inquiry) -> Looking | Reply:
        raise Declined("no tools here")

    async def check(self) -> str:
        return "is there"

    async def close(self) -> None: ...


@dataclass
class Stopwatch:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


async def test_the_first_answer_that_holds_is_taken_and_all_is_counted():
    first, second = Scripted("a:one", "nonsense"), Scripted("b:two", GOOD)
    third = Scripted("c:three", GOOD)
    found = await Desk([first, second, third], price=(1.0, 5.0)).ask(QUESTION)
    assert found.opinion is not None and found.opinion.by == "b:two 0.80"
    assert [(one.failed, one.micros) for one in found.spent] == [(1, 1500), (0, 1500)]
    assert not third.asked
    (prompt,) = second.asked
    mark = prompt.data.split("\n")[0]
    assert len(mark) > 20 and prompt.data == f"{mark}\n{SEEN}\n{mark}"
    assert first.asked[0].data.split("\n")[0] != mark, "each has a mark of its own"


async def test_one_that_fails_again_and_again_is_left_alone_longer_each_time():
    clock = Stopwatch()
    failing, well = Scripted("a:one", Transient("529")), Scripted("b:two", GOOD)
    desk = Desk([failing, well], clock=clock)
    for _ in range(10):
        assert (await desk.ask(QUESTION)).opinion is not None
    assert len(failing.asked) == FAILURES and len(well.asked) == 10
    for pause in (PAUSE, PAUSE * 2, PAUSE * 4):
        clock.now += pause + 0.1
        for _ in range(3):
            await desk.ask(QUESTION)
    assert len(failing.asked) == FAILURES + 3, "one try after each pause"
    clock.now += PAUSE * 8 + 1
    failing.does = GOOD
    await desk.ask(QUESTION)
    await desk.ask(QUESTION)
    assert len(failing.asked) == FAILURES + 5, "it is back"


async def test_a_wish_is_heard_and_what_cannot_work_waits():
    clock = Stopwatch()
    busy = Scripted("a:one", Transient("429", retry_after=timedelta(seconds=50)))
    wrong = Scripted("b:two", Permanent("401"))
    desk = Desk([busy, wrong], clock=clock)
    assert desk.free
    assert (await desk.ask(QUESTION)).opinion is None
    assert not desk.free, "nobody may be asked now"
    clock.now += 51
    assert desk.free
    await desk.ask(QUESTION)
    assert (len(busy.asked), len(wrong.asked)) == (2, 1)
    clock.now += MISSING_PAUSE
    await desk.ask(QUESTION)
    assert len(wrong.asked) == 2


async def test_one_that_does_not_want_to_is_not_broken():
    model = Scripted("a:one", Declined("refusal", tokens_in=10))
    desk = Desk([model])
    for _ in range(5):
        found = await desk.ask(QUESTION)
        assert found.opinion is None and found.spent[0].tokens_in == 10
    assert len(model.asked) == 5 and desk.free


@pytest.mark.alone
async def test_nobody_waits_longer_than_the_limit():
    hanging, next_one = Scripted("a:one", "hang"), Scripted("b:two", GOOD)
    desk = Desk([hanging, next_one], limit=0.2)
    began = asyncio.get_running_loop().time()
    found = await desk.ask(QUESTION)
    assert found.opinion is None and found.spent[0].failed == 1
    assert asyncio.get_running_loop().time() - began < 2
    assert not next_one.asked


async def test_few_incidents_are_asked_about_at_a_time():
    desk = Desk([Scripted("a:one", "hang")], limit=0.5)
    under_way = [asyncio.create_task(desk.ask_all([QUESTION])) for _ in range(AT_ONCE)]
    await asyncio.sleep(0.01)
    assert not desk.free
    await asyncio.gather(*under_way)
    assert desk.free


FACTS = Facts(title=SEEN, machine="web-01", severity=Severity.HIGH, category="disk")


@pytest.mark.parametrize(
    "does", ["nonsense", "hang", Transient("529"), Permanent("403"), Declined("refusal")], ids=str
)
@pytest.mark.alone
async def test_every_failure_ends_in_the_rules_own_words_in_time(does: Any):
    desk = Desk([Scripted("a:one", does), Scripted("b:two", does)], limit=0.2)
    began = asyncio.get_running_loop().time()
    found = await desk.ask(replace(QUESTION, facts=FACTS))
    assert asyncio.get_running_loop().time() - began < 2
    assert found.by_rules and found.opinion is not None and found.opinion.model == "rules"
    assert found.spent and all(one.failed for one in found.spent), "and what was spent is known"


def choice(severity: str, confidence: float) -> dict[str, Any]:
    return {
        "confidence": confidence,
        "evidence": ["only 3 GB left"],
        "category": "disk",
        "severity": severity,
    }


@pytest.mark.parametrize(("second", "confidence"), [("high", 0.8), ("critical", 0.45)])
async def test_two_who_differ_are_believed_half_as_much(second: str, confidence: float):
    first, other = Scripted("a:one", choice("high", 0.9)), Scripted("b:two", choice(second, 0.8))
    classify = replace(QUESTION, use=Use.CLASSIFY)
    found = await Desk([first, other], both=True).ask(classify)
    assert found.opinion is not None and found.opinion.model == "a:one"
    assert found.opinion.confidence == pytest.approx(confidence)
    assert len(found.spent) == 2
    await Desk([first, other]).ask(classify)
    assert len(other.asked) == 1, "one is enough otherwise"


async def test_words_are_asked_of_one_only():
    first, other = Scripted("a:one", GOOD), Scripted("b:two", GOOD)
    await Desk([first, other], both=True).ask(QUESTION)
    assert not other.asked

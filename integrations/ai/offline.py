"""The offline analyst behind the port of the models: no network, no cost, and an answer at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from engine import analyst
from engine.facts import Facts
from engine.opinion import QUOTE, SHORTEST_QUOTE, Question, Use
from engine.redaction import PLACEHOLDERS
from integrations.ai.prompt import Declined, Inquiry, Looking, Prompt, Reply

_ANSWERS: Mapping[Use, Callable[[Facts], dict[str, Any] | None]] = {
    Use.CLASSIFY: analyst.classified,
    Use.ANALYSE: analyst.analysed,
    Use.SUGGEST: analyst.suggested,
    Use.DRAFT: analyst.drafted,
    Use.ARTICLE: analyst.written,
    Use.HANDOFF: analyst.handed_over,
}


class Offline:
    """The rules' own words. What they have no words for is declined."""

    name = analyst.NAME

    async def ask(self, prompt: Prompt) -> Reply:
        answer = answer_of(prompt.question)
        if answer is None:
            raise Declined("the rules have nothing to say here")
        return Reply(answer=answer, model=analyst.NAME, tokens_in=0, tokens_out=0)

    async def step(self, _inquiry: Inquiry) -> Looking | Reply:
        raise Declined("the rules do not look for themselves")

    async def check(self) -> str:
        return "answers without a network"

    async def close(self) -> None:
        """Nothing is open."""


def answer_of(question: Question) -> dict[str, Any] | None:
    """The answer by the schema of its use, with a quote; None where the rules have none."""
    compose = _ANSWERS.get(question.use)
    if compose is None or question.facts is None:
        return None
    answer = compose(question.facts)
    if answer is None:
        return None
    if question.use is Use.SUGGEST and answer["runbook"] not in question.runbooks:
        answer |= {"runbook": None, "confidence": 0.4}
    quote = _quote(question)
    return answer | {"evidence": [quote]} if quote else None


def _quote(question: Question) -> str:
    """The title where it is long enough to be one, else the first line that is."""
    assert question.facts is not None
    for one in (question.facts.title[:QUOTE], *question.seen.split("\n")):
        bare = one
        for placeholder in PLACEHOLDERS:
            bare = bare.replace(placeholder, "")
        if len(bare.strip()) >= SHORTEST_QUOTE and one in question.seen:
            return one
    return ""

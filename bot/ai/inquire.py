"""A person's question about an incident: a model looks with tools that only read, then answers; without a model the
rules answer the kinds of question that they know, and say which those are."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC
from functools import partial
from typing import Any

from bot.ai.brief import Case, questions
from bot.ai.desk import Desk
from bot.ai.tools import LONGEST_ROW, LOOKS, MOST_ROWS, Row, Scope
from bot.core import Core
from engine.analyst import NAME
from engine.inquiry import Kind, kind_of
from engine.opinion import LINE, MOST_SAID, Opinion, Question, Spent, Unusable, Use, read
from engine.redaction import redacted
from integrations.ai.prompt import Inquiry, Looking, Round, fenced, prompt
from storage.transaction import Transaction

MOST_ROUNDS, MOST_CALLS = 4, 8
TOKENS = 9_000
"""About what a question costs at most; it is not asked of a model where the day has less left."""
_BY_KIND: Mapping[Kind, Sequence[tuple[str, str]]] = {
    Kind.CHANGED: (("before", "In the hour before it, the latest first:"),),
    Kind.BEFORE: (("same_before", "The same before:"),),
    Kind.AROUND: (("around", "Near it in time:"),),
    Kind.DONE: (("incident", "So far:"),),
    Kind.BEGAN: (("incident", "It began so:"),),
    Kind.NEIGHBOURS: (("neighbours", "In the asset list:"),),
}


@dataclass(frozen=True, slots=True)
class Answered:
    """`opinion` is None where nobody can say anything; `kind` is what the rules took the question for."""

    opinion: Opinion | None
    kind: Kind


async def inquire(core: Core, scope: Scope, asked: str) -> Answered:
    """Who may ask was decided before; here nothing is written but what it cost."""
    context, today = scope.context, core.clock.now().astimezone(UTC).date()
    kind = kind_of(asked)

    async def look(tx: Transaction) -> tuple[Question, int]:
        case = Case(
            incident=scope.incident,
            company=context.company,
            asset=context.asset_called(scope.incident.asset_name),
            alerts=await tx.alerts.of_incident(scope.incident.id),
            before=(),
        )
        made = questions(case, core.catalogue, await tx.companies.all(archived=True), [Use.ASK])
        return made.questions[0], await tx.opinions.tokens(context.company.id, today)

    question, used = await core.read(look)
    people = tuple(word for user in context.people for word in (user.name, *user.name.split()))
    eyes = _Eyes(core, scope, (*question.others, *people))
    question = replace(question, asked=eyes.told(asked), citable=frozenset({scope.incident.label}))
    company = context.company
    allowed = company.value("ai") == "on" and used + TOKENS <= company.value("ai_tokens")
    if core.desk.models and allowed:
        spent: list[Spent] = []
        try:
            opinion = await ask_models(core.desk, question, eyes, spent)
        finally:
            await core.write(lambda tx: tx.opinions.spend(company.id, today, spent))
        if opinion is not None:
            return Answered(opinion, kind)
    return Answered(await _by_rules(question, eyes, kind), kind)


class _Eyes:
    """Looks with tools, and takes out of what is seen what is not to be told."""

    def __init__(self, core: Core, scope: Scope, names: tuple[str, ...]) -> None:
        self._core, self._scope, self._names = core, scope, names

    def told(self, text: str) -> str:
        return redacted(text, self._names)

    async def look(self, name: str, given: Mapping[str, Any]) -> Sequence[Row]:
        """In a transaction that cannot write, whatever a tool does."""
        looking, _ = LOOKS[name]
        rows = await self._core.read(lambda tx: looking(tx, self._scope, given))
        return [Row(" ".join(self.told(row.text).split())[:LONGEST_ROW], row.ids) for row in rows[:MOST_ROWS]]


async def ask_models(desk: Desk, question: Question, eyes: _Eyes, spent: list[Spent]) -> Opinion | None:
    """The first model's answer that holds, all within the desk's limit."""
    ends = desk.clock() + desk.limit
    for model in desk.models:
        if not desk.may(model) or ends <= desk.clock():
            continue
        seen, citable, rounds, calls = question.seen, set(question.citable), list[Round](), 0
        asked = prompt(question, mark=_mark)
        for turn in range(MOST_ROUNDS + 1):
            last = turn == MOST_ROUNDS or calls >= MOST_CALLS
            inquiry = Inquiry(
                prompt=asked, tools=[tool for _, tool in LOOKS.values()], rounds=tuple(rounds), last=last
            )
            said = await desk.carried(model, partial(model.step, inquiry), ends - desk.clock(), spent)
            if said is None:
                break
            if not isinstance(said, Looking):
                whole = replace(question, seen=seen, citable=frozenset(citable))
                opinion = desk.believed(model, whole, said, spent)
                if opinion is not None:
                    return opinion
                break
            desk.looked(said, spent)
            results = []
            for call in said.calls[:MOST_CALLS]:
                rows = await eyes.look(call.name, call.arguments)
                shown = "\n".join(row.text for row in rows)
                seen = f"{seen}\n{shown}"
                citable |= {one for row in rows for one in row.ids}
                results.append(fenced(shown, _mark))
            results += ["no more of these"] * (len(said.calls) - len(results))
            calls += len(said.calls)
            rounds.append(Round(said.calls, results, said.raw))
    return None


async def _by_rules(question: Question, eyes: _Eyes, kind: Kind) -> Opinion | None:
    if kind is Kind.UNKNOWN:
        return None
    lines: list[str] = []
    cited: list[str] = []
    seen = question.seen
    for name, heading in _BY_KIND[kind]:
        rows = await eyes.look(name, {})
        lines.append(heading)
        for row in rows[: MOST_SAID - 1]:
            lines.append(row.text if len(row.text) <= LINE else f"{row.text[: LINE - 1].rstrip()}…")
            cited += row.ids
        seen = "\n".join([seen, heading, *(row.text for row in rows)])
    cited = list(dict.fromkeys(cited))[:MOST_SAID]
    answer = {
        "lines": lines[:MOST_SAID],
        "citations": cited,
        "confidence": 0.7,
        "evidence": [seen.rsplit("\n", 1)[-1][:100]],
    }
    try:
        return read(replace(question, seen=seen, citable=frozenset(cited)), answer, model=NAME)
    except Unusable:
        return None


def _mark() -> str:
    return secrets.token_hex(12)

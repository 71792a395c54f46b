"""The answer to a question: marked with who gives it, how surely, and what it rests on."""

from __future__ import annotations

from bot.ai.inquire import Answered
from bot.cards.card import Body, Card, Element, Facts, Line, Strong, Title, Tone
from engine.analyst import MARK, NAME
from engine.incident import Incident
from engine.inquiry import CAN_SAY

ASKED = 120


def answer_card(asked: str, answered: Answered, incident: Incident) -> Card:
    short = asked if len(asked) <= ASKED else asked[: ASKED - 1] + "…"
    title = f"{incident.label}: {short}"
    elements: list[Element] = [Title(Tone.INFO, (Strong(title),))]
    opinion = answered.opinion
    if opinion is None:
        can = "; ".join(CAN_SAY.values())
        elements.append(Body((f"I cannot answer that. What I can say about an incident: {can}.",)))
        return Card(summary=title, elements=tuple(elements))
    sign = MARK if opinion.model == NAME else "🤖"
    elements.append(Body((f"{sign} " + "\n".join(opinion.lines),)))
    marks: list[Line] = [(opinion.by,)]
    if opinion.citations:
        marks.append((f"rests on {', '.join(opinion.citations)}",))
    elements.append(Facts(tuple(marks)))
    return Card(summary=title, elements=tuple(elements))

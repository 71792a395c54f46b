"""What models said of an incident, as its card shows it: marked, with who says it, how surely, and from which words."""

from __future__ import annotations

from collections.abc import Sequence

from bot.cards.card import Body, Element, Facts, Line, Strong
from engine.alert import StoredAlert
from engine.analyst import MARK, NAME
from engine.incident import Incident
from engine.injection import instructs
from engine.opinion import SURE, Opinion, Use

LEAST = 0.3
"""Less sure than this is not worth a line."""
QUOTE = 80


def opinion_elements(
    opinions: Sequence[Opinion], incident: Incident, alerts: Sequence[StoredAlert]
) -> list[Element]:
    """At most three lines and their mark; a warning where an alert speaks to a machine. Nothing, where nothing was
    said."""
    said = {one.use: one for one in opinions if one.confidence >= LEAST}
    elements: list[Element] = []
    analysis, suggestion, category = said.get(Use.ANALYSE), said.get(Use.SUGGEST), said.get(Use.CLASSIFY)
    marks: list[Line] = []
    if analysis is not None:
        sign = MARK if analysis.model == NAME else "🤖"
        elements.append(Body((f"{sign} " + "\n".join(analysis.lines),)))
        marks.append(_mark(analysis))
    if category is not None and category.confidence > SURE and incident.category == "other":
        marks.append((f"🤖 looks like {category.category} ({category.by})",))
    if suggestion is not None and suggestion.runbook is not None and suggestion.confidence > SURE:
        marks.append(("🤖 might fit: ", Strong(suggestion.runbook), f" ({suggestion.by})"))
    if marks:
        elements.append(Facts(tuple(marks)))
    if any(instructs(f"{one.title}\n{one.message}") for one in alerts[:20]):
        warning = "⚠ this alert contains instructions; nothing follows them, and nor should you"
        elements.append(Facts(((warning,),)))
    return elements


def _mark(opinion: Opinion) -> Line:
    if opinion.model == NAME:
        return (opinion.by,)
    quote = opinion.evidence[0]
    short = quote if len(quote) <= QUOTE else quote[: QUOTE - 1] + "…"
    return (f"{opinion.by}, from “{short}”",)

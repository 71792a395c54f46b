"""A person's question about an incident: which kind it is, as far as the rules can tell."""

from __future__ import annotations

import re
from enum import StrEnum

LONGEST = 500
_BEGINS = frozenset(
    {"what", "whats", "what's", "why", "who", "when", "where", "which", "how", "is", "are", "was", "were", "did",
     "does", "do", "has", "have", "had", "can", "could", "should"}
)  # fmt: skip


class Kind(StrEnum):
    """What the rules can answer by themselves."""

    CHANGED = "changed"
    BEFORE = "before"
    AROUND = "around"
    DONE = "done"
    BEGAN = "began"
    NEIGHBOURS = "neighbours"
    UNKNOWN = "unknown"


CAN_SAY: dict[Kind, str] = {
    Kind.CHANGED: "what changed before this",
    Kind.BEFORE: "whether it was seen before and what fixed it",
    Kind.AROUND: "what else is wrong at the same time",
    Kind.DONE: "what was done so far and who has it",
    Kind.BEGAN: "when it began and how often it was reported",
    Kind.NEIGHBOURS: "what the machine depends on, and what depends on it",
}
_KINDS: tuple[tuple[Kind, re.Pattern[str]], ...] = tuple(
    (kind, re.compile("|".join(patterns), re.IGNORECASE))
    for kind, patterns in (
        (Kind.NEIGHBOURS, (
            r"\bdepend\w*|\bneighbou?rs?\b|\bconnected\b|\baffects?\b|\bimpact\w*",
            r"\b(up|down)stream\b",
        )),
        (Kind.CHANGED, (
            r"\bchang\w*|\bwhat happened\b|\bdeploy\w*",
            r"\bled to\b|\bcaus\w*",
        )),
        (Kind.BEFORE, (
            r"\b(seen|had|happened|occur\w*)\b.*\bbefore\b|\bfix(ed|es)?\b|\blast time\b|\bagain\b",
            r"\bpreviously\b|\bresolved (it|this)\b",
        )),
        (Kind.AROUND, (
            r"\bwhat else\b|\bother (alerts?|incidents?|machines?|problems?)\b|\bsame time\b|\baround\b",
            r"\balso\b|\brelated\b|\belsewhere\b",
        )),
        (Kind.DONE, (r"\bdone\b|\btried\b|\bwho\b|\bso far\b|\bworking on\b|\bstatus\b|\bran\b|\brunbooks?\b",)),
        (Kind.BEGAN, (r"\bwhen\b|\bhow (long|many|often)\b|\bsince\b|\bstart(ed)?\b|\bbeg[ai]n\b",)),
    )
)  # fmt: skip


def asks(text: str, *, known: bool) -> bool:
    """Is this a question rather than a command? `known`: its first word is one of the commands'."""
    words = text.strip().split()
    if len(words) < 2:
        return False
    first = words[0].lower().strip("?,.")
    question = text.rstrip().endswith("?")
    return (first in _BEGINS and (not known or (question and len(words) > 2))) or (question and not known)


def kind_of(text: str) -> Kind:
    return next((kind for kind, pattern in _KINDS if pattern.search(text)), Kind.UNKNOWN)

"""What a model may say about an incident, and what has to hold before any of it is believed.

A model is asked one question out of a list and answers by a schema. An answer is a stranger's word: it is read here, in
this one place whoever gave it, and is dropped whole when anything about it is wrong. What is left is text for people
and choices out of lists of ours; nothing that acts is ever decided by it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engine.alert import Severity
from engine.classification import CATEGORIES
from engine.facts import Facts
from engine.redaction import PLACEHOLDERS, names, redacted, visible

SURE = 0.70
"""What a severity's confidence has to be above before it counts."""
MOST_LINES, LINE, NOTE, QUOTE = 3, 160, 600, 200
HEADING = 120
MOST_SAID, MOST_CITED = 5, 8
"""Lines of an answer to a question, and what it may refer to."""
SHORTEST_QUOTE = 4
LARGEST_ANSWER = 20_000


class Use(StrEnum):
    """The questions there are."""

    CLASSIFY = "classify"
    ANALYSE = "analyse"
    SUGGEST = "suggest"
    DRAFT = "draft"
    """The note of a resolution."""
    ARTICLE = "article"
    """What to keep in the knowledge base of how it was resolved."""
    HANDOFF = "handoff"
    """So far, for who takes over."""
    REPORT = "report"
    """What the figures of a report say."""
    ASK = "ask"
    """A person's own question."""


class Unusable(Exception):
    """An answer that is not believed; the text says why, in words that are safe to log."""


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

    confidence: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
    evidence: Annotated[list[str], Field(min_length=1, max_length=5)]


class _Classified(_Answer):
    category: str
    severity: str


class _Analysed(_Answer):
    lines: Annotated[list[str], Field(min_length=1, max_length=MOST_LINES)]


class _Suggested(_Answer):
    runbook: str | None


class _Drafted(_Answer):
    note: str


class _Written(_Answer):
    title: str
    problem: str
    fix: str


class _Answered(_Answer):
    lines: Annotated[list[str], Field(min_length=1, max_length=MOST_SAID)]
    citations: Annotated[list[str], Field(max_length=MOST_CITED)]


_ANSWERS: Mapping[Use, type[_Answer]] = {
    Use.CLASSIFY: _Classified,
    Use.ANALYSE: _Analysed,
    Use.SUGGEST: _Suggested,
    Use.DRAFT: _Drafted,
    Use.ARTICLE: _Written,
    Use.HANDOFF: _Analysed,
    Use.REPORT: _Analysed,
    Use.ASK: _Answered,
}
_COUNTED = (Use.HANDOFF, Use.REPORT, Use.ASK)
"""Where every number of an answer has to be in the data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """`seen` is all that a model is shown, redacted already; `runbooks` are the ids it may choose from, each with what
    it is for; `others` are names that must not be in an answer; `citable` is what it may refer to. `facts` are the
    same as `seen`, for who computes rather than reads."""

    use: Use
    seen: str
    runbooks: Mapping[str, str]
    others: tuple[str, ...] = ()
    facts: Facts | None = None
    citable: frozenset[str] = frozenset()
    asked: str = ""
    """A person's question, in their words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """An answer that was checked. Which fields are set depends on `use`; `model` says who gave it."""

    use: Use
    model: str
    confidence: float
    evidence: tuple[str, ...]
    lines: tuple[str, ...] = ()
    category: str = ""
    severity: Severity | None = None
    runbook: str | None = None
    citations: tuple[str, ...] = ()

    @property
    def by(self) -> str:
        """Who says it and how surely, as it is marked: `claude-… 0.83`."""
        return f"{self.model} {self.confidence:.2f}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What asking a model cost: how often it was asked, how often in vain, tokens, and millionths of a dollar (0 where
    no price is set)."""

    model: str
    asked: int = 1
    failed: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    micros: int = 0


def schema(use: Use, runbooks: Collection[str] = ()) -> dict[str, Any]:
    """The JSON schema that an answer has to keep, in the words that every provider takes."""
    fields: dict[str, Any] = {
        "confidence": {"type": "number", "description": "0 to 1"},
        "evidence": {
            "type": "array",
            "items": {"type": "string"},
            "description": "1 to 5 short quotes, copied character by character from the data",
        },
    }
    match use:
        case Use.CLASSIFY:
            fields["category"] = {"type": "string", "enum": sorted(CATEGORIES)}
            fields["severity"] = {"type": "string", "enum": [one.value for one in Severity]}
        case Use.ANALYSE | Use.HANDOFF | Use.REPORT:
            text = f"at most {MOST_LINES} lines of at most {LINE} characters"
            fields["lines"] = {"type": "array", "items": {"type": "string"}, "description": text}
        case Use.SUGGEST:
            fields["runbook"] = {"type": ["string", "null"], "enum": [*sorted(runbooks), None]}
        case Use.DRAFT:
            fields["note"] = {"type": "string", "description": f"at most {NOTE} characters"}
        case Use.ARTICLE:
            for name, most in (("title", HEADING), ("problem", NOTE), ("fix", NOTE)):
                fields[name] = {"type": "string", "description": f"at most {most} characters"}
        case Use.ASK:
            text = f"at most {MOST_SAID} lines of at most {LINE} characters"
            fields["lines"] = {"type": "array", "items": {"type": "string"}, "description": text}
            text = (
                "ids of incidents and alerts that the answer rests on, such as INC-12, as the tools gave them"
            )
            fields["citations"] = {"type": "array", "items": {"type": "string"}, "description": text}
    return {
        "type": "object",
        "properties": fields,
        "required": sorted(fields),
        "additionalProperties": False,
    }


def read(question: Question, answer: str | Mapping[str, Any], *, model: str) -> Opinion:
    """The opinion in an answer. Raises Unusable for one that breaks the schema, is out of range, quotes what is not
    there, or speaks of what it cannot know."""
    said = _parsed(question.use, answer)
    quotes = tuple(_quote(question, quote) for quote in said.evidence)
    opinion = Opinion(use=question.use, model=model, confidence=said.confidence, evidence=quotes)
    match said:
        case _Classified():
            if said.category not in CATEGORIES or said.severity not in [one.value for one in Severity]:
                raise Unusable("a category or severity that does not exist")
            return replace(opinion, category=said.category, severity=Severity(said.severity))
        case _Analysed():
            return replace(opinion, lines=tuple(_text(question, line, LINE) for line in said.lines))
        case _Suggested():
            if said.runbook is not None and said.runbook not in question.runbooks:
                raise Unusable("a runbook that does not exist")
            return replace(opinion, runbook=said.runbook)
        case _Drafted():
            return replace(opinion, lines=(_text(question, said.note, NOTE),))
        case _Written():
            parts = ((said.title, HEADING), (said.problem, NOTE), (said.fix, NOTE))
            return replace(opinion, lines=tuple(_text(question, text, most) for text, most in parts))
        case _Answered():
            if not set(said.citations) <= question.citable:
                raise Unusable("a reference to what it was not shown")
            lines = tuple(_text(question, line, LINE) for line in said.lines)
            return replace(opinion, lines=lines, citations=tuple(dict.fromkeys(said.citations)))
        case _:
            raise AssertionError(said)


def _parsed(use: Use, answer: str | Mapping[str, Any]) -> _Answer:
    try:
        text = answer if isinstance(answer, str) else json.dumps(answer)
        if len(text) > LARGEST_ANSWER:
            raise Unusable("far too long")
        return _ANSWERS[use].model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, first["loc"]))[:60]
        raise Unusable(f"not by the schema: {place} {first['type']}") from None
    except (ValueError, TypeError, RecursionError):
        raise Unusable("not JSON") from None


def _quote(question: Question, quote: str) -> str:
    """A quote counts when the data holds it, character by character, and it says something."""
    bare = quote
    for one in PLACEHOLDERS:
        bare = bare.replace(one, "")
    if len(bare.strip()) < SHORTEST_QUOTE or quote not in question.seen:
        raise Unusable("a quote that is not in the data")
    return _plain(quote, QUOTE)


_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_MARKUP = re.compile(r"<[^<>]{0,200}>|[`|\[\]<>]")
_MENTION = re.compile(r"[@＠﹫#＃!](?=[\w(])")
_DOMAIN = re.compile(
    r"(?<![\w-])(?:[\w-]{1,63}\.)+(?:com|net|org|io|dev|app|co|xyz|info|biz|ru|cn|top|site|online|link|click|zip|ly|me|example|test)\b",
    re.IGNORECASE,
)
_SCHEME = re.compile(
    r"\b(?:[a-z][a-z0-9+.-]{1,20}:/{1,2}|mailto:|tel:|javascript:|data:|sip:)\S*", re.IGNORECASE
)


def _plain(text: str, most: int) -> str:
    """One line of plain words: no marks, no address, nobody called. The card's renderer escapes it once more."""
    text = _SCHEME.sub("(address)", visible(text))
    for one in PLACEHOLDERS:
        text = text.replace(one, f"({one[1:-1]})")
    text = _MENTION.sub("", _MARKUP.sub(" ", text)).replace("*", "").replace("~", "")
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def _text(question: Question, text: str, most: int) -> str:
    """A model's own words. What they name has to be in the data: an address or a name it was not shown is not its
    to know."""
    found = names(tuple(sorted(question.others)))
    plain = visible(text[: 4 * most])  # more is not shown, and not looked through
    if found is not None and found.search(plain):
        raise Unusable("a name that it was not shown")
    for domain in _DOMAIN.findall(plain):
        if domain.lower() not in question.seen.lower():
            raise Unusable("an address that it was not shown")
    if question.use in _COUNTED and not set(_NUMBER.findall(plain)) <= set(_NUMBER.findall(question.seen)):
        raise Unusable("a number that is not in the data")
    said = _plain(redacted(plain), most)
    if not said:
        raise Unusable("an empty text")
    return said


def together(first: Opinion, second: Opinion) -> Opinion:
    """Two were asked: what they agree on stands; where they do not, the first is half as sure."""
    same = (first.category, first.severity, first.runbook) == (
        second.category,
        second.severity,
        second.runbook,
    )
    confidence = min(first.confidence, second.confidence) if same else first.confidence / 2
    return replace(first, confidence=confidence)


def may_raise(opinion: Opinion, current: Severity) -> Severity | None:
    """The severity that this opinion may put in the place of the current one; None when it may not. Only upwards: a
    stranger's text never makes trouble look smaller."""
    said = opinion.severity
    if said is None or opinion.confidence <= SURE or said.rank >= current.rank:
        return None
    return said

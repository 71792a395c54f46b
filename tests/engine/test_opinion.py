"""What a model says is believed only when all of it holds."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.alert import Severity
from engine.opinion import (
    LINE,
    MOST_LINES,
    NOTE,
    Opinion,
    Question,
    Unusable,
    Use,
    may_raise,
    read,
    schema,
    together,
)

SEEN = (
    "problem: Disk / 97% full\nmachine: web-01.acme.com\nalert: only 3 GB left, see [address], key [secret]"
)
RUNBOOKS = {"disk-clean-up": "makes room"}


def question(use: Use = Use.ANALYSE, **more: Any) -> Question:
    return Question(use=use, seen=SEEN, runbooks=RUNBOOKS, **more)


def answer(**changes: Any) -> dict[str, Any]:
    return {
        "confidence": 0.83,
        "evidence": ["only 3 GB left"],
        "lines": ["The disk is nearly full."],
    } | changes


GOOD: dict[Use, dict[str, Any]] = {
    Use.CLASSIFY: {"category": "disk", "severity": "high"},
    Use.ANALYSE: {"lines": ["The disk of web-01 is nearly full.", "Look at /var first."]},
    Use.SUGGEST: {"runbook": "disk-clean-up"},
    Use.DRAFT: {"note": "The disk was full; room was made."},
    Use.ARTICLE: {"title": "Disk full", "problem": "It shows 97% full.", "fix": "Old logs went."},
    Use.HANDOFF: {"lines": ["Only 3 GB are left.", "Nobody has looked yet."]},
    Use.REPORT: {"lines": ["The disk was at 97% once."]},
    Use.ASK: {"lines": ["It was at 97% before."], "citations": ["INC-7"]},
}


@pytest.mark.parametrize("use", list(Use))
@pytest.mark.parametrize("as_text", [True, False])
def test_a_good_answer_becomes_an_opinion(use: Use, as_text: bool):
    said = GOOD[use] | {"confidence": 0.83, "evidence": ["only 3 GB left", "Disk / 97% full"]}
    asked = question(use, citable=frozenset({"INC-7"}))
    opinion = read(asked, json.dumps(said) if as_text else said, model="claude-x")
    assert opinion.by == "claude-x 0.83"
    assert opinion.evidence == ("only 3 GB left", "Disk / 97% full")
    wanted = schema(use, RUNBOOKS)
    assert set(wanted["required"]) == set(said) and wanted["additionalProperties"] is False


@pytest.mark.parametrize("use", [Use.HANDOFF, Use.REPORT, Use.ASK])
def test_a_number_that_the_data_does_not_have_is_not_believed(use: Use):
    said = GOOD[use] | {"confidence": 0.8, "evidence": ["only 3 GB left"]}
    asked = question(use, citable=frozenset({"INC-7"}))
    assert read(asked, said, model="m").lines
    with pytest.raises(Unusable, match="number"):
        read(asked, said | {"lines": ["It went from 97% to 12%."]}, model="m")


def test_only_what_was_shown_can_be_cited():
    said = GOOD[Use.ASK] | {"confidence": 0.8, "evidence": ["only 3 GB left"], "citations": ["INC-8"]}
    with pytest.raises(Unusable, match="reference"):
        read(question(Use.ASK, citable=frozenset({"INC-7"})), said, model="m")


BAD: list[tuple[str, Any]] = [
    ("not JSON", "Sure! Here is the analysis."),
    ("not JSON", ""),
    ("not JSON", "[" * 50_000),
    ("cut off", '{"confidence": 0.8, "evidence": ["only 3'),
    ("a list", "[]"),
    ("nothing", "null"),
    ("a field too many", answer(approve=True)),
    ("no evidence", answer(evidence=[])),
    ("far too many lines", answer(lines=["x"] * (MOST_LINES + 1))),
    ("no lines", answer(lines=[])),
    ("empty words", answer(lines=[" \u200b "])),
    ("too sure", answer(confidence=1.01)),
    ("less than nothing", answer(confidence=-0.1)),
    ("no number", '{"confidence": NaN, "evidence": ["only 3 GB left"], "lines": ["a"]}'),
    ("a number in words", answer(confidence="0.9")),
    ("true is no number", answer(confidence=True)),
    ("a quote of its own", answer(evidence=["the disk failed"])),
    ("one of two quotes", answer(evidence=["only 3 GB left", "all is well"])),
    ("nearly a quote", answer(evidence=["Only 3 GB left"])),
    ("a quote that says nothing", answer(evidence=["full"[:3]])),
    ("a quote of what was taken out", answer(evidence=["[secret]"])),
    ("spaces", answer(evidence=["    "])),
    ("an address of its own", answer(lines=["Look at evil.com for help."])),
    ("too long", answer(lines=["x" * 30_000])),
]


@pytest.mark.parametrize("said", [said for _, said in BAD], ids=[why for why, _ in BAD])
def test_an_answer_with_anything_wrong_is_dropped_whole(said: Any):
    with pytest.raises(Unusable):
        read(question(), said, model="claude-x")


@pytest.mark.parametrize(
    ("use", "changes"),
    [
        (Use.CLASSIFY, {"category": "weather", "severity": "high"}),
        (Use.CLASSIFY, {"category": "disk", "severity": "none"}),
        (Use.CLASSIFY, {"category": "disk", "severity": "CRITICAL"}),
        (Use.CLASSIFY, {"category": "disk"}),
        (Use.SUGGEST, {"runbook": "format-disk"}),
        (Use.SUGGEST, {"runbook": "disk-clean-up; rm -rf /"}),
        (Use.SUGGEST, {"runbook": ["disk-clean-up"]}),
        (Use.DRAFT, {"note": "Globex had it too."}),
    ],
)
def test_only_choices_that_exist_and_names_that_were_shown(use: Use, changes: dict[str, Any]):
    said = {"confidence": 0.99, "evidence": ["only 3 GB left"], **changes}
    with pytest.raises(Unusable):
        read(question(use, others=("Globex Health", "globex")), said, model="claude-x")


@pytest.mark.parametrize(
    "name", ["Globex Health", "GLOBEX  health", "globex-health", "Globex", "glo\u200bbex"]
)
def test_nobody_elses_name_comes_through(name: str):
    with pytest.raises(Unusable, match="name"):
        read(
            question(others=("Globex Health", "globex")),
            answer(lines=[f"As at {name} last week."]),
            model="x",
        )


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("<!channel> look", "look"),
        ("<https://evil.example|click> now", "now"),
        ("ask @here and <@U123>", "ask here and"),
        ("[click](https://evil.example/x)", "click ((address)"),
        ("run `rm -rf /` *now*", "run rm -rf / now"),
        ("mailto:a@b.example please", "(address) please"),
        ("a\u202eb\x07c\nd", "abc d"),
    ],
)
def test_words_are_plain(said: str, shown: str):
    given_ = question()
    seen = Question(use=Use.ANALYSE, seen=SEEN + "\nevil.example b.example", runbooks={})
    assert given_.seen in seen.seen
    assert read(seen, answer(lines=[said]), model="x").lines == (shown,)


def test_words_are_short():
    assert len(read(question(), answer(lines=["long words " * 100]), model="x").lines[0]) <= LINE
    said = {"confidence": 0.9, "evidence": ["only 3 GB left"], "note": "long words " * 200}
    assert len(read(question(Use.DRAFT), said, model="x").lines[0]) <= NOTE


def classified(severity: Severity, confidence: float, **more: Any) -> Opinion:
    known: dict[str, Any] = {"category": "disk", "evidence": ("x",), "model": "m"} | more
    return Opinion(use=Use.CLASSIFY, confidence=confidence, severity=severity, **known)


@given(
    st.sampled_from(list(Severity)),
    st.sampled_from(list(Severity)),
    st.floats(min_value=0, max_value=1),
)
def test_a_severity_only_ever_rises_and_only_when_sure(said: Severity, current: Severity, confidence: float):
    found = may_raise(classified(said, confidence), current)
    assert (found is not None) == (said.worse_than(current) and confidence > 0.70)
    assert found is None or found is said


@given(st.floats(min_value=0, max_value=1), st.floats(min_value=0, max_value=1))
def test_two_that_differ_are_half_as_sure(one: float, other: float):
    first, same = classified(Severity.HIGH, one), classified(Severity.HIGH, other)
    differs = classified(Severity.LOW, other)
    assert together(first, same).confidence == min(one, other)
    assert together(first, differs).confidence == one / 2
    assert together(first, differs).severity is Severity.HIGH


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda it: st.lists(it) | st.dictionaries(st.text(), it),
    )
)
def test_whatever_it_says_is_an_opinion_or_dropped(said: Any):
    for use in Use:
        for form in (said, json.dumps(said)):
            with pytest.raises(Unusable):
                read(question(use), form, model="x")

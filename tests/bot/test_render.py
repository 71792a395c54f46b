"""Slack's limits hold whatever a card says, and nothing a tool wrote becomes a mention, a link or a command."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as generated
from hypothesis import strategies as st

from bot.actions.incidents import Claim, Details, Note, Resolve
from bot.actions.runs import Approve, Run
from bot.cards import card as cards
from bot.cards.card import Card
from bot.slack.render import clean, escape, message

NASTY = st.text(max_size=4000) | st.sampled_from(
    [
        "<!channel>",
        "<@U123|x>",
        "<https://evil.example|ok>",
        "*" * 50,
        "`" * 9,
        "&lt;!here&gt;",
        "\u202egnp.exe",
        "a\n" * 900,
    ]
)
AT = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
MARKS = st.one_of(
    NASTY,
    NASTY.map(cards.Strong),
    NASTY.map(cards.Code),
    st.builds(
        cards.Person, NASTY, st.none() | st.just("U0KIM"), st.none() | st.just("aad-kim"), st.booleans()
    ),
    st.builds(cards.Moment, st.just(AT), st.sampled_from(list(cards.When))),
    st.builds(
        cards.Link,
        NASTY,
        st.sampled_from(["https://tool.example/a?b=1", "javascript:alert(1)", "http://x|y"]),
    ),
)
LINES = st.lists(MARKS, max_size=6).map(tuple)
BUTTONS = st.builds(
    cards.Button,
    st.text(max_size=200),
    st.sampled_from(
        [Claim(1), Resolve(10**17), Note(3), Details(4), Run(5, "disk-clean-up"), Approve("r" * 26, "d" * 64)]
    ),
    st.sampled_from(list(cards.Style)),
    st.none() | st.text(max_size=600),
)
ELEMENTS = st.one_of(
    st.builds(cards.Title, st.sampled_from(list(cards.Tone)), LINES),
    st.builds(cards.Facts, st.lists(LINES, max_size=14).map(tuple)),
    st.builds(
        cards.Deadlines,
        st.lists(
            st.builds(
                cards.Deadline, st.text(max_size=60), st.just(AT), st.sampled_from(list(cards.DeadlineState))
            ),
            max_size=3,
        ).map(tuple),
        st.lists(LINES, max_size=2).map(tuple),
    ),
    st.builds(cards.Body, LINES, st.booleans()),
    st.builds(cards.Log, st.text(max_size=9000), st.text(max_size=100)),
    st.builds(cards.Progress, st.sampled_from(list(cards.Tone)), LINES),
    st.builds(
        cards.Table,
        st.sampled_from([(), ("Incident", "What")]),
        st.lists(st.lists(LINES, max_size=3).map(tuple), max_size=40).map(tuple),
    ),
    st.builds(cards.Chart, st.lists(st.floats(0, 1e6), max_size=90).map(tuple), LINES),
    st.just(cards.Divider()),
    st.builds(
        cards.Actions, st.lists(BUTTONS, max_size=7).map(tuple), st.lists(BUTTONS, max_size=8).map(tuple)
    ),
    st.builds(cards.Refusal, NASTY, NASTY),
)
CARDS = st.builds(
    Card,
    summary=st.text(max_size=9000),
    elements=st.lists(ELEMENTS, max_size=70).map(tuple),
    card_id=st.just("incident:1:slack"),
)


def texts(block):
    """Every mrkdwn or plain text inside a block."""
    if isinstance(block, dict):
        if block.get("type") in ("mrkdwn", "plain_text"):
            yield block
        for value in block.values():
            yield from texts(value)
    elif isinstance(block, list):
        for value in block:
            yield from texts(value)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@generated(card=CARDS)
def test_every_card_fits_slack(card):
    body = message(card)
    blocks = body["blocks"]
    assert len(blocks) <= 50
    assert len(orjson.dumps(blocks).decode()) <= 13_200
    assert 0 < len(body["text"]) <= 4000
    for block in blocks:
        if block["type"] == "section":
            assert 1 <= len(block["text"]["text"]) <= 3000
        if block["type"] == "context":
            assert 1 <= len(block["elements"]) <= 10
        if block["type"] == "actions":
            assert 1 <= len(block["elements"]) <= 5
            for element in block["elements"]:
                if element["type"] in ("overflow", "static_select"):
                    assert 1 <= len(element["options"]) <= (5 if element["type"] == "overflow" else 100)
                    assert all(len(option["text"]["text"]) <= 75 for option in element["options"])
                    assert all(len(option["value"]) <= 150 for option in element["options"])
                else:
                    assert 1 <= len(element["text"]["text"]) <= 75
                    assert len(element["value"]) <= 2000
                    assert len(element.get("confirm", {}).get("text", {}).get("text", "")) <= 300
        for text in texts(block):
            assert text["text"]


TOKEN = re.compile(r"<([^>]*)>")


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@generated(card=CARDS)
def test_nothing_but_our_own_tokens_is_live(card):
    for block in message(card)["blocks"]:
        for text in texts(block):
            if text["type"] != "mrkdwn":
                continue
            for token in TOKEN.findall(text["text"]):
                assert re.fullmatch(
                    r"@U0KIM|!date\^\d+\^[^|]+\|[^|]+|https://tool\.example/a\?b=1\|[^<]*", token
                ), token


@generated(text=st.text())
def test_escaping_leaves_no_markup_and_no_turning_marks(text):
    shown = escape(text)
    assert "<" not in shown
    assert ">" not in shown
    assert not re.search(r"[\u202a-\u202e\u2066-\u2069]", shown)
    assert clean(clean(text)) == clean(text)


@pytest.mark.parametrize("count", [1, 60, 200])
def test_a_long_card_keeps_its_buttons(count):
    rows = tuple(cards.Body((f"row {number} " + "x" * 200,)) for number in range(count))
    card = Card(summary="s", elements=(*rows, cards.Actions((cards.Button("Claim", Claim(1)),))))
    assert any(block["type"] == "actions" for block in message(card)["blocks"])


def test_the_metadata_holds_ids_only():
    card = Card(summary="s", elements=(), kind="incident", incident="INC-7", card_id="incident:7:slack")
    assert message(card)["metadata"] == {
        "event_type": "aw_incident",
        "event_payload": {"incident_id": "INC-7", "kind": "incident", "card": "incident:7:slack"},
    }

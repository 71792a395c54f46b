"""The limits of Teams hold whatever a card says, and nothing a tool wrote becomes a mention, a link or a function."""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import orjson
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as generated
from hypothesis import strategies as st

from bot.actions.incidents import Claim, Details, Note, Resolve
from bot.actions.runs import Approve, Run
from bot.cards import card as cards
from bot.cards.card import Card
from bot.teams.buttons import Place
from bot.teams.drawing import bars
from bot.teams.forms import act_of, asked
from bot.teams.render import content, message
from bot.teams.text import escape
from engine.errors import Refused
from tests.bot.test_render import CARDS, NASTY

SCHEMA = Path(__file__).parents[1] / "schemas" / "adaptive_card_1.5.json"
VALIDATOR = jsonschema.Draft6Validator(json.loads(SCHEMA.read_text("utf-8")))
AT = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
LOOSE = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def blocks(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        yield part
        for value in part.values():
            yield from blocks(value)
    elif isinstance(part, list):
        for value in part:
            yield from blocks(value)


def faults(card: dict[str, Any]) -> list[str]:
    """What the official schema says against it; `msteams` is Teams' own addition."""
    plain = {name: value for name, value in card.items() if name != "msteams"}
    return [one.message[:300] for one in VALIDATOR.iter_errors(plain)]


@LOOSE
@generated(card=CARDS)
def test_every_card_fits_teams(card: Card):
    for place in Place:
        made = content(card, place)
        whole = orjson.dumps({**message(card), "attachments": [{"content": made}]}).decode()
        assert len(whole.encode()) <= 28_000
        assert len(whole.encode("utf-16-le")) <= 40_000
        assert made["body"]
        for block in blocks(made):
            if block.get("type") in ("TextBlock", "TextRun"):
                assert block["text"]
            if block.get("type") == "ActionSet":
                assert block["actions"]
                assert len([one for one in block["actions"] if one.get("mode") != "secondary"]) <= 6
            if str(block.get("type", "")).startswith("Action."):
                assert 1 <= len(block["title"]) <= 75
    assert len(message(card)["summary"]) <= 250


@settings(LOOSE, max_examples=8)
@generated(card=CARDS)
def test_every_card_is_valid(card: Card):
    for place in Place:
        assert faults(content(card, place)) == []


OURS = re.compile(
    r"\{\{(TIME|DATE)\(2026-11-23T03:00:00Z(,SHORT)?\)\}\}|\[[^\[\]]*\]\(https://tool\.example/a\?b=1\)|\*\*"
)


def live(text: str, mentions: list[str]) -> str:
    """What of a TextBlock's text Teams would not show as it stands, without what is ours."""
    bare = re.sub(r"\\.", "", text)
    for one in mentions:
        bare = bare.replace(one, "")
    return "".join(re.findall(r"[`*_{}\[\]<>~|]|^\s*(?:[#+=-]|\d+[.)]) ", OURS.sub("", bare), re.MULTILINE))


@settings(LOOSE, max_examples=80)
@generated(card=CARDS)
def test_nothing_but_our_own_is_live(card: Card):
    made = content(card)
    entities = made["msteams"].get("entities", [])
    for one in entities:
        assert one["mentioned"]["id"] == "aad-kim"
        assert one["text"] == f"<at>{one['mentioned']['name']}</at>"
    for block in blocks(made):
        if block.get("type") == "TextBlock":
            assert live(block["text"], [one["text"] for one in entities]) == "", block["text"]


@generated(text=st.text() | NASTY)
def test_escaping_leaves_no_markup_and_no_turning_marks(text: str):
    shown = escape(text)
    assert live(shown, []) == ""
    assert not re.search(r"[\u202a-\u202e\u2066-\u2069]", shown)
    orjson.dumps(shown)


@pytest.mark.parametrize("count", [1, 60, 200])
def test_a_long_card_keeps_its_buttons_and_says_where_the_rest_is(count: int):
    rows = tuple(cards.Body((f"row {number} " + "x" * 500,)) for number in range(count))
    claim = cards.Actions((cards.Button("Claim", Claim(7)),))
    made = content(Card(summary="s", elements=(*rows, claim), incident="INC-7", card_id="incident:7:teams"))
    titles = [one["title"] for one in blocks(made) if str(one.get("type", "")).startswith("Action.")]
    assert "Claim" in titles
    assert ("Show all" in titles) == (count > 1)


def test_what_acts_is_executed_and_what_asks_opens_a_dialog():
    claim, note = cards.Button("Claim", Claim(7), style=cards.Style.PRIMARY), cards.Button("Note", Note(7))
    sure = cards.Button("Approve", Approve("r" * 26, "d" * 64), confirm="Really?")
    card = Card(summary="s", elements=(cards.Actions((claim, note, sure), more=(note,)),), card_id="c")
    first, second, third, last = content(card)["body"][0]["actions"]
    assert first["type"] == "Action.Execute" and first["verb"] == "aw:claim"
    assert first["data"] == {"aw": "claim", "value": "7", "card": "c"} == first["fallback"]["data"]
    assert first["fallback"]["type"] == "Action.Submit" and first["style"] == "positive"
    assert second["data"]["msteams"] == {"type": "task/fetch"}
    assert third["card"]["body"][0]["text"] == "Really?"
    assert third["card"]["actions"][0]["verb"] == "aw:approve"
    assert last["mode"] == "secondary"
    for action in content(card, Place.DIALOG)["body"][0]["actions"][:2]:
        assert action["type"] == "Action.Submit" and "msteams" not in action["data"]


def test_output_folds_away_and_is_no_markdown():
    made = content(Card(summary="s", elements=(cards.Log("**a** {{TIME(x)}}\n" * 60, caption="df"),)))
    fold = next(one for one in blocks(made) if one.get("type") == "Action.ToggleVisibility")
    hidden = next(one for one in blocks(made) if one.get("id") == fold["targetElements"][0])
    assert hidden["isVisible"] is False
    run = next(blocks(hidden["items"][0]["inlines"]))
    assert run["fontType"] == "Monospace" and run["text"].startswith("**a**")


def test_a_chart_is_a_picture_with_words():
    card = Card(summary="s", elements=(cards.Chart((0, 1, 2), ("3 an hour",)),))
    image = content(card)["body"][0]
    assert image["altText"] == "3 an hour"
    png = base64.b64decode(image["url"].partition(",")[2])
    assert png.startswith(b"\x89PNG")
    start = png.index(b"IDAT") + 4
    rows = zlib.decompress(png[start : png.index(b"IEND") - 8])
    assert len(rows) == 48 * (1 + 3 * 8)
    assert rows.count(b"\x01") == 6 * (48 + 24)
    assert len(bars([1.0] * 5_000)) < 1_500


FORM = cards.Form(
    title="Resolve INC-7",
    submit="Resolve",
    action=Resolve(7),
    intro=("What was it?",),
    fields=(
        cards.Field(name="text", label="Why", kind=cards.FieldKind.LONG_TEXT, hint="One line", value="fixed"),
        cards.Field(
            name="to",
            label="Who",
            kind=cards.FieldKind.CHOICE,
            options=(("1", "Kim"), ("2", "Bob")),
            value="2",
            optional=True,
        ),
    ),
)


def test_a_form_carries_its_act_and_reads_its_answers():
    value = asked(FORM)["task"]["value"]
    card = value["card"]["content"]
    texts = [one["text"] for one in card["body"] if one["type"] == "TextBlock"]
    assert texts == ["What was it?", "One line"]
    inputs = {one["id"]: one["value"] for one in card["body"] if one["type"].startswith("Input.")}
    assert inputs == {"f:text": "fixed", "f:to": "2"}
    action, answers = act_of({**card["actions"][0]["data"], "f:text": "a\u202eb", "f:aw": "claim"})
    assert action == Resolve(7) and answers == {"text": "ab", "to": ""}
    assert act_of({"aw": "claim", "value": "7"}) == (Claim(7), None)
    for odd in ({}, None, {"aw": 7}, {"aw": "claim", "value": "x"}, {"aw": "no_such"}, "claim"):
        with pytest.raises(Refused):
            act_of(odd)


CASES = {
    "incident": Card(
        summary="INC-7 critical: Disk full on acme-web-01",
        elements=(
            cards.Title(cards.Tone.CRITICAL, (cards.Strong("INC-7"), " Disk / 97% full *now*")),
            cards.Facts((("acme-web-01",), (cards.Link("zabbix", "https://z.example/1"),), ("×4",))),
            cards.Deadlines(
                (cards.Deadline("Respond by", AT, cards.DeadlineState.SOON),),
                ((cards.Person("Kim", "U0KIM", "aad-kim", notify=True),),),
            ),
            cards.Body(("Filesystem / at 97_percent",), quoted=True),
            cards.Actions(
                (
                    cards.Button("Claim", Claim(7), style=cards.Style.PRIMARY),
                    cards.Button("Run", Run(7, "disk-clean-up")),
                    cards.Button("Resolve", Resolve(7)),
                ),
                more=(cards.Button("Details", Details(7)),),
            ),
        ),
        incident="INC-7",
        kind="incident",
        card_id="incident:7:teams",
    ),
    "refusal": Card(
        summary="no",
        elements=(
            cards.Refusal(
                "Only Acme admins can approve restart_service.",
                "`/aw list` shows what is open.",
                (cards.Person("Maria", None, "aad-maria", notify=True),),
            ),
        ),
    ),
    "table": Card(
        summary="2 open",
        elements=(
            cards.Table(
                ("Incident", "What"), (((cards.Strong("INC-1"),), ("Disk",)), (("INC-2",), ("Ping",)))
            ),
            cards.Divider(),
            cards.Progress(cards.Tone.WORKING, ("Clean up runs since ", cards.Moment(AT))),
            cards.Log("ok", caption="df"),
        ),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_main_cards_are_valid(name: str):
    assert faults(content(CASES[name])) == []
    assert faults(asked(FORM)["task"]["value"]["card"]["content"]) == []

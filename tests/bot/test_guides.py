"""The guides in chat and on the command line: whole, within Slack's limits, with the address of this server."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest

from bot import commands, guides
from bot.actions.questions import ShowGuide
from bot.cards.card import Body, Code, Log, Said, Strong
from bot.handlers.dispatch import handle
from bot.place import Place
from bot.slack.render import BLOCKS, MESSAGE_BUDGET, message
from engine.errors import NotFound
from integrations import SOURCES
from sandbox.slack.blocks import check_message
from tests import given

ADDRESS = "https://aw.msp.example"
NAMES = [guide.name for guide in guides.every()]


def test_there_is_a_guide_for_every_tool_and_for_how_things_work():
    assert not {*SOURCES, "workflow", "security"} - set(NAMES)
    assert NAMES[:2] == ["workflow", "security"], "what is about all comes first"


def texts(value: Any) -> Iterator[str]:
    """Every text in the blocks, in order."""
    if isinstance(value, dict):
        if isinstance(value.get("text"), str):
            yield value["text"]
        value = list(value.values())
    for one in value if isinstance(value, list) else ():
        yield from texts(one)


def bare(text: str) -> str:
    return re.sub(r"[^a-z]", "", text.lower())


@pytest.mark.parametrize("name", NAMES)
def test_a_guide_is_shown_whole_in_slack(name: str):
    guide = guides.called(name)
    card = guides.guide_card(guide, address=ADDRESS, company="Acme GmbH")
    said = message(card)
    assert len(said["blocks"]) <= BLOCKS and len(json.dumps(said["blocks"])) <= MESSAGE_BUDGET
    check_message(said["blocks"])
    shown = json.dumps(said, ensure_ascii=False)
    assert "cut here" not in shown and "not shown" not in shown and "&lt;your " not in shown
    words = bare(unescape(" ".join(texts(said["blocks"]))))
    for line in guides.filled(guide, address=ADDRESS, company="Acme GmbH").splitlines()[1:]:
        if not line.startswith("```"):
            assert bare(line) in words, line


def test_headings_steps_and_what_is_pasted_keep_their_form():
    card = guides.guide_card(guides.called("zabbix"), address=ADDRESS)
    pasted = [element.text for element in card.elements if isinstance(element, Log)]
    assert json.loads(pasted[0])["trigger_id"] == "{TRIGGER.ID}"
    assert Body((Strong("See that it works"),)) in card.elements
    marks = [mark for element in card.elements if isinstance(element, Body) for mark in element.line]
    assert Code("X-API-Key") in marks and Strong("Webhook") in marks


@pytest.mark.parametrize(
    ("asked", "name"),
    [("Zabbix", "zabbix"), (" AWS CloudWatch ", "cloudwatch"), ("uptime kuma", "uptimekuma")],
)
def test_a_guide_is_found_by_its_name_or_title(asked: str, name: str):
    assert guides.called(asked).name == name


@pytest.mark.parametrize(("asked", "close"), [("zabix", "zabbix"), ("../../README", "alone"), ("", "alone")])
def test_an_unknown_guide_is_refused_with_the_closest(asked: str, close: str):
    with pytest.raises(NotFound) as refused:
        guides.called(asked)
    assert close in (refused.value.hint or "")


def test_the_list_names_all_of_them_and_fits():
    said = message(guides.list_card())
    shown = json.dumps(said)
    assert all(f"`{name}`" in shown for name in NAMES) and len(said["blocks"]) <= 10
    check_message(said["blocks"])


def test_the_words_of_chat():
    assert commands.parse("guide") == [ShowGuide("")]
    assert commands.parse("guide Zabbix") == [ShowGuide("zabbix")]
    assert commands.parse("guide uptime kuma") == [ShowGuide("uptime kuma")]


async def test_in_a_companys_channel_its_key_is_named(world: given.World):
    for company_id, whose in ((world.acme.id, "<the key of Acme>"), (None, "<your key>")):
        reply = await handle(
            world.core, ShowGuide("grafana"), actor=given.actor(world.kim), place=Place(company_id=company_id)
        )
        assert isinstance(reply, Said)
        assert f"{world.core.settings.public_url}/api/webhooks/grafana" in str(reply.card)
        assert whose in str(reply.card) and "<your address>" not in str(reply.card)
    listed = await handle(world.core, ShowGuide(), actor=given.actor(world.kim), place=Place())
    assert isinstance(listed, Said) and "guides" in listed.card.summary

"""Microsoft's own renderer of Adaptive Cards beside the page's: each card that the product makes is taken without a
complaint, and both show the same words, the same buttons, and the same of what is folded away."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page

from tests.scenarios.test_browser import shot
from tests.scenarios.test_teams_browser import EVERYTHING, GOLDEN, cards_in, show, words
from tests.scenarios.test_teams_browser import h as h
from tests.scenarios.test_teams_browser import page as page

pytestmark = [
    pytest.mark.parametrize("backend", ["sqlite"], indirect=True),
    pytest.mark.only("teams", why="Adaptive Cards are what Teams shows"),
]
OFFICIAL = (
    Path(__file__).parents[1] / "browser" / "node_modules" / "adaptivecards" / "dist" / "adaptivecards.min.js"
)
RENDER = """(given) => {
  const AC = window.AdaptiveCards;
  const html = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;");
  AC.AdaptiveCard.onProcessMarkdown = (text, result) => {
    const bare = text.replace(/(?<!\\\\)\\*\\*|<\\/?at>/g, "");
    const plain = bare.replace(/(?<!\\\\)\\[((?:[^\\[\\]]|\\\\.)*)\\]\\([^)]*\\)/g, "$1");
    result.outputHtml = html(plain.replace(/\\\\([^A-Za-z0-9\\s])/g, "$1"));
    result.didProcess = true;
  };
  const context = new AC.SerializationContext(AC.Versions.v1_5), card = new AC.AdaptiveCard();
  card.hostConfig = new AC.HostConfig({ actions: { maxActions: 20 } });  // Teams does not count what is behind ⋯
  card.parse(given, context);
  const faults = [];
  for (let at = 0; at < context.eventCount; at++) faults.push(context.getEventAt(at).message);
  for (const one of card.validateProperties().validationEvents) faults.push(one.message);
  const node = card.render(), place = document.createElement("div");
  place.id = "official";
  document.querySelector("#official")?.remove();
  place.append(node);
  document.body.append(place);
  const seen = (one) => one.getClientRects().length > 0;
  const buttons = [...node.querySelectorAll("button.ac-pushButton")].filter(seen);
  return {
    faults,
    text: node.textContent,
    shown: node.innerText,
    buttons: buttons.map((one) => one.textContent.trim()).filter(Boolean),
    inputs: [...node.querySelectorAll("input, textarea, select")].filter(seen).length,
  };
}"""
OURS = """() => {
  const node = document.querySelector("[data-testid=card]");
  const seen = (one) => one.getClientRects().length > 0;
  return {
    shown: node.innerText,
    buttons: [...node.querySelectorAll("button")].filter(seen).map((one) => one.textContent.trim()),
    inputs: [...node.querySelectorAll("input, textarea, select")].filter(seen).length,
  };
}"""


async def official(page: Page) -> None:
    """Their renderer on the page, as from its own origin: it lets in no other script."""
    assert OFFICIAL.is_file(), "the official renderer is missing: tools/bring-up installs it"
    await page.route("**/official.js", lambda route: route.fulfill(path=OFFICIAL))
    await page.add_script_tag(url="/official.js")


def primary(card: dict[str, Any]) -> list[str]:
    """What stands in a row to be pressed, without what is behind ⋯ or folded away."""
    rows = [card, *(one for one in card["body"] if one["type"] == "ActionSet")]
    actions = [action for row in rows for action in row.get("actions", ())]
    return [one["title"] for one in actions if one.get("mode") != "secondary"]


async def test_every_card_is_taken_and_says_the_same_in_both(page: Page):
    await official(page)
    assert len(GOLDEN) > 30
    for path in GOLDEN:
        for card in cards_in(json.loads(path.read_text("utf-8"))):
            await show(page, card)
            theirs, ours = await page.evaluate(RENDER, card), await page.evaluate(OURS)
            assert theirs["faults"] == [], path.name
            assert said(theirs) == said(ours), path.name
            assert theirs["inputs"] == ours["inputs"], path.name
            for title in primary(card):
                assert title in theirs["buttons"] and title in ours["buttons"], (path.name, title)
            text = " ".join(theirs["text"].split())
            for part in card["body"]:
                if part["type"] == "TextBlock":
                    assert [one for one in words(part["text"]) if one not in text] == [], (
                        path.name,
                        part["text"],
                    )
    await shot(page, "teams-official-renderer")


def said(seen: dict[str, Any]) -> set[str]:
    """Its words, without what a renderer adds of its own: ⋯, stars at what has to be filled in, list signs, and how it
    writes a time of day."""
    own = {"⋯", "…", "...", "Choose…", "*", "-", "•"} | {
        word for title in seen["buttons"] for word in title.split()
    }
    return {re.sub(r"^0(?=\d:)", "", word) for word in seen["shown"].split()} - own


async def test_a_wrong_card_is_not_taken(page: Page):
    """So that the test above can fail."""
    await official(page)
    wrong = {
        **EVERYTHING,
        "body": [{"type": "TextBlok", "text": "x"}, {"type": "Input.Text", "label": "no id"}],
    }
    assert len((await page.evaluate(RENDER, wrong))["faults"]) >= 2

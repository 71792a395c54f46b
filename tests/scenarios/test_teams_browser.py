"""A person in a browser on the sandbox's Teams page, with the product's own Adaptive Cards.

The screenshots go to build/screenshots, to be looked at beside Slack's.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, async_playwright, expect

from sandbox.teams.world import walked
from tests.conftest import SECRET_KEY
from tests.harness import Harness, harness
from tests.outside import teams_id
from tests.scenarios.test_browser import FLAGS, shot

pytestmark = [
    pytest.mark.parametrize("backend", ["sqlite"], indirect=True),
    pytest.mark.only("teams", why="it is Teams' page; test_browser.py has Slack's"),
]
expect.set_options(timeout=30_000)  # as long as any scenario waits for what has to come
GOLDEN = sorted((Path(__file__).parents[1] / "bot" / "golden" / "teams").glob("*.json"))


@pytest.fixture
async def h(database_url: str, tmp_path: Path) -> AsyncIterator[Harness]:
    async with harness(database_url, SECRET_KEY, tmp_path / "machines", chats=("slack", "teams")) as made:
        yield made


@pytest.fixture
async def page(h: Harness) -> AsyncIterator[Page]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    assert chromium, "Chromium is missing: install Debian's package chromium"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        opened = await browser.new_page(viewport={"width": 1440, "height": 900}, color_scheme="light")
        faults: list[str] = []
        opened.on("pageerror", lambda error: faults.append(str(error)))
        await opened.goto(f"{h.world_url}/teams")
        await expect(opened.locator("body[data-ready]")).to_be_attached()
        yield opened
        await browser.close()
        assert faults == []


async def become(page: Page, who: str, company: str) -> None:
    await page.click(f"[data-testid=person-{teams_id(who)}]")
    await expect(page.locator(f"[data-testid=person-{teams_id(who)}][aria-pressed=true]")).to_be_visible()
    await expect(page.locator("body[data-ready]")).to_be_attached()
    await page.click(f"[data-testid=channel-aw-{company}]")


def post(page: Page, text: str):
    return page.get_by_test_id("post").filter(has_text=text).first


def toast(page: Page, text: str):
    return page.locator(".toast", has_text=text).first


async def test_claim_approve_watch_resolve_and_the_same_answer_as_in_slack(h: Harness, page: Page):
    h.aws.break_machine("i-0bbbbbbbbbbbbbbb1", "stop-unit:acme-app")
    await become(page, "kim", "globex")
    await h.fire(
        "globex",
        "Service acme-app down",
        message="The app <script>alert(1)</script> does not answer **yet**.",
        labels={"service": "acme-app"},
    )
    mine = post(page, "Service acme-app down")
    await expect(mine).to_be_visible()
    assert await page.locator("#messages script").count() == 0
    await shot(page, "teams-channel")
    await mine.get_by_role("button", name="Claim").first.click()
    await expect(toast(page, "INC-1 is yours")).to_be_visible()
    await expect(mine).to_contain_text("in the hands of Kim")

    await mine.get_by_role("button", name=re.compile("^Run")).first.click()
    dialog = page.get_by_test_id("dialog")
    await expect(dialog).to_contain_text("Restart a service")
    await shot(page, "teams-form")
    await dialog.get_by_role("button", name="Run").or_(dialog.locator("button.primary")).first.click()
    await expect(dialog).to_have_count(0)
    await expect(mine.get_by_test_id("thread")).to_contain_text("high risk")

    await become(page, "lee", "globex")
    thread = post(page, "Service acme-app down").get_by_test_id("thread")
    await shot(page, "teams-approval")
    await thread.get_by_role("button", name="Approve").first.click()
    await thread.locator(".shown-card").get_by_role("button", name="Approve").click()
    await expect(thread).to_contain_text("Approved by Lee")
    await expect(thread).to_contain_text("acme-app is active", timeout=20_000)
    await shot(page, "teams-run")

    await become(page, "kim", "globex")
    await post(page, "Service acme-app down").get_by_role("button", name="Resolve").first.click()
    await dialog.get_by_role("textbox").first.fill("Restarted the app")
    await dialog.locator("button.primary").click()
    await expect(post(page, "Service acme-app down")).to_contain_text("Resolved by Kim")
    await shot(page, "teams-resolved")

    await page.get_by_test_id("composer").get_by_role("textbox").fill("status globex")
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("chat").locator(".badge")).to_be_visible()
    await page.click("[data-testid=chat]")
    answer = page.get_by_test_id("post").filter(has_text="Globex Health").last
    await expect(answer).to_contain_text("Globex Health: nothing is open")
    await shot(page, "teams-chat")
    await page.click("[data-testid=to-slack]")
    await expect(page.locator("body[data-ready]")).to_be_attached()
    await page.click("[data-testid=channel-aw-globex]")
    await page.get_by_test_id("composer").get_by_role("textbox").fill("/aw status globex")
    await page.keyboard.press("Enter")
    await expect(page.locator(".ephemeral", has_text="Globex Health: nothing is open")).to_be_visible()
    await page.click("[data-testid=to-teams]")
    await expect(page.get_by_test_id("post").first).to_be_visible()


async def test_a_phone_and_a_refusal_for_one_person_only(h: Harness, page: Page):
    await h.fire("acme", "Backup failed", asset_name="acme-nas", message="The nightly job ended: 13")
    await become(page, "dana", "acme")
    await post(page, "Backup failed").get_by_role("button", name="Claim").first.click()
    await expect(toast(page, "Only technicians")).to_be_visible()
    await become(page, "kim", "acme")
    await expect(post(page, "Backup failed")).not_to_contain_text("Claimed")
    await page.set_viewport_size({"width": 390, "height": 844})
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
    await shot(page, "teams-phone")


# ── the cards alone ──────────────────────────────────────────────────────────────────────────────────────────────

SHOW = """async (card) => {
  const { renderCard } = await import("/static/cards.js");
  window.pressed = [];
  const act = (action, values) => window.pressed.push([action.title, values]);
  document.querySelector("#messages").replaceChildren(renderCard(card, { act }));
}"""


async def show(page: Page, card: dict[str, Any]) -> None:
    await page.evaluate(SHOW, card)


def words(text: str) -> list[str]:
    """The plain words of Markdown that is all ours or escaped."""
    plain = re.sub(r"\{\{(?:DATE|TIME)\([^)]*\)\}\}", " ", text)
    plain = re.sub(
        r"\\([^A-Za-z0-9\s])", r"\1", re.sub(r"(?<!\\)\*\*|</?at>|(?<!\\)\[|\]\([^)]*\)", "", plain)
    )
    return plain.split()


def cards_in(golden: Any) -> list[dict[str, Any]]:
    return [one for one in walked(golden) if one.get("type") == "AdaptiveCard" and one.get("version")]


async def test_each_golden_card_shows_its_texts_and_its_buttons(page: Page):
    assert GOLDEN
    for path in GOLDEN:
        for card in cards_in(json.loads(path.read_text())):
            await show(page, card)
            whole = page.get_by_test_id("card")
            shown = " ".join((await whole.evaluate("node => node.textContent")).split())
            questions = [one["card"] for one in walked(card) if one.get("type") == "Action.ShowCard"]
            folded = [part for question in questions for part in walked(question)]
            for part in walked(card):
                if (
                    part.get("type") == "TextBlock"
                    and part.get("isVisible") is not False
                    and part not in folded
                ):
                    missing = [word for word in words(part["text"]) if word not in shown]
                    assert missing == [], (path.name, part["text"], shown)
                if part.get("type") == "TextRun":
                    assert "".join(part["text"].split()) in "".join(shown.split()), path.name
            top = [
                action
                for block in card["body"]
                if block["type"] == "ActionSet"
                for action in block["actions"]
            ]
            for action in top:
                button = whole.locator("button", has_text=action["title"])
                assert await button.count() >= 1, (path.name, action["title"])
            assert await whole.locator(".unknown").count() == 0
            assert not re.search(r"\{\{(DATE|TIME)\(\d", shown), path.name
            await shot(page, f"teams-card-{path.stem}")


async def test_what_cards_can_hold_is_shown_and_pressed(page: Page):
    await show(page, EVERYTHING)
    card = page.get_by_test_id("card")
    await expect(card.locator("strong")).to_have_text(["bold", "Name"])
    await expect(card.locator("em").first).to_have_text("leaning")
    await expect(card.get_by_role("link", name="a page")).to_have_attribute("href", "https://example.com/")
    await expect(card).to_contain_text("*not bold* {{TIME(2026-11-23T03:00:00Z)}} <b>no markup</b>")
    await expect(card).to_contain_text("[bad](javascript:alert(1))")
    await expect(card.locator(".text li")).to_have_text(["one", "two"])
    await expect(card.locator(".mention")).to_have_text("Kim")
    await expect(card.locator("dt")).to_have_text("Asset")
    await expect(card.locator("th").first).to_contain_text("Name")
    await expect(card.get_by_role("img", name="A dot")).to_be_visible()
    moment = await page.evaluate(
        "new Date('2026-11-23T03:00:00Z').toLocaleTimeString([], {hour: '2-digit', minute: '2-digit'})"
    )
    await expect(card).to_contain_text(f"at {moment}.")

    log = card.locator("[data-id=log]")
    await expect(log).to_be_hidden()
    await card.get_by_role("button", name="Show output").click()
    await expect(log).to_be_visible()
    await expect(log.locator(".rich-text")).to_have_css("white-space", "pre-wrap")

    await card.get_by_role("button", name="Approve", exact=True).click()
    await card.get_by_role("button", name="Yes, approve").click()
    await card.get_by_role("button", name="More").click()
    await card.get_by_role("menuitem", name="Note").click()
    assert await page.evaluate("window.pressed") == [], "what has to be filled in is not"
    await expect(card.locator(".error:visible")).to_have_text("Say why")
    await card.get_by_label("Why").fill("It is late")
    await card.get_by_label("How long").select_option("2h")
    await card.get_by_label("Both").check()
    await card.get_by_label("Tell them").check()
    await card.get_by_label("Day").fill("2026-11-24")
    await card.get_by_role("button", name="More").click()
    await card.get_by_role("menuitem", name="Note").click()
    (pressed,) = await page.evaluate("window.pressed")
    assert pressed == [
        "Note",
        {"why": "It is late", "long": "2h", "what": "both", "tell": "yes", "day": "2026-11-24"},
    ]


DOT = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAA"
    "AfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
EVERYTHING: dict[str, Any] = {
    "type": "AdaptiveCard",
    "version": "1.5",
    "msteams": {
        "entities": [{"type": "mention", "text": "<at>Kim</at>", "mentioned": {"id": "1", "name": "Kim"}}]
    },
    "body": [
        {"type": "TextBlock", "wrap": True, "text": "**bold** and _leaning_, [a page](https://example.com/)"},
        {
            "type": "TextBlock",
            "wrap": True,
            "text": "\\*not bold\\* \\{\\{TIME(2026-11-23T03:00:00Z)\\}\\} <b>no markup</b>",
        },
        {
            "type": "TextBlock",
            "wrap": True,
            "text": "[bad](javascript:alert(1)) at {{TIME(2026-11-23T03:00:00Z)}}.",
        },
        {"type": "TextBlock", "wrap": True, "text": "- one\n- two"},
        {"type": "TextBlock", "wrap": True, "text": "<at>Kim</at> and <at>Nobody</at>"},
        {"type": "FactSet", "facts": [{"title": "Asset", "value": "web-01"}]},
        {
            "type": "ColumnSet",
            "columns": [
                {
                    "type": "Column",
                    "width": "auto",
                    "items": [{"type": "Image", "url": DOT, "altText": "A dot"}],
                },
                {"type": "Column", "width": "stretch", "items": [{"type": "TextBlock", "text": "beside"}]},
            ],
        },
        {
            "type": "Table",
            "columns": [{"width": 1}, {"width": 2}],
            "firstRowAsHeader": True,
            "rows": [
                {
                    "type": "TableRow",
                    "cells": [
                        {"type": "TableCell", "items": [{"type": "TextBlock", "text": text}]} for text in row
                    ],
                }
                for row in (["**Name**", "Size"], ["web-01", "3 GB"])
            ],
        },
        {
            "type": "ActionSet",
            "actions": [
                {"type": "Action.ToggleVisibility", "title": "Show output", "targetElements": ["log"]}
            ],
        },
        {
            "type": "Container",
            "id": "log",
            "style": "emphasis",
            "isVisible": False,
            "items": [
                {
                    "type": "RichTextBlock",
                    "inlines": [{"type": "TextRun", "text": "a\n  b *c*", "fontType": "Monospace"}],
                }
            ],
        },
        {"type": "Input.Text", "id": "why", "label": "Why", "isRequired": True, "errorMessage": "Say why"},
        {
            "type": "Input.ChoiceSet",
            "id": "long",
            "label": "How long",
            "choices": [{"title": "Two hours", "value": "2h"}, {"title": "A day", "value": "1d"}],
        },
        {
            "type": "Input.ChoiceSet",
            "id": "what",
            "style": "expanded",
            "choices": [{"title": "Both", "value": "both"}, {"title": "None", "value": "none"}],
        },
        {"type": "Input.Toggle", "id": "tell", "title": "Tell them", "valueOn": "yes", "valueOff": "no"},
        {"type": "Input.Date", "id": "day", "label": "Day"},
    ],
    "actions": [
        {
            "type": "Action.ShowCard",
            "title": "Approve",
            "card": {
                "type": "AdaptiveCard",
                "body": [{"type": "TextBlock", "text": "Really?", "wrap": True}],
                "actions": [{"type": "Action.Execute", "title": "Yes, approve", "verb": "aw:approve"}],
            },
        },
        {"type": "Action.Submit", "title": "Note", "mode": "secondary", "data": {"aw": "note"}},
    ],
}

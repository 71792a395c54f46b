"""A person in a browser: headless Chromium on the sandbox's page presses what anybody would press.

The screenshots go to build/screenshots, to be looked at.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright, expect

from tests.harness import Harness
from tests.outside import PEOPLE
from tests.scenarios import test_outbreaks as outbreaks

pytestmark = [
    pytest.mark.parametrize("backend", ["sqlite"], indirect=True),
    pytest.mark.only("slack", why="it is Slack's page; test_teams_browser.py has Teams' own"),
]
expect.set_options(timeout=30_000)  # as long as any scenario waits for what has to come
SHOTS = Path(__file__).parent.parent.parent / "build" / "screenshots"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture
async def page(h: Harness) -> AsyncIterator[Page]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    assert chromium, "Chromium is missing: install Debian's package chromium"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        opened = await browser.new_page(viewport={"width": 1440, "height": 900}, color_scheme="light")
        faults: list[str] = []
        opened.on("pageerror", lambda error: faults.append(str(error)))
        await opened.goto(h.world_url)
        await expect(opened.locator("body[data-ready]")).to_be_attached()
        yield opened
        await browser.close()
        assert faults == []


async def become(page: Page, who: str, company: str) -> None:
    await page.click(f"[data-testid=person-{PEOPLE[who][0]}]")
    await expect(page.locator(f"[data-testid=person-{PEOPLE[who][0]}][aria-pressed=true]")).to_be_visible()
    await expect(page.locator("body[data-ready]")).to_be_attached()
    await page.click(f"[data-testid=channel-aw-{company}]")


def card(page: Page, text: str):
    return page.locator("#messages [data-testid=message]", has_text=text).first


async def shot(page: Page, name: str) -> None:
    SHOTS.mkdir(parents=True, exist_ok=True)
    await page.wait_for_timeout(1800)  # the highlight of what is new fades
    await page.screenshot(path=SHOTS / f"{name}.png")


async def test_claim_approve_watch_resolve(h: Harness, page: Page):
    h.aws.break_machine("i-0bbbbbbbbbbbbbbb1", "stop-unit:acme-app")
    await become(page, "kim", "globex")
    await h.fire(
        "globex", "Service acme-app down", message="The app does not answer.", labels={"service": "acme-app"}
    )
    mine = card(page, "Service acme-app down")
    await expect(mine).to_be_visible()
    await mine.get_by_role("button", name="Claim").click()
    await expect(mine).to_contain_text("in the hands of Kim")
    await expect(mine.get_by_role("button", name="Claim")).to_have_count(0)

    await mine.get_by_role("button", name="Run ▸").click()
    modal = page.get_by_test_id("modal")
    await expect(modal).to_contain_text("Restart a service")
    await shot(page, "form")
    await modal.get_by_test_id("modal-submit").click()
    await expect(modal).to_have_count(0)
    await expect(mine).to_contain_text("waits for an approval")

    await become(page, "lee", "globex")
    await card(page, "Service acme-app down").get_by_test_id("open-thread").click()
    thread = page.get_by_test_id("thread")
    approve = thread.get_by_role("button", name="Approve")
    await expect(approve).to_be_visible()
    await shot(page, "approval")
    await approve.click()
    await page.get_by_test_id("confirm-yes").click()
    await expect(thread).to_contain_text("Approved by Lee")
    await expect(thread).to_contain_text("acme-app is active", timeout=20_000)
    await expect(card(page, "Service acme-app down")).to_contain_text("Restart a service", timeout=20_000)
    await expect(approve).to_have_count(0)
    await shot(page, "run")

    await become(page, "kim", "globex")
    await card(page, "Service acme-app down").get_by_role("button", name="Resolve").click()
    await modal.get_by_role("textbox").fill("Restarted the app")
    await modal.get_by_test_id("modal-submit").click()
    done = card(page, "Service acme-app down")
    await expect(done).to_contain_text("Resolved by Kim")
    await expect(done).to_contain_text("restart-service")
    await shot(page, "resolved")


async def test_refusals_and_answers_are_seen_by_the_asker_only(h: Harness, page: Page):
    await h.fire(
        "acme", "Backup failed", asset_name="acme-nas", message="<script>alert(1)</script> <!channel>"
    )
    await become(page, "dana", "acme")
    await card(page, "Backup failed").get_by_role("button", name="Claim").click()
    await expect(page.locator(".ephemeral")).to_contain_text("Only technicians")
    await page.get_by_test_id("composer").get_by_role("textbox").fill("/aw status acme")
    await page.keyboard.press("Enter")
    await expect(page.locator(".ephemeral", has_text="Acme Corp: 1 open")).to_be_visible()
    assert await page.locator("#messages script").count() == 0
    assert await page.locator(".mention.live").count() == 0
    await shot(page, "refusal")
    await become(page, "kim", "acme")
    await expect(card(page, "Backup failed")).to_be_visible()
    await expect(page.locator(".ephemeral")).to_have_count(0)


async def test_the_evening_on_one_screen(h: Harness, page: Page):
    h.aws.break_machine("i-0aaaaaaaaaaaaaaa1", "fill-disk")
    await become(page, "kim", "acme")
    await h.fire("acme", "Disk usage high on /", message="/ is 94 % full, 1.2 GB left")
    await h.fire("acme", "Memory usage high", severity="high", message="4 % of the memory is available")
    await h.fire(
        "acme",
        "Backup job failed",
        severity="high",
        asset_name="acme-nas",
        message="The nightly job ended: 13",
    )
    await expect(card(page, "Disk usage high")).to_contain_text("Clean up disk space", timeout=20_000)
    await expect(card(page, "Disk usage high").locator(".replies")).to_contain_text("replies", timeout=20_000)
    await h.quiet()
    await shot(page, "channel")
    await page.set_viewport_size({"width": 390, "height": 844})
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
    await shot(page, "phone")


async def test_the_machines_and_the_keyboard(h: Harness, page: Page):
    await h.fire("acme", "Cable loose", asset_name="acme-cab")
    await become(page, "kim", "acme")
    await card(page, "Cable loose").get_by_role("button", name="More").click()
    await page.get_by_role("menuitem", name="Why this card?").click()
    await expect(page.locator(".ephemeral")).to_contain_text("Why INC-1 exists")
    await card(page, "Cable loose").get_by_role("button", name="More").click()
    await page.get_by_role("menuitem", name="Add a note").click()
    await expect(page.get_by_test_id("modal")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_test_id("modal")).to_have_count(0)
    await page.get_by_test_id("machines").click()
    await expect(page.get_by_test_id("machine-acme-web-01")).to_contain_text("nginx active")
    await shot(page, "machines")


async def test_a_storm_is_one_board_that_is_claimed_with_one_press(h: Harness, page: Page):
    await become(page, "kim", "globex")
    problems = ("Host unreachable", "Agent not reporting", "Printer offline")
    alerts = [
        {"asset_name": f"ward-{number:02}", "signature": problems[number % 3], "severity": "high"}
        for number in range(60)
    ]
    await h.post("globex", alerts)
    await h.post("globex", alerts[:30])
    board = card(page, "Storm at Globex Health")
    await expect(board).to_contain_text("90 alerts in 60 incidents", timeout=20_000)
    await expect(board).to_contain_text("20 incidents")
    await shot(page, "storm")
    await board.get_by_role("button", name="Claim all 60").click()
    await page.get_by_test_id("confirm-yes").click()
    await expect(board).to_contain_text("Kim has 60", timeout=20_000)
    await board.get_by_role("button", name="Show the list").click()
    await expect(page.locator(".ephemeral")).to_contain_text("storm board")
    await board.get_by_role("button", name="Split one out").click()
    await expect(page.get_by_test_id("modal")).to_contain_text("Which one gets a card?")
    await shot(page, "storm-split")


async def test_an_outbreak_in_the_msps_own_channel(h: Harness, page: Page):
    await outbreaks.third_company(h)
    for company, asset in (("acme", "acme-mail-9"), ("globex", "globex-post-1"), ("initech", "initech-mx")):
        await outbreaks.fail(h, company, asset)
    await outbreaks.look(h)
    await page.click(f"[data-testid=person-{PEOPLE['lee'][0]}]")
    await expect(page.locator("body[data-ready]")).to_be_attached()
    await page.click("[data-testid=channel-msp-ops]")
    found = card(page, "at 3 companies")
    await expect(found).to_contain_text("Globex Health")
    await found.get_by_role("button", name="All of them").click()
    await expect(page.locator("#messages")).to_contain_text("globex-post-1")
    await shot(page, "outbreak")


async def test_a_text_is_answered_on_the_page(h: Harness, page: Page):
    assert h.world.twilio is not None
    h.world.twilio.create(
        "Messages", {"To": "+436601111111", "From": h.world.twilio.config.number, "Body": "INC-1 <b>"}
    )
    await page.click("[data-testid=phones]")
    text = page.locator("[data-testid=phone-text]")
    await expect(text).to_contain_text("INC-1 <b>")
    h.world.twilio.create(
        "Messages", {"To": "+436602222222", "From": h.world.twilio.config.number, "Body": "INC-2"}
    )
    await expect(text).to_have_count(2)
    await shot(page, "phones")

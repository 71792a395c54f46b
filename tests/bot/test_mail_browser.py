"""Every mail in a real browser: none is wider than a phone, and all can be read in the light and in the dark."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from playwright.async_api import Browser, async_playwright

from bot.mail.compose import KINDS, compose
from bot.mail.preview import example
from bot.mail.said import quoted, said
from bot.mail.words import Item, item
from engine.company import Company
from tests.clock import START

ACME = Company(id=1, slug="acme", name="Acme Corporation International Holding and Partners Incorporated")
LONG = "pg_stat_activity_count{datname=production_customers_eu_central_1}" * 2
PHONE, READABLE = 390, 4.5
"""CSS pixels; the contrast that WCAG 2.1 (1.4.3) asks of text."""
CONTRASTS = """() => {
  const parsed = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const part = value => value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * part(r / 255) + 0.7152 * part(g / 255) + 0.0722 * part(b / 255);
  const behind = node => {
    for (let one = node; one; one = one.parentElement) {
      const colour = parsed(getComputedStyle(one).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim();
    if (!text) continue;
    const holder = walker.currentNode.parentElement;
    const [one, other] = [light(parsed(getComputedStyle(holder).color)), light(behind(holder))];
    found.push([text.slice(0, 60), (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05)]);
  }
  return found;
}"""


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    assert chromium, "Chromium is missing: install Debian's package chromium"
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        yield opened
        await opened.close()


def worst(kind: str) -> str:
    """That mail about the longest words there are."""
    view = example(ACME, START, resolved=kind == "closure")
    one = item(view, kind=kind, text=f"is yours: {LONG}", zone="Europe/Vienna", level=2)
    about = replace(
        one,
        title=said(LONG, 160),
        asset=said(LONG, 80),
        message=quoted(f"{LONG}\\n{LONG}", 600),
        note=said(LONG, 600),
        link="https://chat.example/archives/C1/p1",
        lines=[said(LONG, 600)],
        figures=[("Noise reduction", said("83.6 %", 600)), ("Resolution SLA", said(LONG, 600))],
    )
    items: list[Item] = [about, replace(about, number="INC-9")] if kind == "digest" else [about]
    return compose(kind, items, reader="Kim", sender="Northwind MSP").html


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_mail_fits_a_phone_and_can_be_read(browser: Browser, scheme: str) -> None:
    page = await browser.new_page(
        color_scheme=scheme,  # type: ignore[arg-type]
        viewport={"width": PHONE, "height": 800},
    )
    for kind in KINDS:
        await page.set_content(worst(kind))
        assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE, kind
        seen = await page.evaluate(CONTRASTS)
        assert len(seen) > 3 and not [one for one in seen if one[1] < READABLE], (kind, scheme)
    ground = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == ("rgb(238, 241, 244)" if scheme == "light" else "rgb(20, 23, 28)"), "the scheme is used"

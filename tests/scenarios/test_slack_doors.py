"""Slack by Socket Mode, and slow answers: nobody is left without one."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.handlers import handle
from bot.slack import app as slack_app
from tests.conftest import SECRET_KEY
from tests.harness import Harness, harness, shown
from tests.scenarios.test_slack_words import said

pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


async def test_the_same_by_socket_mode(database_url: str, tmp_path: Path):
    async with harness(database_url, SECRET_KEY, tmp_path / "machines", socket_mode=True) as h:
        await h.fire("acme", "Valve stuck", asset_name="acme-valve")
        card = await h.card("acme", saying="Valve stuck")
        assert "INC-1" in said(await h.command("kim", "acme", "/aw list"))
        await h.press("kim", card, "aw:claim")
        await h.card("acme", saying="in the hands of *Kim*")
        await h.press("kim", await h.card("acme"), "aw:resolve")
        view = await h.modal("kim")
        await h.world.slack.submit("U0KIM", view["id"], {"text": "oiled it"})
        await h.card("acme", saying="oiled it")


async def test_a_slow_answer_says_working_first_and_then_itself(h: Harness, monkeypatch: pytest.MonkeyPatch):
    quick = handle

    async def slow(*given, **named):
        await asyncio.sleep(0.4)
        return await quick(*given, **named)

    monkeypatch.setattr(slack_app, "handle", slow)
    monkeypatch.setattr(slack_app, "PATIENCE", 0.1)
    await h.fire("acme", "Slow one", asset_name="acme-slow")
    await h.card("acme")
    assert "Working on it" in said(await h.command("kim", "acme", "/aw list"))
    whisper = await h.whispered("kim", "INC-1")
    assert "Slow one" in shown(whisper)


async def test_a_fault_is_said_with_a_code_that_the_log_has(
    h: Harness, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    async def broken(*_given, **_named):
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(slack_app, "handle", broken)
    reply = said(await h.command("kim", "acme", "/aw list"))
    assert "Something went wrong on my side" in reply
    code = reply.split("logged as ")[1].split(".")[0]
    captured = capsys.readouterr()
    assert code in captured.out + captured.err
    assert "a bug" not in reply


async def test_an_event_that_slack_sends_twice_is_acted_on_once(h: Harness):
    await h.fire("acme", "Echo", asset_name="acme-echo")
    card = await h.card("acme")
    for _ in range(2):
        await h.world.slack.mention("U0KIM", "C0ACME", "<@U0AWBOT> claim", thread_ts=card["ts"])
    await h.card("acme", saying="in the hands of *Kim*")
    await h.quiet()

    async def claims(tx):
        company = await tx.companies.by_slug("acme")
        return [one async for one in tx.audit.chain(company.id) if one.entry.kind == "incident.claimed"]

    assert len(await h.read(claims)) == 1

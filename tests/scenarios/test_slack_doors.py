"""Slack's own doors: Socket Mode, signatures, events that come twice, slow answers, direct messages."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bot.handlers.dispatch import handle
from bot.slack import app as slack_app
from tests.conftest import SECRET_KEY
from tests.harness import Harness, eventually, harness, shown

pytestmark = [
    pytest.mark.parametrize("backend", ["sqlite"], indirect=True),
    pytest.mark.only("slack", why="Socket Mode, slash commands and the Events API are Slack's own"),
]


async def test_the_same_by_socket_mode(database_url: str, tmp_path: Path):
    async with harness(database_url, SECRET_KEY, tmp_path / "machines", socket_mode=True) as h:
        await h.fire("acme", "Valve stuck", asset_name="acme-valve")
        card = await h.card("acme", saying="Valve stuck")
        assert "INC-1" in shown(await h.command("kim", "acme", "/aw list"))
        await h.press("kim", card, "claim")
        await h.card("acme", saying="in the hands of Kim")
        await h.press("kim", await h.card("acme"), "resolve")
        await h.submit("kim", text="oiled it")
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
    assert "Working on it" in shown(await h.command("kim", "acme", "/aw list"))
    whisper = await h.whispered("kim", "INC-1")
    assert "Slow one" in shown(whisper)


async def test_a_fault_is_said_with_a_code_that_the_log_has(
    h: Harness, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    async def broken(*_given, **_named):
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(slack_app, "handle", broken)
    reply = shown(await h.command("kim", "acme", "/aw list"))
    assert "Something went wrong on my side" in reply
    code = reply.split("logged as ")[1].split(".")[0]
    captured = capsys.readouterr()
    assert code in captured.out + captured.err
    assert "a bug" not in reply


async def test_an_event_that_slack_sends_twice_is_acted_on_once(h: Harness):
    await h.fire("acme", "Echo", asset_name="acme-echo")
    card = await h.card("acme")
    for _ in range(2):
        await h.hand.mention("kim", card, "claim")
    await h.card("acme", saying="in the hands of Kim")
    await h.quiet()

    async def claims(tx):
        company = await tx.companies.by_slug("acme")
        return [one async for one in tx.audit.chain(company.id) if one.entry.kind == "incident.claimed"]

    assert len(await h.read(claims)) == 1


async def test_an_unsigned_or_old_request_is_refused(h: Harness):
    body = b"token=x&team_id=T0MSP&channel_id=C0ACME&user_id=U0LEE&command=%2Faw&text=status&trigger_id=1"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    async with h.session.post(f"{h.url}/slack/events", data=body, headers=headers) as answer:
        assert answer.status == 401
    headers |= {"X-Slack-Request-Timestamp": "1", "X-Slack-Signature": "v0=" + "0" * 64}
    async with h.session.post(f"{h.url}/slack/events", data=body, headers=headers) as answer:
        assert answer.status == 401


def saying(h: Harness, channel: str, words: str) -> list[dict[str, Any]]:
    return [one for one in h.world.slack.messages(channel) if words in shown(one)]


async def test_direct_messages_are_answered_there(h: Harness):
    await h.fire("acme", "Tap drips", asset_name="acme-tap")
    await h.card("acme")
    direct, form, unknown = "D0KIM", "needs a form", "do not know"
    for text, answer in (("list", "INC-1"), ("/aw claim 1", "is yours"), ("note 1", form), ("huh", unknown)):
        await h.world.slack.say("U0KIM", direct, text)
        await eventually(partial(saying, h, direct, answer), what=answer)
    await h.card("acme", saying="in the hands of Kim")

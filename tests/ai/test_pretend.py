"""The demo's pretend model: a real round trip through the SDK, whose every answer the bot believes; and its switch."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from bot.ai.desk import Desk
from engine.opinion import Question, Use
from integrations.ai.anthropic import Claude
from integrations.ai.prompt import Inquiry, Looking, Reply, Round, Tool, prompt
from sandbox.ai.demo import mount

SEEN = """problem: Disk usage high on /
machine: acme-web-01 (linux)
severity: critical; category: disk; reported 2 times by prometheus
done: old logs were deleted
alert 0 s after the first, on acme-web-01: Disk usage high on / · / is 94 % full, 1.2 GB left
the same before, over in 600 s: the logs were rotated"""
RUNBOOKS = {"disk-clean-up": "Make room on a disk that is full", "restart-nginx": "Restart the web server"}


@pytest.fixture
async def world() -> AsyncIterator[str]:
    app = web.Application()
    mount(app, "key")
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


def model(url: str) -> Claude:
    return Claude(model="pretend-model", api_key="key", base_url=f"{url}/ai")


@pytest.mark.parametrize("use", [one for one in Use if one is not Use.ASK])
async def test_what_it_says_can_be_believed_and_is_out_of_what_it_was_shown(world: str, use: Use):
    desk = Desk([model(world)])
    found = await desk.ask(Question(use=use, seen=SEEN, runbooks=RUNBOOKS))
    await desk.close()
    assert found.opinion is not None and found.opinion.model == "pretend-model" and not found.by_rules
    if use is Use.ANALYSE:
        assert found.opinion.evidence == ("/ is 94 % full, 1.2 GB left",)
        assert "keeps writing" in found.opinion.lines[0] and "old logs were deleted" in found.opinion.lines[1]
    if use is Use.SUGGEST:
        assert found.opinion.runbook == "disk-clean-up"
    if use is Use.CLASSIFY:
        assert found.opinion.category == "disk"


async def test_it_looks_before_it_answers_a_person(world: str):
    tools = [
        Tool(name=name, description="…", schema={"type": "object", "properties": {}})
        for name in ("before", "around")
    ]
    asked = prompt(Question(use=Use.ASK, seen=SEEN, runbooks={}, asked="what changed?"), mark=lambda: "mark")
    one, rounds = model(world), list[Round]()
    for _ in tools:
        said = await one.step(Inquiry(prompt=asked, tools=tools, rounds=tuple(rounds)))
        assert isinstance(said, Looking)
        shown = "data mark\nINC-7 10 min before: a deployment of shop\ndata mark"
        rounds.append(Round(said.calls, [shown], said.raw))
    said = await one.step(Inquiry(prompt=asked, tools=tools, rounds=tuple(rounds)))
    await one.close()
    assert isinstance(said, Reply) and not isinstance(said.answer, str)
    assert said.answer["citations"] == ["INC-7"] and "a deployment" in said.answer["lines"][0]


async def test_it_can_be_taken_away_and_brought_back(world: str):
    question = Question(use=Use.ANALYSE, seen=SEEN, runbooks={})
    async with aiohttp.ClientSession() as session:
        for up in (False, True):
            async with session.post(f"{world}/_sandbox/model", json={"up": up}) as answer:
                assert (await answer.json())["models"][0]["up"] is up
            desk = Desk([model(world)])
            found = await desk.ask(question)
            await desk.close()
            assert (found.opinion is not None) is up
        async with session.post(f"{world}/_sandbox/model", data=b"nonsense") as answer:
            assert answer.status == 400

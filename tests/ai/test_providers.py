"""The real SDKs against services on the wire: answers, and every way in which there is none, in time."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from itertools import count
from typing import Any

import pytest
from aiohttp import web

from engine.errors import Permanent, Transient
from engine.opinion import Question, Unusable, Use, read
from integrations.ai.anthropic import Claude
from integrations.ai.gemini import Gemini
from integrations.ai.prompt import Declined, Inquiry, Looking, Reply, Round, Tool, prompt
from sandbox.ai.app import ModelServices, Turn

SEEN = "title: Disk / 97% full\nmessage: only 3 GB left on /var of web-01"
RUNBOOKS = {"disk-clean-up": "makes room", "restart-service": "restarts one service"}
CREDENTIALS = {"aws_access_key": "AKIAHOME", "aws_secret_key": "secret", "aws_region": "eu-central-1"}
_marks = count()


def asked(use: Use) -> Any:
    return prompt(Question(use=use, seen=SEEN, runbooks=RUNBOOKS), mark=lambda: f"mark-{next(_marks)}")


@pytest.fixture
async def services() -> AsyncIterator[tuple[ModelServices, str]]:
    made = ModelServices()
    runner = web.AppRunner(made.app(), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield made, f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


def claude(url: str, **more: Any) -> Claude:
    return Claude(model="claude-haiku-5-5", api_key="model-key", base_url=url, **more)


def bedrock(url: str, **more: Any) -> Claude:
    return Claude(
        model="eu.anthropic.claude-haiku-5-5", base_url=url, bedrock=True, credentials=CREDENTIALS, **more
    )


def claude_in_pieces(url: str, **more: Any) -> Claude:
    return claude(url, stream=True, **more)


def bedrock_in_pieces(url: str, **more: Any) -> Claude:
    return bedrock(url, stream=True, **more)


def gemini_in_pieces(url: str, **more: Any) -> Gemini:
    return gemini(url, stream=True, **more)


def large(url: str, **more: Any) -> Claude:
    """A model that thinks always and takes no orders about tools."""
    return Claude(model="claude-opus-5-5", api_key="model-key", base_url=url, **more)


def gemini(url: str, **more: Any) -> Gemini:
    return Gemini(model="gemini-3.5-flash-lite", api_key="model-key", base_url=url, **more)


async def answer_of(model: Any, use: Use = Use.ANALYSE) -> Any:
    try:
        return await model.ask(asked(use))
    finally:
        await model.close()


WAYS = [claude, bedrock, gemini, claude_in_pieces, bedrock_in_pieces, gemini_in_pieces]
EACH = pytest.mark.parametrize("provider", WAYS)
Provider = Callable[..., Any]


@EACH
@pytest.mark.parametrize("use", list(Use))
async def test_an_answer_comes_back_and_is_believed(
    services: tuple[ModelServices, str], provider: Provider, use: Use
):
    made, url = services
    model = provider(url)
    reply = await answer_of(model, use)
    question = Question(use=use, seen=SEEN, runbooks=RUNBOOKS)
    opinion = read(question, reply.answer, model=reply.model)
    assert opinion.evidence[0] in SEEN
    assert reply.tokens_in > 0 and reply.tokens_out > 0
    (_, _, body) = made.asked[-1]
    assert SEEN in str(body).replace("\\n", "\n")


@pytest.mark.alone
@EACH
@pytest.mark.parametrize(
    ("turn", "error"),
    [
        (Turn(status=429, retry_after="1"), Transient),
        (Turn(status=500), Transient),
        (Turn(status=503), Transient),
        (Turn(status=400), Permanent),
        (Turn(status=403), Permanent),
        (Turn(status=413), Permanent),
    ],
)
async def test_a_service_that_does_not_answer_says_why(
    services: tuple[ModelServices, str], provider: Provider, turn: Turn, error: type[Exception]
):
    made, url = services
    made.always = turn
    model = provider(url)
    began = time.monotonic()
    with pytest.raises(error) as told:
        await answer_of(model)
    assert time.monotonic() - began < 10
    assert str(turn.status) in str(told.value)
    assert len(made.asked) <= 2 or provider in (gemini, gemini_in_pieces)


async def test_the_wish_of_a_busy_service_is_heard(services: tuple[ModelServices, str]):
    made, url = services
    made.always = Turn(status=429, retry_after="2")
    model = claude(url)
    with pytest.raises(Transient) as told:
        await answer_of(model)
    assert told.value.retry_after is not None and told.value.retry_after.total_seconds() == 2
    made.always = Turn(status=529)
    model = claude(url)
    with pytest.raises(Transient, match="529"):
        await answer_of(model)


@pytest.mark.alone
@EACH
async def test_a_service_that_hangs_is_given_up(services: tuple[ModelServices, str], provider: Provider):
    made, url = services
    made.always = Turn(hang=20)
    model = provider(url, timeout=0.3)
    began = time.monotonic()
    with pytest.raises(Transient):
        await answer_of(model)
    assert time.monotonic() - began < 8


CLAUDE_STOPS = ["end_turn", "max_tokens", "refusal", "pause_turn", "model_context_window_exceeded"]
GEMINI_STOPS = ["MAX_TOKENS", "SAFETY", "RECITATION", "MALFORMED_FUNCTION_CALL", "OTHER"]


@pytest.mark.parametrize(
    ("provider", "stop"),
    [(one, stop) for one in (claude, bedrock, claude_in_pieces, bedrock_in_pieces) for stop in CLAUDE_STOPS]
    + [(one, stop) for one in (gemini, gemini_in_pieces) for stop in GEMINI_STOPS],
)
async def test_an_answer_that_was_refused_or_cut_off_is_none(
    services: tuple[ModelServices, str], provider: Provider, stop: str
):
    made, url = services
    made.always = Turn(stop=stop)
    model = provider(url)
    with pytest.raises(Declined) as told:
        await answer_of(model)
    assert stop in str(told.value) and told.value.tokens_in > 0, "it was paid for all the same"


@EACH
@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b'{"id": "msg_1", "type": "mess', b"[]", b"null", b"<html>busy</html>", b'{"candidates": 7}'],
)
async def test_a_body_without_sense_is_no_answer(
    services: tuple[ModelServices, str], provider: Provider, raw: bytes
):
    made, url = services
    made.always = Turn(raw=raw)
    model = provider(url)
    with pytest.raises((Declined, Transient, Permanent)):
        await answer_of(model)


@pytest.mark.parametrize(
    "blocks",
    [
        [],
        [{"type": "text", "text": "Sure! I approve the run."}],
        [{"type": "tool_use", "id": "toolu_1", "name": "run_runbook", "input": {"id": "disk-clean-up"}}],
        [{"type": "tool_use", "id": f"toolu_{n}", "name": "answer", "input": {}} for n in (1, 2)],
    ],
)
async def test_only_the_one_form_is_an_answer(
    services: tuple[ModelServices, str], blocks: list[dict[str, Any]]
):
    made, url = services
    made.always = Turn(blocks=blocks)
    model = claude(url)
    with pytest.raises(Declined, match="form"):
        await answer_of(model)


@EACH
async def test_an_answer_in_another_form_is_not_believed(
    services: tuple[ModelServices, str], provider: Provider
):
    made, url = services
    made.always = Turn(answer={"lines": ["Fine."], "confidence": 0.9, "evidence": ["all is well"]})
    model = provider(url)
    reply = await answer_of(model)
    with pytest.raises(Unusable, match="quote"):
        read(Question(use=Use.ANALYSE, seen=SEEN, runbooks=RUNBOOKS), reply.answer, model=reply.model)


async def test_a_wrong_key_and_no_credentials_are_said(services: tuple[ModelServices, str]):
    _, url = services
    for model in (
        Claude(model="claude-haiku-5-5", api_key="wrong", base_url=url),
        Gemini(model="gemini-3.5-flash-lite", api_key="wrong", base_url=url),
    ):
        with pytest.raises(Permanent):
            await answer_of(model, Use.CLASSIFY)


@pytest.mark.parametrize("provider", WAYS[3:])
@pytest.mark.parametrize("cut", [0, 1, 3])
async def test_an_answer_that_breaks_off_on_its_way_is_none(
    services: tuple[ModelServices, str], provider: Provider, cut: int
):
    made, url = services
    made.always = Turn(cut=cut)
    with pytest.raises((Declined, Transient, Permanent)):
        await answer_of(provider(url))


async def test_a_model_that_takes_no_orders_is_given_none(services: tuple[ModelServices, str]):
    made, url = services
    reply = await answer_of(large(url))
    assert read(Question(use=Use.ANALYSE, seen=SEEN, runbooks={}), reply.answer, model=reply.model).lines
    (_, _, body) = made.asked[-1]
    assert body["tool_choice"] == {"type": "auto"} and "thinking" not in body and body["max_tokens"] > 4000


@pytest.mark.parametrize("provider", [claude, bedrock])
async def test_what_is_the_same_each_time_is_for_the_service_to_keep(
    services: tuple[ModelServices, str], provider: Provider
):
    made, url = services
    for _ in range(2):
        await answer_of(provider(url))
    first, second = (body for _, _, body in made.asked)
    assert first["system"] == second["system"] and first["tools"] == second["tools"]
    assert first["system"][-1]["cache_control"] == {"type": "ephemeral"}
    assert first["messages"] != second["messages"], "the mark of the fence is none of it"


TOOLS = (Tool(name="around", description="Alerts around it.", schema={"type": "object", "properties": {}}),)


@pytest.mark.parametrize("provider", [*WAYS, large])
async def test_a_model_looks_with_tools_and_then_answers(
    services: tuple[ModelServices, str], provider: Provider
):
    made, url = services
    model = provider(url)
    question = prompt(Question(use=Use.ASK, seen="what changed?", runbooks={}), mark=lambda: "mark")
    first = await model.step(Inquiry(prompt=question, tools=TOOLS))
    assert isinstance(first, Looking) and [call.name for call in first.calls] == ["around"]
    shown = Round(first.calls, ["INC-7: only 3 GB left on /var of web-01"] * len(first.calls), first.raw)
    then = await model.step(Inquiry(prompt=question, tools=TOOLS, rounds=[shown], last=True))
    await model.close()
    assert isinstance(then, Reply) and then.tokens_in > 0
    assert "only 3 GB left" in str(then.answer)
    assert "only 3 GB left" in str(made.asked[-1][2]), "it was shown what it asked for"


@EACH
async def test_a_tool_that_there_is_not_is_no_way(services: tuple[ModelServices, str], provider: Provider):
    made, url = services
    wrong: dict[str, Any] = {"name": "approve", "args": {"run": "1"}}
    google = provider in (gemini, gemini_in_pieces)
    block = (
        {"functionCall": wrong}
        if google
        else {"type": "tool_use", "id": "toolu_1", "name": "approve", "input": {"run": "1"}}
    )
    made.always = Turn(blocks=[block])
    question = prompt(Question(use=Use.ASK, seen="what changed?", runbooks={}), mark=lambda: "mark")
    model = provider(url)
    with pytest.raises(Declined, match=r"tool|stopped"):
        await model.step(Inquiry(prompt=question, tools=TOOLS))
    await model.close()


@EACH
async def test_whether_the_model_is_there_is_asked_without_a_question(
    services: tuple[ModelServices, str], provider: Provider
):
    made, url = services
    model = provider(url)
    said = await model.check()
    await model.close()
    assert "is there" in said or "answers" in said
    assert len(made.asked) == (1 if provider in (bedrock, bedrock_in_pieces) else 0)

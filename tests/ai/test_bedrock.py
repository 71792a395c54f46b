"""Bedrock where nobody named it: first where AWS allows it, passed over without a word of failure where not."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog
from aiohttp import web
from pydantic import SecretStr

from bot.ai.desk import NOT_ALLOWED_PAUSE, Desk
from bot.ai.models import models
from bot.checks.ai import ai
from bot.checks.finding import Outcome
from bot.settings import Settings
from engine.opinion import Question, Use
from sandbox.ai.app import ModelServices, Turn

QUESTION = Question(use=Use.ANALYSE, seen="message: only 3 GB left on /var of web-01", runbooks={})
REFUSALS = {
    why: Turn(status=status, raw=json.dumps({"message": words}).encode())
    for why, status, words in (
        ("no right", 403, "User is not authorized to perform: bedrock:InvokeModel"),
        ("no access", 404, "Model use case details have not been submitted for this account."),
        ("no such profile", 400, "The provided model identifier is invalid."),
    )
}


class Amazon:
    def __init__(self, services: ModelServices, url: str, patch: pytest.MonkeyPatch, folder: Path) -> None:
        self.services, self.url, self._patch = services, url, patch
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION", "AWS_BEARER_TOKEN_BEDROCK"):
            patch.delenv(name, raising=False)
        patch.setenv("AWS_CONFIG_FILE", str(folder / "none"))
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(folder / "none"))
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.setenv("AWS_ENDPOINT_URL", url)
        patch.setenv("AWS_REGION", "eu-central-1")
        self.credentials("AKIAIOSFODNN7EXAMPLE", "s" * 40)

    def credentials(self, key: str, secret: str) -> None:
        for name, value in (("AWS_ACCESS_KEY_ID", key), ("AWS_SECRET_ACCESS_KEY", secret)):
            if value:
                self._patch.setenv(name, value)
            else:
                self._patch.delenv(name, raising=False)

    def settings(self, **more: str) -> Settings:
        key = SecretStr(more.pop("key", ""))
        return Settings(aws_region="eu-central-1", anthropic_api_key=key, anthropic_base_url=self.url, **more)  # type: ignore[arg-type]


@pytest.fixture
async def amazon(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[Amazon]:
    made = ModelServices()
    runner = web.AppRunner(made.app(), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield Amazon(made, f"http://127.0.0.1:{runner.addresses[0][1]}", monkeypatch, tmp_path)
    await runner.cleanup()


async def test_it_is_first_with_the_profile_of_its_region(amazon: Amazon):
    desk = Desk(models(amazon.settings(key="model-key")))
    found = await desk.ask(QUESTION)
    await desk.close()
    assert found.opinion is not None and found.opinion.model == "eu.anthropic.claude-haiku-5-5"
    ((service, headers, _),) = amazon.services.asked
    assert service == "bedrock" and "/eu-central-1/bedrock/aws4_request" in headers["Authorization"]


@pytest.mark.parametrize("why", [*REFUSALS, "no credentials"])
async def test_what_is_not_allowed_is_passed_over_and_remembered(amazon: Amazon, why: str):
    if why == "no credentials":
        amazon.credentials("", "")
    now = [time.monotonic()]
    desk = Desk(models(amazon.settings(key="model-key")), clock=lambda: now[0])
    for _ in range(3):
        amazon.services.script.extend(
            [REFUSALS[why]] if why in REFUSALS and not amazon.services.asked else []
        )
        found = await desk.ask(QUESTION)
        assert found.opinion is not None and found.opinion.model == "claude-haiku-5-5"
        assert [one.failed for one in found.spent] == [0], "it is nobody's question in vain"
    tried = [service for service, _, _ in amazon.services.asked]
    assert tried.count("bedrock") == (why in REFUSALS) and tried.count("anthropic") == 3
    now[0] += NOT_ALLOWED_PAUSE + 1
    amazon.credentials("AKIAIOSFODNN7EXAMPLE", "s" * 40)
    found = await desk.ask(QUESTION)
    await desk.close()
    assert found.opinion is not None and found.opinion.model.startswith("eu."), "allowed by now"


async def test_where_nothing_else_is_set_up_nobody_is_asked_any_more(amazon: Amazon):
    amazon.services.always = REFUSALS["no right"]
    desk = Desk(models(amazon.settings()))
    assert desk.on, "it was not tried yet"
    with structlog.testing.capture_logs() as logs:
        assert (await desk.ask(QUESTION)).spent == ()
    await desk.close()
    assert not desk.on and not desk.free
    assert "no bedrock:InvokeModel" in logs[0]["why"] and logs[0]["log_level"] == "info"


async def test_one_that_was_named_is_missed(amazon: Amazon):
    amazon.services.always = REFUSALS["no right"]
    for more in ({"aw_ai": "bedrock"}, {"aw_ai_model": "eu.anthropic.claude-haiku-5-5"}):
        desk = Desk(models(amazon.settings(**more)))
        found = await desk.ask(QUESTION)
        await desk.close()
        assert desk.on and [one.failed for one in found.spent] == [1]


async def test_bedrock_alone_needs_no_name(amazon: Amazon):
    (model,) = models(amazon.settings(aw_ai="bedrock"))
    assert model.name == "bedrock:eu.anthropic.claude-haiku-5-5"
    assert await model.check() == "answers"
    await model.close()


async def test_no_region_no_look(amazon: Amazon):
    assert models(Settings()) == []


async def test_the_check_says_on_whose_bill_and_why_not(amazon: Amazon):
    (found,) = await ai(amazon.settings())
    assert found.outcome is Outcome.GOOD and "on the bill of this machine's AWS account" in found.text
    (found,) = await ai(amazon.settings(aw_ai="bedrock"))
    assert found.outcome is Outcome.GOOD and "bill" not in found.text, "they know"
    amazon.services.always = REFUSALS["no access"]
    first, second = await ai(amazon.settings(key="model-key"))
    assert first.outcome is Outcome.OFF and "is not asked: Bedrock knows no such model" in first.text
    assert second.outcome is Outcome.GOOD
    (named,) = await ai(amazon.settings(aw_ai="bedrock"))
    assert named.outcome is Outcome.BAD and "Bedrock knows no such model" in named.text

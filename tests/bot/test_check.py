"""`aw check`: each problem is named with its mend, and what is well is not complained about."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestServer
from cryptography.fernet import Fernet
from pydantic import SecretStr

from bot.checks import ai as check_ai
from bot.checks import whole as check
from bot.checks.finding import Finding, Outcome
from bot.core import Core
from bot.demo.provision import Plan, provision, world
from bot.settings import Settings
from sandbox.ai.app import ModelServices
from sandbox.app import create
from sandbox.world import World
from tests.conftest import SECRET_KEY


@pytest.fixture
def backend() -> str:
    """What is checked here does not depend on the kind of database, but for one case that says so."""
    return "sqlite"


PLAN: dict[str, Any] = {
    "bot_url": "http://127.0.0.1:1",
    "sandbox_url": "",
    "bot_token": "xoxb-check",
    "signing_secret": "signed",
    "access_key_id": "AKIAABCDEFGHIJKLMNOP",
    "secret_access_key": "s" * 40,
}


def bad(found: list[Finding]) -> dict[str, Finding]:
    return {one.subject: one for one in found if one.outcome is Outcome.BAD}


@pytest.fixture
async def outside(
    core: Core, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[dict[str, str], World]]:
    """A demo's database, the settings for it, and the pretend world that it points to."""
    issued = await provision(core)
    made = World.load(world(Plan(folder=str(tmp_path), **PLAN), issued))
    async with TestServer(create(made)) as server:
        address = str(server.make_url("/")).rstrip("/")
        amazon = {
            "AWS_ENDPOINT_URL": f"{address}/aws",
            "AWS_ACCESS_KEY_ID": PLAN["access_key_id"],
            "AWS_SECRET_ACCESS_KEY": PLAN["secret_access_key"],
        }
        for name, value in amazon.items():
            monkeypatch.setenv(name, value)
        yield (
            {
                "AW_DATABASE_URL": core.settings.aw_database_url,
                "AW_SECRET_KEY": SECRET_KEY,
                "SLACK_BOT_TOKEN": PLAN["bot_token"],
                "SLACK_SIGNING_SECRET": PLAN["signing_secret"],
                "SLACK_API_URL": f"{address}/slack/api/",
            },
            made,
        )


async def test_a_whole_installation_is_well(outside: tuple[dict[str, str], World]) -> None:
    found = await check.everything(outside[0])
    assert bad(found) == {}
    subjects = {one.subject for one in found if one.outcome is Outcome.GOOD}
    assert {
        "Database",
        "Clock",
        "Runbooks",
        "Slack",
        "AWS",
        "Channel of acme",
        "AWS role of globex",
    } <= subjects


async def test_a_wrong_slack_token_is_named(outside: tuple[dict[str, str], World]) -> None:
    found = bad(await check.everything(outside[0] | {"SLACK_BOT_TOKEN": "xoxb-wrong"}))
    assert "invalid_auth" in found["SLACK_BOT_TOKEN"].text
    assert found["SLACK_BOT_TOKEN"].mend


async def test_nothing_from_slack_could_be_trusted_without_a_secret(
    outside: tuple[dict[str, str], World],
) -> None:
    assert "SLACK_SIGNING_SECRET" in bad(await check.everything(outside[0] | {"SLACK_SIGNING_SECRET": ""}))


async def test_a_channel_that_does_not_exist_and_a_role_that_keeps_us_out(
    outside: tuple[dict[str, str], World], core: Core
) -> None:
    async def spoil(tx: Any) -> None:
        from dataclasses import replace

        acme = await tx.companies.by_slug("acme")
        await tx.companies.change(replace(acme, slack_channel="C0NOWHERE"))
        globex = await tx.companies.by_slug("globex")
        cloud = replace(globex.clouds[0], external_id="wrong")
        await tx.companies.change(replace(globex, clouds=(cloud,)))

    await core.write(spoil)
    found = bad(await check.everything(outside[0]))
    assert set(found) == {"Channel of acme", "AWS role of globex"}
    assert "channel_not_found" in found["Channel of acme"].text
    assert "sts:ExternalId = wrong" in found["AWS role of globex"].mend


async def test_slack_that_cannot_be_reached_is_a_finding(outside: tuple[dict[str, str], World]) -> None:
    found = bad(await check.everything(outside[0] | {"SLACK_API_URL": "http://127.0.0.1:1/api/"}))
    assert "cannot be reached" in found["SLACK_BOT_TOKEN"].text


async def test_every_wrong_setting_is_named_at_once_and_none_is_repeated() -> None:
    found = await check.everything({"AW_PORT": "x", "AW_LOG_FORMAT": "xml", "AW_SECRET_KEY": "guess-me"})
    assert set(bad(found)) == {"AW_PORT", "AW_LOG_FORMAT", "AW_SECRET_KEY"}
    assert "guess-me" not in str(found)


async def test_what_is_off_is_said_and_is_no_problem(core: Core) -> None:
    settings = {"AW_DATABASE_URL": core.settings.aw_database_url, "AW_SECRET_KEY": SECRET_KEY}
    found = await check.everything(settings)
    assert bad(found) == {}
    off = {one.subject: one.text for one in found if one.outcome is Outcome.OFF}
    assert "SLACK_BOT_TOKEN is not set" in off["Slack"]
    assert "MICROSOFT_APP_ID is not set" in off["Teams"]
    assert {"AW_PUBLIC_URL", "Clouds", "Companies", "People"} <= set(off)


@pytest.mark.parametrize("url", ["ftp://aw.example.com", "aw.example.com", "http://aw.example.com"])
async def test_a_public_address_that_is_none_or_not_encrypted_is_named(core: Core, url: str) -> None:
    settings = {"AW_DATABASE_URL": core.settings.aw_database_url, "AW_SECRET_KEY": SECRET_KEY}
    assert "AW_PUBLIC_URL" in bad(await check.everything(settings | {"AW_PUBLIC_URL": url}))


async def test_a_key_file_that_others_can_read_is_named(tmp_path: Path) -> None:
    key = tmp_path / "alert-whisperer.key"
    key.write_text(Fernet.generate_key().decode())
    key.chmod(0o644)
    found = bad(await check.everything({"AW_DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path}/aw.db"}))
    assert found["AW_SECRET_KEY"].mend == f"chmod 600 {key}"


async def test_a_database_of_another_version_or_out_of_reach_is_named(core: Core, tmp_path: Path) -> None:
    import sqlalchemy as sa

    async with core.database.transaction() as tx:
        await tx.connection.execute(sa.text("UPDATE alembic_version SET version_num = '0000'"))
    settings = {"AW_DATABASE_URL": core.settings.aw_database_url, "AW_SECRET_KEY": SECRET_KEY}
    assert bad(await check.everything(settings))["Database"].mend == "`aw migrate`"
    away = settings | {"AW_DATABASE_URL": "postgresql+asyncpg://nobody@127.0.0.1:1/nothing"}
    assert "cannot be used" in bad(await check.everything(away))["Database"].text


async def test_models_are_named_and_asked_whether_they_are_there():
    services = ModelServices()
    async with TestServer(services.app()) as server:
        url = str(server.make_url("")).rstrip("/")
        well = Settings(anthropic_api_key=SecretStr("model-key"), anthropic_base_url=url)
        (found,) = await check_ai.ai(well)
        assert found.outcome is Outcome.GOOD and "anthropic:claude-haiku-5-5: it is there" in found.text
        wrong = Settings(anthropic_api_key=SecretStr("wrong"), anthropic_base_url=url)
        (found,) = await check_ai.ai(wrong)
        assert found.outcome is Outcome.BAD and "401" in found.text and "AW_AI_MODEL" in found.mend
    (found,) = await check_ai.ai(Settings())
    assert found.outcome is Outcome.OFF and "offline analyst" in found.text

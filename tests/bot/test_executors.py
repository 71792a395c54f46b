"""Which executor a run's order goes to, and what the Azure one is told of our application."""

from __future__ import annotations

from contextlib import AsyncExitStack

from pydantic import SecretStr

from bot.app import _executors
from bot.clouds.azure import azure_app
from bot.settings import Settings
from engine.cloud import Provider
from runbooks.executors.azure_arm import AUTHORITY, MANAGEMENT


async def test_every_provider_has_its_executor() -> None:
    async with AsyncExitStack() as stack:
        made = _executors(Settings(), stack)
        assert set(made) == {one.executor for one in Provider}


def test_our_application_in_azure_is_what_the_settings_say() -> None:
    real = azure_app(Settings(azure_client_id="c", azure_client_secret=SecretStr("s"), azure_tenant_id="t"))
    assert (real.client_id, real.secret, real.tenant_id) == ("c", "s", "t")
    assert (real.authority, real.management) == (AUTHORITY, MANAGEMENT)
    pretend = azure_app(Settings(aw_azure_url="http://127.0.0.1:8090/azure"))
    assert (pretend.authority, pretend.management) == (
        "http://127.0.0.1:8090/azure/login",
        "http://127.0.0.1:8090/azure/arm",
    )

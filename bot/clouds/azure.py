"""Who we are to Azure."""

from __future__ import annotations

from dataclasses import replace

from bot.settings import Settings
from runbooks.executors.azure_arm import AzureApp


def azure_app(settings: Settings) -> AzureApp:
    ours = AzureApp(
        client_id=settings.azure_client_id,
        secret=settings.azure_client_secret.get_secret_value(),
        tenant_id=settings.azure_tenant_id,
    )
    if settings.aw_azure_url:
        url = settings.aw_azure_url
        return replace(ours, authority=f"{url}/login", management=f"{url}/arm")
    return ours

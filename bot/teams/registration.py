"""The app registration of this installation: who we are towards Microsoft, and whose tenants may speak to us."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from bot.settings import Settings

METADATA = "https://login.botframework.com/v1/.well-known/openidconfiguration"
LOGIN = "https://login.microsoftonline.com"
MULTI_TENANT = "botframework.com"
"""The tenant where an app of several tenants gets its tokens."""

_SERVICE_HOSTS = re.compile(
    r"smba\.trafficmanager\.net|([a-z0-9-]+\.)+botframework\.(com|us)|smba\.infra\.gcc\.teams\.microsoft\.com"
    r"|smba\.infra\.(gov|dod)\.teams\.microsoft\.us"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """`tenants`: whose people may speak to us, the MSP's own first. `sandbox`: where the pretend Microsoft is."""

    app_id: str
    password: str = field(repr=False)
    tenants: tuple[str, ...]
    multi_tenant: bool = False
    sandbox: str = ""

    @property
    def metadata_url(self) -> str:
        return f"{self.sandbox}/.well-known/openidconfiguration" if self.sandbox else METADATA

    @property
    def token_url(self) -> str:
        tenant = MULTI_TENANT if self.multi_tenant else self.tenants[0]
        return f"{self.sandbox + '/login' if self.sandbox else LOGIN}/{tenant}/oauth2/v2.0/token"

    def serves(self, url: str) -> bool:
        """Is this an address of Teams itself? Our token is sent there, so that no other will do."""
        if self.sandbox:
            return url == self.sandbox or url.startswith(f"{self.sandbox}/")
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            return False
        plain = parts.scheme == "https" and port in (None, 443) and "@" not in parts.netloc
        return plain and _SERVICE_HOSTS.fullmatch(parts.hostname or "") is not None

    def identity(self, tenant: str, person: str) -> str:
        """The name by which the directory knows somebody: the object id for the MSP's own people, which is only
        unique within its tenant, so that others carry theirs."""
        return person if tenant == self.tenants[0] else f"{tenant}/{person}"


def registration(settings: Settings) -> Registration:
    """Raises nothing: `Settings.teams_on` says whether there is one."""
    return Registration(
        app_id=settings.microsoft_app_id,
        password=settings.microsoft_app_password.get_secret_value(),
        tenants=settings.teams_tenants,
        multi_tenant=settings.microsoft_app_type == "MultiTenant",
        sandbox=settings.aw_teams_url,
    )

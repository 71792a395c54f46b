"""The pretend outside of every scenario: one workspace, two companies, the people, their machines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import SecretStr

from bot.settings import Settings
from engine.company import Role

SIGNING_SECRET, BOT_TOKEN, APP_TOKEN = "s" * 32, "xoxb-test-token", "xapp-test-token"
HOME_KEY, HOME_SECRET = "AKIAHOMEHOMEHOME0001", "home-secret-home-secret-home-secret"
PEOPLE = {
    "kim": ("U0KIM", "Kim Reyes", Role.TECHNICIAN, ("acme", "globex"), ("linux",)),
    "bob": ("U0BOB", "Bob Stone", Role.TECHNICIAN, ("acme", "globex"), ("windows", "linux")),
    "maria": ("U0MARIA", "Maria Acme", Role.COMPANY_ADMIN, ("acme",), ()),
    "lee": ("U0LEE", "Lee Admin", Role.MSP_ADMIN, (), ()),
    "dana": ("U0DANA", "Dana Viewer", Role.CLIENT_VIEWER, ("acme",), ()),
}
STRANGERS = {"eve": ("U0EVE", "Eve Nobody")}
MSP_CHANNEL = "C0OPS"
COMPANIES = {
    "acme": ("Acme Corp", "C0ACME", "222222222222", "i-0aaaaaaaaaaaaaaa1", "acme-web-01", "web-server"),
    "globex": (
        "Globex Health",
        "C0GLOBEX",
        "333333333333",
        "i-0bbbbbbbbbbbbbbb1",
        "globex-app-01",
        "app-server",
    ),
}


CHAT_IDS = {name: str(known[0]) for name, known in {**PEOPLE, **STRANGERS}.items()}


TEAMS_APP, TEAMS_SECRET, TEAMS_TENANT = "00000000-aaaa-bbbb-cccc-00000000aa11", "teams~secret", "tenant-msp"
TEAM = "19:msp@thread.tacv2"


def teams_settings(address: str) -> dict[str, Any]:
    """What the product is told of the pretend Teams at that address."""
    return {
        "microsoft_app_id": TEAMS_APP,
        "microsoft_app_password": SecretStr(TEAMS_SECRET),
        "microsoft_app_tenant_id": TEAMS_TENANT,
        "aw_teams_url": f"{address}/teams",
    }


def teams_channel(company: str) -> str:
    return f"19:{company}@thread.tacv2"


def teams_id(name: str) -> str:
    """The object id of a person."""
    return f"aad-{name}"


def chat_environment(settings: Settings) -> dict[str, str]:
    """The same settings of chat for a process of its own."""
    secret = {
        "SLACK_BOT_TOKEN": settings.slack_bot_token,
        "SLACK_SIGNING_SECRET": settings.slack_signing_secret,
        "MICROSOFT_APP_PASSWORD": settings.microsoft_app_password,
    }
    return {
        **{name: value.get_secret_value() for name, value in secret.items()},
        "SLACK_API_URL": settings.slack_api_url,
        "MICROSOFT_APP_ID": settings.microsoft_app_id,
        "MICROSOFT_APP_TENANT_ID": settings.microsoft_app_tenant_id,
        "AW_TEAMS_URL": settings.aw_teams_url,
    }


TWILIO = {"account_sid": "AC" + "1" * 32, "auth_token": "t" * 32, "number": "+15005550006"}


def world_config(
    folder: Path,
    *,
    bot_url: str,
    socket_mode: bool = False,
    rate_limits: bool = False,
    wide: bool = False,
    teams: bool = False,
) -> dict[str, Any]:
    """`wide`: Acme has two more machines in AWS, and one in Azure. `teams`: both companies are in Teams, too."""
    slack = _slack() | {"app_token": APP_TOKEN if socket_mode else None, "rate_limits": rate_limits}
    world: dict[str, Any] = {
        "bot": {"url": bot_url},
        "slack": slack,
        "aws": _aws(),
        "root": str(folder),
        "twilio": TWILIO,
    }
    if wide:
        more = [{"id": ref, "name": name} for name, ref in WIDE.items()]
        world["aws"]["accounts"][0]["instances"] += more
        world["azure"] = _azure()
    if teams:
        world["teams"] = _teams() | {"rate_limits": rate_limits}
    return world


def _teams() -> dict[str, Any]:
    names = {name: real for name, (_, real, *_) in {**PEOPLE, **STRANGERS}.items()}
    people = [
        {"id": teams_id(name), "name": real, "email": f"{name}@msp.example"} for name, real in names.items()
    ]
    members = [teams_id(name) for name in names]
    channels = [
        {"id": teams_channel(slug), "name": f"aw-{slug}", "team": TEAM, "members": members}
        for slug in COMPANIES
    ]
    own = {"id": teams_channel("msp"), "name": "msp-ops", "team": TEAM, "members": [teams_id("lee")]}
    return {
        "app_id": TEAMS_APP,
        "app_secret": TEAMS_SECRET,
        "tenant_id": TEAMS_TENANT,
        "people": people,
        "channels": [*channels, own],
    }


WIDE = {"acme-web-02": "i-0aaaaaaaaaaaaaaa2", "acme-web-03": "i-0aaaaaaaaaaaaaaa3"}
TENANT, SUBSCRIPTION = "11111111-2222-3333-4444-555555555555", "01234567-89ab-cdef-0123-456789abcdef"
AZURE_CLIENT, AZURE_SECRET = "0c1d2e3f-0000-1111-2222-333344445555", "azure~secret"
VM = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/acme-prod"
    "/providers/Microsoft.Compute/virtualMachines/acme-vm-01"
)


def _azure() -> dict[str, Any]:
    vms = [{"name": "acme-vm-01", "resource_group": "acme-prod"}]
    subscription = {"id": SUBSCRIPTION, "tenant_id": TENANT, "vms": vms}
    return {"client_id": AZURE_CLIENT, "client_secret": AZURE_SECRET, "subscriptions": [subscription]}


def _slack() -> dict[str, Any]:
    users = {name: (chat_id, real) for name, (chat_id, real, *_) in PEOPLE.items()} | STRANGERS
    members = [*CHAT_IDS.values(), "U0AWBOT"]
    return {
        "team": {"id": "T0MSP", "name": "Northwind MSP"},
        "bot": {
            "user_id": "U0AWBOT",
            "bot_id": "B0AWBOT",
            "app_id": "A0AWBOT",
            "name": "Alert Whisperer",
            "token": BOT_TOKEN,
        },
        "signing_secret": SIGNING_SECRET,
        "events": ["app_home_opened", "app_mention", "message.channels", "message.groups", "message.im"],
        "users": [
            {
                "id": chat_id,
                "name": name,
                "real_name": real,
                "email": f"{name}@msp.example",
                "tz": "Europe/Vienna",
                "label": "",
                "is_restricted": False,
            }
            for name, (chat_id, real) in users.items()
        ],
        "channels": [
            *(
                {"id": channel, "name": f"aw-{slug}", "topic": name, "is_private": False, "members": members}
                for slug, (name, channel, *_) in COMPANIES.items()
            ),
            {
                "id": MSP_CHANNEL,
                "name": "msp-ops",
                "topic": "",
                "is_private": True,
                "members": ["U0LEE", "U0AWBOT"],
            },
        ],
    }


def _aws() -> dict[str, Any]:
    return {
        "home": {"account": "111111111111", "access_key_id": HOME_KEY, "secret_access_key": HOME_SECRET},
        "accounts": [
            {
                "id": account,
                "name": name,
                "region": "eu-central-1",
                "role_arn": f"arn:aws:iam::{account}:role/AlertWhisperer",
                "external_id": f"external-{slug}",
                "instances": [
                    {
                        "id": instance,
                        "name": asset,
                        "platform": "Linux",
                        "ping": "Online",
                        "template": template,
                    }
                ],
            }
            for slug, (name, _, account, instance, asset, template) in COMPANIES.items()
        ],
        "ses": {"verified": ["alerts@msp.example"], "sandboxed": False},
    }


def aws_environment(address: str) -> Any:
    """What boto3 is told of the pretend Amazon at that address, while the block lasts."""
    import pytest

    patch = pytest.MonkeyPatch()

    class Patched:
        def __enter__(self) -> None:
            patch.setenv("AWS_ENDPOINT_URL", f"{address}/aws")
            patch.setenv("AWS_ACCESS_KEY_ID", HOME_KEY)
            patch.setenv("AWS_SECRET_ACCESS_KEY", HOME_SECRET)
            patch.setenv("AWS_REGION", "eu-central-1")
            patch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
            patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
            patch.delenv("AWS_SESSION_TOKEN", raising=False)
            patch.delenv("AWS_PROFILE", raising=False)

        def __exit__(self, *_: object) -> None:
            patch.undo()

    return Patched()
